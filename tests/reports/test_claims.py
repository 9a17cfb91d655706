"""Each claim can come out either way, needs more than one seed, and says what it lacks."""

import json
from collections.abc import Callable
from math import isnan, log

import numpy as np
import pandas as pd
import pytest

from bench.store import Rows
from reports.claims.base import above, as_json, at_least, discover, judge_all, judge_run, within
from reports.curves import first_reaching
from reports.interval import Interval, interval, ratio_interval
from reports.paper_values import paper_value, paper_values
from reports.selection import CURVES

CLAIMS = {claim.id.removeprefix("mongoose/"): claim for claim in discover() if CURVES[0] in claim.experiments}


def scaled(rows: Rows, method: str, column: str, factor: float) -> Rows:
    """The rows with one column of one method multiplied, in runs and traces alike."""
    frames = []
    for frame in (rows.runs.copy(), rows.traces.copy()):
        if column in frame:
            frame[column] = frame[column].astype(float)
            frame.loc[frame["method"] == method, column] *= factor
        frames.append(frame)
    return Rows(*frames)


def spread(rows: Rows, method: str, column: str, factors: dict[int, float]) -> Rows:
    """The same, with a factor for each seed."""
    frames = [rows.runs.copy(), rows.traces.copy()]
    for frame in frames:
        if column in frame:
            frame[column] = frame[column].astype(float)
            for seed, factor in factors.items():
                frame.loc[(frame["method"] == method) & (frame["seed"] == seed), column] *= factor
    return Rows(*frames)


WILD = {0: 0.2, 1: 1.0, 2: 5.0}

# claim: (column, method, factor that upholds it, factor that refutes it)
CASES = {
    "accuracy-over-lsh": ("p_at_1", "mongoose", 1.0, 0.3),
    "beats-sampling": ("p_at_1", "mongoose", 1.5, 0.3),
    "faster-than-dense": ("p_at_1", "mongoose", 1.5, 0.01),
    "few-updates": ("update_s", "mongoose", 1.0, 15.0),
    "memory": ("peak_mib", "dense", 10.0, 1.0),
    "slow-change": ("codes_changed_epoch", "mongoose", 0.4, 5.0),
}


def test_every_claim_has_cases():
    assert CASES.keys() == CLAIMS.keys()


@pytest.mark.parametrize("name", CASES)
class TestEveryClaim:
    def test_can_be_reproduced(self, name, make_rows):
        column, method, factor, _ = CASES[name]
        finding = CLAIMS[name].judge(scaled(make_rows(), method, column, factor))
        assert finding.verdict == "reproduced", finding
        assert finding.interval[0] <= finding.effect <= finding.interval[1]
        assert finding.n == 3
        assert finding.rows > 0

    def test_can_fail(self, name, make_rows):
        column, method, _, factor = CASES[name]
        assert CLAIMS[name].judge(scaled(make_rows(), method, column, factor)).verdict == "not reproduced"

    def test_is_inconclusive_where_seeds_disagree(self, name, make_rows):
        column, method, factor, _ = CASES[name]
        rows = scaled(make_rows(), method, column, factor)
        factors = {"faster-than-dense": {0: 0.52, 1: 0.8, 2: 1.0}, "few-updates": {0: 30.0, 1: 14.0, 2: 1.0}}.get(
            name, WILD
        )
        assert CLAIMS[name].judge(spread(rows, method, column, factors)).verdict == "inconclusive"

    def test_is_inconclusive_with_one_seed(self, name, make_rows):
        column, method, factor, _ = CASES[name]
        finding = CLAIMS[name].judge(scaled(make_rows(seeds=[0], budget_s=60), method, column, factor))
        assert finding.verdict == "inconclusive"
        assert isnan(finding.interval[0])
        assert "One seed" in finding.reason

    def test_is_not_run_without_its_method(self, name, make_rows):
        finding = CLAIMS[name].judge(make_rows(without=["mongoose"]))
        assert finding.verdict == "not run"
        assert isnan(finding.effect)
        assert "MONGOOSE" in finding.reason

    def test_is_not_run_without_rows(self, name, no_rows):
        assert CLAIMS[name].judge(no_rows).verdict == "not run"

    def test_does_not_count_failed_runs(self, name, make_rows):
        failed = [("mongoose", seed) for seed in (0, 1, 2)]
        assert CLAIMS[name].judge(make_rows(failed=failed)).verdict == "not run"

    def test_names_a_known_tag(self, name):
        assert CLAIMS[name].tag in {"paper text", "secondary", "ours"}


def test_without_its_strongest_rival_nothing_is_beaten(make_rows):
    column, method, upholds, refutes = CASES["beats-sampling"]
    fewer = make_rows(without=["sampled_frequency"])
    finding = CLAIMS["beats-sampling"].judge(scaled(fewer, method, column, upholds))
    assert finding.verdict == "inconclusive"
    assert "A rival has no rows" in finding.reason
    assert CLAIMS["beats-sampling"].judge(scaled(fewer, method, column, refutes)).verdict == "not reproduced"


def test_a_seed_that_never_reaches_dense_refutes_the_speed_up(make_rows):
    rows = spread(make_rows(), "mongoose", "p_at_1", {1: 0.01})
    finding = CLAIMS["faster-than-dense"].judge(rows)
    assert finding.verdict == "not reproduced"
    assert "1 of 3 seeds" in finding.reason
    assert isnan(finding.interval[0])


def test_a_speed_up_that_is_only_a_lower_bound_cannot_refute(make_rows):
    rows = scaled(make_rows(), "dense", "p_at_1", 0.05)
    quick = Rows(rows.runs, rows.traces[(rows.traces["method"] == "dense") | (rows.traces["train_s"] > 20)])
    finding = CLAIMS["faster-than-dense"].judge(quick)
    assert finding.effect < paper_value("speed-up")
    assert finding.ours.startswith("at least ")
    assert finding.verdict == "inconclusive"
    assert "lower bound" in finding.reason


def test_the_speed_up_is_the_ratio_of_seconds(make_rows):
    rows = make_rows(without=["slide"])
    points = {"dense": [(10.0, 0.1), (60.0, 0.2)], "mongoose": [(1.0, 0.0), (9.0, 0.4)]}
    traces = (
        rows.traces[rows.traces["event"] == "evaluation"].groupby(["method", "seed"]).head(2).reset_index(drop=True)
    )
    for method, values in points.items():
        for seed in (0, 1, 2):
            at = traces.index[(traces["method"] == method) & (traces["seed"] == seed)]
            traces.loc[at, ["train_s", "p_at_1"]] = values
    finding = CLAIMS["faster-than-dense"].judge(Rows(rows.runs, traces))
    assert finding.effect == pytest.approx(60 / 5)


def test_the_rival_is_the_better_one_and_an_absent_one_is_named(make_rows):
    finding = CLAIMS["accuracy-over-lsh"].judge(make_rows(without=["slide"]))
    assert "naive LSH" in finding.ours
    assert "no rows: SLIDE" in finding.ours


def test_seeds_that_only_one_method_has_are_left_out(make_rows):
    rows = make_rows(failed=[("dense", 2)])
    assert CLAIMS["memory"].judge(rows).n == 2


def test_early_epochs_do_not_count_as_slow_change(make_rows):
    rows = make_rows()
    finding = CLAIMS["slow-change"].judge(Rows(rows.runs, rows.traces[rows.traces["epoch"] < 3]))
    assert finding.verdict == "not run"


def test_bits_are_reported_beside_codes(make_rows):
    ours = CLAIMS["slow-change"].judge(make_rows()).ours
    assert "whole codes" in ours
    assert "single bits" in ours


def test_scales_are_judged_apart(make_rows):
    quick, paper = make_rows(seeds=[0]), make_rows(scale="paper")
    both = Rows(
        *(pd.concat(pair, ignore_index=True) for pair in ((quick.runs, paper.runs), (quick.traces, paper.traces)))
    )
    judged = judge_run(both)
    assert len(judged) == 2 * len(CLAIMS)
    assert set(judged[judged["scale"] == "quick"]["n"]) == {1}
    assert set(judged[judged["scale"] == "paper"]["n"]) == {3}


def test_json_has_the_promised_fields_and_no_nan(make_rows, no_rows):
    for rows in (make_rows(seeds=[0]), make_rows(), no_rows):
        found = as_json(judge_all(rows))
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        promised = {"id", "words", "source", "tag", "verdict", "effect", "interval", "unit", "n", "scale", "rows"}
        assert all(promised <= finding.keys() and len(finding["interval"]) == 2 for finding in found)


def test_numpy_numbers_do_not_reach_json(make_rows):
    finding = as_json(judge_all(make_rows()))[0]
    assert type(finding["n"]) is int
    assert type(finding["effect"]) is float


@pytest.mark.parametrize(
    ("verdict", "outcomes"),
    [
        (lambda found: at_least(found, 4.0), ["not reproduced", "inconclusive", "reproduced", "reproduced"]),
        (lambda found: above(found, 4.0), ["not reproduced", "inconclusive", "inconclusive", "reproduced"]),
        (lambda found: within(found, 4.0, 6.0), ["not reproduced", "inconclusive", "reproduced", "inconclusive"]),
    ],
)
def test_verdicts_at_their_edges(verdict: Callable[[Interval], str], outcomes: list[str]):
    intervals = [Interval(2, 1, 3, 3), Interval(4, 3, 5, 3), Interval(5, 4, 6, 3), Interval(6, 5, 7, 3)]
    assert [verdict(found) for found in intervals] == outcomes


def test_the_interval_is_students():
    found = interval([1.0, 2.0, 3.0])
    assert (found.mean, found.n) == (2.0, 3)
    assert found.high - found.mean == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    samples = np.random.default_rng(0).normal(5.0, 2.0, (2000, 3))
    covered = sum(found.low <= 5.0 <= found.high for found in map(interval, samples))
    assert abs(covered - 1900) < 4 * np.sqrt(2000 * 0.95 * 0.05)


def test_ratios_are_averaged_in_logarithms():
    found = ratio_interval([0.5, 2.0])
    assert found.mean == pytest.approx(1.0)
    assert log(found.high) == pytest.approx(-log(found.low))


def test_a_single_huge_interval_does_not_overflow():
    assert ratio_interval([1.0]).high == float("inf")


def test_the_first_crossing_counts_even_if_the_curve_falls_again():
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 0.2, 2.0])
    assert first_reaching(x, y, 0.5) == 1.5
    assert first_reaching(x, y, 0.0) == 1.0
    assert isnan(first_reaching(x, y, 3.0))


def test_no_published_number_stands_on_memory_alone():
    values = paper_values()
    assert set(values["tag"]) == {"paper text", "secondary", "code"}
    assert values["source"].str.len().gt(0).all()
    assert values["quantity"].is_unique
    assert values["value"].astype(float).notna().all()


def test_an_unknown_quantity_is_named():
    with pytest.raises(KeyError, match="speed of light"):
        paper_value("speed of light")
