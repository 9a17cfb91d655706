"""`python -m bench tune`."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console

from bench import data
from bench.environment import ROOT
from bench.tuning import winners

if TYPE_CHECKING:  # torch and pandas take seconds to import, and other commands of the same module need neither
    from bench.config import Backend
    from bench.tuning.search import Budget, Winner


def tune(
    dataset: Annotated[str, typer.Argument(help="Data set; it must be here.")],
    method: Annotated[list[str] | None, typer.Argument(help="Methods; if none is named, all that can run.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Runs a method; the first has the defaults.")] = 16,
    seconds: Annotated[float, typer.Option(min=0.1, help="Training seconds a run.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws and of the runs.")] = 0,
    store: Annotated[Path, typer.Option(help="Directory of the trials' rows.")] = ROOT / "results" / "tuning",
    out: Annotated[Path, typer.Option(help="Directory of the winners.")] = winners.TUNED,
    backend: Annotated[Literal["auto", "cpu", "reference"], typer.Option(help="Backend of the ops.")] = "auto",
) -> None:
    """Search each method's settings at random, with equal budgets, judged on the validation part alone; resumes."""
    from bench.progress import Display
    from bench.runner import run_all
    from bench.store import Store
    from bench.tuning import search
    from mongoose.ops.backend import use

    names, budget = _chosen(method or []), search.Budget(trials, seconds, seed)
    resolved = use(backend)
    terms = _terms(dataset, budget, resolved)
    try:
        winners.require_equal(dataset, terms, names, out)
    except winners.UnequalBudgetError as error:
        _fail(str(error))
    runs = search.trials(dataset, names, budget, resolved)
    kept = Store(store)
    with Display(Console()) as display:
        run_all(search.in_turn(runs), kept, display)
    rows = kept.rows().runs
    found = {name: search.winner(configs, rows) for name, configs in runs.items()}
    _tell(found, trials)
    best = {name: None if one is None else asdict(one) for name, one in found.items()}
    typer.echo(f"Winners: {winners.keep(dataset, terms, best, out)}")
    if None in found.values():
        raise typer.Exit(1)


def _chosen(asked: list[str]) -> list[str]:
    """The methods asked for, or all that can run here, which are told of where some cannot."""
    from bench import methods

    for name in asked:
        if name not in methods.found():
            raise typer.BadParameter(f"there is no method {name!r}; the names are: {', '.join(methods.found())}.")
    reasons = {name: methods.get(name).skip() for name in asked or sorted(methods.found())}
    missing = [f"{name} cannot run here: {reason}" for name, reason in reasons.items() if reason is not None]
    if asked and missing:
        _fail("\n".join(missing))
    for line in missing:
        typer.echo(f"Left out: {line}", err=True)
    return [name for name, reason in reasons.items() if reason is None]


def _terms(dataset: str, budget: "Budget", backend: "Backend") -> dict[str, Any]:
    """All that must be equal for methods to have had equal budgets."""
    import datasets
    from bench import environment
    from bench.config import RunConfig

    with data.told_plainly():
        datasets.get(dataset).verify(contents=False)
    threads = int(RunConfig.model_fields["threads"].default)
    here = environment.describe(threads, backend)
    machine = {"cpu": here.cpu, "cores": here.cores, "threads": threads, "backend": backend, "torch": here.torch}
    return {**asdict(budget), "machine": machine, "data": dict(datasets.get(dataset).provenance())}


def _tell(found: "Mapping[str, Winner | None]", trials: int) -> None:
    """A line a method."""
    for name, one in found.items():
        if one is None:
            typer.echo(f"{name}: none of {trials} trials ended well; `bench status --store …` says why.")
            continue
        default = "failed" if one.default_p_at_1 is None else f"{one.default_p_at_1:.2%}"
        settings = ", ".join(f"{field}={value}" for field, value in one.params.items())
        typer.echo(
            f"{name}: validation P@1 {one.validation_p_at_1:.2%} in trial {one.trial} ({settings}); "
            f"defaults {default}; {one.succeeded} of {trials} trials ended well."
        )


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
