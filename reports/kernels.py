"""The CUDA kernels: how many blocks fit, and the least time of a launch, from the rows that `bench kernels` writes."""

from typing import Any

import pandas as pd

from reports.tables import NOTHING

STEP = {"step": "step_ms", "kernels": "busy_ms", "kernels of ours": "ours_ms"}


def tables(document: dict[str, Any]) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows: title, caption, table."""
    label, cards = document["label"], document["cards"]
    peaks = "; ".join(
        f"{c['name']}: {c['bytes_per_s'] / 1e9:,.0f} GB/s, {c['flops'] / 1e12:.1f} Tflop/s" for c in cards.values()
    )
    held = (
        "Of the instance that takes most registers: registers, and the share of a multiprocessor's warps that it holds "
        "at once, with what limits it. From ptxas' figures and NVIDIA's limits: a model, not measured."
    )
    least = (
        f"{label.capitalize()}: bytes and operations of one launch, float32, are counted (batches of 256 points; "
        f"attention on one sequence, 8 heads of 64) and divided by published peaks ({peaks}). Every byte comes from "
        "memory here, also of rows that a cache would hold. How fast a launch is, this does not say."
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


def measured(document: dict[str, Any]) -> list[tuple[str, str, pd.DataFrame]]:
    """What the report shows of rows of `bench kernels --device cuda`: title, caption, table."""
    machine = document["machine"]
    where = f"{machine['cpu']}, torch {machine['torch']}; command: {document['command']}."
    whole = (
        "Median step by events; the time in which kernels and copies ran, and kernels of the manifest. In what is left "
        f"the GPU waited for the host. {where}"
    )
    each = (
        "Microseconds by the profiler, in steps of training: of the median launch, and of all launches of a step, with "
        "how many times the sum of their floors that is. Caches are as the launch before left them, and a floor has "
        f"every byte come from memory: below 1 a cache helped. {where}"
    )
    return [
        ("CUDA kernels: steps on a GPU", whole, steps(document["steps"])),
        ("CUDA kernels: launches on a GPU", each, _launches(document["kernels"])),
    ]


def steps(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a workload: its step, and in how much of it the GPU was busy, as text."""
    return pd.DataFrame(
        [
            {"what": row["workload"]}
            | {f"{name}, ms": f"{row[key]:.2f}" for name, key in STEP.items()}
            | {"busy": f"{100 * min(1.0, row['busy_ms'] / row['step_ms']):.0f} %"}
            for row in rows
        ]
    )


def _launches(rows: list[dict[str, Any]]) -> pd.DataFrame:
    ordered = sorted(rows, key=lambda row: (row["workload"], -row["us_a_step"]))
    return pd.DataFrame(
        [
            {
                "what": row["workload"],
                "kernel": row["instance"],
                "launches": f"{row['launches']:g}",
                "µs a launch": _digits(row["us"]),
                "µs a step": _digits(row["us_a_step"]),
                "times its floor": _times_floor(row),
            }
            for row in ordered
        ]
    )


def _times_floor(row: dict[str, Any]) -> str:
    floor = row["floor_us_a_step"]
    return f"{row['us_a_step'] / floor:.1f}" if floor else NOTHING


def _digits(microseconds: float) -> str:
    return f"{microseconds:.3g}"
