"""A known disturbance, set by inject.*, shows where the definitions say: as wait of the ranks that
depend on the late one, as a longer phase on the slowed one."""

import pathlib
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import ProgramTest, run_epsim

PHASES = ["gate", "layout", "counts", "permute", "dispatch", "expert", "combine", "unpermute",
          "rebalance"]
RANKS, LAYERS, DELAY_S = 4, 2, 0.05


class Waits(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.runs = 0

    def replay(self, *flags):
        self.runs += 1
        path = self.result_of(self.epsim(
            "run", "--quiet", f"--output.dir={self.folder / str(self.runs)}", "--routing.generator=uniform", "--tokens.per_step=64", "--model.hidden=64",
            "--model.num_experts=8", "--model.top_k=2", "--model.expert_intermediate=32",
            f"--model.moe_layers={LAYERS}", f"--model.total_layers={LAYERS}", "--measure.verify=8",
            "--measure.min_passes=9", *flags, ranks=RANKS))
        with h5py.File(path) as file:
            measured = file["time/is_warmup"][()] == 0
            return {name: file[f"time/{name}"][()][measured] for name in ("start", "end", "wait")}

    def of(self, times, layer, phase, rank):
        """Median over iterations of how long the phase took, and of its wait."""
        at = (slice(None), layer, PHASES.index(phase), rank)
        return np.median(times["end"][at] - times["start"][at]), np.median(times["wait"][at])

    def test_a_late_rank_is_waited_for(self):
        for algorithm in ("alltoallv", "ring", "pairwise", "persistent", "bruck", "padded"):
            for delayed, waiting in (("permute", "dispatch"), ("expert", "combine"),
                                     ("layout", "counts")):
                with self.subTest(algorithm=algorithm, delayed=delayed):
                    times = self.replay(f"--exchange.algorithm={algorithm}", "--inject.rank=2",
                                        f"--inject.phase={delayed}",
                                        f"--inject.delay_us={DELAY_S * 1e6:.0f}")
                    for layer in range(LAYERS):
                        self.assertGreaterEqual(self.of(times, layer, delayed, 2)[0], DELAY_S)
                        for rank in range(RANKS):
                            wait = self.of(times, layer, waiting, rank)[1]
                            if rank == 2:
                                self.assertLess(wait, 0.2 * DELAY_S)
                            else:
                                self.assertGreaterEqual(wait, 0.95 * DELAY_S)

    def test_waits_lie_within_their_phase_and_only_collective_phases_have_them(self):
        times = self.replay()
        took = times["end"] - times["start"]
        for p, phase in enumerate(PHASES):
            wait = times["wait"][:, :, p]
            if phase in ("counts", "dispatch", "combine"):
                self.assertTrue(np.all((wait >= 0) & (wait <= took[:, :, p])), phase)
            else:
                self.assertTrue(np.all(np.isnan(wait)), phase)

    def test_an_unknown_phase_is_refused(self):
        done = run_epsim("run", "--routing.generator=uniform", "--tokens.per_step=8",
                              "--inject.phase=dispach")
        self.assertEqual(done.returncode, 2)
        self.assertIn("dispatch", done.stderr)


if __name__ == "__main__":
    unittest.main()
