"""Every figure draws whatever rows there are, names what is missing, and gives the same bytes twice."""

from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.store import Rows
from reports.appearance import LOOKS, UNTRAINED
from reports.drawing import bands, canvas, legend
from reports.figures.base import Figure, discover, render, save
from reports.selection import current

FIGURES = discover()


def named(name: str) -> Figure:
    return next(figure for figure in FIGURES if figure.name == name)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
class TestEveryFigure:
    def test_draws_and_names_nothing_missing_when_all_is_there(self, figure, make_rows, tmp_path):
        saved = save(figure, make_rows(), tmp_path)
        assert saved.missing == []
        assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".png", ".csv"}

    def test_is_byte_identical_twice(self, figure, make_rows, tmp_path):
        rows = make_rows(without=["dense"])
        save(figure, rows, tmp_path / "a")
        save(figure, rows, tmp_path / "b")
        for first in (tmp_path / "a").iterdir():
            assert first.read_bytes() == (tmp_path / "b" / first.name).read_bytes(), first.name

    def test_draws_empty_rows_and_names_every_method(self, figure, no_rows, tmp_path):
        assert len(save(figure, no_rows, tmp_path).missing) == len(figure.methods)

    def test_names_failed_runs(self, figure, make_rows, tmp_path):
        missing = save(figure, make_rows(failed=[("mongoose", 1)]), tmp_path).missing
        assert missing == ["MONGOOSE: 1 of 3 runs failed (diverged)"]

    def test_draws_one_seed_without_a_band(self, figure, make_rows):
        frame = figure.data(make_rows(seeds=[4]))
        assert frame["sd"].isna().all()
        assert (frame["n"] == 1).all()
        assert render(figure, make_rows(seeds=[4])).startswith(b"\x89PNG")

    def test_changes_with_its_rows(self, figure, make_rows):
        assert render(figure, make_rows(seeds=[0])) != render(figure, make_rows(seeds=[1]))

    def test_is_named_like_its_module(self, figure):
        assert (Path("reports/figures") / f"{figure.name}.py").exists()

    def test_carries_no_date(self, figure, make_rows):
        assert b"dc:date" not in render(figure, make_rows(seeds=[0]), "svg")


def test_lines_are_drawn_as_the_legend_says():
    methods = ["mongoose", "mongoose-uncorrected"]
    frame = pd.DataFrame({"method": methods, "x": 1.0, "mean": 2.0, "sd": nan, "n": 3})
    figure, (axes,) = canvas(9, 6)
    bands(axes, frame)
    legend(figure, frame)
    drawn, named = axes.lines, figure.legends[0].legend_handles
    for look in ("get_linestyle", "get_color", "get_marker"):
        assert [getattr(line, look)() for line in drawn] == [getattr(handle, look)() for handle in named]
    assert {line.get_linestyle() for line in drawn} == {"-", ":"}


def test_a_failed_run_is_not_averaged(make_rows):
    rows = make_rows(failed=[("mongoose", 1)])
    frame = named("precision_vs_seconds").data(rows)
    assert frame[frame["method"] == "mongoose"]["n"].max() == 2


def test_curves_end_where_the_first_seed_ended(make_rows):
    rows = make_rows()
    traces = rows.traces[(rows.traces["method"] == "slide") & (rows.traces["event"] == "evaluation")]
    frame = named("precision_vs_seconds").data(rows)
    drawn = frame[(frame["method"] == "slide") & (frame["kind"] == "curve")]["x"]
    assert drawn.max() == traces.groupby("seed")["train_s"].max().min()
    assert drawn.min() == traces.groupby("seed")["train_s"].min().max()


def test_means_are_those_of_the_interpolated_seeds(make_rows):
    rows = make_rows()
    frame = named("precision_vs_seconds").data(rows)
    row = frame[(frame["method"] == "slide") & (frame["kind"] == "curve")].iloc[5]
    values = []
    for _, seed in rows.traces.query("method == 'slide' and event == 'evaluation'").groupby("seed"):
        values.append(np.interp(row["x"], seed["train_s"], 100 * seed["p_at_1"]))
    assert row["mean"] == pytest.approx(np.mean(values))
    assert row["sd"] == pytest.approx(np.std(values, ddof=1))


def test_lines_are_the_scores_of_what_needs_no_training(make_rows):
    frame = named("precision_vs_steps").data(make_rows())
    lines = frame[frame["kind"] == "line"].set_index("method")["mean"]
    assert lines.to_dict() == pytest.approx({"nearest_neighbours": 20.5, "most_frequent": 0.6})


def test_zero_change_can_be_drawn(make_rows):
    rows = make_rows(seeds=[0])
    traces = rows.traces.copy()
    traces.loc[traces.index[::3], "codes_changed_step"] = 0.0
    assert render(named("hash_change"), Rows(rows.runs, traces))


def test_epoch_panels_without_an_epoch_can_be_drawn(make_rows):
    rows = make_rows(seeds=[0])
    assert render(named("hash_change"), Rows(rows.runs, rows.traces[rows.traces["event"] == "evaluation"]))


def test_columns_that_were_never_measured_are_named(make_rows):
    rows = make_rows()
    unmeasured = Rows(rows.runs.assign(peak_mib=nan), rows.traces)
    frame = named("memory").data(unmeasured)
    assert frame.empty
    assert render(named("memory"), unmeasured)


def test_an_unknown_method_is_drawn_under_its_own_name(make_rows):
    rows = make_rows(seeds=[0])
    renamed = Rows(
        rows.runs.replace({"method": {"slide": "halos"}}), rows.traces.replace({"method": {"slide": "halos"}})
    )
    assert "halos" in set(named("precision_vs_seconds").data(renamed)["method"])
    assert render(named("precision_vs_seconds"), renamed)


@pytest.mark.parametrize("study", ["", "copying-", "byte_lm-"])
def test_every_method_of_a_study_looks_different(study):
    studies = ("copying-", "byte_lm-")
    names = [name for name in LOOKS if name.startswith(study) and (study or not name.startswith(studies))]
    looks = [(LOOKS[name].colour, LOOKS[name].marker, LOOKS[name].dash) for name in names]
    assert len(set(looks)) == len(looks) >= 8


def test_seeds_of_another_version_are_not_averaged(make_rows):
    old, new = make_rows(), make_rows(seeds=[0])
    old.runs["env_code"], old.runs["started"] = "old", "2026-01-01T00:00:00"
    new.runs["env_code"], new.runs["started"] = "new", "2026-02-01T00:00:00"
    new.runs["key"], new.traces["key"] = "new-" + new.runs["key"], "new-" + new.traces["key"]
    both = Rows(pd.concat([old.runs, new.runs]), pd.concat([old.traces, new.traces]))
    assert sorted(current(both).runs["key"]) == sorted(new.runs["key"])


def test_methods_are_compared_on_one_content_of_a_data_set(make_rows):
    """A set that was built again from a source that moved is another one, under the same name."""
    old, new = make_rows(seeds=[0]), make_rows(seeds=[1], without=["dense", "slide", *UNTRAINED])
    old.runs["config"], old.runs["started"] = '{"data": {"date": "old"}}', "2026-01-01T00:00:00"
    new.runs["config"], new.runs["started"] = '{"data": {"date": "new"}}', "2026-02-01T00:00:00"
    both = Rows(pd.concat([old.runs, new.runs]), pd.concat([old.traces, new.traces]))
    assert sorted(current(both).runs["key"]) == sorted(new.runs["key"])
    both.runs["config"] = new.runs["config"].iloc[0]
    assert len(current(both).runs) == len(both.runs)


def test_the_newest_success_of_a_seed_is_current(make_rows):
    rows = make_rows(seeds=[0])
    older = rows.runs.assign(key=rows.runs["key"] + "-old", started="2026-01-01T00:00:00", p_at_1=0.0)
    newer_failure = rows.runs.assign(key=rows.runs["key"] + "-new", started="2026-12-01T00:00:00", status="error")
    both = Rows(pd.concat([rows.runs, older, newer_failure], ignore_index=True), rows.traces)
    assert sorted(current(both).runs["key"]) == sorted(rows.runs["key"])
