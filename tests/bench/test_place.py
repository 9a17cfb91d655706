"""Steps on a GPU, with what stands in for `torch.cuda`: events time them, and the cache is flushed before each."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from bench.cli import app
from bench.speed import roofs, shapes, stepping, synthetic
from bench.speed.place import GPU
from bench.speed.stepping import STEP_PHASES, Plan
from bench.speed.systems import System
from bench.task import Task
from bench.timing import EventClock

L2_BYTES = 64


@dataclass
class StandIn:
    """Every event comes one millisecond after the last; nothing is known of one before `synchronize`."""

    now_ms: float = 0.0
    log: list[str] = field(default_factory=list)

    def Event(self, enable_timing: bool) -> "Event":  # noqa: N802
        assert enable_timing
        return Event(self)

    def synchronize(self) -> None:
        self.log.append("synchronize")

    def get_device_properties(self, device: torch.device) -> SimpleNamespace:
        return SimpleNamespace(L2_cache_size=L2_BYTES)

    def memory_allocated(self) -> int:
        return 2**20

    def max_memory_allocated(self) -> int:
        return 3 * 2**20

    def reset_peak_memory_stats(self) -> None:
        self.log.append("reset peak")


class Event:
    def __init__(self, api: StandIn) -> None:
        self.api = api

    def record(self) -> None:
        self.api.now_ms += 1
        self.at_ms = self.api.now_ms
        self.api.log.append("event")

    def elapsed_time(self, end: "Event") -> float:
        assert self.api.log[-1] == "synchronize"
        return end.at_ms - self.at_ms


class Watched(GPU):
    """On CPU tensors; notes when the cache is flushed."""

    def flush(self) -> None:
        super().flush()
        self.api.log.append("flush")


@pytest.fixture
def task(tmp_path: Path) -> Task:
    synthetic.save(synthetic.generate(shapes.get("tiny")), tmp_path / "tiny.npz")
    return synthetic.load(tmp_path / "tiny.npz", "tiny")


def test_phases_are_the_time_between_events() -> None:
    api = StandIn()
    clock = EventClock(api)
    for _ in range(2):
        with clock.phase("forward"):
            api.now_ms += 5
    with clock.phase("backward"):
        pass
    assert api.log == 6 * ["event"]  # nothing waits while steps run
    assert clock.seconds("forward") == pytest.approx(0.012)
    assert clock.seconds("forward", "backward", "none") == pytest.approx(0.013)


def test_every_step_finds_the_cache_flushed_and_is_timed_by_events(task: Task) -> None:
    api = StandIn()
    found = stepping.measure(
        task, System("ours", "sampled_uniform"), Plan(steps=4, seconds=60.0, warmup=1), Watched(api, "cpu")
    )
    assert all(found["phases"][name] == 4 * [pytest.approx(0.001)] for name in STEP_PHASES)
    first = [index for index, what in enumerate(api.log) if what == "flush"]
    assert len(first) == 1 + 4  # the warm-up too
    assert all(api.log[index + 1] == "event" for index in first)
    assert (found["base_mib"], found["peak_mib"]) == (1.0, 3.0)


def test_more_than_the_cache_is_overwritten() -> None:
    gpu = GPU(StandIn(), "cpu")
    gpu.swept.fill_(1)
    gpu.flush()
    assert gpu.swept.nbytes > L2_BYTES
    assert not gpu.swept.any()


def test_roofs_are_timed_by_events_too() -> None:
    found = roofs.measure(rows=4096, seconds=0.0, side=64, place=GPU(StandIn(), "cpu"))
    assert found["read_gbs"] == pytest.approx(4096 * 512 / 1e-3 / 1e9)


def test_without_a_gpu_the_command_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cuda_kernels.gpu.unavailable", lambda: "CuPy finds no GPU: no NVIDIA driver, or no device.")
    result = CliRunner().invoke(app, ["speed", "--device", "cuda", "--shape", "tiny", "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "--device cuda cannot run here: CuPy finds no GPU" in result.output
    assert not list(tmp_path.iterdir())
