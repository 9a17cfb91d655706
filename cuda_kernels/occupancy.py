"""How many blocks of a kernel a multiprocessor holds at once: a model, from ptxas' figures and NVIDIA's limits.

Source of the limits: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability"; of the units in
which registers and shared memory are given out: NVIDIA's occupancy calculator.
"""

from dataclasses import dataclass
from typing import Literal

from cuda_kernels.kernel import WARP

REGISTERS = 65536  # of a multiprocessor, on every architecture here
REGISTER_UNIT = 256  # a warp gets a multiple of
PARTITIONS = 4  # of a multiprocessor; each has a quarter of the registers and gives them to whole warps
KIB = 1024

Limit = Literal["warps", "blocks", "registers", "shared memory"]


@dataclass(frozen=True)
class Multiprocessor:
    """What a multiprocessor has. shared: bytes; reserved: of them, the system's for each block; unit: given out in."""

    warps: int
    blocks: int
    shared: int
    reserved: int = KIB
    unit: int = 128


MULTIPROCESSORS = {
    75: Multiprocessor(32, 16, 64 * KIB, reserved=0, unit=256),
    80: Multiprocessor(64, 32, 164 * KIB),
    86: Multiprocessor(48, 16, 100 * KIB),
    89: Multiprocessor(48, 24, 100 * KIB),
    90: Multiprocessor(64, 32, 228 * KIB),
    100: Multiprocessor(64, 32, 228 * KIB),
    120: Multiprocessor(48, 24, 100 * KIB),
}


@dataclass(frozen=True)
class Occupancy:
    """blocks, warps: that a multiprocessor holds at once. share: of the warps that it could. limit: what is used up."""

    blocks: int
    warps: int
    share: float
    limit: Limit


def occupancy(architecture: int, registers: int, block: int, shared: int = 0) -> Occupancy:
    """Occupancy of a kernel.

    Args:
        architecture: 90 is sm_90. registers: a thread. block: threads. shared: bytes a block, static and dynamic.

    Raises:
        KeyError: the architecture is unknown here.
    """
    limits, warps = MULTIPROCESSORS[architecture], -(-block // WARP)
    of_warp = _up(max(registers, 1) * WARP, REGISTER_UNIT)
    of_block = _up(shared + limits.reserved, limits.unit)
    fitting: dict[Limit, int] = {
        "warps": limits.warps // warps,
        "blocks": limits.blocks,
        "registers": REGISTERS // PARTITIONS // of_warp * PARTITIONS // warps,
        "shared memory": limits.shared // of_block if of_block else limits.blocks,
    }
    limit = min(fitting, key=lambda name: fitting[name])
    held = fitting[limit]
    return Occupancy(held, held * warps, held * warps / limits.warps, limit)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
