"""epsim placement, and runs that use its files, against numbers computed here."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

EPSIM = os.environ["EPSIM"]
SOURCE = Path(os.environ["EPSIM_SOURCE_DIR"])
DATA = Path(os.environ["EPSIM_DATA_DIR"]) / "traces"
MPIRUN = SOURCE / "scripts/mpirun.sh"
HEAT = SOURCE / "scripts/placement_heat.py"

sys.path.insert(0, str(HEAT.parent))
import placement_heat  # noqa: E402


def epsim(*args):
    return subprocess.run([EPSIM, *map(str, args)], capture_output=True, text=True)


def skew(placement, counts):
    """sum over layers of max / the same of mean, replicas sharing equally."""
    offset = placement["rank_slot_offset"]
    most = mean = 0
    for slots, load in zip(placement["slot_expert"], counts):
        share = load / np.bincount([e for e in slots if e >= 0], minlength=len(load))
        ranks = [sum(share[e] for e in slots[a:b] if e >= 0) for a, b in zip(offset, offset[1:])]
        most += max(ranks)
        mean += np.mean(ranks)
    return most / mean


class Placement(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)
        self.counts = self.draw_counts()
        self.write("counts.json", {"logical_count": [[0] * 24] + self.counts.tolist()})

    def draw_counts(self):
        return np.random.default_rng().lognormal(5, 1, (3, 24)).astype(int) + 1

    def write(self, name, value):
        (self.dir / name).write_text(json.dumps(value))

    def make(self, *more):
        done = epsim("placement", "make", "--counts", self.dir / "counts.json", "--ranks", 4,
                     "--slots", 32, "-o", self.dir / "p.json", "--json", *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)[0], json.loads((self.dir / "p.json").read_text())

    def test_figures_are_those_of_the_file(self):
        for strategy in ("linear", "random", "eplb", "greedy", "search", "topology"):
            figures, placement = self.make("--strategy", strategy, "--nodes", 2)
            self.assertEqual(placement["layer"], [1, 2, 3])  # the dense layer is none
            self.assertAlmostEqual(figures["total"]["rank_max_over_mean"],
                                   skew(placement, self.counts), places=9)
            self.assertEqual(placement["strategy"], strategy)

    def test_other_forms_come_back_equal(self):
        _, own = self.make()
        for form in ("sglang-placement", "trtllm-eplb"):
            there, back = self.dir / f"p.{form}", self.dir / "back.json"
            self.assertEqual(epsim("placement", "export", self.dir / "p.json", "--form", form,
                                   "-o", there).returncode, 0)
            done = epsim("placement", "import", there, "--ranks", 4, "-o", back)
            self.assertEqual(done.returncode, 0, done.stderr)
            back = json.loads(back.read_text())
            dense = len(back["layer"]) - len(own["layer"])  # SGLang's form has them, too
            self.assertEqual(dense, form == "sglang-placement")
            for key in ("slot_expert", "layer"):
                self.assertEqual(back[key][dense:], own[key], form)
            for key in ("rank_slot_offset", "num_experts"):
                self.assertEqual(back[key], own[key], form)

    def test_omni_infers_form_says_which_expert_is_where(self):
        _, own = self.make()
        epsim("placement", "export", self.dir / "p.json", "--form", "omni-placement", "-o",
              self.dir / "p.npy")
        held = np.load(self.dir / "p.npy")
        self.assertEqual(held.shape, (4, 3, 24))
        for r in range(4):
            for l in range(3):
                mine = own["slot_expert"][l][8 * r:8 * r + 8]
                self.assertEqual(sorted(mine), np.flatnonzero(held[r, l]).tolist())
        done = epsim("placement", "import", self.dir / "p.npy", "--first-layer", 1, "-o",
                     self.dir / "back.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        back = json.loads((self.dir / "back.json").read_text())
        for mine, theirs in zip(own["slot_expert"], back["slot_expert"]):
            self.assertEqual([sorted(mine[r:r + 8]) for r in range(0, 32, 8)],
                             [theirs[r:r + 8] for r in range(0, 32, 8)])

    def test_bad_input_is_refused(self):
        counts, out = self.dir / "counts.json", self.dir / "q.json"
        make = ("placement", "make", "--counts", counts, "--ranks", 4, "-o", out)
        (self.dir / "bad.json").write_text("{")
        self.write("empty.json", {"logical_count": []})
        self.write("sglang.json", {"physical_to_logical_map": [[0, 1, 2, 0]]})
        for args, text in (((*make, "--slots", 23), "23 slots for 24 experts"),
                           ((*make, "--slots", 97), "more replicas than there are ranks"),
                           ((*make, "--strategy", "coactivation"), "trace"),
                           ((*make, "--strategy", "best"), "unknown"),
                           ((*make, "--nodes", 3), "--nodes"),
                           ((*make, "--model", "mixtral-8x7b"), "8 experts"),
                           ((*make, "--slots", 0), "0 slots for 24 experts"),
                           (("placement", "show", self.dir / "none.json"), "none.json"),
                           (("placement", "show", self.dir / "bad.json"), "bad.json"),
                           (("placement", "import", counts, "-o", out), "no placement"),
                           (("placement", "import", self.dir / "sglang.json", "-o", out),
                            "--ranks"),
                           (("placement", "import", self.dir / "sglang.json", "--ranks", 3, "-o",
                             out), "a divisor"),
                           (("placement", "show", counts), "no placement"),
                           (("placement", "make", "--counts", self.dir / "empty.json", "--ranks",
                             1, "-o", out), "logical_count")):
            done = epsim(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(text, done.stderr)

    def test_test_loads_judge_what_training_loads_planned(self):
        other = self.draw_counts()
        self.write("other.json", {"logical_count": [[0] * 24] + other.tolist()})
        _, placement = self.make("--strategy", "eplb")
        done = epsim("placement", "compare", "--train-counts", self.dir / "counts.json",
                     "--test-counts", self.dir / "other.json", "--ranks", 4, "--slots", 32,
                     "--strategies", "eplb", "--placement", self.dir / "p.json", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        for judged in json.loads(done.stdout):
            self.assertAlmostEqual(judged["total"]["rank_max_over_mean"], skew(placement, other),
                                   places=9)

    def test_heat_map_shows_loads_over_their_layers_mean(self):
        _, placement = self.make("--strategy", "random")
        done = epsim("placement", "show", self.dir / "p.json", "--counts",
                     self.dir / "counts.json", "--json")
        shown, numbers = placement_heat.relative_loads(json.loads(done.stdout)[0])
        self.assertEqual(numbers, [1, 2, 3])
        for row, slots, load in zip(shown, placement["slot_expert"], self.counts):
            share = load / np.bincount(slots, minlength=24)
            ranks = share[np.array(slots)].reshape(4, 8).sum(1)
            np.testing.assert_allclose(row, ranks / ranks.mean())

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "python3-matplotlib is absent")
    def test_heat_map_is_drawn(self):
        self.make()
        shown = epsim("placement", "compare", "--counts", self.dir / "counts.json", "--ranks", 4,
                      "--json")
        for said, status in ((shown.stdout, 0), ("[1]", 1), ("{", 1)):
            done = subprocess.run([HEAT, "-o", self.dir / "heat.png"], input=said,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertEqual("no output of epsim placement" in done.stderr, status == 1)
        self.assertTrue((self.dir / "heat.png").read_bytes().startswith(b"\x89PNG"))

    def run_case(self, ranks, *more):
        return subprocess.run(
            [MPIRUN, "-n", str(ranks), EPSIM, "run", "--routing.generator=zipf",
             "--tokens.per_step=96", "--tokens.steps=2", "--model.num_experts=12",
             "--model.top_k=3", "--model.hidden=64", "--model.expert_intermediate=32",
             "--model.moe_layers=2", "--model.total_layers=2", "--measure.min_passes=1", "--measure.warmup=0",
             "--measure.probe=off", "--measure.verify=full", f"--output.dir={self.dir}/run",
             *more], capture_output=True, text=True)

    def test_runs_are_right_with_replicas(self):
        choices = ("nearest", "hash", "random", "least-loaded", "round-robin")
        for ranks, choice in zip((1, 2, 3, 5, 8), choices):
            slots = 0 if ranks == 1 else 5
            done = self.run_case(ranks, "--placement.strategy=search",
                                 f"--placement.redundant_slots={slots}",
                                 f"--placement.replica_choice={choice}",
                                 "--cluster.ranks_per_node=2")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("passed", done.stdout)
            self.assertIn(f"replica choice {choice}", done.stdout)
            verified = epsim("verify", self.dir / "run")
            self.assertEqual(verified.returncode, 0, verified.stderr)
            subprocess.run(["rm", "-r", self.dir / "run"], check=True)

    def test_a_file_of_another_model_is_refused(self):
        self.make()
        done = self.run_case(4, f"--placement.file={self.dir}/p.json")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("is for another model (24 experts instead of 12)", done.stderr)


@unittest.skipUnless(DATA.is_dir(), "shared/data is absent")
class RecordedData(unittest.TestCase):
    counts = DATA / "sglang_dsv3_ep_stats/decode_in1000out1000.json"

    def test_omni_infers_placement_has_its_known_imbalance(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "p.json"
            epsim("placement", "import", "--first-layer", 3,
                  DATA / "omni_placement/dsv3_prefill_16ranks_58x256_i32.npy", "-o", path)
            done = epsim("placement", "show", path, "--counts", self.counts, "--json")
            self.assertAlmostEqual(json.loads(done.stdout)[0]["total"]["rank_max_over_mean"],
                                   1.38, delta=0.005)

    def test_search_is_never_worse_than_eplb(self):
        for counts in sorted(self.counts.parent.glob("*.json")):
            for ranks, slots in ((8, 256), (16, 272), (32, 288), (64, 320)):
                done = epsim("placement", "compare", "--counts", counts, "--ranks", ranks,
                             "--slots", slots, "--strategies", "eplb,eplb-global,search", "--json")
                eplb, whole, search = (p["total"]["balancedness"] for p in json.loads(done.stdout))
                self.assertGreaterEqual(search, max(eplb, whole) - 1e-12)


if __name__ == "__main__":
    unittest.main()
