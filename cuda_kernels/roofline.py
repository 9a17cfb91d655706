"""The least time that a launch can take on a GPU: a model, from counted bytes and operations and published peaks.

It does not say how fast a launch is: nothing here was measured. Bytes are those of the manifest's `traffic`, all from
memory: a row that is gathered twice counts twice, and a cache that holds it would be below this floor. Nothing else is
counted: no latency, no launch, no partly used sector. Peaks are those without matrix units: of an instance that goes by
them, LSH attention's in bfloat16, this is no floor.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from cuda_kernels.kernel import Instance, Kernel, Sizes, evaluate

LABEL = "model floor, not measured"


@dataclass(frozen=True)
class Card:
    """A GPU's published peaks, a second: bytes of its memory, floating-point operations without tensor cores."""

    name: str
    architecture: int
    bytes_per_s: float
    flops: float
    flops_float64: float


CARDS = {  # NVIDIA's data sheets of the SXM cards with 80 GB
    "A100": Card("A100 SXM 80 GB", 80, 2039e9, 19.5e12, 9.7e12),
    "H100": Card("H100 SXM 80 GB", 90, 3350e9, 66.9e12, 33.5e12),
}


@dataclass(frozen=True)
class Floor:
    """bytes, flops: of a launch. seconds: at least. bound: what takes so long."""

    bytes: int
    flops: int
    seconds: float
    bound: Literal["memory", "arithmetic"]


def floor(kernel: Kernel, instance: Instance, sizes: Sizes, card: Card) -> Floor:
    """The floor of a launch with these sizes.

    Raises:
        NameError: the kernel's traffic or flops need a size that is not among them.
    """
    named = {**sizes, **{name: c.itemsize for name, c in instance.items() if isinstance(c, torch.dtype)}}
    moved, computed = evaluate(kernel.traffic, named), evaluate(kernel.flops, named)
    peak = card.flops_float64 if torch.float64 in instance.values() else card.flops
    at_memory, at_arithmetic = moved / card.bytes_per_s, computed / peak
    bound: Literal["memory", "arithmetic"] = "memory" if at_memory >= at_arithmetic else "arithmetic"
    return Floor(moved, computed, max(at_memory, at_arithmetic), bound)
