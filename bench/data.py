"""`python -m bench data`: list, describe, check and fetch data sets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

import datasets
from bench import our_datasets as our_datasets
from datasets import text, xmc
from datasets.base import Dataset, DatasetError, UnknownDatasetError
from datasets.built import BuiltDataset
from datasets.statistics import statistics
from datasets.text import TextDataset

app = typer.Typer(no_args_is_help=True, help="The data sets: list, stats, check, get.")

BUILT = (BuiltDataset, TextDataset)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="A name that `list` shows.")]


@app.command("list")
def list_datasets(as_json: Json = False) -> None:
    """List the data sets with their sizes, and whether they are here; the JSON has sources and licences too."""
    if as_json:
        typer.echo(json.dumps([_summary(find(name)) for name in names()]))
        return
    plugins = [datasets.get(name) for name in datasets.names()]
    corpora = [text.get(name) for name in text.names()]
    sizes = ["name", "here", "train", "test", "features", "labels", "title"]
    _tell_rows(sizes, [_row(plugin) for plugin in plugins])
    _tell_rows(["name", "here", "bytes", "title"], [[*_named(one), _text(one.size), one.title] for one in corpora])


@app.command()
def stats(
    name: Name,
    baselines: Annotated[int, typer.Option(min=0, help="Test points on which baselines are scored; 0: none.")] = 0,
    as_json: Json = False,
) -> None:
    """Load a data set and describe it; with baselines, what most frequent labels and 10 nearest neighbours score."""
    with told_plainly():
        dataset = find(name)
        described = _described(dataset) | (_baselines(dataset, baselines) if baselines else {})
    _tell(described, as_json)


@app.command()
def check(
    what: Annotated[str, typer.Argument(help="An XMC text file (.gz and .xz are fine), or the name of a data set.")],
    index_base: Annotated[int, typer.Option(min=0, max=1, help="Number of the first feature and label.")] = 0,
    header: Annotated[bool, typer.Option(help="Whether the first line is `points features labels`.")] = True,
    as_json: Json = False,
) -> None:
    """Check an XMC file of yours and describe it, the first fault named with its line; or the files of a data set."""
    if what in names():
        with told_plainly():
            find(what).verify()
        _tell({"name": what, "checked": _whereabouts(find(what))}, as_json)
        return
    if not Path(what).exists() and "/" not in what and "." not in what:
        _refuse(f"{what}: No such file or directory, nor is it a data set; those are: {', '.join(names())}.")
    with told_plainly():
        part = xmc.read(Path(what), header=header, index_base=index_base)
    described: dict[str, Any] = dict(statistics(part, what))
    points = described.pop("train")
    kept = {key: value for key, value in described.items() if key not in {"name", "validation", "test"}}
    _tell({"file": what, "points": points, **kept}, as_json)


@app.command()
def get(
    name: Name,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build it again from its source and compare.")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", help="An archive, or a folder of its files, to take instead of a download.")
    ] = None,
) -> None:
    """Make sure that a data set is here and is the right one; those that are built or fetched are, if need be."""
    with told_plainly():
        dataset = find(name) if source is None else _brought(find(name), source)
        there = not isinstance(dataset, BUILT) or dataset.entry.present
        if rebuild and not hasattr(dataset, "rebuild_matches"):
            _refuse(f"{name} has no recipe to rebuild it from; its source is: {dataset.source}.")
        with Console(stderr=True).status(f"getting {name}"):
            dataset.get()
        typer.echo(f"{name} is here: {_whereabouts(dataset)}.")
        if not there:
            _tell(_described(dataset), as_json=False)
        if rebuild:
            _rebuild(dataset)


@app.command()
def prune() -> None:
    """Remove built sets of older recipes; they came from other versions of the code and would not be used again."""
    with told_plainly():
        kept = [one for one in map(find, names()) if isinstance(one, BUILT) and one.entry.folder.parent.exists()]
        freed = {one.name: one.entry.prune() for one in kept}
    for name, size in freed.items():
        if size:
            typer.echo(f"{name}: {size / 1e6:,.0f} MB freed.")


def names() -> list[str]:
    """All data sets and corpora."""
    return sorted([*datasets.names(), *text.names()])


def find(name: str) -> Dataset | TextDataset:
    """The data set or corpus of this name; UnknownDatasetError lists those there are."""
    if name not in names():
        raise UnknownDatasetError(name, names())
    return text.get(name) if name in text.names() else datasets.get(name)


def _brought(dataset: Dataset | TextDataset, source: Path) -> Dataset | TextDataset:
    if not (isinstance(dataset, BUILT) and hasattr(dataset, "brought")):
        _refuse(f"{dataset.name} is not downloaded, so no file can be brought for it; its source: {dataset.source}.")
    if dataset.entry.present:
        _refuse(f"{dataset.name} is here already; remove {dataset.entry.folder} to bring another.")
    return replace(dataset, brought=source)  # type: ignore[call-arg]  # those that are downloaded have the field


def _baselines(dataset: Dataset | TextDataset, points: int) -> dict[str, float]:
    from bench.baselines import scores_of  # it takes a second to import

    if isinstance(dataset, TextDataset):
        _refuse(f"{dataset.name} is a corpus: there are no labels, and so no baselines.")
    found = scores_of(dataset.load(), points, dataset.propensity)
    return {f"{of} {kind}": value for of, scores in found.items() for kind, value in scores.items()}


def _described(dataset: Dataset | TextDataset) -> dict[str, Any]:
    if not isinstance(dataset, TextDataset):
        wanted = {
            f"{what} of {getattr(dataset, 'of', '')}": value for what, value in getattr(dataset, "target", {}).items()
        }
        return dict(statistics(dataset.load(), dataset.name)) | wanted
    parts = {part: len(array) for part, array in vars(dataset.load()).items()}
    return {"name": dataset.name} | parts | dataset.described()


def _rebuild(dataset: Any) -> None:
    found = dataset.rebuild_matches()
    for file, same in found.items():
        typer.echo(f"{file}: {'rebuilt, the same content' if same else 'rebuilt, but the content DIFFERS'}")
    if not all(found.values()):
        raise typer.Exit(1)


def _whereabouts(dataset: Dataset | TextDataset) -> str:
    if isinstance(dataset, BUILT):
        return f"built on this machine, in {dataset.entry.folder}"
    if not dataset.sha256:
        return "it is generated when loaded"
    how = "shipped with the checkout" if dataset.shipped else "fetched before"
    return f"{how}, {len(dataset.sha256)} files in {dataset.folder}"


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn what a user can mend into one message and exit code 1."""
    try:
        yield
    except DatasetError as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{error.filename}: {error.strerror}." if error.filename else str(error))


def _refuse(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)


def _summary(dataset: Dataset | TextDataset) -> dict[str, Any]:
    told = {"name": dataset.name, "title": dataset.title, "source": dataset.source, "licence": dataset.licence}
    return told | ({"bytes": dataset.size} if isinstance(dataset, TextDataset) else vars(dataset.sizes))


def _row(dataset: Dataset) -> list[str]:
    sizes = dataset.sizes
    return [*_named(dataset), *map(_text, (sizes.train, sizes.test, sizes.features, sizes.labels)), dataset.title]


def _named(dataset: Dataset | TextDataset) -> list[str]:
    return [dataset.name, "no" if isinstance(dataset, BUILT) and not dataset.entry.present else "yes"]


def _tell(described: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(described))
    else:
        _tell_rows(["", ""], [[key, _text(value)] for key, value in _flat(described)])


def _flat(described: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in described.items():
        yield from _flat(value) if isinstance(value, dict) else [(key.replace("_", " "), value)]


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else "-" if value is None else str(value)


def _tell_rows(columns: list[str], rows: list[list[str]]) -> None:
    """A table on a terminal; tab-separated lines in a pipe."""
    console = Console()
    if not console.is_terminal:
        typer.echo("\n".join("\t".join(row) for row in ([columns] if any(columns) else []) + rows))
        return
    table = Table(*columns, show_header=any(columns))
    for row in rows:
        table.add_row(*row)
    console.print(table)
