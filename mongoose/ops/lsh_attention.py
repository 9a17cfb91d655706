"""LSH attention: queries that are also the keys, sorted by bucket, attend to their chunk and to the one before it.

Source: Reformer (Kitaev et al. 2020) §2 and appendix A. A position i attends in round r to the set P_i^(r), and over
all rounds to their union. The first chunk looks back at nothing; in the released codes it looks at the last one.
"""

from typing import Any

import torch
from torch import Tensor

from mongoose.native.arguments import given, optional, require_within
from mongoose.native.library import call, instance
from mongoose.ops.backend import op

LEAST_NORM = 1e-6  # below it a key is not lengthened to 1
NOWHERE = -4  # the chunk of a position that does not exist: near no other, and not near itself


@op("lsh_attention")
def lsh_attention(
    qk: Tensor,
    v: Tensor,
    order: Tensor,
    codes: Tensor | None,
    chunk: int,
    scale: float,
    causal: bool,
) -> tuple[Tensor, Tensor]:
    """Attention of every position to the union of what it meets in R rounds.

    Scores are scale·q_i·k_j, k_j = q_j/|q_j|. A position attends to itself only if it meets no other: exactly so, where
    the paper lowers its score by 1e5, next to which float32 keeps two digits of the others.

    Args:
        qk: [N, T, E] float32, float64 or bfloat16 queries of N heads; sums are float32 at least.
        v: [N, T, E] values.
        order: [N, R, T] int32: the positions by (bucket, position), a round a row; at its end −1 for each position that
            does not exist (is padding), which nobody meets and whose output is 0.
        codes: [N, R, T] int32 buckets: positions of other buckets are not met. None: whoever is near in the order is.
        chunk: m, positions of a chunk. causal: later positions are not met.

    Returns:
        [N, T, E] output, and [N, T] the log-sum-exp of the scores of what was met, in the dtype of the sums; −inf where
        that is nobody but the position itself.

    Raises:
        ValueError: chunk < 1, or there is no round.
    """
    _check_rounds(order, chunk)
    q, k, values = _wide(qk), _keys(_wide(qk)), _wide(v)
    met = _Met(order, codes, chunk, causal)
    outputs, partitions = [], []
    for r in range(order.shape[1]):
        rows, columns = windows(order[:, r], chunk)
        scores = scale * _take(q, rows) @ _take(k, columns).transpose(2, 3) - met.penalty(r, rows, columns).to(q.dtype)
        partition = scores.logsumexp(3, keepdim=True)
        output = torch.where(partition == -torch.inf, 0, (scores - partition).exp()) @ _take(values, columns)
        outputs.append(_put(output, rows, q.shape[1]))
        partitions.append(_put(partition, rows, q.shape[1], -torch.inf))
    z = torch.stack(partitions)
    total = z.logsumexp(0)
    shares = torch.where(total == -torch.inf, 0, (z - total).exp())
    alone = (total == -torch.inf) & met.exists.unsqueeze(2)
    out = torch.where(alone, values, (shares * torch.stack(outputs)).sum(0))
    return out.to(qk.dtype), total.squeeze(2)


@op("lsh_attention_gradients")
def lsh_attention_gradients(
    gradient: Tensor,
    qk: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    order: Tensor,
    codes: Tensor | None,
    chunk: int,
    scale: float,
    causal: bool,
) -> tuple[Tensor, Tensor]:
    """Gradients of `lsh_attention` by qk and v, [N, T, E] each, from that by its output; scores are computed again.

    With p_ij the attention of i to j: dv_j = Σ_i p_ij do_i; by the score s_ij it is p_ij (do_i·v_j − do_i·o_i).
    """
    q, values, of_out = _wide(qk), _wide(v), _wide(gradient)
    k, length = _keys(q), q.shape[1]
    met = _Met(order, codes, chunk, causal)
    centre = (of_out * _wide(out)).sum(2, keepdim=True)
    of_q, of_k, of_v = torch.zeros_like(q), torch.zeros_like(q), torch.zeros_like(q)
    for r in range(order.shape[1]):
        rows, columns = windows(order[:, r], chunk)
        scores = scale * _take(q, rows) @ _take(k, columns).transpose(2, 3) - met.penalty(r, rows, columns).to(q.dtype)
        others = _take(lse.unsqueeze(2), rows)
        p = torch.where(others == -torch.inf, 0, (scores - others).exp())
        of_p = _take(of_out, rows) @ _take(values, columns).transpose(2, 3)
        of_scores = scale * p * (of_p - _take(centre, rows))
        of_q += _put(of_scores @ _take(k, columns), rows, length)
        of_k += _put(of_scores.transpose(2, 3) @ _take(q, rows), columns, length)
        of_v += _put(p.transpose(2, 3) @ _take(of_out, rows), columns, length)
    alone = (lse == -torch.inf) & met.exists
    of_v += torch.where(alone.unsqueeze(2), of_out, 0)
    along = (of_k * k).sum(2, keepdim=True) * (q.norm(dim=2, keepdim=True) > LEAST_NORM)
    of_q += (of_k - k * along) / q.norm(dim=2, keepdim=True).clamp_min(LEAST_NORM)
    return of_q.to(qk.dtype), of_v.to(v.dtype)


class _Met:
    """Who meets whom: in which chunk, and bucket, every position lies in every round."""

    def __init__(self, order: Tensor, codes: Tensor | None, chunk: int, causal: bool) -> None:
        heads, rounds, length = order.shape
        place = (torch.arange(length, device=order.device) // chunk).expand(heads, rounds, length)
        chunks = torch.full((heads, rounds, length + 1), NOWHERE, device=order.device)
        self.chunks = chunks.scatter(2, order.long() % (length + 1), place)[..., :length]
        self.codes = codes
        self.causal = causal
        self.exists = self.chunks[:, 0] != NOWHERE if rounds else chunks.new_zeros(heads, length, dtype=torch.bool)

    def penalty(self, r: int, rows: Tensor, columns: Tensor) -> Tensor:
        """[N, C, m, 2m]: the paper's m_ij^(r): inf for what is not met, log N_ij for what is met in N_ij rounds."""
        i, j = rows.unsqueeze(3), columns.unsqueeze(2)
        times = torch.stack([self._meet(e, rows, columns) for e in range(self.chunks.shape[1])]).sum(0)
        hidden = (i < 0) | (j < 0) | (i == j) | ~self._meet(r, rows, columns)
        if self.causal:
            hidden = hidden | (j > i)
        return times.double().log().masked_fill(hidden, torch.inf)

    def _meet(self, r: int, rows: Tensor, columns: Tensor) -> Tensor:
        """Whether j is in the bucket neighbourhood P_i^(r)."""
        back = _pairs(self.chunks[:, r], rows, columns)
        met = (back[0] - back[1] >= 0) & (back[0] - back[1] <= 1)
        if self.codes is not None:
            ours, theirs = _pairs(self.codes[:, r], rows, columns)
            met = met & (ours == theirs)
        return met


def _pairs(marks: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Marks [N, T] of the positions of rows [N, C, m] and of columns [N, C, 2m], to be compared with each other."""
    ours, theirs = (_take(marks.unsqueeze(2), places).squeeze(3) for places in (rows, columns))
    return ours.unsqueeze(3), theirs.unsqueeze(2)


def windows(order: Tensor, chunk: int) -> tuple[Tensor, Tensor]:
    """Positions [N, T] in order → those of each chunk [N, C, m], and of it and the one before [N, C, 2m]; −1: none."""
    rows = torch.nn.functional.pad(order.long(), (0, -order.shape[1] % chunk), value=-1)
    rows = rows.view(len(order), rows.shape[1] // chunk, chunk)
    before = torch.nn.functional.pad(rows, (0, 0, 1, 0), value=-1)[:, :-1]
    return rows, torch.cat([before, rows], dim=2)


def _take(x: Tensor, places: Tensor) -> Tensor:
    """Rows of x [N, T, E] at places [N, C, w] → [N, C, w, E]; any row where there is no place."""
    at = places.clamp_min(0).flatten(1).unsqueeze(2).expand(-1, -1, x.shape[2])
    return x.gather(1, at).view(*places.shape, x.shape[2])


def _put(rows: Tensor, places: Tensor, length: int, empty: float = 0.0) -> Tensor:
    """Rows [N, C, w, E] added up at their places [N, C, w] → [N, T, E]; `empty` where none is put."""
    width = rows.shape[3]
    at = (places.flatten(1) % (length + 1)).unsqueeze(2).expand(-1, -1, width)
    into = rows.new_zeros(len(rows), length + 1, width)
    if empty:
        return into.fill_(empty).scatter(1, at, rows.flatten(1, 2))[:, :length]
    return into.scatter_add(1, at, rows.flatten(1, 2))[:, :length]


def _keys(q: Tensor) -> Tensor:
    keys: Tensor = q / q.norm(dim=2, keepdim=True).clamp_min(LEAST_NORM)
    return keys


def _wide(x: Tensor) -> Tensor:
    """In the dtype of sums."""
    return x if x.dtype == torch.float64 else x.float()


def _check_rounds(order: Tensor, chunk: int) -> None:
    if chunk < 1 or not order.shape[1]:
        raise ValueError(f"chunk={chunk} and {order.shape[1]} rounds; one or more of each are accepted.")


@lsh_attention.fake
def _shapes(qk: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    return torch.empty_like(qk, memory_format=torch.contiguous_format), _wide(qk).new_empty(qk.shape[:2])


@lsh_attention_gradients.fake
def _gradient_shapes(gradient: Tensor, qk: Tensor, v: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    return tuple(torch.empty_like(x, memory_format=torch.contiguous_format) for x in (qk, v))  # type: ignore[return-value]


@lsh_attention.kernel
def _attention_cpu(
    qk: Tensor, v: Tensor, order: Tensor, codes: Tensor | None, chunk: int, scale: float, causal: bool
) -> tuple[Tensor, Tensor]:
    qk, v, order, codes = _checked(qk, v, order, codes, chunk)
    out, lse = torch.empty_like(qk), _wide(qk[:0]).new_empty(qk.shape[:2])
    call(instance("lsh_attention", qk.dtype), *_sizes(qk, order, chunk), scale, causal, qk, v, order, codes, out, lse)
    return out, lse


@lsh_attention_gradients.kernel
def _gradients_cpu(
    gradient: Tensor,
    qk: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    order: Tensor,
    codes: Tensor | None,
    chunk: int,
    scale: float,
    causal: bool,
) -> tuple[Tensor, Tensor]:
    qk, v, order, codes = _checked(qk, v, order, codes, chunk)
    gradient, out = (given(name, x, qk.dtype, *qk.shape) for name, x in (("gradient", gradient), ("out", out)))
    lse = given("lse", lse, _wide(qk[:0]).dtype, *qk.shape[:2])
    results = torch.empty_like(qk), torch.empty_like(v)
    arguments = (*_sizes(qk, order, chunk), scale, causal, qk, v, order, codes, gradient, out, lse, *results)
    call(instance("lsh_attention_gradients", qk.dtype), *arguments)
    return results


def _sizes(qk: Tensor, order: Tensor, chunk: int) -> tuple[int, int, int, int, int]:
    """Heads, rounds, length, dim, chunk."""
    heads, length, dim = qk.shape
    return heads, order.shape[1], length, dim, min(chunk, max(length, 1))


def _checked(
    qk: Tensor, v: Tensor, order: Tensor, codes: Tensor | None, chunk: int
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    _check_rounds(order, chunk)
    qk = given("qk", qk, qk.dtype, None, None, None)
    v, order = given("v", v, qk.dtype, *qk.shape), given("order", order, torch.int32, len(qk), None, qk.shape[1])
    require_within("order holds", order, -1, qk.shape[1] - 1)
    return qk, v, order, optional("codes", codes, torch.int32, *order.shape)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    qk, v, order, codes, *ctx.settings = inputs
    ctx.save_for_backward(qk, v, *output, order, codes)
    ctx.mark_non_differentiable(output[1])


def _backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    if torch.is_grad_enabled():
        raise RuntimeError("LSH attention has no second derivatives; take gradients without create_graph=True.")
    return (*lsh_attention_gradients(gradient, *ctx.saved_tensors, *ctx.settings), None, None, None, None, None)


lsh_attention.autograd(_save, _backward)
