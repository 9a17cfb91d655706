"""Every kernel against its definition: values, dtypes, awkward sizes, layouts, threads, and torch's own checks."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.library import opcheck

from mongoose.hashing.simhash import draw_planes
from mongoose.ops.adam import row_adam
from mongoose.ops.backend import Op, using
from mongoose.ops.buckets import build_buckets, lookup_buckets
from mongoose.ops.cross_polytope import cross_polytope
from mongoose.ops.inverse_cdf import inverse_cdf
from mongoose.ops.lsh_attention import lsh_attention, lsh_attention_gradients
from mongoose.ops.ragged import ranges
from mongoose.ops.rerank import rerank
from mongoose.ops.retrieve import retrieve
from mongoose.ops.sets import contains, distinct, group
from mongoose.ops.shortlist import describe_rows, shortlist
from mongoose.ops.simhash import changed_rows
from mongoose.ops.softmax import _ragged_softmax, _shared_softmax
from mongoose.ops.sparse_matmul import embedding_bag, sampled_matmul, scatter_rows
from mongoose.ops.sparse_simhash import entries_of, sparse_simhash
from mongoose.ops.topk import topk_rows

Both = Callable[..., tuple[Any, Any]]
Case = tuple[Op[..., Any], list[Any]]

SIZES = [0, 1, 31, 32, 33, 127, 1000]
BATCH = 7


class Draw:
    """Arguments of a size, from one seed."""

    def __init__(self, size: int, dtype: torch.dtype, dim: int = 13) -> None:
        self.size, self.dtype, self.dim = size, dtype, dim
        self.generator = torch.Generator().manual_seed(size)

    def real(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, dtype=self.dtype)

    def ids(self, n: int, below: int) -> Tensor:
        return torch.randint(max(below, 1), (n,), generator=self.generator)

    def codes(self, rows: int, tables: int, bits: int) -> Tensor:
        return torch.randint(2**bits, (rows, tables), generator=self.generator, dtype=torch.int32)

    def digests(self) -> Tensor:
        """Of rows: sketches of any bits, norms and priors."""
        sketch = torch.randint(-(2**31), 2**31, (self.size, 3), generator=self.generator).int()
        return torch.cat([sketch, self.real(self.size, 2).bfloat16().view(torch.int32)], dim=1)

    def radii(self) -> Tensor:
        return self.real(BATCH).abs().float()

    def sets(self, rows: int, per_sample: int) -> tuple[Tensor, Tensor]:
        """A ragged set over `rows`: the third sample is empty, and so are all if there are no rows."""
        n = BATCH * per_sample if rows else 0
        sample = self.ids(n, BATCH)
        kept = sample != 2
        return group.reference(sample[kept], self.ids(n, rows)[kept], BATCH)


def build_case(d: Draw) -> Case:
    return build_buckets, [d.codes(d.size, 5, 4), 16]


def lookup_case(d: Draw, **settings: Any) -> Case:
    main = build_buckets.reference(d.codes(d.size, 5, 3), 8)
    visits = torch.randint(5, (BATCH, 4), generator=d.generator)
    return lookup_buckets, [d.codes(BATCH, 4, 3), visits, *main, *_side(d, settings), *_rest(d, settings)]


def _side(d: Draw, settings: dict[str, Any]) -> list[Any]:
    if not settings.get("side") or not d.size:
        return [None, None, None]
    moved = torch.arange(0, d.size, 7)
    items, offsets = build_buckets.reference(d.codes(len(moved), 5, 3), 8)
    hidden = torch.zeros(d.size, dtype=torch.bool)
    hidden[moved] = True
    return [moved.int()[items], offsets, hidden]


def _rest(d: Draw, settings: dict[str, Any]) -> list[Any]:
    cap = settings.get("cap", 0)
    window = torch.rand(BATCH, 4, generator=d.generator) if cap else None
    return [window, cap, settings.get("min_count", 1), settings.get("enough", 0)]


def group_case(d: Draw) -> Case:
    return group, [d.ids(d.size, BATCH), d.ids(d.size, 50), BATCH]


def distinct_case(d: Draw) -> Case:
    return distinct, [d.ids(d.size, 200), 200]


def contains_case(d: Draw) -> Case:
    return contains, [*d.sets(60, 10), d.ids(d.size, BATCH), d.ids(d.size, 60)]


def ranges_case(d: Draw) -> Case:
    return ranges, [d.ids(d.size, 1000), d.ids(d.size, 5)]


def inverse_cdf_case(d: Draw) -> Case:
    weights = d.real(d.size + 1).abs().double() * (d.real(d.size + 1) > -1)
    weights[-1] = 1.0
    return inverse_cdf, [torch.rand(333, generator=d.generator, dtype=torch.float64), weights.cumsum(0)]


def changed_case(d: Draw) -> Case:
    codes = d.codes(d.size, 5, 4)
    other = codes.clone()
    other[::3, 2] ^= 1
    return changed_rows, [codes, other]


def bag_case(d: Draw) -> Case:
    ids, offsets = d.sets(d.size, 40)
    return embedding_bag, [d.real(d.size, d.dim), ids, d.real(len(ids)), offsets]


def pairs_case(d: Draw, bias: bool = True) -> Case:
    ids, offsets = d.sets(d.size, 40)
    shift = d.real(d.size) if bias else None
    return sampled_matmul, [d.real(BATCH, d.dim), d.real(d.size, d.dim), ids, offsets, shift]


def scatter_case(d: Draw) -> Case:
    ids, offsets = d.sets(d.size, 40)
    return scatter_rows, [d.real(BATCH, d.dim), ids, d.real(len(ids)), offsets, d.size]


def adam_case(d: Draw, rowwise: bool = False, per_row: bool = False, dense: bool = False) -> Case:
    rows = None if dense else torch.arange(0, d.size, 2)
    width = d.size if dense else (d.size + 1) // 2
    square = d.real(d.size).square() if rowwise else d.real(d.size, d.dim).square()
    steps = d.ids(d.size, 9) if per_row and d.size != 1 else torch.tensor([3])
    settings = (0.01, 0.9, 0.999, 1e-8, 0.1)
    return row_adam, [
        d.real(d.size, d.dim),
        d.real(d.size, d.dim),
        square,
        d.real(width, d.dim),
        rows,
        steps,
        *settings,
    ]


def shared_case(d: Draw, corrected: bool = True) -> Case:
    labels = d.sets(d.size, 2)
    log_inclusion = -d.real(d.size).abs() if corrected else None
    rows = d.real(d.size, d.dim)
    return _shared_softmax, [d.real(BATCH, d.dim), rows, d.real(d.size), *labels, log_inclusion, False]


def ragged_case(d: Draw) -> Case:
    sample, ids = torch.arange(BATCH).repeat_interleave(d.size), torch.arange(d.size).repeat(BATCH)
    pairs = group.reference(sample, ids, BATCH)
    return _ragged_softmax, [5 * d.real(len(ids)), *pairs, *d.sets(d.size, 2)]


def rerank_case(d: Draw, half: bool = False) -> Case:
    weight = d.real(d.size, d.dim)
    sets = d.sets(d.size, 60)
    return rerank, [d.real(BATCH, d.dim), weight.bfloat16() if half else weight, d.real(d.size), *sets, 4]


def shortlist_case(d: Draw, estimated: bool = True, tables: int = 5, bits: int = 4) -> Case:
    args = [*d.sets(d.size, 60), 9, d.codes(BATCH, tables, bits), bits, d.digests()]
    return shortlist, [*args, d.radii()] if estimated else args


def describe_case(d: Draw, tables: int = 5, bits: int = 4) -> Case:
    whole = [d.real(*shape).mul(4).round() for shape in ((d.size, d.dim), (d.dim,), (d.dim,))]  # sums are exact
    return describe_rows, [whole[0], d.codes(d.size, tables, bits), bits, *whole[1:]]


def retrieve_case(d: Draw, shortlist: int = 0, cap: int = 0, side: bool = False, half: bool = False) -> Case:
    codes, weight = d.codes(d.size, 5, 3), d.real(d.size, d.dim)
    parts = [*build_buckets.reference(codes, 8), *_side(d, {"side": side})]
    window = torch.rand(BATCH, 5, generator=d.generator) if cap else None
    given = [d.real(BATCH, d.dim), weight.bfloat16() if half else weight, d.real(d.size), d.codes(BATCH, 5, 3)]
    estimate = [d.digests(), d.radii()] if shortlist else [None, None]
    return retrieve, [*given, *parts, window, cap, 4, shortlist, 3, *estimate]


def topk_case(d: Draw) -> Case:
    return topk_rows, [d.real(BATCH, d.dim), d.real(d.size + 5, d.dim), d.real(d.size + 5), 5]


def polytope_case(d: Draw) -> Case:
    whole = [d.real(*shape).mul(4).round() for shape in ((d.size, d.dim), (d.dim, 40), (40,))]  # sums are exact
    return cross_polytope, [whole[0], whole[1], 5, whole[2]]


def sparse_simhash_case(d: Draw) -> Case:
    planes = draw_planes(d.dim, 20, "sparse", d.generator).to(d.dtype)
    whole = [d.real(*shape).mul(4).round() for shape in ((d.size, d.dim), (20,))]  # sums are exact
    return sparse_simhash, [whole[0], planes, entries_of(planes), 5, whole[1]]


def attention_case(d: Draw, within: bool = False) -> Case:
    """The third part of positions does not exist in the second head."""
    codes = d.codes(2, 3 * d.size, 2).view(2, 3, d.size)
    exists = (torch.arange(d.size) < torch.tensor([[[d.size]], [[d.size - d.size // 3]]])).expand_as(codes)
    order = codes.masked_fill(~exists, 9).argsort(dim=2, stable=True)
    order = order.masked_fill(~exists.gather(2, order), -1).int()
    rows = [d.real(2, d.size, d.dim) for _ in range(2)]
    return lsh_attention, [*rows, order, codes if within else None, 16, 0.3, True]


def attention_gradients_case(d: Draw) -> Case:
    _, arguments = attention_case(d, within=True)
    found = lsh_attention.reference(*arguments)
    return lsh_attention_gradients, [d.real(2, d.size, d.dim), *arguments[:2], *found, *arguments[2:]]


CASES: dict[str, Callable[[Draw], Case]] = {
    "cross_polytope": polytope_case,
    "sparse_simhash": sparse_simhash_case,
    "lsh_attention": attention_case,
    "lsh_attention-within-buckets": lambda d: attention_case(d, within=True),
    "lsh_attention_gradients": attention_gradients_case,
    "build_buckets": build_case,
    "lookup_buckets": lookup_case,
    "lookup_buckets-side": lambda d: lookup_case(d, side=True),
    "lookup_buckets-cap": lambda d: lookup_case(d, side=True, cap=6),
    "lookup_buckets-min_count": lambda d: lookup_case(d, side=True, min_count=2),
    "lookup_buckets-enough": lambda d: lookup_case(d, side=True, cap=6, enough=9),
    "group": group_case,
    "distinct": distinct_case,
    "contains": contains_case,
    "ranges": ranges_case,
    "inverse_cdf": inverse_cdf_case,
    "changed_rows": changed_case,
    "embedding_bag": bag_case,
    "sampled_matmul": pairs_case,
    "sampled_matmul-unbiased": lambda d: pairs_case(d, bias=False),
    "scatter_rows": scatter_case,
    "row_adam": adam_case,
    "row_adam-dense": lambda d: adam_case(d, dense=True),
    "row_adam-rowwise": lambda d: adam_case(d, rowwise=True),
    "row_adam-per_row": lambda d: adam_case(d, per_row=True),
    "shared_softmax": shared_case,
    "shared_softmax-uncorrected": lambda d: shared_case(d, corrected=False),
    "ragged_softmax": ragged_case,
    "rerank": rerank_case,
    "shortlist": shortlist_case,
    "shortlist-hamming": lambda d: shortlist_case(d, estimated=False),
    "shortlist-few-tables": lambda d: shortlist_case(d, tables=2, bits=7),
    "shortlist-many-tables": lambda d: shortlist_case(d, tables=110, bits=2),
    "describe_rows": describe_case,
    "describe_rows-one-table": lambda d: describe_case(d, tables=1, bits=24),
    "describe_rows-full": lambda d: describe_case(d, tables=16, bits=14),
    "describe_rows-many-tables": lambda d: describe_case(d, tables=110, bits=2),
    "rerank-bfloat16": lambda d: rerank_case(d, half=True),
    "retrieve": retrieve_case,
    "retrieve-shortlist": lambda d: retrieve_case(d, shortlist=9, cap=6, side=True),
    "retrieve-bfloat16": lambda d: retrieve_case(d, shortlist=9, half=True),
    "topk_rows": topk_case,
}


def compare(kernel: Any, reference: Any, dtype: torch.dtype) -> None:
    kernel = kernel if isinstance(kernel, tuple) else (kernel,)
    reference = reference if isinstance(reference, tuple) else (reference,)
    # Sums of up to a few hundred products in another order.
    tolerance = {"rtol": 2e-5, "atol": 2e-5} if dtype == torch.float32 else {"rtol": 1e-9, "atol": 1e-11}
    for found, expected in zip(kernel, reference, strict=True):
        if expected is None:
            assert found is None
        elif expected.is_floating_point():
            torch.testing.assert_close(found, expected, **tolerance)
        else:
            assert found.dtype == expected.dtype
            assert torch.equal(found, expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", CASES)
def test_the_kernel_equals_the_definition(name: str, size: int, dtype: torch.dtype, both: Both) -> None:
    reference, kernel = both(*_flat(CASES[name](Draw(size, dtype))))
    compare(kernel, reference, dtype)


@pytest.mark.parametrize("dim", [1, 16, 100, 128])
@pytest.mark.parametrize(
    "name",
    ["embedding_bag", "sampled_matmul", "scatter_rows", "row_adam", "rerank", "topk_rows", "cross_polytope"],
)
def test_the_kernel_equals_the_definition_at_other_widths(name: str, dim: int, both: Both) -> None:
    reference, kernel = both(*_flat(CASES[name](Draw(127, torch.float32, dim))))
    compare(kernel, reference, torch.float32)


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("row_adam")])
def test_layout_does_not_matter(name: str, both: Both, strided: Callable[[Tensor], Tensor]) -> None:
    op, args = CASES[name](Draw(127, torch.float64))
    expected, _ = both(op, *args)
    _, kernel = both(op, *[strided(arg) if isinstance(arg, Tensor) else arg for arg in args])
    compare(kernel, expected, torch.float64)


@pytest.mark.parametrize("backend_name", ["reference", "cpu"])
@pytest.mark.parametrize("name", CASES)
def test_torch_accepts_the_op(name: str, backend_name: Any) -> None:
    op, args = CASES[name](Draw(33, torch.float64))
    with using(backend_name):
        opcheck(op.torch_op, tuple(args))


@pytest.mark.parametrize("name", CASES)
def test_one_thread_repeats_itself_bit_for_bit(name: str) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    results = []
    for _ in range(2):
        op, args = CASES[name](Draw(127, torch.float32))
        with using("cpu"):
            returned = op(*args)
        results.append([*(returned if isinstance(returned, tuple) else [returned]), *args])
    torch.set_num_threads(threads)
    for first, second in zip(*results, strict=True):
        assert first is second or first == second if not isinstance(first, Tensor) else torch.equal(first, second)


def _flat(case: Case) -> list[Any]:
    return [case[0], *case[1]]
