#!/usr/bin/python3
"""scripts/bundle.sh --folder: every library lies in the folder or is glibc's, and epsim runs there
with an empty environment. scripts/prove_bundle.sh does the same, and more, in a bare Debian."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(os.environ["EPSIM_SOURCE_DIR"])
GLIBC = re.compile(r"lib(c|m|mvec|dl|pthread|rt|util|resolv|anl)\.so|linux-vdso|/ld-linux")


@unittest.skipUnless(shutil.which("patchelf"), "no patchelf (scripts/setup.sh --with-bundle)")
@unittest.skipUnless(pathlib.Path(os.environ["EPSIM"]) == ROOT / "build/epsim",
                     "scripts/bundle.sh takes what is in build/")
class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name) / "bundle"
        subprocess.run([ROOT / "scripts/bundle.sh", "--folder", cls.folder], check=True)

    def in_bundle(self, *command):
        return subprocess.run(command, cwd=self.folder, env={"PATH": "/usr/bin:/bin"},
                              capture_output=True, text=True, timeout=120)

    def test_holds_every_library_but_glibc(self):
        files = [p for p in self.folder.rglob("*")
                 if p.is_file() and not p.is_symlink() and p.read_bytes()[:4] == b"\x7fELF"]
        self.assertGreater(len(files), 100)
        for file in files:
            for line in self.in_bundle("ldd", file).stdout.splitlines():
                if not GLIBC.search(line) and "statically linked" not in line:
                    self.assertIn(f"=> {self.folder}/", line, file)

    def test_runs_two_ranks_with_its_own_mpi(self):
        done = self.in_bundle(
            "scripts/mpirun.sh", "-n", "2", "bash", "-c",
            'grep -q "$OPAL_PREFIX/bin/mpirun" /proc/$PPID/maps && exec build/epsim run '
            "--config configs/quickstart.toml --tokens.steps=1 --measure.probe=off "
            "--measure.min_passes=1 --output.dir=run")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("result: run/cases/", done.stdout)
        verified = self.in_bundle("build/epsim", "verify", "run")
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)


if __name__ == "__main__":
    unittest.main()
