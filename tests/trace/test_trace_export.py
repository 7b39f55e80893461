"""`epsim trace export`: what is written is read here without epsim's code, and import -> export ->
import is the identity."""

import base64
import io
import json
import os
import pathlib
import subprocess
import sys
import unittest
import zipfile
import zlib

import numpy as np

sys.path[:0] = [str(pathlib.Path(os.environ["EPSIM_SOURCE_DIR"]) / "tests" / room)
                for room in ("app", "trace")]
import format_writers as writers  # noqa: E402
from epsim_program import SOURCE_DIR, run_epsim  # noqa: E402
from format_test import FormatTest, random_ids  # noqa: E402

# format: (arguments of export, of import)
TOKENS = {"npz": ((), ()), "vllm": ((), ("E", "LAYERS_IF_TOP_1")),
          "megatron-router-trace": ((), ("E",)), "trtllm-tokens": ((), ()),
          "trtllm-calibration": ((), ("E",))}
COUNTS = {"trtllm-statistics": ((), ()), "sglang-counts": ((), ("K",)),
          "megatron-tokens-per-expert": ((), ("E", "K"))}


class Export(FormatTest):
    exports = 0

    def trace(self, tokens, experts, k, layers, sources=1, missing=0.0):
        """A random trace's file and ids; a step's tokens are sorted by source."""
        ids = random_ids(self.random, len(layers), tokens, experts, k)
        ids[self.random.random(ids.shape) < missing] = -1
        ids = -np.sort(-ids, axis=-1) if missing else ids  # what is missing stands at the end
        border = int(self.random.integers(0, tokens + 1))
        steps = [0, border, tokens] if 0 < border < tokens else [0, tokens]
        rank = np.concatenate([np.sort(self.random.integers(0, sources, b - a))
                               for a, b in zip(steps, steps[1:])])
        if tokens:
            rank[-1] = sources - 1
        arrays = {"topk_ids": ids.astype("<i4"), "layer": np.array(layers, "<i4"),
                  "step_offset": np.array(steps, "<i8"), "num_experts": np.array([experts], "<i4"),
                  "topk_weights": self.random.random(ids.shape).astype("<f4"),
                  "source_count": np.array([sources], "<i4"),
                  "sequence_offset": np.array([0, tokens], "<i8"),
                  "token_id": np.arange(tokens, dtype="<i4")}
        if sources > 1:
            arrays["source_rank"] = rank.astype("<i4")
        np.savez_compressed(self.folder / "random.npz", **arrays)
        path = self.folder / "random.h5"
        self.epsim("trace", "import", self.folder / "random.npz", "-o", path)
        return path, arrays

    def export(self, trace, name, *arguments):
        self.exports += 1
        out = self.folder / f"out{self.exports}"
        self.epsim("trace", "export", trace, "--format", name, "-o", out, *arguments)
        return out

    def words(self, wanted, arrays):
        k = arrays["topk_ids"].shape[2]
        layers = ",".join(map(str, arrays["layer"]))
        return sum(({"E": ["--num-experts", int(arrays["num_experts"][0])], "K": ["--top-k", k],
                     "LAYERS_IF_TOP_1": ["--layers", layers] if k == 1 else []}[w]
                    for w in wanted), [])

    def same(self, a, b):
        self.assertEqual(a[1], b[1])
        self.assertEqual(set(a[0]), set(b[0]))
        for name in a[0]:
            np.testing.assert_array_equal(a[0][name], b[0][name], name)

    def round_trip(self, name, trace, arrays, formats):
        give, take = formats[name]
        words = self.words(take, arrays)
        first = self.imported(name, self.export(trace, name, *give), *words)
        kept = self.folder / "kept.h5"
        (self.folder / "imported.h5").rename(kept)
        second = self.imported(name, self.export(kept, name, *give), *words)
        self.same(first, second)
        return first

    CASES = ((31, 9, 3, [1, 2, 5]), (1, 1, 1, [0]), (7, 4, 4, [0, 1]), (13, 6, 1, [0, 3]),
             (64, 300, 2, [2]))

    def test_tokens(self):
        for tokens, experts, k, layers in self.CASES:
            for sources in (1, 3) if tokens == 31 else (3,):
                trace, arrays = self.trace(tokens, experts, k, layers, sources)
                for name in TOKENS:
                    with self.subTest(format=name, experts=experts, k=k, sources=sources):
                        data, attributes = self.round_trip(name, trace, arrays, TOKENS)
                        np.testing.assert_array_equal(data["topk_ids"], arrays["topk_ids"])
                        np.testing.assert_array_equal(data["layer"], layers)
                        self.assertEqual(attributes["num_experts"], experts)
                        if name != "vllm":
                            np.testing.assert_array_equal(data["step_offset"],
                                                          arrays["step_offset"])
                        if name != "vllm" and sources > 1:
                            np.testing.assert_array_equal(data["source_rank"],
                                                          arrays["source_rank"])

    def test_missing_choices(self):
        trace, arrays = self.trace(40, 8, 3, [0, 2], missing=0.3)
        for name in TOKENS:
            with self.subTest(format=name):
                data, _ = self.round_trip(name, trace, arrays, TOKENS)
                np.testing.assert_array_equal(data["topk_ids"], arrays["topk_ids"])

    def test_no_tokens(self):
        trace, arrays = self.trace(0, 5, 2, [0, 1])
        for name in TOKENS:
            with self.subTest(format=name):
                data, _ = self.round_trip(name, trace, arrays, TOKENS)
                self.assertEqual(data["topk_ids"].shape, (2, 0, 2))

    def test_counts(self):
        for tokens, experts, k, layers in self.CASES:
            trace, arrays = self.trace(tokens, experts, k, layers, sources=2)
            original = self.expert_counts(arrays, experts)
            for name in COUNTS:
                with self.subTest(format=name, experts=experts, k=k):
                    data, attributes = self.round_trip(name, trace, arrays, COUNTS)
                    self.assertEqual(attributes["origin"], "synthesised-from-counts")
                    np.testing.assert_array_equal(self.expert_counts(data, experts), original)
                    np.testing.assert_array_equal(data["layer"], layers)

    def test_npz_keeps_everything(self):
        trace, arrays = self.trace(50, 9, 3, [1, 4], sources=3)
        before = self.read(trace)
        with np.load(self.export(trace, "npz")) as file:
            for name, array in before[0].items():
                np.testing.assert_array_equal(file[name], array)
        self.same(self.round_trip("npz", trace, arrays, TOKENS), before)

    def test_files_read_without_epsim(self):
        trace, arrays = self.trace(20, 6, 2, [1, 2], sources=2)
        ids, steps, rank = (arrays[n] for n in ("topk_ids", "step_offset", "source_rank"))

        def part(layer, step, r):
            at = slice(steps[step], steps[step + 1])
            return ids[layer, at][rank[at] == r]
        lines = self.export(trace, "vllm").read_text().splitlines()
        arrays_ = [np.load(io.BytesIO(base64.b64decode(json.loads(line)["routed_experts"])))
                   for line in lines]
        np.testing.assert_array_equal(np.concatenate(arrays_).transpose(1, 0, 2)[1:], ids)
        self.assertTrue((np.concatenate(arrays_)[:, 0] == 0).all())
        raw = self.export(trace, "trtllm-tokens")
        megatron = self.export(trace, "megatron-router-trace")
        calibration = json.loads(self.export(trace, "trtllm-calibration").read_text())
        for r in (0, 1):
            tensors = writers.load_safetensors(raw / f"rank{r}_raw.safetensors")
            records = [json.loads(line) for line in
                       (megatron / f"router_trace_rank{r}.jsonl").read_text().splitlines()]
            for record in records:
                expected = part(record["layer"] - 1, record["step"], r)
                self.assertEqual(record["top_indices"], expected.tolist())
                np.testing.assert_array_equal(tensors[f"{record['step']}_{record['layer']}"],
                                              expected)
            for step, record in enumerate(calibration["all_ranks_records"][r]):
                data = np.frombuffer(zlib.decompress(base64.b64decode(record["raw_data"])), "<i4")
                np.testing.assert_array_equal(
                    data, np.concatenate([part(l, step, r).ravel() for l in (0, 1)]))
        counts = json.loads(self.export(trace, "sglang-counts").read_text())["logical_count"]
        np.testing.assert_array_equal(np.array(counts)[:, 1:], self.expert_counts(arrays, 6))
        self.assertEqual(np.array(counts)[:, 0].max(), 0)

    def test_byte_matrix(self):
        for sources in (1, 4):
            trace, arrays = self.trace(24, 8, 3, [0, 1], sources)
            matrix = np.loadtxt(self.export(trace, "byte-matrix", "--ranks", 4, "--row-bytes",
                                            "2K"), delimiter=",")
            expected = np.zeros((4, 4))
            steps = arrays["step_offset"]
            for a, b in zip(steps, steps[1:]):
                for t in range(a, b):
                    source = arrays["source_rank"][t] if sources > 1 else (t - a) * 4 // (b - a)
                    for e in arrays["topk_ids"][:, t].ravel():
                        expected[source, e * 4 // 8] += 2048
            np.testing.assert_array_equal(matrix, expected)

    def convert_placement(self, path, form, output):
        own = self.folder / "own.json"
        self.epsim("placement", "import", path, "--ranks", 1, "-o", own)
        self.epsim("placement", "export", own, "--form", form, "-o", output)

    def test_placements(self):
        slots = {l: [*map(int, self.random.permutation(6)), int(self.random.integers(6))]
                 for l in range(3)}
        json_ = self.folder / "map.json"
        json_.write_text(json.dumps({"physical_to_logical_map": list(slots.values())}))
        for _ in (1, 2):
            yaml = self.folder / "map.yaml"
            self.convert_placement(json_, "trtllm-eplb", yaml)
            self.assertIn(f"  1: {slots[1]}\n", yaml.read_text())
            json_ = self.folder / "again.json"
            self.convert_placement(yaml, "sglang-placement", json_)
            self.assertEqual(json.loads(json_.read_text()),
                             {"physical_to_logical_map": list(slots.values())})
        json_.write_text(json.dumps({"physical_to_logical_map": [[0, 2]]}))
        done = run_epsim("placement", "import", json_, "--ranks", 1, "-o", self.folder / "no")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no slot for expert 1", done.stderr)

    def test_refusals(self):
        trace, _ = self.trace(5, 6, 2, [0])
        for says, *arguments in (("nearest: npz", "--format", "nzp"),
                                 ("--ranks does not apply", "--format", "npz", "--ranks", 2),
                                 ("does not divide the 6 experts", "--format",
                                  "megatron-tokens-per-expert", "--ranks", 4)):
            done = run_epsim("trace", "export", trace, *arguments, "-o", self.folder / "no")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(says, done.stderr)

    def test_hostile_npz(self):
        claim = self.folder / "claim.npz"
        head = b"{'descr': '<i4', 'fortran_order': False, 'shape': (1, 274877906944, 2), }\n"
        with zipfile.ZipFile(claim, "w") as file:
            file.writestr("topk_ids.npy",
                          b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + b"\0" * 8)
        self.refused("needs more bytes", claim, "--num-experts", 4)
        good, _ = self.trace(20, 4, 2, [0])
        bytes_ = (self.folder / "random.npz").read_bytes()
        for n in range(0, len(bytes_), 61):
            claim.write_bytes(bytes_[:n])
            self.refused("", claim)


class Parquet(FormatTest):
    def test_script(self):
        """With pyarrow, its files arrive; without, the script says what is missing."""
        script = SOURCE_DIR / "scripts/trace_from_parquet.py"
        python = os.environ.get("EPSIM_PYARROW_PYTHON", sys.executable)
        out = self.folder / "t.npz"
        ids = random_ids(self.random, 2, 12, 9, 3)
        written = subprocess.run(
            [python, "-c", "import json, sys, pyarrow as a, pyarrow.parquet as p\n"
             "for layer, ids in enumerate(json.loads(sys.argv[1])):\n"
             "    p.write_table(a.table({'indices': a.array(ids, a.list_(a.int16())), 'scores':"
             " a.array([[0.5] * 3] * 12, a.list_(a.float32()))}),"
             " f'{sys.argv[2]}/layer_{layer + 3}.parquet')", json.dumps(ids.tolist()),
             str(self.folder)], capture_output=True, text=True)
        files = sorted(self.folder.glob("*.parquet"))
        done = subprocess.run([python, str(script), *map(str, files or ["x"]), "-o", str(out),
                               "--num-experts", "9"], capture_output=True, text=True)
        if written.returncode != 0:
            self.assertEqual(done.returncode, 2)
            self.assertIn("pip install pyarrow", done.stderr)
            self.skipTest("pyarrow is not installed (EPSIM_PYARROW_PYTHON names a Python with it)")
        self.assertEqual(done.returncode, 0, done.stderr)
        data, attributes = self.imported("npz", out)
        np.testing.assert_array_equal(data["topk_ids"], ids)
        np.testing.assert_array_equal(data["layer"], [3, 4])
        self.assertTrue((data["topk_weights"] == 0.5).all())
        self.assertEqual(attributes["origin"], "recorded")


if __name__ == "__main__":
    unittest.main()
