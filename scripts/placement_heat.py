#!/usr/bin/python3
"""Heat map of a load over ranks, layer by layer, for one or several placements: one scale for all.

Usage: epsim placement compare ... --json | placement_heat.py -o heat.png
       epsim placement show p.json --trace t.h5 --json | placement_heat.py -o heat.png
Colour: a rank's assignments over the mean of its layer. Needs python3-matplotlib, python3-numpy.
"""
import argparse
import json
import sys

import numpy as np


def relative_loads(judged):
    """[layers, ranks] load over its layer's mean; the layers' numbers."""
    loads = np.array([layer["rank_load"] for layer in judged["layers"]])
    mean = loads.mean(1, keepdims=True)
    relative = np.divide(loads, mean, out=np.full(loads.shape, np.nan), where=mean > 0)
    return relative, [layer["layer"] for layer in judged["layers"]]


def draw(placements, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawn = [relative_loads(p) for p in placements]
    top = max(np.nanmax(loads) for loads, _ in drawn)
    most_layers = max(len(numbers) for _, numbers in drawn)
    figure, axes = plt.subplots(1, len(drawn), squeeze=False, layout="constrained",
                                figsize=(1.2 + 3.4 * len(drawn), 2 + min(8, 0.12 * most_layers)))
    for axis, placement, (loads, numbers) in zip(axes[0], placements, drawn):
        # 1 is balance: the middle of the colours, whatever the top.
        image = axis.imshow(loads, aspect="auto", interpolation="nearest", cmap="RdBu_r",
                            norm=matplotlib.colors.TwoSlopeNorm(1, 0, max(top, 1.001)))
        axis.set_title(f"{placement['placement']}\nmax/mean "
                       f"{placement['total']['rank_max_over_mean']:.3f}", fontsize=9)
        axis.set_xlabel("rank")
        shown = np.unique(np.linspace(0, len(numbers) - 1, min(len(numbers), 12)).astype(int))
        axis.set_yticks(shown, [numbers[i] for i in shown])
    axes[0][0].set_ylabel("layer")
    figure.colorbar(image, ax=axes[0].tolist(), label="load / mean of the layer's ranks")
    figure.savefig(path, dpi=130)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=argparse.FileType(), default=sys.stdin,
                        help="of --json; standard input if not given")
    parser.add_argument("-o", "--output", required=True, help="the picture: .png, .svg, .pdf")
    arguments = parser.parse_args()
    try:
        placements = json.load(arguments.file)
        draw(placements, arguments.output)
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"placement_heat.py: no output of epsim placement --json ({error}). Give that")
    except ImportError as error:
        sys.exit(f"placement_heat.py: {error}. Install python3-matplotlib")


if __name__ == "__main__":
    main()
