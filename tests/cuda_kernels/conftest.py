"""What tests of CUDA kernels share: every test runs in the emulator under each schedule, and with `-m gpu` on a GPU."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from cuda_kernels import gpu
from cuda_kernels.emulator.run import ORDERS, scheduled
from mongoose.ops.backend import Op, using

Both = Callable[..., tuple[Any, Any]]
SEED = 3  # of the random schedule


@pytest.fixture(params=[*ORDERS, pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    """Where kernels run: `cpu`, in the emulator under a schedule, or `cuda`."""
    if request.param != "gpu":
        with scheduled(request.param, SEED), using("emulated"), _poisoned():
            yield torch.device("cpu")
        return
    if reason := gpu.unavailable():
        pytest.skip(f"no GPU: {reason}")
    with using("cuda"), _poisoned():
        yield torch.device("cuda")


@pytest.fixture
def both(device: torch.device) -> Both:
    """`both(op, *args)` → what the definition gave and what the kernel gave, on arguments of their own each.

    Each is the op's result, or a tuple of it and of the arguments that the op changed, where it changes any. Memory
    that a kernel leaves unwritten holds NaN or the largest integer, and shows.
    """

    def run(op: Op[..., Any], *args: Any) -> tuple[Any, Any]:
        copies = [[arg.clone() if isinstance(arg, Tensor) else arg for arg in args] for _ in range(2)]
        copies[1] = [arg.to(device) if isinstance(arg, Tensor) else arg for arg in copies[1]]
        with using("reference"):
            reference = _results(op, copies[0], op(*copies[0]))
        assert op._cuda_form("emulated") is not op.reference  # or the definition would be compared with itself
        return reference, _on_cpu(_results(op, copies[1], op(*copies[1])))

    return run


def _results(op: Op[..., Any], args: list[Any], returned: Any) -> Any:
    arguments = op.torch_op._opoverload._schema.arguments
    changed = [arg for arg, declared in zip(args, arguments, strict=False) if declared.is_write]
    if not changed:
        return returned
    outputs = returned if isinstance(returned, tuple) else () if returned is None else (returned,)
    return (*outputs, *changed)


def _on_cpu(results: Any) -> Any:
    if isinstance(results, tuple):
        return tuple(map(_on_cpu, results))
    return results.cpu() if isinstance(results, Tensor) else results


@contextmanager
def _poisoned() -> Iterator[None]:
    """torch.empty fills what it returns with NaN or the largest integer."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)
