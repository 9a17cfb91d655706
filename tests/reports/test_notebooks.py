"""The notebook runs on stored rows alone and is the same from the same rows; reports never import torch."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from bench.store import export_rows
from reports.notebooks import ROOT, execute, to_html

SOURCE = Path("notebooks/first_light.py")


@pytest.fixture
def parameters(make_rows, tmp_path):
    export_rows(
        make_rows(scale="paper", failed=[("slide", 1)], reason="<img src=x onerror=alert(1)>"),
        tmp_path / "kept" / "reference",
    )
    return {"quick_store": str(tmp_path / "none"), "reference_exports": str(tmp_path / "kept")}


def test_notebook_executes_twice_to_the_same_bytes(parameters, tmp_path):
    first, second = (execute(SOURCE, tmp_path / name / "n.ipynb", parameters) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    notebook = nbformat.read(first, as_version=4)
    images = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(images) == 6
    nbformat.validate(notebook)


def test_notebook_page_is_sanitised(parameters, tmp_path):
    page = to_html(execute(SOURCE, tmp_path / "n.ipynb", parameters), tmp_path / "n.html").read_text()
    assert "<h1>First light" in page
    assert "MONGOOSE" in page
    assert "<script" not in page
    assert "<img src=x" not in page


def test_notebook_without_any_rows_says_so(tmp_path):
    absent = {"quick_store": str(tmp_path / "none"), "reference_exports": str(tmp_path / "none")}
    assert "No rows at all" in execute(SOURCE, tmp_path / "n.ipynb", absent).read_text()
    assert not (tmp_path / "none").exists()


def test_an_unknown_parameter_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="colour"):
        execute(SOURCE, tmp_path / "n.ipynb", {"colour": "red"})


def test_a_path_inside_the_checkout_is_written_without_saying_where_that_is(tmp_path):
    absent = {"quick_store": str(ROOT / "no-such-store"), "reference_exports": str(tmp_path / "none")}
    assert "quick_store = 'no-such-store'" in execute(SOURCE, tmp_path / "n.ipynb", absent).read_text()


def test_reports_do_not_import_torch():
    names = "reports.site, reports.readme, reports.notebooks, reports.tables, reports.figures.base, reports.claims.base"
    plugins = "reports.figures.base.discover(); reports.claims.base.discover()"
    code = f"import sys, {names}; {plugins}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_notebook_source_does_not_name_torch():
    assert "torch" not in SOURCE.read_text()
