"""`epsim trace import` of the files of other systems, written here by format_writers.py."""

import json
import os
import pathlib
import pickle
import struct
import sys
import unittest
import zipfile

import numpy as np

sys.path[:0] = [str(pathlib.Path(os.environ["EPSIM_SOURCE_DIR"]) / "tests" / room)
                for room in ("app", "trace")]
import format_writers as writers  # noqa: E402
from epsim_program import run_epsim  # noqa: E402
from format_test import FormatTest, random_ids  # noqa: E402


class Sglang(FormatTest):
    EXPERTS, SLOTS, LAYERS, K = 10, 14, 3, 4

    def recording(self, with_map=True):
        """Two ranks, three passes; layer 0 is dense; slots 10.. are replicas."""
        slots = np.array([np.concatenate([self.random.permutation(self.EXPERTS),
                                          self.random.integers(0, self.EXPERTS, 4)])
                          for _ in range(self.LAYERS)], "<i8")
        expected, paths = [], []
        files = {0: [], 1: []}
        for step in (7, 9, 12):
            for rank in (0, 1):
                tokens = int(self.random.integers(0, 5)) + rank
                ids = np.full((self.LAYERS, tokens, 8), -1, "<i4")
                logical = random_ids(self.random, self.LAYERS, tokens, self.EXPERTS, self.K)
                for layer in range(1, self.LAYERS):
                    for t in range(tokens):
                        for j, e in enumerate(logical[layer, t]):
                            ids[layer, t, j] = self.random.choice(
                                np.flatnonzero(slots[layer] == e))
                expected.append((step, rank, logical[1:]))
                files[rank].append({
                    "forward_pass_id": step, "rank": rank, "gatherer_key": "primary",
                    "input_ids": list(range(100, 100 + tokens)), "positions": list(range(tokens)),
                    "extend_seq_lens": None, "forward_mode": 2 if step == 12 else 1,
                    "topk_ids_of_layer": ids, "misc_objects": [],
                    "global_physical_count": np.zeros((self.LAYERS, self.SLOTS), "<i8")})
        for rank, records in files.items():
            value = {"records": records}
            if with_map:
                value["last_physical_to_logical_map"] = slots
            paths.append(self.folder / f"recorder_1700.5_{rank}.pt")
            writers.save_torch(paths[-1], value, protocol=2 + 2 * rank)
        return paths, slots, expected

    def test_per_token_through_its_own_map(self):
        paths, _, expected = self.recording()
        data, attributes = self.imported("sglang-per-token", *paths)
        np.testing.assert_array_equal(data["layer"], [1, 2])
        np.testing.assert_array_equal(data["topk_ids"],
                                      np.concatenate([ids for *_, ids in expected], axis=1))
        np.testing.assert_array_equal(
            data["source_rank"], np.repeat([r for _, r, _ in expected],
                                           [ids.shape[1] for *_, ids in expected]))
        tokens = [sum(ids.shape[1] for s, _, ids in expected if s == step) for step in (7, 9, 12)]
        np.testing.assert_array_equal(data["step_offset"], np.cumsum([0, *tokens]))
        np.testing.assert_array_equal(data["is_decode"],
                                      np.repeat([0, 0, 1], tokens))
        self.assertEqual((attributes["num_experts"], attributes["top_k"]), (10, 4))

    def test_per_token_needs_a_placement(self):
        paths, slots, expected = self.recording(with_map=False)
        self.refused("Give the placement with --placement", *paths)
        placement = self.folder / "placement.json"
        placement.write_text(json.dumps({"physical_to_logical_map": slots.tolist()}))
        data, _ = self.imported("sglang-per-token", *paths, "--placement", placement)
        np.testing.assert_array_equal(data["topk_ids"],
                                      np.concatenate([ids for *_, ids in expected], axis=1))
        placement.write_text(json.dumps({"physical_to_logical_map": slots[:2].tolist()}))
        self.refused("the placement has no layer 2", *paths, "--placement", placement)

    def test_stat(self):
        counts = np.zeros((5, 3, 6), "<i4")  # rows 0 and 3 of the ring are used; layer 0 is dense
        for step in (0, 3):
            for layer in (1, 2):
                np.add.at(counts[step, layer], random_ids(self.random, 1, 40, 6, 2).ravel(), 1)
        path = self.folder / "recorder.pt"
        writers.save_torch(path, {"rank": 0, "logical_count": counts,
                                  "average_utilization_rate_over_window": None})
        self.refused("--top-k is missing", path)
        data, attributes = self.imported("sglang-stat", path, "--top-k", 2)
        self.assertEqual(attributes["origin"], "synthesised-from-counts")
        np.testing.assert_array_equal(data["layer"], [1, 2])
        np.testing.assert_array_equal(self.expert_counts(data, 6), counts[[0, 3], 1:])
        self.assertTrue(all(len(set(t)) == 2 for ids in data["topk_ids"] for t in ids))

    def test_counts_of_two_and_three_axes(self):
        counts = np.bincount(random_ids(self.random, 1, 30, 5, 3).ravel(), minlength=5)
        layers = [[0.0] * 5, counts.astype(float).tolist()]
        path = self.folder / "counts.json"
        for value, steps in ((layers, 1), ([layers, layers], 2)):
            path.write_text(json.dumps({"logical_count": value}))
            data, _ = self.imported("sglang-counts", path, "--top-k", 3)
            np.testing.assert_array_equal(self.expert_counts(data, 5),
                                          np.tile(counts, (steps, 1, 1)))
        self.refused("was chosen", path, "--top-k", 5)  # some expert misses some token
        path.write_text(json.dumps({"logical_count": [[1.5, 2]]}))
        self.refused("1.5 stands where a whole number should be", path, "--top-k", 1)
        path.write_text(json.dumps({"logical_count": [[0, 0]]}))
        self.refused("every count is 0", path, "--top-k", 1)


class TorchFiles(FormatTest):
    def malicious(self, payload):
        path = self.folder / "evil.pt"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("archive/data.pkl", payload)
        return path

    def test_nothing_is_executed(self):
        witness = self.folder / "witness"

        class Evil:
            def __reduce__(self):
                return (os.system, (f"touch {witness}",))
        for protocol in (2, 4):
            path = self.malicious(pickle.dumps({"logical_count": Evil()}, protocol))
            error = self.refused("nothing was executed", path)
            self.assertIn("system", error)
            self.assertFalse(witness.exists())
        with zipfile.ZipFile(path) as file:  # the file is what it says: Python runs it
            pickle.loads(file.read("archive/data.pkl"))
        self.assertTrue(witness.exists())

    def test_every_name_but_those_known_is_refused(self):
        for name in ("builtins eval", "torch.hub load", "torch load", "numpy.core.multiarray "
                     "_reconstruct", "collections defaultdict", "torch._utils _rebuild_parameter"):
            module, function = name.split()
            path = self.malicious(f"c{module}\n{function}\n.".encode())
            self.refused(f"{module}.{function}", path)
        for operation in (b"i", b"o", b"b", b"\x81", b"\x82", b"P", b"S"):
            self.refused("nothing was executed", self.malicious(b"\x80\x02]" + operation + b"."))

    def test_damage(self):
        good = self.folder / "good.pt"
        writers.save_torch(good, {"rank": 0, "logical_count": np.ones((1, 2, 4), "<i4")})
        self.imported("sglang-stat", good, "--top-k", 2)
        bytes_ = good.read_bytes()
        bad = self.folder / "bad.pt"
        for n in range(0, len(bytes_), 37):
            bad.write_bytes(bytes_[:n])
            done = run_epsim("trace", "import", bad, "--top-k", 2, "-o", self.folder / "no.h5")
            self.assertEqual(done.returncode, 2, done.stderr)

    def test_tensors_beyond_their_storage(self):
        storage = b"(X\x07\x00\x00\x00storagectorch\nIntStorage\nX\x01\x00\x00\x000X\x03\x00\x00" \
                  b"\x00cpuK\x01tQ"
        huge = b"\x8a\x06" + (1 << 40).to_bytes(6, "little")
        tensor = (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + b"K\x01K\x01" +
                  huge + b"\x87" + huge + huge + b"K\x01\x87\x89}tR")
        path = self.folder / "huge.pt"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("archive/data.pkl",
                          b"\x80\x02}X\x0d\x00\x00\x00logical_count" + tensor + b"s.")
            file.writestr("archive/data/0", b"\x00" * 4)
        self.refused("its storage 1", path, "--top-k", 1)


class Vllm(FormatTest):
    def test_responses_mask_dense_layers(self):
        ids = random_ids(self.random, 4, 9, 16, 3)
        ids[[0, 2]] = 0
        array = ids.transpose(1, 0, 2).astype("u1")
        parts = array[:5], array[5:7], array[7:]
        path = self.folder / "responses.jsonl"
        writers.save_lines(path, [
            {"choices": [{"routed_experts": parts[1].tolist()}, {"routed_experts": None}],
             "prompt_routed_experts": writers.base64_npy(parts[0]), "usage": {}},
            {"routed_experts": writers.base64_npy(parts[2])}])
        data, attributes = self.imported("vllm", path, "--num-experts", 16)
        np.testing.assert_array_equal(data["layer"], [1, 3])
        np.testing.assert_array_equal(data["topk_ids"], ids[[1, 3]])
        np.testing.assert_array_equal(data["sequence_offset"], [0, 7, 9])
        self.assertEqual(attributes["origin"], "recorded")

    def test_arrays_and_base64(self):
        ids = random_ids(self.random, 3, 130, 300, 2)
        array = ids.transpose(1, 0, 2).astype("<u2")
        np.save(self.folder / "a.npy", array)
        (self.folder / "a.txt").write_text(writers.base64_npy(array) + "\n")
        for name in ("a.npy", "a.txt"):
            data, _ = self.imported("vllm", self.folder / name, "--num-experts", 300)
            np.testing.assert_array_equal(data["topk_ids"], ids)
        self.refused("--num-experts is missing", self.folder / "a.txt")
        self.refused("out of range", self.folder / "a.txt", "--num-experts", 100)
        (self.folder / "a.txt").write_text(writers.base64_npy(array)[:-5])
        self.refused("no base64", self.folder / "a.txt", "--num-experts", 300)


class TensorRtLlm(FormatTest):
    def recording(self):
        """{rank: {(iteration, layer): ids}}"""
        return {rank: {(i, layer): ids for i in (10, 11) for layer, ids in zip(
            (3, 4), random_ids(self.random, 2, int(self.random.integers(1, 6)), 8, 2))}
            for rank in range(3)}

    def save(self, ranks, meta=True):
        for rank, records in ranks.items():
            writers.save_safetensors(
                self.folder / f"rank{rank}.safetensors",
                {f"{i}_{l}": np.bincount(ids.ravel(), minlength=8).astype("<i8")
                 for (i, l), ids in records.items()})
            writers.save_safetensors(self.folder / f"rank{rank}_raw.safetensors",
                                     {f"{i}_{l}": ids.astype("<i4")
                                      for (i, l), ids in records.items()})
        if meta:
            (self.folder / "meta_info.json").write_text(
                json.dumps({"num_experts": 8, "num_experts_per_token": 2}))

    def expected(self, ranks):
        return np.stack([np.concatenate([ranks[r][i, layer] for i in (10, 11) for r in range(3)])
                         for layer in (3, 4)])

    def test_tokens_are_preferred_to_counts(self):
        ranks = self.recording()
        self.save(ranks)
        data, attributes = self.imported("trtllm-tokens", self.folder)
        np.testing.assert_array_equal(data["topk_ids"], self.expected(ranks))
        np.testing.assert_array_equal(data["layer"], [3, 4])
        self.assertEqual((attributes["num_experts"], attributes["source_count"]), (8, 3))

    def test_counts_by_rank(self):
        ranks = self.recording()
        self.save(ranks)
        data, _ = self.imported("trtllm-statistics",
                                *(self.folder / f"rank{r}.safetensors" for r in ranks))
        np.testing.assert_array_equal(
            self.expert_counts(data, 8),
            [[sum(np.bincount(ranks[r][i, l].ravel(), minlength=8) for r in ranks)
              for l in (3, 4)] for i in (10, 11)])
        for rank in ranks:
            ids = data["topk_ids"][0][data["source_rank"] == rank]
            np.testing.assert_array_equal(
                np.bincount(ids.ravel(), minlength=8),
                sum(np.bincount(ranks[rank][i, 3].ravel(), minlength=8) for i in (10, 11)))

    def test_slots_go_through_the_placement(self):
        ranks = self.recording()
        self.save(ranks)
        slots = {l: [int(e) for e in self.random.permutation(8)] for l in (3, 4)}
        placement = self.folder / "eplb.yaml"
        placement.write_text("num_slots: 8\ninitial_global_assignments:\n" + "".join(
            f"  {l}: {s}\n" for l, s in slots.items()))
        mapped = np.stack([np.array(slots[l])[ids]
                           for l, ids in zip((3, 4), self.expected(ranks))])
        raw = [self.folder / f"rank{r}_raw.safetensors" for r in ranks]
        data, _ = self.imported("trtllm-tokens", *raw, "--placement", placement)
        np.testing.assert_array_equal(data["topk_ids"], mapped)
        path = self.folder / "calibration.json"
        writers.save_calibration(path, [{i: {l: ranks[r][i, l] for l in (3, 4)}
                                         for i in (10, 11)} for r in ranks], 8)
        data, _ = self.imported("trtllm-calibration", path, "--placement", placement)
        np.testing.assert_array_equal(data["topk_ids"], mapped)
        data, _ = self.imported("trtllm-calibration", path, "--num-experts", 8)
        np.testing.assert_array_equal(data["topk_ids"], self.expected(ranks))
        self.refused("Give the placement with --placement", path)

    def test_bad_files(self):
        self.save(self.recording(), meta=False)
        self.refused("--num-experts is missing", self.folder / "rank0.safetensors")
        huge = self.folder / "huge.safetensors"
        header = b'{"1_1": {"dtype": "I64", "shape": [274877906944], "data_offsets": [0, 8]}}'
        huge.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 8)
        self.refused("needs more bytes", huge)
        huge.write_bytes(struct.pack("<Q", 1 << 41) + header)
        self.refused("no format that is known", huge)


class Megatron(FormatTest):
    def test_router_trace(self):
        ids = {(s, l, r): random_ids(self.random, 1, 3 + r + s, 6, 2)[0]
               for s in (1, 2) for l in (2, 4) for r in (0, 1)}
        for rank in (0, 1):
            writers.save_lines(
                self.folder / f"router_trace_rank{rank}.jsonl",
                [{"step": s, "layer": l, "rank": r, "num_tokens": len(part), "topk": 2,
                  "top_indices": part.tolist(), "block": block}
                 for (s, l, r), x in ids.items() if r == rank
                 for part, block in ((x[:2], "decoder"), (x[2:], "decoder"), (x[:1], "mtp"))])
        (self.folder / "logits_rank0.bin").write_bytes(b"\x00\x01")
        data, _ = self.imported("megatron-router-trace", self.folder, "--num-experts", 6)
        for i, layer in enumerate((2, 4)):
            np.testing.assert_array_equal(
                data["topk_ids"][i],
                np.concatenate([ids[s, layer, r] for s in (1, 2) for r in (0, 1)]))
        np.testing.assert_array_equal(data["step_offset"], [0, 9, 20])
        self.refused("--num-experts is missing", self.folder)
        self.refused("expert", self.folder, "--num-experts", 2)

    def test_tokens_per_expert(self):
        counts = np.zeros((2, 8), int)  # 2 iterations; EP 4, twice over
        for iteration in (0, 1):
            np.add.at(counts[iteration], random_ids(self.random, 1, 50, 8, 3).ravel(), 1)
        folder = self.folder / "tokens_per_expert"
        folder.mkdir()
        for rank in range(8):
            half = counts[:, rank % 4 * 2:][:, :2] // 2
            mine = half if rank < 4 else counts[:, rank % 4 * 2:][:, :2] - half
            writers.save_lines(folder / f"rank{rank}.jsonl",
                               [{"iter": 100 * i, "block": "decoder", "layer": 3,
                                 "tpe": [mine[i].tolist(), [0, 0]]} for i in (0, 1)])
        data, _ = self.imported("megatron-tokens-per-expert", folder, "--top-k", 3,
                                "--num-experts", 8)
        np.testing.assert_array_equal(self.expert_counts(data, 8)[:, 0], counts)
        np.testing.assert_array_equal(data["layer"], [3])


class Arrays(FormatTest):
    def softmax_top_k(self, logits, k):
        p = np.exp(logits - logits.max(-1, keepdims=True))
        p /= p.sum(-1, keepdims=True)
        order = np.argsort(-p, axis=-1, kind="stable")[..., :k]
        return order, np.take_along_axis(p, order, -1)

    def test_router_logits_through_any_gate(self):
        logits = self.random.normal(size=(2, 50, 7)).astype("<f4")
        order, weights = self.softmax_top_k(logits.astype("f8"), 3)
        np.save(self.folder / "logits.npy", logits)
        for layer in (0, 1):
            np.save(self.folder / f"layer_{layer + 4}.npy", logits[layer])
        writers.save_safetensors(self.folder / "logits.safetensors",
                                 {f"model.layers.router_logits.{l + 4}": logits[l]
                                  for l in (0, 1)})
        for layers, *arguments in (([0, 1], self.folder / "logits.npy"),
                                   ([4, 5], self.folder / "layer_4.npy",
                                    self.folder / "layer_5.npy"),
                                   ([4, 5], self.folder / "logits.safetensors")):
            data, _ = self.imported("router-logits", *arguments, "--top-k", 3)
            np.testing.assert_array_equal(data["topk_ids"], order)
            np.testing.assert_allclose(data["topk_weights"], weights, rtol=1e-5)
            np.testing.assert_array_equal(data["layer"], layers)
        data, _ = self.imported("router-logits", self.folder / "logits.npy", "--top-k", 3,
                                "--renormalise")
        np.testing.assert_allclose(data["topk_weights"].sum(-1), 1, rtol=1e-5)
        data, _ = self.imported("router-logits", self.folder / "logits.npy", "--top-k", 3, "--gate",
                                "sigmoid")
        np.testing.assert_array_equal(data["topk_ids"], order)
        self.refused("--top-k is missing", self.folder / "logits.npy")
        self.refused("--gate hash", self.folder / "logits.npy", "--top-k", 1, "--gate", "hash")

    def test_counts_by_source(self):
        ids = random_ids(self.random, 2 * 3 * 2 * 2, 11, 5, 2).reshape(2, 3, 2, 2, -1)
        counts = np.apply_along_axis(np.bincount, -1, ids, minlength=5).astype("<u2")
        np.save(self.folder / "counts.npy", counts)
        data, attributes = self.imported("counts", self.folder / "counts.npy", "--top-k", 2,
                                         "--first-layer", 5)
        self.assertEqual(attributes["source_count"], 3)
        np.testing.assert_array_equal(data["layer"], [5, 6])
        for step in (0, 1):
            for source in range(3):
                mine = np.arange(len(data["source_rank"])) // 66 == step
                mine &= data["source_rank"] == source
                for layer in (0, 1):
                    np.testing.assert_array_equal(
                        np.bincount(data["topk_ids"][layer][mine].ravel(), minlength=5),
                        counts[step, source, layer].sum(0))
        again, _ = self.imported("counts", self.folder / "counts.npy", "--top-k", 2,
                                 "--first-layer", 5)
        np.testing.assert_array_equal(data["topk_ids"], again["topk_ids"])
        other, _ = self.imported("counts", self.folder / "counts.npy", "--top-k", 2,
                                 "--first-layer", 5, "--seed", 2)
        self.assertTrue((data["topk_ids"] != other["topk_ids"]).any())

    def test_synthesis_pairs_experts_at_random(self):
        np.save(self.folder / "counts.npy", np.full((1, 4), 10000, "<u2"))
        data, _ = self.imported("counts", self.folder / "counts.npy", "--top-k", 2)
        pairs = np.sort(data["topk_ids"][0].astype(int), axis=1)
        share = np.bincount(pairs[:, 0] * 4 + pairs[:, 1], minlength=16) / len(pairs)
        np.testing.assert_allclose(share[[1, 2, 3, 6, 7, 11]], 1 / 6, atol=0.02)

    def test_scaled_counts_keep_shares(self):
        counts = np.array([[400, 300, 200, 100], [250, 250, 250, 250]])
        np.save(self.folder / "counts.npy", counts)
        data, _ = self.imported("counts", self.folder / "counts.npy", "--top-k", 2, "--tokens", 50)
        np.testing.assert_array_equal(self.expert_counts(data, 4)[0], counts // 10)

    def test_what_is_no_routing(self):
        np.save(self.folder / "bytes.npy", self.random.random((4, 4)))
        self.refused("--exchange.traffic", self.folder / "bytes.npy")
        (self.folder / "bytes.csv").write_text("1,2\n3,4\n")
        self.refused("--exchange.traffic", self.folder / "bytes.csv")
        (self.folder / "text.txt").write_text("hello")
        self.refused("no format that is known", self.folder / "text.txt")
        (self.folder / "map.json").write_text(json.dumps({"physical_to_logical_map": [[1, 0]]}))
        self.refused("is a placement", self.folder / "map.json")
        self.refused("--format nzp is unknown (it says what the files are; nearest: npz)",
                     self.folder / "map.json", "--format", "nzp")
        self.refused("--seed does not apply", self.folder / "map.json", "--seed", 1)
        self.refused("--top-k does not apply", self.folder / "bytes.npy", "--top-k", 1)

    def test_missing_tokens_of_lines(self):
        lines = [{"dataset": "d", "problem_id": p, "layer": l, "token_idx": t,
                  "experts": [(p + t + l) % 4, (p + t + l + 1) % 4], "gating_probs": [0.75, 0.25]}
                 for p in (3, 5) for l in (0, 2) for t in range(4) if (p, l, t) != (5, 2, 1)]
        path = self.folder / "lines.jsonl"
        writers.save_lines(path, lines)
        data, _ = self.imported("token-lines", path, "--num-experts", 4)
        self.assertEqual(data["topk_ids"][1][5].tolist(), [-1, -1])
        self.assertEqual(data["topk_ids"][0][5].tolist(), [2, 3])
        np.testing.assert_array_equal(data["sequence_offset"], [0, 4, 8])
        writers.save_lines(path, [*lines, lines[0]])
        self.refused("repeats a token", path, "--num-experts", 4)


if __name__ == "__main__":
    unittest.main()
