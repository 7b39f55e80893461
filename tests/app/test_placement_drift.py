"""epsim placement drift: against NumPy, against a run, and what is refused."""

import json
import pathlib
import tempfile
import unittest

import h5py
import numpy as np

from epsim_program import ProgramTest, needs_data, run_epsim, DATA_DIR

COUNTS = DATA_DIR / "traces/smartmoe_atc23/global_counts_iter1_step10_u32.npy"
RANKS = 4


class Drift(ProgramTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.trace = self.folder / "t.h5"
        self.epsim("trace", "generate", "zipf", "--num-experts=12", "--top-k=2", "--layers=3",
                   "--drift=0.3", "--tokens=200", "--steps=9", "-o", self.trace)

    def drift(self, *flags, source=None):
        source = source or ["--trace", self.trace]
        out = self.epsim("placement", "drift", *source, "--ranks", RANKS, "--json", *flags)
        return json.loads(out)

    def loads(self):
        """[S, L, E] of the trace."""
        with h5py.File(self.trace) as file:
            offset, ids = file["step_offset"][()], file["topk_ids"][()]
        return np.array([[np.bincount(ids[l, a:b].ravel(), minlength=12)
                          for l in range(ids.shape[0])]
                         for a, b in zip(offset[:-1], offset[1:])])

    def test_static_is_what_numpy_says(self):
        static = self.drift()[0]
        rank = self.loads().reshape(-1, 3, RANKS, 3).sum(axis=3)  # linear: three experts a rank
        mean, most = rank.mean(axis=2), rank.max(axis=2)
        np.testing.assert_allclose(static["step_balancedness"], mean.sum(axis=1) / most.sum(axis=1))
        self.assertAlmostEqual(static["balancedness"], mean.sum() / most.sum())
        self.assertEqual(static["decisions"], 0)

    def test_policies_are_those_of_a_run(self):
        policy = {"interval": 2, "window": 3, "threshold": 0.95, "layers_per_step": 2}
        drift = self.drift("--slots", 16, "--policy",
                           ",".join(f"{key}={value}" for key, value in policy.items()))[0]
        out = self.epsim("run", "--routing.trace", self.trace, "--model.hidden=32",
                         "--model.expert_intermediate=16", "--placement.redundant_slots=4",
                         *(f"--placement.rebalance.{key}={value}" for key, value in policy.items()),
                         "--compute.kernel=reference", "--measure.probe=off",
                         "--measure.min_passes=1", f"--output.dir={self.folder / 'run'}",
                         ranks=RANKS)
        with h5py.File(self.result_of(out)) as file:
            self.assertGreater(drift["decisions"], 0)
            self.assertEqual(len(file["rebalance/decision_step"]), drift["decisions"])
            moved = file["rebalance/step_moved"][()].sum()
        self.assertEqual(moved, drift["moved_experts"] * 3 * 32 * 16 * 2)

    def test_hindsight_is_planned_on_each_step(self):
        steps = self.loads()
        hindsight = self.drift("--slots", 16)[-1]
        self.assertEqual(hindsight["policy"], "hindsight")
        for s, value in enumerate(hindsight["step_balancedness"]):
            counts = self.folder / "counts.json"
            counts.write_text(json.dumps({"logical_count": steps[s].tolist()}))
            made = json.loads(self.epsim("placement", "compare", "--counts", counts, "--ranks",
                                         RANKS, "--slots", 16, "--strategies", "eplb", "--json"))
            self.assertAlmostEqual(value, made[0]["total"]["balancedness"])

    def test_refused(self):
        for policy, text in (("interval", "no settings"), ("intervall=3", "nearest: "),
                             ("interval=x", "not allowed"), ("threshold=0.5", "never decides")):
            with self.subTest(policy=policy):
                done = run_epsim("placement", "drift", "--trace", self.trace, "--ranks", RANKS,
                                 "--policy", policy)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(text, done.stderr)

    @needs_data("traces/smartmoe_atc23")
    def test_recorded_training(self):
        """5001 steps of training, every tenth: rebalancing helps, the more often the more."""
        policies = ["static", "interval=10", "interval=1", "interval=1,threshold=0.8"]
        flags = [flag for policy in policies for flag in ("--policy", policy)]
        drifts = self.drift("--slots", 64, *flags, source=["--counts", COUNTS])
        of = {drift["policy"]: drift for drift in drifts}
        values = [of[name]["balancedness"] for name in
                  ("static", "interval=1,threshold=0.8", "interval=10", "interval=1", "hindsight")]
        self.assertEqual(values, sorted(values))
        self.assertEqual(of["interval=10"]["decisions"], 50)
        self.assertLess(of["interval=1,threshold=0.8"]["moved_experts"],
                        of["interval=10"]["moved_experts"])


if __name__ == "__main__":
    unittest.main()
