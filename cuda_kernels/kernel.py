"""What a manifest entry says of a kernel: template instances, arguments, geometry, budget."""

import ast
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import CodeType
from typing import Literal

import torch

WARP = 32
MAX_GRID = 2**31 - 1
C_NAMES = {
    torch.float32: "float",
    torch.float64: "double",
    torch.bfloat16: "bfloat16",  # of common.cuh: 16 bits, converted by hand
    torch.int32: "int",
    torch.int64: "int64_t",
    torch.uint8: "uint8_t",
    torch.bool: "bool",
}

Choice = torch.dtype | int | bool
Instance = Mapping[str, Choice]  # template parameter → what it is
DType = torch.dtype | str  # a dtype, or the name of the template parameter that is one
Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Array:
    """A pointer to a contiguous tensor.

    shape: one expression a dimension, with spaces between: "N L*K". A plain name is bound by the tensor's size, the
    others are checked. written: the kernel writes to it (else its pointer is const). optional: None is a null pointer.
    """

    name: str
    dtype: DType
    shape: str
    written: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Scalar:
    """A number, passed by value. One that a shape binds need not be given."""

    name: str
    dtype: DType = torch.int64


@dataclass(frozen=True)
class Grid:
    """How many blocks: one thread, one warp or one block for each of `count`; `rows` such rows of blocks."""

    unit: Literal["thread", "warp", "block"]
    count: str
    rows: str = "1"

    def blocks(self, block: int, sizes: Sizes) -> tuple[int, int, int]:
        width = {"thread": 1, "warp": WARP, "block": block}[self.unit]
        return -(-evaluate(self.count, sizes) * width // block), evaluate(self.rows, sizes), 1


@dataclass(frozen=True)
class Kernel:
    """A `__global__` function.

    Attributes:
        name: of the function. source: its file. does: in a line.
        templates: parameter → what it may be; the instances are all combinations. Parameters that are named together,
            "Z T", are chosen together.
        arguments: in the function's order.
        grid, block: geometry; `block` threads, as in `__launch_bounds__`.
        dynamic: bytes of dynamic shared memory, an expression over sizes; a dtype parameter is its bytes.
        registers: at most so many a thread, on any architecture. shared: at most so many bytes of static shared memory.
        traffic, flops: bytes that a launch must move, and its floating-point operations: expressions.
    """

    name: str
    source: str
    does: str
    arguments: tuple[Array | Scalar, ...]
    grid: Grid
    registers: int
    templates: Mapping[str, tuple[Choice | tuple[Choice, ...], ...]] = field(default_factory=dict)
    block: int = 128
    dynamic: str = "0"
    shared: int = 0
    traffic: str = "0"
    flops: str = "0"

    def instances(self) -> list[Instance]:
        """All combinations of what the template parameters may be."""
        combinations = itertools.product(*self.templates.values())
        return [dict(zip(self.parameters, _flat(chosen), strict=True)) for chosen in combinations]

    @property
    def parameters(self) -> list[str]:
        """The template parameters, in the function's order."""
        return " ".join(self.templates).split()

    def expression(self, instance: Instance) -> str:
        """The C++ name of an instance: `simhash<float, int>`."""
        chosen = [_as_c(instance[parameter]) for parameter in self.parameters]
        return f"{self.name}<{', '.join(chosen)}>" if chosen else self.name

    def signature(self, instance: Instance) -> str:
        """The argument types of an instance, as the emulator tells those of the text."""
        return ", ".join(_signature(argument, instance) for argument in self.arguments)


def _flat(chosen: Iterable[Choice | tuple[Choice, ...]]) -> list[Choice]:
    return [each for choice in chosen for each in (choice if isinstance(choice, tuple) else (choice,))]


def dtype_of(argument: Array | Scalar, instance: Instance) -> torch.dtype:
    """The dtype of an argument in an instance."""
    dtype = instance[argument.dtype] if isinstance(argument.dtype, str) else argument.dtype
    assert isinstance(dtype, torch.dtype), f"{argument.name} has the template parameter {argument.dtype}: no dtype"
    return dtype


def expressions(kernels: Mapping[str, Kernel], source: str) -> tuple[str, ...]:
    """The instances of all kernels of a file."""
    return tuple(k.expression(i) for k in kernels.values() if k.source == source for i in k.instances())


def _as_c(choice: Choice) -> str:
    return C_NAMES[choice] if isinstance(choice, torch.dtype) else str(choice).lower()


def _signature(argument: Array | Scalar, instance: Instance) -> str:
    dtype = dtype_of(argument, instance)
    name = "struct16" if dtype is torch.bfloat16 else str(dtype).removeprefix("torch.")
    if isinstance(argument, Scalar):
        return name
    return f"{name}*" if argument.written else f"const {name}*"


OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.USub)
ALLOWED = (ast.Expression, ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, *OPERATORS)


def evaluate(expression: str, sizes: Sizes) -> int:
    """The value of an expression of names, whole numbers, + - * // and parentheses.

    Raises:
        NameError: a name has no size.
        ValueError: there is something else in it.
    """
    value: int = eval(_compiled(expression), {"__builtins__": {}}, dict(sizes))
    return value


@cache
def _compiled(expression: str) -> CodeType:
    tree = ast.parse(expression, mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise ValueError(f"{expression!r} is no size; accepted: names, whole numbers, + - * // and parentheses.")
    return compile(tree, expression, "eval")
