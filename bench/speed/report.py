"""From measurements to rows, ratios and roofs: what `--json` prints."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from bench.speed.roofs import floor_ms
from bench.speed.runner import Measurement
from bench.speed.shapes import BATCH
from bench.speed.stepping import STEP_PHASES
from bench.speed.systems import OURS

Row = dict[str, Any]
COLUMNS = ("shape", "system", "step_ms", "step_ms_iqr", "samples_per_s", "peak_mib", "n", "floor_share", "status")


def roofs_of(measurements: Sequence[Measurement]) -> dict[str, float]:
    """The median over rounds of each roof; empty if none was measured."""
    found = [m["roofs"] for m in measurements if m["system"] == "roofs" and m["status"] == "ok"]
    return {name: median(roofs[name] for roofs in found) for name in found[0]} if found else {}


def rows_of(measurements: Sequence[Measurement]) -> list[Row]:
    """A row for each shape and system: shapes as they first ran, in each ours before the peers."""
    roofs = roofs_of(measurements)
    pairs = dict.fromkeys((m["shape"], m["system"]) for m in measurements if m["system"] not in ("roofs", "tables"))
    shapes = list(dict.fromkeys(shape for shape, _ in pairs))
    ordered = sorted(pairs, key=lambda pair: (shapes.index(pair[0]), pair[1] not in OURS))
    return [_row([m for m in measurements if (m["shape"], m["system"]) == pair], roofs) for pair in ordered]


def _row(found: list[Measurement], roofs: dict[str, float]) -> Row:
    """One row. A system that failed in one round and not in another has the rounds that it finished."""
    named = {"shape": found[0]["shape"], "system": found[0]["system"]}
    good = [m for m in found if m["status"] == "ok"]
    if not good:
        nothing = dict.fromkeys(("step_ms", "step_ms_iqr", "samples_per_s", "peak_mib", "floor_ms", "floor_share"))
        return named | nothing | {"n": 0, "phases": {}, "status": found[-1]["status"], "reason": found[-1]["reason"]}
    return named | _times(good) | _memory(good) | _floor(good, roofs) | {"status": "ok", "reason": ""}


def _times(good: list[Measurement]) -> Row:
    """Times of all steps of all rounds.

    step_ms is the median step, from cutting the batch to the optimiser, plus update_ms, the table updates a step,
    amortised (see `stepping.measure`), mean over rounds. step_ms_iqr: quartiles of the steps, plus the same update_ms.
    median_ms is without updates; mean_ms is the mean step with them. Phases: the median of each; update: amortised.
    """
    phases = {name: _ms([m["phases"][name] for m in good]) for name in STEP_PHASES}
    steps = np.sum(list(phases.values()), axis=0)
    update_ms = 1000 * float(np.mean([m["update_s"] for m in good]))
    low, middle, high = (float(q) for q in np.percentile(steps, (25, 50, 75)))
    return {
        "step_ms": middle + update_ms,
        "step_ms_iqr": [low + update_ms, high + update_ms],
        "samples_per_s": 1000 * BATCH / (middle + update_ms),
        "median_ms": middle,
        "mean_ms": float(steps.mean()) + update_ms,
        "update_ms": update_ms,
        "build_s": median(m["build_s"] for m in good),
        "n": len(steps),
        "rounds": len(good),
        "updates": sum(m["updates"] for m in good),
        "products": good[-1]["products"],
        "phases": {name: float(np.median(times)) for name, times in phases.items()} | {"update": update_ms},
        "backend": good[-1]["backend"],
    }


def _ms(rounds: list[list[float]]) -> np.ndarray:
    return 1000 * np.concatenate([np.asarray(times) for times in rounds])


def _memory(good: list[Measurement]) -> Row:
    """peak_mib: median over rounds of the whole process in training; base_mib of that is data and torch."""
    return {name: median(m[name] for m in good) for name in ("peak_mib", "base_mib", "parameters")}


def _floor(good: list[Measurement], roofs: dict[str, float]) -> Row:
    """floor_ms by `roofs.floor_ms`, and which share of step_ms it is; None where the formula does not apply."""
    names = ("active_rows", "feature_rows", "feature_entries")
    touched = {name: None if good[0][name] is None else median(m[name] for m in good) for name in names}
    known = {name: value for name, value in touched.items() if value is not None}
    if not roofs or known.keys() != touched.keys():
        return touched | {"floor_ms": None, "floor_share": None}
    floor = floor_ms(known, roofs)
    return touched | {"floor_ms": floor, "floor_share": floor / _times(good)["step_ms"]}


def tables_of(measurements: Sequence[Measurement]) -> list[Row]:
    """A row for each shape and hash family: medians over rounds; see `tables.of_family`."""
    found = [row | {"shape": m["shape"]} for m in measurements if "tables" in m for row in m["tables"]]
    named = dict.fromkeys((row["shape"], row["family"]) for row in found)
    return [_middle([row for row in found if (row["shape"], row["family"]) == pair]) for pair in named]


def _middle(rows: Sequence[Row]) -> Row:
    """The median of every number; what is no number is the same in all, or holds only if it holds in all."""
    numbers = {name: median(row[name] for row in rows) for name, value in rows[0].items() if type(value) is float}
    holds = {name: all(row[name] for row in rows) for name, value in rows[0].items() if type(value) is bool}
    return rows[0] | numbers | holds | {"rounds": len(rows)}


def ratios_of(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """shape → ours → peer → {"time", "memory"}: peer / ours, so that more than 1 is in our favour."""
    good = {(row["shape"], row["system"]): row for row in rows if row["status"] == "ok"}
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for (shape, ours), mine in good.items():
        if ours in OURS:
            peers = {name: row for (where, name), row in good.items() if where == shape and name not in OURS}
            found.setdefault(shape, {})[ours] = {name: _ratio(row, mine) for name, row in peers.items()}
    return found


def _ratio(peer: Row, ours: Row) -> dict[str, float]:
    return {"time": peer["step_ms"] / ours["step_ms"], "memory": peer["peak_mib"] / ours["peak_mib"]}


def document(measurements: Sequence[Measurement], machine: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Everything, ready for JSON. `ratios` are those to `mongoose` on the first shape, the others in `all_ratios`."""
    rows = rows_of(measurements)
    ratios = ratios_of(rows)
    return {
        "machine": machine,
        "settings": settings,
        "roofs": roofs_of(measurements),
        "rows": rows,
        "tables": tables_of(measurements),
        "ratios": next(iter(ratios.values()), {}).get("mongoose", {}),
        "all_ratios": ratios,
    }


def table(rows: Sequence[Row]) -> list[list[str]]:
    """The rows as text, under `COLUMNS`."""
    return [[_text(name, row) for name in COLUMNS] for row in rows]


def _text(name: str, row: Row) -> str:
    value = row[name]
    if name == "status" and value != "ok":
        return f"{value}: {row['reason']}"
    if value is None:
        return "–"
    if isinstance(value, list):
        return "–".join(f"{part:,.1f}" for part in value)
    if name == "floor_share":
        return f"{value:.0%}"
    if isinstance(value, float):
        return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
    return str(value)
