"""What won, in a file a data set: written by `bench tune`, committed, and read by experiments."""

import json
import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.environment import ROOT

TUNED = ROOT / "reports" / "results" / "tuned"


class UnequalBudgetError(ValueError):
    """Methods tuned under different terms would stand in one file."""


def tuned(dataset: str, method: str, directory: Path = TUNED) -> dict[str, Any]:
    """The settings that won for a method on a data set, to be a run's `params`.

    Where there are none: {}, the defaults, and a warning that says so and how to tune.
    """
    won = known(dataset, directory)
    if method in won:
        return won[method]
    warnings.warn(
        f"{method} has not been tuned on {dataset}: its defaults are used. "
        f"To tune it: python -m bench tune {dataset} {method}",
        stacklevel=2,
    )
    return {}


def known(dataset: str, directory: Path = TUNED) -> dict[str, dict[str, Any]]:
    """The settings that won, of every method that has been tuned on a data set."""
    methods = read(dataset, directory).get("methods", {})
    return {method: dict(won["params"]) for method, won in methods.items()}


def read(dataset: str, directory: Path = TUNED) -> dict[str, Any]:
    """The file of a data set: `dataset`; `terms`, under which all its methods were tuned; `methods`. {} if absent."""
    path = _path(dataset, directory)
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def require_equal(dataset: str, terms: Mapping[str, Any], methods: Collection[str], directory: Path = TUNED) -> None:
    """Refuse terms other than the file's, unless all its methods are tuned anew.

    Args:
        terms: trials, seconds, seed, machine and data: whatever must be equal for a comparison to be fair.

    Raises:
        UnequalBudgetError: a method would stay that was tuned under other terms.
    """
    kept = read(dataset, directory)
    staying = sorted(set(kept.get("methods", {})) - set(methods))
    if staying and kept["terms"] != _as_read(terms):
        before, now = dict(_flat(kept["terms"])), dict(_flat(_as_read(terms)))
        differing = sorted(name for name in before | now if before.get(name) != now.get(name))
        told = "; ".join(f"{name} was {before.get(name)}, is {now.get(name)}" for name in differing)
        raise UnequalBudgetError(
            f"{_path(dataset, directory)} holds {', '.join(staying)}, tuned under other terms: {told}. "
            "Budgets must be equal: tune those again too, or choose another directory with --out."
        )


def keep(
    dataset: str, terms: Mapping[str, Any], found: Mapping[str, Mapping[str, Any] | None], directory: Path = TUNED
) -> Path:
    """Write what was found beside what the file has under the same terms; returns its path.

    Args:
        found: the winner of each method, or None where no trial ended well: then none of before stays either.

    Raises:
        UnequalBudgetError: as `require_equal`.
    """
    from bench.store import write_atomically  # it brings pandas, which readers of this file do without

    require_equal(dataset, terms, found, directory)
    methods = {**read(dataset, directory).get("methods", {}), **found}
    won = {name: methods[name] for name in sorted(methods) if methods[name] is not None}
    document = {"dataset": dataset, "terms": dict(terms), "methods": won}
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(_path(dataset, directory), (json.dumps(document, indent=1) + "\n").encode())
    return _path(dataset, directory)


def _as_read(terms: Mapping[str, Any]) -> dict[str, Any]:
    """As they come back from a file, where a tuple is a list."""
    return dict(json.loads(json.dumps(terms)))


def _flat(terms: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    """The terms one by one, those inside others under dotted names."""
    for name, value in terms.items():
        yield from _flat(value, f"{within}{name}.") if isinstance(value, Mapping) else [(f"{within}{name}", value)]


def _path(dataset: str, directory: Path) -> Path:
    return directory / f"{dataset}.json"
