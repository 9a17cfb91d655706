"""One measurement in a process of its own: `python -m bench.speed.worker < job.json`; the answer is its last line."""

import json
import resource
import sys
from pathlib import Path
from typing import Any, Literal

import psutil
import torch
from pydantic import BaseModel, ConfigDict

from bench import methods
from bench.speed import roofs, stepping, synthetic, tables
from bench.speed.place import place
from bench.speed.stepping import Plan
from bench.speed.systems import System
from bench.timing import settle
from mongoose.ops import backend


class Job(BaseModel):
    """What to measure: a system's steps, the machine's roofs, or hash tables over trained rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: str
    data: Path
    system: System | Literal["roofs", "tables"]
    plan: Plan
    backend: Literal["auto", "cpu", "reference", "cuda"]
    threads: int
    device: Literal["cpu", "cuda"] = "cpu"


def carry_out(job: Job) -> dict[str, Any]:
    """The measurement, with its status; what keeps a system from running at all is a reason, not an exception."""
    torch.set_num_threads(job.threads)
    products = "float32" if isinstance(job.system, str) else job.system.products
    used = backend.use(job.backend, products)
    if job.system == "roofs":
        small = job.shape == "tiny"
        here = place(job.device)
        found = roofs.measure(rows=4096, seconds=0.0, side=64, place=here) if small else roofs.measure(place=here)
        return {"status": "ok", "backend": used, "roofs": found}
    if job.system == "tables":
        found_rows = tables.measure(synthetic.load(job.data, job.shape), steps=trained_steps(job))
        return {"status": "ok", "backend": used, "tables": found_rows}
    assert isinstance(job.system, System)
    if (reason := methods.get(job.system.method).skip()) is not None:
        return {"status": "skipped", "reason": reason}
    task = synthetic.load(job.data, job.shape)
    found = stepping.measure(task, job.system, job.plan, place(job.device))
    return {"status": "ok", "backend": used, "products": products, **found}


def trained_steps(job: Job) -> int:
    """Steps before the rows are hashed; random rows would say little about what tables find."""
    return job.plan.steps if job.shape == "tiny" else tables.TRAINED_STEPS


def limit_memory() -> None:
    """Let an allocation beyond what is free now fail here, before the kernel picks a process to kill."""
    try:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (psutil.virtual_memory().available, hard))
    except (OSError, ValueError):
        return  # a lower limit is in force, or the system knows none


def main() -> None:
    job = Job.model_validate_json(sys.stdin.read())
    if job.device == "cpu":  # CUDA reserves more addresses than there is memory
        limit_memory()
    settle()
    print(json.dumps(carry_out(job)), flush=True)


if __name__ == "__main__":
    main()
