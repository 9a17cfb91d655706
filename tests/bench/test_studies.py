"""Studies are carried out as methods are, and their rows kept."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench import studies
from bench.config import RunConfig
from bench.methods import found
from bench.speed.place import CPU
from bench.store import Store, export_rows, read_export
from bench.studies.attention_cost import AttentionSystem
from bench.worker import execute
from reports.selection import current

SYSTEMS = [["uniform", "sampled_uniform", {"num_samples": 50}], ["lsh", "mongoose", {"num_random": 50}]]


def run(method: str, **params: object) -> RunConfig:
    asked = {"experiment": "test", "scale": "smoke", "seed": 0, "seconds": 1, "hidden": 16, "threads": 1}
    return RunConfig(method=method, dataset="tiny", params=params, **asked)  # type: ignore[arg-type]


def test_no_study_has_the_name_of_a_method() -> None:
    assert studies.found()
    assert not set(studies.found()) & set(found())


def test_costs_of_steps_are_measured_in_turn(tmp_path: Path) -> None:
    """Two systems, three rounds; rows come back from the store and from an export as they went in."""
    config = run("step_cost", systems=SYSTEMS, trained=5, rounds=3, steps=4)
    done, traces, measures = execute(config, lambda event: None)
    assert (done.status, traces) == ("ok", [])
    assert [row["system"] for row in measures] == ["uniform", "lsh", "lsh", "uniform", "uniform", "lsh"]
    assert all(row["step_ms"] > 0 and row["asked_ms"] >= 0 for row in measures)
    assert {row["system"]: row["update_ms"] > 0 for row in measures} == {"uniform": False, "lsh": True}

    store = Store(tmp_path / "store")
    store.append(done, traces, measures)
    rows = current(store.rows())
    assert rows.measures[["system", "step_ms"]].to_dict("records") == [
        {"system": row["system"], "step_ms": row["step_ms"]} for row in measures
    ]
    export_rows(rows, tmp_path / "export")
    again = read_export(tmp_path / "export").measures
    assert again["step_ms"].tolist() == pytest.approx(rows.measures["step_ms"].tolist(), rel=1e-8)
    assert store.done(done.key)


def test_a_budget_of_steps_is_kept_to() -> None:
    asked = RunConfig.model_validate(run("sampled_uniform").model_dump() | {"steps": 20, "evaluations": 4})
    done, traces, _ = execute(asked, lambda event: None)
    assert done.steps == 20
    assert [trace.step for trace in traces if trace.event == "evaluation"] == [5, 10, 15, 20]
    assert all(trace.full_loss > 0 for trace in traces if trace.event == "evaluation")


def test_a_run_scores_as_many_test_points_as_asked() -> None:
    asked = RunConfig.model_validate(run("sampled_uniform").model_dump() | {"steps": 4, "final_points": 50})
    done, _, _ = execute(asked, lambda event: None)
    assert done.test_points == 50
    assert 50 * done.p_at_1 == pytest.approx(round(50 * done.p_at_1), abs=1e-6)


ATTENTIONS = [["sdpa", 0], ["local", 0], ["lsh", 2], ["mongoose", 1]]


def test_costs_of_attention_are_measured_in_turn() -> None:
    """Four systems of two dtypes, two rounds, the second of which another begins; rotations alone learn."""
    systems = [[name, dtype, rounds] for dtype in ("float32", "bfloat16") for name, rounds in ATTENTIONS]
    params = {"heads": 2, "dim": 16, "length": 96, "chunk": 8, "systems": systems, "rounds": 2, "steps": 2}
    done, _, measures = execute(run("attention_cost", **params), lambda event: None)
    assert done.status == "ok"
    names = ["sdpa", "local", "lsh_2", "mongoose_1"]
    assert [row["system"] for row in measures] == [*names, *names, *names[1:], *names, "sdpa"]
    assert {row["dtype"] for row in measures} == {"float32", "bfloat16"}
    assert all(row["step_ms"] > 0 and row["peak_mib"] >= 0 and row["length"] == 96 for row in measures)
    assert {row["system"] for row in measures if row["fit_ms"] > 0} <= {"mongoose_1"}
    assert [row["round"] for row in measures] == [0] * 8 + [1] * 8


def test_a_peak_is_that_of_the_step_alone() -> None:
    """Two steps, each holding a known number of bytes, in either order, the larger's freed before the smaller's."""
    small, large = (_holding(mib) for mib in (40, 160))
    for one, mib in ((large, 160), (small, 40), (large, 160)):
        assert one.peak_mib() == pytest.approx(mib, abs=16)


def _holding(mib: int) -> AttentionSystem:
    def attend(x: Tensor) -> Tensor:
        torch.ones(mib << 18)
        return x * 1.0

    one = torch.ones(1)
    return AttentionSystem(CPU, "held", "float32", [one, one], attend, None)
