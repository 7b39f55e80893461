"""Algorithms that send rows for nothing: padded to a fixed capacity, and every token to every rank.
The same routing gives the same bits as the library's all-to-all; bytes against a count by hand."""

import pathlib
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import ProgramTest, run_epsim

EXPERTS, TOP_K, HIDDEN, TOKENS, STEPS = 13, 3, 24, 61, 2


class Padding(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.runs = 0
        self.trace = self.folder / "t.h5"
        random = np.random.default_rng()
        self.ids = np.argsort(-random.random((1, TOKENS * STEPS, EXPERTS))
                              * np.linspace(1, 3, EXPERTS))[..., :TOP_K].astype(np.uint8)
        np.save(self.folder / "ids.npy", self.ids)
        np.save(self.folder / "w.npy", random.random(self.ids.shape, np.float32))
        self.epsim("trace", "import", "--format", "npy", self.folder / "ids.npy", "--weights",
                   self.folder / "w.npy", "--num-experts", EXPERTS, "--steps-of", TOKENS, "-o",
                   self.trace)

    def flags(self, *more):
        self.runs += 1
        return ("run", f"--routing.trace={self.trace}", f"--model.hidden={HIDDEN}",
                f"--model.num_experts={EXPERTS}", f"--model.top_k={TOP_K}",
                "--model.expert_intermediate=8", "--compute.kernel=reference",
                "--compute.threads=1", "--tokens.assign=contiguous", "--measure.warmup=1",
                "--measure.min_passes=1", "--verify=full", "--quiet",
                f"--output.dir={self.folder / str(self.runs)}", *more)

    def replay(self, *more, ranks, probe="off"):
        path = self.result_of(self.epsim(*self.flags(f"--measure.probe={probe}", *more),
                                         ranks=ranks))
        self.epsim("verify", self.folder / str(self.runs))
        self.report = self.epsim("report", path)
        return h5py.File(path, "r")

    def refused(self, *more, says, ranks=2):
        done = run_epsim(*self.flags("--measure.probe=off", *more), ranks=ranks)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        mine = [line for line in done.stderr.splitlines() if line.startswith("epsim: ")]
        self.assertEqual(len(mine), 1, done.stderr)
        self.assertIn(says, mine[0])

    def rows(self, ranks, parts, dedup):
        """Rows of each step and part [S * parts, source, destination], tokens [source]."""
        rows = np.zeros((STEPS * parts, ranks, ranks), np.int64)
        tokens = np.zeros(ranks, np.int64)
        for s in range(STEPS):
            sources = np.arange(TOKENS) * ranks // TOKENS
            for source in range(ranks):
                mine = np.flatnonzero(sources == source)
                tokens[source] += len(mine)
                for part in range(parts):
                    for t in mine[len(mine) * part // parts:len(mine) * (part + 1) // parts]:
                        to = self.ids[0, s * TOKENS + t].astype(int) * ranks // EXPERTS
                        for rank in set(to) if dedup == "rank" else to:
                            rows[s * parts + part, source, rank] += 1
        return rows, tokens

    def test_padded(self):
        for ranks, parts, dedup, wire in ((1, 1, "none", "bf16"), (2, 3, "none", "fp8"),
                                          (3, 1, "rank", "fp32"), (4, 2, "rank", "fp16"),
                                          (8, 1, "none", "fp32")):
            flags = (f"--exchange.dedup={dedup}", f"--exchange.wire_dtype={wire}",
                     f"--exchange.chunks={parts}")
            rows, _ = self.rows(ranks, parts, dedup)
            with self.subTest(ranks=ranks, dedup=dedup, wire=wire), \
                 self.replay(*flags, ranks=ranks) as plain:
                for capacity in 0, rows.max():
                    with self.replay("--exchange.algorithm=padded",
                                     f"--exchange.capacity={capacity}", *flags,
                                     ranks=ranks) as padded:
                        self.check_padded(padded, plain, rows, parts, dedup, capacity)

    def check_padded(self, padded, plain, rows, parts, dedup, capacity):
        for name in ("load/expert_tokens", "traffic/selected", "traffic/payload",
                     "validation/output_checksum"):
            np.testing.assert_array_equal(padded[name], plain[name], name)
        traffic, ranks = padded["traffic"], rows.shape[1]
        room = int(traffic.attrs["capacity"])
        self.assertEqual(room, capacity or room)
        self.assertGreaterEqual(room, rows.max())
        every_pair = np.full((ranks, ranks), room * parts * STEPS)
        missing = every_pair - rows.sum(0)
        back_bytes = int(traffic.attrs["combine_row_bytes"])
        np.testing.assert_array_equal(traffic["padding"][0, 0],
                                      missing * int(traffic.attrs["dispatch_row_bytes"]))
        np.testing.assert_array_equal(traffic["padding"][0, 1], missing.T * back_bytes)
        entries = min(TOP_K, -(-EXPERTS // ranks)) if dedup == "rank" else 1
        np.testing.assert_array_equal(traffic["metadata"][0, 0], every_pair * entries * 8)
        self.assertEqual(traffic["wire"][0, 1].sum(), every_pair.sum() * back_bytes)

    def test_allgather(self):
        for ranks, parts, wire in ((1, 1, "bf16"), (2, 3, "fp8"), (4, 1, "fp16"), (7, 2, "fp32")):
            flags = ("--exchange.dedup=rank", f"--exchange.wire_dtype={wire}",
                     f"--exchange.chunks={parts}")
            rows, tokens = self.rows(ranks, parts, "rank")
            with self.subTest(ranks=ranks, wire=wire), \
                 self.replay("--exchange.algorithm=allgather", *flags, ranks=ranks) as gathered, \
                 self.replay(*flags, ranks=ranks) as plain:
                for name in ("load/expert_tokens", "traffic/selected", "traffic/payload",
                             "validation/output_checksum"):
                    np.testing.assert_array_equal(gathered[name], plain[name], name)
                traffic = gathered["traffic"]
                np.testing.assert_array_equal(
                    traffic["padding"][0, 0],
                    (tokens[:, None] - rows.sum(0)) * int(traffic.attrs["dispatch_row_bytes"]))
                self.assertFalse(traffic["padding"][0, 1].any())
                metadata = 4 * STEPS * parts + 8 * TOP_K * tokens[:, None]
                np.testing.assert_array_equal(traffic["metadata"][0, 0],
                                              np.broadcast_to(metadata, (ranks, ranks)))

    def test_bounds_and_report(self):
        for algorithm in "padded", "allgather":
            with self.replay(f"--exchange.algorithm={algorithm}", "--exchange.dedup=rank", ranks=4,
                             probe="quick") as result:
                phases = [p.decode() for p in result["axes/phase"]]
                for phase in "counts", "dispatch", "combine":
                    at = phases.index(phase)
                    self.assertTrue((result["bounds/seconds"][:, 0, at] > 0).all(), phase)
                    self.assertTrue((result["bounds/least_seconds"][:, 0, at]
                                     <= result["bounds/seconds"][:, 0, at]).all(), phase)
                    self.assertTrue(np.isfinite(result["time/wait"][:, 0, at]).all(), phase)
                self.assertIn(algorithm, self.report)
                self.assertIn("padding", self.report)

    def test_micro_batches_and_dry_run(self):
        for algorithm in "padded", "allgather":
            flags = (f"--exchange.algorithm={algorithm}", "--exchange.dedup=rank",
                     "--step.micro_batches=2")
            with self.replay(*flags, ranks=2) as result:
                self.assertEqual(result["validation/wrong"][()], 0)
            self.assertIn("ranks", self.epsim(*self.flags("--dry-run", *flags), ranks=2))
        with self.replay("--exchange.algorithm=padded", "--exchange.backend=local",
                         ranks=1) as result:
            self.assertEqual(result["validation/wrong"][()], 0)

    def test_refused(self):
        rows, _ = self.rows(2, 1, "none")
        self.refused("--exchange.algorithm=padded", "--exchange.capacity=1",
                     says="exchange.capacity = 1 is too small (step ")
        self.refused("--exchange.algorithm=padded", f"--exchange.capacity={rows.max() - 1}",
                     says=f"Raise it to {rows.max()}, or leave it out")
        self.refused("--exchange.capacity=5", says="Use exchange.algorithm = padded")
        self.refused("--exchange.algorithm=padded", "--exchange.capacity=2000000000",
                     says="MPI counts to")
        self.refused("--exchange.algorithm=padded", "--exchange.dedup=node", says="forwards")
        for dedup in "none", "node":
            self.refused("--exchange.algorithm=allgather", f"--exchange.dedup={dedup}",
                         says="Use exchange.dedup = rank")
        self.refused("--exchange.algorithm=allgather", "--exchange.dedup=rank",
                     "--exchange.backend=local", ranks=1, says="gathers nothing")
        for algorithm in "padded", "allgather":
            self.refused("--exchange-only", f"--exchange.algorithm={algorithm}",
                         says="takes plans of tokens")


if __name__ == "__main__":
    unittest.main()
