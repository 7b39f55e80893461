"""`epsim trace` against NumPy: what is imported, and the figures that `info` makes of it."""

import json
import os
import pathlib
import sys
import tempfile
import unittest

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(os.environ["EPSIM_SOURCE_DIR"]) / "tests/app"))
from epsim_program import DATA_DIR, ProgramTest, needs_data, run_epsim  # noqa: E402

ESFT = DATA_DIR / "traces/esft_dsv2lite"
EP_SIZES = (1, 2, 3, 8, 100)
PER_NODE = 2


def max_over_mean(loads):
    return loads.max() / loads.mean()


def figures(ids, experts, step_offset, borders):
    """The figures of one layer by counting in loops: what `info --json` must say."""
    counts = np.zeros(experts, np.int64)
    by_step = np.zeros((len(step_offset) - 1, experts), np.int64)
    reused = followed = 0
    for s in range(len(step_offset) - 1):
        for t in range(step_offset[s], step_offset[s + 1]):
            for e in ids[t]:
                if e < 0:
                    continue
                counts[e] += 1
                by_step[s, e] += 1
                if t not in borders:
                    followed += 1
                    reused += int(e) in set(map(int, ids[t - 1]))
    ranks, spread = {}, {}
    tokens = [[int(e) for e in token if e >= 0] for token in ids]
    pairs = np.zeros((experts, experts))
    for token in tokens:
        for e in token:
            for f in token:
                pairs[e, f] += e != f
    expected = np.outer(pairs.sum(1), pairs.sum(1))
    upper = np.triu_indices(experts, 1)
    seen, product = pairs[upper], expected[upper]
    best = int(seen.argmax())
    coactivation = {"distance": abs(seen / seen.sum() - product / product.sum()).sum() / 2,
                    "pair": [int(axis[best]) for axis in upper], "tokens": int(seen[best]),
                    "lift": seen[best] / seen.sum() / (product[best] / product.sum())}
    distance = lambda a, b: abs(a / a.sum() - b / b.sum()).sum() / 2  # noqa: E731
    half = len(by_step) // 2
    change = {"step_change": np.mean([distance(a, b) for a, b in zip(by_step, by_step[1:])])
              if len(by_step) > 1 else None,
              "half_change": distance(by_step[:half].sum(0), by_step[half:].sum(0))
              if half else None}
    for n in EP_SIZES:
        on = [{e * n // experts for e in token} for token in tokens]
        spread[str(n)] = {"ranks": np.mean([len(r) for r in on]),
                          "nodes": np.mean([len({x // PER_NODE for x in r}) for r in on])}
        loads = np.zeros((len(by_step), n), np.int64)
        for e in range(experts):
            loads[:, e * n // experts] += by_step[:, e]
        ranks[str(n)] = {"by_step": loads.max(1).sum() / loads.mean(1).sum(),
                         "whole": max_over_mean(loads.sum(0))}
    return {"expert_tokens": counts.tolist(), "max_over_mean": max_over_mean(counts),
            "cv": counts.std() / counts.mean(), "busiest_expert": int(counts.argmax()),
            "busiest_share": counts.max() / counts.sum(), "idle": int((counts == 0).sum()),
            "hottest": np.argsort(-counts, kind="stable")[:4].tolist(),
            "reuse": reused / followed, "rank_imbalance": ranks, "token_spread": spread,
            "coactivation": coactivation, **change}


class TraceTest(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def save(self, name, array):
        np.save(self.folder / name, array)
        return self.folder / name

    def info(self, path):
        return json.loads(self.epsim("trace", "info", path, "--json", "--ep",
                                     ",".join(map(str, EP_SIZES)), "--ranks-per-node", PER_NODE,
                                     "--hottest", 4))

    def assert_figures(self, info, ids, experts, step_offset, borders):
        self.assertEqual(len(info["layers"]), len(ids))
        for got, layer_ids in zip(info["layers"], ids):
            expected = figures(layer_ids, experts, step_offset, set(borders))
            for key, value in expected.items():
                if isinstance(value, float):
                    self.assertAlmostEqual(got[key], value, places=9, msg=key)
                elif key == "coactivation":
                    for name in value:
                        self.assertEqual(np.round(got[key][name], 9).tolist(),
                                         np.round(value[name], 9).tolist(), name)
                elif key in ("rank_imbalance", "token_spread"):
                    self.assertEqual(set(got[key]), set(value))
                    for n in value:
                        for kind in value[n]:
                            self.assertAlmostEqual(got[key][n][kind], value[n][kind], places=9)
                else:
                    self.assertEqual(got[key], value, key)


class RandomArrays(TraceTest):
    EXPERTS, TOP_K, TOKENS, LAYERS = 11, 3, 157, 2

    def setUp(self):
        super().setUp()
        random = np.random.default_rng(7)
        popularity = 1 / np.arange(1, self.EXPERTS)  # the last expert stays idle
        self.ids = np.array([[random.choice(self.EXPERTS - 1, self.TOP_K, replace=False,
                                            p=popularity / popularity.sum())
                              for _ in range(self.TOKENS)] for _ in range(self.LAYERS)])
        self.weights = random.random(self.ids.shape)

    def test_every_type_of_id_and_weight(self):
        for id_type in ("u1", "<u2", "i1", "<i2", "<i4", "<i8"):
            for weight_type in ("<f2", "<f4", "<f8", "<u2"):
                scale = 1e-4 if weight_type == "<u2" else 1
                weights = (self.weights / scale).astype(weight_type)
                path = self.folder / "t.h5"
                self.epsim("trace", "import", "--format", "npy",
                           self.save("ids.npy", self.ids.astype(id_type)), "--weights",
                           self.save("w.npy", weights), "--weight-scale", scale, "--num-experts",
                           self.EXPERTS, "-o", path)
                with h5py.File(path) as file:
                    np.testing.assert_array_equal(file["topk_ids"], self.ids)
                    np.testing.assert_array_equal(
                        file["topk_weights"], (weights.astype("f8") * scale).astype("f4"))

    def test_steps_sequences_padding_and_texts(self):
        ids = self.ids.astype("<i2")
        ids[0, 5, 2] = ids[1, -1, 0] = -1
        lengths = np.array([1, 50, 100, 6], "<i4")
        path = self.folder / "t.h5"
        said = self.epsim("trace", "import", "--format", "npy", self.save("ids.npy", ids),
                          "--seqlen", self.save("s.npy", lengths), "--num-experts", self.EXPERTS,
                          "--steps-of", 50, "--layers", "3,7", "--model", "tiny", "--source",
                          "a test", "-o", path)
        self.assertIn("157 tokens in 4 steps", said)
        steps, sequences = [0, 50, 100, 150, 157], [0, 1, 51, 151, 157]
        with h5py.File(path) as file:
            np.testing.assert_array_equal(file["topk_ids"], ids)
            np.testing.assert_array_equal(file["step_offset"], steps)
            np.testing.assert_array_equal(file["sequence_offset"], sequences)
            np.testing.assert_array_equal(file["layer"], [3, 7])
            self.assertNotIn("topk_weights", file)
        info = self.info(path)
        self.assertEqual(info["origin"], "recorded")
        self.assertEqual((info["model"], info["source"]), ("tiny", "a test"))
        self.assertEqual((info["tokens"], info["steps"], info["sequences"]), (157, 4, 4))
        self.assertEqual([layer["layer"] for layer in info["layers"]], [3, 7])
        self.assert_figures(info, ids, self.EXPERTS, steps, sequences)

    def test_one_layer_without_sequences(self):
        path = self.folder / "t.h5"
        self.epsim("trace", "import", "--format", "npy",
                   self.save("ids.npy", self.ids[0].astype("u1")), "--num-experts", self.EXPERTS,
                   "--first-layer", 5, "--steps-of", 100, "-o", path)
        info = self.info(path)
        self.assertIsNone(info["sequences"])
        self.assertEqual(info["layers"][0]["layer"], 5)
        self.assert_figures(info, self.ids[:1], self.EXPERTS, [0, 100, 157], [0, 100])

    def test_refuses_and_leaves_nothing_behind(self):
        good = self.save("ids.npy", self.ids.astype("u1"))
        cut = self.folder / "cut.npy"
        cut.write_bytes(good.read_bytes()[:-1])
        lengths = self.save("s.npy", np.array([100, 56], "<i4"))
        out = self.folder / "out"
        out.mkdir()
        for says, *arguments in (
                ("cut.npy", cut, "--num-experts", 11),
                ("none.npy", self.folder / "none.npy", "--num-experts", 11),
                ("expert 9 is out of range [0, 9)", good, "--num-experts", 9),
                ("top_k = 3 exceeds num_experts = 2", good, "--num-experts", 2),
                ("--num-experts is missing", good),
                ("sum to 156", good, "--num-experts", 11, "--seqlen", lengths),
                ("--weight-scale", good, "--num-experts", 11, "--weights", good),
                ("Fortran", self.save("f.npy", np.asfortranarray(self.ids.astype("u1"))),
                 "--num-experts", 11),
                ("big endian", self.save("b.npy", self.ids.astype(">i4")), "--num-experts", 11),
                ("--steps-of", good, "--num-experts", 11, "--steps-of", "many"),
                ("--steps-of = -5 is out of range", good, "--num-experts", 11, "--steps-of", "-5")):
            done = run_epsim("trace", "import", "--format", "npy", *arguments, "-o", out / "t.h5")
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn(says, done.stderr)
            self.assertEqual(list(out.iterdir()), [])
        done = run_epsim("trace", "import", "--format", "npy", good, "--num-experts", 11, "-o",
                         out / "no" / "t.h5")
        self.assertEqual(done.returncode, 2, done.stderr)


class Generated(TraceTest):
    def generate(self, name, *arguments):
        self.epsim("trace", "generate", *arguments, "-o", self.folder / name)
        return self.folder / name

    def test_zipf_is_a_function_of_its_arguments(self):
        arguments = ("zipf", "--num-experts", 16, "--top-k", 4, "--layers", 2, "--tokens", 96,
                     "--steps", 3, "--zipf-s", 1.5, "--sources", 5)
        path = self.generate("a.h5", *arguments, "--seed", 9)
        info = self.info(path)
        self.assertEqual(info["origin"], "synthetic")
        self.assertEqual((info["tokens"], info["steps"], info["source_count"]), (288, 3, 5))
        with h5py.File(path) as file:
            self.assert_figures(info, file["topk_ids"][:].astype(int), 16, [0, 96, 192, 288],
                                [0, 96, 192])
            np.testing.assert_array_equal(file["source_rank"],
                                          np.tile(np.arange(96) * 5 // 96, 3))
        self.assertEqual(self.info(self.generate("b.h5", *arguments, "--seed", 9))["sha256"],
                         info["sha256"])
        self.assertNotEqual(self.info(self.generate("c.h5", *arguments, "--seed", 8))["sha256"],
                            info["sha256"])

    def test_info_fits_100_columns(self):
        path = self.generate("t.h5", "uniform", "--num-experts", 8, "--top-k", 2, "--layers", 61,
                             "--tokens", 10, "--steps", 2)
        text = self.epsim("trace", "info", path, "--ep", "1,2,3,4,8,16,1024")
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertEqual(sum(line.lstrip().startswith("60 ") for line in text.splitlines()), 4)
        for column in ("EP1", "EP16", "EP1024", "reuse"):
            self.assertIn(column, text)

    def test_wrong_numbers_are_refused(self):
        for says, *arguments in (("nearest: zipf", "zipff", "--num-experts", 8, "--top-k", 2),
                                 ("top_k = 9 exceeds", "zipf", "--num-experts", 8, "--top-k", 9),
                                 ("zipf_s", "zipf", "--num-experts", 8, "--top-k", 2, "--zipf-s",
                                  "nan"),
                                 ("routing.layers", "zipf", "--num-experts", 8, "--top-k", 2,
                                  "--layers", -1)):
            done = run_epsim("trace", "generate", *arguments, "-o", self.folder / "t.h5")
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn(says, done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])


@needs_data("traces/esft_dsv2lite")
class RecordedData(TraceTest):
    STEP = 1024

    def import_npy(self, task):
        path = self.folder / f"{task}.h5"
        self.epsim("trace", "import", "--format", "npy", ESFT / f"{task}_ids_u8.npy", "--weights",
                   ESFT / f"{task}_gate_w_e4_u16.npy", "--weight-scale", "1e-4", "--seqlen",
                   ESFT / f"{task}_seqlen_i32.npy", "--num-experts", 64, "--first-layer", 1,
                   "--steps-of", self.STEP, "-o", path)
        return path

    def test_arrays_arrive_and_figures_are_those_of_a_count(self):
        for task, skew in (("intent", (2.9, 3.8, 4.7)), ("translation", (4.1, 5.6, 7.7))):
            ids = np.load(ESFT / f"{task}_ids_u8.npy")
            weights = np.load(ESFT / f"{task}_gate_w_e4_u16.npy")
            border = np.concatenate([[0], np.load(ESFT / f"{task}_seqlen_i32.npy").cumsum()])
            path = self.import_npy(task)
            with h5py.File(path) as file:
                np.testing.assert_array_equal(file["topk_ids"], ids)
                np.testing.assert_array_equal(file["topk_weights"], (weights * 1e-4).astype("f4"))
                np.testing.assert_array_equal(file["layer"], np.arange(1, 27))
                np.testing.assert_array_equal(file["sequence_offset"], border)
                steps = file["step_offset"][:]
            np.testing.assert_array_equal(
                steps, [*range(0, ids.shape[1], self.STEP), ids.shape[1]])
            info = self.info(path)
            some = (0, 12, 25)
            self.assert_figures({"layers": [info["layers"][l] for l in some]}, ids[list(some)], 64,
                                steps, border)
            got = np.array([layer["max_over_mean"] for layer in info["layers"]])
            np.testing.assert_allclose((got.min(), got.mean(), got.max()), skew, atol=0.05)
            ep8 = np.mean([layer["rank_imbalance"]["8"]["by_step"] for layer in info["layers"]])
            self.assertTrue(1.44 <= round(ep8, 2) <= 1.70, ep8)
            reuse = np.mean([layer["reuse"] for layer in info["layers"]])
            self.assertTrue(0.26 <= round(reuse, 2) <= 0.29, reuse)

    def test_text_imports_equal_to_the_arrays(self):
        arrays = self.import_npy("translation")
        text = self.folder / "text.h5"
        self.epsim("trace", "import", "--format", "esft", ESFT / "raw_translation", "--steps-of",
                   self.STEP, "-o", text)
        with h5py.File(arrays) as a, h5py.File(text) as t:
            layers = t["layer"][:]
            self.assertEqual(list(layers), [1, 2, 13, 26])
            for name in ("topk_ids", "topk_weights"):
                self.assertEqual(a[name].dtype, t[name].dtype)
                np.testing.assert_array_equal(a[name][:][layers - 1], t[name])
            for name in ("step_offset", "sequence_offset"):
                np.testing.assert_array_equal(a[name], t[name])


if __name__ == "__main__":
    unittest.main()
