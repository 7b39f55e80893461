#!/usr/bin/python3
"""SmartMoE's GPT-MoE training: what 16 ranks sent to each expert in 51 steps, replayed on 4 ranks."""

import pathlib
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import DATA_DIR, ProgramTest, needs_data

FOLDER = DATA_DIR / "traces/smartmoe_atc23"
STEPS, SOURCES, LAYERS, EXPERTS, TOP_K, TOKENS, RANKS = 51, 16, 24, 32, 2, 512, 4
REPLAYED = [0, 11, 23]


def rank_of(n, of):
    """Expert or source n of `of`, laid out over the ranks."""
    return np.asarray(n) * RANKS // of


@needs_data("traces/smartmoe_atc23")
class RecordedTraining(ProgramTest):
    def test_fifty_one_steps_with_the_counts_of_each_source(self):
        recorded = np.load(FOLDER / "gate_counts_iter1_step100_u16.npy").astype(int).sum(3)
        self.assertEqual(recorded.shape, (STEPS, SOURCES, LAYERS, EXPERTS))
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "t.h5"
            self.epsim("trace", "import", FOLDER / "gate_counts_iter1_step100_u16.npy", "--top-k",
                       TOP_K, "--tokens", TOKENS, "-o", trace)
            with h5py.File(trace) as file:
                self.assertEqual(file.attrs["origin"].decode(), "synthesised-from-counts")
                ids, steps = file["topk_ids"][:].astype(int), file["step_offset"][:]
                source = file["source_rank"][:]
            self.assertEqual(len(steps), STEPS + 1)
            step = np.repeat(np.arange(STEPS), np.diff(steps))
            made = np.zeros(recorded.shape, int)
            for layer in range(LAYERS):
                for choice in range(TOP_K):
                    chosen = ids[layer, :, choice]
                    there = chosen >= 0
                    np.add.at(made, (step[there], source[there], layer, chosen[there]), 1)
            scaled = recorded * (TOKENS * TOP_K / recorded.sum((1, 3), keepdims=True))
            self.assertLess(np.abs(made - scaled).max(), 1)

            result = self.result_of(self.epsim(
                "run", "--routing.trace", trace, f"--model.layers={REPLAYED}", "--model.hidden=16",
                "--model.expert_intermediate=8", "--model.dtype=fp32", "--measure.min_passes=1",
                "--measure.max_passes=1", "--measure.warmup=0",
                f"--output.dir={pathlib.Path(folder) / 'run'}", ranks=RANKS))
            with h5py.File(result) as file:
                self.assertEqual(file["validation/wrong"][()].sum(), 0)
                np.testing.assert_array_equal(file["load/expert_tokens"],
                                              made.sum(1)[:, REPLAYED])
                selected = file["traffic/selected"][:, 0]  # [layer, source, destination], dispatch
            self.assertEqual(selected.shape, (len(REPLAYED), RANKS, RANKS))
            rows = np.zeros((len(REPLAYED), RANKS, RANKS), int)
            for i, layer in enumerate(REPLAYED):
                of_sources = made[:, :, layer].sum(0)
                np.add.at(rows[i], (rank_of(np.arange(SOURCES), SOURCES)[:, None],
                                    rank_of(np.arange(EXPERTS), EXPERTS)[None, :]), of_sources)
            np.testing.assert_array_equal(selected, rows * 16 * 4)


if __name__ == "__main__":
    unittest.main()
