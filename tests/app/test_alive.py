"""A run on 4 ranks that is disturbed ends soon, with the status and the words that the README
promises, and leaves no process behind: signals, time limits, stopped and dead ranks, full disks."""

import concurrent.futures
import json
import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import time
import unittest

import h5py

from epsim_program import EPSIM, SOURCE_DIR, ProgramTest, run_epsim

RANKS = 4
SMALL = ("--routing.generator=uniform", "--tokens.per_step=32", "--model.num_experts=8",
         "--model.top_k=2", "--model.hidden=8", "--model.expert_intermediate=8",
         "--model.total_layers=2", "--model.moe_layers=2", "--verify=off", "--compute.threads=1",
         "--measure.probe=off")
# Iterations of 10 ms and more, mostly asleep: many jobs fit a small machine.
LONG = (*SMALL, "--tokens.steps=2", "--inject.phase=expert", "--inject.delay_us=5000",
        "--measure.min_passes=100000")
SOON_S = 30  # an end within seconds, on a machine that is busy

# Lets rank 1 hang in an MPI call for ever.
HANGING_MPI = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void hang(char const *call) {
    char const *rank = getenv("OMPI_COMM_WORLD_RANK"), *where = getenv("HANG_IN");
    while (rank && where && !strcmp(rank, "1") && !strcmp(where, call)) pause();
}
int MPI_Init_thread(int *argc, char ***argv, int wanted, int *provided) {
    hang("MPI_Init_thread");
    int (*real)(int *, char ***, int, int *) = dlsym(RTLD_NEXT, "MPI_Init_thread");
    return real(argc, argv, wanted, provided);
}
int MPI_Finalize(void) {
    hang("MPI_Finalize");
    int (*real)(void) = dlsym(RTLD_NEXT, "MPI_Finalize");
    return real();
}
"""


def processes(word):
    """{pid: environment} of the processes that have a word in an argument."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if word in (entry / "cmdline").read_text():
                found[int(entry.name)] = (entry / "environ").read_text().split("\0")
        except OSError:
            continue  # has just ended
    return found


class Job:
    """A run in the background."""

    def __init__(self, out, *args, launcher=(SOURCE_DIR / "scripts/mpirun.sh",), env=None):
        self.out = pathlib.Path(out)
        self.files = [tempfile.TemporaryFile("w+") for _ in range(2)]
        self.process = subprocess.Popen(
            [*map(str, launcher), "-n", str(RANKS), EPSIM, "run", *args,
             f"--output.dir={self.out}"], stdin=subprocess.DEVNULL, stdout=self.files[0],
            stderr=self.files[1], env={**os.environ, **(env or {})})

    def pid(self, rank):
        return next(pid for pid, env in processes(f"--output.dir={self.out}").items()
                    if f"OMPI_COMM_WORLD_RANK={rank}" in env)

    def begin(self, seconds=0.5):
        """Wait until the run is that long past its start-up."""
        deadline = time.monotonic() + 60
        while not (self.out / "run.json").exists():
            assert time.monotonic() < deadline and self.process.poll() is None, self.end()
            time.sleep(0.05)
        time.sleep(seconds)
        return self

    def send(self, what, rank=None):
        """To a rank, or to the launcher."""
        os.kill(self.process.pid if rank is None else self.pid(rank), what)
        return self

    def end(self):
        """Wait for the end and for every process of the job."""
        begin = time.monotonic()
        try:
            self.process.wait(2 * SOON_S)
        finally:
            while (left := list(processes(f"--output.dir={self.out}"))) and (
                    time.monotonic() - begin < 2 * SOON_S + 5):
                time.sleep(0.1)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
        self.seconds, self.left = time.monotonic() - begin, left
        texts = []
        for file in self.files:
            with file:
                file.seek(0)
                texts.append(file.read())
        self.stdout, self.stderr = texts
        self.text = f"{self.process.returncode}: {self.stdout}{self.stderr}"
        return self

    @property
    def plan(self):
        return json.loads((self.out / "run.json").read_text())

    @property
    def cases(self):
        return sorted(p.name for p in (self.out / "cases").iterdir())


class AliveTest(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def ended(self, job, status):
        """A job that has ended as it should: soon, with a status, and wholly."""
        job.end()
        self.assertEqual(job.process.returncode, status, job.text)
        self.assertEqual(job.left, [], "processes left behind")
        self.assertLess(job.seconds, SOON_S)
        return job

    def message(self, job):
        """The one line of the program's own on stderr."""
        lines = [line for line in job.stderr.splitlines() if line.startswith("epsim: ")]
        self.assertEqual(len(lines), 1, job.text)
        return lines[0]

    def at_once(self, test, cases):
        """Run a test on cases, all at once: they sleep most of it."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(test, cases))


class Interrupted(AliveTest):
    def interrupted(self, name, disturb, *args):
        """A job that was disturbed while it measured, its result still good. On a machine that is
        too busy to have measured by then, later."""
        for seconds in (0.5, 4, 16):
            job = Job(self.folder / f"{name}-{seconds}", *LONG, *args)
            disturb(job.begin(seconds))
            self.ended(job, 75)
            if "before anything was measured" not in job.stderr:
                break
        self.assertEqual(job.plan["status"], "interrupted", job.text)
        self.assertEqual(len(job.cases), 1, job.text)
        self.assertIn(job.plan["message"], self.message(job))
        path = self.result_of(job.stdout)
        self.assertEqual(pathlib.Path(path), job.out / "cases" / job.cases[0])
        self.assertRegex(job.stdout, r"(?m)^status +interrupted: the figures cover")
        with h5py.File(path) as file:
            self.assertEqual(file.attrs["status"], b"interrupted")
            self.assertGreater(file["time/step_end"].shape[0], 0)
        self.assertIn("Oversubscribed, interrupted run", self.epsim("report", job.out))
        self.assertIn("run, interrupted: ", self.epsim("verify", job.out))
        return job

    def test_signals(self):
        def interrupt(case):
            name, what, rank = case
            job = self.interrupted(name, lambda job: job.send(what, rank))
            got = f"{what.name} on rank {rank}" if rank else "SIGUSR1 on rank 0"
            self.assertIn(f"interrupted ({got})", self.message(job))
        self.at_once(interrupt, [("term", signal.SIGTERM, None), ("int", signal.SIGINT, None),
                                 ("usr1", signal.SIGUSR1, None), ("rank", signal.SIGTERM, 2)])

    def test_timeout(self):
        for seconds in (3, 12, 48):
            job = self.ended(Job(self.folder / f"t{seconds}", *LONG, f"--timeout-s={seconds}"), 75)
            if "before anything was measured" not in job.stderr:
                break
        self.assertEqual(job.plan["status"], "interrupted", job.text)
        self.assertIn(f"(measure.timeout_s = {seconds})", self.message(job))
        self.assertTrue(self.result_of(job.stdout).endswith(job.cases[0]))

    def test_before_anything_is_measured(self):
        job = Job(self.folder / "out", *SMALL, "--tokens.steps=100000")
        self.ended(job.begin().send(signal.SIGTERM, rank=1), 75)
        self.assertIn("interrupted in survey, before anything was measured (SIGTERM on rank 1). "
                      "Run it again", self.message(job))
        self.assertEqual((job.plan["status"], job.cases), ("interrupted", []))
        self.assertNotIn("result:", job.stdout)
        verified = run_epsim("verify", job.out)
        self.assertEqual(verified.returncode, 3)
        self.assertIn("it is interrupted and holds no result", verified.stdout)
        again = run_epsim("run", *SMALL, "--tokens.steps=1", "--quiet", f"--output.dir={job.out}")
        self.assertEqual(again.returncode, 0, again.stderr)

    def test_a_second_signal_ends_at_once(self):
        job = Job(self.folder / "out", *LONG, "--inject.delay_us=60e6").begin(2)
        job.send(signal.SIGTERM, rank=2)
        time.sleep(1.5)
        self.assertIsNone(job.process.poll(), "the iteration takes a minute")
        self.ended(job.send(signal.SIGTERM, rank=2), 75)
        self.assertEqual(job.cases, [])

    def test_mpirun_itself(self):
        """It kills the ranks; the status in the directory is the truth all the same."""
        job = Job(self.folder / "out", *LONG, launcher=("mpirun", "--oversubscribe"),
                  env={"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
        self.ended(job.begin().send(signal.SIGTERM), 1)
        self.assertIn((job.plan["status"], len(job.cases)), [("interrupted", 1), ("failed", 0)])


class Stalled(AliveTest):
    def test_stopped_rank(self):
        def stop(rank):
            job = Job(self.folder / f"out{rank}", *LONG, "--stall-s=5").begin()
            self.ended(job.send(signal.SIGSTOP, rank=rank), 75)
            self.assertRegex(job.stderr, rf"(?m)^\[rank \d of 4 on .+\] stalled: no progress for ")
            self.assertNotIn(f"[rank {rank} ", job.stderr)
            self.assertEqual(job.cases, [])
            if rank == 0:
                # Nobody could write it down, unless mpirun woke rank 0 before it killed it.
                self.assertIn(job.plan["status"], ("running", "failed", "interrupted"))
                if job.plan["status"] != "running":
                    return
                report = run_epsim("report", job.out)
                self.assertEqual(report.returncode, 2)
                self.assertIn("killed before it could note its end", report.stderr)
                verified = run_epsim("verify", job.out)
                self.assertEqual(verified.returncode, 3)
                self.assertIn("killed before it could", verified.stdout)
            else:
                self.assertEqual(job.plan["status"], "interrupted")
                self.assertIn("stalled", job.plan["message"])
        self.at_once(stop, (2, 0))

    def test_hanging_start_and_end_of_mpi(self):
        source, library = self.folder / "hang.c", self.folder / "hang.so"
        source.write_text(HANGING_MPI)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)

        def hang(case):
            call, stage = case
            job = Job(self.folder / call, *SMALL, "--tokens.steps=1", "--stall-s=5", "--quiet",
                      env={"LD_PRELOAD": str(library), "HANG_IN": call})
            self.ended(job, 75)
            self.assertIn(f"s in {stage} (", job.stderr)
            if call == "MPI_Finalize":
                self.assertEqual(job.plan["status"], "complete")
                self.epsim("report", self.result_of(job.stdout))
            else:
                self.assertFalse(job.out.exists())
        self.at_once(hang, [("MPI_Init_thread", "start-up"), ("MPI_Finalize", "ending MPI")])


class Dead(AliveTest):
    def test_rank_that_dies(self):
        def die(case):
            rank, what, status = case
            job = Job(self.folder / f"out{rank}", *LONG).begin()
            self.ended(job.send(what, rank=rank), status)
            self.assertIn(f"rank {rank} ", job.stderr)
            self.assertIn(f"exited on signal {int(what)}", job.stderr)
            self.assertEqual(job.cases, [])
            self.assertEqual(job.plan["status"], "running" if rank == 0 else "failed", job.text)
            self.assertEqual(run_epsim("report", job.out).returncode, 2)
        self.at_once(die, [(2, signal.SIGKILL, 137), (0, signal.SIGKILL, 137),
                           (3, signal.SIGABRT, 134)])


class FullDisk(AliveTest):
    def failed(self, job):
        self.ended(job, 1)
        self.assertRegex(self.message(job), r"cannot write \S+ \(.+\)\. Free some space")
        self.assertEqual((job.plan["status"], job.cases), ("failed", []))
        self.assertNotIn("result:", job.stdout)
        self.assertNotIn("MPI_ABORT", job.stderr)

    def test_full_file_system(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a small file system: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        self.failed(Job(disk / "out", *SMALL, "--tokens.steps=2", "--measure.min_passes=200",
                        "--measure.max_passes=200"))

    def test_limit_of_file_sizes(self):
        job = Job(self.folder / "out", *LONG).begin()
        resource.prlimit(job.pid(0), resource.RLIMIT_FSIZE, (16384, 16384))
        self.failed(job.send(signal.SIGUSR1))
        again = run_epsim("run", *SMALL, "--tokens.steps=1", "--quiet", f"--output.dir={job.out}")
        self.assertEqual(again.returncode, 0, "the directory holds no result: " + again.stderr)


if __name__ == "__main__":
    unittest.main()
