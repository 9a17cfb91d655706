"""The CUDA kernels: how many blocks fit, and the least time of a launch, from the rows that `bench kernels` writes."""

from typing import Any

import pandas as pd

UNRUN = "Compiled, run in the emulator and under sanitizers; not run on a GPU by us."


def tables(document: dict[str, Any]) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    label, cards = document["label"], document["cards"]
    peaks = "; ".join(
        f"{c['name']}: {c['bytes_per_s'] / 1e9:,.0f} GB/s, {c['flops'] / 1e12:.1f} Tflop/s" for c in cards.values()
    )
    held = (
        "Of the instance that takes most registers: registers, and the share of a multiprocessor's warps that it holds "
        f"at once, with what limits it. From ptxas' figures and NVIDIA's limits: a model, not measured. {UNRUN}"
    )
    least = (
        f"{label.capitalize()}: bytes and operations of one launch, float32, are counted (batches of 256 points; "
        f"attention on one sequence, 8 heads of 64) and divided by published peaks ({peaks}). Every byte comes from "
        "memory here, also of rows that a cache would hold. How fast a launch is, nobody has measured."
    )
    return [
        ("CUDA kernels: registers and occupancy", held, occupancy(document["occupancy"])),
        (f"CUDA kernels: {label}", least, floors(document["floors"], label)),
    ]


def occupancy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a kernel, a column an architecture."""
    found = pd.DataFrame(rows, columns=["kernel", "block", "architecture", "registers", "share", "limit", "shared"])
    most = found.sort_values("registers", kind="stable").groupby(["kernel", "architecture"], sort=False).tail(1)
    most["cell"] = [
        f"{row['registers']}: {100 * row['share']:.0f} % ({row['limit']})" for row in most.to_dict("records")
    ]
    wide = most.pivot_table(index=["kernel", "block"], columns="architecture", values="cell", aggfunc="first")
    wide = wide.rename(columns=lambda architecture: f"sm_{architecture}").rename_axis(columns=None).reset_index()
    return wide.rename(columns={"block": "threads a block"}).astype(str)


def floors(rows: list[dict[str, Any]], label: str) -> pd.DataFrame:
    """A row a kernel and shape; microseconds of each card in a column that says what they are."""
    found = pd.DataFrame(rows)
    keys = ["kernel", "shape", "bytes", "flops"]
    wide = found.pivot_table(index=keys, columns="card", values="floor_us", sort=False).rename_axis(columns=None)
    bound = found.groupby(keys, sort=False)["bound"].agg(lambda of: " or ".join(dict.fromkeys(of)))
    shown = wide.map(_digits).rename(columns=lambda card: f"{card} µs ({label})").assign(bound=bound).reset_index()
    shown["bytes"] = [f"{number / 1e6:,.2f} MB" for number in shown["bytes"]]
    shown["flops"] = [f"{number / 1e6:,.2f} M" for number in shown["flops"]]
    return shown


def _digits(microseconds: float) -> str:
    return f"{microseconds:.3g}"
