"""What this machine can do: the roofs under which a step stands, and the floor that they put under its time."""

from collections.abc import Callable, Mapping
from statistics import median

import torch
from torch import Tensor

from bench.speed.place import CPU, Place
from bench.speed.shapes import BATCH, HIDDEN

ROWS = 670_091  # × 512 bytes = 343 MB: Amazon-670K's output layer, beyond any cache
PICKED = 16_384  # rows a gather; 8 MiB
ACTIVE = 5_632  # output rows of a step at 670,091 labels: 4,096 negatives and the batch's labels
ROW_BYTES = 4 * HIDDEN
GIGA = 1e9


def measure(rows: int = ROWS, seconds: float = 0.4, side: int = 2048, place: Place = CPU) -> dict[str, float]:
    """The roofs, each the median of repetitions that take about so many seconds.

    Returns:
        read_gbs: bytes a second (10⁹) of one pass that reads 343 MB; update_gbs: of one that reads and writes them,
        both counted. random_read_gbs: of gathering 512-byte rows in random order (bytes read); random_update_gbs: of
        adding to them in place (bytes read and written). fp32_gflops, bf16_gflops: of a 2048³ product, and
        `…_step_gflops` of the step's own, [5632, 128] × [128, 256].
    """
    return _memory(rows, seconds, place) | _products(seconds, side, place)


def _memory(rows: int, seconds: float, place: Place) -> dict[str, float]:
    array = torch.rand(rows, HIDDEN, device=place.device)
    size = array.numel() * array.element_size()
    chunks: tuple[Tensor, ...] = torch.randperm(rows, device=place.device).split(min(PICKED, rows))
    buffer = torch.empty(len(chunks[0]), HIDDEN, device=place.device)

    def ids(turn: int) -> Tensor:
        return chunks[turn % max(len(chunks) - 1, 1)]  # the last chunk is shorter

    picked = len(buffer) * ROW_BYTES
    return {
        "read_gbs": size / _median_s(lambda turn: array.sum(), seconds, place) / GIGA,
        "update_gbs": 2 * size / _median_s(lambda turn: array.mul_(1.0), seconds, place) / GIGA,
        "random_read_gbs": picked
        / _median_s(lambda turn: torch.index_select(array, 0, ids(turn), out=buffer), seconds, place)
        / GIGA,
        "random_update_gbs": 2
        * picked
        / _median_s(lambda turn: array.index_add_(0, ids(turn), buffer), seconds, place)
        / GIGA,
    }


def _products(seconds: float, side: int, place: Place) -> dict[str, float]:
    found = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        for suffix, (m, k, n) in (("", (side, side, side)), ("_step", (ACTIVE, HIDDEN, BATCH))):
            spent = _product_s((m, k, n), dtype, seconds, place)
            found[f"{name}{suffix}_gflops"] = 2 * m * k * n / spent / GIGA
    return found


def _product_s(sizes: tuple[int, int, int], dtype: torch.dtype, seconds: float, place: Place) -> float:
    """Median seconds of [m, k] × [k, n]."""
    m, k, n = sizes
    a, b = (torch.randn(size, device=place.device).to(dtype) for size in ((m, k), (k, n)))
    out = torch.empty(m, n, dtype=dtype, device=place.device)
    return _median_s(lambda turn: torch.mm(a, b, out=out), seconds, place)


def _median_s(work: Callable[[int], object], seconds: float, place: Place) -> float:
    """Median seconds of `work(turn)`, three times at least; the first call is not timed."""
    work(0)
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        place.flush()
        clock = place.clock()
        with clock.phase("work"):
            work(len(times) + 1)
        times.append(clock.seconds("work"))
    return median(times)


def floor_ms(touched: Mapping[str, float], roofs: Mapping[str, float]) -> float:
    """The least time of a step that touches these rows and computes their products, and nothing else.

    R rows (active output rows and distinct features) of 128 float32 are read once by the forward pass; the optimiser
    reads and writes three rows for each (weights, first and second moments). Three products of U active rows with the
    batch, forward and for both gradients, and an axpy each way for every stored feature. Everything at its roof, one
    after another; products at the faster of float32 and bfloat16.
    """
    rows = touched["active_rows"] + touched["feature_rows"]
    moved_s = rows * ROW_BYTES * (1 / roofs["random_read_gbs"] + 6 / roofs["random_update_gbs"]) / GIGA
    flops = 6 * touched["active_rows"] * BATCH * HIDDEN + 4 * touched["feature_entries"] * HIDDEN
    return 1000 * (moved_s + flops / max(roofs["fp32_step_gflops"], roofs["bf16_step_gflops"]) / GIGA)
