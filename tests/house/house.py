"""Reads the picture of the house (README, src/CMakeLists.txt) and the sources, and says where they
differ. A room is a folder of src/; what it may include stands in the picture, transitively."""

import re
from pathlib import Path

MAX_LINES = 500
# Libraries that live in one place: header pattern, the paths below src/ that may include it.
OWNERS = [
    (r"mpi\.h", ["comm/", "exchange/mpi/"]),
    (r"hdf5\w*\.h|H5\w+\.h", ["store/"]),
    (r"(cuda|cublas|nccl|nvtx|cub/|thrust/|cooperative_groups).*", ["*/cuda/", "*/nccl/"]),
    (r"toml\+\+/.*", ["config/", "report/", "app/"]),
    (r"CLI/.*", ["config/", "app/"]),
    (r"(oneapi/)?dnnl.*", ["compute/onednn/"]),
    (r"metis\.h", ["placement/metis/"]),
    (r"coin/.*", ["placement/cbc/"]),
    (r"hwloc.*", ["device/"]),
    (r"openssl/.*", ["core/"]),
    (r"boost/.*", ["measure/student_t.cpp"]),
]
GENERATED = {"git_info.hpp"}
SOURCES = (".hpp", ".cpp", ".cu", ".cuh", ".h")
TEXTS = SOURCES + (".py", ".sh", ".txt", ".cmake", ".toml", ".md", ".json", ".supp")
MACHINE_PATH = re.compile(r"(?<![\w.])/(work|root|home|mnt|Users)/")


def included_rooms(text):
    return set() if text.strip() in ("-", "") else {r.strip() for r in text.split(",")}


def readme_rooms(root):
    """{room: rooms it includes} from the table under "## The house"."""
    section = re.search(r"^## The house$(.*?)(^## |\Z)", (root / "README.md").read_text(),
                        re.M | re.S)
    table = section.group(1) if section else ""
    rows = re.findall(r"^\| `(\w+)/` \|.*\| ([^|]*?) \|$", table, re.M)
    return {room: included_rooms(includes) for room, includes in rows}


def cmake_rooms(root):
    """{room: rooms it includes} from epsim_room(... INCLUDES ...)."""
    rooms = {}
    text = (root / "src/CMakeLists.txt").read_text()
    for name, rest in re.findall(r"^epsim_room\((\w+)([^)]*)\)", text, re.M):
        words = re.search(r"\bINCLUDES\s+([a-z_\s]+)", rest)
        rooms[name] = set(words.group(1).split()) if words else set()
    return rooms


def closure(rooms, room):
    """The rooms that `room` may include, itself among them."""
    reached, waiting = {room}, [room]
    while waiting:
        for other in rooms.get(waiting.pop(), set()) - reached:
            reached.add(other)
            waiting.append(other)
    return reached


def files(root, folders, endings):
    return sorted(p for folder in folders for p in (root / folder).rglob("*")
                  if p.is_file() and p.name.endswith(endings))


def may_include(header, path):
    """Whether the source at `path` (below src/) may include a library's header."""
    for pattern, owners in OWNERS:
        if re.fullmatch(pattern, header):
            return any(re.match(re.escape(o).replace(r"\*", r"\w+"), path) for o in owners)
    return True


def picture_violations(root):
    readme, cmake = readme_rooms(root), cmake_rooms(root)
    folders = {p.name for p in (root / "src").iterdir() if p.is_dir()}
    for room in sorted(set(readme) | set(cmake) | folders):
        if room not in folders:
            yield f"room {room} has no folder src/{room}"
        elif room not in cmake:
            yield f"folder src/{room} is no room of src/CMakeLists.txt"
        elif room not in readme:
            yield f"room {room} is missing in the README's picture"
        elif readme[room] != cmake[room]:
            yield (f"room {room} includes {sorted(readme[room])} in the README, "
                   f"{sorted(cmake[room])} in src/CMakeLists.txt")


def include_violations(root):
    rooms = cmake_rooms(root)
    for source in files(root, ["src"], SOURCES):
        path = source.relative_to(root / "src").as_posix()
        allowed = closure(rooms, path.split("/")[0])
        for mark, header in re.findall(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', source.read_text(),
                                       re.M):
            if mark == '"' and header in GENERATED:
                continue
            if mark == '"' and not (root / "src" / header).is_file():
                yield f"{path} includes \"{header}\", which is not in src/"
            elif mark == '"' and header.split("/")[0] not in allowed:
                yield f"{path} includes {header}, against the arrows"
            elif mark == "<" and not may_include(header, path):
                yield f"{path} includes <{header}>, which belongs elsewhere"


def unrun_tests(root):
    rooms = cmake_rooms(root)
    cmake = (root / "tests/CMakeLists.txt").read_text()
    listed = set(re.findall(r"epsim_add_mpi_test\(([\w/]+)", cmake))
    for test in files(root, ["tests"], ("_test.cpp",)):
        path = test.relative_to(root / "tests").as_posix()
        if path.split("/")[0] not in rooms:
            yield f"tests/{path} stands in no room, so it never runs"
        if path.endswith("_mpi_test.cpp") and path.removesuffix("_mpi_test.cpp") not in listed:
            yield f"tests/{path} is not listed in tests/CMakeLists.txt, so it never runs"


def text_violations(root):
    texts = files(root, ["src", "tests", "bench", "scripts", "cmake", "configs", "results"], TEXTS)
    texts += [p for p in root.glob("*") if p.is_file() and p.name.endswith(TEXTS)]
    for text in texts:
        path, content = text.relative_to(root).as_posix(), text.read_text()
        lines = content.count("\n")
        if lines > MAX_LINES and path.split("/")[0] in ("src", "tests", "bench", "scripts"):
            yield f"{path} has {lines} lines (at most {MAX_LINES})"
        if found := MACHINE_PATH.search(content):
            yield f"{path} names a path of one machine ({found.group()}...)"


def violations(root):
    root = Path(root)
    return [v for check in (picture_violations, include_violations, unrun_tests,
                            text_violations) for v in check(root)]
