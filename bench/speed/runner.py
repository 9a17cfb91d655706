"""Go round: every system once a round, each in a fresh process, so that whatever the machine does it does to all."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.environment import ROOT, process_environment
from bench.speed import synthetic
from bench.speed.shapes import Shape
from bench.speed.stepping import Plan
from bench.speed.systems import System
from bench.speed.worker import Job

EXIT_KILLED = -9
OUT_OF_MEMORY = ("MemoryError", "can't allocate memory", "bad_alloc", "Cannot allocate memory")
Measurement = dict[str, Any]
Measured = System | Literal["roofs", "tables"]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What to run. rounds: times that every system runs on every shape."""

    shapes: Sequence[Shape]
    systems: Sequence[System]
    rounds: int
    plan: Plan
    threads: int
    backend: Literal["auto", "cpu", "reference", "cuda"] = "auto"
    device: Literal["cpu", "cuda"] = "cpu"


@dataclass
class Session:
    """One run of the command: finished measurements, each handed to `keep` as soon as it is there."""

    options: Options
    keep: Callable[[Measurement], None]
    tell: Tell
    measurements: list[Measurement] = field(default_factory=list)
    interrupted: bool = False

    def run(self) -> None:
        """All shapes and rounds; Ctrl-C ends it early and loses only the measurement under way."""
        try:
            with tempfile.TemporaryDirectory() as directory:
                for shape in self.options.shapes:
                    self._rounds(shape, Path(directory) / f"{shape.name}.npz")
        except KeyboardInterrupt:
            self.interrupted = True

    def _rounds(self, shape: Shape, data: Path) -> None:
        self.tell(f"{shape.name}: making data")
        synthetic.save(synthetic.generate(shape), data)
        failed: set[str] = set()
        for number in range(self.options.rounds):
            for system in _in_turn([*self._beside, *self.options.systems], number):
                name = name_of(system)
                if name not in failed and self._measure(shape, data, system, number)["status"] != "ok":
                    failed.add(name)
        data.unlink()

    @property
    def _beside(self) -> list[Measured]:
        """What is measured beside the systems; tables of many families are compared on the CPU alone."""
        return ["roofs", "tables"] if self.options.device == "cpu" else ["roofs"]

    def _measure(self, shape: Shape, data: Path, system: Measured, number: int) -> Measurement:
        options = self.options
        job = Job(
            shape=shape.name,
            data=data,
            system=system,
            plan=options.plan,
            backend=options.backend,
            threads=options.threads,
            device=options.device,
        )
        name = name_of(system)
        found = {"shape": shape.name, "system": name, "round": number} | in_a_fresh_process(job)
        self.tell(f"{shape.name}, round {number + 1} of {options.rounds}, {name}: {found.get('reason') or 'done'}")
        self.measurements.append(found)
        self.keep(found)
        return found


def in_a_fresh_process(job: Job) -> Measurement:
    """Carry out a job; a crash, a hang and a lack of memory are answers too, with status and reason."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.speed.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env=process_environment(job.threads) | own_environment(job.system),
        )
        hang = threading.Timer(wall_s(job.plan), process.kill)
        hang.start()
        try:
            printed, _ = process.communicate(job.model_dump_json())
            too_long = not hang.is_alive()
        finally:
            hang.cancel()
            process.kill()
            process.wait()
        if process.returncode == 0:
            answer: Measurement = json.loads(printed.strip().splitlines()[-1])
            return answer
        errors.seek(0)
        return _failure(process.returncode, errors.read(), wall_s(job.plan) if too_long else None)


def wall_s(plan: Plan) -> float:
    """Longest time a measurement may take with building and loading; generous, so that only a hang exceeds it."""
    return 20 * plan.seconds + 900


def _failure(code: int, errors: str, limit_s: float | None) -> Measurement:
    if limit_s is not None:
        return {"status": "timeout", "reason": f"no end after {limit_s:.0f} s"}
    lines = errors.strip().splitlines()
    reason = lines[-1].replace(f"{ROOT}/", "")[:500] if lines else f"the process ended with status {code}"
    out_of_memory = code == EXIT_KILLED or any(sign in errors for sign in OUT_OF_MEMORY)
    return {"status": "oom" if out_of_memory else "error", "reason": reason}


def own_environment(system: Measured) -> dict[str, str]:
    """Variables that only this measurement's process gets."""
    return {} if isinstance(system, str) else dict(system.environment)


def name_of(system: Measured) -> str:
    """What a measurement is called."""
    return system if isinstance(system, str) else system.name


def _in_turn(systems: list[Measured], number: int) -> Iterator[Measured]:
    """Each round starts with another system: none always follows the same heavy one first."""
    start = number % len(systems)
    yield from systems[start:]
    yield from systems[:start]
