"""LSH attention against the paper's definition, written with T × T matrices, and against exact attention."""

from typing import Any

import pytest
import torch
from torch import Generator, Tensor
from torch.autograd import gradcheck
from torch.nn.functional import scaled_dot_product_attention

from mongoose.ops.backend import using
from mongoose.ops.lsh_attention import lsh_attention, lsh_attention_gradients

DIM, HEADS = 24, 3


def draw(length: int, rounds: int, *, seed: int = 0, buckets: int = 0, dtype: torch.dtype = torch.float32) -> Any:
    """qk, v, codes and upstream gradient of HEADS heads; a bucket holds about 16 positions unless `buckets` says so."""
    generator = Generator().manual_seed(seed)
    qk, v, upstream = torch.randn(3, HEADS, length, DIM, generator=generator, dtype=dtype)
    codes = torch.randint(buckets or max(1, length // 16), (HEADS, rounds, length), generator=generator)
    return 3 * qk, v, codes, upstream


def in_order(codes: Tensor, exists: Tensor | None = None) -> Tensor:
    """The op's `order`: positions by (bucket, position); those that do not exist come last, as −1."""
    exists = torch.ones_like(codes[:, 0], dtype=torch.bool) if exists is None else exists
    exists = exists.unsqueeze(1).expand_as(codes)
    order = codes.masked_fill(~exists, 1 << 30).argsort(dim=2, stable=True)
    return order.masked_fill(~exists.gather(2, order), -1).int()


def by_the_paper(
    qk: Tensor, v: Tensor, codes: Tensor, m: int, scale: float, *, causal: bool, exists: Tensor | None, within: bool
) -> Tensor:
    """o_i = Σ over j in ∪_r P_i^(r) of exp(q_i·k_j − z_i) v_j; i itself is in none, but where the others are none."""
    heads, length, _ = qk.shape
    exists = torch.ones(heads, length, dtype=torch.bool) if exists is None else exists
    met = torch.zeros(heads, length, length, dtype=torch.bool)
    for n in range(heads):
        for code in codes[n]:
            keys = [(int(bucket), i) for i, bucket in enumerate(code) if exists[n, i]]
            chunk = torch.full((length,), -9)
            for s, (_, i) in enumerate(sorted(keys)):
                chunk[i] = s // m
            near = (chunk[:, None] == chunk[None]) | (chunk[:, None] == chunk[None] + 1)
            met[n] |= near & (code[:, None] == code[None]) if within else near
    met &= exists[:, :, None] & exists[:, None, :] & ~torch.eye(length, dtype=torch.bool)
    if causal:
        met &= torch.ones(length, length, dtype=torch.bool).tril()
    met |= torch.eye(length, dtype=torch.bool) & ~met.any(2, keepdim=True) & exists[:, :, None]
    k = qk / qk.square().sum(2, keepdim=True).sqrt()
    scores = torch.where(met, scale * torch.einsum("nie,nje->nij", qk, k), -1e30)
    return torch.where(exists[:, :, None], torch.softmax(scores, 2) @ v, 0)


def with_gradients(function: Any, qk: Tensor, v: Tensor, upstream: Tensor) -> list[Tensor]:
    leaves = [t.clone().requires_grad_() for t in (qk, v)]
    out = function(*leaves)
    return [out.detach(), *torch.autograd.grad(out, leaves, upstream)]


MASKS: dict[str, dict[str, bool]] = {
    "none": {},
    "causal": {"causal": True},
    "padding": {"padding": True},
    "causal-padding-within": {"causal": True, "padding": True, "within": True},
}


@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("rounds", [1, 4])
@pytest.mark.parametrize("length", [1, 63, 64, 1000])
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_it_is_the_attention_of_the_paper(backend: Any, length: int, rounds: int, masks: str) -> None:
    compare_with_the_paper(backend, length, rounds, **MASKS[masks])


def test_it_is_the_attention_of_the_paper_at_length_4096() -> None:
    compare_with_the_paper("cpu", 4096, 2, causal=True)


def compare_with_the_paper(
    backend: Any, length: int, rounds: int, *, causal: bool = False, padding: bool = False, within: bool = False
) -> None:
    qk, v, codes, upstream = draw(length, rounds)
    exists = torch.arange(length) < torch.tensor([[length], [length * 2 // 3], [0]]) if padding else None
    settings = (16, 0.2, causal)
    ours = (in_order(codes, exists), codes.int() if within else None, *settings)
    with using(backend):
        found = with_gradients(lambda qk, v: lsh_attention(qk, v, *ours)[0], qk, v, upstream)
    expected = with_gradients(
        lambda qk, v: by_the_paper(qk, v, codes, 16, 0.2, causal=causal, exists=exists, within=within), qk, v, upstream
    )
    for name, one, other in zip(("output", "gradient by qk", "gradient by v"), found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("chunk", [20, 64, 500])
@pytest.mark.parametrize("length", [1, 40, 64, 129])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_one_bucket_in_a_chunk_is_exact_attention(
    backend: Any, causal: bool, length: int, chunk: int, rounds: int
) -> None:
    """Of positions to others; and of causal ones in two chunks. Beyond that it must not be."""
    qk, v, codes, _ = draw(length, rounds, buckets=1, dtype=torch.float64)
    mask = ~torch.eye(length, dtype=torch.bool)
    mask = mask.tril() if causal else mask
    mask |= torch.eye(length, dtype=torch.bool) & ~mask.any(1, keepdim=True)
    exact = scaled_dot_product_attention(qk, torch.nn.functional.normalize(qk, dim=2), v, mask, scale=0.3)
    with using(backend):
        found, _ = lsh_attention(qk, v, in_order(codes), None, chunk, 0.3, causal)
    equal = torch.allclose(found, exact, rtol=1e-10, atol=1e-10)
    assert equal == (length <= (2 * chunk if causal else chunk))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_gradients(backend: Any, within: bool, causal: bool) -> None:
    qk, v, codes, _ = draw(13, 2, buckets=4, dtype=torch.float64)
    exists = torch.arange(13) < torch.tensor([[13], [9], [13]])
    leaves = [t[..., :5].clone().requires_grad_() for t in (qk, v)]
    settings = (in_order(codes, exists), codes.int() if within else None, 3, 0.4, causal)
    with using(backend):
        assert gradcheck(lambda qk, v: lsh_attention(qk, v, *settings)[0], leaves)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("chunk", [1, 7, 64, 100])
@pytest.mark.parametrize("dim", [1, 50, 64])
def test_the_kernel_equals_the_definition(dtype: torch.dtype, dim: int, chunk: int, both: Any) -> None:
    generator = Generator().manual_seed(dim)
    qk, v, upstream = torch.randn(3, 2, 150, dim, generator=generator).to(dtype)
    codes = torch.randint(5, (2, 3, 150), generator=generator)
    settings = (in_order(codes, torch.arange(150) < torch.tensor([[130], [150]])), None, chunk, dim**-0.5, True)
    reference, kernel = both(lsh_attention, qk, v, *settings)
    # bfloat16 results are rounded once, each from sums that differ in the last place.
    tolerance = {"rtol": 1e-2, "atol": 1e-2} if dtype is torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(kernel, reference, **tolerance)
    saved = (upstream, qk, v, *reference, *settings)
    torch.testing.assert_close(*both(lsh_attention_gradients, *saved)[::-1], **tolerance)


def test_sums_do_not_hang_on_the_number_of_threads() -> None:
    qk, v, codes, upstream = draw(3000, 2)
    settings = (in_order(codes), None, 16, 0.2, True)
    before, results = torch.get_num_threads(), []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        with using("cpu"):
            results.append(with_gradients(lambda qk, v: lsh_attention(qk, v, *settings)[0], qk, v, upstream))
    torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


@pytest.mark.parametrize("length", [0, 1, 33])
@pytest.mark.parametrize("backend", ["reference", "cpu"])
def test_torch_accepts_the_ops(backend: Any, length: int) -> None:
    qk, v, codes, upstream = draw(length, 2, dtype=torch.float64)
    settings = (in_order(codes), codes.int(), 8, 0.2, True)
    with using(backend):
        torch.library.opcheck(lsh_attention.torch_op, (qk.requires_grad_(), v.requires_grad_(), *settings))
        found = lsh_attention(qk.detach(), v.detach(), *settings)
        torch.library.opcheck(lsh_attention_gradients.torch_op, (upstream, qk.detach(), v.detach(), *found, *settings))


def test_layout_does_not_matter(both: Any, strided: Any) -> None:
    qk, v, codes, _ = draw(50, 2)
    settings = (8, 0.2, False)
    expected, _ = both(lsh_attention, qk, v, in_order(codes), None, *settings)
    _, found = both(lsh_attention, strided(qk), strided(v), strided(in_order(codes)), None, *settings)
    torch.testing.assert_close(found, expected)


REFUSED: dict[str, dict[str, Any]] = {
    "positions beyond the sequence": {"order": torch.full((1, 1, 4), 4).int()},
    "an order of int64": {"order": torch.zeros(1, 1, 4, dtype=torch.int64)},
    "values of another width": {"v": torch.zeros(1, 4, 3)},
    "no chunk": {"chunk": 0},
    "no round": {"order": torch.zeros(1, 0, 4).int()},
    "codes of other rounds": {"codes": torch.zeros(1, 2, 4).int()},
}
WORDS = ["order holds 4 … 4", "order is torch.int64", "v is", "chunk=0", "0 rounds", "codes is"]


@pytest.mark.parametrize(("what", "words"), list(zip(REFUSED, WORDS, strict=True)))
def test_it_is_refused_by_name(what: str, words: str) -> None:
    arguments = {
        "qk": torch.zeros(1, 4, 2),
        "v": torch.zeros(1, 4, 2),
        "order": torch.arange(4).view(1, 1, 4).int(),
        "codes": None,
        "chunk": 2,
        "scale": 1.0,
        "causal": True,
    }
    with using("cpu"), pytest.raises(ValueError, match=words):
        lsh_attention(**(arguments | REFUSED[what]))


def test_second_derivatives_are_refused() -> None:
    qk, v, codes, _ = draw(9, 1)
    out, _ = lsh_attention(qk.requires_grad_(), v, in_order(codes), None, 4, 1.0, True)
    with pytest.raises(RuntimeError, match="no second derivatives"):
        torch.autograd.grad(out.sum(), qk, create_graph=True)
