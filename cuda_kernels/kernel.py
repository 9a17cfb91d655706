"""What a manifest entry says of a kernel: template instances, arguments, geometry, budget."""

import ast
import itertools
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import CodeType
from typing import Any, Literal

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

    @cached_property
    def sizes(self) -> list[str]:
        """The expression of each dimension."""
        return self.shape.split()

    @cached_property
    def dim(self) -> int:
        """How many dimensions."""
        return len(self.sizes)

    def sized(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """The shape, as numbers. Raises as `evaluate`."""
        shape: tuple[int, ...] = eval(self._code, NOTHING, sizes)
        return shape

    @cached_property
    def _code(self) -> CodeType:
        each = [_compiled(size) and f"({size})," for size in self.sizes]
        return compile(f"({''.join(each)})", self.shape, "eval")


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
class Form:
    """What follows from an instance alone, for every launch of it.

    expression: its C++ name. signature: its argument types. dtypes: of the arguments, by name and in order. itemsizes:
    template parameter that is a dtype → its bytes. numbers: name of each number → the Python types that it may have.
    """

    instance: Instance
    expression: str
    signature: str
    dtypes: Mapping[str, torch.dtype]
    itemsizes: Mapping[str, int]
    numbers: Mapping[str, tuple[type, ...]]


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

    @cached_property
    def parameters(self) -> list[str]:
        """The template parameters, in the function's order."""
        return " ".join(self.templates).split()

    @cached_property
    def forms(self) -> Mapping[tuple[Choice, ...], Form]:
        """What each template parameter is, in the function's order → what follows."""
        return {
            tuple(instance[name] for name in self.parameters): self._form(instance) for instance in self.instances()
        }

    @cached_property
    def arrays(self) -> Mapping[str, Array]:
        """The arrays, by name and in order."""
        return {argument.name: argument for argument in self.arguments if isinstance(argument, Array)}

    @cached_property
    def scalars(self) -> Set[str]:
        """The names of the numbers."""
        return {argument.name for argument in self.arguments if isinstance(argument, Scalar)}

    @cached_property
    def takes(self) -> Set[str]:
        """All that a launch may name: arguments, template parameters, and sizes that shapes bind."""
        sizes = {size for array in self.arrays.values() for size in array.sizes if size.isidentifier()}
        return self.arrays.keys() | self.scalars | set(self.parameters) | sizes

    @cached_property
    def binds(self) -> list[tuple[str, str, int]]:
        """Size, array and dimension, where the array may be the first to bind the size; optional ones may be absent."""
        bound: set[str] = set()
        found = []
        for array in self.arrays.values():
            plain = [(size, array.name, i) for i, size in enumerate(array.sizes) if size.isidentifier()]
            found += [each for each in plain if each[0] not in bound]
            bound |= set() if array.optional else {size for size, *_ in plain}
        return found

    def expression(self, instance: Instance) -> str:
        """The C++ name of an instance: `simhash<float, int>`."""
        chosen = [_as_c(instance[parameter]) for parameter in self.parameters]
        return f"{self.name}<{', '.join(chosen)}>" if chosen else self.name

    def signature(self, instance: Instance) -> str:
        """The argument types of an instance, as the emulator tells those of the text."""
        return ", ".join(_signature(argument, instance) for argument in self.arguments)

    def _form(self, instance: Instance) -> Form:
        dtypes = {argument.name: dtype_of(argument, instance) for argument in self.arguments}
        return Form(
            instance,
            self.expression(instance),
            self.signature(instance),
            dtypes,
            itemsizes={name: c.itemsize for name, c in instance.items() if isinstance(c, torch.dtype)},
            numbers={name: _accepted(dtype) for name, dtype in dtypes.items() if name not in self.arrays},
        )


def _accepted(dtype: torch.dtype) -> tuple[type, ...]:
    return (int, float) if dtype.is_floating_point else (int,)


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
NOTHING: dict[str, Any] = {"__builtins__": {}}  # what expressions see besides sizes
ALLOWED = (ast.Expression, ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.UnaryOp, *OPERATORS)


def evaluate(expression: str, sizes: Sizes) -> int:
    """The value of an expression of names, whole numbers, + - * // and parentheses.

    Raises:
        NameError: a name has no size.
        ValueError: there is something else in it.
    """
    value: int = eval(_compiled(expression), NOTHING, sizes)
    return value


@cache
def _compiled(expression: str) -> CodeType:
    tree = ast.parse(expression, mode="eval")
    for node in ast.walk(tree):
        if not isinstance(node, ALLOWED):
            raise ValueError(f"{expression!r} is no size; accepted: names, whole numbers, + - * // and parentheses.")
    return compile(tree, expression, "eval")
