"""One front for kernels: on a GPU for CUDA tensors, in the emulator for CPU tensors."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cuda_kernels.arguments import Argument, Launch, bind
from cuda_kernels.kernel import Choice
from cuda_kernels.manifest import KERNELS

_watching: list[Callable[[Launch], object]] = []


def launch(name: str, **arguments: Argument | Choice) -> None:
    """Run a kernel of the manifest on tensors, which all lie on one device.

    Args:
        arguments: by the names of the manifest: a tensor for each array (None for an optional one), numbers, and those
            template parameters that no array decides. Sizes that shapes bind need not be given.

    A launch whose grid is empty does nothing. On a GPU it is queued on torch's current stream.

    Raises:
        KernelArgumentError: an argument does not fit; nothing has run.
        DeviceError: the device cannot be used here, or the emulator reports a fault.
    """
    asked = bind(KERNELS[name], arguments)
    if 0 not in asked.grid:
        _run(asked)


@contextmanager
def watched(by: Callable[[Launch], object]) -> Iterator[None]:
    """Tell of every launch in the block, in their order, before it runs."""
    _watching.append(by)
    try:
        yield
    finally:
        _watching.remove(by)


def _run(asked: Launch) -> None:
    for by in _watching:
        by(asked)
    if asked.device.type == "cuda":
        from cuda_kernels import gpu

        gpu.run(asked)
    else:
        from cuda_kernels.emulator import run

        run.run(asked)
