"""The store keeps what it acknowledged, whatever happens."""

import math
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.record import Environment, Run, Trace, run_key
from bench.store import Store, StoreError, export_rows, read_export, write_atomically


def make_run(key: str, **values: object) -> Run:
    run = Run(key, "item", "quick", "dense", "tiny", 0, "ok", p_at_1=0.25, environment=Environment(cpu='a, "b"'))
    return replace(run, **values)  # type: ignore[arg-type]


def make_trace(key: str, step: int) -> Trace:
    return Trace(key, "dense", "tiny", 0, "evaluation", step, 0.5, 1.5, p_at_1=0.25)


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_run("a"), [make_trace("a", 1), make_trace("a", 2)])
    store.append(make_run("b", status="error", reason="out of luck"), [])
    rows = Store(tmp_path).rows()
    assert rows.runs.set_index("key").p_at_1.to_dict() == {"a": 0.25, "b": 0.25}
    assert rows.runs.env_cpu.tolist() == ['a, "b"'] * 2
    assert rows.traces.step.tolist() == [1, 2]
    assert math.isnan(rows.runs.train_s[0])
    assert rows.runs.train_s.dtype == float


def test_done_means_completed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_run("failed", status="oom"), [])
    store.append(make_run("good"), [make_trace("good", 1)])
    assert store.done("good")
    assert not store.done("failed")
    assert not store.done("never run")


def test_a_failed_run_may_be_run_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_run("a", status="error"), [])
    store.append(make_run("a"), [make_trace("a", 1)])
    assert store.done("a")
    assert len(store.rows().runs) == 1


def test_a_row_without_its_trace_file_is_not_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(make_run("a"), [make_trace("a", 1)])
    (tmp_path / "traces" / "a.parquet").unlink()
    assert not store.done("a")


def test_a_store_of_another_schema_is_refused(tmp_path: Path) -> None:
    Store(tmp_path)
    with sqlite3.connect(tmp_path / "runs.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="schema 99"):
        Store(tmp_path)


def test_export_round_trip(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.append(make_run("0a1e5"), [make_trace("0a1e5", 3)])
    export_rows(store.rows(), tmp_path / "export")
    read = read_export(tmp_path / "export")
    pd.testing.assert_frame_equal(read.traces, store.rows().traces, check_dtype=False)
    assert read.runs.key.tolist() == ["0a1e5"]
    assert read.runs.p_at_1.tolist() == [0.25]


def test_a_missing_export_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"runs\.csv"):
        read_export(tmp_path)


def test_an_export_without_a_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text("key\n1\n")
    with pytest.raises(StoreError, match="lacks the columns experiment"):
        read_export(tmp_path)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    write_atomically(target, b"old")

    def no_space(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


WRITER = """
import sys
from pathlib import Path
from tests.bench.test_store import make_run, make_trace
from bench.store import Store
store = Store(Path(sys.argv[1]))
for i in range(10_000):
    store.append(make_run(f"{sys.argv[2]}-{i}"), [make_trace(f"{sys.argv[2]}-{i}", i)])
    print(i, flush=True)
"""


def test_kills_lose_no_acknowledged_run(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    for kill in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(kill)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.013 * kill)
        process.send_signal(signal.SIGKILL)
        acknowledged = 1 + len(process.stdout.read().split())
        process.wait()
        store = Store(tmp_path)
        assert all(store.done(f"{kill}-{i}") for i in range(acknowledged))
    assert store.rows().traces.key.isin(store.rows().runs.key).all()


def test_the_key_ignores_order_and_nothing_else() -> None:
    config = {"seed": 1, "params": {"a": 1, "b": 2}}
    assert run_key(config, "c") == run_key({"params": {"b": 2, "a": 1}, "seed": 1}, "c")
    assert run_key(config, "c") != run_key(config | {"seed": 2}, "c")
    assert run_key(config, "c") != run_key(config, "d")
