"""The tables of CUDA kernels."""

from pathlib import Path
from typing import Any

from reports.kernels import measured, tables
from reports.site import build
from reports.tables import NOTHING

LABEL = "model floor, not measured"


def document() -> dict[str, Any]:
    held = {"kernel": "sort", "block": 128, "architecture": 90, "limit": "warps", "shared": 0}
    least = {"kernel": "sort", "shape": "small", "bytes": 2_000_000, "flops": 0, "bound": "memory"}
    return {
        "label": LABEL,
        "cards": {"X1": {"name": "X1 card", "bytes_per_s": 1e12, "flops": 1e13}},
        "occupancy": [held | {"registers": 20, "share": 1.0}, held | {"registers": 40, "share": 0.5}],
        "floors": [least | {"card": "X1", "floor_us": 2.0}],
    }


def test_the_instance_with_most_registers_is_shown() -> None:
    (_, _, occupancy), _ = tables(document())
    assert occupancy.to_dict("records") == [{"kernel": "sort", "threads a block": "128", "sm_90": "40: 50 % (warps)"}]


def test_every_floor_says_that_it_is_one() -> None:
    _, (title, caption, floors) = tables(document())
    assert LABEL in title
    assert LABEL in caption.lower()
    assert floors.to_dict("records") == [
        {
            "kernel": "sort",
            "shape": "small",
            "bytes": "2.00 MB",
            "flops": "0.00 M",
            f"X1 µs ({LABEL})": "2",
            "bound": "memory",
        }
    ]


def test_the_page_has_them_where_there_are_rows(tmp_path: Path) -> None:
    assert LABEL in build(None, None, tmp_path, document()).read_text()
    assert LABEL not in build(None, None, tmp_path).read_text()


def times() -> dict[str, Any]:
    launch = {"workload": "a step", "launches": 2.0, "us": 5.0}
    return {
        "command": "measure",
        "machine": {"cpu": "X1 beside a CPU", "torch": "2"},
        "steps": [{"workload": "a step", "step_ms": 2.0, "busy_ms": 0.5, "ours_ms": 0.25}],
        "kernels": [
            launch | {"kernel": "sort", "instance": "sort<int>", "us_a_step": 10.0, "floor_us_a_step": 4.0},
            launch | {"kernel": "scan", "instance": "scan", "us_a_step": 12.0, "floor_us_a_step": None},
        ],
    }


def test_measured_launches_stand_beside_their_floors() -> None:
    (_, caption, steps), (_, _, launches) = measured(times())
    assert "X1 beside a CPU" in caption
    assert steps["busy"].tolist() == ["25 %"]
    assert launches[["kernel", "µs a step", "times its floor"]].to_numpy().tolist() == [
        ["scan", "12", NOTHING],
        ["sort<int>", "10", "2.5"],
    ]


def test_the_page_has_measured_launches_where_there_are_rows(tmp_path: Path) -> None:
    assert "sort&lt;int&gt;" in build(None, None, tmp_path, None, times()).read_text()
    assert "CUDA kernels, measured" not in build(None, None, tmp_path, document()).read_text()
