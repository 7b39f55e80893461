"""scripts/ab.sh and scripts/aa.py with a program that copies prepared launches instead of measuring:
order of launches, flags of each side, exit status; verdicts counted, restarts, exact intervals."""

import importlib.util
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from scipy import stats

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
from epsim_program import EPSIM  # noqa: E402
from launches import Copies, real_run  # noqa: E402

specification = importlib.util.spec_from_file_location("aa", ROOT / "scripts/aa.py")
aa = importlib.util.module_from_spec(specification)
specification.loader.exec_module(aa)

# Takes the next prepared launch, a slow one if it is told to inject something; notes its arguments;
# fails where $FAIL_AT says. Other commands are the real program's.
STAND_IN = """#!/bin/bash
set -e
[ "$1" = run ] || exec "$REAL" "$@"
exec 9>"$STORE/lock"
flock 9  # the launches of a pair run at once
echo "$*" >>"$STORE/calls"
[ "$(wc -l <"$STORE/calls")" != "${FAIL_AT-}" ] || { echo "epsim: a planted failure" >&2; exit 3; }
kind=fast
[[ "$*" != *--inject.* ]] || kind=slow
for word in "$@"; do
    case $word in --output.dir=*) directory=${word#--output.dir=} ;; esac
done
mkdir -p "$(dirname "$directory")"
mv "$(printf '%s\\n' "$STORE/$kind"-* | head -n 1)" "$directory"
"""


class Scripts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.template = real_run(pathlib.Path(scratch.name) / "template")

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.store = self.folder / "store"
        self.store.mkdir()
        self.program = self.folder / "epsim"
        self.program.write_text(STAND_IN)
        self.program.chmod(0o755)
        self.config = self.folder / "x.toml"
        self.config.write_text("")
        self.copies = Copies(self.template)

    def stock(self, fast=0, slow=0):
        for kind, n, factor in (("fast", fast, 1.0), ("slow", slow, 1.2)):
            for i in range(n):
                self.copies.launch(self.store / f"{kind}-{i:03}", factor=factor)

    def run_script(self, script, *arguments, **environment):
        return subprocess.run(
            [str(ROOT / "scripts" / script), *map(str, arguments)], capture_output=True, text=True,
            timeout=250, env={**os.environ, "EPSIM": str(self.program), "REAL": EPSIM,
                              "STORE": str(self.store), **environment})

    def calls(self):
        return (self.store / "calls").read_text().splitlines()


class AB(Scripts):
    def sides(self):
        """(side, number) of each launch, in order."""
        return [re.search(r"/ab/([AB])/(\d+)", call).groups() for call in self.calls()]

    def test_launches_are_pairs_that_take_turns(self):
        self.stock(fast=10)
        done = self.run_script("ab.sh", "-n", 1, "-o", self.folder / "ab", self.config, self.config)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Paired", done.stdout)
        sides = self.sides()
        for i in range(5):
            pair = sides[2 * i:2 * i + 2]
            self.assertEqual(sorted(pair), [("A", f"{i + 1:02}"), ("B", f"{i + 1:02}")])
            for call in self.calls()[2 * i:2 * i + 2]:
                self.assertIn(f"--measure.turns_file={self.folder}/ab/turns-{i + 1:02}", call)

    def test_launches_apart_are_interleaved_and_the_gate_is_compares(self):
        self.stock(fast=5, slow=5)
        done = self.run_script("ab.sh", "--apart", "-n", 1, "-o", self.folder / "ab", "--gate",
                               "5%", "--b", "--inject.phase=expert --inject.slowdown=2",
                               self.config, self.config, "--", "--measure.verify=off")
        self.assertEqual(done.returncode, 4, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"step time .* slower\n")
        sides = self.sides()
        self.assertEqual("".join(side for side, _ in sides), "ABBAABBAAB")
        for call, (side, _) in zip(self.calls(), sides):
            self.assertEqual("--inject.slowdown=2" in call, side == "B")
            self.assertIn("--measure.verify=off", call)
            self.assertIn(f"--config {self.config}", call)
        self.assertNotIn("Paired", done.stdout)

    def test_eight_launches_apart_are_pairs(self):
        self.stock(fast=16)
        done = self.run_script("ab.sh", "--apart", "-n", 1, "-l", 8, "-o", self.folder / "ab", self.config,
                               self.config)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Paired", done.stdout)

    def test_stops_at_a_launch_that_fails(self):
        self.stock(fast=4)
        done = self.run_script("ab.sh", "-n", 1, "-o", self.folder / "ab", self.config,
                               self.config, FAIL_AT="3")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("a planted failure", done.stderr)
        self.assertRegex(done.stderr, "02 of [AB] failed with status 3")
        self.assertEqual(done.stdout, "")
        self.assertLessEqual(len(self.calls()), 4)

    def test_wrong_use(self):
        taken = self.folder
        for arguments in ((), (self.config,), (self.config, "none.toml"), ("-l",),
                          ("-l", "0", self.config, self.config), ("--what", self.config, self.config),
                          ("-n", "two", self.config, self.config),
                          ("-o", taken, self.config, self.config)):
            done = self.run_script("ab.sh", *arguments)
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stderr}")
            self.assertRegex(done.stderr, r"^epsim: .*\(.*\)\. ")
        self.assertFalse((self.store / "calls").exists())


class AA(Scripts):
    def experiment(self, *arguments, **environment):
        return self.run_script("aa.py", "--ranks", 1, "--config", self.config, "-o",
                               self.folder / "aa", *arguments, **environment)

    def test_counts_verdicts_and_goes_on_where_it_stopped(self):
        self.stock(fast=30, slow=10)
        stopped = self.experiment("--aa", 2, "--slow", 1, FAIL_AT="14")
        self.assertEqual(stopped.returncode, 3, stopped.stdout + stopped.stderr)
        self.assertIn("a planted failure", stopped.stderr)
        done = self.experiment("--aa", 2, "--slow", 1, "--table", self.folder / "table.txt")
        self.assertEqual(done.returncode, 0, done.stderr)
        calls = len(self.calls())
        self.assertTrue(10 + 4 + 20 <= calls <= 10 + 4 + 1 + 20, calls)
        self.assertEqual((self.folder / "table.txt").read_text(), done.stdout)
        for line in (r"^equal sides +step_time +0 +0 +2 +0$", r"^B slowed +step_time +0 +1 +0 +0$",
                     r"^false alarms: any figure +0 of 2 +0.0 %  \[0.0 %, 84.2 %\]$",
                     r"^slowdown found: step time or that phase +1 of 1 +100.0 %  \[2.5 %, 100.0 %\]$"):
            self.assertRegex(done.stdout, re.compile(line, re.M))
        self.assertEqual(sorted(p.name for p in (self.folder / "aa").iterdir()),
                         ["aa-0001.json", "aa-0002.json", "plan.json", "slow-0001.json"])
        again = self.experiment("--aa", 2, "--slow", 1)
        self.assertEqual(again.stdout, done.stdout)
        self.assertEqual(len(self.calls()), calls)
        other = self.experiment("--aa", 2, "--slow", 1, "--slowdown", 1.1)
        self.assertEqual(other.returncode, 2)
        self.assertIn("other settings", other.stderr)

    def test_scatter_is_that_of_the_launches(self):
        self.stock(fast=10)
        done = self.experiment("--aa", 1, "--slow", 0)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads((self.folder / "aa/aa-0001.json").read_text())
        row = aa.row_of(result, "step_time")
        variances = [stats.tvar([math.log(v) for v in row[s]]) for s in "ab"]
        typical, pooled = aa.scatter([result], "step_time")
        self.assertAlmostEqual(pooled, (sum(variances) / 2) ** 0.5, 12)
        self.assertAlmostEqual(typical, (sum(variances) / 2) ** 0.5, 12)

    def test_exact_intervals_are_those_of_the_beta_distribution(self):
        for n in (1, 5, 100, 208):
            for k in {0, 1, n // 3, n - 1, n}:
                low, high = aa.clopper_pearson(k, n)
                self.assertAlmostEqual(low, stats.beta.ppf(0.025, k, n - k + 1) if k else 0, 9)
                self.assertAlmostEqual(high, stats.beta.ppf(0.975, k + 1, n - k) if k < n else 1, 9)
        self.assertEqual(aa.clopper_pearson(0, 0), (0, 1))

    def test_slowed_comparisons_are_spread_among_the_others(self):
        order = aa.schedule(208, 100)
        self.assertEqual(sorted(number for slowed, number in order if slowed), [*range(1, 101)])
        self.assertEqual(sorted(number for slowed, number in order if not slowed),
                         [*range(1, 209)])
        for start in range(0, 300, 30):
            self.assertTrue(8 <= sum(slowed for slowed, _ in order[start:start + 30]) <= 12)
        self.assertEqual(aa.schedule(0, 2), [(True, 1), (True, 2)])


if __name__ == "__main__":
    unittest.main()
