"""`epsim report` on a real run: its text fits and is plain when piped, its JSON has the file's
figures, and wrong use is refused."""

import json
import math
import pathlib
import tempfile
import unittest

import h5py

from epsim_program import ProgramTest, run_epsim


class Report(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.run_directory = pathlib.Path(cls.scratch.name) / "run"
        done = run_epsim(
            "run", "--routing.generator=zipf", "--model.hidden=16", "--model.expert_intermediate=8",
            "--model.num_experts=8", "--model.top_k=2", "--model.total_layers=2", "--model.moe_layers=2",
            "--tokens.per_step=64", "--tokens.steps=2", "--measure.min_passes=2",
            f"--output.dir={cls.run_directory}", ranks=2)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.run_output = done.stdout
        (cls.case,) = (cls.run_directory / "cases").glob("*.h5")

    def test_text_is_the_runs_and_fits(self):
        for width in (80, 100):
            text = self.epsim("report", self.run_directory, "--width", width)
            self.assertTrue(text.isascii())
            self.assertLessEqual(max(map(len, text.splitlines())), width)
        self.assertEqual(self.epsim("report", self.run_directory), self.epsim("report", self.case))
        self.assertIn(self.epsim("report", self.case), self.run_output.replace("\r\n", "\n"))
        self.assertEqual(self.epsim("report", self.case, self.case).count("run of "), 2)

    def test_json_has_the_files_summary(self):
        document = json.loads(self.epsim("report", self.run_directory, "--json"),
                              parse_constant=lambda name: self.fail(f"{name} in JSON"))
        (result,) = document["results"]
        with h5py.File(self.case) as file:
            stored = file["summary"][()]
            self.assertEqual(result["status"], file.attrs["status"].decode())
        self.assertEqual(len(result["summary"]), len(stored))
        for row, kept in zip(result["summary"], stored):
            self.assertEqual(row["metric"], kept["metric"].decode())
            if math.isnan(kept["value"]):
                self.assertIsNone(row["value"])
            else:
                self.assertEqual(row["value"], kept["value"])
        throughput = next(r for r in result["summary"] if r["metric"] == "throughput")
        self.assertGreater(throughput["value"], 0)
        self.assertEqual(sum(r["assignments"] for r in result["busiest_ranks"]), 2 * 2 * 64 * 2)

    def test_wrong_use(self):
        folder = pathlib.Path(self.scratch.name)
        (folder / "text.h5").write_text("no HDF5")
        (folder / "empty").mkdir(exist_ok=True)
        for arguments in ((folder / "none.h5",), (folder / "text.h5",), (folder / "empty",), (),
                          (self.case, "--width", "20")):
            done = run_epsim("report", *arguments)
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stdout}{done.stderr}")
            self.assertEqual(done.stdout, "")
            self.assertTrue(done.stderr)


if __name__ == "__main__":
    unittest.main()
