"""The house is as its picture says; and the check itself finds what is planted in a small house."""

import os
import tempfile
import unittest
from pathlib import Path

import house

README = """# A house
## The house
| room | what lives there | includes |
|---|---|---|
| `core/` | errors | - |
| `comm/` | MPI | core |
| `store/` | files | core |
| `device/` | GPUs | core |
| `app/` | commands | comm, store |

## Next
| `not/` | a room | core |
"""
CMAKE = """epsim_room(core LIBS fmt::fmt)
epsim_room(comm INCLUDES core LIBS MPI::MPI_C)
epsim_room(store INCLUDES core)
epsim_room(device INCLUDES core CUDA LIBS x)
epsim_room(app INCLUDES comm store)
"""
FILES = {
    "README.md": README,
    "src/CMakeLists.txt": CMAKE,
    "src/core/error.hpp": "#pragma once\n#include <string>\n",
    "src/core/build.cpp": '#include "git_info.hpp"\n',
    "src/comm/comm.cpp": '#include <mpi.h>\n\n#include "core/error.hpp"\n',
    "src/store/file.hpp": "#include <hdf5.h>\n",
    "src/device/cuda/query.cu": "#include <cuda_runtime.h>\n#include <nccl.h>\n",
    "src/app/run.cpp": '#include "core/error.hpp"\n#include "store/file.hpp"\n',
    "tests/CMakeLists.txt": "epsim_add_mpi_test(comm/all RANKS 1 2)\n",
    "tests/comm/all_mpi_test.cpp": "",
    "scripts/run.sh": "exec /usr/bin/python3\n",
}


class TheHouse(unittest.TestCase):
    def test_is_as_its_picture_says(self):
        root = Path(os.environ["EPSIM_SOURCE_DIR"])
        self.assertGreaterEqual(len(house.cmake_rooms(root)), 18)
        self.assertEqual(house.violations(root), [])


class TheCheck(unittest.TestCase):
    def violations(self, changes):
        with tempfile.TemporaryDirectory() as folder:
            for path, text in (FILES | changes).items():
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_text(text)
            return house.violations(folder)

    def test_accepts_a_good_house(self):
        self.assertEqual(self.violations({}), [])

    def test_finds_what_is_planted(self):
        far = "/" + "home/me/x"
        for changes, found in [
            ({"src/core/error.hpp": '#include "store/file.hpp"\n'}, "against the arrows"),
            ({"src/store/file.hpp": '#  include "comm/comm.cpp"\n'}, "against the arrows"),
            ({"src/core/cuda/x.cu": '#include "device/cuda/query.cu"\n'}, "against the arrows"),
            ({"src/core/error.hpp": '#include "core/gone.hpp"\n'}, "not in src/"),
            ({"src/store/file.hpp": "#include <mpi.h>\n"}, "<mpi.h>, which belongs elsewhere"),
            ({"src/app/run.cpp": "#include <hdf5.h>\n"}, "<hdf5.h>, which belongs elsewhere"),
            ({"src/device/query.cpp": "#include <cuda_runtime.h>\n"}, "belongs elsewhere"),
            ({"src/core/x.cpp": "#include <cublasLt.h>\n"}, "belongs elsewhere"),
            ({"src/core/x.cpp": "#include <CLI/CLI.hpp>\n"}, "belongs elsewhere"),
            ({"src/store/x.cpp": "#include <toml++/toml.h>\n"}, "belongs elsewhere"),
            ({"README.md": README.replace("comm, store", "comm")}, "in the README"),
            ({"README.md": README.replace("| `store/` | files | core |\n", "")}, "is missing"),
            ({"src/CMakeLists.txt": CMAKE + "epsim_room(cellar)\n"}, "has no folder"),
            ({"src/attic/x.hpp": ""}, "is no room"),
            ({"tests/attic/x_test.cpp": ""}, "stands in no room"),
            ({"tests/comm/two_mpi_test.cpp": ""}, "is not listed"),
            ({"src/core/long.hpp": "\n" * 501}, "501 lines"),
            ({"scripts/run.sh": f"cd {far}\n"}, "path of one machine"),
            ({"configs/x.toml": f'dir = "{far}"\n'}, "path of one machine"),
        ]:
            with self.subTest(found=found, changes=changes):
                violations = self.violations(changes)
                self.assertEqual(len(violations), 1, violations)
                self.assertIn(found, violations[0])

    def test_arrows_are_transitive(self):
        rooms = {"a": set(), "b": {"a"}, "c": {"b"}, "d": {"a"}}
        self.assertEqual(house.closure(rooms, "c"), {"a", "b", "c"})
        self.assertEqual(house.closure(rooms, "d"), {"a", "d"})


if __name__ == "__main__":
    unittest.main()
