"""Item `backends` and the comparison of two stores."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench import methods
from bench.cli import app
from bench.experiments import backends
from bench.record import Run, Trace
from bench.store import Store

STEPS = (10, 20)


def keep(path: Path, losses: dict[str, tuple[float, ...]], status: str = "ok") -> str:
    """A store with a run a method, whose losses at STEPS are these."""
    store = Store(path)
    for method, values in losses.items():
        run = Run(method, "backends", "quick", method, "tiny", 0, status, steps=20)  # type: ignore[arg-type]
        traces = [
            Trace(method, method, "tiny", 0, "evaluation", step, 0.5, 1.5, loss=loss)
            for step, loss in zip(STEPS, values, strict=False)
        ]
        store.append(run, traces)
    return str(path)


def compared(*stores: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["compare", *stores])
    return result.exit_code, result.output


def test_losses_within_the_tolerance_agree(tmp_path: Path) -> None:
    one, other = keep(tmp_path / "a", {"slide": (4.0, 2.0)}), keep(tmp_path / "b", {"slide": (4.0, 2.0001)})
    code, said = compared(one, other)
    assert (code, said.splitlines()[0]) == (0, "slide, tiny, seed 0: 5.0e-05")
    assert "1 runs agree" in said


@pytest.mark.parametrize(
    "found",
    [{"slide": (4.0, 2.001)}, {"slide": (4.0,)}, {"dense": (4.0, 2.0)}, {}],
    ids=["differs", "an evaluation less", "another method", "none"],
)
def test_what_differs_or_is_missing_fails(tmp_path: Path, found: dict[str, tuple[float, ...]]) -> None:
    code, said = compared(keep(tmp_path / "a", {"slide": (4.0, 2.0)}), keep(tmp_path / "b", found))
    assert code == 1
    assert "not all" in said


def test_runs_that_failed_do_not_agree(tmp_path: Path) -> None:
    stores = [keep(tmp_path / name, {"slide": ()}, status="error") for name in "ab"]
    assert compared(*stores)[0] == 1


def test_every_system_of_the_item_trains_for_fifty_steps() -> None:
    for config in backends.runs("quick", 1):
        methods.get(config.method).config(**config.params)
        assert (config.steps, config.dataset) == (50, "tiny")
    assert {"mongoose", "slide"} <= {config.method for config in backends.runs("quick", 1)}
