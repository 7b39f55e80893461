"""Recordings that others published, imported by the program: the figures are those of the data's
README. recorded_data_test.cpp has those of every folder, of the readers alone."""

import json
import os
import pathlib
import re
import sys
import unittest

import numpy as np

sys.path[:0] = [str(pathlib.Path(os.environ["EPSIM_SOURCE_DIR"]) / "tests" / room)
                for room in ("app", "trace")]
from epsim_program import DATA_DIR, needs_data  # noqa: E402
from format_test import FormatTest  # noqa: E402

TRACES = DATA_DIR / "traces"
SGLANG = TRACES / "sglang_dsv3_ep_stats"
SMARTMOE = TRACES / "smartmoe_atc23"


def skew(loads):
    return loads.max(-1) / loads.mean(-1)


class DataTest(FormatTest):
    def counts(self, name, experts, *arguments):
        return self.expert_counts(self.imported(name, *arguments)[0], experts)

    def assert_rounds(self, values, least, most, digits=1):
        self.assertEqual((round(float(min(values)), digits), round(float(max(values)), digits)),
                         (least, most))


@needs_data("traces/sglang_dsv3_ep_stats")
class Sglang(DataTest):
    def setUp(self):
        super().setUp()
        self.loads = {path.stem: self.counts("sglang-counts", 256, path, "--top-k", 8, "--tokens",
                                             4096)[0] for path in sorted(SGLANG.glob("*.json"))}

    def test_skew_of_experts_and_ranks(self):
        """What a plain count of the JSON gives; the README's ranges hold it."""
        for name, loads in self.loads.items():
            recorded = np.array(json.loads((SGLANG / f"{name}.json").read_text())["logical_count"])
            for ranks in (8, 32, 64, 256):
                got, expected = (skew(x.reshape(58, ranks, -1).sum(-1))
                                 for x in (loads, recorded[3:]))
                np.testing.assert_allclose(got, expected, rtol=3e-3)
        for ranks, least, most in ((8, 1.5, 2.1), (32, 2.1, 3.0), (64, 2.6, 3.8), (256, 5.6, 8.1)):
            means = [skew(x.reshape(58, ranks, -1).sum(-1)).mean() for x in self.loads.values()]
            self.assertEqual(round(min(means), 1), least)
            self.assertLessEqual(max(means), most)
        self.assertEqual(round(max(skew(x).max() for x in self.loads.values()), 1), 13.7)

    def test_under_omni_infers_placement(self):
        yaml = self.folder / "p.yaml"
        own = self.folder / "p.json"
        self.epsim("placement", "import",
                   TRACES / "omni_placement/dsv3_prefill_16ranks_58x256_i32.npy", "-o", own)
        self.assertIn("256 experts in 256 slots of 16 ranks, 58 layers",
                      self.epsim("placement", "show", own))
        self.epsim("placement", "export", own, "--form", "trtllm-eplb", "-o", yaml)
        slots = np.array([re.findall(r"\d+", row)[1:] for row in yaml.read_text().splitlines()
                          if row.startswith("  ")], int)
        placed = {name: skew(np.take_along_axis(x, slots, 1).reshape(58, 16, 16).sum(-1)).mean()
                  for name, x in self.loads.items()}
        self.assert_rounds(placed.values(), 1.38, 1.50, 2)
        self.assertEqual(round(placed["decode_in1000out1000"], 2), 1.38)
        contiguous = skew(self.loads["decode_in1000out1000"].reshape(58, 16, 16).sum(-1)).mean()
        self.assertEqual(round(contiguous, 2), 2.44)


@needs_data("traces/smartmoe_atc23")
class SmartMoe(DataTest):
    def test_text_equals_the_array(self):
        data, attributes = self.imported("smartmoe", SMARTMOE / "sample_raw", "--top-k", 2)
        self.assertEqual(attributes["source_count"], 16)
        array = np.load(SMARTMOE / "gate_counts_iter1_step100_u16.npy")[[0, 10]].sum(3)
        self.assertEqual(data["step_offset"].tolist(), [0, 131072, 262144])
        for i in (0, 1):
            half = slice(131072 * i, 131072 * (i + 1))
            for rank in (0, 7, 15):
                mine = data["source_rank"][half] == rank
                for layer in (0, 23):
                    np.testing.assert_array_equal(
                        np.bincount(data["topk_ids"][layer, half][mine].ravel(), minlength=32),
                        array[i, rank, layer])


if __name__ == "__main__":
    unittest.main()
