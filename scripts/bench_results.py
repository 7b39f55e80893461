#!/usr/bin/python3
"""Results of the microbenchmarks (Google Benchmark's JSON) as one HDF5 file and one page.

Usage: bench_results.py -o results/bench-MACHINE NAME=FILE.json ...
NAME begins with the benchmark's: exchange, permute, codec, expert, plan, overhead; the rest of it
says how it ran. Needs python3-h5py.
"""
import argparse
import json
import re
import statistics
import subprocess

import h5py
import numpy as np

NOT_COUNTERS = {"name", "run_name", "run_type", "repetitions", "repetition_index", "threads",
                "iterations", "real_time", "cpu_time", "time_unit", "family_index",
                "per_family_instance_index"}


def counters(run):
    return {k: v for k, v in run.items() if k not in NOT_COUNTERS and isinstance(v, (int, float))}


def label(run):
    """The benchmark's name without what Google Benchmark adds."""
    return re.sub(r"/(manual_time|iterations:\d+|real_time)", "", run["name"])


def write_tables(path, results):
    with h5py.File(path, "w") as file:
        file.attrs["schema"] = "epsim-bench"
        file.attrs["schema_version"] = np.array([1, 0, 0], dtype=np.int32)
        for name, result in results.items():
            runs = result["benchmarks"]
            columns = sorted({c for run in runs for c in counters(run)})
            text = [label(run) for run in runs]
            width = max(map(len, text), default=1)
            kind = [("benchmark", f"S{width}"), ("iterations", "i8")] + [(c, "f8") for c in columns]
            table = np.zeros(len(runs), dtype=kind)
            table["benchmark"] = text
            table["iterations"] = [run["iterations"] for run in runs]
            for c in columns:
                table[c] = [run.get(c, np.nan) for run in runs]
            dataset = file.create_dataset(name, data=table)
            dataset.attrs["long_name"] = f"counters of {name}, medians"


def page_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def size_text(n):
    return f"{n / 2**20:g} MiB" if n >= 2**20 else f"{n / 2**10:g} KiB"


def contenders(run):
    return {c[:-3]: v for c, v in counters(run).items() if c.endswith("_us")}


def exchange_rows(runs, state):
    """Ratios by size: medians over sizes of rows and sizes one row off."""
    bands = {}
    for run in runs:
        if label(run).startswith(f"rows/{state}/"):
            two = 2 ** round(np.log2(run["bytes_a_peer"] / 2**13))
            bands.setdefault(two * 2**13, []).append(contenders(run))
    names = sorted({n for runs in bands.values() for us in runs for n in us} -
                   {"MPI_Alltoallv", "copy", "stream_copy"})
    rows = []
    for size, points in sorted(bands.items()):
        def middle(f):
            return statistics.median(f(us) for us in points)
        best = max(names, key=lambda n: middle(lambda us: us["MPI_Alltoallv"] / us[n]))
        limit = middle(lambda us: min(us["copy"], us["stream_copy"]) / us[best])
        rows.append([size_text(size), f"{middle(lambda us: us['MPI_Alltoallv']):.4g}"] +
                    [f"{middle(lambda us: us['MPI_Alltoallv'] / us[n]):.2f}" for n in names] +
                    [f"{best} {limit:.2f}"])
    return page_table(["bytes a peer", "MPI_Alltoallv, us"] + names + ["copy / best"], rows)


def exchange_whole(runs):
    whole = [run for run in runs if label(run).startswith("whole/")]
    if not whole:
        return []
    names = sorted({n for run in whole for n in contenders(run)} - {"plain"})
    rows = [[label(run).split("/")[1], f"{contenders(run)['plain']:.4g}"] +
            [f"{contenders(run)['plain'] / contenders(run)[n]:.2f}" for n in names]
            for run in sorted(whole, key=lambda run: int(label(run).split("/")[1]))]
    return page_table(["tokens a rank", "permute + MPI_Alltoallv, us"] + names, rows)


def other(runs):
    columns = list(dict.fromkeys(c for run in runs for c in counters(run)))
    rows = [[label(run)] + [f"{run[c]:.3g}" if c in run else "" for c in columns] for run in runs]
    return page_table(["benchmark"] + columns, rows)


def page(name, result):
    runs = result["benchmarks"]
    if not name.startswith("exchange"):
        return [f"## {name}", ""] + other(runs) + [""]
    lines = [f"## {name}", "", "Time of a plain MPI_Alltoallv over that of each algorithm, and of "
             "copying the same bytes inside each rank over the best one's: medians.", ""]
    for state in ("warm", "cold"):
        table = exchange_rows(runs, state)
        if len(table) > 2:
            lines += [f"Rows alone, {state}:", ""] + table + [""]
    whole = exchange_whole(runs)
    if whole:
        lines += ["Counts, metadata, permute and dispatch:", ""] + whole + [""]
    return lines


def machine():
    facts = dict(line.split(":", 1) for line in
                 subprocess.run(["lscpu"], capture_output=True, text=True, check=True,
                                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
                 .stdout.splitlines() if ":" in line)
    wanted = ["Model name", "CPU(s)", "L2 cache", "L3 cache"]
    return ", ".join(f"{k}: {facts[k].strip()}" for k in wanted if k in facts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True, help="path without its ending")
    parser.add_argument("--commit", default="unknown")
    parser.add_argument("results", nargs="+", metavar="NAME=FILE.json")
    arguments = parser.parse_args()
    results = {}
    for pair in arguments.results:
        name, path = pair.split("=", 1)
        with open(path, encoding="utf-8") as file:
            results[name] = json.load(file)
    write_tables(arguments.output + ".h5", results)
    date = next(iter(results.values()))["context"]["date"][:10]
    lines = ["# Microbenchmarks", "", f"`scripts/bench.sh`, {date}, git {arguments.commit}. "
             f"{machine()}. Every number beside its bound was measured in turn with it.", ""]
    for name, result in results.items():
        lines += page(name, result)
    with open(arguments.output + ".md", "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    main()
