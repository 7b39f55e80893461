"""epsim run --exchange-only: sizes and matrices as given, a table, a result that verifies."""

import os
import pathlib
import random
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import ProgramTest, run_epsim

PLUGINS = pathlib.Path(os.environ["EPSIM_TEST_BINARY_DIR"]) / "plugins"
FAST = ("-n", 2, "-w", 1, "--measure.probe=off")


class ExchangeOnly(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.runs = 0

    def run_here(self, *args, ranks, fast=FAST):
        self.runs += 1
        return run_epsim("run", "--exchange-only", *fast,
                         f"--output.dir={self.folder / f'out{self.runs}'}", *args, ranks=ranks,
                         timeout=100)

    def measured(self, *args, ranks, fast=FAST):
        """Rows of the table by column, and the result's file; verified."""
        done = self.run_here(*args, ranks=ranks, fast=fast)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        head = next(i for i, line in enumerate(lines) if "busbw" in line)
        rows = []
        for line in lines[head + 2:]:
            if not line or not line.split()[0].isdigit():
                break
            rows.append(dict(zip(lines[head].split(), line.split())))
        path = self.result_of(done.stdout)
        self.epsim("verify", path)
        return rows, path

    def refused(self, *args, ranks, says):
        done = self.run_here(*args, ranks=ranks)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        mine = [line for line in done.stderr.splitlines() if line.startswith("epsim: ")]
        self.assertEqual(len(mine), 1, done.stderr)
        self.assertIn(says, mine[0])

    def matrix_file(self, matrix, suffix):
        path = self.folder / f"matrix{self.runs}{suffix}"
        if suffix == ".csv":
            np.savetxt(path, matrix, delimiter=",", fmt="%d")
        else:
            np.save(path, matrix)
        return path

    def test_letters_and_sizes(self):
        for ranks in 1, 2, 4:
            rows, path = self.measured("-b", 8, "-e", "4K", "-f", 2, "-c", 1, ranks=ranks)
            self.assertEqual([int(r["size"]) for r in rows], [2**i for i in range(3, 13)])
            self.assertTrue(all(r["#wrong"] == "0" for r in rows))
            with h5py.File(path) as file:
                sizes = np.array([2**i for i in range(3, 13)])
                np.testing.assert_array_equal(file["load/step_tokens"], ranks * sizes)
                payload = file["traffic/payload"][0, 0]
                np.testing.assert_array_equal(payload.sum(axis=0), [sizes.sum()] * ranks)
                np.testing.assert_array_equal(payload.sum(axis=1), [sizes.sum()] * ranks)
                self.assertFalse(file["traffic/payload"][0, 1].any())
                self.assertFalse(file["traffic/metadata"][:].any())
                self.assertEqual(len(file["axes/iteration"]), 3 * len(sizes))
                phase = [p.decode() for p in file["axes/phase"]].index("dispatch")
                ran = np.isfinite(file["time/end"][:, 0, :, :])
                self.assertTrue(ran[:, phase].all())
                self.assertEqual(ran.sum(), ran[:, phase].sum())

    def test_bounds_and_rates_follow_from_the_file(self):
        rows, path = self.measured("-b", "64K", "-e", "256K", ranks=2, fast=("-n", 3, "-w", 1))
        with h5py.File(path) as file:
            phase = [p.decode() for p in file["axes/phase"]].index("dispatch")
            measured = ~file["time/is_warmup"][:].astype(bool)
            times = (file["time/step_end"][:].max(axis=1) - file["time/step_start"][:].min(axis=1))
            for s, row in enumerate(rows):
                p50 = np.median(times[measured & (file["time/step_of"][:] == s)])
                self.assertAlmostEqual(float(row["p50"]) / (p50 * 1e6), 1, delta=2e-3)
                self.assertAlmostEqual(float(row["algbw"]) / (2**(16 + s) / p50 / 1e9), 1,
                                       delta=2e-3)
                self.assertAlmostEqual(float(row["busbw"]) / (2**(15 + s) / p50 / 1e9), 1,
                                       delta=2e-3)
                bound = file["bounds/seconds"][s, 0, phase]
                self.assertAlmostEqual(float(row["bound"]) / (bound * 1e6), 1, delta=2e-3)

    def test_sizes_0_and_prime(self):
        for ranks in 1, 3, 4:
            rows, path = self.measured("-b", 0, "-e", 0, ranks=ranks)
            self.assertEqual([(r["size"], r["#wrong"]) for r in rows], [("0", "0")])
            rows, path = self.measured("-b", 7, "-e", 7919, "-f", 31, ranks=ranks)
            self.assertEqual([int(r["size"]) for r in rows], [7, 217, 6727])

    def test_uneven_matrices_with_silent_ranks(self):
        generator = np.random.default_rng(random.randrange(2**32))
        for ranks in 1, 2, 4:
            for suffix in ".csv", ".npy":
                matrix = generator.integers(0, 5000, (ranks, ranks))
                if ranks > 1:
                    matrix[generator.integers(ranks)] = 0
                matrix[generator.integers(ranks), generator.integers(ranks)] += 1
                file = self.matrix_file(matrix, suffix)
                rows, path = self.measured(f"--exchange.traffic={file}", ranks=ranks)
                most = max(matrix.sum(axis=0).max(), matrix.sum(axis=1).max())
                self.assertEqual([int(r["size"]) for r in rows], [most])
                with h5py.File(path) as result:
                    np.testing.assert_array_equal(result["traffic/payload"][0, 0], matrix)
                rows, path = self.measured(f"--exchange.traffic={file}", "-b", "1K", "-e", "64K",
                                           "-f", 8, ranks=ranks)
                with h5py.File(path) as result:
                    scaled = sum(matrix * (size / most) for size in (1024, 8192, 65536))
                    np.testing.assert_allclose(result["traffic/payload"][0, 0], scaled, atol=3.01)

    def test_recorded_traffic(self):
        routing = ("--exchange.traffic=recorded", "--routing.generator=zipf",
                   "--tokens.per_step=61", "--tokens.steps=2", "--routing.sources=4",
                   "--model.hidden=24", "--model.total_layers=3", "--model.moe_layers=3")
        for ranks in 1, 2, 4:
            rows, path = self.measured(*routing, ranks=ranks)
            self.assertEqual(len(rows), 2)
            self.assertTrue(all(r["row"] == "48" and r["#wrong"] == "0" for r in rows))
            replayed = self.epsim("run", *routing, *FAST, "--model.expert_intermediate=8",
                                  f"--output.dir={self.folder / f'replay{ranks}'}", ranks=ranks)
            with h5py.File(path) as alone, h5py.File(self.result_of(replayed)) as whole:
                np.testing.assert_array_equal(alone["traffic/payload"][:, 0],
                                              whole["traffic/payload"][:, 0])
            rows, path = self.measured(*routing, "-b", "1K", "-e", "2K", ranks=ranks)
            self.assertEqual(len(rows), 2)
            for row, size in zip(rows, (1024, 2048)):
                self.assertAlmostEqual(int(row["size"]), size, delta=ranks)

    def test_other_algorithms_and_reports(self):
        results = []
        for algorithm in "ring", "pairwise", "bruck", "shm":
            rows, path = self.measured(f"--exchange.algorithm={algorithm}", "-b", "1K", "-e", "1K",
                                       ranks=5)
            self.assertIn("exchange-only", self.epsim("report", path))
            results.append(path)
        self.epsim("compare", *results)

    def test_auto_chooses_for_every_size(self):
        for ranks in 1, 2, 4, 5:
            rows, path = self.measured("--exchange.algorithm=auto", "-b", 8, "-e", "64K", "-f", 32,
                                       "-c", 1, ranks=ranks)
            self.assertEqual([int(r["size"]) for r in rows], [8, 256, 8192])
            self.assertTrue(all(r["#wrong"] == "0" for r in rows))
            with h5py.File(path) as file:
                self.assertEqual(file["traffic"].attrs["algorithm"], b"auto")
                chosen = [name.decode() for name in file["traffic/step_algorithm"]]
                trials = file["provenance/exchange/auto_trials"][()].decode().splitlines()
                why = file["provenance/exchange/auto"][()].decode()
            self.assertEqual([r["algorithm"] for r in rows], chosen)
            for s, (name, trial) in enumerate(zip(chosen, trials, strict=True)):
                self.assertTrue(trial.startswith(f"step {s}: {name} ("), trial)
                self.assertIn(f"{name} for ", why)
                for other in "alltoallv", "ring", "pairwise", "persistent", "bruck", "shm":
                    self.assertIn(f"{other} ", trial)
                for other in "direct", "rail", "hierarchical":
                    self.assertNotIn(other, trial)
            self.assertIn(f"auto: {why.split(',')[0]}", " ".join(self.epsim("report", path).split()))

    def test_auto_of_recorded_layers(self):
        rows, path = self.measured("--exchange.algorithm=auto", "--exchange.traffic=recorded",
                                   "--routing.generator=zipf", "--tokens.per_step=61",
                                   "--tokens.steps=2", "--model.hidden=24",
                                   "--model.total_layers=3", "--model.moe_layers=3", ranks=4)
        self.assertEqual([r["#wrong"] for r in rows], ["0", "0"])
        with h5py.File(path) as file:
            self.assertEqual(len(file["traffic/step_algorithm"]), 2)

    def test_rows_that_are_handed_on(self):
        for algorithm, hops in ("rail", 2), ("hierarchical", 3):
            for ranks in 1, 2, 4, 5:
                rows, path = self.measured(f"--exchange.algorithm={algorithm}", "-b", 8, "-e",
                                           "64K", "-f", 2, "-c", 1, "--cluster.ranks_per_node=2",
                                           ranks=ranks)
                self.assertEqual([int(r["size"]) for r in rows], [4096 * 2**i for i in range(5)])
                self.assertTrue(all(r["row"] == "4096" and r["#wrong"] == "0" for r in rows))
                with h5py.File(path) as file:
                    self.assertEqual(file["traffic"].attrs["hops"], hops)
                    self.assertEqual(file["traffic/wire"][0, 0].sum(),
                                     hops * file["traffic/payload"][0, 0].sum())
                    self.assertFalse(file["traffic/metadata"][:].any())

    def test_recorded_and_scaled_rows_that_are_handed_on(self):
        routing = ("--exchange.traffic=recorded", "--routing.generator=zipf",
                   "--tokens.per_step=61", "--tokens.steps=2", "--routing.sources=4",
                   "--model.hidden=24", "--model.total_layers=3", "--model.moe_layers=3",
                   "--cluster.ranks_per_node=2")
        straight, straight_path = self.measured(*routing, ranks=4)
        for algorithm in "rail", "hierarchical":
            rows, path = self.measured(*routing, f"--exchange.algorithm={algorithm}", ranks=4)
            self.assertEqual([(r["size"], r["row"], r["#wrong"]) for r in rows],
                             [(r["size"], "48", "0") for r in straight])
            with h5py.File(path) as a, h5py.File(straight_path) as b:
                np.testing.assert_array_equal(a["traffic/payload"][:], b["traffic/payload"][:])
            rows, path = self.measured(*routing, f"--exchange.algorithm={algorithm}", "-b", "1K",
                                       "-e", "2K", "--sizes.row_bytes=64", ranks=4)
            self.assertEqual(len(rows), 2)
            for row, size in zip(rows, (1024, 2048)):
                self.assertAlmostEqual(int(row["size"]), size, delta=64 * 4)

    def test_sizes_are_whole_rows(self):
        rows, path = self.measured("-b", 0, "-e", 64, "--sizes.row_bytes=24", ranks=2)
        self.assertEqual([int(r["size"]) for r in rows], [0, 24, 48, 72])

    def test_a_plugin(self):
        for ranks in 1, 2, 4:
            rows, path = self.measured("--exchange.backend=plugin",
                                       f"--exchange.plugin={PLUGINS / 'sample.so'}", "-b", 8, "-e",
                                       "64K", "-f", 16, "-c", 1, ranks=ranks)
            self.assertEqual([int(r["size"]) for r in rows], [8, 128, 2048, 32768])
            self.assertTrue(all(r["#wrong"] == "0" for r in rows))
            with h5py.File(path) as file:
                self.assertEqual(file["provenance/exchange/plugin"][()], b"epsim-sample")
                self.assertIn("# sha256 of exchange.plugin = ", file["config"][()].decode())
            self.assertIn("plugin, epsim-sample 1.0, ", self.epsim("report", path))

    def test_a_plugin_that_is_wrong(self):
        for name, status, says in (("swaps_two_rows", 3, "differ from what was sent"),
                                   ("failing_create", 2, "no such device: acme0"),
                                   ("gone", 2, "the file cannot be read")):
            done = self.run_here("--exchange.backend=plugin",
                                 f"--exchange.plugin={PLUGINS / name}.so", "-b", "1K", "-e", "1K",
                                 "--sizes.row_bytes=16", ranks=3)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            self.assertIn(says, done.stderr)

    def test_refused(self):
        self.refused("--exchange.algorithm=direct", ranks=2, says="it permutes while it dispatches")
        self.refused("--exchange.algorithm=rail", "--sizes.row_bytes=5", ranks=2,
                     says="an even number of bytes")
        self.refused("--exchange.algorithm=rail", "--exchange.dedup=node",
                     "--exchange.traffic=recorded", "--routing.generator=zipf",
                     "--tokens.per_step=8", ranks=2, says="exchange.dedup = node")
        self.refused("-b", "1K", "-e", 8, ranks=2, says="sizes.end = 8 is less")
        self.refused("-f", 1, ranks=2, says="sizes.factor = 1")
        self.refused("-b", "2G", "-e", "2G", ranks=1, says="Raise sizes.row_bytes")
        self.refused("--exchange.traffic=no.csv", ranks=2, says="no.csv")
        self.refused("--exchange.traffic=unifrom", ranks=2, says="uniform, recorded, or a file")
        self.refused("--exchange.traffic=recorded", ranks=2, says="routing.generator")
        for matrix, says in ((np.zeros((2, 2)), "every number is 0"), (np.ones((3, 2)), "3 x 2"),
                             (np.ones(4), "1 dimensions"), (-np.ones((2, 2)), "rank 0 to 0 is -1"),
                             (np.full((2, 2), np.nan), "nan"), (np.ones((3, 3)), "3 x 3")):
            self.runs += 1
            self.refused(f"--exchange.traffic={self.matrix_file(matrix, '.npy')}", ranks=2,
                         says=says)

    def test_unchecked(self):
        rows, path = self.measured("-b", 8, "-e", 8, "-c", 0, ranks=2)
        self.assertEqual([r["#wrong"] for r in rows], ["-"])

    def test_dry_run(self):
        done = self.run_here("-b", 8, "-e", "1M", "--dry-run", ranks=2)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1.00 MiB", done.stdout)
        self.assertNotIn("result:", done.stdout)


if __name__ == "__main__":
    unittest.main()
