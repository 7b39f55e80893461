"""Trace files written here are read there, and the other way round; bad ones are refused."""
import hashlib
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import h5py
import numpy as np

EPSIM = os.environ["EPSIM"]
MAKE_FILE = Path(os.environ["EPSIM_TEST_BINARY_DIR"]) / "make_file"
SMALL_TRACE = Path(os.environ["EPSIM_SOURCE_DIR"]) / "configs/traces/tiny-moe.h5"
HASH_ORDER = ["layer", "step_offset", "topk_ids", "topk_weights", "source_rank", "token_id",
              "position", "is_decode", "sequence_offset", "physical_to_logical", "expert_counts",
              "source_expert_counts"]
EXPERTS, TOP_K, LAYERS, TOKENS = 16, 3, 2, 50


def content_hash(file):
    """SHA-256 of the datasets' little-endian bytes, C order, in the stored type."""
    digest = hashlib.sha256()
    for name in HASH_ORDER:
        if name in file:
            values = file[name][()]
            digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def random_ids(rng, dtype="u1"):
    return np.stack([[rng.permutation(EXPERTS)[:TOP_K] for _ in range(TOKENS)]
                     for _ in range(LAYERS)]).astype(dtype)


class TraceFile(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "t.h5")
        self.rng = np.random.default_rng(1)

    def write(self, **changes):
        """A good trace; `changes` replace (or, None, leave out) attributes and datasets."""
        attributes = {"schema": np.bytes_("epsim-trace"), "schema_version": np.array([1, 2, 3], "i4"),
                      "num_experts": EXPERTS, "top_k": TOP_K, "kind": "tokens",
                      "id_space": np.bytes_("logical"), "origin": "recorded", "source_count": 4}
        datasets = {"layer": np.array([3, 7], "i4"), "step_offset": np.array([0, 20, 20, 50]),
                    "topk_ids": random_ids(self.rng),
                    "topk_weights": self.rng.random((LAYERS, TOKENS, TOP_K), "f4"),
                    "source_rank": self.rng.integers(0, 4, TOKENS, "i4"),
                    "sequence_offset": np.array([0, 10, 50])}
        for name, value in changes.items():
            where = attributes if name in attributes or name == "sha256" else datasets
            if value is None:
                del where[name]
            else:
                where[name] = value
        with h5py.File(self.path, "w") as file:
            for name, data in datasets.items():
                file[name] = data
            file.attrs.update(attributes)
            if "sha256" not in attributes:
                file.attrs["sha256"] = content_hash(file)

    def verify(self):
        return subprocess.run([EPSIM, "verify", self.path], capture_output=True, text=True)

    def expect(self, code, message=""):
        done = self.verify()
        self.assertEqual(done.returncode, code, done)
        self.assertIn(message, done.stderr)
        if code != 0:
            self.assertIn(self.path, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def refuse(self, message, **changes):
        with self.subTest(message):
            self.write(**changes)
            self.expect(2, message)

    def test_good_traces(self):
        self.write()
        self.expect(0)
        for dtype in ("u1", "<u2", ">u2", "<i2", ">i4", "<i4"):
            with self.subTest(dtype):
                ids = random_ids(self.rng, dtype)
                if dtype != "u1" and "i" in dtype:
                    ids[:, ::7, 1] = -1
                self.write(topk_ids=ids)
                self.expect(0)
        self.write(topk_weights=None, sequence_offset=None, source_rank=None, source_count=None)
        self.expect(0)
        self.write(layer=np.array([1, 0], "i4"), step_offset=np.array([0]), sequence_offset=None,
                   source_rank=None, topk_ids=np.zeros((2, 0, TOP_K), "u1"),
                   topk_weights=np.zeros((2, 0, TOP_K), "f4"))
        self.expect(0)

    def test_attributes(self):
        self.refuse("its schema is 'other'", schema="other")
        self.refuse("has no attribute schema", schema=None)
        self.refuse("schema_version is 2.0.0 (this epsim reads 1.x)",
                    schema_version=np.array([2, 0, 0], "i4"))
        self.refuse("attribute schema_version is not 3 integers", schema_version=1)
        self.refuse("has no attribute num_experts", num_experts=None)
        self.refuse("num_experts = 0", num_experts=0)
        self.refuse("num_experts = -5", num_experts=-5)
        self.refuse("num_experts = 1099511627776", num_experts=2**40)
        self.refuse("attribute num_experts is not 1 integer", num_experts="16")
        self.refuse("top_k = 3 exceeds num_experts = 2", num_experts=2)
        self.refuse("top_k = 0", top_k=0)
        self.refuse("holds counts, not tokens", kind="counts")
        self.refuse("kind = 'x'", kind="x")
        self.refuse("holds physical ids", id_space="physical")
        self.refuse("origin = 'somewhere' (known: recorded, ", origin="somewhere")
        self.refuse("source_count = 0", source_count=0)

    def test_arrays(self):
        for name in ("layer", "step_offset", "topk_ids"):
            self.refuse(f"has no dataset {name}", **{name: None})
        self.refuse("/layer has layer 3 twice", layer=np.array([3, 3], "i4"))
        self.refuse("/layer has layer -1", layer=np.array([-1, 3], "i4"))
        self.refuse("/layer does not hold int32", layer=np.array([1., 2.]))
        self.refuse("/topk_ids has shape [2, 50, 3], not [1, 50, 3]", layer=np.array([3], "i4"))
        self.refuse("/topk_ids has shape [2, 50, 3], not [2, 50, 4]", top_k=4)
        self.refuse("/topk_ids has shape [2, 3]", topk_ids=np.zeros((2, 3), "u1"))
        self.refuse("/topk_ids does not hold int32", topk_ids=random_ids(self.rng, "i8"))
        self.refuse("/topk_ids does not hold int32", topk_ids=random_ids(self.rng, "u4"))
        self.refuse("/topk_ids does not hold int32", topk_ids=random_ids(self.rng, "f4"))
        self.refuse("/topk_weights has shape", topk_weights=np.zeros((LAYERS, TOKENS, 2), "f4"))
        self.refuse("/topk_weights does not hold float32", topk_weights=np.zeros((LAYERS, TOKENS, TOP_K)))
        self.refuse("/step_offset does not go from 0 to the 50", step_offset=np.array([0, 49]))
        self.refuse("/step_offset does not go from 0 to the 50", step_offset=np.array([1, 50]))
        self.refuse("/step_offset does not go from 0 to the 50", step_offset=np.array([], "i8"))
        self.refuse("/step_offset falls", step_offset=np.array([0, 30, 20, 50]))
        self.refuse("/step_offset has 2 dimensions", step_offset=np.array([[0, 50]]))
        self.refuse("/sequence_offset falls", sequence_offset=np.array([0, -1, 50]))
        self.refuse("/source_rank has shape", source_rank=np.zeros(49, "i4"))
        self.refuse("/source_rank does not hold int32", source_rank=np.zeros(50, "i8"))

    def test_values(self):
        def changed(value, dtype="i4"):
            ids = random_ids(self.rng, dtype)
            ids[1, 33, 2] = value
            return ids

        self.refuse("layer 7, token 33: expert id 16 is out of range (0 to 15", topk_ids=changed(16))
        self.refuse("layer 7, token 33: expert id 200 is", topk_ids=changed(200, "u1"))
        self.refuse("layer 7, token 33: expert id -2 is", topk_ids=changed(-2))
        ids = random_ids(self.rng)
        ids[0, 49, 2] = ids[0, 49, 0]
        self.refuse(f"layer 3, token 49: expert id {ids[0, 49, 0]} occurs twice", topk_ids=ids)
        for value in (np.nan, np.inf):
            weights = np.zeros((LAYERS, TOKENS, TOP_K), "f4")
            weights[0, 21, 1] = value
            self.refuse("layer 3, token 21: gate weight", topk_weights=weights)
        self.refuse("/source_rank of token 0 is 4 (0 to 3", source_rank=np.full(50, 4, "i4"))
        self.refuse("/is_decode of token 0 is 2", is_decode=np.full(50, 2, "u1"))

    def refuse_edited(self, message, edit):
        with self.subTest(message):
            self.write()
            with h5py.File(self.path, "r+") as file:
                edit(file)
            self.expect(2, message)

    def test_claims_without_data(self):
        def claim(shape, dtype="u1", **options):
            def edit(file):
                del file["topk_ids"]
                file.create_dataset("topk_ids", shape, dtype, **options)
            return edit

        self.refuse_edited("/topk_ids should take 300 bytes, but 0 are stored", claim((2, 50, 3)))
        self.refuse_edited("/topk_ids should take", claim((2, 2**60, 3)))
        self.refuse_edited("/topk_ids claims to be", claim((2, 2**60, 3), "i4", chunks=(1, 2**20, 3)))
        self.refuse_edited("/topk_ids should have 100 chunks, but 0", claim((2, 50, 3), chunks=(1, 1, 3)))
        self.refuse_edited("/topk_ids should have", claim((2, 2**58, 3), chunks=(1, 65536, 3)))
        self.refuse_edited("/topk_ids has chunks of 402653184 bytes",
                           claim((2, 2**27, 3), chunks=(1, 2**27, 3)))
        self.refuse_edited("/topk_ids is packed with HDF5 filter 32000",
                           claim((2, 50, 3), chunks=(1, 50, 3), compression="lzf"))

    def test_data_elsewhere(self):
        def elsewhere(link):
            def edit(file):
                del file["topk_ids"]
                if isinstance(link, list):
                    file.create_dataset("topk_ids", (2, 50, 3), "u1", external=link)
                else:
                    file["topk_ids"] = link
            return edit

        self.refuse_edited("has no dataset topk_ids", elsewhere(h5py.SoftLink("/topk_weights")))
        self.refuse_edited("has no dataset topk_ids", elsewhere(h5py.ExternalLink("o.h5", "/x")))
        self.refuse_edited("/topk_ids lies in other files", elsewhere([("raw", 0, 300)]))

    def test_changed_content_breaks_the_hash(self):
        self.write()
        with h5py.File(self.path, "r+") as file:
            file["topk_weights"][1, 2, 0] += 1
        self.expect(3, "sha256 of the datasets: stated ")
        self.write(sha256="")
        self.expect(3, "sha256 of the datasets: none is stated")

    def test_what_epsim_writes(self):
        for seed in range(6):
            subprocess.run([MAKE_FILE, "trace", self.path, str(seed)], check=True)
            self.expect(0)
            with h5py.File(self.path) as file:
                self.assertEqual(file.attrs["sha256"].decode(), content_hash(file))
                ids = file["topk_ids"]
                self.assertEqual(ids.dtype, np.int16 if seed % 2 else np.uint8)
                self.assertEqual(bool((ids[()] == -1).any()), seed % 2 == 1)
                self.assertEqual(ids.chunks, (1, 70, 2))
                self.assertEqual((ids.compression, ids.shuffle), ("gzip", True))
                self.assertEqual(list(file["step_offset"]), [0, 40, 40, 70])
                self.assertEqual(file.attrs["num_experts"].dtype, np.int32)
                for name in file:
                    self.assertIn("units", file[name].attrs)
                for name in ("kind", "id_space", "origin", "producer", "source", "model"):
                    self.assertEqual(file.attrs.get_id(name).dtype.kind, "S")

    def test_the_projects_own_trace(self):
        if not SMALL_TRACE.exists():
            self.skipTest(f"{SMALL_TRACE} is not there")
        self.path = str(SMALL_TRACE)
        self.expect(0)


class Results(unittest.TestCase):
    def test_changed_results_exit_3_and_say_what_differs(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "r.h5")
            edits = {
                "served + dropped + unrouted is 81, not 80 (+1)": ("load/expert_tokens", 1),
                "layer 1, dispatch, rank 0: selected is": ("traffic/selected", 96),
                "layer 1, dispatch, rank 0, self: wire is": ("traffic/wire", 1),
                "the oracle found nothing wrong: 1 of": ("validation/wrong", 1),
            }
            for message, (name, amount) in edits.items():
                with self.subTest(name):
                    subprocess.run([MAKE_FILE, "result", path, os.devnull, "5"], check=True)
                    with h5py.File(path, "r+") as file:
                        where = (0,) * file[name].ndim
                        file[name][where] += amount
                    done = subprocess.run([EPSIM, "verify", path], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 3, done)
                    self.assertIn(message, done.stderr)
            subprocess.run([MAKE_FILE, "result", path, os.devnull, "5"], check=True)
            with h5py.File(path, "r+") as file:
                file["config"][()] = b"[other]"
            done = subprocess.run([EPSIM, "verify", path], capture_output=True, text=True)
            self.assertEqual(done.returncode, 3, done)
            self.assertIn("sha256 of the configuration: stated ", done.stderr)

    def test_missing_parts_exit_2(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "r.h5")
            for name in ("axes/step", "load/dropped", "summary", "config", "topology/node", "traffic"):
                with self.subTest(name):
                    subprocess.run([MAKE_FILE, "result", path, os.devnull, "5"], check=True)
                    with h5py.File(path, "r+") as file:
                        del file[name]
                    done = subprocess.run([EPSIM, "verify", path], capture_output=True, text=True)
                    self.assertEqual(done.returncode, 2, done)
                    self.assertIn(name.split("/")[-1], done.stderr)


if __name__ == "__main__":
    unittest.main()
