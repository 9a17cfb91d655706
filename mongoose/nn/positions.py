"""What tells positions apart: vectors that are added to those of tokens."""

import math

import torch
from torch import Generator, Tensor, nn


class FixedPositions(nn.Module):
    """sin and cos of position·10000^(−2i/D), for any length.

    Source: Vaswani et al. 2017 §3.5.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        if dim % 2:
            raise ValueError(f"dim={dim}; an even width is accepted: each frequency has a sine and a cosine.")
        self.dim = dim

    def forward(self, length: int) -> Tensor:
        """[T, D]."""
        rate = torch.exp(torch.arange(0, self.dim, 2) * (-math.log(10000.0) / self.dim))
        angle = torch.arange(length).unsqueeze(1) * rate
        return torch.cat([angle.sin(), angle.cos()], dim=1)


class AxialPositions(nn.Module):
    """A learned vector of the row beside one of the column, positions being written into rows: N₁ + N₂ for N₁·N₂.

    Args:
        dim: D, half for each. rows: N₁. columns: N₂. generator: the source of first vectors, normal, sd 0.02.

    Source: Reformer, appendix D ("axial positional encoding").
    """

    def __init__(self, dim: int, *, rows: int, columns: int, generator: Generator) -> None:
        super().__init__()
        half = dim // 2
        self.of_row = nn.Parameter(0.02 * torch.randn(rows, 1, half, generator=generator))
        self.of_column = nn.Parameter(0.02 * torch.randn(1, columns, dim - half, generator=generator))

    def forward(self, length: int) -> Tensor:
        """[T, D], T at most N₁·N₂."""
        rows, columns = len(self.of_row), self.of_column.shape[1]
        if length > rows * columns:
            raise ValueError(f"length={length}; {rows} rows of {columns} columns hold {rows * columns} positions.")
        of_both = (self.of_row.expand(-1, columns, -1), self.of_column.expand(rows, -1, -1))
        return torch.cat(of_both, dim=2).flatten(0, 1)[:length]
