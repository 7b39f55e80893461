"""epsim model list | show, as a user sees them."""

import json
import pathlib
import tempfile
import unittest

from epsim_program import SOURCE_DIR, run_epsim


def epsim(*args, **env):
    return run_epsim("model", *args, env=env)


class ModelCommand(unittest.TestCase):
    def test_list_shows_every_preset_in_100_columns(self):
        done = epsim("list")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertLessEqual(max(map(len, lines)), 100)
        shown = {line.split()[0].lower() for line in lines}
        presets = {path.name[:-5] for path in (SOURCE_DIR / "configs/models").glob("*.toml")}
        self.assertEqual(len(presets), 31)
        self.assertLessEqual(presets, shown)

    def test_list_json_agrees_with_numbers_worked_out_here(self):
        models = json.loads(epsim("list", "--json").stdout)
        self.assertEqual(len(models), 31)
        for model in models:
            s = model["shape"]
            mats = 3 if s["activation"] in ("geglu", "swiglu", "swiglu_clamped") else 2
            params = mats * s["hidden"] * s["expert_intermediate"]
            self.assertEqual(model["expert"]["params"], params, model["preset"])
            self.assertEqual(model["expert"]["bytes_bf16"], 2 * params)
            self.assertEqual(model["params"]["routed_experts"],
                             params * s["num_experts"] * s["moe_layers"])
            width = (s["top_k"] * s["expert_intermediate"] + s["dense_residual_intermediate"]
                     + s["shared_experts"] * s["shared_intermediate"])
            self.assertEqual(model["token_a_layer"]["flops"], 2 * mats * s["hidden"] * width)
            self.assertEqual(model["token_a_layer"]["wire_bytes_bf16"],
                             2 * s["top_k"] * s["hidden"])
            self.assertTrue(model["params"]["consistent"], model["preset"])

    def test_show_deepseek_v3(self):
        done = epsim("show", "DeepSeek-V3", "--ep", "8,32")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)
        for part in ("44040192", "84.00 MiB bf16", "97.5 % of the published 671 B", "consistent",
                     "top2_sum", "112.00 KiB a direction (8 rows of 14.00 KiB)"):
            self.assertIn(part, done.stdout)

    def test_show_memory_a_rank(self):
        done = epsim("show", "deepseek-v3", "--ep", "8,32,100", "--dtype", "fp32", "--json")
        memory = json.loads(done.stdout)["memory_a_rank"]
        self.assertEqual([(m["ep"], m["experts"]) for m in memory], [(8, 32), (32, 8), (100, 3)])
        for m in memory:
            self.assertEqual(m["layer_bytes"], 4 * (m["experts"] + 1) * 44_040_192)
            self.assertEqual(m["model_bytes"], 58 * m["layer_bytes"])

    def test_every_page_fits_100_columns(self):
        for path in (SOURCE_DIR / "configs/models").glob("*.toml"):
            done = epsim("show", path.name[:-5])
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100, path.name)

    def assert_refused(self, done, *parts):
        self.assertEqual(done.returncode, 2, done.stdout)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_wrong_usage_exits_2(self):
        self.assert_refused(epsim("show", "mixtral"), "nearest: mixtral-8x7b", "configs/models")
        self.assert_refused(epsim("show", "dbrx", "--ep", "0"), "EP size 0 is out of range")
        self.assert_refused(epsim("show", "dbrx", "--ep", "eight"), "--ep")
        self.assert_refused(epsim("show", "dbrx", "--dtype", "fp7"), "fp32, bf16")
        self.assert_refused(epsim("show"), "NAME")
        self.assert_refused(epsim(), "subcommand")
        self.assert_refused(epsim("list", EPSIM_CONFIG_DIR="/nowhere"), "no presets in /nowhere")

    def test_presets_come_from_the_environments_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            models = pathlib.Path(folder) / "models"
            models.mkdir()
            (models / "mine.toml").write_text('[model]\nname = "Mine"\ntop_k = 1\n')
            done = epsim("list", EPSIM_CONFIG_DIR=folder)
            self.assertIn("Mine", done.stdout)
            self.assertNotIn("Mixtral", done.stdout)
            (models / "bad.toml").write_text("[model]\nhiden = 1\n")
            self.assert_refused(epsim("list", EPSIM_CONFIG_DIR=folder),
                                "bad.toml:2:1: unknown key 'model.hiden' (nearest: model.hidden)")


if __name__ == "__main__":
    unittest.main()
