"""`epsim compare` on copies of a real run with known times: verdicts against scipy, matching of cases,
refusals, formats, exit status of the gate."""

import csv
import io
import json
import math
import pathlib
import tempfile
import unittest

import h5py
import numpy
from scipy import stats

from epsim_program import ProgramTest, run_epsim
from launches import Copies, real_run, result_file


class Compare(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        root = pathlib.Path(cls.scratch.name)
        cls.template = real_run(root / "template")
        copies = cls.copies = Copies(cls.template)
        cls.a = copies.side(root / "A")
        cls.equal = copies.side(root / "equal", first_second=1)
        cls.slow = copies.side(root / "slow", first_second=1, metrics={"step_time": 1.07,
                                                                      "phase_expert_p50": 1.2})
        cls.four = copies.side(root / "four", n=4)

    def fresh(self, name):
        return pathlib.Path(tempfile.mkdtemp(dir=self.scratch.name)) / name

    def compared(self, *arguments, status=0):
        """The JSON of a comparison; any constant that JSON lacks fails."""
        done = run_epsim("compare", *arguments, "--format", "json")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout,
                          parse_constant=lambda name: self.fail(f"{name} in JSON"))

    def rows(self, document, case=0):
        return {r["metric"]: r for r in document["comparisons"][0]["cases"][case]["rows"]}

    def positive(self, rows):
        """Rows that have logs: a wait may be 0."""
        found = [row for row in rows.values() if all(row["a"]) and all(row["b"])]
        self.assertGreater(len(found), 5)
        return found

    def refused(self, *arguments):
        done = run_epsim("compare", *arguments)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_verdicts_ratios_and_intervals(self):
        document = self.compared(self.a, self.slow)
        self.assertEqual(document["schema"], "epsim-compare")
        self.assertEqual(document["analysis"], "welch")
        rows = self.rows(document)
        self.assertEqual(next(iter(rows)), "step_time")
        self.assertEqual(rows["step_time"]["verdict"], "slower")
        self.assertEqual(rows["throughput"]["verdict"], "slower")
        self.assertEqual(rows["phase_expert_p50"]["verdict"], "slower")
        self.assertEqual(rows["phase_dispatch_p50"]["verdict"], "same")
        for row in self.positive(rows):
            a, b = numpy.log(row["a"]), numpy.log(row["b"])
            self.assertAlmostEqual(row["p"], stats.ttest_ind(b, a, equal_var=False).pvalue, 7)
            self.assertAlmostEqual(row["ratio"], math.exp(b.mean() - a.mean()), 9)
            self.assertLess(row["ci_low"], row["ci90_low"])
            self.assertLess(row["ci90_high"], row["ci_high"])
        self.assertEqual(document["comparisons"][0]["warnings"], [])
        self.assertEqual(document["comparisons"][0]["config_differences"], [])

        paired = self.rows(self.compared(self.a, self.slow, "--paired"))["step_time"]
        self.assertAlmostEqual(
            paired["p"], stats.ttest_rel(numpy.log(paired["b"]), numpy.log(paired["a"])).pvalue, 7)
        self.assertEqual(self.rows(self.compared(self.slow, self.a))["step_time"]["verdict"],
                         "faster")
        for row in self.positive(self.rows(self.compared(self.a, self.equal))):
            self.assertEqual(row["verdict"], "same", row)

    def test_values_are_the_files(self):
        stored = []
        for run in sorted(self.a.iterdir()):
            with h5py.File(result_file(run)) as file:
                stored.append({r["metric"].decode(): r["value"] for r in file["summary"][()]})
        rows = self.rows(self.compared(self.a, self.slow))
        for metric, row in rows.items():
            self.assertEqual(row["a"], [values[metric] for values in stored])
        times = {f"phase_{phase}_p50" for phase in ("layout", "counts", "permute", "dispatch",
                                                    "expert", "combine", "unpermute")}
        self.assertLessEqual(times | {"step_time", "throughput"}, set(rows))

    def test_a_side_is_a_file_a_run_or_a_folder_of_runs(self):
        one, run = result_file(self.a / "01"), self.equal / "01"
        rows = self.rows(self.compared(one, run))
        self.assertEqual(rows["step_time"]["verdict"], "ambiguous")
        self.assertEqual(len(rows["step_time"]["a"]), 1)
        for key in ("ci_low", "ci_high", "p", "p_corrected"):
            self.assertIsNone(rows["step_time"][key])
        self.assertIn("under 5 launches",
                      self.compared(self.a, self.four)["comparisons"][0]["warnings"][0])

    def test_the_gate(self):
        self.compared(self.a, self.slow, "--gate", "5%", status=4)
        self.compared(self.a, self.slow, "--gate", "0.05", status=4)
        self.compared(self.a, self.slow, "--gate", "8%")
        self.compared(self.a, self.slow, "--gate", "8%", "--threshold", "3%")
        self.compared(self.a, self.equal, "--gate", "5%")
        self.compared(self.slow, self.a, "--gate", "5%")
        self.compared(self.four, self.slow, "--gate", "5%")
        document = self.compared(self.a, self.slow, "--gate", "5%", status=4)
        self.assertEqual((document["gate"], document["threshold"]), (0.05, 0.05))
        self.assertIs(document["gate_failed"], True)
        for text in ("5", "0", "-1%", "five", "100%", "nan"):
            self.assertIn(f"--gate = {text} ", self.refused(self.a, self.slow, f"--gate={text}"))
            self.assertIn("--threshold", self.refused(self.a, self.slow, f"--threshold={text}"))

    def test_formats(self):
        text = self.epsim("compare", self.a, self.slow, "--gate=10%")
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertTrue(text.isascii())
        for words in ("config", "no difference", "step time", "slower", "95 % interval",
                      "Welch", "10 %", "gate"):
            self.assertIn(words, text)
        narrow = self.epsim("compare", self.a, self.slow, "--width=80")
        self.assertLessEqual(max(map(len, narrow.splitlines())), 80)

        document = self.compared(self.a, self.slow)
        table = list(csv.DictReader(io.StringIO(
            self.epsim("compare", self.a, self.slow, "--format=csv"))))
        for line, row in zip(table, document["comparisons"][0]["cases"][0]["rows"], strict=True):
            self.assertEqual(line["metric"], row["metric"])
            self.assertEqual(line["verdict"], row["verdict"])
            self.assertEqual(float(line["ratio"]) if line["ratio"] else None, row["ratio"])
            self.assertEqual(line["a"], str(self.a))

        markdown = self.epsim("compare", self.a, self.slow, "--format=markdown").splitlines()
        rows = [line for line in markdown if line.startswith("|")]
        self.assertEqual(len(rows), len(table) + 2)
        self.assertEqual({line.count("|") for line in rows}, {9})

    def test_nan_is_null_and_empty(self):
        broken = self.copies.side(self.fresh("nan"), metrics={"phase_dispatch_p50": math.nan})
        row = self.rows(self.compared(self.a, broken))["phase_dispatch_p50"]
        for key in ("median_b", "ratio", "ci_low", "p", "p_corrected"):
            self.assertIsNone(row[key], key)
        self.assertEqual(row["b"], [None] * 5)
        self.assertEqual(row["verdict"], "ambiguous")
        lines = csv.DictReader(io.StringIO(self.epsim("compare", self.a, broken, "--format=csv")))
        line = next(each for each in lines if each["metric"] == "phase_dispatch_p50")
        self.assertEqual((line["ratio"], line["median_b"], line["p"]), ("", "", ""))

    def test_cases_are_matched_by_what_varies_and_differences_come_first(self):
        folders = {"a": self.fresh("a"), "b": self.fresh("b")}
        for name, folder in folders.items():
            for tokens in ("32", "64", "128" if name == "a" else "256"):
                for i in range(5):
                    run = self.copies.launch(
                        folder / f"{tokens}-{i}", factor=int(tokens) / 64, second=i,
                        config=("per_step = 64", f"per_step = {tokens}"))
                    if name == "b":
                        with h5py.File(result_file(run), "r+") as file:
                            text = file["config"][()].replace(b"alltoallv", b"ring")
                            del file["config"]
                            file["config"] = numpy.bytes_(text)
        document = self.compared(folders["a"], folders["b"])
        (pair,) = document["comparisons"]
        self.assertEqual(pair["config_differences"],
                         [{"key": "exchange.algorithm", "a": ["alltoallv"], "b": ["ring"]}])
        self.assertEqual([case["case"]["tokens.per_step"] for case in pair["cases"]], ["32", "64"])
        self.assertEqual(pair["only_a"], [{"tokens.per_step": "128"}])
        self.assertEqual(pair["only_b"], [{"tokens.per_step": "256"}])
        for case in (0, 1):
            self.assertEqual(self.rows(document, case)["step_time"]["verdict"], "same")
        text = self.epsim("compare", folders["a"], folders["b"])
        self.assertLess(text.index("exchange.algorithm: alltoallv -> ring"),
                        text.index("tokens.per_step = 32"))

    def test_provenance_differences_are_listed(self):
        other = self.copies.side(self.fresh("other"), git_sha="f" * 40)
        differences = self.compared(self.a, other)["comparisons"][0]["provenance_differences"]
        self.assertEqual([d["key"] for d in differences], ["git"])

    def test_further_sides_are_compared_with_the_first(self):
        document = self.compared(self.a, self.equal, self.slow)
        self.assertEqual([c["b"] for c in document["comparisons"]],
                         [str(self.equal), str(self.slow)])
        self.assertEqual([c["cases"][0]["rows"][0]["verdict"] for c in document["comparisons"]],
                         ["same", "slower"])

    def test_refuses_to_mix_kinds_and_tags(self):
        other = self.copies.side(self.fresh("other"), kind="oversubscribed")
        tagged = self.copies.side(self.fresh("tagged"), tags="warm-weights")
        self.assertIn("--allow-mixed", self.refused(self.a, other))
        self.assertIn("warm-weights", self.refused(self.a, tagged))
        document = self.compared(self.a, other, "--allow-mixed")
        self.assertIn("kind", [d["key"] for d in
                               document["comparisons"][0]["provenance_differences"]])

    def test_refuses_what_says_nothing(self):
        for status in ("interrupted", "failed"):
            side = self.copies.side(self.fresh("broken"))
            with h5py.File(result_file(side / "03"), "r+") as file:
                file.attrs["status"] = numpy.bytes_(status)
            message = self.refused(self.a, side)
            self.assertIn(status, message)
            self.assertIn("03", message)
        empty = self.fresh("empty")
        empty.mkdir()
        self.assertIn("holds no runs", self.refused(self.a, empty))
        self.assertIn("the same launch", self.refused(self.a, self.a))
        self.assertIn("pairs", self.refused(self.a, self.four, "--paired"))
        self.assertTrue(self.refused(self.a))
        self.assertTrue(self.refused(self.a, empty / "none"))
        self.assertTrue(self.refused(self.a, self.slow, "--format=xml"))


if __name__ == "__main__":
    unittest.main()
