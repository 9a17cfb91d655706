"""Hugging Face publishes a package called `datasets` too. From a checkout ours wins; anywhere else we say so."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench.our_datasets import require_ours

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    package = tmp_path / "site-packages" / "datasets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def load_dataset(name): ...\n")
    return package.parent


def run(code: str, *path: Path) -> "subprocess.CompletedProcess[str]":
    setup = f"import sys; sys.path[:0] = {[str(entry) for entry in path]}; "
    return subprocess.run([sys.executable, "-P", "-c", setup + code], capture_output=True, text=True, check=False)


def test_from_the_checkout_ours_wins(theirs):
    done = run("import datasets; print(datasets.__mongoose__, 'tiny' in datasets.names())", CHECKOUT, theirs)
    assert done.stdout.split() == ["True", "True"], done.stderr


def test_if_theirs_comes_first_bench_says_what_to_do(theirs):
    done = run("import bench.data", theirs, CHECKOUT)
    assert done.returncode != 0
    assert "Run from the root of the checkout" in done.stderr
    assert str(theirs) in done.stderr


def test_a_package_without_our_mark_is_refused():
    with pytest.raises(ImportError, match="Hugging Face"):
        require_ours(ModuleType("datasets"))
