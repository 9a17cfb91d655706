"""Carry out runs, each in a fresh process, skipping those that the store has."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from bench.config import RunConfig
from bench.environment import ROOT, process_environment
from bench.progress import Display, Watched
from bench.record import Run, Status
from bench.store import Store
from bench.worker import describe, key_of

EXIT_KILLED = -9  # the kernel's answer to a process that takes too much memory


def wall_s(config: RunConfig) -> float:
    """Longest time a run may take with everything that is off the clock; generous, so that only a hang exceeds it."""
    return (20 if config.steps is None else 100) * config.seconds + 1800


def beside_others(config: RunConfig) -> bool:
    """Whether the run may share the machine: it counts steps, on one thread, so that its result is the same."""
    return config.steps is not None and config.threads == 1


def run_all(configs: Iterable[RunConfig], store: Store, display: Display, jobs: int = 1) -> list[Run]:
    """Run what is not done; returns the runs that failed, which are in the store too.

    Args:
        jobs: so many at once of those that may share the machine, which come first then; the others one by one.
    """
    configs = list(configs)
    pending = [config for config in configs if not store.done(key_of(config))]
    display.begin(len(configs), len(configs) - len(pending))
    shared = [config for config in pending if jobs > 1 and beside_others(config)]
    alone = [config for config in pending if jobs == 1 or not beside_others(config)]

    def one(config: RunConfig) -> Run | None:
        watched = display.start(config)
        failure = _run(config, store, watched)
        watched.finish(failure)
        return failure

    with ThreadPoolExecutor(jobs) as pool:  # threads that wait for processes
        ended = list(pool.map(one, shared))
    return [failure for failure in (*ended, *map(one, alone)) if failure is not None]


def _run(config: RunConfig, store: Store, watched: Watched) -> Run | None:
    """One run in a process of its own; what went wrong, or None."""
    with tempfile.TemporaryFile("w+") as errors:
        process = _start(config, store, errors)
        hang = threading.Timer(wall_s(config), process.kill)
        hang.start()
        try:
            told = _follow(process, watched)
            code = process.wait()
        finally:
            too_long = not hang.is_alive()
            hang.cancel()
            process.kill()
            process.wait()
        if "status" in told:  # the worker has stored its row
            return None if told["status"] == "ok" else Run(**describe(config), **told)
        failure = _failure(config, code, too_long, errors)
        store.append(failure, [])
        return failure


def _start(config: RunConfig, store: Store, errors: IO[str]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.worker", str(store.directory.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        cwd=ROOT,
        env=process_environment(config.threads),
    )
    assert process.stdin is not None
    process.stdin.write(config.model_dump_json())
    process.stdin.close()
    return process


def _follow(process: "subprocess.Popen[str]", watched: Watched) -> dict[str, Any]:
    """Show what the worker tells until it ends; returns the status and reason it stored, if it came that far."""
    assert process.stdout is not None
    told: dict[str, Any] = {}
    for line in process.stdout:
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # something that a library printed
        if "status" in event:
            told = event
        else:
            watched.progress(event)
    return told


def _failure(config: RunConfig, code: int, too_long: bool, errors: IO[str]) -> Run:
    errors.seek(0)
    lines = errors.read().strip().splitlines()
    reason = lines[-1].replace(f"{ROOT}/", "") if lines else f"the process ended with status {code}"
    if too_long:
        return Run(status="timeout", reason=f"no end after {wall_s(config):.0f} s", **describe(config))
    out_of_memory = code == EXIT_KILLED or "MemoryError" in reason or "can't allocate memory" in reason
    status: Status = "oom" if out_of_memory else "error"
    return Run(status=status, reason=reason[:500], **describe(config))
