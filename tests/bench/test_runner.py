"""Runs in processes of their own: resume, failures, what the row says."""

import json
import threading
from dataclasses import asdict
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import datasets
from bench import methods, runner
from bench.config import RunConfig
from bench.progress import Display, Watched
from bench.record import Run
from bench.runner import run_all
from bench.store import Store
from bench.worker import describe, execute, key_of
from datasets.built import BuiltDataset


def config(method: str = "sampled_uniform", **values: object) -> RunConfig:
    settings: dict[str, object] = {
        "experiment": "test",
        "scale": "smoke",
        "dataset": "tiny",
        "seed": 0,
        "seconds": 0.3,
        "batch_size": 64,
        "hidden": 16,
        "evaluations": 2,
        "threads": 1,
    }
    return RunConfig(method=method, **(settings | values))  # type: ignore[arg-type]


def run(configs: list[RunConfig], store: Store, jobs: int = 1) -> tuple[int, str]:
    """Failures, and what was printed."""
    output = StringIO()
    with Display(Console(file=output, width=200)) as display:
        failed = run_all(configs, store, display, jobs)
    return len(failed), output.getvalue()


def test_a_second_call_finds_everything_done(tmp_path: Path) -> None:
    store, configs = Store(tmp_path), [config(), config("most_frequent")]
    assert run(configs, store)[0] == 0
    before = store.rows()
    failed, printed = run(configs, store)
    assert failed == 0
    assert "2 done before, 0 to do" in printed
    assert store.rows().runs.equals(before.runs)


def test_runs_that_count_steps_share_the_machine_and_the_others_have_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = list[str](), list[str]()
    both = threading.Barrier(2)

    def pretended(asked: RunConfig, store: Store, watched: Watched) -> Run | None:
        begun.append(asked.variant)
        if asked.steps is not None and asked.threads == 1:
            both.wait(timeout=20)  # passed by two at once alone
        else:
            assert len(begun) == len(ended) + 1
        ended.append(asked.variant)
        return Run(**describe(asked), status="error") if asked.variant == "c" else None

    monkeypatch.setattr(runner, "_run", pretended)
    counting = [config(variant=name, steps=5) for name in "abcd"]
    configs = [config(variant="timed"), *counting, config(variant="two", steps=5, threads=2)]
    assert run(configs, Store(tmp_path), jobs=2)[0] == 1
    assert sorted(begun[:4]) == [*"abcd"]
    assert begun[4:] == ["timed", "two"]


def test_a_run_beside_another_is_the_same_run(tmp_path: Path) -> None:
    configs = [config(steps=20, seed=seed) for seed in range(2)]
    for name, jobs in (("beside", 2), ("alone", 1)):
        assert run(configs, Store(tmp_path / name), jobs)[0] == 0
    beside, alone = (Store(tmp_path / name).rows().runs.set_index("key") for name in ("beside", "alone"))
    assert len(alone) == 2
    assert beside["p_at_1"].equals(alone["p_at_1"])


def test_a_run_fills_its_row(tmp_path: Path) -> None:
    store = Store(tmp_path)
    run([config()], store)
    row = store.rows().runs.iloc[0]
    assert row.status == "ok"
    assert row.key == key_of(config())
    assert row.steps > 0
    assert 0.3 <= row.train_s < 3
    assert row.peak_mib > row.base_mib > 0
    assert row.parameters == 500 * 16 + 16 + 300 * 17
    assert 0 < row.p_at_1 <= 1
    assert row.env_threads == 1
    traces = store.rows().traces
    assert (traces[traces.event == "evaluation"].validation_p_at_1 <= row.validation_p_at_1).all()
    assert traces.train_s.is_monotonic_increasing


def test_a_failure_is_a_row_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    failed, printed = run([config(batch_size=10_000), config("most_frequent")], store)
    assert failed == 1
    assert "batch_size=10000 exceeds the 600 training points" in printed
    runs = store.rows().runs.set_index("method")
    assert runs.status.to_dict() == {"sampled_uniform": "error", "most_frequent": "ok"}
    assert not store.done(key_of(config(batch_size=10_000)))


def test_a_method_that_cannot_run_here_is_a_row_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(methods.get("faiss_ivf")), "skip", lambda self: "no such package; install it so")
    row, traces, _ = execute(config("faiss_ivf"), lambda event: None)
    assert (row.status, row.reason, traces) == ("error", "no such package; install it so", [])


@pytest.mark.parametrize("method", ["adaptive_softmax", "torch_sampled"])
def test_layers_of_another_make_are_watched_and_scored_like_the_others(method: str) -> None:
    row, traces, _ = execute(config(method), lambda event: None)
    assert (row.status, row.reason) == ("ok", "")
    assert 0 < row.p_at_1 <= 1
    assert all(0 <= trace.bits_changed_step <= 1 for trace in traces if trace.event == "evaluation")
    assert 0 < traces[-1].active <= 300


def test_a_run_without_end_is_stopped_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "wall_s", lambda config: 0.5)
    store = Store(tmp_path)
    assert run([config()], store)[0] == 1
    assert store.rows().runs.status.tolist() == ["timeout"]


def test_a_loss_that_is_not_finite_is_reported_as_diverged() -> None:
    row, traces, _ = execute(config(params={"lr": 1e30}, seconds=2.0), lambda event: None)
    assert row.status == "diverged"
    assert "step" in row.reason
    assert all(trace.key == row.key for trace in traces)


def test_a_diverged_run_counts_as_failed_and_keeps_its_row(tmp_path: Path) -> None:
    store = Store(tmp_path)
    failed, printed = run([config(params={"lr": 1e30}, seconds=2.0)], store)
    assert failed == 1
    assert "diverged: loss" in printed
    assert store.rows().runs.status.tolist() == ["diverged"]
    assert store.rows().runs.steps[0] > 0


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        config(colour="red")
    with pytest.raises(ValueError, match="num_tabels"):
        execute(config("mongoose", params={"num_tabels": 3}), lambda event: None)


def test_rows_hold_no_path_and_no_user(tmp_path: Path) -> None:
    row, *_ = execute(config("most_frequent"), lambda event: None)
    home = str(Path.home())
    assert not any(home in str(value) or str(tmp_path) in str(value) for value in asdict(row).values())


def test_a_row_says_of_which_data_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = json.loads(describe(config(dataset="wordnet"))["config"])
    assert set(told["data"]["sha256"]) >= {"train.txt.xz", "test.txt.xz"}
    monkeypatch.setenv("MONGOOSE_DATA", str(tmp_path))
    built = datasets.get("debian-tags")
    assert isinstance(built, BuiltDataset)
    part = datasets.get("tiny").load()
    built.entry.build(lambda: ({"ids": part.train.labels.indices}, {"provenance": {"version": "12.15"}}))
    told = json.loads(describe(config(dataset="debian-tags"))["config"])
    assert told["data"] == {"version": "12.15", "recipe": built.entry.recipe}
