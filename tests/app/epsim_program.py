"""Runs the epsim under test: shared by the tests of the whole program."""

import os
import pathlib
import subprocess
import tempfile
import unittest

import h5py

EPSIM = os.environ["EPSIM"]
SOURCE_DIR = pathlib.Path(os.environ["EPSIM_SOURCE_DIR"])
DATA_DIR = pathlib.Path(os.environ["EPSIM_DATA_DIR"])


# Open MPI gives the other ranks of one that failed a second to end before it kills them. Those of a
# program that refused its input have nothing to do, and hundreds of tests wait.
AT_ONCE = {"OMPI_MCA_odls_base_sigkill_timeout": "0"}


def run_epsim(*args, ranks=None, timeout=120, env=None, cwd=None):
    """The finished process; over `ranks` MPI ranks if given."""
    launcher = [str(SOURCE_DIR / "scripts/mpirun.sh"), "-n", str(ranks)] if ranks else []
    return subprocess.run([*launcher, EPSIM, *map(str, args)], capture_output=True, text=True,
                          timeout=timeout, env={**os.environ, **AT_ONCE, **(env or {})}, cwd=cwd)


class ProgramTest(unittest.TestCase):
    def epsim(self, *args, **options):
        """stdout of a call that must succeed."""
        done = run_epsim(*args, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def result_of(self, stdout):
        """The path that a run names in its last line."""
        last = stdout.strip().splitlines()[-1]
        self.assertTrue(last.startswith("result: "), stdout)
        return last.removeprefix("result: ")


class RunTest(ProgramTest):
    """Runs in a folder of their own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_file(self, *flags, ranks=2):
        """What a verified run printed, and its result file."""
        out = self.epsim("run", *flags, f"--output.dir={self.folder / 'run'}", ranks=ranks)
        path = self.result_of(out)
        self.epsim("verify", path)
        file = h5py.File(path)
        self.addCleanup(file.close)
        return out, file


def needs_data(name):
    path = DATA_DIR / name
    return unittest.skipUnless(path.exists(), f"recorded data not found: {path}")
