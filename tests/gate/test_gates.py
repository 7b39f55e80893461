"""Every gate, capacity, overflow policy and health figure against numpy, on random logits with ties,
for k = 1 .. E and one expert. EPSIM_GATE_SEED draws other ones."""
import itertools
import json
import math
import os
import subprocess
import unittest
from pathlib import Path

import numpy as np

TOOL = Path(os.environ["EPSIM_TEST_BINARY_DIR"]) / "gate_tool"
RANDOM = np.random.default_rng(int(os.environ.get("EPSIM_GATE_SEED", "1")))
SHAPES = [(1, 1), (7, 1), (1, 5), (13, 8), (40, 16), (31, 6)]  # tokens, experts
LOGITS, JITTER, NOISE, SECOND, DROP, REROUTE, TABLE = range(7)  # purposes of draws


def ask(what, **request):
    def plain(value):
        return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
    text = json.dumps({"what": what} | {k: plain(v) for k, v in request.items()})
    done = subprocess.run([TOOL], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def batch(answer):
    shape = (-1, answer["k"])
    return np.array(answer["expert"]).reshape(shape), np.array(answer["weight"]).reshape(shape)


def draw_logits(tokens, experts, ties=True):
    """On a grid of quarters, so that many are equal."""
    x = RANDOM.normal(0, 1.5, (tokens, experts))
    return np.round(4 * x) / 4 if ties else x.astype(np.float32).astype(float)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def largest(score, k):
    """[.., k] positions, best first, the lowest of equal ones first."""
    return np.argsort(-score, axis=-1, kind="stable")[..., :k]


def take(values, at):
    return np.take_along_axis(values, at, -1)


def shares(values):
    return values / values.sum(-1, keepdims=True)


class GateCase(unittest.TestCase):
    def gate(self, kind, x, k, **options):
        """The tool's batch, the same for some numbers of ranks."""
        tokens = options.pop("token", np.arange(len(x)))
        found = [batch(ask("gate", kind=kind, logits=x, experts=x.shape[1], k=k, token=tokens,
                           ranks=ranks, **options)) for ranks in (1, 2, 5)]
        for other in found[1:]:
            np.testing.assert_array_equal(other, found[0])
        return found[0]

    def expect(self, found, expert, weight):
        np.testing.assert_array_equal(found[0], expert)
        np.testing.assert_allclose(found[1], weight, rtol=3e-6, atol=1e-7)

    def cases(self):
        for tokens, experts in SHAPES:
            x = draw_logits(tokens, experts)
            for k in sorted({1, min(2, experts), experts // 2 or 1, experts}):
                with self.subTest(tokens=tokens, experts=experts, k=k):
                    yield x, k


class TopK(GateCase):
    def test_softmax_before_top_k(self):
        for x, k in self.cases():
            at, p = largest(x, k), softmax(x)
            self.expect(self.gate("softmax", x, k), at, take(p, at))
            self.expect(self.gate("softmax", x, k, renormalise=True, route_scale=2.5), at,
                        2.5 * shares(take(p, at)))

    def test_softmax_after_top_k(self):
        for x, k in self.cases():
            at = largest(x, k)
            self.expect(self.gate("topk-softmax", x, k), at, softmax(take(x, at)))

    def test_a_bias_selects_and_does_not_weigh(self):
        scores = {"softmax": softmax, "sigmoid": sigmoid,
                  "sqrt-softplus": lambda x: np.sqrt(np.log1p(np.exp(x)))}
        for (kind, score), (x, k) in itertools.product(scores.items(), self.cases()):
            bias = np.round(RANDOM.normal(0, 0.2, x.shape[1]), 1)
            s = score(x)
            at = largest(s.astype(np.float32) + bias.astype(np.float32), k)
            found = self.gate(kind, x, k, bias=bias, renormalise=True)
            # Rounding may order a near tie otherwise.
            np.testing.assert_allclose(take(s + bias, found[0]), take(s + bias, at), atol=1e-6)
            np.testing.assert_allclose(found[1], shares(take(s, found[0])), rtol=3e-6)

    def test_groups_of_deepseek_v2_and_v3(self):
        for x, bias, score, (groups, kept, k) in itertools.product(
                [draw_logits(20, 24, ties) for ties in (True, False)], [0, 1], ["max", "top2_sum"],
                [(8, 3, 6), (4, 1, 6), (24, 9, 4), (1, 1, 24), (3, 3, 24)]):
            s = sigmoid(x).astype(np.float32)
            b = (bias * np.round(RANDOM.normal(0, 0.3, 24), 2)).astype(np.float32)
            biased = (s + b).reshape(20, groups, -1)
            n = min(2, 24 // groups) if score == "top2_sum" else 1
            best = np.sort(biased, -1)[..., ::-1][..., :n].sum(-1)
            mask = np.zeros_like(best, bool)
            np.put_along_axis(mask, largest(best, kept), True, -1)
            at = largest(np.where(mask[..., None], biased, -np.inf).reshape(20, 24), k)
            found = self.gate("sigmoid", x, k, bias=b, n_group=groups, topk_group=kept,
                              group_score="none" if groups == 1 else score, renormalise=True,
                              route_scale=2.5)
            self.expect(found, at, 2.5 * shares(take(s, at)))

    def test_aux_free_bias_moves_against_the_load(self):
        counts = np.array([5, 0, 3, 4, 3])
        bias = ask("bias", counts=counts, rate=0.5, bias=[1, 2, 3, 4, 5])
        np.testing.assert_array_equal(bias, np.array([1, 2, 3, 4, 5]) + [-.5, .5, 0, -.5, 0])

    def test_switch_takes_the_best(self):
        for x, _ in self.cases():
            at = largest(x, 1)
            self.expect(self.gate("switch", x, 1), at, take(softmax(x), at))

    def test_dense_mixture(self):
        for x, k in self.cases():
            at = largest(x, x.shape[1])
            self.expect(self.gate("dense", x, k), at, take(softmax(x), at))

    def test_adaptive_k(self):
        for (x, k), share in itertools.product(self.cases(), (0.3, 0.9, 1.0)):
            expert, weight = self.gate("top-p", x, k, top_p=share)
            for t, p in enumerate(softmax(x)):
                at = largest(x[t], k)
                need = next((n for n in range(1, k + 1) if p[at[:n]].sum() >= share - 1e-6), k)
                more = next((n for n in range(1, k + 1) if p[at[:n]].sum() >= share + 1e-6), k)
                n = (expert[t] >= 0).sum()
                self.assertIn(n, (need, more))
                np.testing.assert_array_equal(expert[t], [*at[:n]] + [-1] * (k - n))
                np.testing.assert_allclose(weight[t, :n], p[at[:n]], rtol=3e-6)
                np.testing.assert_array_equal(weight[t, n:], 0)

    def test_a_tree_of_gates(self):
        for groups, kept, k in [(4, 2, 4), (2, 1, 3), (4, 4, 12), (12, 3, 3)]:
            x = draw_logits(9, 12, ties=False).reshape(9, groups, -1)
            of_group = np.log(np.exp(x).sum(-1))
            first = largest(of_group, kept)
            outer = softmax(take(of_group, first))
            inner = k // kept
            inside = largest(x, inner)
            weights = softmax(take(x, inside))
            size = 12 // groups
            expert = np.array([[g * size + e for g in first[t] for e in inside[t, g]]
                               for t in range(9)])
            weight = np.array([[outer[t, i] * w for i, g in enumerate(first[t])
                                for w in weights[t, g]] for t in range(9)])
            self.expect(self.gate("hierarchical", x.reshape(9, 12), k, n_group=groups,
                                  topk_group=kept, group_score="max"), expert, weight)

    def test_sparsemixer(self):
        for (x, k), epsilon in itertools.product(self.cases(), (0.01, 0.3)):
            left, expert, weight = x.copy(), [], []
            for _ in range(k):
                at = largest(left, 1)
                top = take(left, at)
                with np.errstate(divide="ignore", invalid="ignore"):
                    far = (top - left) / np.maximum(np.abs(x), top) > np.float32(2 * epsilon)
                p = softmax(np.where(far, -np.inf, left))
                expert.append(at[:, 0])
                weight.append(take(p, at)[:, 0])
                np.put_along_axis(left, at, -np.inf, -1)
            found = self.gate("sparsemixer", x, k, jitter=epsilon)
            self.expect(found, np.array(expert).T, np.array(weight).T)


class Random(GateCase):
    def draws(self, kind, purpose, tokens, n, seed=3):
        return np.array(ask("draws", kind=kind, purpose=purpose, token=tokens, n=n, seed=seed,
                            step=0, layer=0))

    def tokens(self, n):
        return np.sort(RANDOM.choice(1000, n, replace=False))

    def test_gshard_of_fastmoe(self):
        x, tokens = draw_logits(200, 6), self.tokens(200)
        at = largest(x, 2)
        g = softmax(take(x, at))
        kept = 2 * g[:, 1] >= self.draws("uniform", SECOND, tokens, 1)[:, 0]
        self.assertTrue(0 < kept.sum() < 200)
        at[~kept, 1], g[~kept, 1] = -1, 0
        self.expect(self.gate("gshard", x, 2, token=tokens, seed=3), at, g)

    def test_gshard_with_a_sampled_second_expert(self):
        x, tokens = draw_logits(300, 5), self.tokens(300)
        first = largest(x, 1)
        noisy = x + self.draws("gumbel", SECOND, tokens, 5)
        np.put_along_axis(noisy, first, -np.inf, -1)
        at = np.hstack([first, largest(noisy, 1)])
        found = self.gate("gshard-sampled", x, 2, token=tokens, seed=3)
        self.expect(found, at, softmax(take(x, at)))
        self.assertTrue((at != largest(x, 2)).any())

    def test_the_sampled_expert_follows_the_softmax_of_the_others(self):
        x = np.tile([2.0, 1.0, 0.0, -1.0], (20000, 1))
        expert, _ = batch(ask("gate", kind="gshard-sampled", logits=x, experts=4, k=2,
                              token=np.arange(20000), seed=int(RANDOM.integers(1, 1000))))
        share = np.bincount(expert[:, 1], minlength=4) / 20000
        np.testing.assert_allclose(share[1:], softmax(np.array([1.0, 0, -1])), atol=0.017)  # 5 sigma

    def test_noisy_top_k(self):
        for tokens, experts in SHAPES:
            x, noise = draw_logits(tokens, experts), RANDOM.normal(size=(tokens, experts))
            number = self.tokens(tokens)
            h = x + self.draws("normal", NOISE, number, experts) * (np.log1p(np.exp(noise)) + 1e-2)
            for k in {1, experts}:
                at = largest(h, k)
                found = self.gate("noisy-topk", x, k, noise=noise, token=number, seed=3)
                np.testing.assert_array_equal(found[0], at)
                np.testing.assert_allclose(found[1], softmax(take(h, at)), rtol=1e-4, atol=1e-6)

    def test_jitter_scales_each_element_of_the_input(self):
        hidden = RANDOM.normal(size=500)
        u = self.draws("uniform", JITTER, [7], 500)[0]
        found = ask("jitter", hidden=hidden, epsilon=0.1, seed=3, token=7)
        np.testing.assert_allclose(found, hidden * (0.9 + 0.2 * u), rtol=1e-6)

    def test_draws_are_standard(self):
        u = self.draws("uniform", DROP, np.arange(200), 100).ravel()
        self.assertLess(abs(np.sort(u) - (np.arange(20000) + .5) / 20000).max(), 1.95 / 20000 ** .5)
        n = self.draws("normal", NOISE, np.arange(200), 100).ravel()
        self.assertLess(abs(n.mean()), 5 / 20000 ** .5)
        self.assertLess(abs(n.std() - 1), 5 / 40000 ** .5)
        self.assertGreater(len(set(n)), 19900)

    def test_hash_follows_a_table(self):
        for x, k in self.cases():
            ids = self.tokens(len(x))
            table = np.array(ask("table", seed=3, layer=0, token=ids, experts=x.shape[1], k=k))
            self.assertTrue(all(len(set(row)) == k for row in table))
            self.assertTrue(((table >= 0) & (table < x.shape[1])).all())
            weight = shares(take(softmax(x), table))
            self.expect(self.gate("hash", x, k, token=ids, seed=3), table, weight)

    def test_the_table_likes_all_experts_alike(self):
        table = np.array(ask("table", seed=5, layer=2, token=np.arange(10000), experts=7, k=3))
        counts = np.bincount(table.ravel(), minlength=7) / 10000
        np.testing.assert_allclose(counts, 3 / 7, atol=5 * 0.005)


class WholeBatch(GateCase):
    def test_expert_choice(self):
        for (x, k), most in itertools.product(self.cases(), (0, 1)):
            tokens, experts = x.shape
            p = softmax(x).astype(np.float32)
            # Equal logits of different tokens have unequal p after rounding: rank what is found.
            c = -(-tokens * k // experts)
            chosen = np.zeros(p.shape, bool)
            for e in range(experts):
                chosen[largest(p[:, e], c), e] = True
            expert, weight = self.gate("expert-choice", x, k, most_choices=most)
            width = most or experts
            self.assertEqual(expert.shape[1], width)
            for t in range(tokens):
                got = expert[t][expert[t] >= 0]
                mine = [e for e in largest(np.where(chosen[t], p[t], -1), experts) if chosen[t, e]]
                np.testing.assert_allclose(p[t][got], p[t][mine[:width]], rtol=1e-6)
                np.testing.assert_allclose(weight[t][:len(got)], p[t][got], rtol=3e-6)
            if not most:
                np.testing.assert_array_equal(
                    np.bincount(expert[expert >= 0], minlength=experts), c)

    def test_sinkhorn(self):
        for x, k in self.cases():
            cost = np.exp(x)
            tokens, experts = x.shape
            d1, change = np.ones(experts), 1.0
            while change > 1e-4:
                d0 = 1 / tokens / ((cost * d1).sum(1) + 1e-8)
                new = 1 / experts / ((cost * d0[:, None]).sum(0) + 1e-8)
                change, d1 = np.abs(new - d1).mean(), new
            scaled = d1 * cost
            expert, weight = self.gate("sinkhorn", x, k)
            np.testing.assert_allclose(take(scaled, expert), take(scaled, largest(scaled, k)),
                                       rtol=1e-5)
            np.testing.assert_allclose(
                weight, take(sigmoid(x) if k == 1 else softmax(x), expert), rtol=3e-6)

    def test_sinkhorn_balances(self):
        x = draw_logits(500, 8, ties=False) + np.arange(8) * 0.3
        load = [np.bincount(self.gate(kind, x, 1)[0].ravel(), minlength=8).max()
                for kind in ("softmax", "sinkhorn")]
        self.assertLess(load[1], load[0] / 1.3)


class Capacity(unittest.TestCase):
    def test_formulas(self):
        cases, expected = [], []
        for tokens, experts, k, factor in itertools.product(
                (0, 1, 100, 4097), (1, 7, 64), (1, 2, 6), (-0.5, 0, 1, 1.25, 2)):
            if k > experts:
                continue
            load = int(RANDOM.integers(0, tokens + 1))
            share = -(-tokens // experts)
            rules = {"tutel": k * int(factor * share) if factor > 0 else load if factor == 0
                     else min(load, k * int(-factor * share)),
                     "fairscale": 2 * tokens // experts}
            if factor > 0:
                rules |= {"deepspeed": max(4, math.ceil(tokens / experts * (factor * k))),
                          "megatron": math.ceil(tokens * k / experts * factor),
                          "switch": math.ceil(tokens / experts * factor)}
            for policy, value in rules.items():
                cases.append(dict(policy=policy, factor=factor, k=k, tokens=tokens,
                                  experts=experts, load=load))
                expected.append(value)
        self.assertEqual(ask("capacity", cases=cases), expected)


class Overflow(unittest.TestCase):
    """accept() against a loop that asks one assignment after the other."""

    def draw(self, tokens=60, experts=6, k=2, sources=3):
        x = RANDOM.normal(size=(tokens, experts)) + np.linspace(1.5, 0, experts)
        x = np.round(2 * x) / 2  # equal weights
        expert = largest(x, k)
        p = softmax(x).astype(np.float32)
        weight = take(p, expert)
        expert = np.where(RANDOM.random(expert.shape) < 0.1, -1, expert)
        weight = np.where(expert < 0, 0, weight)
        source = np.sort(RANDOM.integers(0, sources, tokens))
        return dict(token=np.arange(tokens), expert=expert, weight=weight, source=source, score=p,
                    source_tokens=np.bincount(source, minlength=sources), choices=k,
                    experts=experts, k=k)

    def run_on_ranks(self, case, **rule):
        found = [ask("overflow", **case, **rule, ranks=ranks) for ranks in (1, 2, 7)]
        for other in found[1:]:
            for key, value in found[0].items():
                np.testing.assert_allclose(other[key], value, rtol=1e-12, err_msg=key)
        return found[0]

    def in_order(self, case, order, seed):
        """(token, choice) in the order of acceptance."""
        expert, weight = case["expert"], case["weight"].astype(np.float32)
        pairs = [(t, c) for t in range(len(expert)) for c in range(case["k"]) if expert[t, c] >= 0]
        drawn = None
        if order == "random":
            drawn = np.array(ask("draws", kind="word", purpose=DROP, token=case["token"],
                                 n=case["k"], seed=seed, step=0, layer=0))
        keys = {"position": lambda t, c: (c, t),
                "probability": lambda t, c: (-weight[t, c], t, c),
                "random": lambda t, c: (drawn[t, c], t, c),
                "batch-prioritised": lambda t, c: (c, -weight[t].max(), t)}
        return sorted(pairs, key=lambda p: keys[order](*p))

    def replay(self, case, order, per_source=False, budget_ranks=0, seed=1):
        """Capacity 2 T // E (FairScale) or of a group of experts."""
        experts = case["experts"]
        totals = case["source_tokens"] if per_source else [len(case["expert"])]
        of_rank = [e * budget_ranks // experts if budget_ranks else e for e in range(experts)]
        room = {(s, r): (2 * int(n) // experts) * of_rank.count(r)
                for s, n in enumerate(totals) for r in set(of_rank)}
        expert = case["expert"].copy()
        dropped = np.zeros((experts, len(case["source_tokens"])), int)
        for t, c in self.in_order(case, order, seed):
            group = (int(case["source"][t]) if per_source else 0, of_rank[expert[t, c]])
            if room[group] > 0:
                room[group] -= 1
            else:
                dropped[expert[t, c], case["source"][t]] += 1
                expert[t, c] = -1
        return expert, dropped

    def test_every_order_scope_and_budget(self):
        for order, per_source, budget, _ in itertools.product(
                ("position", "probability", "random", "batch-prioritised"), (False, True), (0, 2, 4),
                range(2)):
            case = self.draw()
            seed = int(RANDOM.integers(1, 100))
            expert, dropped = self.replay(case, order, per_source, budget, seed)
            found = self.run_on_ranks(case, policy="fairscale", overflow=order, seed=seed,
                                      per_source=per_source, budget_ranks=budget)
            with self.subTest(order=order, per_source=per_source, budget=budget):
                got, weight = batch(found)
                self.assertTrue(dropped.any())
                np.testing.assert_array_equal(got, expert)
                np.testing.assert_array_equal(np.reshape(found["dropped"], dropped.shape), dropped)
                gone = (expert < 0) & (case["expert"] >= 0)
                np.testing.assert_allclose(found["dropped_weight"], case["weight"][gone].sum(),
                                           rtol=1e-5)
                np.testing.assert_array_equal(weight, np.where(gone, 0, case["weight"]))

    def test_dropless_and_largest_load_drop_nothing(self):
        case = self.draw()
        for rule in (dict(policy="none"), dict(policy="tutel", factor=0)):
            found = self.run_on_ranks(case, **rule)
            np.testing.assert_array_equal(batch(found)[0], case["expert"])
            self.assertEqual(sum(found["dropped"]), 0)

    def test_rerouting_leaves_no_room_where_somebody_waits(self):
        for how, per_source, budget, _ in itertools.product(("next-best", "random"), (False, True),
                                                            (0, 3), range(3)):
            case = self.draw(k=int(RANDOM.integers(1, 4)))
            found = self.run_on_ranks(case, policy="fairscale", reroute=how, per_source=per_source,
                                      budget_ranks=budget, overflow="probability")
            first, _ = self.replay(case, "probability", per_source, budget)
            expert, weight = batch(found)
            kept = first >= 0
            np.testing.assert_array_equal(expert[kept], first[kept])
            self.assertTrue(all(len(set(row[row >= 0])) == (row >= 0).sum() for row in expert))
            moved = (expert >= 0) & ~kept
            self.assertEqual(found["rerouted"], moved.sum())
            t, c = np.nonzero(moved)
            score, old, new = case["score"], case["expert"][t, c], expert[t, c]
            np.testing.assert_allclose(weight[t, c],
                                       case["weight"][t, c] * score[t, new] / score[t, old],
                                       rtol=1e-5)
            # Nobody above its capacity, nobody waits while an expert that it may use has room.
            experts = case["experts"]
            group = np.arange(experts) * budget // experts if budget else np.arange(experts)
            for s in range(3 if per_source else 1):
                mine = case["source"] == s if per_source else np.ones(len(expert), bool)
                limit = 2 * mine.sum() // experts * np.bincount(group)
                used = np.bincount(group[expert[mine][expert[mine] >= 0]], minlength=len(limit))
                self.assertTrue((used <= limit).all())
                waiting = mine & ((case["expert"] >= 0) & (expert < 0)).any(1)
                for token in np.nonzero(waiting)[0]:
                    free = [e for e in range(experts)
                            if used[group[e]] < limit[group[e]] and e not in expert[token]]
                    self.assertEqual(free, [])

    def test_the_next_best_expert_comes_first(self):
        # Expert 0 takes one of three tokens; 2 is everybody's second; 1 their third.
        p = np.tile(np.array([.6, .1, .3], np.float32), (3, 1))
        case = dict(token=[0, 1, 2], expert=[[0]] * 3, weight=[[.6]] * 3, source=[0] * 3, score=p,
                    source_tokens=[3], choices=1, experts=3, k=1)
        found = self.run_on_ranks(case, policy="switch", factor=1, reroute="next-best")
        self.assertEqual(found["capacity"], [1, 1, 1])
        self.assertEqual(found["expert"], [0, 2, 1])
        np.testing.assert_allclose(found["weight"], [.6, .3, .1], rtol=1e-6)


class Health(unittest.TestCase):
    def test_figures(self):
        for tokens, experts in SHAPES:
            k = max(1, experts // 3)
            x = draw_logits(tokens, experts)
            expert = largest(x, k)
            p = softmax(x)
            weight = take(p, expert)
            found = ask("health", logits=x, expert=expert, weight=weight, k=k, experts=experts,
                        dropped_weight=weight.sum() / 4)
            c = np.bincount(expert.ravel(), minlength=experts)
            first = np.bincount(expert[:, 0], minlength=experts)
            importance = np.zeros(experts)
            np.add.at(importance, expert, weight)
            me, ce, q = p.mean(0), first / tokens, c[c > 0] / c.sum()
            log = np.log(experts) or 1
            expected = {
                "balance_loss": experts * (c / (k * tokens) * me).sum(),
                "balance_loss_hf": experts * (c / tokens * me).sum(),
                "balance_loss_deepspeed": (me * ce).mean() * experts ** 2,
                "balance_loss_fairscale": (me * ce).mean(),
                "z_loss": (np.log(np.exp(x).sum(1)) ** 2).mean(),
                "importance_cv2": importance.var() / importance.mean() ** 2,
                "load_cv2": c.var() / c.mean() ** 2,
                "load_entropy": -(q * np.log(q)).sum() / log if experts > 1 else 1,
                "router_entropy": -(p * np.log(p)).sum(1).mean() / log if experts > 1 else 1,
                "dropped_weight": 0.25, "capacity": 42}
            self.assertEqual(found.keys(), expected.keys())
            for name, value in expected.items():
                np.testing.assert_allclose(found[name], value, rtol=1e-5, atol=1e-9, err_msg=name)


if __name__ == "__main__":
    unittest.main()
