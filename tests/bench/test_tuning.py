"""Tuning: equal budgets, draws that repeat, and nothing read but the validation part."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from bench import methods, runner
from bench.cli import app
from bench.config import RunConfig
from bench.methods.dense import Dense
from bench.record import Run
from bench.store import Store
from bench.tuning import search, winners
from bench.tuning.search import Budget
from bench.tuning.space import LR, Choice, LogUniform, Uniform
from bench.tuning.winners import UnequalBudgetError, keep, read, tuned
from bench.worker import execute, key_of
from mongoose.ops.backend import using

BUDGET = Budget(trials=6, seconds=0.5, seed=0)
TERMS: dict[str, Any] = {"trials": 2, "seconds": 1.0, "seed": 0, "machine": {"cpu": "a"}, "data": {"files": ("x",)}}


@pytest.fixture(autouse=True)
def plain_torch() -> Iterator[None]:
    """Runs and commands choose a backend for the whole process; it is put back."""
    with using("reference"):
        yield


def test_ranges_give_what_they_hold() -> None:
    for fraction in (0.0, 0.3, 0.999999):
        assert Uniform(-1, 3).holds(Uniform(-1, 3).at(fraction))
        assert LogUniform(1e-4, 1e-2).holds(LogUniform(1e-4, 1e-2).at(fraction))
        assert Choice(1, None).at(fraction) in (1, None)
    assert Uniform(0, 1).at(0.25) == 0.25
    assert LogUniform(1e-4, 1e-2).at(0.5) == 1e-3
    assert [Choice("a", "b", "c").at(fraction) for fraction in (0, 0.34, 0.99)] == ["a", "b", "c"]


def test_draws_of_a_range_are_spread_as_said() -> None:
    """A thousand trials; shares within 4.5 standard deviations of a fair coin's, 0.071."""
    found = search.draws(methods.get("torch_sampled"), Budget(1001, 1.0, 3))[1:]
    assert sum(params["lr"] < 1e-3 for params in found) == pytest.approx(500, abs=71)
    assert sum(params["corrected"] for params in found) == pytest.approx(500, abs=71)
    both = sum(params["corrected"] and params["lr"] < 1e-3 for params in found)
    assert both == pytest.approx(250, abs=62)  # fields are drawn apart from each other


@pytest.mark.parametrize("wrong", [lambda: Uniform(1, 1), lambda: LogUniform(0, 1), lambda: Choice()])
def test_empty_ranges_are_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"low|nothing"):
        wrong()


@pytest.mark.parametrize("name", sorted(methods.found()))
class TestSpace:
    def test_its_draws_are_settings_of_the_method_within_their_ranges(self, name: str) -> None:
        method = methods.get(name)
        found = search.draws(method, BUDGET)
        assert len(found) == BUDGET.trials
        for params in found:
            config = method.config(**params)
            assert set(params) == set(method.space)
            for field, of in method.space.items():
                assert of.holds(getattr(config, field)), f"{field}={getattr(config, field)}"

    def test_the_first_trial_has_the_defaults(self, name: str) -> None:
        method = methods.get(name)
        assert method.config(**search.draws(method, BUDGET)[0]) == method.config()

    def test_learning_rates_are_the_same_for_all_methods(self, name: str) -> None:
        found = search.draws(methods.get(name), BUDGET)
        expected = search.draws(methods.get("dense"), BUDGET)
        assert [params["lr"] for params in found] == [params["lr"] for params in expected]


def test_the_same_seed_draws_the_same_and_more_trials_begin_with_them() -> None:
    method = methods.get("mongoose")
    found = search.draws(method, BUDGET)
    assert found == search.draws(method, BUDGET)
    assert found == search.draws(method, Budget(9, 0.5, 0))[: BUDGET.trials]
    assert found != search.draws(method, Budget(6, 0.5, 1))


def test_a_space_that_names_no_field_is_refused() -> None:
    class Misnamed(Dense):
        space = LR | {"num_tabels": Choice(1, 2)}

    with pytest.raises(ValueError, match=r"num_tabels; the fields are: lr"):
        search.draws(Misnamed(), BUDGET)


def test_a_space_with_a_value_that_is_not_accepted_is_refused() -> None:
    class Misdrawn(Dense):
        space = {"lr": Choice(-1.0)}

    with pytest.raises(ValueError, match="greater than 0"):
        search.draws(Misdrawn(), BUDGET)


def test_every_method_gets_the_same_number_of_trials_and_seconds_in_turn() -> None:
    runs = search.trials("tiny", ["dense", "mongoose", "slide"], BUDGET, "reference")
    assert {len(configs) for configs in runs.values()} == {BUDGET.trials}
    listed = search.in_turn(runs)
    assert [config.method for config in listed[:4]] == ["dense", "mongoose", "slide", "dense"]
    assert {(config.seconds, config.seed, config.final, config.evaluations) for config in listed} == {
        (0.5, 0, False, 4)
    }
    assert len({key_of(config) for config in listed}) == len(listed)


def row(config: RunConfig, **values: Any) -> dict[str, Any]:
    run = Run(key_of(config), "tune", "quick", config.method, "tiny", 0, **({"status": "ok"} | values))
    return run.flat()


@pytest.fixture
def configs() -> list[RunConfig]:
    return search.trials("tiny", ["dense"], Budget(4, 0.5, 0), "reference")["dense"]


def test_test_scores_decide_nothing(configs: list[RunConfig]) -> None:
    planted = [
        row(configs[0], validation_p_at_1=0.2, p_at_1=0.1),
        row(configs[1], validation_p_at_1=0.1, p_at_1=0.99, last_p_at_1=0.99, ndcg_at_1=0.99),
        row(configs[2], validation_p_at_1=0.5, p_at_1=0.0),
        row(configs[3], validation_p_at_1=0.4, p_at_1=0.5),
    ]
    found = search.winner(configs, pd.DataFrame(planted))
    assert found is not None
    assert (found.trial, found.validation_p_at_1, found.default_p_at_1) == (2, 0.5, 0.2)
    assert found.params == configs[2].params
    assert found.succeeded == 4


def test_failed_trials_do_not_win_and_of_equal_ones_the_first_does(configs: list[RunConfig]) -> None:
    rows = [
        row(configs[0], status="diverged", validation_p_at_1=0.9),
        row(configs[1], validation_p_at_1=0.3),
        row(configs[2], validation_p_at_1=0.3),
        row(configs[3], validation_p_at_1=math.nan),
    ]
    found = search.winner(configs, pd.DataFrame(rows))
    assert found is not None
    assert (found.trial, found.succeeded, found.default_p_at_1) == (1, 2, None)
    assert search.winner(configs, pd.DataFrame(rows[:1])) is None


def test_rows_of_other_runs_do_not_count(configs: list[RunConfig]) -> None:
    other = configs[1].model_copy(update={"final": True})
    rows = [row(configs[0], validation_p_at_1=0.1), row(other, validation_p_at_1=0.9)]
    found = search.winner(configs, pd.DataFrame(rows))
    assert found is not None
    assert found.trial == 0


def test_a_trial_never_sees_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    config = search.trials("tiny", ["sampled_uniform"], Budget(1, 0.2, 0), "reference")["sampled_uniform"][0]

    def held(splits: Any, config: RunConfig) -> Any:
        cut = of_worker(splits, config)
        seen.extend([splits.test.points, cut.test.points])
        return cut

    from bench import worker

    of_worker = worker.held
    monkeypatch.setattr(worker, "held", held)
    run, traces, _ = execute(config, lambda event: None)
    assert run.status == "ok", run.reason
    assert seen == [200, 0]
    assert run.test_points == 0
    assert 0 < run.validation_p_at_1 <= 1
    scores = {name: value for name, value in asdict(run).items() if "_at_" in name and name != "validation_p_at_1"}
    assert len(scores) == 10
    assert all(math.isnan(value) for value in scores.values())
    assert all(math.isnan(trace.p_at_1) and trace.validation_p_at_1 > 0 for trace in traces if trace.event != "epoch")


def test_winners_come_back_as_they_were_kept(tmp_path: Path) -> None:
    found = {"dense": {"params": {"lr": 0.002, "block": None}, "validation_p_at_1": 0.25}}
    path = keep("tiny", TERMS, found, tmp_path)
    assert path == tmp_path / "tiny.json"
    assert tuned("tiny", "dense", tmp_path) == {"lr": 0.002, "block": None}
    kept = read("tiny", tmp_path)
    assert kept["methods"] == found
    assert kept["terms"] == TERMS | {"data": {"files": ["x"]}}
    keep("tiny", TERMS, {"slide": {"params": {}}}, tmp_path)
    assert sorted(read("tiny", tmp_path)["methods"]) == ["dense", "slide"]


def test_a_method_tuned_in_vain_keeps_no_winner_of_before(tmp_path: Path) -> None:
    keep("tiny", TERMS, {"dense": {"params": {}}, "slide": {"params": {}}}, tmp_path)
    keep("tiny", TERMS | {"trials": 9}, {"dense": {"params": {"lr": 0.1}}, "slide": None}, tmp_path)
    assert read("tiny", tmp_path)["methods"] == {"dense": {"params": {"lr": 0.1}}}
    assert read("tiny", tmp_path)["terms"]["trials"] == 9


@pytest.mark.parametrize("other", [{"trials": 3}, {"seconds": 2.0}, {"seed": 1}, {"machine": {"cpu": "b"}}])
def test_budgets_that_differ_do_not_share_a_file(tmp_path: Path, other: dict[str, Any]) -> None:
    keep("tiny", TERMS, {"dense": {"params": {"lr": 0.1}}}, tmp_path)
    with pytest.raises(UnequalBudgetError, match=rf"dense.*{next(iter(other))}"):
        keep("tiny", TERMS | other, {"slide": {"params": {}}}, tmp_path)
    assert tuned("tiny", "dense", tmp_path) == {"lr": 0.1}
    keep("tiny", TERMS | other, {"dense": {"params": {"lr": 0.2}}, "slide": {"params": {}}}, tmp_path)
    assert tuned("tiny", "dense", tmp_path) == {"lr": 0.2}


def test_what_has_not_been_tuned_has_defaults_and_says_so(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"dense has not been tuned on tiny.*bench tune tiny dense"):
        assert tuned("tiny", "dense", tmp_path) == {}


def kept_files() -> Iterator[Path]:
    return winners.TUNED.glob("*.json")


def test_settings_that_are_kept_are_accepted_by_their_methods() -> None:
    for path in kept_files():
        for name, entry in json.loads(path.read_text())["methods"].items():
            methods.get(name).config(**entry["params"])


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["tune", *arguments])


def test_a_method_whose_trials_all_fail_is_told_and_counts_as_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "run_all", lambda configs, store, display: [])
    result = invoke("tiny", "dense", "--trials", "2", "--store", str(tmp_path / "store"), "--out", str(tmp_path))
    assert result.exit_code == 1
    assert "dense: none of 2 trials ended well" in result.output
    assert read("tiny", tmp_path)["methods"] == {}


@pytest.mark.timeout(300)
def test_two_trials_of_two_methods_from_end_to_end(tmp_path: Path) -> None:
    asked = ["tiny", "dense", "sampled_uniform", "--trials", "2", "--seconds", "0.5", "--backend", "reference"]
    places = ["--store", str(tmp_path / "store"), "--out", str(tmp_path / "tuned")]
    result = invoke(*asked, *places)
    assert result.exit_code == 0, result.output
    assert "4 runs: 0 done before, 4 to do" in result.output
    kept = read("tiny", tmp_path / "tuned")
    rows = Store(tmp_path / "store").rows().runs
    assert set(rows["experiment"]) == {"tune"}
    assert rows["p_at_1"].isna().all()
    for name in ("dense", "sampled_uniform"):
        best = rows[rows["method"] == name]["validation_p_at_1"].max()
        assert kept["methods"][name]["validation_p_at_1"] == pytest.approx(best)
        assert f"{name}: validation P@1 {best:.2%}" in result.output
    assert (kept["terms"]["trials"], kept["terms"]["seconds"], kept["terms"]["seed"]) == (2, 0.5, 0)
    assert kept["terms"]["machine"]["threads"] == 2
    again = invoke(*asked, *places)
    assert "4 runs: 4 done before, 0 to do" in again.output
    unequal = invoke("tiny", "slide", "--trials", "3", "--seconds", "0.5", *places)
    assert unequal.exit_code == 1
    assert "trials was 2, is 3" in unequal.output


def test_what_cannot_be_tuned_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = ["--store", str(tmp_path / "store"), "--out", str(tmp_path / "tuned")]
    assert "sampled_uniform" in invoke("tiny", "magic", *places).output
    assert "there is no data set 'magic'" in invoke("magic", "dense", *places).output
    monkeypatch.setattr(type(methods.get("slide")), "skip", lambda self: "no such machine")
    assert "slide cannot run here: no such machine" in invoke("tiny", "slide", *places).output
    assert not list(tmp_path.iterdir())
