"""epsim info: the facts it prints, as text and as JSON."""

import json
import os
import re
import subprocess
import unittest


def info(*arguments):
    return subprocess.run([os.environ["EPSIM"], "info", *arguments], check=True,
                          capture_output=True, text=True).stdout


class Info(unittest.TestCase):
    def test_json_names_the_libraries_and_the_machine(self):
        facts = json.loads(info("--json"))
        self.assertLessEqual({"build", "cuda", "hdf5", "machine", "mpi", "onednn"}, set(facts))
        self.assertRegex(facts["build"]["version"], r"^\d+\.\d+\.\d+$")
        self.assertRegex(facts["build"]["git_sha"], r"^([0-9a-f]{40}|unknown)$")
        self.assertRegex(facts["hdf5"]["version"], r"^\d+\.\d+\.\d+$")
        self.assertRegex(facts["onednn"]["version"], r"^\d+\.\d+\.\d+$")
        for key, value in [item for group in facts.values() for item in group.items()]:
            self.assertRegex(key, r"^[a-z_0-9]+$")
            self.assertRegex(value, r"^[ -~]*[!-~]$", f"{key} is printable text")
        self.assertEqual(facts["machine"]["hostname"], os.uname().nodename)
        self.assertEqual(int(facts["machine"]["hardware_threads"]), len(os.sched_getaffinity(0)))

    def test_cuda_backend_is_the_one_configured(self):
        facts = json.loads(info("--json"))
        configured = {"ON": "yes", "OFF": "no"}[os.environ["EPSIM_CUDA"]]
        self.assertEqual(facts["cuda"]["built"], configured)
        self.assertEqual("nccl" in facts, configured == "yes")

    def test_mpi_version_is_that_of_the_launcher(self):
        launcher = subprocess.run(["mpirun", "--version"], check=True, capture_output=True,
                                  text=True).stdout
        version = re.search(r"\d+\.\d+\.\d+", launcher).group()
        self.assertIn(version, json.loads(info("--json"))["mpi"]["library"])

    def test_text_shows_the_same_facts(self):
        facts = json.loads(info("--json"))
        lines = dict(line.split(maxsplit=1) for line in info().splitlines())
        self.assertEqual(lines, {f"{group}.{key}": value for group, keys in facts.items()
                                 for key, value in keys.items()})


if __name__ == "__main__":
    unittest.main()
