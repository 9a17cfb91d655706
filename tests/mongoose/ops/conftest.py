"""What tests of ops share: run the definition and the kernel on the same arguments, on one thread and on two."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor

from mongoose.native.build import KernelBuildError
from mongoose.native.library import library
from mongoose.ops.backend import Op, using

Both = Callable[..., tuple[Any, Any]]


@pytest.fixture(scope="module", autouse=True)
def backend() -> None:
    """Tests of ops choose the backend themselves."""


@pytest.fixture(scope="session", autouse=True)
def kernels() -> None:
    try:
        library()
    except KernelBuildError as error:
        pytest.fail(f"the ops' tests need the kernels: {error}", pytrace=False)


@pytest.fixture(params=[1, 2], ids=["1-thread", "2-threads"])
def threads(request: pytest.FixtureRequest) -> int:
    count: int = request.param
    return count


@pytest.fixture
def both(threads: int) -> Both:
    """`both(op, *args)` → what the definition gave and what the kernel gave, on arguments of their own each.

    Each is the op's result, or a tuple of it and of the arguments that the op changed, where it changes any.
    Memory that a kernel leaves unwritten holds NaN or the largest integer, and shows.
    """

    def run(op: Op[..., Any], *args: Any) -> tuple[Any, Any]:
        given = [[arg.clone() if isinstance(arg, Tensor) else arg for arg in args] for _ in range(2)]
        with using("reference"):
            reference = _results(op, given[0], op(*given[0]))
        with using("cpu"), _on(1 if op._kernel is None else threads), _poisoned():  # torch's own threads are not ours
            kernel = _results(op, given[1], op(*given[1]))
        return reference, kernel

    return run


@contextmanager
def _on(threads: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _poisoned() -> Iterator[None]:
    """torch.empty fills what it returns with NaN or the largest integer."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def _results(op: Op[..., Any], args: list[Any], returned: Any) -> Any:
    arguments = op.torch_op._opoverload._schema.arguments
    changed = [arg for arg, declared in zip(args, arguments, strict=False) if declared.is_write]
    if not changed:
        return returned
    outputs = returned if isinstance(returned, tuple) else () if returned is None else (returned,)
    return (*outputs, *changed)


@pytest.fixture
def strided() -> Callable[[Tensor], Tensor]:
    """The same tensor in memory that is not contiguous: every other element, transposed."""

    def lay_out(tensor: Tensor) -> Tensor:
        if tensor.dim() < 2:
            return torch.stack([tensor, tensor], dim=-1)[..., 0]
        transposed = tensor.transpose(0, 1)
        return torch.stack([transposed, transposed], dim=-1)[..., 0].transpose(0, 1)

    return lay_out
