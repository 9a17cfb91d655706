"""The command line, `python -m bench …`: where everything is put together. Run it from the root of the checkout."""

import json
from pathlib import Path
from sqlite3 import DatabaseError
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from bench import data, experiments
from bench.config import Backend, RunConfig, Scale
from bench.environment import ROOT
from bench.experiments.base import Experiment
from bench.speed.command import speed
from bench.tuning.command import tune

if TYPE_CHECKING:  # pandas and torch take seconds to import, and most commands need neither
    from bench.store import Rows, Store

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Reproduce, compare and read LSH training results.")
app.add_typer(data.app, name="data")
app.command()(speed)
app.command()(tune)

COMMITTED = ROOT / "reports" / "results"
REFERENCE, REFERENCE_DEBIAN = COMMITTED / "wordnet", COMMITTED / "debian"
REFERENCE_QUESTION = COMMITTED / "question"
REFERENCE_ATTENTION = COMMITTED / "attention"
REFERENCE_SPEED = COMMITTED / "speed"
KERNEL_MODEL, KERNEL_TIMES = (COMMITTED / "kernels" / f"{name}.json" for name in ("model", "times"))
KEPT_SHEETS, PAGES = COMMITTED / "datasets", ROOT / "docs" / "datasets"
StoreOption = Annotated[Path, typer.Option("--store", help="Directory of the results.")]
SiteOption = Annotated[Path, typer.Option("--site", help="Directory of the report.")]
NotebooksOption = Annotated[Path, typer.Option("--notebooks", help="Directory of the executed notebooks.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def reproduce(
    items: Annotated[
        list[str] | None, typer.Argument(help="Items to run; if none is named, those whose data are here.")
    ] = None,
    scale: Annotated[Scale, typer.Option(help="smoke: seconds; quick: minutes; paper: the reference rows.")] = "quick",
    seeds: Annotated[int | None, typer.Option(min=1, help="Seeds a method; each scale has its own number.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A set, or corpus, to run the items on instead of the last of their own.")
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Runs at once, of those that count steps on one thread; others run alone.")
    ] = 1,
    store: StoreOption = ROOT / "results",
    site: SiteOption = ROOT / "site",
    notebooks: NotebooksOption = ROOT / "site",
    backend: Annotated[
        Literal["auto", "cpu", "reference", "emulated"],
        typer.Option(
            help="Of the ops. auto: the compiled kernels, or plain torch where there is no compiler. "
            "emulated: the CUDA kernels on the CPU, very slowly."
        ),
    ] = "auto",
) -> None:
    """Run what the figures, tables and claims need, resume by itself, then write the report and the notebooks."""
    from bench.progress import Display
    from bench.runner import run_all

    chosen = [_experiment(item) for item in items or experiments.usual()]
    used = {on_gpu: _backend("cuda" if on_gpu else backend) for on_gpu in {item.on_gpu for item in chosen}}
    configs = [
        config.model_copy(update={"backend": used[item.on_gpu]})
        for item in chosen
        for config in _runs(item, scale, seeds or item.seeds[scale], dataset)
    ]
    _require_data([config for config in configs if not _is_done(config, store)])
    with Display(Console()) as display:
        failed = run_all(configs, _open(store), display, jobs)
    _write_reports(store, site, notebooks)
    if failed:
        raise typer.Exit(1)


@app.command()
def report(
    store: StoreOption = ROOT / "results",
    site: SiteOption = ROOT / "site",
    notebooks: NotebooksOption = ROOT / "site",
) -> None:
    """Write the report and the notebooks from rows alone: those of the store, and the committed reference."""
    _write_reports(store, site, notebooks)


@app.command()
def claims(store: StoreOption = ROOT / "results", as_json: Json = False) -> None:
    """Judge each claim by the rows of the store and by the committed reference."""
    import pandas as pd

    from reports.claims.base import as_json as to_json
    from reports.claims.base import judge_all
    from reports.selection import current

    sources = [rows for rows in (_rows(store), _reference()) if rows is not None]
    judged = pd.concat([judge_all(current(rows)) for rows in sources]) if sources else pd.DataFrame()
    if as_json:
        typer.echo(json.dumps(to_json(judged), indent=2))
        return
    for row in judged.itertuples():
        typer.echo(f"{row.id} ({row.scale}): {row.verdict}. {row.ours} {row.reason}".strip())


@app.command()
def readme(reference: Annotated[Path, typer.Option(help="Exported rows.")] = REFERENCE) -> None:
    """Rewrite the README's results and speed from the committed reference rows."""
    from bench.store import read_export
    from reports import readme as write

    kept = {path.stem: json.loads(path.read_text()) for path in REFERENCE_SPEED.glob("*.json")}
    blocks = {
        write.RESULTS: write.table(read_export(reference)),
        write.QUESTION: write.question(read_export(REFERENCE_QUESTION)),
        write.ATTENTION: write.attention(read_export(REFERENCE_ATTENTION)),
        write.ELSEWHERE: write.elsewhere(read_export(REFERENCE_DEBIAN)),
        write.SPEED: write.speed(kept["amazon-670k"]),
        write.SWEEP: write.sweep(kept["labels"]),
        write.GPU: write.on_gpu(json.loads(KERNEL_TIMES.read_text())),
    }
    changed = [write.rewrite(ROOT / "README.md", block, body) for block, body in blocks.items()]
    typer.echo("README.md rewritten." if any(changed) else "README.md is up to date.")


@app.command()
def sheets(
    names: Annotated[list[str] | None, typer.Argument(help="Sets to measure; they must be here.")] = None,
    kept: Annotated[Path, typer.Option(help="Directory of the measurements.")] = KEPT_SHEETS,
    pages: Annotated[Path, typer.Option(help="Directory of the pages.")] = PAGES,
) -> None:
    """Measure data sets, and write the data sheets of all: pages, plots and an index. Without names, only write."""
    from bench.sheets import keep
    from reports.sheets import write

    asked = names or []
    with data.told_plainly(), Console(stderr=True).status("") as status:
        for name in asked:
            data.find(name).verify(contents=False)
        for name in data.names():
            status.update(f"measuring {name}" if name in asked else "writing")
            keep(kept, data.find(name), measure=name in asked)
        typer.echo(f"{len(write(kept, pages))} files written to {pages}.")


@app.command()
def status(store: StoreOption = ROOT / "results", as_json: Json = False) -> None:
    """List the runs of the store, with what became of each."""
    runs = _existing(store).rows().runs
    shown = runs[["experiment", "scale", "method", "dataset", "seed", "status", "steps", "train_s", "p_at_1", "reason"]]
    if as_json:
        typer.echo(shown.to_json(orient="records", indent=2))
        return
    lines = [[f"{value:.4g}" if isinstance(value, float) else str(value) for value in row] for row in shown.to_numpy()]
    if not Console().is_terminal:
        typer.echo("\n".join("\t".join(line) for line in [list(shown.columns), *lines]))
        return
    table = Table(*shown.columns)
    for line in lines:
        table.add_row(*line)
    Console().print(table)


@app.command()
def compare(
    stores: Annotated[tuple[Path, Path], typer.Argument(help="Two stores, of one backend each.")],
    rtol: Annotated[float, typer.Option(min=0, help="Relative difference of losses that is accepted.")] = 1e-4,
) -> None:
    """Say by how much the losses of the same runs differ between two stores; fails if a run is missing or differs."""
    from bench.agreement import differences
    from reports.selection import current

    found = differences(*(current(_existing(store).rows()) for store in stores))
    for row in found.itertuples():
        typer.echo(f"{row.method}, {row.dataset}, seed {row.seed}: {row.difference:.1e}")
    if found.empty or not (found["difference"] <= rtol).all():
        _fail(f"not all {len(found)} runs are in both stores with losses that differ by {rtol:g} at most.")
    typer.echo(f"{len(found)} runs agree: losses differ by {rtol:g} at most.")


@app.command()
def export(
    destination: Annotated[Path, typer.Argument(help="Directory for runs.csv, traces.csv and measures.csv.")],
    store: Annotated[
        list[Path] | None, typer.Option("--store", help="Directory of results; several may be named.")
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="To the rows that lie there.")] = False,
    scale: Annotated[Scale | None, typer.Option(help="Only runs of this scale.")] = None,
    item: Annotated[str | None, typer.Option(help="Only runs of this item.")] = None,
) -> None:
    """Write what the reports show, failed runs too, as CSV files: the form in which results are shared.

    Of several stores, and of rows that lie there, each method's newest version stays, with the seeds it has.
    """
    from bench.store import export_rows, together
    from reports.selection import current

    stores = store or [ROOT / "results"]
    asked = {name: value for name, value in {"scale": scale, "experiment": item}.items() if value is not None}
    found = together([_existing(one).rows().where(**asked) for one in stores])
    if found.runs.empty:
        told = "".join(f" of {name} {value}" for name, value in asked.items())
        _fail(f"{', '.join(map(str, stores))}: no runs{told}, so that nothing was written.")
    before = [_exported(destination)] if add else []
    rows = current(together([*before, found]))
    export_rows(rows, destination)
    left = sum(len(set(old.runs["key"]) - set(rows.runs["key"])) for old in before)
    replaced = f"; {left} that lay there gave way to newer ones" if left else ""
    typer.echo(f"{len(rows.runs)} runs, {len(rows.traces)} trace rows written to {destination}{replaced}.")


@app.command()
def kernels(
    device: Annotated[
        Literal["none", "cuda"], typer.Option(help="cuda: time the launches of training steps on an NVIDIA GPU.")
    ] = "none",
    out: Annotated[Path | None, typer.Option(help="File of the rows, which the report shows.")] = None,
) -> None:
    """Model the CUDA kernels: registers, occupancy, the least time of a launch. Needs no GPU, and measures nothing
    without --device cuda."""
    from bench.store import write_atomically
    from cuda_kernels.errors import DeviceError

    try:
        found = _kernels_measured() if device == "cuda" else _kernels_modelled()
    except DeviceError as error:
        _fail(str(error))
    path = out or (KERNEL_TIMES if device == "cuda" else KERNEL_MODEL)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(found, indent=1) + "\n").encode())
    typer.echo(", ".join(f"{len(rows)} rows of {name}" for name, rows in found.items() if isinstance(rows, list)))
    typer.echo(f"Written to {path}.")


def _kernels_modelled() -> dict[str, Any]:
    from bench.kernel_model import document

    return document()


def _kernels_measured() -> dict[str, Any]:
    _backend("cuda")  # before what asks for a GPU
    from bench.kernel_times import document

    return document()


@app.command()
def doctor() -> None:
    """Say what this machine can run, and how to get the rest."""
    from bench.doctor import examine

    for finding in examine():
        typer.echo(f"{finding.what}: {finding.found}" + (f" ({finding.remedy})" if finding.remedy else ""))


def _write_reports(store: Path, site: Path, notebooks: Path) -> None:
    from reports.notebooks import execute, to_html
    from reports.site import build

    model, times = (json.loads(file.read_text()) if file.exists() else None for file in (KERNEL_MODEL, KERNEL_TIMES))
    page = build(_rows(store), _reference(), site, model, times)
    for source in sorted((ROOT / "notebooks").glob("*.py")):
        parameters = {"quick_store": str(store), "reference_exports": str(COMMITTED)}
        notebook = execute(source, notebooks / f"{source.stem}.ipynb", parameters)
        to_html(notebook, site / f"{source.stem}.html")
        typer.echo(f"Notebook: {notebook}")
    typer.echo(f"Report: {page}")


def _experiment(item: str) -> Experiment:
    try:
        return experiments.get(item)
    except LookupError as error:
        raise typer.BadParameter(str(error)) from None


def _runs(item: Experiment, scale: Scale, seeds: int, dataset: str | None) -> list[RunConfig]:
    """The item's runs; with a data set, those on the last of its own, on that one."""
    import datasets

    configs = item.runs(scale, seeds)
    if dataset is None:
        return configs
    last = configs[-1].dataset
    accepted = next((names for names in (datasets.text.names(), datasets.names()) if last in names), [])
    if dataset not in accepted:
        told = f"accepted: {', '.join(accepted)}" if accepted else "its data are made up"
        raise typer.BadParameter(f"{item.item} does not run on {dataset!r}; {told}.")
    return [config.model_copy(update={"dataset": dataset}) for config in configs if config.dataset == last]


def _is_done(config: RunConfig, store: Path) -> bool:
    from bench.worker import key_of

    return _is_store(store) and _open(store).done(key_of(config))


def _require_data(configs: list[RunConfig]) -> None:
    """Stop before the first run, if a data set is missing."""
    from bench import studies
    from datasets.base import DatasetError

    made_up = {config.dataset for config in configs if config.method in studies.found()} - set(data.names())
    try:
        for name in sorted({config.dataset for config in configs} - made_up):
            data.find(name).verify(contents=False)
    except DatasetError as error:
        _fail(str(error))


def _backend(choice: Literal["auto", "cpu", "reference", "emulated", "cuda"]) -> Backend:
    """What the choice comes to on this machine; builds the kernels now, off every clock."""
    from cuda_kernels.emulator.build import compiler
    from cuda_kernels.errors import DeviceError
    from mongoose.native.build import KernelBuildError
    from mongoose.ops.backend import use

    try:
        if choice == "emulated":
            compiler()
        return use(choice)
    except (KernelBuildError, DeviceError) as error:
        _fail(f"backend {choice!r} cannot run here: {error}")


def _open(store: Path) -> "Store":
    """The store in this directory, made if absent."""
    from bench.store import Store, StoreError

    try:
        return Store(store)
    except (StoreError, OSError, DatabaseError) as error:
        _fail(f"{store} cannot be used as a store: {error}")


def _existing(store: Path) -> "Store":
    if not _is_store(store):
        _fail(f"there is no store at {store}: name one that `reproduce` made with --store.")
    return _open(store)


def _is_store(store: Path) -> bool:
    return (store / "runs.sqlite").exists()


def _rows(store: Path) -> "Rows | None":
    return _open(store).rows() if _is_store(store) else None


def _exported(directory: Path) -> "Rows":
    from bench.store import StoreError, read_export

    try:
        return read_export(directory)
    except StoreError as error:
        _fail(str(error))


def _reference() -> "Rows | None":
    from bench.store import StoreError, read_exports

    try:
        return read_exports(COMMITTED)
    except StoreError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
