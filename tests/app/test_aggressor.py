"""epsim run --exchange-only --aggressor: the first half of the ranks exchanges rows with and without
load from the others; slowdowns follow from the file; it ends in order."""

import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import h5py
import numpy as np

from epsim_program import EPSIM, SOURCE_DIR, ProgramTest, run_epsim

FAST = ("--exchange-only", "-n", 2, "-w", 1, "--measure.probe=off")


class Aggressor(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.runs = 0

    def run_here(self, *args, ranks, fast=FAST):
        self.runs += 1
        return run_epsim("run", *fast, f"--output.dir={self.folder / f'out{self.runs}'}", *args,
                         ranks=ranks, timeout=100)

    def refused(self, *args, ranks, says, fast=FAST):
        done = self.run_here(*args, ranks=ranks, fast=fast)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        mine = [line for line in done.stderr.splitlines() if line.startswith("epsim: ")]
        self.assertEqual(len(mine), 1, done.stderr)
        self.assertIn(says, mine[0])

    def test_slowdowns_follow_from_the_file(self):
        sizes = [1 << 10, 1 << 13, 1 << 16]
        for pattern, ranks in ("incast", 4), ("allreduce", 4), ("incast", 7), ("allreduce", 6):
            done = self.run_here(f"--aggressor={pattern}", "-b", "1K", "-e", "64K", "-f", 8,
                                 "-n", 3, "-c", 1, ranks=ranks)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            path = self.result_of(done.stdout)
            self.epsim("verify", path)
            victims = ranks - ranks // 2
            with h5py.File(path) as file:
                np.testing.assert_array_equal(file["time/step_loaded"], [0, 1] * len(sizes))
                self.assertEqual(len(file["axes/rank"]), victims)
                # What ranks receive is as near to the sizes as whole bytes for each allow.
                np.testing.assert_allclose(file["load/step_tokens"],
                                           np.repeat(sizes, 2) * victims, rtol=0.01)
                # Every byte of every step, before and after.
                self.assertEqual(file["validation/wrong"][()], 0)
                self.assertEqual(file["validation/identities"][()],
                                 2 * file["load/step_tokens"][:].sum())
                times = (file["time/step_end"][:].max(axis=1)
                         - file["time/step_start"][:].min(axis=1))
                measured = ~file["time/is_warmup"][:].astype(bool)
                p50 = [np.median(times[measured & (file["time/step_of"][:] == s)])
                       for s in range(2 * len(sizes))]
                rows = {row["metric"].decode(): row for row in file["summary"][:]}
                for s in range(1, len(p50), 2):
                    row = rows[f"slowdown_p50_step_{s}"]
                    self.assertEqual(row["n"], 3)
                    self.assertAlmostEqual(row["value"] / (p50[s] / p50[s - 1]), 1)
                    self.assertTrue(np.isnan(rows[f"slowdown_p99_step_{s}"]["value"]))
                ratios = np.array(p50[1::2]) / np.array(p50[::2])
                self.assertAlmostEqual(rows["slowdown_p50"]["value"],
                                       np.exp(np.log(ratios).mean()))
            report = self.epsim("report", path)
            for text in done.stdout, report:
                self.assertIn(f"{pattern}: {ranks // 2} ranks, messages of 1048576 B", text)
                self.assertIn("loaded p99", text)

    def test_many_passes_have_intervals_and_p99(self):
        done = self.run_here("--aggressor=allreduce", "-b", "1K", "-e", "1K", "-n", 700, ranks=4)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with h5py.File(self.result_of(done.stdout)) as file:
            rows = {row["metric"].decode(): row for row in file["summary"][:]}
        p50 = rows["slowdown_p50_step_1"]
        self.assertLess(p50["ci_low"], p50["value"])
        self.assertGreater(p50["ci_high"], p50["value"])

    def test_other_traffic_and_algorithms(self):
        matrix = self.folder / "matrix.csv"
        np.savetxt(matrix, [[0, 70], [300, 5]], delimiter=",", fmt="%d")
        for args in ((f"--exchange.traffic={matrix}",), ("--exchange.algorithm=shm", "-e", "4K"),
                     ("--exchange.traffic=recorded", "--routing.generator=zipf",
                      "--tokens.per_step=61", "--routing.sources=2", "--model.total_layers=2",
                      "--model.moe_layers=2")):
            done = self.run_here("--aggressor=incast", *args, ranks=4)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.epsim("verify", self.result_of(done.stdout))

    def test_refused(self):
        for ranks in 1, 3:
            self.refused("--aggressor=incast", ranks=ranks, says=f"on {ranks} rank(s)")
        self.refused("--aggressor=incast", "--measure.start=free", ranks=4, says="aligned")
        self.refused("--aggressor=storm", ranks=4, says="none, incast, allreduce")
        # Known to the first half alone.
        self.refused("--aggressor=incast", "--exchange.traffic=no.csv", ranks=4, says="no.csv")
        self.refused("--aggressor=incast", "--exchange.algorithm=direct", ranks=4, says="direct")
        self.refused("--aggressor=incast", ranks=4, says="Set --exchange-only",
                     fast=("--routing.generator=uniform", "--tokens.per_step=8"))

    def test_dry_run(self):
        done = self.run_here("--aggressor=incast", "--dry-run", ranks=5)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"ranks that load the network +2, incast\n")

    def interrupted(self, *args, rank):
        """A run that got SIGUSR1 on one rank, once it measures."""
        out = self.folder / f"signal{rank}"
        with subprocess.Popen(
                [str(SOURCE_DIR / "scripts/mpirun.sh"), "-n", "4", EPSIM, "run", *map(str, FAST),
                 "--aggressor=incast", "-e", "1K", "-n", "1000000", f"--output.dir={out}", *args],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True) as job:
            self.addCleanup(job.kill)
            deadline = time.monotonic() + 60
            while not (out / "run.json").exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(2)
            for entry in pathlib.Path("/proc").iterdir():
                try:
                    if (f"--output.dir={out}" in (entry / "cmdline").read_text()
                            and f"OMPI_COMM_WORLD_RANK={rank}\0" in (entry / "environ").read_text()):
                        subprocess.run(["kill", f"-{int(signal.SIGUSR1)}", entry.name], check=True)
                except (OSError, ValueError):
                    continue
            stdout, stderr = job.communicate(timeout=60)
        self.assertEqual(job.returncode, 75, stdout + stderr)
        return stdout, stderr

    def test_a_signal_on_either_side_ends_it_in_order(self):
        for rank in 1, 3:
            stdout, stderr = self.interrupted(rank=rank)
            self.assertIn("SIGUSR1", stderr)
            self.assertIn("interrupted", self.epsim("verify", self.result_of(stdout)))

    def test_a_time_limit_in_the_first_check(self):
        done = self.run_here("--aggressor=incast", "-e", "64M", "--timeout-s=0.001", ranks=4)
        self.assertEqual(done.returncode, 75, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
