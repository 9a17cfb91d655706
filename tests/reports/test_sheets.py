"""The committed data sheets are those of the kept measurements, and say what the data sets declare."""

import json
from pathlib import Path

import pytest

from bench.data import find, names
from bench.sheets import declared
from datasets.built import BuiltDataset
from datasets.text import TextDataset
from datasets.twin.base import Twin
from reports.sheets import index, page, read, write

ROOT = Path(__file__).parents[2]
KEPT, PAGES = ROOT / "reports" / "results" / "datasets", ROOT / "docs" / "datasets"
SHEETS = {sheet["name"]: sheet for sheet in read(KEPT)}


def test_the_pages_are_those_of_the_measurements(tmp_path):
    """`python -m bench sheets` writes them; plots are not compared, since fonts differ between machines."""
    made = write(KEPT, tmp_path)
    assert {path.name for path in PAGES.iterdir()} == {path.name for path in made}
    for path in made:
        if path.suffix == ".md":
            assert (PAGES / path.name).read_text() == path.read_text()


def test_there_is_a_sheet_for_each_data_set_and_no_other():
    assert sorted(SHEETS) == names()


@pytest.mark.parametrize("name", [name for name in names() if isinstance(find(name), (BuiltDataset, TextDataset))])
def test_what_was_measured_is_what_the_code_builds(name):
    """A recipe that has changed builds another content: `python -m bench sheets NAME` measures it."""
    measured = SHEETS[name].get("measured")
    if measured is not None:
        assert measured["provenance"]["recipe"] == find(name).entry.recipe


@pytest.mark.parametrize("name", [name for name in names() if isinstance(find(name), Twin)])
def test_a_twin_is_neither_hopeless_nor_solved_by_its_neighbours(name):
    found = SHEETS[name]["measured"]["baselines"]
    assert found["10-NN"]["p_at_1"] < 0.9
    if "missing" not in name:  # of those with missing labels the sheet says that they may be
        assert found["10-NN"]["p_at_1"] > found["most frequent"]["p_at_1"] + 0.1


@pytest.mark.parametrize("name", names())
def test_each_data_set_has_a_sheet_that_is_up_to_date(name):
    told = json.loads(json.dumps(declared(find(name))))
    assert {key: SHEETS[name][key] for key in told} == told


def test_scores_and_plot_are_on_the_page():
    sheet = SHEETS["wordnet"]
    text = page(sheet)
    score = 100 * sheet["measured"]["baselines"]["10-NN"]["p_at_1"]
    assert f"| 10-NN | {score:.1f} |" in text
    assert "![label frequencies](wordnet.svg)" in text
    assert (PAGES / "wordnet.svg").read_text().startswith("<?xml")
    assert f"| {score:.1f} |" in index([sheet])


def test_what_was_not_measured_is_said():
    sheet = {key: value for key, value in SHEETS["wordnet"].items() if key != "measured"}
    assert "Not measured here" in page(sheet)
    assert "| – |" in index([sheet])


def test_a_twin_stands_beside_the_real_set():
    sheet = SHEETS["amazon-670k-twin"]
    assert f"| {sheet['measured']['labels_per_point']:.2f} | 5.45 |" in page(sheet)
