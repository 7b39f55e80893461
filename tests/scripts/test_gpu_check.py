"""scripts/gpu-check.sh where there is no GPU, and when it is called wrongly."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "app"))
from epsim_program import SOURCE_DIR, run_epsim  # noqa: E402

SCRIPT = SOURCE_DIR / "scripts/gpu-check.sh"


class GpuCheck(unittest.TestCase):
    def check(self, *args):
        return subprocess.run([SCRIPT, *args], capture_output=True, text=True, timeout=120)

    def test_says_that_there_is_no_gpu(self):
        no_gpu = run_epsim("run", "--device=cuda", "--config",
                           SOURCE_DIR / "configs/quickstart.toml", "--dry-run")
        if no_gpu.returncode == 0:
            self.skipTest("there is a GPU")
        if not (SOURCE_DIR / "build/epsim").exists():
            self.skipTest("build/ is elsewhere")
        with tempfile.TemporaryDirectory() as folder:
            done = self.check(pathlib.Path(folder) / "out")
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertEqual(done.stderr, no_gpu.stderr)
            self.assertIn("cuda.unavailable", (pathlib.Path(folder) / "out/info.txt").read_text())

    def test_wrong_calls(self):
        for args in ((), ("--device=cpu",), ("out", "--device=tpu"), ("out", "--device=cpu", "x")):
            with self.subTest(args=args):
                done = self.check(*args)
                self.assertEqual(done.returncode, 2)
                self.assertIn("Correct it", done.stderr)


if __name__ == "__main__":
    unittest.main()
