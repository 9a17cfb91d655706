"""The store of results: SQLite (WAL) for runs, one Parquet file a run for its trace. The only writer of results.

A run is done when its row says `ok`; the trace file is on disk before the row is, so a kill between the two only
costs that run. Failed runs are kept with their reason and are never "done".
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from bench.record import SCHEMA, Environment, Run, Trace

TRACE_COLUMNS = [field.name for field in fields(Trace)]
RUN_COLUMNS = list(Run("", "", "", "", "", 0, "ok").flat())


class StoreError(RuntimeError):
    """A store that cannot be used as asked: the message says which, why, and what to do."""


@dataclass(frozen=True)
class Rows:
    """What reports read: `runs`, a row a run (columns of `Run.flat`); `traces`, a row a moment (fields of `Trace`)."""

    runs: pd.DataFrame
    traces: pd.DataFrame

    def where(self, **equal: object) -> "Rows":
        """The runs whose columns equal the given values, with their traces."""
        runs = self.runs
        for column, value in equal.items():
            runs = runs[runs[column] == value]
        return Rows(
            runs.reset_index(drop=True), self.traces[self.traces["key"].isin(runs["key"])].reset_index(drop=True)
        )


class Store:
    """Results in a directory: `runs.sqlite` and `traces/<key>.parquet`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "traces").mkdir(parents=True, exist_ok=True)
        with self._connect() as database:
            _create(database, directory)

    def append(self, run: Run, traces: Sequence[Trace]) -> None:
        """Add a run with its trace, durably; a run of the same key is replaced."""
        self._write_trace(run.key, traces)
        row = run.flat()
        names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
        with self._connect() as database:
            database.execute(f"INSERT OR REPLACE INTO runs ({names}) VALUES ({marks})", list(row.values()))

    def done(self, key: str) -> bool:
        """Whether the run of this key has completed."""
        with self._connect() as database:
            found = database.execute("SELECT 1 FROM runs WHERE key = ? AND status = 'ok'", [key]).fetchone()
        return found is not None and self._trace_file(key).exists()

    def rows(self) -> Rows:
        """Every run and every trace, in a stable order."""
        with self._connect() as database:
            runs = pd.read_sql_query(
                "SELECT * FROM runs ORDER BY experiment, scale, dataset, method, seed, key", database
            )
        traces = [pd.read_parquet(self._trace_file(key)) for key in runs["key"] if self._trace_file(key).exists()]
        return Rows(
            _restore_nan(runs), pd.concat([_no_traces(), *traces]).reset_index(drop=True) if traces else _no_traces()
        )

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self.directory / "runs.sqlite", timeout=30)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            with database:
                yield database
        finally:
            database.close()

    def _trace_file(self, key: str) -> Path:
        return self.directory / "traces" / f"{key}.parquet"

    def _write_trace(self, key: str, traces: Sequence[Trace]) -> None:
        frame = pd.DataFrame([asdict(trace) for trace in traces], columns=TRACE_COLUMNS)
        write_atomically(self._trace_file(key), frame.to_parquet(index=False))


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
    """Write rows as `runs.csv` and `traces.csv`: the form in which results are committed and shared."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("runs", "traces"):
        frame: pd.DataFrame = getattr(rows, name)
        write_atomically(directory / f"{name}.csv", frame.to_csv(index=False, float_format="%.9g").encode())


def read_export(directory: Path) -> Rows:
    """Read what `export_rows` wrote; StoreError names a missing file or column."""
    return Rows(_read_csv(directory / "runs.csv", RUN_COLUMNS), _read_csv(directory / "traces.csv", TRACE_COLUMNS))


def _read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    if not path.exists():
        raise StoreError(f"no results at {path}: expected a directory written by `python -m bench export`.")
    frame = pd.read_csv(
        path, keep_default_na=False, na_values=[""], dtype={"reason": str, "env_commit": str, "key": str}
    )
    missing = [column for column in columns if column not in frame]
    if missing:
        raise StoreError(
            f"{path} lacks the columns {', '.join(missing)}: it was written by another version of the suite."
        )
    return frame


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
