"""Multi-label softmax cross-entropy: over all classes, over an active set shared by the batch, over one a sample.

The target of a sample is uniform over its labels, as in the papers. A sample without labels has loss 0.
"""

import torch
from torch import Tensor

from mongoose.candidates import Candidates


def softmax_cross_entropy(logits: Tensor, labels: Candidates, log_inclusion: Tensor | None = None) -> Tensor:
    """Mean over samples of −Σ_y t_y log softmax(z)_y, t uniform over the sample's labels.

    Args:
        logits: [B, U] scores of U classes.
        labels: each sample's labels, as columns of `logits`.
        log_inclusion: [U] log-probability that a class entered the active set, or None. Given, −log_inclusion is added
            to the logits of a sample's negatives (not to its own labels), which makes the partition function an
            importance-weighted estimate of the full one (Jean et al. 2015; Bengio & Senécal 2008).

    Returns:
        Scalar.
    """
    sample, column = labels.samples, labels.ids
    own = logits[sample, column]
    if log_inclusion is not None:
        logits = (logits - log_inclusion).index_put((sample, column), own)
    target = 1.0 / labels.counts[sample].to(logits.dtype)
    log_partition = torch.logsumexp(logits, dim=1)
    return ((log_partition[sample] - own) * target).sum() / len(labels)


def ragged_softmax_cross_entropy(logits: Tensor, pairs: Candidates, labels: Candidates) -> Tensor:
    """The same where every sample has its own active set.

    Args:
        logits: [nnz], one score a pair of `pairs`. pairs: active sets, which hold every label. labels: the labels.

    Returns:
        Scalar.

    Raises:
        ValueError: an active set lacks a label of its sample.
    """
    sample = pairs.samples
    is_label = labels.contains(sample, pairs.ids)
    if int(is_label.sum()) != labels.ids.numel():
        raise ValueError(f"active sets hold {int(is_label.sum())} of {labels.ids.numel()} labels; all are needed.")
    own = logits[is_label]
    largest = (
        torch.full_like(logits[:1], -torch.inf).repeat(len(pairs)).scatter_reduce(0, sample, logits.detach(), "amax")
    )
    sums = torch.zeros_like(largest).index_add(0, sample, (logits - largest[sample]).exp())
    target = 1.0 / labels.counts[labels.samples].to(logits.dtype)
    return (((sums.log() + largest)[labels.samples] - own) * target).sum() / len(labels)
