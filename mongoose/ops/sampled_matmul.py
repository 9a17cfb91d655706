"""Sampled dense-dense product: inner products of chosen (query, row) pairs only."""

import warnings

import torch
from torch import Tensor

from mongoose.candidates import Candidates


def sampled_matmul(x: Tensor, rows: Tensor, pairs: Candidates) -> Tensor:
    """Inner products x_b · rows_i for the pairs (b, i) of a ragged set; differentiable in `x` and `rows`.

    Args:
        x: [B, D]. rows: [U, D]. pairs: B sets of indices into `rows`.

    Returns:
        [nnz], in the order of `pairs.ids`.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")
        pattern = torch.sparse_csr_tensor(
            pairs.offsets, pairs.ids, x.new_zeros(pairs.ids.numel()), (len(x), len(rows)), check_invariants=False
        )
        product: Tensor = torch.sparse.sampled_addmm(pattern, x, rows.t(), beta=0.0)
    return product.values()
