"""Runs whose steps are in several parts: what the result file and the report say of overlap."""

import unittest

import numpy as np

from epsim_program import RunTest, run_epsim

PHASES = 7
RUN = ["--routing.generator=zipf", "--model.num_experts=8", "--model.top_k=2",
       "--model.hidden=64", "--model.expert_intermediate=32", "--routing.layers=2",
       "--tokens.per_rank=100", "--tokens.steps=2", "--compute.kernel=reference",
       "--measure.probe=off", "--measure.min_passes=3"]


class Overlap(RunTest):
    def summary(self, file):
        return {row["metric"].decode(): row["value"] for row in file["summary"][()]}

    def test_chunks_with_emulated_experts(self):
        out, file = self.run_file(*RUN, "--exchange.chunks=4", "--compute.emulate_us=2000")
        events, step_of = file["events"][()], file["time/step_of"][()]
        self.assertEqual(len(events), len(step_of) * 2 * PHASES * 4 * 2)
        names = [name.decode() for name in file["axes/phase"][()]]
        expert = events[events["phase"] == names.index("expert")]
        for iteration in range(len(step_of)):
            for layer in range(2):
                for rank in range(2):
                    of = expert[(expert["iteration"] == iteration) & (expert["layer"] == layer) &
                                (expert["rank"] == rank)]
                    self.assertEqual(sorted(of["chunk"]), [0, 1, 2, 3])
                    self.assertGreater(np.sum(of["end"] - of["start"]), 0.0019)
                    at = iteration, layer, names.index("expert"), rank
                    self.assertEqual(of["start"].min(), file["time/start"][at])
                    self.assertEqual(of["end"].max(), file["time/end"][at])
        summary = self.summary(file)
        sequential = file["sequential/phase_seconds"][()]
        rank = int(summary["critical_rank"])
        of_phase = np.nansum(sequential[..., rank], axis=1).mean(axis=0)
        collective = [names.index(name) for name in ("counts", "dispatch", "combine")]
        communication = of_phase[collective].sum()
        compute = of_phase.sum() - communication
        hidden = file["sequential/step_seconds"][()].mean() - summary["step_time"]
        self.assertAlmostEqual(summary["overlap_efficiency"], hidden / min(communication, compute),
                               delta=1e-9 * max(1, abs(summary["overlap_efficiency"])))
        self.assertGreater(summary["expert_slowdown"], 0)
        self.assertIn("distorted", np.bytes_(file.attrs["tags"]).decode())
        self.assertNotIn("wait", file["time"])
        for text in ("overlap", "experts of a layer not computed: 2000 us instead", "chunks 4"):
            self.assertIn(text, out)
        self.assertNotIn("expert_flops_busiest_rank", summary)

    def test_micro_batches_are_verified(self):
        out, file = self.run_file(*RUN, "--step.micro_batches=2", "--exchange.progress_thread=on")
        self.assertEqual(set(file["events"]["chunk"]), {0, 1})
        self.assertIn("outputs compared, 0 wrong", out)
        self.assertTrue(np.isfinite(self.summary(file)["overlap_efficiency"]))

    def test_without_parts_there_is_no_figure(self):
        _, file = self.run_file(*RUN, "--compute.emulate_us=500")
        self.assertEqual(len(file["events"]), 0)
        self.assertNotIn("overlap_efficiency", self.summary(file))
        self.assertNotIn("sequential", file)

    def test_an_injection_delays_a_phase_of_chunks_once(self):
        _, file = self.run_file(*RUN, "--exchange.chunks=2", "--inject.phase=permute",
                                 "--inject.delay_us=3000", ranks=1)
        names = [name.decode() for name in file["axes/phase"][()]]
        events = file["events"][()]
        permute = events[events["phase"] == names.index("permute")]
        took = permute["end"] - permute["start"]
        self.assertGreater(took[permute["chunk"] == 0].min(), 0.003)
        self.assertLess(np.median(took[permute["chunk"] == 1]), 0.003)

    def test_both_pipelines_are_refused(self):
        done = run_epsim("run", *RUN, "--exchange.chunks=2", "--step.micro_batches=2")
        self.assertEqual(done.returncode, 2)
        self.assertIn("are both set", done.stderr)


if __name__ == "__main__":
    unittest.main()
