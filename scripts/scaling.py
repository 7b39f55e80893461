#!/usr/bin/python3
"""How what surrounds the experts grows: time of each phase an assignment, over tokens and ranks.

Replays uniform routing (64 experts, top-8, rows of 128 B, experts not computed) on 1 to 16 ranks of
this machine and plots medians; the dispatch plan is the phase `layout`.

Usage: scaling.py -o results/scaling-MACHINE   writes .csv and .png
Needs a built build/epsim, python3-h5py and python3-matplotlib.
"""
import argparse
import csv
import pathlib
import subprocess
import tempfile

import h5py
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOP_K = 8
CASE = {"model.hidden": 64, "model.num_experts": 64, "model.top_k": TOP_K,
        "model.expert_intermediate": 64, "routing.generator": "uniform", "compute.emulate_us": 1,
        "measure.verify": "off", "measure.probe": "off", "measure.warmup": 2}


def phase_seconds(ranks, tokens, algorithm, folder):
    """Median over iterations of the longest time of any rank, by phase."""
    options = CASE | {"tokens.per_step": tokens, "exchange.algorithm": algorithm,
                      "measure.min_passes": 7 if tokens < 10**6 else 3,
                      "output.dir": f"{folder}/{ranks}-{tokens}"}
    subprocess.run([ROOT / "scripts/mpirun.sh", "-n", str(ranks), ROOT / "build/epsim", "run",
                    "--quiet", *(f"--{k}={v}" for k, v in options.items())],
                   check=True, stdout=subprocess.DEVNULL)
    (path,) = pathlib.Path(options["output.dir"]).glob("cases/*.h5")
    with h5py.File(path) as file:
        measured = file["time/is_warmup"][:] == 0
        seconds = (file["time/end"][:] - file["time/start"][:])[measured]
        names = [n.decode() if isinstance(n, bytes) else n for n in file["axes/phase"][:]]
    slowest = np.nanmax(np.nan_to_num(seconds, nan=-1), axis=3).sum(axis=1)
    return dict(zip(names, np.median(slowest, axis=0)))


def plot(rows, path):
    phases = ["layout", "counts", "permute", "dispatch", "combine", "unpermute"]
    figure, axes = plt.subplots(2, 3, figsize=(12, 7), sharex=True, constrained_layout=True)
    for axis, phase in zip(axes.flat, phases):
        for ranks in sorted({row["ranks"] for row in rows}):
            mine = [row for row in rows if row["ranks"] == ranks]
            axis.loglog([row["tokens"] for row in mine],
                        [row[phase] * 1e9 / (row["tokens"] * TOP_K) for row in mine],
                        marker="o", markersize=3, label=f"{ranks} ranks")
        axis.set_title(phase)
        axis.grid(True, alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel("tokens of a step, all ranks")
    for axis in axes[:, 0]:
        axis.set_ylabel("ns an assignment, slowest rank")
    axes[0, 0].legend()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True, help="path without its ending")
    parser.add_argument("--algorithm", default="alltoallv")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for ranks in (1, 2, 4, 8, 16):
            for tokens in (10**2, 10**3, 10**4, 10**5, 10**6):
                seconds = phase_seconds(ranks, tokens, arguments.algorithm, folder)
                rows.append({"ranks": ranks, "tokens": tokens} | seconds)
                print(ranks, tokens, {k: f"{v:.3g}" for k, v in seconds.items() if v >= 0})
    with open(arguments.output + ".csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, arguments.output + ".png")


if __name__ == "__main__":
    main()
