"""exchange.algorithm = auto: one of those that suit the case runs, and the file says which and why.
Disturbances that nobody would meet are refused."""

import pathlib
import re
import tempfile
import unittest

import h5py

from epsim_program import ProgramTest, run_epsim
from launches import TINY

STRAIGHT = {"alltoallv", "ring", "pairwise", "persistent", "bruck", "shm"}
FORWARDING = {"rail", "hierarchical"}


class Auto(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.runs = 0

    def run_auto(self, *flags, ranks):
        self.runs += 1
        return run_epsim("run", *TINY, "--exchange.algorithm=auto", "--measure.probe=off",
                         "--verify=full", f"--output.dir={self.folder / f'out{self.runs}'}", *flags,
                         ranks=ranks)

    def chosen(self, *flags, ranks, candidates):
        """A verified run's path, algorithm and report."""
        done = self.run_auto(*flags, ranks=ranks)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        path = self.result_of(done.stdout)
        self.epsim("verify", path)
        with h5py.File(path) as file:
            algorithm = file["traffic"].attrs["algorithm"].decode()
            self.assertNotIn("step_algorithm", file["traffic"])
            self.assertEqual(file["validation/wrong"][()], 0)
            self.assertIn('algorithm = "auto"', file["config"][()].decode())
            why = file["provenance/exchange/auto"][()].decode()
        first, others = re.fullmatch(r"(\w+) \([0-9.]+ \w+ an exchange(.*)\)", why).groups()
        self.assertEqual(algorithm, first)
        self.assertEqual({first, *re.findall(r"[;,] (\w+) [0-9.]+ \w+", others)}, candidates)
        report = self.epsim("report", path)
        self.assertIn(f"auto: {algorithm} (", report)
        return path, algorithm, report

    def test_of_one_node(self):
        for ranks in 1, 2, 4, 5:
            self.chosen(ranks=ranks, candidates=STRAIGHT | {"direct"})

    def test_of_several_nodes(self):
        for ranks in 4, 5:
            self.chosen("--cluster.ranks_per_node=2", ranks=ranks,
                        candidates=STRAIGHT | FORWARDING | {"direct"})

    def test_with_dedup(self):
        self.chosen("--exchange.dedup=rank", ranks=4, candidates=STRAIGHT | {"direct", "allgather"})
        for ranks in 2, 5:
            self.chosen("--exchange.dedup=node", "--cluster.ranks_per_node=2", ranks=ranks,
                        candidates=FORWARDING)

    def test_with_overlap(self):
        for flag in "--exchange.chunks=3", "--step.micro_batches=2":
            self.chosen(flag, ranks=2, candidates=STRAIGHT | {"direct"})

    def test_bytes_are_those_of_the_chosen_algorithm(self):
        path, algorithm, _ = self.chosen("--cluster.ranks_per_node=2", ranks=4,
                                         candidates=STRAIGHT | FORWARDING | {"direct"})
        named = self.epsim("run", *TINY, f"--exchange.algorithm={algorithm}", "--quiet",
                           "--measure.probe=off", "--cluster.ranks_per_node=2",
                           f"--output.dir={self.folder / 'named'}", ranks=4)
        with h5py.File(path) as a, h5py.File(self.result_of(named)) as b:
            for name in "payload", "metadata", "wire":
                self.assertTrue((a["traffic"][name][:] == b["traffic"][name][:]).all(), name)
            self.assertEqual(a["traffic"].attrs["hops"], b["traffic"].attrs["hops"])
        compared = self.epsim("compare", path, self.result_of(named))
        self.assertIn(f"chosen exchange.algorithm: {algorithm} -> -", compared)

    def test_dry_run_chooses_nothing(self):
        done = self.run_auto("--dry-run", ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("result:", done.stdout)

    def refused(self, *flags, ranks, says):
        done = self.run_auto(*flags, ranks=ranks)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        mine = [line for line in done.stderr.splitlines() if line.startswith("epsim: ")]
        self.assertEqual(len(mine), 1, done.stderr)
        self.assertIn(says, mine[0])
        self.assertFalse((self.folder / f"out{self.runs}").exists())

    def test_backends_with_one_way(self):
        self.refused("--exchange.backend=local", ranks=1, says="auto does not go with")
        self.refused("--exchange.backend=plugin", "--exchange.plugin=x.so", ranks=2,
                     says="exchange.algorithm = auto does not go with exchange.backend = plugin")

    def test_disturbances_that_nobody_would_meet(self):
        for rank in 2, 1000:
            self.refused(f"--inject.rank={rank}", "--inject.phase=expert", ranks=2,
                         says=f"inject.rank = {rank} with 2 MPI ranks")
        self.refused("--inject.rank=1", ranks=1, says="inject.rank = 1 with 1 MPI rank (")
        for algorithm in "auto", "direct":
            for phase in "permute", "unpermute":
                self.refused(f"--exchange.algorithm={algorithm}", f"--inject.phase={phase}",
                             ranks=2,
                             says=f"inject.phase = {phase} with exchange.algorithm = {algorithm}")
        self.refused("--inject.phase=rebalance", "--exchange.algorithm=ring", ranks=2,
                     says="inject.phase = rebalance with exchange.algorithm = ring")
        self.refused("--exchange-only", "--inject.phase=expert", ranks=2,
                     says="inject.phase = expert with measure.exchange_only")

    def test_disturbances_that_some_rank_meets(self):
        done = self.run_auto("--inject.phase=expert", "--inject.rank=1", ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_auto("--exchange.algorithm=shm", "--inject.phase=permute", ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
