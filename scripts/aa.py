#!/usr/bin/env python3
"""How far can epsim compare be believed on this machine? Runs comparisons of equal sides (A/A), and
comparisons where B is slowed down by a known factor in one phase, all by the code that users run,
and counts the verdicts: false alarms and detections, each rate with its exact interval.

Every comparison has launches of its own, pairs of an A and a B that measure by turns as those of
scripts/ab.sh do. Slowed comparisons are spread evenly among the others, so that both see the same
machine. It can be stopped
at any moment: started again with the same arguments it goes on after the last whole comparison.

Usage: scripts/aa.py [--aa 208] [--slow 100] [--launches 5] [--ranks 2] [--phase expert]
    [--slowdown 1.05] [--config configs/trust.toml] [-o runs/aa] [--table FILE] [--keep-runs]
Needs a built build/epsim (scripts/run.sh or scripts/test.sh), or $EPSIM.
"""

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERDICTS = ("faster", "slower", "same", "ambiguous")


class Failure(Exception):
    """A message for the user and the exit status."""

    def __init__(self, text, status=2):
        super().__init__(text)
        self.status = status


def binomial_cdf(successes, n, p):
    """P(X <= successes) of n trials, by logs: exact to rounding."""
    if p <= 0:
        return 1.0
    if p >= 1:
        return float(successes >= n)
    return math.fsum(
        math.exp(math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)
                 + i * math.log(p) + (n - i) * math.log1p(-p)) for i in range(successes + 1))


def clopper_pearson(successes, n, confidence=0.95):
    """The exact interval of a rate (Clopper and Pearson 1934), by bisection of the binomial tails."""
    tail = (1 - confidence) / 2

    def root(is_above):
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (low, middle) if is_above(middle) else (middle, high)
        return (low + high) / 2

    if n == 0:
        return 0.0, 1.0
    low = 0.0 if successes == 0 else root(
        lambda p: 1 - binomial_cdf(successes - 1, n, p) > tail)
    high = 1.0 if successes == n else root(lambda p: binomial_cdf(successes, n, p) < tail)
    return low, high


def schedule(aa, slow):
    """The comparisons in the order in which they run: (slowed, number), slowed ones evenly spread."""
    keyed = [((i + 0.5) / aa, False, i + 1) for i in range(aa)]
    keyed += [((i + 0.5) / slow, True, i + 1) for i in range(slow)]
    return [(slowed, number) for _, slowed, number in sorted(keyed)]


class Experiment:
    def __init__(self, arguments):
        self.arguments = arguments
        self.folder = Path(arguments.output)
        self.epsim = os.environ.get("EPSIM") or str(ROOT / "build/epsim")
        if not Path(self.epsim).is_file():
            raise Failure(f"{self.epsim} is not there (the program is not built). Run scripts/run.sh "
                          "or scripts/test.sh first")
        if not Path(arguments.config).is_file():
            raise Failure(f"cannot find {arguments.config} (no such file). Name a TOML file")

    def settings(self):
        """What may not change between a start and the next: results would mean different things."""
        a = self.arguments
        return {"launches": a.launches, "ranks": a.ranks, "phase": a.phase, "slowdown": a.slowdown,
                "config": Path(a.config).read_text()}

    def open_folder(self):
        plan = self.folder / "plan.json"
        if plan.exists():
            known = json.loads(plan.read_text())
            if known["settings"] != self.settings():
                raise Failure(f"{self.folder} holds comparisons with other settings (see {plan}). "
                              "Repeat those, or choose another -o")
            return known
        self.folder.mkdir(parents=True, exist_ok=True)
        program = self.call([self.epsim, "info"])
        known = {"settings": self.settings(), "program": program,
                 "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        write_whole(plan, json.dumps(known, indent=2))
        return known

    def call(self, command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{' '.join(map(str, command))} ended with status {done.returncode}:\n"
                          f"{done.stdout}{done.stderr}", done.returncode)
        return done.stdout

    def launch_pair(self, runs, number, slowed):
        """A launch of each side, both at once, measuring by turns."""
        a = self.arguments
        turns = runs / f"turns-{number:02}"
        turns.parent.mkdir(parents=True, exist_ok=True)
        jobs = []
        for side in "AB":
            flags = ([f"--inject.phase={a.phase}", f"--inject.slowdown={a.slowdown}"]
                     if slowed and side == "B" else [])
            jobs.append(subprocess.Popen(
                [ROOT / "scripts/mpirun.sh", "-n", str(a.ranks), self.epsim, "run", "--config",
                 a.config, *flags, "--quiet", f"--measure.turns_file={turns}",
                 f"--output.dir={runs / side / f'{number:02}'}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True))
        try:
            for job in jobs:
                _, complaint = job.communicate()
                if job.returncode != 0:
                    raise Failure(f"a launch ended with status {job.returncode}:\n{complaint}",
                                  job.returncode)
        finally:
            for job in jobs:
                if job.poll() is None:
                    job.terminate()
                    job.wait()

    def result_path(self, slowed, number):
        return self.folder / f"{'slow' if slowed else 'aa'}-{number:04}.json"

    def compare(self, slowed, number):
        """The comparison's result; run now unless it is there."""
        result = self.result_path(slowed, number)
        if result.exists():
            return json.loads(result.read_text())
        runs = result.with_suffix("")
        shutil.rmtree(runs, ignore_errors=True)  # of a start that was stopped in the middle
        for number in range(1, self.arguments.launches + 1):
            self.launch_pair(runs, number, slowed)
        text = self.call([self.epsim, "compare", "--format", "json", "--paired", runs / "A",
                          runs / "B"])
        write_whole(result, text)
        if not self.arguments.keep_runs:
            shutil.rmtree(runs)
        return json.loads(text)

    def run(self):
        known = self.open_folder()
        order = schedule(self.arguments.aa, self.arguments.slow)
        results = {False: [], True: []}
        missing = sum(not self.result_path(*each).exists() for each in order)
        begin, ran = time.monotonic(), 0
        for done, (slowed, number) in enumerate(order):
            ran += not self.result_path(slowed, number).exists()
            results[slowed].append(self.compare(slowed, number))
            left = (time.monotonic() - begin) / max(ran, 1) * (missing - ran)
            print(f"{done + 1} of {len(order)}: {'slowed' if slowed else 'equal'}: "
                  f"{row_of(results[slowed][-1], 'step_time')['verdict']}; "
                  f"{left / 60:.0f} min left", file=sys.stderr, flush=True)
        return table(known, self.arguments, results[False], results[True])


def write_whole(path, text):
    beside = path.with_suffix(".tmp")
    beside.write_text(text)
    beside.replace(path)


def rows_of(result):
    (comparison,) = result["comparisons"]
    (case,) = comparison["cases"]
    return case["rows"]


def row_of(result, metric):
    for row in rows_of(result):
        if row["metric"] == metric:
            return row
    raise Failure(f"the comparison has no figure {metric} (the phase did not run). Choose another "
                  "--phase")


def scatter(results, metric):
    """Standard deviation of a launch among those of its side, of the figure's log: median over
    comparisons, and pooled over them. Slowed sides count too: a factor does not change it."""
    variances = []
    for result in results:
        row = row_of(result, metric)
        for side in ("a", "b"):
            if len(row[side]) > 1 and all(v for v in row[side]):
                variances.append(statistics.variance(math.log(v) for v in row[side]))
    if not variances:
        return math.nan, math.nan
    return (math.sqrt(statistics.median(variances)), math.sqrt(statistics.fmean(variances)))


def rate_line(what, successes, n):
    low, high = (100 * bound for bound in clopper_pearson(successes, n))
    return (f"{what:<58}{successes:>4} of {n:<4}{100 * successes / n:>6.1f} %  "
            f"[{low:.1f} %, {high:.1f} %]")


def counts_line(name, results, metric):
    verdicts = [row_of(result, metric)["verdict"] for result in results]
    return f"{name:<26}{metric:<20}" + "".join(f"{verdicts.count(v):>11}" for v in VERDICTS)


def table(known, arguments, equal, slowed):
    phase = f"phase_{arguments.phase}_p50"

    def count(results, metrics, verdicts):
        """Comparisons with a row of `metrics` (None: any) whose verdict is one of `verdicts`."""
        return sum(any(row["verdict"] in verdicts for row in rows_of(result)
                       if metrics is None or row["metric"] in metrics) for result in results)

    changed = ("faster", "slower")
    lines = [
        "How far epsim compare can be believed: scripts/aa.py", "",
        f"{len(equal)} comparisons of equal sides, {len(slowed)} with {arguments.phase} of B slowed "
        f"by {arguments.slowdown:g};", f"{arguments.launches} launches a side, {arguments.ranks} "
        f"ranks, {Path(arguments.config).name}; begun {known['started']}.", "",
        f"{'verdicts':<26}{'figure':<20}" + "".join(f"{v:>11}" for v in VERDICTS)]
    for name, results in (("equal sides", equal), ("B slowed", slowed)):
        lines += [counts_line(name, results, metric) for metric in ("step_time", phase) if results]
    lines += ["", "rate, with its exact 95 % interval (Clopper and Pearson)"]
    if equal:
        lines += [
            rate_line("false alarms: step time", count(equal, {"step_time"}, changed), len(equal)),
            rate_line(f"false alarms: {arguments.phase}", count(equal, {phase}, changed),
                      len(equal)),
            rate_line("false alarms: any figure", count(equal, None, changed), len(equal)),
            rate_line("ambiguous of equal sides: step time",
                      count(equal, {"step_time"}, {"ambiguous"}), len(equal))]
    if slowed:
        lines += [
            rate_line("slowdown found: step time", count(slowed, {"step_time"}, {"slower"}),
                      len(slowed)),
            rate_line(f"slowdown found: {arguments.phase}", count(slowed, {phase}, {"slower"}),
                      len(slowed)),
            rate_line("slowdown found: step time or that phase",
                      count(slowed, {"step_time", phase}, {"slower"}), len(slowed)),
            rate_line("slowdown taken for the opposite: step time or that phase",
                      count(slowed, {"step_time", phase}, {"faster"}), len(slowed))]
    lines += ["", "standard deviation of a launch on its side   median    pooled"]
    for metric in ("step_time", phase):
        typical, pooled = scatter(equal + slowed, metric)
        lines.append(f"{metric:<43}{100 * typical:>8.2f} %{100 * pooled:>8.2f} %")
    for metric in ("step_time", phase) if slowed else ():
        ratios = [r for r in (row_of(result, metric)["ratio"] for result in slowed) if r]
        if ratios:
            lines.append(f"B slowed: median of {metric}'s ratio B / A: "
                         f"{statistics.median(ratios):.4f}")
    rule = (equal or slowed)[0]
    kinds = sorted({kind for result in equal + slowed for side in result["sides"]
                    for kind in side["kinds"]})
    lines += ["", f"threshold {100 * rule['threshold']:g} %, alpha {rule['alpha']:g}, analysis "
              f"{rule['analysis']}; kind of the runs: {', '.join(kinds)}", "", "epsim info:", known["program"].rstrip()]
    return "\n".join(lines) + "\n"


def at_least(least):
    def number(text):
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is below {least}")
        return value
    return number


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--aa", type=at_least(0), default=208, help="comparisons of equal sides")
    parser.add_argument("--slow", type=at_least(0), default=100, help="comparisons with B slowed")
    parser.add_argument("--launches", type=at_least(1), default=5, help="of a side")
    parser.add_argument("--ranks", type=at_least(1), default=2)
    parser.add_argument("--phase", default="expert", help="what is slowed, on all ranks")
    parser.add_argument("--slowdown", type=float, default=1.05)
    parser.add_argument("--config", default=str(ROOT / "configs/trust.toml"))
    parser.add_argument("-o", "--output", default="runs/aa", help="folder to work in")
    parser.add_argument("--table", help="write the table here too")
    parser.add_argument("--keep-runs", action="store_true", help="result files, 0.2 MB a launch")
    arguments = parser.parse_args(words)
    if arguments.aa + arguments.slow == 0:
        parser.error("--aa and --slow are both 0: there is nothing to compare")
    return arguments


def main(words):
    arguments = parse(words)
    try:
        text = Experiment(arguments).run()
        print(text, end="")
        if arguments.table:
            Path(arguments.table).write_text(text)
    except Failure as failure:
        print(f"epsim: {failure}", file=sys.stderr)
        return failure.status
    except KeyboardInterrupt:
        print("epsim: stopped. The same command goes on from here", file=sys.stderr)
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
