"""Launches with known times, for tests of comparisons: copies of one real run, changed by h5py."""

import math
import pathlib
import random
import shutil
import uuid

import h5py
import numpy

from epsim_program import run_epsim

TINY = ("--routing.generator=zipf", "--model.hidden=16", "--model.expert_intermediate=8",
        "--model.num_experts=8", "--model.top_k=2", "--model.total_layers=2",
        "--model.moe_layers=2", "--tokens.per_step=64", "--measure.min_passes=2")


def real_run(directory, *flags):
    """A run of the program on 2 ranks in `directory`."""
    done = run_epsim("run", *TINY, *flags, f"--output.dir={directory}", "--quiet", ranks=2)
    assert done.returncode == 0, done.stdout + done.stderr
    return pathlib.Path(directory)


def result_file(run):
    (path,) = (pathlib.Path(run) / "cases").glob("*.h5")
    return path


class Copies:
    """Makes launches from a real run: its own factor on every time (and its inverse on every rate),
    a small scatter, and other root attributes and configuration where asked."""

    def __init__(self, template, seed=1):
        self.template = template
        self.random = random.Random(seed)

    def launch(self, directory, factor=1.0, sd=0.003, second=0, config=None, metrics=None,
               **attributes):
        """`metrics`: {name: factor} beside `factor`, or NaN. `config`: (old, new) text."""
        shutil.copytree(self.template, directory)
        with h5py.File(result_file(directory), "r+") as file:
            attributes = {"run_uuid": str(uuid.UUID(int=self.random.getrandbits(128), version=4)),
                          "date": f"2026-01-01T00:00:{second:02}Z", "kind": "measured",
                          **attributes}
            for name, text in attributes.items():
                file.attrs[name] = numpy.bytes_(text)
            rows = file["summary"][()]
            step = next(r for r in rows if r["metric"] == b"step_time")
            rate = next(r for r in rows if r["metric"] == b"throughput")
            work = rate["value"] * step["value"]
            for row in rows:
                times = factor * math.exp(self.random.gauss(0, sd))
                times *= (metrics or {}).get(row["metric"].decode(), 1)
                if row["unit"] == b"s":
                    row["value"] *= times
                elif row["unit"].endswith(b"/s"):
                    row["value"] /= times
            rate["value"] = work / step["value"]
            file["summary"][...] = rows
            if config:
                text = file["config"][()].decode()
                assert config[0] in text, text
                del file["config"]
                file["config"] = numpy.bytes_(text.replace(*config))
        return pathlib.Path(directory)

    def side(self, directory, n=5, first_second=0, **options):
        """A directory of `n` launches, whose dates alternate with those of a side that begins a
        second later."""
        for i in range(n):
            self.launch(pathlib.Path(directory) / f"{i + 1:02}", second=first_second + 2 * i,
                        **options)
        return pathlib.Path(directory)
