"""The rules of the house: who may import whom, and where a clock, a file or a picture may be."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"mongoose", "cuda_kernels", "datasets", "bench", "reports"}
MAY_IMPORT = {
    "cuda_kernels": set(),
    "mongoose": {"cuda_kernels"},
    "datasets": set(),
    "bench": {"mongoose", "cuda_kernels", "datasets"},
    "reports": {"bench"},
}
PLUG_INS = [
    "bench/methods",
    "bench/experiments",
    "bench/studies",
    "mongoose/scheduling",
    "mongoose/sampling",
    "mongoose/retrieval",
    "reports/figures",
    "reports/claims",
]


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_run_one_way(room: str) -> None:
    allowed = MAY_IMPORT[room] | {room}
    for path in sources(room):
        if path == ROOT / "bench" / "cli.py":
            continue  # the command line is where rooms are put together
        foreign = {name.partition(".")[0] for name in imports(path)} & OURS - allowed
        assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


def test_reports_read_rows_and_nothing_else_of_bench() -> None:
    for path in sources("reports"):
        found = {name for name in imports(path) if name.startswith("bench")}
        assert all(name.startswith(("bench.record", "bench.store")) for name in found), (
            f"{path.relative_to(ROOT)} imports {found}"
        )


@pytest.mark.parametrize("folder", PLUG_INS)
def test_plug_ins_of_a_folder_do_not_import_each_other(folder: str) -> None:
    package = folder.replace("/", ".")
    bases = {f"{package}.base", f"{package}.__init__"}
    plug_ins = {f"{package}.{path.stem}" for path in (ROOT / folder).glob("*.py")} - bases
    shared = {"mongoose.sampling.random", "mongoose.sampling.mining"}  # parts of samplers of hard negatives
    for path in (ROOT / folder).glob("*.py"):
        found = set(imports(path)) & plug_ins - shared
        assert not found, f"{path.relative_to(ROOT)} imports {found}"


@pytest.mark.parametrize(
    ("modules", "rooms", "only"),
    [
        ({"time", "timeit"}, ["mongoose", "bench", "datasets", "reports", "cuda_kernels"], "bench/timing.py"),
        ({"sqlite3"}, ["mongoose", "datasets", "reports"], None),
        ({"matplotlib", "seaborn", "argparse"}, ["mongoose", "bench", "datasets"], None),
        ({"torch", "scipy.optimize"}, ["datasets", "reports"], None),
        ({"pickle", "marshal", "shelve"}, ["mongoose", "bench", "datasets", "reports"], None),
        ({"pathlib", "os", "subprocess", "tempfile"}, ["mongoose"], "mongoose/native/build.py"),
    ],
)
def test_each_thing_has_its_place(modules: set[str], rooms: list[str], only: str | None) -> None:
    for room in rooms:
        for path in sources(room):
            if only and path == ROOT / only:
                continue
            found = {name for name in imports(path) if name in modules or name.partition(".")[0] in modules}
            assert not found, f"{path.relative_to(ROOT)} imports {found}"


def test_importing_the_library_is_light_and_changes_nothing(tmp_path: Path) -> None:
    code = """
import sys, torch
state, threads = torch.get_rng_state(), torch.get_num_threads()
import mongoose, cuda_kernels, mongoose.nn.xmc, mongoose.sampling.lsh, mongoose.hashing.dwta
assert torch.equal(state, torch.get_rng_state()) and threads == torch.get_num_threads()
heavy = {"cupy", "pandas", "matplotlib", "scipy", "bench", "datasets"} & set(sys.modules)
assert not heavy, heavy
"""
    environment = os.environ | {"MONGOOSE_CACHE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)
    assert not list(tmp_path.iterdir())  # no kernel is built before it is called


def test_no_file_is_called_utils() -> None:
    assert not [path for room in OURS for path in sources(room) if path.stem in {"utils", "util", "helpers", "misc"}]
