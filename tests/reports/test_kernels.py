"""The tables of CUDA kernels."""

from pathlib import Path
from typing import Any

from reports.kernels import tables
from reports.site import build

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
