#!/usr/bin/python3
"""The committed trace configs/traces/tiny-moe.h5: its format, and what it claims about itself.

Recomputes the claimed figures with formulas of its own (joint tables, not the recorder's code).
"""

import hashlib
import unittest
from pathlib import Path

import h5py
import numpy as np

TRACE = Path(__file__).resolve().parents[2] / "configs/traces/tiny-moe.h5"
HASH_ORDER = ["layer", "step_offset", "topk_ids", "topk_weights", "source_rank", "token_id",
              "position", "is_decode", "sequence_offset", "physical_to_logical", "expert_counts",
              "source_expert_counts"]
MARGIN_BITS = {"_untrained": 2.0, "_random_gate": 0.7}


def joint_table(a, b):
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    return table / len(a)


def mutual_information_bits(a, b):
    """I(a; b) = H(a) + H(b) - H(a, b), from the observed frequencies."""
    def entropy(p):
        p = p[p > 0]
        return -np.sum(p * np.log2(p))
    joint = joint_table(a, b)
    return entropy(joint.sum(1)) + entropy(joint.sum(0)) - entropy(joint.ravel())


class TinyMoeTrace(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with h5py.File(TRACE, "r") as file:
            cls.attrs = dict(file.attrs)
            cls.data = {name: dataset[()] for name, dataset in file.items()}
            cls.dataset_attrs = {name: dict(dataset.attrs) for name, dataset in file.items()}
            cls.chunks = {name: dataset.chunks for name, dataset in file.items()}
            cls.variable_length = [name for name in file.attrs
                                   if h5py.check_string_dtype(file.attrs.get_id(name).dtype)
                                   and file.attrs.get_id(name).dtype.kind == "O"]
        cls.top1 = cls.data["topk_ids"][..., 0].astype(np.int64)
        cls.layers, cls.tokens, cls.top_k = cls.data["topk_ids"].shape

    def text(self, name):
        return self.attrs[name].decode()

    def test_root_attributes_follow_the_schema(self):
        expected = {"schema": "epsim-trace", "kind": "tokens", "id_space": "logical",
                    "origin": "recorded"}
        self.assertEqual({name: self.text(name) for name in expected}, expected)
        self.assertEqual(self.attrs["schema_version"].tolist(), [1, 0, 0])
        self.assertEqual(self.attrs["schema_version"].dtype, np.int32)
        for name, value in (("num_experts", 16), ("top_k", self.top_k), ("source_count", 1)):
            self.assertEqual(self.attrs[name], value)
            self.assertEqual(np.asarray(self.attrs[name]).dtype, np.int32)
        for name in ("producer", "source", "model", "figures"):
            self.assertTrue(self.text(name))
        self.assertIn("torch", self.text("producer"))
        self.assertEqual(self.variable_length, [])

    def test_datasets_have_their_types_and_shapes(self):
        steps, sequences = (len(self.data[n]) for n in ("step_offset", "sequence_offset"))
        expected = {"layer": ("int32", (self.layers,)), "step_offset": ("int64", (steps,)),
                    "topk_ids": ("uint8", (4, self.tokens, 2)),
                    "topk_weights": ("float32", (4, self.tokens, 2)),
                    "token_id": ("int32", (self.tokens,)), "position": ("int32", (self.tokens,)),
                    "sequence_offset": ("int64", (sequences,))}
        found = {name: (str(d.dtype), d.shape) for name, d in self.data.items()}
        self.assertEqual(found, expected)
        for name in ("topk_ids", "topk_weights"):
            self.assertEqual(self.chunks[name], (1, min(self.tokens, 65536), self.top_k))
        for name, attrs in self.dataset_attrs.items():
            self.assertIsInstance(attrs["long_name"], np.bytes_, name)
            self.assertEqual(attrs["units"], b"1", name)

    def test_file_is_small_yet_a_real_recording(self):
        self.assertLess(TRACE.stat().st_size, 2_000_000)
        self.assertGreater(self.tokens, 40_000)

    def test_hash_is_that_of_the_datasets(self):
        digest = hashlib.sha256()
        for name in HASH_ORDER:
            if name in self.data:
                data = self.data[name]
                digest.update(data.astype(data.dtype.newbyteorder("<")).tobytes(order="C"))
        self.assertEqual(self.text("sha256"), digest.hexdigest())

    def test_ids_are_distinct_and_in_range(self):
        ids = self.data["topk_ids"]
        self.assertLess(ids.max(), self.attrs["num_experts"])
        self.assertTrue(np.all(np.diff(np.sort(ids, -1).astype(int), axis=-1) > 0))

    def test_weights_fall_and_sum_to_one(self):
        weights = self.data["topk_weights"]
        self.assertTrue(np.all(weights > 0))
        self.assertTrue(np.all(np.diff(weights, axis=-1) <= 0))
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=0, atol=1e-6)

    def test_steps_are_whole_sequences_and_both_cover_every_token(self):
        for name in ("step_offset", "sequence_offset"):
            offset = self.data[name]
            self.assertEqual((offset[0], offset[-1]), (0, self.tokens), name)
            self.assertTrue(np.all(np.diff(offset) > 0), name)
        steps, sequences = self.data["step_offset"], self.data["sequence_offset"]
        self.assertTrue(np.isin(steps, sequences).all())
        self.assertLess(np.abs(np.diff(steps)[:-1] - 2048).max(), 256)
        length = np.diff(sequences)
        start = np.repeat(sequences[:-1], length)
        np.testing.assert_array_equal(self.data["position"], np.arange(self.tokens) - start)

    def test_token_tells_more_of_the_expert_than_before_training(self):
        found = [mutual_information_bits(self.data["token_id"], e) for e in self.top1]
        np.testing.assert_allclose(self.attrs["mi_token_expert_bits"], found, atol=1e-9)
        for control in ("_untrained", "_random_gate"):
            excess = np.array(found) - self.attrs["mi_token_expert_bits" + control]
            self.assertTrue(np.all(excess > MARGIN_BITS[control]), (control, excess))

    def test_information_is_not_the_bias_of_the_estimator(self):
        rng = np.random.default_rng(12345)
        bias = [mutual_information_bits(self.data["token_id"], rng.permutation(e))
                for e in self.top1]
        np.testing.assert_allclose(self.attrs["mi_token_expert_bits_shuffled"], bias, atol=0.02)
        self.assertTrue(np.all(self.attrs["mi_token_expert_bits"] > 5 * np.array(bias)))

    def test_information_stays_under_the_entropy_of_the_experts(self):
        for e, stored, information in zip(self.top1, self.attrs["top1_entropy_bits"],
                                          self.attrs["mi_token_expert_bits"]):
            self.assertAlmostEqual(stored, mutual_information_bits(e, e), places=9)
            self.assertLess(information, stored)

    def test_next_layer_follows_from_this_one_better_than_before_training(self):
        found = [joint_table(a, b).max(1).sum() for a, b in zip(self.top1, self.top1[1:])]
        np.testing.assert_allclose(self.attrs["next_layer_accuracy"], found, atol=1e-12)
        for name in ("next_layer_accuracy_untrained", "next_layer_accuracy_random_gate",
                     "next_layer_majority"):
            self.assertTrue(np.all(np.array(found) > self.attrs[name] + 0.15), (name, found))

    def test_load_figures_are_those_of_the_file(self):
        experts = self.attrs["num_experts"]
        skew = [np.bincount(i.ravel(), minlength=experts).max() * experts / i.size
                for i in self.data["topk_ids"]]
        np.testing.assert_allclose(self.attrs["load_max_over_mean"], skew, atol=1e-12)
        self.assertLess(self.attrs["eval_loss_nats"], self.attrs["eval_loss_nats_untrained"] - 2)


if __name__ == "__main__":
    unittest.main()
