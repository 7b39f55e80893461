"""Wrong input ends all ranks with status 2, one message and no hang; unusual input is normal."""

import pathlib
import shutil
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import ProgramTest, run_epsim

RANKS = 4
SMALL = ("--model.hidden=8", "--model.expert_intermediate=4", "--measure.min_passes=1",
         "--measure.warmup=0", "--measure.probe=off", "--quiet")


class WithTrace(ProgramTest):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.trace = self.folder / "t.h5"
        self.epsim("trace", "generate", "uniform", "--num-experts", 8, "--top-k", 2, "--layers", 2,
                   "--tokens", 64, "--steps", 2, "-o", self.trace)

    def run_here(self, *args, trace=None, ranks=RANKS):
        return run_epsim("run", f"--routing.trace={trace or self.trace}", *SMALL,
                         f"--output.dir={self.folder / 'out'}", *args, ranks=ranks, timeout=60)


class BadInput(WithTrace):
    def refused(self, *args, says, trace=None):
        done = self.run_here(*args, trace=trace)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        mine = [line for line in done.stderr.splitlines() if line.startswith("epsim: ")]
        self.assertEqual(len(mine), 1, f"one message for all ranks: {done.stderr}")
        self.assertIn(says, mine[0])
        self.assertNotIn("MPI_ABORT", done.stderr)
        self.assertNotIn("result:", done.stdout)

    def edited(self, edit):
        path = self.folder / "edited.h5"
        shutil.copy(self.trace, path)
        with h5py.File(path, "r+") as file:
            edit(file)
        return path

    def test_missing_file(self):
        self.refused(trace=self.folder / "none.h5", says="none.h5")

    def test_not_hdf5(self):
        path = self.folder / "text.h5"
        path.write_text("routing, but not HDF5\n" * 100)
        self.refused(trace=path, says="not ")

    def test_truncated(self):
        data = self.trace.read_bytes()
        for keep in (0.3, 0.7, 0.99):
            path = self.folder / "cut.h5"
            path.write_bytes(data[: int(len(data) * keep)])
            self.refused(trace=path, says="cut.h5")

    def test_wrong_schema(self):
        def other(file):
            file.attrs["schema"] = np.bytes_("something-else")
        self.refused(trace=self.edited(other), says="schema")

    def test_expert_id_out_of_range(self):
        def poison(file):
            file["topk_ids"][1, 100, 1] = 8
        self.refused(trace=self.edited(poison), says="8")

    def test_negative_size(self):
        self.refused("--model.hidden=-4", says="model.hidden")

    def test_absurd_size(self):
        self.refused("--model.expert_intermediate=8000T", says="expert_intermediate")

    def test_more_than_memory_holds(self):
        generated = ("--routing.trace=none", "--routing.generator=uniform", "--model.num_experts=8",
                     "--model.top_k=8", "--model.moe_layers=2", "--model.total_layers=2")
        for options, says in (
                (("--tokens.per_step=256M", "--model.hidden=16K"), "rows "),
                (("--tokens.per_step=8", "--tokens.steps=1K", "--measure.min_passes=1000000"),
                 "times and counts "),
                (("--tokens.per_step=1", "--tokens.steps=2000000000"), "tokens.steps"),
                (("--tokens.per_step=256M", "--tokens.steps=1M"), "tokens.steps")):
            done = run_epsim("run", *generated, *SMALL, *options,
                             f"--output.dir={self.folder / 'out'}", ranks=RANKS, timeout=60)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn(says, done.stderr)
            self.assertFalse((self.folder / "out").exists())

    def test_no_absurd_trace_is_generated(self):
        for options in (("--tokens", "1T"), ("--tokens", 1, "--steps", 2000000000),
                        ("--tokens", "256M", "--steps", "1M")):
            path = self.folder / "g.h5"
            done = run_epsim("trace", "generate", "uniform", "--num-experts", 8, "--top-k", 2,
                             *options, "-o", path, timeout=30)
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            self.assertIn("out of range", done.stderr)
            self.assertFalse(path.exists())

    def test_top_k_above_experts(self):
        done = run_epsim("run", "--routing.generator=uniform", "--model.num_experts=8",
                         "--model.top_k=9", ranks=RANKS)
        self.assertEqual(done.returncode, 2)
        self.assertIn("top_k = 9 exceeds num_experts = 8", done.stderr)

    def test_model_that_does_not_fit_the_trace(self):
        self.refused("--model.num_experts=16", says="16")

    def test_unknown_key(self):
        self.refused("--model.hiden=4", says="hidden")

    def test_unknown_preset(self):
        self.refused("--model.preset=mixtrel-8x7b", says="mixtral-8x7b")

    def test_unknown_algorithm(self):
        self.refused("--exchange.algorithm=alltoal", says="alltoallv")

    def test_no_gpu_backend(self):
        self.refused("--device=cuda", says="--device=cpu")

    def test_unwritable_directory(self):
        file = self.folder / "file"
        file.write_text("")
        self.refused(f"--output.dir={file / 'run'}", says="file")

    def test_used_directory(self):
        self.assertEqual(self.run_here().returncode, 0)
        self.refused(says="out")


class UnusualInput(WithTrace):
    def accepted(self, *args, ranks=RANKS, trace=None, says="result: "):
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        done = self.run_here(*args, ranks=ranks, trace=trace)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(says, done.stdout)

    def generate(self, *args):
        path = self.folder / "g.h5"
        self.epsim("trace", "generate", *args, "-o", path)
        return path

    def test_ranks_that_do_not_divide_experts(self):
        self.accepted(ranks=3)

    def test_fewer_experts_than_ranks(self):
        self.accepted(trace=self.generate("uniform", "--num-experts", 2, "--top-k", 1, "--layers",
                                          1, "--tokens", 16, "--steps", 1))

    def test_one_token_and_ranks_without_any(self):
        self.accepted(trace=self.generate("uniform", "--num-experts", 8, "--top-k", 2, "--layers",
                                          1, "--tokens", 1, "--steps", 1))

    def test_one_expert_takes_all(self):
        path = self.folder / "one.h5"
        shutil.copy(self.trace, path)
        with h5py.File(path, "r+") as file:
            ids = file["topk_ids"][()].astype(np.int64)
            ids[..., 0], ids[..., 1] = 7, 3
            file["topk_ids"][...] = ids
        done = self.run_here(trace=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("was changed after it was written", done.stderr)

    def test_steps_cut_anew(self):
        self.accepted("--tokens.per_step=48")

    def test_every_kernel_and_type(self):
        for kernel in ("reference", "onednn", "auto"):
            for dtype in ("fp32", "bf16"):
                self.accepted(f"--compute.kernel={kernel}", f"--model.dtype={dtype}", ranks=2)

    def test_without_mpirun(self):
        self.accepted(ranks=None)

    def test_dry_run_writes_nothing(self):
        self.accepted("--dry-run", says="weights a rank")
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
