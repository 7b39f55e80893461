"""`epsim run --exchange.backend=plugin`: a plugin's rows end where epsim's own do, what it is stands
in the result, and a broken one gives a clear error or is caught by the oracle."""

import hashlib
import os
import pathlib
import shutil
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import ProgramTest, run_epsim
from launches import TINY

PLUGINS = pathlib.Path(os.environ["EPSIM_TEST_BINARY_DIR"]) / "plugins"
RANKS = 3


class Plugin(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def run_with(self, *flags, name="out", ranks=RANKS, **options):
        return run_epsim("run", *TINY, "--quiet", "--verify=full",
                         f"--output.dir={self.folder / name}", *flags, ranks=ranks, **options)

    def replay(self, *flags, name, **options):
        done = self.run_with(*flags, name=name, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return h5py.File(self.result_of(done.stdout))

    def plugin(self, library, *flags, **options):
        return self.run_with("--exchange.backend=plugin", f"--exchange.plugin={PLUGINS / library}.so",
                             *flags, **options)

    def refused(self, done, status, *says):
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for text in says:
            self.assertIn(text, done.stderr)
        self.assertNotIn("internal error", done.stderr)

    def test_sample_moves_the_same_rows_and_says_what_it_is(self):
        library = PLUGINS / "sample.so"
        elsewhere = shutil.copy(library, self.folder)
        with (self.replay(name="mpi") as mpi,
              self.replay("--exchange.backend=plugin", f"--exchange.plugin={library}",
                          name="plugin") as plugin,
              self.replay("--exchange.backend=plugin", "--exchange.plugin=sample.so", name="moved",
                          cwd=self.folder) as moved):
            np.testing.assert_array_equal(plugin["validation/output_checksum"],
                                          mpi["validation/output_checksum"])
            for bytes_of in ("payload", "metadata", "wire"):
                np.testing.assert_array_equal(plugin["traffic"][bytes_of], mpi["traffic"][bytes_of])
            self.assertEqual(plugin["validation/wrong"][()], 0)
            facts = {key: value[()].decode()
                     for key, value in plugin["provenance/exchange"].items()}
            self.assertEqual(facts, {
                "plugin": "epsim-sample", "plugin_version": "1.0", "plugin_path": str(library),
                "plugin_sha256": hashlib.sha256(library.read_bytes()).hexdigest()})
            # The same library in another place is the same case.
            self.assertEqual(pathlib.Path(plugin.filename).name, pathlib.Path(moved.filename).name)
            self.assertNotEqual(pathlib.Path(plugin.filename).name,
                                pathlib.Path(mpi.filename).name)
            self.assertEqual(moved["provenance/exchange/plugin_path"][()].decode(),
                             os.path.realpath(elsewhere))
        self.epsim("verify", self.folder / "plugin")
        report = self.epsim("report", self.folder / "plugin")
        self.assertIn("plugin, epsim-sample 1.0, ", report)

    def test_a_rebuilt_plugin_is_another_case(self):
        rebuilt = self.folder / "sample.so"
        rebuilt.write_bytes((PLUGINS / "sample.so").read_bytes() + b"\0")
        flags = ("--exchange.backend=plugin",)
        with (self.replay(*flags, f"--exchange.plugin={PLUGINS / 'sample.so'}", name="a") as a,
              self.replay(*flags, f"--exchange.plugin={rebuilt}", name="b") as b):
            self.assertNotEqual(pathlib.Path(a.filename).name, pathlib.Path(b.filename).name)

    def test_what_is_no_plugin_is_refused_before_a_directory_is_made(self):
        for name, says in (("gone", "gone.so cannot be used (the file cannot be read)"),
                           ("no_plugin", "undefined symbol: epsim_exchange_plugin"),
                           ("wrong_version", "built for version 999 of the plugin interface, this "
                                             "epsim has 1"),
                           ("null_function", "all_to_all_rows is null")):
            with self.subTest(name):
                for flags in ((), ("--dry-run",)):
                    done = self.plugin(name, *flags)
                    self.refused(done, 2, says)
                    self.assertEqual(done.stderr.count("exchange.plugin = "), 1, done.stderr)
                self.assertFalse((self.folder / "out").exists())

    def test_a_plugin_that_fails_gives_its_text(self):
        self.refused(self.plugin("failing_create", name="create"), 2,
                     f"cannot be set up (rank {RANKS - 1}: no such device: acme0)")
        self.refused(self.plugin("failing_rows", name="rows"), 1, "link acme0 is down",
                     "all_to_all_rows of the exchange plugin epsim-broken 1.0 (")

    def test_wrong_data_is_caught(self):
        for fault, says in (("swaps_two_rows", "a row was lost, changed, swapped"),
                            ("drops_a_row", "a row was lost, changed, swapped"),
                            ("swaps_metadata", "a row was lost, changed, swapped"),
                            ("changes_metadata", "in the middle of a row"),
                            ("negative_count", "received -1 from rank 0")):
            with self.subTest(fault):
                self.refused(self.plugin(fault, name=fault), 3, says)

    def test_settings_that_do_not_go_together(self):
        for flags, says in (
                (("--exchange.backend=plugin",), "exchange.backend = plugin without"),
                (("--exchange.plugin=x.so",), "does not go with exchange.backend = mpi"),
                (("--exchange.backend=plugin", "--exchange.plugin=x.so",
                  "--exchange.algorithm=ring"), "exchange.algorithm = ring does not go with")):
            self.refused(self.run_with(*flags), 2, says)


if __name__ == "__main__":
    unittest.main()
