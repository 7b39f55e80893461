"""epsim run --exchange-only --pairs: every pair of ranks is in the map, a slowed rank is named. That
nothing else is named is for the tests of the decision: a busy machine has slow pairs of its own."""

import json
import pathlib
import random
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import ProgramTest, run_epsim

FAST = ("--exchange-only", "--pairs", "-n", 2, "-w", 1, "-e", "64K")


class Pairs(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.runs = 0

    def run_here(self, *args, ranks, fast=FAST):
        self.runs += 1
        return run_epsim("run", *fast, f"--output.dir={self.folder / f'out{self.runs}'}", *args,
                         ranks=ranks, timeout=100)

    def measured(self, *args, ranks):
        done = self.run_here(*args, ranks=ranks)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        path = self.result_of(done.stdout)
        self.epsim("verify", path)
        return done.stdout, path

    def refused(self, *args, ranks, says, fast=FAST):
        done = self.run_here(*args, ranks=ranks, fast=fast)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        mine = [line for line in done.stderr.splitlines() if line.startswith("epsim: ")]
        self.assertEqual(len(mine), 1, done.stderr)
        self.assertIn(says, mine[0])

    def test_every_pair_is_in_the_map_and_the_report_shows_it_again(self):
        for ranks in 2, 3, 5:
            text, path = self.measured("-c", 1, ranks=ranks)
            with h5py.File(path) as file:
                np.testing.assert_array_equal(file["axes/size"], [8, 64 << 10])
                seconds = file["links/seconds"][:]
                pairs = ~np.eye(ranks, dtype=bool)
                self.assertTrue((seconds[:, pairs] > 0).all())
                self.assertTrue(np.isnan(seconds[:, ~pairs]).all())
                self.assertEqual(file["validation/checked"][()], ranks * (ranks - 1))
                metrics = dict(zip(file["summary"]["metric"].astype(str), file["summary"]["value"]))
            self.assertAlmostEqual(metrics["pair_latency_max_node"], np.nanmax(seconds[0]))
            self.assertAlmostEqual(metrics["pair_bandwidth_min_node"],
                                   (64 << 10) / np.nanmax(seconds[1]))
            again = self.epsim("report", path)
            for line in text.splitlines():
                if not line.startswith("result:"):
                    self.assertIn(line, again)

    def test_a_slowed_rank_is_named(self):
        for ranks in 3, 4, 7:
            sick = random.randrange(ranks)
            text, path = self.measured("--inject.phase=dispatch", f"--inject.rank={sick}",
                                       "--inject.delay_us=8000", "-n", 1, ranks=ranks)
            self.assertRegex(text, rf"verdict +rank {sick} .* is slow: {ranks - 1} of its ")
            report = json.loads(self.epsim("report", "--json", path))
            metrics = {row["metric"]: row["value"] for row in report["results"][0]["summary"]}
            self.assertGreater(metrics[f"sick_rank_{sick}"], 2)
            self.assertGreaterEqual(metrics["sick_ranks"], 1)

    def test_classes_and_many_ranks(self):
        text, path = self.measured("--cluster.ranks_per_node=3", ranks=9)
        self.assertRegex(text, r"\nnode +9 ")
        self.assertRegex(text, r"\nnetwork +27 ")
        self.assertIn("slowest pairs", text)

    def test_a_time_limit_keeps_what_there_is(self):
        done = self.run_here("-n", 1000000, "--timeout-s=5", ranks=3)
        self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
        self.assertIn("interrupted", self.epsim("verify", self.result_of(done.stdout)))
        done = self.run_here("--timeout-s=0.001", ranks=3)
        self.assertEqual(done.returncode, 75, done.stdout + done.stderr)
        self.assertNotIn("result:", done.stdout)

    def test_refused(self):
        self.refused(ranks=1, says="which has no partner")
        self.refused("-e", 8, ranks=2, says="sizes.begin = 8 and sizes.end = 8")
        self.refused("-b", 0, ranks=2, says="sizes.begin = 0")
        self.refused("-e", "4G", ranks=2, says="under 2 GiB")
        self.refused("--exchange.algorithm=ring", ranks=2, says="exchange.algorithm = ring")
        self.refused("--exchange.traffic=recorded", ranks=2, says="exchange.traffic = recorded")
        self.refused("--aggressor=incast", ranks=4, says="exchange.aggressor = incast")
        self.refused("--measure.target_ci=0.1", ranks=2, says="measure.target_ci = 0.1")
        self.refused(ranks=2, fast=("--pairs", "--routing.generator=uniform",
                                    "--tokens.per_step=8"), says="Set --exchange-only")

    def test_dry_run(self):
        done = self.run_here("--dry-run", ranks=4)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"pairs a pass +6\n")
        self.assertNotIn("result:", done.stdout)


if __name__ == "__main__":
    unittest.main()
