"""Runs that move experts: what the file and the report say, presets, and what is refused."""

import unittest

import numpy as np

from epsim_program import RunTest, run_epsim

RUN = ["--routing.generator=zipf", "--model.num_experts=8", "--model.top_k=2",
       "--model.hidden=64", "--model.expert_intermediate=32", "--routing.layers=3",
       "--tokens.per_rank=100", "--tokens.steps=6", "--compute.kernel=reference",
       "--measure.probe=off", "--measure.min_passes=2", "--measure.verify=full"]
EXPERT_BYTES = 3 * 64 * 32 * 2  # three bf16 matrices


class Rebalance(RunTest):
    def test_weights_travel_and_loads_follow(self):
        out, file = self.run_file(*RUN, "--placement.redundant_slots=2",
                                  "--placement.rebalance.interval=2",
                                  "--placement.rebalance.layers_per_step=2")
        self.assertIn("rebalancing", out)
        slots, version = file["placement/slot_expert"][()], file["rebalance/step_version"][()]
        self.assertEqual(file["rebalance/decision_step"][0], 2)
        self.assertEqual(version[1], 0)
        self.assertEqual(version[2], 1)
        moved = file["rebalance/step_moved"][()]
        for step in range(1, 6):
            before, after = slots[version[step - 1]], slots[version[step]]
            self.assertEqual(moved[step], np.sum(before != after) * EXPERT_BYTES)
            self.assertLessEqual(np.sum(np.any(before != after, axis=1)), 2)
        self.assertEqual(moved.sum(), file["rebalance/moved_weights"][()].sum())
        # The phase, in the layers that change, in the iterations of these steps.
        names = [name.decode() for name in file["axes/phase"][()]]
        start = file["time/start"][:, :, names.index("rebalance"), :]
        for iteration, step in enumerate(file["time/step_of"][()]):
            changes = np.any(slots[version[step - 1]] != slots[version[step]], axis=1)
            if step == 0:
                changes[:] = False
            np.testing.assert_array_equal(np.isfinite(start[iteration]).all(axis=1), changes)
        summary = {row["metric"].decode(): row["value"] for row in file["summary"][()]}
        self.assertEqual(summary["rebalance_bytes"], moved.sum())
        static = file["rebalance/static_step_seconds"][()]
        self.assertAlmostEqual(summary["static_step_time"], static.mean())

    def test_the_phase_has_a_bound_where_weights_move(self):
        _, file = self.run_file(*RUN, "--placement.rebalance.interval=2", "--measure.probe=quick")
        names = [name.decode() for name in file["axes/phase"][()]]
        bound = file["bounds/seconds"][:, :, names.index("rebalance")]
        slots, version = file["placement/slot_expert"][()], file["rebalance/step_version"][()]
        size, seconds = file["axes/size"][()], file["links/seconds"][()]
        rank = file["placement/slot_rank"][()]
        for step in range(6):
            for layer in range(3):
                before, after = (slots[version[max(step - late, 0)], layer] for late in (1, 0))
                to = rank[np.flatnonzero(before != after)]  # one slot each: from the other rank
                if len(to) == 0:
                    self.assertTrue(np.isnan(bound[step, layer]))
                    continue
                # A line through a link's latency and bandwidth lies near what was measured.
                most = np.bincount(to, minlength=2).max() * EXPERT_BYTES
                measured = np.interp(most, size, np.nanmax(seconds[:, [0, 1], [1, 0]], axis=1))
                self.assertGreater(bound[step, layer], 0)
                self.assertLess(bound[step, layer], 3 * measured)

    def test_asynchronous_change_is_a_step_later(self):
        _, file = self.run_file(*RUN, "--placement.rebalance.interval=2",
                                "--placement.rebalance.mode=async", ranks=3)
        self.assertEqual(list(file["rebalance/step_version"][:4]), [0, 0, 0, 1])
        self.assertEqual(file["rebalance/decision_step"][0], 2)

    def test_presets_fill_what_is_not_set(self):
        dump = self.epsim("run", *RUN, "--placement.rebalance.preset=vllm",
                          "--placement.rebalance.window=7", "--dump-config").splitlines()
        for line in ("rebalance.interval = 3000  # preset vllm",
                     "rebalance.first = 750  # preset vllm",
                     "rebalance.window = 7  # command line",
                     'rebalance.mode = "async"  # preset vllm'):
            self.assertIn(line, dump)

    def test_dry_run_names_the_bytes(self):
        out = self.epsim("run", *RUN, "--placement.rebalance.interval=2", "--dry-run")
        self.assertIn("rebalancing in a pass", out)

    def test_refused(self):
        interval = "--placement.rebalance.interval=2"
        for flags, text in (
                (["--placement.rebalance.window=3"], "nothing is decided then"),
                ([interval, "--model.distinct_weights=false"], "share weights"),
                ([interval, "--measure.start=free"], "begins anew"),
                ([interval, "--compute.emulate_us=5"], "no weights to move"),
                ([interval, "--exchange.chunks=2"], "not with those without overlap"),
                ([interval, "--exchange-only"], "no experts to move"),
                ([interval, "--placement.rebalance.strategy=optimal"], "not planned within a run"),
                (["--placement.strategy=optimal"], "not planned within a run"),
                ([interval, "--placement.rebalance.mode=later"], "known: stop, async"),
        ):
            with self.subTest(flags=flags):
                done = run_epsim("run", *RUN, *flags)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
