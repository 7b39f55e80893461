"""`epsim calibrate`: its table, its JSON and its file agree and are whole; a run has the same
arrays in its result, unless it is told not to measure them. Nothing here depends on speed."""

import json
import pathlib
import tempfile
import unittest
import warnings

import h5py
import numpy as np
import xarray

from epsim_program import ProgramTest, run_epsim

FIGURES = ["read_bandwidth", "write_bandwidth", "copy_bandwidth", "stream_copy_bandwidth",
           "flops_f32", "flops_bf16"]
RANKS, PER_NODE, NODES = 3, 2, 2


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


class WithScratch(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)


class Calibrate(WithScratch):
    def calibrate(self, *args, **options):
        return run_epsim("calibrate", "--quick", f"--cluster.ranks-per-node={PER_NODE}", *args,
                         ranks=RANKS, **options)

    def test_json_and_file_agree_and_are_whole(self):
        path = self.folder / "machine.h5"
        done = self.calibrate("--json", "-o", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertIn(f"result: {path}", done.stderr)
        with h5py.File(path) as file:
            self.assertEqual(text(file.attrs["schema"]), "epsim-calibration")
            self.assertEqual(list(file.attrs["schema_version"]), [1, 0, 0])
            self.assertEqual(text(file.attrs["mode"]), "quick")
            self.assertEqual(text(file.attrs["kind"]), found["kind"])
            self.assertEqual(list(file["topology/node"]), [0, 0, 1])
            self.assertEqual(list(file["axes/size"]), found["size"])
            for whose, count in (("rank", RANKS), ("node", NODES)):
                self.assertEqual(len(found[whose]), count)
                for figure in FIGURES:
                    best = file[f"ceilings/{whose}/{figure}"][()]
                    least = file[f"ceilings/{whose}_least/{figure}"][()]
                    self.assertEqual(list(best), [one[figure] for one in found[whose]])
                    self.assertTrue((least > 0).all() and (best >= least).all()
                                    and np.isfinite(best).all(), figure)
                    unit = "FLOP/s" if figure.startswith("flops") else "B/s"
                    self.assertEqual(
                        text(file[f"ceilings/{whose}/{figure}"].attrs["units"]), unit)
            seconds = file["links/seconds"][()]
        self.assertEqual(seconds.tolist(), found["link_seconds"])
        self.assertEqual(seconds.shape, (len(found["size"]), RANKS, RANKS))
        self.assertTrue((seconds > 0).all(), "every pair was measured")
        np.testing.assert_array_equal(seconds, seconds.transpose(0, 2, 1))
        self.assertTrue((np.diff(found["size"]) > 0).all())
        self.assertIn("calibration, quick", self.epsim("verify", path))

    def test_file_opens_in_xarray(self):
        path = self.folder / "machine.h5"
        self.assertEqual(self.calibrate("-o", path).returncode, 0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for group, name, dims in (("links", "seconds", ["size", "source", "destination"]),
                                      ("ceilings/rank", "flops_f32", ["rank"]),
                                      ("ceilings/node", "copy_bandwidth", ["node"]),
                                      ("topology", "hostname", ["rank"])):
                with xarray.open_dataset(path, engine="h5netcdf", group=group) as data:
                    self.assertEqual(list(data[name].dims), dims)

    def test_table_shows_every_node_rank_and_size_in_100_columns(self):
        done = self.calibrate()
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertLessEqual(max(map(len, lines)), 100)
        starts = [line.split("  ")[0] for line in lines]
        for row in ("node 0", "node 1", "rank 0", "rank 1", "rank 2"):
            self.assertEqual(starts.count(row), 1, done.stdout)
        self.assertIn("2.00 MiB", done.stdout)
        for link in ("self: time", "node: time", "network: time"):
            self.assertIn(link, done.stdout)
        self.assertIn("nothing was written", done.stderr)
        self.assertNotIn("result:", done.stdout)

    def test_a_folder_that_does_not_exist_is_refused_on_all_ranks_in_one_message(self):
        done = self.calibrate("-o", self.folder / "none/machine.h5")
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        mine = [line for line in done.stderr.splitlines() if line.startswith("epsim: ")]
        self.assertEqual(len(mine), 1, done.stderr)
        self.assertIn("machine.h5", mine[0])

    def test_threads_out_of_range_are_refused(self):
        done = self.calibrate("--compute.threads=-1")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("--compute.threads", done.stderr)


class Run(WithScratch):
    def run_with(self, *args):
        stdout = self.epsim("run", "--routing.generator=uniform", "--model.hidden=8",
                            "--model.expert_intermediate=4", "--model.num_experts=4",
                            "--model.top_k=1", "--tokens.per_step=8", "--measure.min_passes=1",
                            "--measure.warmup=0", "--quiet",
                            f"--output.dir={self.folder / 'out'}", *args, ranks=2)
        return h5py.File(self.result_of(stdout), "r")

    def test_measures_the_machine_first(self):
        with self.run_with() as file:
            rows = {row["metric"].decode(): row for row in file["ceilings"][()]}
            expected = {f"{figure}_{whose}" for figure in FIGURES for whose in ("rank", "node")}
            expected |= {f"{figure}_{link}" for figure in ("latency", "bandwidth")
                         for link in ("self", "node")}
            self.assertEqual(set(rows), expected)
            for row in rows.values():
                self.assertTrue(0 < row["ci_low"] <= row["value"] <= row["ci_high"] < np.inf, row)
                self.assertGreater(row["n"], 0)
            seconds = file["links/seconds"][()]
            self.assertEqual(seconds.shape, (len(file["axes/size"]), 2, 2))
            self.assertTrue((seconds > 0).all())

    def test_does_not_when_told(self):
        with self.run_with("--measure.probe=off") as file:
            self.assertNotIn("ceilings", file)
            self.assertNotIn("links", file)


if __name__ == "__main__":
    unittest.main()
