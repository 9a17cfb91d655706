"""Which of a query's candidates are kept when scores tie or are not numbers."""

import math

import pytest
import torch
from torch import Tensor

from mongoose.ops.backend import using
from mongoose.ops.rerank import rerank

N, DTYPES = 100, [torch.float32, torch.float64]


def keep(scores: Tensor, count: int) -> list[int]:
    """The kept among as many candidates as scores, listed in descending order of their ids."""
    ids, offsets = torch.arange(len(scores)).flip(0), torch.tensor([0, len(scores)])
    bias = scores.new_zeros(len(scores))
    return rerank(scores.new_ones(1, 1), scores.unsqueeze(1), bias, ids, offsets, count)[0].tolist()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [1, 7, 99, 100, 150])
def test_of_equal_scores_the_lower_id_is_kept(dtype: torch.dtype, count: int) -> None:
    with using("cpu"):
        assert keep(torch.ones(N, dtype=dtype), count) == list(range(min(count, N)))
        assert keep(torch.tensor([0.0, -0.0, 0.0, 1.0], dtype=dtype), 2) == [0, 3]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [3, 49, 51, 100])
def test_what_is_not_a_number_is_never_kept(dtype: torch.dtype, count: int) -> None:
    scores = torch.arange(N, dtype=dtype)
    scores[::2] = math.nan
    with using("cpu"):
        assert keep(scores, count) == list(range(1, N, 2))[-count:]


@pytest.mark.parametrize("dtype", DTYPES)
def test_infinite_and_negative_scores_are_in_their_order(dtype: torch.dtype) -> None:
    scores = torch.tensor([-math.inf, -3.0, -1e-300, 1e-300, 2.0, math.inf, -2.0], dtype=torch.float64).to(dtype)
    with using("cpu"):
        order = [5, 4, 3, 2, 6, 1, 0] if dtype is torch.float64 else [5, 4, 2, 3, 6, 1, 0]
        assert all(keep(scores, count) == sorted(order[:count]) for count in range(1, 8))
