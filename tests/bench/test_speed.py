"""`python -m bench speed`: its JSON, its errors, what is in a step, what a ratio and a floor are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from bench.cli import app
from bench.speed import report, runner, shapes, stepping, synthetic, systems
from bench.speed.roofs import floor_ms
from bench.speed.runner import Job, Measurement
from bench.speed.stepping import Plan, Stepper
from bench.speed.systems import System
from bench.task import Task
from bench.timing import Stopwatch

TINY = ["--shape", "tiny", "--rounds", "1", "--steps", "3", "--seconds", "5", "--threads", "1"]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["speed", *arguments])


@pytest.fixture(scope="module", autouse=True)
def two_of_ours() -> Iterator[None]:
    """Two systems of ours, however many there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(systems, "OURS", {name: systems.OURS[name] for name in ("mongoose", "mongoose-uniform")})
        yield


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Ours, and a peer that cannot be built, once on the tiny shape."""
    out = tmp_path_factory.mktemp("speed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(systems.PEERS, "broken", System("broken", "dense", {"lr": -1}))
        result = invoke(*TINY, "--peers", "broken", "--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    return out, json.loads(result.stdout)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    synthetic.save(synthetic.generate(shapes.get("tiny")), path)
    return synthetic.load(path, "tiny")


def test_json_keeps_the_contract(measured: tuple[Path, dict[str, Any]]) -> None:
    _, found = measured
    assert {"machine", "roofs", "rows", "ratios"} <= found.keys()
    assert found["machine"]["backend"] in ("cpu", "reference")
    assert all(value > 0 for value in found["roofs"].values())
    assert [row["system"] for row in found["rows"]] == ["mongoose", "mongoose-uniform", "broken"]
    row = found["rows"][0]
    assert {"shape", "system", "step_ms", "step_ms_iqr", "samples_per_s", "peak_mib", "n", "phases"} <= row.keys()
    assert row["n"] == 3
    assert row["phases"].keys() == {"batch", "forward", "backward", "optimizer", "update"}
    assert row["step_ms_iqr"][0] <= row["step_ms"] <= row["step_ms_iqr"][1]
    assert row["samples_per_s"] == pytest.approx(256_000 / row["step_ms"])
    assert 0 < row["floor_share"] < 1
    assert row["peak_mib"] > row["base_mib"] > 0


def test_tables_are_what_brute_force_finds_and_better_than_chance(measured: tuple[Path, dict[str, Any]]) -> None:
    rows = measured[1]["tables"]
    assert [row["family"] for row in rows] == ["simhash", "signs", "hadamard", "dwta", "learned"]
    for row in rows:
        assert row["equals_brute_force"]
        assert row["rehash_ms"] == pytest.approx(row["hash_ms"] + row["build_ms"], rel=0.5)
        assert 0 <= row["kept_short"] <= row["recall_at_10"] <= 1


def test_a_system_that_fails_is_a_row_with_the_reason(measured: tuple[Path, dict[str, Any]]) -> None:
    row = measured[1]["rows"][2]
    assert (row["status"], row["n"], row["step_ms"]) == ("error", 0, None)
    assert row["reason"]
    assert measured[1]["ratios"] == {}


def test_every_measurement_and_row_is_on_disk(measured: tuple[Path, dict[str, Any]]) -> None:
    out, found = measured
    kept = [json.loads(line) for line in (out / "measurements.jsonl").read_text().splitlines()]
    assert [m["system"] for m in kept] == ["roofs", "tables", "mongoose", "mongoose-uniform", "broken"]
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    assert [row["step_ms"] for row in rows] == [row["step_ms"] for row in found["rows"]]
    assert all(row["threads"] == 1 and "commit" in row for row in rows)


@pytest.mark.parametrize(
    ("arguments", "named"), [(["--shape", "amazon"], "amazon-670k"), (["--peers", "dense"], "dense-fp32")]
)
def test_an_unknown_name_is_refused_with_the_known_ones(arguments: list[str], named: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert named in result.output


def test_peers_are_a_list_or_all_or_none() -> None:
    assert [system.name for system in systems.peers("slide, dense-fp32,slide")] == ["slide", "dense-fp32"]
    assert systems.peers("none") == []
    assert {system.name for system in systems.peers("all")} == set(systems.PEERS)


def test_ctrl_c_loses_only_the_measurement_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([{"status": "ok", "roofs": {}}, {"status": "ok", "tables": []}, measurement()])

    def answer(job: Job) -> Measurement:
        for found in answers:
            return found
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "in_a_fresh_process", answer)
    result = invoke(*TINY, "--peers", "none", "--out", str(tmp_path), "--json")
    assert result.exit_code == 130
    assert [row["system"] for row in json.loads(result.stdout)["rows"]] == ["mongoose"]
    assert len((tmp_path / "measurements.jsonl").read_text().splitlines()) == 3


def test_a_failed_system_is_not_tried_again_and_rounds_start_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(job: Job) -> Measurement:
        if isinstance(job.system, str):
            return {"status": "ok", "roofs": {}} if job.system == "roofs" else {"status": "ok", "tables": []}
        return measurement() if job.system.name == "mongoose" else {"status": "oom", "reason": "too large"}

    monkeypatch.setattr(runner, "in_a_fresh_process", answer)
    arguments = [*TINY, "--rounds", "3", "--peers", "none", "--out", str(tmp_path), "--json"]
    assert json.loads(invoke(*arguments).stdout)["rows"][0]["rounds"] == 3
    order = [json.loads(line)["system"] for line in (tmp_path / "measurements.jsonl").read_text().splitlines()]
    assert order[:4] == ["roofs", "tables", "mongoose", "mongoose-uniform"]
    assert order[4:] == ["tables", "mongoose", "roofs", "mongoose", "roofs", "tables"]


@pytest.mark.parametrize(
    ("code", "errors", "status"),
    [
        (-9, "", "oom"),
        (1, "Traceback\nRuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory", "oom"),
        (1, "Traceback\nValueError: no", "error"),
    ],
)
def test_a_lack_of_memory_is_told_from_other_failures(code: int, errors: str, status: str) -> None:
    assert runner._failure(code, errors, None)["status"] == status
    assert runner._failure(code, errors, 5.0) == {"status": "timeout", "reason": "no end after 5 s"}


def measurement(**values: Any) -> Measurement:
    """Four steps of 1, 2, 3 and 4 ms, and half a millisecond of updates each."""
    seconds = [0.001, 0.002, 0.003, 0.004]
    phases = {name: [0.0] * 4 for name in stepping.STEP_PHASES} | {"forward": seconds, "update": [0.0] * 4}
    known = {"shape": "tiny", "system": "mongoose", "status": "ok", "backend": "cpu", "products": "float32"}
    touched = {"active_rows": 1000.0, "feature_rows": 500.0, "feature_entries": 2000.0}
    done = {"phases": phases, "updates": 0}
    memory = {"peak_mib": 100.0, "base_mib": 10.0, "parameters": 7, "update_s": 0.0005, "build_s": 1.0}
    return known | done | touched | memory | values


def test_step_time_is_the_median_step_and_its_share_of_updates() -> None:
    row = report.rows_of([measurement(round=0), measurement(round=1, update_s=0.0015)])[0]
    assert (row["median_ms"], row["update_ms"], row["step_ms"]) == pytest.approx((2.5, 1.0, 3.5))
    assert row["step_ms_iqr"] == pytest.approx([1.75 + 1, 3.25 + 1])
    assert row["mean_ms"] == pytest.approx(3.5)
    assert (row["n"], row["rounds"]) == (8, 2)
    assert row["phases"]["forward"] == pytest.approx(2.5)


def test_a_ratio_is_peer_over_ours() -> None:
    found = [measurement(), measurement(system="slide", peak_mib=300.0, update_s=0.0035)]
    assert report.document(found, {}, {})["ratios"] == {"slide": {"time": pytest.approx(2.0), "memory": 3.0}}


def test_the_floor_is_bytes_and_products_at_their_roofs() -> None:
    touched = {"active_rows": 1000.0, "feature_rows": 500.0, "feature_entries": 2000.0}
    memory = dict.fromkeys(("random_read_gbs", "random_update_gbs"), 1.0)
    roofs = memory | {"fp32_step_gflops": 1.0, "bf16_step_gflops": 2.0}
    moved_ms = 1500 * 512 * 7 / 1e6
    product_ms = (6 * 1000 * 256 * 128 + 4 * 2000 * 128) / 2 / 1e6
    assert floor_ms(touched, roofs) == pytest.approx(moved_ms + product_ms)


def test_the_roofs_are_medians_over_rounds() -> None:
    found = [{"system": "roofs", "status": "ok", "roofs": {"read_gbs": value}} for value in (1.0, 9.0, 2.0)]
    assert report.roofs_of(found) == {"read_gbs": 2.0}


@pytest.mark.parametrize(("system", "interval"), [("faiss-ivf", 50), ("slide", 50), ("naive-lsh", None)])
def test_the_interval_of_updates_is_known_where_the_policy_fixes_it(task: Task, system: str, interval: int) -> None:
    if system == "faiss-ivf":
        pytest.importorskip("faiss", reason="pip install -c constraints.txt -e '.[ann]'")
    assert stepping.update_interval(Stepper(task, systems.PEERS[system]).net) == interval


def test_an_update_that_did_not_come_among_the_steps_is_made_and_shared_out(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepper = Stepper(task, systems.OURS["mongoose"])
    stepper.refresh(0, Stopwatch())
    clocks = [stepper.advance() for _ in range(4)]

    def update_all(clock: Stopwatch) -> None:
        clock.phases["update"] += 1.0

    monkeypatch.setattr(stepper, "update_all", update_all)
    asking = sum(clock.seconds("update") for clock in clocks) / 4
    assert stepping._amortised_update(stepper, clocks, 0) == pytest.approx(asking + 1 / 4)
    monkeypatch.setattr(stepping, "update_interval", lambda net: 50)
    assert stepping._amortised_update(stepper, clocks, 0) == pytest.approx(asking + 1 / 50)
    assert stepping._amortised_update(stepper, clocks, 2) == pytest.approx(asking)


@pytest.mark.parametrize("system", ["mongoose", "slide"])
def test_an_update_made_for_the_purpose_is_one(task: Task, system: str) -> None:
    stepper = Stepper(task, {"mongoose": System("m", "mongoose"), "slide": System("s", "slide")}[system])
    stepper.refresh(0, Stopwatch())
    stepper.advance()
    stepper.update_all(Stopwatch())
    assert stepper.can_update
    assert stepper.updates == 1


def test_measuring_ends_by_steps_or_by_seconds(task: Task) -> None:
    by_steps = stepping.measure(task, System("ours", "sampled_uniform"), Plan(steps=5, seconds=60.0, warmup=1))
    by_seconds = stepping.measure(task, System("ours", "sampled_uniform"), Plan(steps=500, seconds=0.0))
    assert len(by_steps["phases"]["forward"]) == 5
    assert len(by_seconds["phases"]["forward"]) == stepping.LEAST_STEPS
    assert by_steps["active_rows"] <= 300


@pytest.mark.parametrize(("method", "shared"), [("dense", False), ("slide", False), ("torch_sampled", True)])
def test_rows_touched_are_counted_where_the_batch_shares_them(task: Task, method: str, shared: bool) -> None:
    stepper = Stepper(task, System("any", method))
    stepper.refresh(0, Stopwatch())
    stepper.advance()
    assert stepper.rows is not None
    counts = stepping.touched(stepper.net, stepper.rows)
    assert (counts["active_rows"] is not None) == shared
    assert counts["feature_rows"] == len(set(stepper.rows.indices.tolist()))


def test_synthetic_data_have_the_shape_asked_for() -> None:
    shape = shapes.Shape("any", 3000, 5000, 2000, 40.0, 6.0)
    part = synthetic.generate(shape)
    assert part.features.shape == (3000, 5000)
    assert part.labels.shape == (3000, 2000)
    assert part.features.nnz / 3000 == pytest.approx(40, rel=0.05)
    assert part.labels.nnz / 3000 == pytest.approx(6, rel=0.1)
    assert np.diff(part.labels.indptr).min() >= 1
    np.testing.assert_allclose(np.sqrt(part.features.multiply(part.features).sum(1)), 1, rtol=1e-5)
    counts = np.sort(np.bincount(part.labels.indices, minlength=2000))[::-1]
    assert counts[:20].sum() > 5 * counts[1000:1020].sum()
    assert (synthetic.generate(shape).features != part.features).nnz == 0


def test_synthetic_points_that_share_labels_share_words() -> None:
    part = synthetic.generate(shapes.get("tiny"))
    common_words = (part.features @ part.features.T).toarray()
    common_labels = (part.labels @ part.labels.T).toarray()
    others = ~np.eye(part.points, dtype=bool)
    assert common_words[others & (common_labels > 0)].mean() > 1.5 * common_words[others & (common_labels == 0)].mean()


def test_saved_data_are_the_data(task: Task) -> None:
    part = synthetic.generate(shapes.get("tiny"))
    assert (task.splits.train.features != part.features).nnz == 0
    assert (task.splits.train.labels != part.labels).nnz == 0
    assert (task.num_features, task.num_labels, task.hidden) == (500, 300, 128)
    assert torch.equal(task.train.batch(torch.tensor([3]))[1].ids, torch.from_numpy(part.labels[3].indices).long())


def test_every_system_names_a_method_and_settings_that_there_are() -> None:
    from bench import methods

    for system in [*systems.OURS.values(), *systems.PEERS.values()]:
        methods.get(system.method).config(**system.params)
