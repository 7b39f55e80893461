#!/usr/bin/python3
"""Files that claim what they do not hold, and files with bytes changed: one message and status 2 (or
3, of verify), never a crash, and no memory for what is only claimed."""

import io
import os
import pathlib
import random
import resource
import subprocess
import tempfile
import unittest

import numpy as np

from epsim_program import EPSIM, ProgramTest

MAKE_FILE = os.path.join(os.environ["EPSIM_TEST_BINARY_DIR"], "make_file")
ADDRESS_SPACE = 4 << 30  # MPI starts with no less than about 2 GiB


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def claiming(array, shape):
    """A .npy file whose header says another shape, of 2 TB."""
    bytes_ = npy(array)
    old, length = str(array.shape).encode(), 10 + int.from_bytes(bytes_[8:10], "little")
    header, new = bytes_[10:length], str(shape).encode()
    changed = header.replace(old, new).rstrip()
    return bytes_[:10] + changed + b" " * (len(header) - len(changed) - 1) + b"\n" + bytes_[length:]


class HostileFiles(ProgramTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        return self.folder / name

    def limited(self, *arguments):
        """epsim with room for the program, and for nothing that a file only claims."""
        return subprocess.run(
            [EPSIM, *map(str, arguments)], capture_output=True, text=True, timeout=120,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE,) * 2))

    def test_claims_of_2_TB_allocate_nothing(self):
        ids = np.arange(12, dtype="u1").reshape(2, 3, 2) % 4
        ids[..., 1] = (ids[..., 0] + 1) % 4
        good = self.write("ids.npy", npy(ids))
        claims = self.write("claims.npy", claiming(ids, (2, 549755813888, 2)))
        weights = self.write("w.npy", claiming(np.ones((2, 3, 2)), (2, 68719476736, 2)))
        lengths = self.write("s.npy", claiming(np.array([3], "<i4"), (549755813888,)))
        matrix = self.write("m.npy", claiming(np.ones((4, 4)), (524288, 524288)))
        fit = self.write("fit.toml", b'schema = "epsim-fit"\nschema_version = 1\nnum_experts = 65536\n'
                         b'top_k = 65536\nsource_count = 65536\nlayer = [0]\nnoise_stay = 0\n'
                         b'drift = 0\nmodel = ""\nsource = ""\nbias = [[]]\n'
                         b'[[sequence]]\nsource = 0\ntopic = [0]\n[[topic]]\nchoice = [[]]\n')
        imports = ("trace", "import", "--format", "npy", "--num-experts", 4, "-o",
                   self.folder / "t.h5")
        accepted = self.limited(*imports, good)
        self.assertEqual(accepted.returncode, 0, accepted.stderr)  # there is room for honest files
        run = ("run", "--exchange-only", "--dry-run", "--exchange.traffic")
        for says, *arguments in (
                ("claims.npy", *imports, claims),
                ("w.npy", *imports, good, "--weights", weights),
                ("s.npy", *imports, good, "--seqlen", lengths),
                ("m.npy", *run, matrix),
                ("fit.toml", "trace", "generate", "fit", "--fit", fit, "--num-experts", 65536,
                 "--top-k", 65536, "-o", self.folder / "g.h5")):
            with self.subTest(says):
                done = self.limited(*arguments)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(says, done.stderr)
                self.assertNotIn("memory", done.stderr)

    def test_changed_bytes_of_hdf5_files_never_crash(self):
        trace, result = self.folder / "t.h5", self.folder / "r.h5"
        subprocess.run([MAKE_FILE, "trace", trace, "1"], check=True)
        subprocess.run([MAKE_FILE, "result", result, os.devnull, "5"], check=True)
        refused = 0
        rng = random.Random(17)
        for name, commands in ((trace, (("trace", "info"), ("verify",))),
                               (result, (("report",), ("verify",)))):
            good = name.read_bytes()
            for _ in range(30):
                damaged = bytearray(good)
                if rng.random() < 0.2:
                    del damaged[rng.randrange(len(damaged)):]
                for _ in range(rng.choice((1, 4, 32))):
                    if damaged:  # headers lie in front
                        at = rng.randrange(min(len(damaged), rng.choice((2048, len(good)))))
                        damaged[at] = rng.randrange(256)
                path = self.write("damaged.h5", bytes(damaged))
                for command in commands:
                    done = subprocess.run([EPSIM, *command, path], capture_output=True,
                                          errors="replace", timeout=120)
                    self.assertIn(done.returncode, (0, 2, 3), (command, done.stderr))
                    if done.returncode != 0:
                        self.assertIn("epsim: ", done.stderr)
                        refused += 1
        self.assertGreater(refused, 20)


if __name__ == "__main__":
    unittest.main()
