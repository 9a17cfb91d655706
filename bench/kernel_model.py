"""What can be said of CUDA kernels without a GPU: what they take, how many fit, and the least time of a launch."""

from collections.abc import Iterator
from typing import Any

from bench.kernel_sizes import shapes_of, sizes
from cuda_kernels.kernel import Instance, Kernel, evaluate
from cuda_kernels.manifest import KERNELS
from cuda_kernels.nvrtc import ARCHITECTURES, Usage, usage
from cuda_kernels.occupancy import occupancy
from cuda_kernels.roofline import CARDS, LABEL, floor

Row = dict[str, Any]


def document() -> dict[str, Any]:
    """All rows, and the words under which they may be shown.

    Raises:
        DeviceError: there is no NVRTC, or it refuses a kernel.
    """
    used = [of for file in sorted({k.source for k in KERNELS.values()}) for a in ARCHITECTURES for of in usage(file, a)]
    return {
        "label": LABEL,
        "command": "python -m bench kernels",
        "cards": {name: vars(card) for name, card in CARDS.items()},
        "occupancy": [occupancy_row(of) for of in used],
        "floors": list(floor_rows()),
    }


def occupancy_row(used: Usage) -> Row:
    """One instance on one architecture; dynamic shared memory is that of a launch on the kernel's first shape."""
    kernel = used.kernel
    instance = next(of for of in kernel.instances() if kernel.expression(of) == used.expression)
    shared = used.shared + evaluate(kernel.dynamic, _sized(kernel, instance, shapes_of(kernel)[0]))
    held = occupancy(used.architecture, used.registers, kernel.block, shared)
    return {
        "kernel": kernel.name,
        "instance": used.expression,
        "architecture": used.architecture,
        "registers": used.registers,
        "spills": used.spills,
        "shared": shared,
        "block": kernel.block,
        "blocks": held.blocks,
        "warps": held.warps,
        "share": held.share,
        "limit": held.limit,
    }


def floor_rows() -> Iterator[Row]:
    """Of each kernel's first instance (float32 where there is one), on each of its shapes and every card."""
    for kernel in KERNELS.values():
        instance = kernel.instances()[0]
        for shape in shapes_of(kernel):
            for name, card in CARDS.items():
                found = floor(kernel, instance, _sized(kernel, instance, shape), card)
                yield {
                    "kernel": kernel.name,
                    "instance": kernel.expression(instance),
                    "shape": shape,
                    "card": name,
                    "bytes": found.bytes,
                    "flops": found.flops,
                    "floor_us": 1e6 * found.seconds,
                    "bound": found.bound,
                    "label": LABEL,
                }


def _sized(kernel: Kernel, instance: Instance, shape: str) -> dict[str, int]:
    widths = {name: choice.itemsize for name, choice in instance.items() if hasattr(choice, "itemsize")}
    return sizes(kernel, shape) | widths
