"""A result file opens in h5py, pandas and xarray, and holds what the JSON beside it says.

make_file writes both from a random, consistent run: the JSON by another library than the file.
"""
import hashlib
import json
import os
import subprocess
import tempfile
import unittest
import warnings
from pathlib import Path

import h5py
import numpy as np
import pandas
import xarray

MAKE_FILE = Path(os.environ["EPSIM_TEST_BINARY_DIR"]) / "make_file"
ARRAY_GROUPS = ["time", "clock", "load", "traffic", "placement"]
OPTIONAL_GROUPS = ["links", "bounds"]
AXES = ["iteration", "step", "layer", "phase", "rank", "expert", "direction", "source",
        "destination", "slot", "version", "decision", "link_class", "epoch", "event", "metric", "size",
        "resource", "ceiling", "declared_source", "health_figure"]
PHASES = ["gate", "layout", "counts", "permute", "dispatch", "expert", "combine", "unpermute",
          "rebalance"]


def numbers(entry):
    values = [np.nan if v is None else v for v in entry["values"]]
    return np.array(values).reshape(entry["shape"])


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def is_scale(dataset):
    return h5py.h5ds.is_scale(dataset.id)


def unit_of(name, dataset):
    if name.startswith("traffic/"):
        return "B"
    return "s" if dataset.dtype == np.float64 and name != "clock/slope" else "1"


class ResultFile(unittest.TestCase):
    arguments = ["17"]

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.directory.name, "r.h5")
        beside = os.path.join(cls.directory.name, "r.json")
        subprocess.run([MAKE_FILE, "result", cls.path, beside, *cls.arguments], check=True)
        cls.expected = json.loads(Path(beside).read_text())

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def test_root(self):
        with h5py.File(self.path) as file:
            self.assertEqual(text(file.attrs["schema"]), "epsim-result")
            self.assertEqual(file.attrs["schema_version"].dtype, np.int32)
            self.assertEqual(list(file.attrs["schema_version"]), [1, 1, 0])
            for name in ("run_uuid", "date"):
                self.assertEqual(text(file.attrs[name]), self.expected[name])
            self.assertEqual(bool(file.attrs["git_dirty"]), self.expected["git_dirty"])
            self.assertEqual(text(file.attrs["tags"]), ",".join(self.expected["tags"]))
            for name in ("status", "kind", "software_version", "git_sha"):
                self.assertTrue(text(file.attrs[name]), name)

    def test_config_and_its_hash(self):
        with h5py.File(self.path) as file:
            stored = file["config"][()]
            self.assertEqual(stored.decode(), self.expected["config"])
            self.assertEqual(text(file["config"].attrs["sha256"]), hashlib.sha256(stored).hexdigest())

    def test_arrays(self):
        with h5py.File(self.path) as file:
            for name, entry in self.expected["arrays"].items():
                with self.subTest(name):
                    np.testing.assert_array_equal(file[name][()], numbers(entry))
                    self.assertEqual([d[0].name.split("/")[-1] for d in file[name].dims],
                                     entry["axes"])
                    self.assertEqual(text(file[name].attrs["units"]), unit_of(name, file[name]))
                    self.assertGreater(len(file[name].attrs["long_name"]), 5)
            stored = {f"{g}/{n}" for g in [*ARRAY_GROUPS, *OPTIONAL_GROUPS] if g in file
                      for n in file[g] if not is_scale(file[f"{g}/{n}"])}
            stored.discard("traffic/step_algorithm")  # texts
            self.assertEqual(stored | {"validation/output_checksum"} & set(self.expected["arrays"]),
                             set(self.expected["arrays"]))
            traffic = file["traffic"].attrs
            for name in ("dispatch_row_bytes", "combine_row_bytes", "hops"):
                self.assertEqual(traffic[name], self.expected[name])
            self.assertEqual([text(name) for name in file["traffic"].get("step_algorithm", ())],
                             self.expected["step_algorithm"])
            for name in ("top_k", "flops_per_assignment", "local_flops_per_token"):
                self.assertEqual(file["load"].attrs[name], self.expected[name])

    def test_axes_are_labelled_and_shared(self):
        with h5py.File(self.path) as file:
            self.assertEqual(set(file["axes"]), set(AXES))
            self.assertEqual([text(p) for p in file["axes/phase"]], PHASES)
            self.assertEqual([text(p) for p in file["axes/direction"]], ["dispatch", "combine"])
            self.assertEqual([text(p) for p in file["axes/link_class"]], self.expected["link_class"])
            self.assertEqual([text(p) for p in file["axes/resource"]], self.expected["resource"])
            self.assertEqual(list(file["axes/size"]), self.expected["size"])
            self.assertEqual(list(file["axes/step"]), self.expected["step"])
            self.assertEqual(list(file["axes/layer"]), self.expected["layer"])
            for name in AXES:
                self.assertTrue(is_scale(file["axes"][name]))
                for group in [*ARRAY_GROUPS, *OPTIONAL_GROUPS, "topology", "/"]:
                    if group in file and name in file[group]:
                        self.assertEqual(file[group][name], file["axes"][name])  # a hard link
            for name, entry in self.expected["arrays"].items():
                for axis in entry["axes"]:
                    self.assertIn(axis, file[name.split("/")[0]])

    def test_every_text_is_of_fixed_length(self):
        def look_at(name, item):
            for key, value in item.attrs.items():
                if key not in ("DIMENSION_LIST", "REFERENCE_LIST"):
                    self.assertIsNone(h5py.check_vlen_dtype(item.attrs.get_id(key).dtype), (name, key))
            if isinstance(item, h5py.Dataset):
                self.assertFalse(item.dtype.hasobject, name)

        with h5py.File(self.path) as file:
            look_at("/", file)
            file.visititems(look_at)

    def test_plottable_groups(self):
        with h5py.File(self.path) as file:
            self.assertEqual(text(file.attrs["NX_class"]), "NXroot")
            self.assertEqual(text(file[text(file.attrs["default"])].attrs["NX_class"]), "NXdata")
            for name in ARRAY_GROUPS:
                group = file[name]
                self.assertEqual(text(group.attrs["NX_class"]), "NXdata")
                signal = group[text(group.attrs["signal"])]
                self.assertEqual(len(group.attrs["axes"]), signal.ndim)
                for axis, size in zip(group.attrs["axes"], signal.shape):
                    if text(axis) != ".":
                        self.assertEqual(group[text(axis)].shape, (size,))
                        self.assertIn(group[text(axis)].dtype.kind, "iuf")

    def test_provenance_topology_validation(self):
        with h5py.File(self.path) as file:
            stored = {g: {k: text(v[()]) for k, v in file["provenance"][g].items()}
                      for g in file["provenance"]}
            self.assertEqual(stored, {g: facts or {} for g, facts in
                                      self.expected["provenance"].items()})
            for i, place in enumerate(self.expected["topology"]):
                for key, value in place.items():
                    found = file["topology"][key][i]
                    self.assertEqual(text(found) if isinstance(value, str) else found, value)
            for name in ("checked", "identities", "wrong", "max_error",
                         "dispatch_error", "combine_error"):
                self.assertEqual(file["validation"][name][()], self.expected[name])

    def check_tables(self, events, summary):
        self.assertEqual(list(events.columns), ["iteration", "layer", "rank", "phase", "chunk",
                                                "direction", "start", "end"])
        np.testing.assert_array_equal(events.to_numpy(), np.array(self.expected["events"],
                                                                  float).reshape(-1, 8))
        self.assertEqual(list(summary.columns),
                         ["metric", "value", "unit", "ci_low", "ci_high", "n", "description"])
        self.assertEqual(len(summary), len(self.expected["summary"]))
        for found, row in zip(summary.itertuples(index=False), self.expected["summary"]):
            for value, wanted in zip(found, row):
                if isinstance(wanted, str):
                    self.assertEqual(text(value), wanted)
                elif wanted is None:
                    self.assertTrue(np.isnan(value))
                else:
                    self.assertEqual(value, wanted)

    def test_tables_through_h5py(self):
        with h5py.File(self.path) as file:
            self.check_tables(pandas.DataFrame(file["events"][()]),
                              pandas.DataFrame(file["summary"][()]))

    def test_tables_through_pandas(self):
        with warnings.catch_warnings():
            # PyTables does not know the references that mark a dimension scale.
            warnings.filterwarnings("ignore", message="Unsupported type for attribute 'DIMENSION_LIST'")
            self.check_tables(pandas.read_hdf(self.path, "events"),
                              pandas.read_hdf(self.path, "summary"))

    def test_every_group_opens_in_xarray_without_a_warning(self):
        groups = ["/"]
        with h5py.File(self.path) as file:
            file.visititems(lambda name, item: groups.append(name) if isinstance(item, h5py.Group)
                            else None)
        self.assertGreater(len(groups), 10)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for group in groups:
                with xarray.open_dataset(self.path, engine="h5netcdf", group=group) as data:
                    data.load()
                    for name, entry in self.expected["arrays"].items():
                        if name.split("/")[0] == group:
                            array = data[name.split("/")[1]]
                            self.assertEqual(list(array.dims), entry["axes"])
                            np.testing.assert_array_equal(array, numbers(entry))
                            self.assertEqual(set(array.attrs), {"units", "long_name"})


class EmptyResultFile(ResultFile):
    """No iterations, tokens, events, clock epochs or summary: every array is there, with size 0."""
    arguments = ["17", "empty"]


if __name__ == "__main__":
    unittest.main()
