#!/usr/bin/env python3
"""Parquet recordings of routing, as FLAME-MoE-Traces publishes them, to the .npz that
`epsim trace import` reads.

    scripts/trace_from_parquet.py layer_1.parquet layer_2.parquet -o t.npz --num-experts 64

A row is a token: `indices` (k experts) and, if recorded, `scores` (their k gate weights). Which
layer a row is of says a column `layer`, else the last number in the file's name. All layers have
the same tokens, in the same order. Needs pyarrow and numpy, in a virtual environment:

    python3 -m venv v && v/bin/pip install pyarrow numpy
"""

import argparse
import pathlib
import re
import sys


def fail(text):
    print(f"epsim: {text}", file=sys.stderr)
    sys.exit(2)


try:
    import numpy as np
    import pyarrow.parquet as parquet
except ImportError as missing:
    print(f"epsim: {missing.name} is missing (Parquet is read by pyarrow). Run: python3 -m venv v "
          "&& v/bin/pip install pyarrow numpy, and this script by v/bin/python", file=sys.stderr)
    sys.exit(2)


def rows(column, path):
    """[rows, k] of a column of lists, all of one length."""
    lists = column.to_pylist()
    if len({len(row) for row in lists}) > 1:
        fail(f"{path}: tokens have different numbers of experts. Correct the file")
    return np.array(lists)


def layers_of(path):
    """{layer: (ids, weights or None)} of one file."""
    table = parquet.read_table(path)
    if "indices" not in table.column_names:
        fail(f"{path} has no column indices (it has {', '.join(table.column_names)}). "
             "Use a recording of routing")
    ids = rows(table["indices"], path)
    weights = rows(table["scores"], path) if "scores" in table.column_names else None
    if "layer" in table.column_names:
        number = np.array(table["layer"].to_pylist())
    else:
        found = re.findall(r"\d+", path.stem)
        if not found:
            fail(f"{path} does not say its layer (no column layer, no number in the name). "
                 "Rename it")
        number = np.full(len(ids), int(found[-1]))
    return {int(layer): (ids[number == layer],
                         None if weights is None else weights[number == layer])
            for layer in np.unique(number)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    parser.add_argument("--num-experts", required=True, type=int)
    arguments = parser.parse_args()
    layers = {}
    for path in arguments.files:
        for layer, routing in layers_of(path).items():
            if layer in layers:
                fail(f"{path} has layer {layer}, and so has another file. Leave one out")
            layers[layer] = routing
    numbers = sorted(layers)
    if not numbers:
        fail("there are no tokens in the files. Check them")
    shapes = {layers[n][0].shape for n in numbers}
    if len(shapes) > 1:
        fail(f"layers have different shapes {sorted(shapes)} (all route the same tokens). "
             "Check the files")
    arrays = {"topk_ids": np.stack([layers[n][0] for n in numbers]).astype("<i4"),
              "layer": np.array(numbers, "<i4"),
              "num_experts": np.array([arguments.num_experts], "<i4")}
    if all(layers[n][1] is not None for n in numbers):
        arrays["topk_weights"] = np.stack([layers[n][1] for n in numbers]).astype("<f4")
    with open(arguments.output, "wb") as file:
        np.savez(file, **arrays)
    print(f"{arguments.output}: {arrays['topk_ids'].shape[1]} tokens, {len(numbers)} layers")


if __name__ == "__main__":
    main()
