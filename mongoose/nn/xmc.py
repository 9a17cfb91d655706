"""The papers' network for extreme multi-label classification: sparse input → 128 ReLU → labels."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from mongoose.candidates import Candidates
from mongoose.nn.linear import OutputLayer
from mongoose.ops.sparse_matmul import embedding_bag
from mongoose.optim import SecondMoment


@dataclass(frozen=True)
class SparseRows:
    """A batch of sparse input rows: row b has features `indices[offsets[b]:offsets[b + 1]]` with `values`.

    indices: [nnz] int64. values: [nnz] float. offsets: [B + 1] int64.
    """

    indices: Tensor
    values: Tensor
    offsets: Tensor

    def __len__(self) -> int:
        return self.offsets.numel() - 1


class XMCNet(nn.Module):
    """Embedding bag with feature values, bias, ReLU, and an output layer.

    Args:
        num_features: F. head: the output layer; its in_features is the hidden width. generator: the source of the
            first weights, all normal with standard deviation 0.05; biases start at 0.

    Source: SLIDE §4.1 (one hidden layer of 128), which uses feature values; the released MONGOOSE drops them.
    """

    def __init__(self, num_features: int, head: OutputLayer, *, generator: Generator) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(num_features, head.in_features))
        self.hidden_bias = nn.Parameter(torch.zeros(head.in_features))
        self.head = head
        nn.init.normal_(self.embedding, std=0.05, generator=generator)
        head.initialise(generator)

    def hidden(self, rows: SparseRows) -> Tensor:
        """[B, D] hidden activations."""
        return torch.relu(self.sums(rows) + self.hidden_bias)

    def sums(self, rows: SparseRows) -> Tensor:
        """[B, D] sums of the features' rows, each times its value."""
        return embedding_bag.differentiated(self.embedding, rows.indices, rows.values, rows.offsets)

    def loss(self, rows: SparseRows, labels: Candidates) -> Tensor:
        return self.head.loss(self.hidden(rows), labels)

    def refresh(self, step: int) -> None:
        self.head.refresh(step)

    @torch.no_grad()
    def topk(self, rows: SparseRows, k: int) -> Tensor:
        return self.head.topk(self.hidden(rows), k)

    def optimizers(self, lr: float, second_moment: SecondMoment = "element") -> list[torch.optim.Optimizer]:
        """Adam for all parameters: by rows where gradients are row-sparse, fused where they are dense."""
        dense: list[Tensor] = [self.hidden_bias]
        row_sparse: list[Tensor] = [self.embedding]
        (row_sparse if self.head.row_sparse else dense).extend(self.head.parameters())
        return self.head.optimizers(dense, row_sparse, lr, second_moment)
