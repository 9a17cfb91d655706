"""Zipf–Mandelbrot frequencies, and matrices of what is drawn from them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

GRAINS = 22  # a table of 2^22 quantiles: the rarest of two million words still has one


@dataclass(frozen=True)
class Law:
    """Zipf–Mandelbrot frequencies over n ids, p(rank r) ∝ (r + shift)^−exponent, r from 0; ids permute the ranks."""

    cumulative: NDArray[np.float64]
    ids: NDArray[np.int64]

    @classmethod
    def of(cls, n: int, exponent: float, shift: float, generator: Generator) -> "Law":
        return cls(np.cumsum(zipf_mandelbrot(n, exponent, shift)), generator.permutation(n))

    def at(self, uniform: NDArray[np.float64]) -> NDArray[np.int64]:
        """The ids at these quantiles in [0, 1)."""
        rank = np.searchsorted(self.cumulative, uniform, side="right")
        return self.ids[np.minimum(rank, len(self.ids) - 1)]

    def table(self) -> NDArray[np.int32]:
        """[2^22] ids, each as often as its share says: to draw by one look where a search takes twenty."""
        quantiles = (np.arange(1 << GRAINS) + 0.5) / (1 << GRAINS)
        return self.at(quantiles).astype(np.int32)


def zipf_mandelbrot(n: int, exponent: float, shift: float) -> NDArray[np.float64]:
    """[n] probabilities ∝ (r + shift)^−exponent of ranks r = 0, 1, …"""
    weight = (np.arange(n) + shift) ** -exponent
    return np.asarray(weight / weight.sum())


def ask_for(mean: float, trial: Callable[[float], csr_matrix]) -> float:
    """How many entries a row to ask of `trial`, that, repeats merged, `mean` remain: a fixed point."""
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
