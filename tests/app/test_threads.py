"""Threads of a rank: its share of the cores it is bound to, and a record that says so where they are
more than those."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import h5py

from epsim_program import EPSIM, SOURCE_DIR, ProgramTest

TINY = ("--routing.generator=zipf", "--model.hidden=16", "--model.expert_intermediate=8",
        "--model.num_experts=8", "--model.top_k=2", "--model.total_layers=2",
        "--model.moe_layers=2", "--tokens.per_step=64", "--measure.min_passes=1",
        "--measure.probe=off", "--quiet")


def usable_threads():
    """One hardware thread of each core that this process may use."""
    of_core = {}
    listing = subprocess.run(("lscpu", "-p=CPU,CORE,SOCKET"), capture_output=True, text=True,
                             check=True).stdout
    for line in listing.splitlines():
        if not line.startswith("#"):
            cpu, core, socket = line.split(",")[:3]
            if int(cpu) in os.sched_getaffinity(0):
                of_core.setdefault((core, socket), int(cpu))
    return sorted(of_core.values())


class Threads(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def run_on(self, *cpus_of_rank, threads):
        """(kind, threads of rank 0) of a run of ranks bound to these hardware threads."""
        out = self.folder / str(len(list(self.folder.iterdir())))
        launcher = [str(SOURCE_DIR / "scripts/mpirun.sh"), "--oversubscribe", "--bind-to", "none"]
        for rank, cpus in enumerate(cpus_of_rank):
            launcher += [*(":",) * (rank > 0), "-n", "1", "taskset", "-c",
                         ",".join(map(str, cpus)), EPSIM, "run", *TINY,
                         f"--compute.threads={threads}", f"--output.dir={out}"]
        done = subprocess.run(launcher, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with h5py.File(self.result_of(done.stdout), "r") as file:
            return (file.attrs["kind"].decode(),
                    int(file["provenance/compute/threads"][()].decode()))

    def test_a_rank_has_a_thread_a_core(self):
        cpus = usable_threads()
        self.assertEqual(self.run_on(cpus, threads=0), ("measured", len(cpus)))
        self.assertEqual(self.run_on(cpus[:1], threads=0), ("measured", 1))

    def test_more_threads_than_cores_are_not_passed_over(self):
        cpus = usable_threads()
        self.assertEqual(self.run_on(cpus[:1], threads=2), ("oversubscribed", 2))
        self.assertEqual(self.run_on(cpus, threads=len(cpus)), ("measured", len(cpus)))
        self.assertEqual(self.run_on(cpus, threads=len(cpus) + 1),
                         ("oversubscribed", len(cpus) + 1))

    @unittest.skipIf(len(usable_threads()) < 2, "this machine has one core")
    def test_ranks_on_some_of_anothers_cores_share_them(self):
        both, one = usable_threads()[:2], usable_threads()[1:2]
        self.assertEqual(self.run_on(both, one, threads=0), ("measured", 1))
        self.assertEqual(self.run_on(both, one, threads=2)[0], "oversubscribed")
        self.assertEqual(self.run_on(both, one, one, threads=0)[0], "oversubscribed")

    @unittest.skipIf(len(usable_threads()) < 2, "this machine has one core")
    def test_ranks_on_cores_of_their_own_share_none(self):
        first, second = usable_threads()[:1], usable_threads()[1:2]
        self.assertEqual(self.run_on(first, second, threads=0), ("measured", 1))


if __name__ == "__main__":
    unittest.main()
