"""Spellings, paths that cannot be reached, several ranks, and where a trace lies."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import EPSIM, ProgramTest, run_epsim

SMALL = ("--model.hidden=8", "--model.expert_intermediate=4", "--measure.min_passes=1",
         "--measure.warmup=0", "--quiet")


class CommandLine(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def generate(self, path, *spelling):
        self.epsim("trace", "generate", "uniform", *(spelling or ("--num-experts=8", "--top-k=2")),
                   "--tokens=64", "-o", path)
        return path

    def refused(self, *args, says, **options):
        done = run_epsim(*args, **options)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(says, done.stderr)
        return done

    def test_dash_and_underscore_are_equal(self):
        trace = self.generate(self.folder / "t.h5", "--num_experts", 8, "--top_k=2")
        config = self.folder / "run_this.toml"
        config.write_text("[tokens]\nper-step = 32\n[measure]\nmin-passes = 1\n")
        for flag in ("--dry_run", "--dry-run"):
            out = self.epsim("run", "--config", config, f"--routing.trace={trace}", *SMALL, flag)
            self.assertIn("2 steps, 64 tokens", out)
        config.write_text("[tokens]\nper-step = 32\nper_step = 32\n")
        self.refused("run", "--config", config, f"--routing.trace={trace}", "--dry-run",
                     says="stated twice")

    def test_paths_that_cannot_be_reached(self):
        loop = self.folder / "loop"
        loop.symlink_to(loop)
        for path, says in ((self.folder / ("x" * 300), "File name too long"),
                           (loop / "run", "Too many levels of symbolic links"),
                           (self.folder / "none", "no such file")):
            for command in ("report", "verify"):
                self.refused(command, path, says=says)

    def test_unreadable_folder_is_not_empty(self):
        folder = self.folder / "closed"
        folder.mkdir()
        folder.chmod(0o111)
        program = self.folder / "epsim"
        shutil.copy(EPSIM, program)
        self.folder.chmod(0o755)
        nobody = {"user": 65534} if os.geteuid() == 0 else {}  # root may read it
        done = subprocess.run([program, "trace", "import", "--format", "esft", folder, "-o", "t.h5"],
                              capture_output=True, text=True, timeout=60, **nobody)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("Permission denied", done.stderr)

    def test_a_scale_needs_weights(self):
        np.save(self.folder / "ids.npy", np.zeros((4, 1), np.uint64))
        self.refused("trace", "import", "--format=npy", self.folder / "ids.npy", "--num-experts=2",
                     "--weight_scale=0.5", "-o", self.folder / "t.h5", says="--weights")

    def test_huge_weights_are_refused(self):
        trace = self.generate(self.folder / "t.h5")
        run = ("run", f"--routing.trace={trace}", *SMALL)
        for weight, status in ((9e29, 0), (3e38, 2), (-3e38, 2)):
            with h5py.File(trace, "r+") as file:
                file["topk_weights"][0, 30, 1] = weight
            done = run_epsim(*run, f"--output.dir={self.folder / str(weight)}", ranks=2)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn("beyond 1e+30", done.stderr)

    def test_commands_for_one_process_act_once(self):
        trace = self.folder / "t.h5"
        done = run_epsim("trace", "generate", "uniform", "--num-experts=8", "--top-k=2", "-o", trace,
                         ranks=3)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("top-2 of 8"), 1)
        out = run_epsim("trace", "info", trace, ranks=3)
        self.assertEqual(out.stdout, run_epsim("trace", "info", trace).stdout)
        done = run_epsim("verify", self.folder / "none", ranks=3)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("epsim: "), 1, done.stderr)
        done = run_epsim("trace", "generate", "uniform", "--num-experts=8", "--top-k=2",
                         "--tokens=many", "-o", trace, ranks=3)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("epsim: "), 1, done.stderr)

    def test_a_case_does_not_depend_on_where_its_trace_lies(self):
        here = self.generate(self.folder / "base.h5")
        there = self.folder / "else where" / "base.h5"
        there.parent.mkdir()
        shutil.copy(here, there)
        other = shutil.copy(here, self.folder / "other.h5")
        hashes = []
        for i, trace in enumerate((here, there, other)):
            result = self.result_of(self.epsim("run", f"--routing.trace={trace}", *SMALL,
                                               f"--output.dir={self.folder / str(i)}", ranks=2))
            hashes.append(pathlib.Path(result).name)
            self.epsim("verify", self.folder / str(i))
        self.assertEqual(hashes[0], hashes[1])
        self.assertNotEqual(hashes[0], hashes[2])

    def test_a_distorted_shape_is_tagged(self):
        out = self.folder / "out"
        run = ("run", "--model.preset=olmoe-1b-7b", "--model.scale=1/64", "--model.layers=1",
               "--routing.generator=uniform", "--tokens.per_step=8", "--measure.min_passes=1",
               "--quiet")
        self.epsim(*run, f"--output.dir={out}1", "--model.expert_intermediate=64")
        with h5py.File(next(pathlib.Path(f"{out}1").glob("cases/*.h5"))) as file:
            self.assertIn("distorted", np.bytes_(file.attrs["tags"]).decode().split(","))
        self.assertIn("expert_intermediate 64 instead of 1024 (x 0.0625)",
                      " ".join(self.epsim("report", f"{out}1").split()))
        self.epsim(*run, f"--output.dir={out}2")
        with h5py.File(next(pathlib.Path(f"{out}2").glob("cases/*.h5"))) as file:
            self.assertNotIn("distorted", np.bytes_(file.attrs["tags"]).decode())

    def test_a_long_path_is_whole(self):
        trace = self.generate(self.folder / "t.h5")
        out = self.folder / ("long-" * 30)
        self.epsim("run", f"--routing.trace={trace}", *SMALL, f"--output.dir={out}")
        result = str(next(out.glob("cases/*.h5")))
        self.assertIn(result, [line.removeprefix("file").strip()
                               for line in self.epsim("report", out).splitlines()])


if __name__ == "__main__":
    unittest.main()
