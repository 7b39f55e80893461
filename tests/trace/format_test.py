"""What the tests of importers and exporters share."""

import pathlib
import tempfile

import h5py
import numpy as np

from epsim_program import ProgramTest, run_epsim


def random_ids(random, layers, tokens, experts, k):
    return np.array([[random.permutation(experts)[:k] for _ in range(tokens)]
                     for _ in range(layers)], int).reshape(layers, tokens, k)


class FormatTest(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.random = np.random.default_rng()

    def read(self, path):
        with h5py.File(path) as file:
            text = file.attrs["origin"]
            return ({name: file[name][:] for name in file},
                    {"origin": text.decode() if isinstance(text, bytes) else text,
                     **{name: int(file.attrs[name])
                        for name in ("num_experts", "top_k", "source_count")}})

    def imported(self, name, *arguments):
        """The trace's datasets and attributes; the format that was found must be `name`."""
        path = self.folder / "imported.h5"
        said = self.epsim("trace", "import", *arguments, "-o", path)
        self.assertTrue(said.startswith(f"found {name}: "), said)
        return self.read(path)

    def refused(self, says, *arguments):
        done = run_epsim("trace", "import", *arguments, "-o", self.folder / "no.h5")
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)
        self.assertFalse((self.folder / "no.h5").exists())
        return done.stderr

    def expert_counts(self, data, experts):
        """[steps, layers, experts] by counting."""
        steps = data["step_offset"]
        return np.array([[np.bincount(ids[a:b][ids[a:b] >= 0].ravel(), minlength=experts)
                          for ids in data["topk_ids"].astype(int)]
                         for a, b in zip(steps, steps[1:])])
