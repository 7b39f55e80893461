"""`epsim run` on a recorded trace against a count by hand: numpy on the original arrays, no epsim
code. The same routing on 1, 2, 4 and 8 ranks must give the same load, bytes and output bits."""

import pathlib
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import DATA_DIR, ProgramTest, needs_data

LAYERS = (1, 4, 20)  # of the model; the array's first layer is the model's layer 1
EXPERTS = 64
HIDDEN = 16
STEP = 1024


class ReplayedArrays:
    """The tests; a class below says which arrays: ids and weights [26, tokens, 6]."""

    @classmethod
    def setUpClass(cls):
        cls.ids, cls.weights = cls.arrays()
        cls.scratch = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.scratch.name)
        np.save(cls.folder / "ids.npy", cls.ids)
        np.save(cls.folder / "w.npy", cls.weights)

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def replay(self, ranks, assign, dtype="fp32"):
        out = self.folder / f"run-{ranks}-{assign}-{dtype}"
        stdout = self.epsim(
            "run", f"--routing.trace={self.folder / 't.h5'}", "--model.hidden=16",
            "--model.expert_intermediate=8", f"--model.layers={list(LAYERS)}",
            f"--model.dtype={dtype}", "--compute.kernel=reference", "--compute.threads=1",
            f"--tokens.assign={assign}", "--measure.warmup=0", "--measure.min_passes=1",
            "--measure.probe=off", "--verify=full", "--quiet", f"--output.dir={out}",
            ranks=ranks)
        return h5py.File(self.result_of(stdout), "r")

    def expected(self, ranks, assign):
        """(expert counts [S, L, E], row counts [L, source, destination]) by a loop over tokens."""
        total = self.ids.shape[1]
        steps = [range(b, min(b + STEP, total)) for b in range(0, total, STEP)]
        counts = np.zeros((len(steps), len(LAYERS), EXPERTS), np.int64)
        rows = np.zeros((len(LAYERS), ranks, ranks), np.int64)
        for s, tokens in enumerate(steps):
            for t in tokens:
                position = t - tokens.start
                source = (position * ranks // len(tokens) if assign == "contiguous"
                          else position % ranks)
                for l, number in enumerate(LAYERS):
                    for e in self.ids[number - 1, t]:
                        counts[s, l, e] += 1
                        rows[l, source, int(e) * ranks // EXPERTS] += 1
        return counts, rows

    def test_counts_bytes_and_bits(self):
        self.epsim("trace", "import", "--format", "npy", self.folder / "ids.npy", "--weights",
                   self.folder / "w.npy", "--weight-scale", "1e-4", "--num-experts", EXPERTS,
                   "--first-layer", 1, "--steps-of", STEP, "-o", self.folder / "t.h5")
        checksums = []
        for ranks in (1, 2, 4, 8):
            for assign in ("contiguous", "round-robin") if ranks == 4 else ("contiguous",):
                counts, rows = self.expected(ranks, assign)
                with self.replay(ranks, assign) as result:
                    np.testing.assert_array_equal(result["load/expert_tokens"], counts)
                    np.testing.assert_array_equal(result["axes/layer"], LAYERS)
                    traffic = result["traffic"]
                    np.testing.assert_array_equal(traffic["selected"][:, 0], rows * HIDDEN * 4)
                    np.testing.assert_array_equal(
                        traffic["selected"][:, 1], rows.transpose(0, 2, 1) * HIDDEN * 4)
                    np.testing.assert_array_equal(traffic["payload"], traffic["selected"])
                    np.testing.assert_array_equal(
                        traffic["metadata"][:, 0], 4 * len(counts) + 8 * rows)
                    self.assertFalse(traffic["metadata"][:, 1].any())
                    self.assertFalse(traffic["padding"][:].any())
                    owner = np.arange(EXPERTS) * ranks // EXPERTS
                    by_rank = np.stack([counts[..., owner == r].sum(-1) for r in range(ranks)], -1)
                    np.testing.assert_array_equal(result["load/rank_tokens"], by_rank)
                    self.assertEqual(result["validation/wrong"][()], 0)
                    self.assertEqual(result["validation/checked"][()],
                                     self.ids.shape[1] * len(LAYERS))
                    checksums.append(result["validation/output_checksum"][()])
        for checksum in checksums[1:]:
            np.testing.assert_array_equal(checksum, checksums[0])
        self.assertEqual(len(np.unique(checksums[0])), checksums[0].size, "digests differ by case")

        with self.replay(2, "contiguous", "bf16") as result:
            directory = pathlib.Path(result.filename).parent.parent
        self.epsim("verify", directory)
        report = self.epsim("report", directory)
        self.assertLessEqual(max(map(len, report.splitlines())), 100)
        self.assertIn("dispatch", report)


class DrawnRouting(ReplayedArrays, ProgramTest):
    @staticmethod
    def arrays():
        random = np.random.default_rng(11)
        tokens = STEP + 321
        keys = random.random((26, tokens, EXPERTS)) * np.linspace(1, 3, EXPERTS)
        return (np.argsort(-keys, axis=-1)[..., :6].astype(np.uint8),
                random.integers(1, 5000, (26, tokens, 6), np.uint16))


@needs_data("traces/esft_dsv2lite")
class RecordedRouting(ReplayedArrays, ProgramTest):
    @staticmethod
    def arrays():
        folder = DATA_DIR / "traces/esft_dsv2lite"
        return (np.load(folder / "translation_ids_u8.npy")[:, : 2 * STEP + 77],
                np.load(folder / "translation_gate_w_e4_u16.npy")[:, : 2 * STEP + 77])


if __name__ == "__main__":
    unittest.main()
