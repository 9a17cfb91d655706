"""Full softmax by torch's linear_cross_entropy, which never holds all logits at once."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mongoose.candidates import Candidates
from mongoose.nn.linear import SoftmaxLinear

NO_LABEL = -100  # torch's own mark


class LinearCrossEntropy(SoftmaxLinear):
    """Softmax over all N classes by `torch.nn.functional.linear_cross_entropy`; exact for label sets.

    Its chunked form takes one class index a sample. With z the scores and k labels,
    −(1/k) Σ_y log softmax(z)_y = [log Σ e^z − z_first] + [z_first − (1/k) Σ_y z_y]: the first bracket is
    linear_cross_entropy of the sample's first label, the second costs one product a label. Nothing is repeated or
    drawn, so gradients are those of the full softmax.

    Args:
        in_features: D. out_features: N. chunk: samples whose logits exist at once; None asks for torch's reference
            form, which holds all [B, N] of them.
    """

    def __init__(self, in_features: int, out_features: int, *, chunk: int | None) -> None:
        super().__init__(in_features, out_features)
        self.options = None if chunk is None else nn.LinearCrossEntropyOptions(batch_chunk_size=chunk)

    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        # Made before the chunked loss, so that its small sparse gradient is added to the dense one, not the reverse.
        rest = self._first_minus_mean(x, labels)
        first = F.linear_cross_entropy(
            x,
            self.weight,
            first_labels(labels),
            linear_bias=self.bias,
            reduction="sum",
            ignore_index=NO_LABEL,
            options=self.options,
        )
        return (first + rest) / len(labels)

    def _first_minus_mean(self, x: Tensor, labels: Candidates) -> Tensor:
        """Sum over samples of z_first − (1/k) Σ_y z_y; scalar."""
        sample = labels.samples
        rows = F.embedding(labels.ids, self.weight, sparse=True)
        scores = (x[sample] * rows).sum(1) + self.bias[labels.ids]
        is_first = torch.arange(len(sample), device=x.device) == labels.offsets[sample]
        return (scores * (is_first.to(x.dtype) - 1.0 / labels.counts[sample])).sum()


def first_labels(labels: Candidates) -> Tensor:
    """[B] int64, the smallest label of each sample; NO_LABEL where it has none."""
    has = labels.counts > 0
    first = torch.full_like(labels.offsets[:-1], NO_LABEL)
    first[has] = labels.ids[labels.offsets[:-1][has]]
    return first
