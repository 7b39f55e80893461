#!/usr/bin/python3
"""scripts/record_hf.py on tiny models with random weights: what arrives in the trace is the top-k
of the router logits that transformers itself gives, computed here with numpy."""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "app"))
from epsim_program import SOURCE_DIR, ProgramTest, run_epsim  # noqa: E402

HERE = pathlib.Path(__file__).parent
PYTHON = os.environ.get("EPSIM_HF_PYTHON", str(SOURCE_DIR / ".venv/bin/python"))
WORDS = "a bee carries dust every fine girl has in june keep low many noon old pals quit".split()
SEQUENCE = 7


def has_transformers():
    try:
        return subprocess.run([PYTHON, "-c", "import torch, transformers"],
                              capture_output=True).returncode == 0
    except OSError:
        return False


@unittest.skipUnless(has_transformers(), f"{PYTHON} has no torch and transformers. For this test: "
                     "python3 -m venv .venv && .venv/bin/pip install torch transformers, or name "
                     "another Python in EPSIM_HF_PYTHON")
class RecordHf(ProgramTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.text = self.folder / "text.txt"
        self.text.write_text(" ".join(random.Random(5).choices(WORDS, k=4 * SEQUENCE + 3)))

    def python(self, *arguments):
        return subprocess.run([PYTHON, *map(str, arguments)], capture_output=True, text=True,
                              env={**os.environ, "HF_HUB_OFFLINE": "1"})

    def make(self, kind):
        done = self.python(HERE / "tiny_hf_models.py", kind, self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)

    def record(self, *arguments):
        return self.python(SOURCE_DIR / "scripts/record_hf.py", "--model", self.folder / "model",
                           "-o", self.folder / "out", *arguments)

    def test_routes_as_the_models_own_logits_say(self):
        for kind in ("mixtral", "qwen2-moe", "qwen3-moe"):
            with self.subTest(kind):
                self.make(kind)
                done = self.record("--text", self.text, "--max-tokens", SEQUENCE, "--logits")
                self.assertEqual(done.returncode, 0, done.stderr)
                command = done.stdout.strip().splitlines()[-1].split()
                self.assertEqual(command[0], "epsim")
                self.epsim(*command[1:])

                expected = np.load(self.folder / "expected.npz")
                logits = expected["logits"].astype("f8")
                with h5py.File(self.folder / "out.h5") as file:
                    ids, weights = file["topk_ids"][:].astype(int), file["topk_weights"][:]
                    np.testing.assert_array_equal(file["layer"], expected["layers"])
                    np.testing.assert_array_equal(file["sequence_offset"],
                                                  [0, 7, 14, 21, 28, 31])
                self.assertEqual(ids.shape[:2], logits.shape[:2])
                k = ids.shape[2]
                shares = np.exp(logits - logits.max(2, keepdims=True))
                shares /= shares.sum(2, keepdims=True)
                order = np.argsort(-shares, 2)[..., :k]
                np.testing.assert_array_equal(ids, order)
                chosen = np.take_along_axis(shares, order, 2)
                if expected["renormalised"]:
                    chosen /= chosen.sum(2, keepdims=True)
                np.testing.assert_allclose(weights, chosen, rtol=1e-4)
                for l, layer in enumerate(expected["layers"]):
                    np.testing.assert_allclose(np.load(self.folder / f"out/logits_{layer}.npy"),
                                               logits[l], rtol=1e-4, atol=1e-6)

    def test_prompts_are_sequences(self):
        self.make("mixtral")
        prompts = self.folder / "prompts.txt"
        prompts.write_text("a bee\n\ncarries dust every fine girl has in june\nkeep\n")
        done = self.record("--prompts", prompts, "--max-tokens", 5)
        self.assertEqual(done.returncode, 0, done.stderr)
        np.testing.assert_array_equal(np.load(self.folder / "out/seqlen.npy"), [2, 5, 1])
        self.assertEqual(np.load(self.folder / "out/ids.npy").shape, (3, 8, 2))

    def test_refuses_what_it_cannot_record(self):
        for kind, says in (("dense", "does not say how many experts"),
                           ("ernie", "the model chooses by more than that")):
            with self.subTest(kind):
                self.make(kind)
                done = self.record("--text", self.text)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(says, done.stderr)
                self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
