"""The store of results: SQLite (WAL) for runs, Parquet files for their traces and measures. The only writer of results.

A run is done when its row says `ok`; its files are on disk before the row is, so a kill between the two only
costs that run. Failed runs are kept with their reason and are never "done".
"""

import json
import math
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from bench.record import SCHEMA, Environment, Run, Trace

# Columns that rows exported by earlier versions lack: not measured there.
LATER = {"full_loss", "retrieved_at_10", "candidate_recall", "fresh_recall", "rows_hashed", "rows_aside"}
TRACE_COLUMNS = [column.name for column in fields(Trace)]
RUN_COLUMNS = list(Run("", "", "", "", "", 0, "ok").flat())


class StoreError(RuntimeError):
    """A store that cannot be used as asked: the message says which, why, and what to do."""


@dataclass(frozen=True)
class Rows:
    """What reports read.

    Attributes:
        runs: a row a run (columns of `Run.flat`). traces: a row a moment of training (fields of `Trace`).
        measures: what studies measured: `key` of the run, and the columns of whatever studies are there.
    """

    runs: pd.DataFrame
    traces: pd.DataFrame
    measures: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"key": []}, dtype=str))

    def where(self, **equal: object) -> "Rows":
        """The runs whose columns equal the given values, with what belongs to them."""
        runs = self.runs
        for column, value in equal.items():
            runs = runs[runs[column] == value]
        return self.of(runs)

    def of(self, runs: pd.DataFrame) -> "Rows":
        """These runs with their traces and measures."""
        parts = (part[part["key"].isin(runs["key"])].reset_index(drop=True) for part in (self.traces, self.measures))
        return Rows(runs.reset_index(drop=True), *parts)


class Store:
    """Results in a directory: `runs.sqlite`, `traces/<key>.parquet` and `measures/<key>.parquet`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for part in ("traces", "measures"):
            (directory / part).mkdir(parents=True, exist_ok=True)
        with self._connect() as database:
            _create(database, directory)

    def append(self, run: Run, traces: Sequence[Trace], measures: Sequence[Mapping[str, Any]] = ()) -> None:
        """Add a run with its trace and measures, durably; a run of the same key is replaced."""
        self._write("traces", run.key, pd.DataFrame([asdict(trace) for trace in traces], columns=TRACE_COLUMNS))
        self._write("measures", run.key, pd.DataFrame([{"key": run.key} | dict(row) for row in measures]))
        row = run.flat()
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
        with self._connect() as database:
            database.execute(f"INSERT OR REPLACE INTO runs ({names}) VALUES ({marks})", list(row.values()))

    def done(self, key: str) -> bool:
        """Whether the run of this key has completed."""
        with self._connect() as database:
            found = database.execute("SELECT 1 FROM runs WHERE key = ? AND status = 'ok'", [key]).fetchone()
        return found is not None and self._file("traces", key).exists()

    def rows(self) -> Rows:
        """Every run, trace and measure, in a stable order."""
        with self._connect() as database:
            runs = pd.read_sql_query(
                "SELECT * FROM runs ORDER BY experiment, scale, dataset, method, seed, key", database
            )
        traces, measures = (self._read(part, runs["key"]) for part in ("traces", "measures"))
        blank = Rows(runs, _no_traces())
        return Rows(_restore_nan(runs), _stacked(blank.traces, traces), _stacked(blank.measures, measures))

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self.directory / "runs.sqlite", timeout=30)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            with database:
                yield database
        finally:
            database.close()

    def _file(self, part: str, key: str) -> Path:
        return self.directory / part / f"{key}.parquet"

    def _read(self, part: str, keys: Iterable[str]) -> list[pd.DataFrame]:
        files = (self._file(part, key) for key in keys)
        return [pd.read_parquet(file) for file in files if file.exists()]

    def _write(self, part: str, key: str, frame: pd.DataFrame) -> None:
        if len(frame) or part == "traces":  # whose file says that the run was stored whole
            write_atomically(self._file(part, key), frame.to_parquet(index=False))
        else:
            self._file(part, key).unlink(missing_ok=True)


def together(parts: Sequence[Rows]) -> Rows:
    """The rows of several stores or exports as one; of a run that several hold, those of the last."""
    held, kept = set[str](), list[Rows]()
    for part in reversed(parts):
        kept.insert(0, part.of(part.runs[~part.runs["key"].isin(held)]))
        held |= set(part.runs["key"])
    frames = ([getattr(part, name) for part in kept] for name in ("runs", "traces", "measures"))
    return Rows(*(pd.concat([frame for frame in each if len(frame)] or each[:1], ignore_index=True) for each in frames))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill or a full disk at any instant leaves the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def export_rows(rows: Rows, directory: Path) -> None:
    """Write rows as `runs.csv`, `traces.csv` and `measures.csv`: the form in which results are committed and shared.

    Traces and measures stand in the order of their runs.
    """
    directory.mkdir(parents=True, exist_ok=True)
    place = {key: place for place, key in enumerate(rows.runs["key"])}
    for name in ("runs", "traces", "measures"):
        frame: pd.DataFrame = getattr(rows, name)
        frame = frame.sort_values("key", key=lambda keys: keys.map(place), kind="stable")
        write_atomically(directory / f"{name}.csv", frame.to_csv(index=False, float_format="%.9g").encode())


def read_export(directory: Path) -> Rows:
    """Read what `export_rows` wrote; StoreError names a missing file or column."""
    runs, traces = (
        _read_csv(directory / f"{name}.csv", columns)
        for name, columns in (("runs", RUN_COLUMNS), ("traces", TRACE_COLUMNS))
    )
    measures = directory / "measures.csv"
    return Rows(runs, traces, *([_read_csv(measures, ["key"])] if measures.exists() else []))


def read_exports(directory: Path) -> Rows | None:
    """The rows of every export that lies in a folder of this directory; None where there is none."""
    parts = [read_export(path.parent) for path in sorted(directory.glob("*/runs.csv"))]
    return together(parts) if parts else None


def _read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    if not path.exists():
        raise StoreError(f"no results at {path}: expected a directory written by `python -m bench export`.")
    words = dict.fromkeys(("reason", "env_commit", "env_code", "key"), str)  # also where they look like numbers
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=words)
    absent = [column for column in columns if column not in frame]
    missing = [column for column in absent if column not in LATER]
    if missing:
        raise StoreError(
            f"{path} lacks the columns {', '.join(missing)}: it was written by another version of the suite."
        )
    return frame.assign(**dict.fromkeys(absent, math.nan))


def _stacked(blank: pd.DataFrame, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([blank, *frames]).reset_index(drop=True) if frames else blank


def _no_traces() -> pd.DataFrame:
    blank = Trace("", "", "", 0, "evaluation", 0, 0.0, 0.0)
    return pd.DataFrame([asdict(blank)], columns=TRACE_COLUMNS).iloc[:0]


def _restore_nan(runs: pd.DataFrame) -> pd.DataFrame:
    """SQLite keeps NaN as NULL, which a column of nothing else would give back as None."""
    blank = Run("", "", "", "", "", 0, "ok", environment=Environment()).flat()
    return runs.astype({name: float for name, value in blank.items() if isinstance(value, float)})


def _create(database: sqlite3.Connection, directory: Path) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA):
        raise StoreError(
            f"the store in {directory} has schema {version}, this version of the suite writes schema {SCHEMA}: "
            "choose another directory with --store, or export it with the version that wrote it."
        )
    types = {str: "TEXT", int: "INTEGER", float: "REAL"}
    blank = Run("", "", "", "", "", 0, "ok").flat()
    columns = ", ".join(f'"{name}" {types[type(value)]}' for name, value in blank.items())
    database.execute(f"CREATE TABLE IF NOT EXISTS runs ({columns}, PRIMARY KEY (key))")
    database.execute(f"PRAGMA user_version = {SCHEMA}")


def append_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows to a file of JSON lines, durably; the file and its directory are made if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
        file.flush()
        os.fsync(file.fileno())
