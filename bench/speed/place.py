"""Where steps run: on the CPU, or on a GPU, timed by events with its L2 cache flushed before every step."""

from typing import Any, Literal

import torch
from torch import Tensor

from bench import memory
from bench.timing import EventClock, Stopwatch
from mongoose.candidates import Candidates
from mongoose.nn.xmc import SparseRows

MIB = 2**20


class Place:
    """The CPU: monotonic wall seconds, resident memory, caches as the last step left them."""

    device = torch.device("cpu")

    def clock(self) -> Stopwatch:
        """A new stopwatch."""
        return Stopwatch()

    def flush(self) -> None:
        """Called before every step, off the clock."""

    def resident_mib(self) -> float:
        return memory.resident_mib()

    def trim(self) -> None:
        """Give back what was freed, so that who takes it next is seen to."""
        memory.trim()

    def reset_peak(self) -> bool:
        """False where the machine does not let us: then nothing can be said of the peak."""
        return memory.reset_peak()

    def peak_mib(self) -> float:
        return memory.peak_mib()

    def put(self, batch: tuple[SparseRows, Candidates]) -> tuple[SparseRows, Candidates]:
        """A batch, where steps run."""
        return batch


class GPU(Place):
    """An NVIDIA GPU: seconds of its current stream, memory of torch's allocator, L2 overwritten before every step.

    Args:
        api: `torch.cuda`; tests have something that stands in for it. device: where tensors lie.
    """

    def __init__(self, api: Any = torch.cuda, device: str = "cuda") -> None:
        self.api, self.device = api, torch.device(device)
        l2_bytes = api.get_device_properties(self.device).L2_cache_size
        self.swept = torch.empty(2 * l2_bytes, dtype=torch.uint8, device=self.device)

    def clock(self) -> Stopwatch:
        return EventClock(self.api)

    def flush(self) -> None:
        """Write twice as much as the cache holds: nothing that a step reads is there from the step before."""
        self.swept.zero_()

    def resident_mib(self) -> float:
        return float(self.api.memory_allocated()) / MIB

    def trim(self) -> None:
        """What was freed does not count here."""

    def reset_peak(self) -> bool:
        self.api.reset_peak_memory_stats()
        return True

    def peak_mib(self) -> float:
        return float(self.api.max_memory_allocated()) / MIB

    def put(self, batch: tuple[SparseRows, Candidates]) -> tuple[SparseRows, Candidates]:
        """In two copies, one of all whole numbers; nobody waits for them."""
        rows, labels = batch
        whole = (rows.indices, rows.offsets, labels.ids, labels.offsets)
        indices, offsets, *label_sets = self._there(torch.cat(whole)).split([len(part) for part in whole])
        return SparseRows(indices, self._there(rows.values), offsets), Candidates(*label_sets)

    def _there(self, tensor: Tensor) -> Tensor:
        held = tensor.pin_memory() if self.device.type == "cuda" else tensor
        return held.to(self.device, non_blocking=True)


CPU = Place()


def place(name: Literal["cpu", "cuda"]) -> Place:
    """The place of this name."""
    return CPU if name == "cpu" else GPU()
