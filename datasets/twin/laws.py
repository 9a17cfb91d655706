"""Zipf–Mandelbrot frequencies, and matrices of what is drawn from them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

GRAINS = 1 << 20


@dataclass(frozen=True)
class Law:
    """Zipf–Mandelbrot frequencies over n ids, p(rank r) ∝ (r + shift)^−exponent, r from 0; ids permute the ranks."""

    cumulative: NDArray[np.float64]
    ids: NDArray[np.int64]

    @classmethod
    def of(cls, exponent: float, shift: float, ids: NDArray[np.int64]) -> "Law":
        return cls(np.cumsum(zipf_mandelbrot(len(ids), exponent, shift)), ids)

    def at(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """The ids at these quantiles in [0, 1)."""
        return self.ids[self._rank(uniform)]

    def _rank(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        rank = np.searchsorted(self.cumulative, uniform, side="right")
        return np.minimum(rank, len(self.ids) - 1)

    @cached_property
    def _guide(self) -> NDArray[np.int32]:
        """[grains + 1] the rank at every millionth of the way. Source: the guide table of Chen and Asau (1974)."""
        return self._rank(np.arange(GRAINS + 1) / GRAINS).astype(np.int32)

    def draw(self, shape: tuple[int, ...], generator: RandomState) -> NDArray[np.int64]:
        """Ids by their frequencies; a look into a table spares most of the searches."""
        uniform = generator.random_sample(shape)
        grain = (uniform * GRAINS).astype(np.int64)
        rank = self._guide[grain].astype(np.int64)
        several = self._guide[grain + 1] > rank
        rank[several] = self._rank(uniform[several])
        return self.ids[rank]


def zipf_mandelbrot(n: int, exponent: float, shift: float) -> NDArray[np.float64]:
    """[n] probabilities ∝ (r + shift)^−exponent of ranks r = 0, 1, …"""
    weight = (np.arange(n) + shift) ** -exponent
    return np.asarray(weight / weight.sum())


def ask_for(mean: float, trial: Callable[[float], csr_matrix]) -> float:
    """How many entries a row to ask of `trial`, that, repeats merged, about `mean` remain: six steps to a fixed "
    "point."""
    asked = mean
    for _ in range(6):
        found = trial(asked)
        asked *= mean / (found.nnz / found.shape[0])
    return asked


def distinct(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The keys without repeats, rising; numpy's own `unique` of integers hashes, and takes thirty times as long."""
    keys = np.sort(keys)
    return keys[np.diff(keys, prepend=-1) > 0]


def counted(lengths: NDArray[np.int64], ids: NDArray[np.integer[Any]], columns: int) -> csr_matrix:
    """Rows of these lengths, laid end to end in `ids`, as [rows, columns] float32 counts; ids ascend in each row."""
    row = np.repeat(np.arange(len(lengths)), lengths)
    keys = np.sort(row * columns + ids)  # much faster than scipy's own sorting of rows
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(first, append=len(keys)).astype(np.float32)
    row, found = np.divmod(keys[first], columns)
    indptr = np.searchsorted(row, np.arange(len(lengths) + 1)).astype(np.int32)
    return csr_matrix((counts, found.astype(np.int32), indptr), shape=(len(lengths), columns))
