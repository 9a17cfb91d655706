"""`python -m bench speed`."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from bench.environment import ROOT
from bench.speed import shapes, systems

Rows = list[dict[str, Any]]


def speed(
    shape: Annotated[list[str] | None, typer.Option(help="Shape of the data; may be repeated.")] = None,
    peers: Annotated[str, typer.Option(help="Comma-separated names, all, or none.")] = ",".join(systems.USUAL),
    steps: Annotated[int, typer.Option(min=1, help="Timed steps a system and round, at most.")] = 200,
    seconds: Annotated[float, typer.Option(min=0.0, help="Timed seconds a system and round, at most.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, help="Times that every system runs.")] = 3,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; all processors, if not given.")] = None,
    backend: Annotated[Literal["auto", "cpu", "reference"], typer.Option(help="Backend of the ops.")] = "auto",
    device: Annotated[
        Literal["cpu", "cuda"], typer.Option(help="cuda: on an NVIDIA GPU, by events, its L2 flushed before each step.")
    ] = "cpu",
    out: Annotated[Path, typer.Option(help="Directory to which rows are appended.")] = ROOT / "results" / "speed",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Time a training step of ours and of each peer, interleaved, with peak memory and the machine's roofs."""
    from bench import environment
    from bench.speed import report
    from bench.speed.runner import Options, Session
    from bench.speed.stepping import Plan
    from bench.store import append_lines
    from mongoose.ops import backend as ops_backend

    if device == "cuda":
        _require_gpu()
    used: Literal["auto", "cpu", "reference", "cuda"] = "cuda" if (device, backend) == ("cuda", "auto") else backend
    options = Options(
        shapes=[_shape(name) for name in dict.fromkeys(shape or ["amazon-670k"])],
        systems=[*systems.OURS.values(), *_peers(peers)],
        rounds=rounds,
        plan=Plan(steps=steps, seconds=seconds),
        threads=threads or os.cpu_count() or 1,
        backend=used,
        device=device,
    )
    machine = asdict(environment.describe(options.threads, ops_backend.use(used)))
    kept = {"commit": machine["commit"], "code": machine["code"], "cpu": machine["cpu"], "threads": options.threads}
    kept |= _gpu_name() if device == "cuda" else {}
    messages = Console(stderr=True, highlight=False, markup=False)
    session = Session(
        options,
        keep=lambda found: append_lines(out / "measurements.jsonl", [found | kept]),
        tell=lambda message: messages.print(message),
    )
    session.run()
    settings = {"batch": shapes.BATCH, "hidden": shapes.HIDDEN, "rounds": rounds, **asdict(options.plan)}
    found = report.document(session.measurements, machine, settings)
    append_lines(out / "rows.jsonl", [row | kept for row in found["rows"]])
    typer.echo(json.dumps(found, indent=2)) if as_json else _show(found, report.COLUMNS, report.table(found["rows"]))
    if session.interrupted:
        raise typer.Exit(130)


def _require_gpu() -> None:
    """Ends the command with the reason, where kernels cannot run on a GPU here."""
    from cuda_kernels.gpu import unavailable

    if reason := unavailable():
        typer.echo(f"--device cuda cannot run here: {reason}", err=True)
        raise typer.Exit(1)


def _gpu_name() -> dict[str, str]:
    import torch

    return {"gpu": torch.cuda.get_device_name()}


def _shape(name: str) -> shapes.Shape:
    try:
        return shapes.get(name)
    except LookupError as error:
        raise typer.BadParameter(str(error), param_hint="--shape") from None


def _peers(chosen: str) -> list[systems.System]:
    try:
        return systems.peers(chosen)
    except LookupError as error:
        raise typer.BadParameter(str(error), param_hint="--peers") from None


def _show(found: dict[str, Any], columns: Sequence[str], lines: list[list[str]]) -> None:
    """The rows as a table, tab-separated when piped; then the ratios and the roofs."""
    console = Console()
    if console.is_terminal:
        drawn = Table(*columns)
        for line in lines:
            drawn.add_row(*line)
        console.print(drawn)
    else:
        typer.echo("\n".join("\t".join(line) for line in [list(columns), *lines]))
    for shape, by_ours in found["all_ratios"].items():
        for ours, peers in by_ours.items():
            for peer, ratio in peers.items():
                typer.echo(f"{shape}: {peer} / {ours}: time {ratio['time']:.3g}, memory {ratio['memory']:.3g}")
    typer.echo("roofs: " + ", ".join(f"{name} {value:.3g}" for name, value in found["roofs"].items()))
