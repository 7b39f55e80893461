"""`epsim trace slice`, `merge`, `rescale`, `fit` and the generator `fit`, against NumPy."""

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


class ReshapeTest(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def recorded(self, name="r.h5", tokens=200, layers=3, experts=8, top_k=2, steps_of=60, seed=5):
        """A trace of random sequences, each with favourites of its own."""
        random = np.random.default_rng(seed)
        lengths = random.multinomial(tokens, np.ones(9) / 9)
        ids = np.zeros((layers, tokens, top_k), "u1")
        at = 0
        for n in lengths:
            for layer in range(layers):
                p = random.dirichlet(np.full(experts, 0.7)) + 1e-3
                for t in range(at, at + n):
                    ids[layer, t] = random.choice(experts, top_k, replace=False, p=p / p.sum())
            at += n
        np.save(self.folder / "ids.npy", ids)
        np.save(self.folder / "len.npy", lengths)
        self.epsim("trace", "import", "--format=npy", self.folder / "ids.npy", "--num-experts",
                   experts, "--seqlen", self.folder / "len.npy", "--steps-of", steps_of,
                   "--first-layer", 1, "-o", self.folder / name)
        return self.folder / name

    def info(self, path):
        return json.loads(self.epsim("trace", "info", path, "--json"))

    def refused(self, *args, says):
        done = run_epsim("trace", *args)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)


class Slice(ReshapeTest):
    def test_tokens_steps_sequences_and_layers(self):
        path, out = self.recorded(), self.folder / "s.h5"
        with h5py.File(path) as file:
            ids, steps = file["topk_ids"][:], file["step_offset"][:]
            sequences = file["sequence_offset"][:]
        for flag, text, begin, end in (("--tokens", "7:111", 7, 111), ("--tokens", ":1", 0, 1),
                                       ("--steps", "1:3", steps[1], steps[3]),
                                       ("--steps", "3:", steps[3], 200),
                                       ("--sequences", "2:5", sequences[2], sequences[5])):
            self.epsim("trace", "slice", path, flag, text, "--layers=[1,3]", "-o", out)
            with h5py.File(out) as file:
                np.testing.assert_array_equal(file["topk_ids"], ids[[0, 2], begin:end])
                np.testing.assert_array_equal(file["layer"], [1, 3])
                for name, border in (("step_offset", steps), ("sequence_offset", sequences)):
                    inside = [b - begin for b in border if begin < b < end]
                    np.testing.assert_array_equal(file[name],
                                                  np.unique([0, *inside, end - begin]))

    def test_what_is_not_there(self):
        path, out = self.recorded(), self.folder / "s.h5"
        for text in ("5", "3:3", "0:201", "-1:4", "a:b"):
            self.refused("slice", path, f"--tokens={text}", "-o", out, says="--tokens")
        self.refused("slice", path, "--tokens=0:1", "--steps=0:1", "-o", out, says="more than one")
        self.assertFalse(out.exists())


class Merge(ReshapeTest):
    def test_slices_merge_to_the_whole(self):
        path = self.recorded()
        parts = []
        for text in ("0:1", "1:3", "3:"):
            parts.append(self.folder / f"p{len(parts)}.h5")
            self.epsim("trace", "slice", path, "--steps", text, "-o", parts[-1])
        out = self.folder / "m.h5"
        self.epsim("trace", "merge", *parts, "-o", out)
        with h5py.File(path) as a, h5py.File(out) as b:
            for name in ("topk_ids", "step_offset", "layer"):
                np.testing.assert_array_equal(a[name], b[name])
            self.assertEqual(a.attrs["origin"], b.attrs["origin"])
            self.assertLessEqual(set(a["sequence_offset"]), set(b["sequence_offset"]))

    def test_other_layers_are_refused(self):
        self.refused("merge", self.recorded(), self.recorded("o.h5", layers=2), "-o",
                     self.folder / "m.h5", says="cannot be merged")


class Rescale(ReshapeTest):
    def test_tokens_and_sources(self):
        path, out = self.recorded(tokens=2000, steps_of=500), self.folder / "r2.h5"
        self.epsim("trace", "rescale", path, "--tokens", 20000, "--sources", 3, "-o", out)
        before, after = self.info(path), self.info(out)
        self.assertEqual(after["origin"], "reshaped")
        self.assertEqual((after["tokens"], after["steps"], after["source_count"]), (80000, 4, 3))
        for a, b in zip(before["layers"], after["layers"]):
            self.assertAlmostEqual(a["max_over_mean"], b["max_over_mean"], delta=0.15)
            self.assertAlmostEqual(a["reuse"], b["reuse"], delta=0.03)
            self.assertAlmostEqual(a["coactivation"]["distance"], b["coactivation"]["distance"],
                                   delta=0.03)
        with h5py.File(path) as a, h5py.File(out) as b:
            steps = a["step_offset"][:]
            whole = {a["topk_ids"][:, t].tobytes() for t in range(steps[0], steps[1])}
            made = b["topk_ids"][:, :20000]  # every token is one of its step, in all layers
            self.assertLessEqual({made[:, t].tobytes() for t in range(20000)}, whole)
            np.testing.assert_array_equal(b["source_rank"][:20000], np.arange(20000) * 3 // 20000)

    def test_experts(self):
        path, out = self.recorded(tokens=4000, steps_of=4000), self.folder / "e.h5"
        for experts in (16, 12, 4, 2):
            self.epsim("trace", "rescale", path, "--experts", experts, "-o", out)
            with h5py.File(path) as a, h5py.File(out) as b:
                was, now = a["topk_ids"][:].astype(int), b["topk_ids"][:].astype(int)
                self.assertEqual(b.attrs["num_experts"], experts)
                if experts > 8:
                    np.testing.assert_array_equal(now * 8 // experts, was)
                else:
                    np.testing.assert_array_equal(now[..., 0], was[..., 0] * experts // 8)
                    self.assertTrue((now[..., 0] != now[..., 1]).all())
        self.refused("rescale", path, "--experts=1", "-o", out, says="top_k = 2 exceeds")
        self.refused("rescale", path, "-o", out, says="nothing is to be rescaled")


class Fit(ReshapeTest):
    def look_alike(self, fit, *arguments, experts=8, top_k=2):
        path = self.folder / "look.h5"
        self.epsim("trace", "generate", "fit", "--fit", fit, "--num-experts", experts, "--top-k",
                   top_k, *arguments, "-o", path)
        return path

    def test_look_alikes_are_functions_of_seed_and_sources(self):
        fit = self.folder / "f.toml"
        self.epsim("trace", "fit", self.recorded(tokens=1500), "-o", fit)
        arguments = ("--layers=3", "--tokens=300", "--steps=2", "--sources=4")
        one = self.info(self.look_alike(fit, *arguments))
        self.assertEqual(one["sha256"], self.info(self.look_alike(fit, *arguments))["sha256"])
        self.assertNotEqual(one["sha256"],
                            self.info(self.look_alike(fit, *arguments, "--seed=2"))["sha256"])
        self.assertEqual((one["tokens"], one["source_count"]), (600, 4))

    def test_what_is_no_fit(self):
        bad = self.folder / "f.toml"
        run = ("generate", "fit", "--num-experts=8", "--top-k=2", "-o", self.folder / "x.h5")
        self.refused(*run, says="Set --fit")
        self.refused(*run, "--fit", bad, says="cannot be read")
        bad.write_text("schema = 3\n")
        self.refused(*run, "--fit", bad, says="is no fit")
        self.epsim("trace", "fit", self.recorded(tokens=600), "-o", bad)
        text = bad.read_text()
        for old, new in (("top_k = 2", "top_k = 3"), ("num_experts = 8", "num_experts = 9"),
                         ("noise_stay = ", "noise_stay = 1"), ("[[topic]]", "[[topics]]"),
                         ("source = 0", "source = 7"), ("step = 0", "step = 99"),
                         ("steps = ", "steps = 0 #"), ("by_step = ", "by_step = 'x' #"),
                         ("schema_version = 2", "schema_version = 1")):
            bad.write_text(text.replace(old, new, 1))
            self.assertIn(old, text)
            self.refused(*run, "--fit", bad, says="Make it with epsim trace fit")
        bad.write_text(text)
        self.refused("generate", "fit", "--num-experts=16", "--top-k=2", "--fit", bad, "-o",
                     self.folder / "x.h5", says="was fitted to top-2 of 8")

    def test_says_what_differs(self):
        path, shape = self.folder / "g.h5", ("--num-experts=16", "--top-k=2", "--sources=3",
                                             "--tokens=768", "--steps=9")
        for by_source, by_step, options in (("yes", "yes", ("--affinity=0.7", "--burst-every=3",
                                                            "--burst-factor=40")),
                                            ("no", "no", ())):
            self.epsim("trace", "generate", "zipf", *shape, *options, "-o", path)
            last = self.epsim("trace", "fit", path, "-o", self.folder / "g.toml").splitlines()[-1]
            self.assertIn(f"by source: {by_source}, by step: {by_step}", last)

    @needs_data("traces/esft_dsv2lite")
    def test_look_alikes_match_sequences_that_were_not_fitted(self):
        """Means over layers of the figures of `trace info`, in the table that fit prints."""
        for task in ("intent", "translation"):
            path, fit = self.folder / f"{task}.h5", self.folder / f"{task}.toml"
            self.epsim("trace", "import", "--format=npy", ESFT / f"{task}_ids_u8.npy",
                       "--num-experts=64", "--seqlen", ESFT / f"{task}_seqlen_i32.npy",
                       "--steps-of=1024", "-o", path)
            rows = [line.split() for line in
                    self.epsim("trace", "fit", path, "-o", fit).splitlines()[2:-1]]
            ratio = {" ".join(row[:-5]): float(row[-2]) for row in rows if row[-2] != "-"}
            self.assertGreaterEqual(len(ratio), 25)
            for name, value in ratio.items():
                close = 0.35 if name.startswith("change") else 0.15 if "co-act" in name else 0.06
                self.assertLess(abs(value - 1), close, f"{task}: {name}")


if __name__ == "__main__":
    unittest.main()
