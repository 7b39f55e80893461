"""Runs whose experts a gate chooses, or in which experts refuse tokens: the same routing on any
number of ranks, drops that add up, and what the report and the file say of it."""

import itertools
import pathlib
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import SOURCE_DIR, ProgramTest, run_epsim

SHAPE = ["--model.hidden=40", "--model.expert_intermediate=24", "--model.num_experts=8",
         "--model.moe_layers=2", "--model.total_layers=2"]
BRIEF = ["--compute.kernel=reference", "--measure.probe=off", "--measure.warmup=0",
         "--measure.min_passes=1", "--measure.verify=full"]
TOKENS, EXPERTS, STEPS = 61, 8, 3
RUN = ["run", *SHAPE, *BRIEF, f"--tokens.per_step={TOKENS}", f"--tokens.steps={STEPS}"]
TINY = SOURCE_DIR / "configs/quickstart.toml"
REPLAY = ["run", f"--config={TINY}", *BRIEF, "--model.hidden=32", "--model.expert_intermediate=24",
          "--tokens.steps=2"]


class Gate(ProgramTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.runs = itertools.count()

    def run_case(self, command, *flags, ranks=1):
        """Report and file of a run that passed verification."""
        out = self.epsim(*command, *flags, f"--output.dir={self.folder / str(next(self.runs))}",
                         ranks=ranks)
        path = self.result_of(out)
        self.epsim("verify", path)
        file = h5py.File(path)
        self.addCleanup(file.close)
        return out, file

    def same_on_ranks(self, command, *flags, ranks=(1, 2, 4, 8)):
        """The file of a run that gives the same on each of these numbers of ranks."""
        files = [self.run_case(command, *flags, ranks=n)[1] for n in ranks]
        for other in files[1:]:
            for name in ("validation/output_checksum", "load/expert_tokens", "load/dropped",
                         "load/unrouted", "load/source_dropped"):
                np.testing.assert_array_equal(other[name][()], files[0][name][()], err_msg=name)
            np.testing.assert_allclose(other["gate/health"][()], files[0]["gate/health"][()],
                                       rtol=1e-9)
        return files[0]

    def health(self, file, name):
        names = [n.decode() for n in file["axes/health_figure"][()]]
        return file["gate/health"][..., names.index(name)]

    def write_logits(self, x):
        """One file a layer. \\param x [layers, tokens, experts]"""
        for layer, values in enumerate(x):
            np.save(self.folder / f"logits-{layer}.npy", values.astype(np.float32))
        return f"--routing.logits={self.folder}/logits-{{layer}}.npy"

    def refused(self, command, *flags, ranks=2):
        done = run_epsim(*command, *flags, f"--output.dir={self.folder / 'refused'}", ranks=ranks)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        return done.stderr


class EveryGate(Gate):
    def test_routes_the_same_on_any_number_of_ranks(self):
        grouped = ["--model.n_group=4", "--model.topk_group=2", "--model.group_score=max"]
        gates = {"softmax": [], "topk-softmax": [], "sqrt-softplus": ["--model.renormalise=sum"],
                 "sigmoid": ["--model.score_bias=true", *grouped],
                 "switch": ["--model.top_k=1", "--routing.jitter=0.01"],
                 "gshard": [], "gshard-sampled": [], "noisy-topk": [], "expert-choice": [],
                 "sparsemixer": ["--routing.jitter=0.01"], "hash": [], "sinkhorn": [],
                 "top-p": ["--model.top_k=4"], "dense": [], "hierarchical": grouped, "model": []}
        for gate, flags in gates.items():
            with self.subTest(gate=gate):
                file = self.same_on_ranks(RUN, f"--routing.gate={gate}", *flags, ranks=(1, 8))
                served, unrouted = file["load/expert_tokens"][()], file["load/unrouted"][()]
                if gate == "dense":
                    self.assertTrue((served == TOKENS).all())
                elif gate == "expert-choice":
                    self.assertTrue((served == -(-TOKENS * 2 // EXPERTS)).all())
                elif gate in ("top-p", "gshard"):
                    self.assertTrue(((unrouted > 0) & (served.sum(-1) >= TOKENS)).all())
                else:
                    self.assertTrue((unrouted == 0).all())
                self.assertFalse(file["load/dropped"][()].any())
                phase = [p.decode() for p in file["axes/phase"][()]].index("gate")
                self.assertTrue((file["time/end"][:, :, phase] >
                                 file["time/start"][:, :, phase]).all())

    def test_overlap_changes_no_output(self):
        gate = ["--routing.gate=sinkhorn", "--routing.capacity_policy=switch"]
        plain = self.run_case(RUN, *gate, ranks=2)[1]["validation/output_checksum"][()]
        for overlap in ("--exchange.chunks=3", "--step.micro_batches=2"):
            file = self.run_case(RUN, *gate, overlap, ranks=2)[1]
            np.testing.assert_array_equal(file["validation/output_checksum"][()], plain)
            self.assertTrue(np.isfinite(file["sequential/phase_seconds"][:, :, 0]).all())


class Logits(Gate):
    def test_from_files_choose_what_numpy_chooses(self):
        random = np.random.default_rng()
        x = random.normal(size=(2, TOKENS * STEPS + 5, EXPERTS)).round(1)
        best = np.argsort(-x, axis=-1, kind="stable")[..., :2]
        file = self.same_on_ranks(RUN, "--routing.gate=softmax", self.write_logits(x),
                                  "--routing.capacity_policy=fairscale")
        room = 2 * TOKENS // EXPERTS
        for step, layer in itertools.product(range(STEPS), range(2)):
            mine = best[layer, step * TOKENS:(step + 1) * TOKENS]
            load = np.bincount(mine.ravel(), minlength=EXPERTS)
            np.testing.assert_array_equal(file["load/expert_tokens"][step, layer],
                                          np.minimum(load, room))
            np.testing.assert_array_equal(file["load/dropped"][step, layer],
                                          np.maximum(load - room, 0))

    def test_a_case_is_known_by_their_content(self):
        x = np.zeros((2, TOKENS * STEPS, EXPERTS))
        cases = set()
        for value in (0, 1, 0):
            x[1, 3, 4] = value
            file = self.run_case(RUN, "--routing.gate=softmax", self.write_logits(x))[1]
            cases.add(pathlib.Path(file.filename).stem.split("-")[1])
        self.assertEqual(len(cases), 2)

    def test_that_are_drawn_are_standard_normal(self):
        file = self.same_on_ranks(RUN, "--routing.gate=softmax", "--routing.logits=drawn",
                                  "--tokens.per_step=4000", "--tokens.steps=1",
                                  "--measure.verify=10", ranks=(1, 2))
        # E logsumexp^2 of 8 standard normals, by a sample.
        x = np.random.default_rng(1).normal(size=(400000, EXPERTS))
        np.testing.assert_allclose(self.health(file, "z_loss"),
                                   (np.log(np.exp(x).sum(1)) ** 2).mean(), rtol=0.03)

    def test_a_bias_learns_to_balance(self):
        random = np.random.default_rng(3)
        x = random.normal(size=(2, 200 * 12, EXPERTS)) + np.linspace(0, 1.5, EXPERTS)
        flags = ["--routing.gate=sigmoid", "--model.score_bias=true", self.write_logits(x),
                 "--tokens.per_step=200", "--tokens.steps=12", "--measure.verify=20"]
        learnt = self.same_on_ranks(RUN, *flags, "--routing.bias_rate=0.03", ranks=(1, 2))
        fixed = self.run_case(RUN, *flags, "--routing.bias_rate=0")[1]
        np.testing.assert_array_equal(learnt["load/expert_tokens"][0], fixed["load/expert_tokens"][0])
        self.assertTrue((self.health(learnt, "load_cv2")[-1] <
                         self.health(fixed, "load_cv2")[-1] / 4).all())

    def test_that_do_not_fit_are_refused(self):
        x = np.zeros((2, TOKENS * STEPS, EXPERTS))
        flags = ["--routing.gate=softmax"]
        self.assertIn("no [tokens, experts]", self.refused(RUN, *flags, self.write_logits(x[:, 1:])))
        self.assertIn("no [tokens, experts]",
                      self.refused(RUN, *flags, self.write_logits(x[..., 1:])))
        x[1, -1, 3] = np.nan
        self.assertIn(f"step 2, layer 1: the logit of token {TOKENS - 1} for expert 3 is nan",
                      self.refused(RUN, *flags, self.write_logits(x)))
        self.assertIn("cannot read nowhere.npy", self.refused(RUN, *flags, "--routing.logits=nowhere.npy"))


class Capacity(Gate):
    def test_sources_are_declared_whatever_the_ranks(self):
        flags = ["--routing.gate=softmax", "--routing.sources=4",
                 "--routing.capacity_policy=megatron", "--routing.capacity_factor=0.8"]
        dropped = {}
        for scope in ("source", "global"):
            file = self.same_on_ranks(RUN, *flags, f"--routing.capacity_scope={scope}",
                                       ranks=(1, 2, 4))
            by_source = file["load/source_dropped"][()]
            self.assertEqual(by_source.shape, (STEPS, 2, 4))
            np.testing.assert_array_equal(by_source.sum(-1), file["load/dropped"][()].sum(-1))
            served = file["load/expert_tokens"][()]
            self.assertTrue((served.sum(-1) + by_source.sum(-1) == 2 * TOKENS).all())
            dropped[scope] = by_source
        # By position over all tokens, the last sources lose most; each for itself, all alike.
        share = {s: d[..., 3].sum() / d.sum() for s, d in dropped.items()}
        self.assertGreater(share["global"], share["source"])

    def test_refused_tokens_go_elsewhere(self):
        x = np.zeros((2, TOKENS * STEPS, EXPERTS)) + np.arange(EXPERTS)  # all like expert 7
        flags = ["--routing.gate=softmax", self.write_logits(x), "--routing.capacity_policy=switch",
                 "--model.top_k=1", "--routing.capacity_factor=1"]
        room = -(-TOKENS // EXPERTS)
        out, file = self.run_case(RUN, *flags)
        self.assertTrue((file["load/dropped"][..., 7] == TOKENS - room).all())
        for how in ("next-best", "random"):
            file = self.same_on_ranks(RUN, *flags, f"--routing.reroute={how}", ranks=(1, 2))
            self.assertEqual(file["load/dropped"][()].sum(), 0)
            self.assertEqual(file["load/expert_tokens"][()].max(), room)
        self.assertIn("collapse: 14 (expert, layer) pairs", out)

    def test_every_order(self):
        found = set()
        for order, more in (("position", []), ("probability", ["--routing.budget_ranks=2"]),
                            ("random", []), ("batch-prioritised", [])):
            file = self.same_on_ranks(RUN, "--routing.gate=softmax", f"--routing.overflow={order}",
                                      "--routing.capacity_policy=tutel",
                                      "--routing.capacity_factor=-0.9", *more, ranks=(1, 4))
            self.assertGreater(self.health(file, "dropped_weight").min(), 0)
            found.add(file["validation/output_checksum"][()].tobytes())
        self.assertEqual(len(found), 4)

    def test_what_makes_no_sense_is_refused(self):
        gate = "--routing.gate=softmax"
        for flags, text in (
                (["--routing.gate=gshard", "--model.top_k=3"], "it chooses two experts"),
                ([gate, "--routing.capacity_policy=switch", "--routing.capacity_factor=-1"],
                 "for tutel only"),
                (["--routing.generator=zipf", "--routing.reroute=next-best"], "without routing.gate"),
                (["--routing.gate=switch", "--model.top_k=1", "--routing.jitter=0.01",
                  "--routing.logits=drawn"], "it changes hidden vectors"),
                ([gate, "--routing.budget_ranks=9"], "exceeds model.num_experts"),
                ([gate, "--exchange.algorithm=padded"], "it looks at the routing before the run"),
                ([], "routing.gate is set"),
                ([gate, "--measure.exchange_only=true", "--exchange.traffic=recorded"],
                 "runs no gate")):
            self.assertIn(text, self.refused(RUN, *flags))


class Recorded(Gate):
    def test_without_a_gate_nothing_changes(self):
        out, file = self.run_case(REPLAY, ranks=2)
        self.assertIn("the gate did not run", out)
        self.assertNotIn("gate", file)
        self.assertNotIn("source_dropped", file["load"])

    def test_a_gate_is_timed_and_overridden(self):
        plain = self.run_case(REPLAY, ranks=2)[1]
        out, file = self.run_case(REPLAY, "--routing.gate=softmax", ranks=2)
        self.assertIn("choice was overridden", " ".join(out.split()))
        for name in ("validation/output_checksum", "load/expert_tokens", "load/unrouted"):
            np.testing.assert_array_equal(file[name][()], plain[name][()])
        phase = [p.decode() for p in file["axes/phase"][()]].index("gate")
        self.assertTrue((file["time/end"][:, :, phase] > file["time/start"][:, :, phase]).all())
        self.assertTrue(np.isnan(plain["time/end"][:, :, phase]).all())

    def test_capacity_drops_recorded_choices(self):
        plain = self.run_case(REPLAY, ranks=2)[1]
        file = self.same_on_ranks(REPLAY, "--routing.capacity_policy=megatron",
                                  "--routing.capacity_factor=1")
        load = plain["load/expert_tokens"][()]
        tokens, k = plain["load/step_tokens"][()], plain["load"].attrs["top_k"]
        room = np.ceil(tokens * k / load.shape[-1])[:, None, None]
        np.testing.assert_array_equal(file["load/expert_tokens"][()], np.minimum(load, room))
        np.testing.assert_array_equal(file["load/dropped"][()], np.maximum(load - room, 0))
        self.assertTrue(np.isnan(self.health(file, "z_loss")).all())
        self.assertGreater(self.health(file, "dropped_weight").max(), 0)


if __name__ == "__main__":
    unittest.main()
