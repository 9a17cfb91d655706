"""A sampled softmax in nothing but torch: sparse embeddings, log_softmax, SparseAdam."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from mongoose.candidates import Candidates
from mongoose.nn.linear import OutputLayer
from mongoose.nn.xmc import SparseRows, XMCNet
from mongoose.optim import SecondMoment

Distribution = Literal["uniform", "log_uniform"]


class TorchXMCNet(XMCNet):
    """The papers' network with torch's own embedding bag as its input layer."""

    def sums(self, rows: SparseRows) -> Tensor:
        return F.embedding_bag(
            rows.indices,
            self.embedding,
            rows.offsets,
            mode="sum",
            sparse=True,
            per_sample_weights=rows.values,
            include_last_offset=True,
        )


class SampledEmbedding(OutputLayer):
    """What a torch user writes: output rows and biases as sparse nn.Embedding, negatives shared by the batch.

    No op, loss or optimiser of this library takes part: it is the peer that they are measured against.

    Args:
        in_features: D. counts: [N] training points of each class, whose order `log_uniform` follows.
        num_samples: negatives a batch, drawn with replacement, besides the batch's labels.
        distribution: "uniform", or "log_uniform" over frequency ranks, P(r) = log((r + 2) / (r + 1)) / log(N + 1).
        corrected: subtract the log of each class's expected count from all its logits, labels included.
        generator: the source of the draws.

    Source: TensorFlow's sampled_softmax_loss and log_uniform_candidate_sampler for `log_uniform` and `corrected`.
    """

    row_sparse = True
    by_frequency: Tensor
    log_expected: Tensor | None

    def __init__(
        self,
        in_features: int,
        *,
        counts: Tensor,
        num_samples: int,
        distribution: Distribution,
        corrected: bool,
        generator: Generator,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, len(counts)
        self.num_samples, self.distribution, self.generator = num_samples, distribution, generator
        self.rows = nn.Embedding(self.out_features, in_features, sparse=True)
        self.biases = nn.Embedding(self.out_features, 1, sparse=True)
        self.weight = self.rows.weight
        self.register_buffer("by_frequency", torch.argsort(counts, descending=True, stable=True), persistent=False)
        self.register_buffer("log_expected", self._log_expected() if corrected else None, persistent=False)
        self._active = math.nan

    @property
    def active_size(self) -> float:
        return self._active

    def initialise(self, generator: Generator) -> None:
        nn.init.normal_(self.rows.weight, std=0.05, generator=generator)
        nn.init.zeros_(self.biases.weight)

    def draw(self) -> Tensor:
        """[num_samples] int64 classes, with repeats."""
        source, shape, there = self.generator.device, (self.num_samples,), self.by_frequency.device
        if self.distribution == "uniform":
            drawn = torch.randint(self.out_features, shape, generator=self.generator, device=source)
            return drawn.to(there, non_blocking=True)
        uniform = torch.rand(shape, generator=self.generator, dtype=torch.float64, device=source)
        rank = torch.expm1(uniform * math.log(self.out_features + 1)).long().clamp_max(self.out_features - 1)
        return self.by_frequency[rank.to(there, non_blocking=True)]

    def loss(self, x: Tensor, labels: Candidates) -> Tensor:
        active, position = torch.unique(torch.cat([labels.ids, self.draw()]), return_inverse=True)
        logits = F.linear(x, self.rows(active), self.biases(active).squeeze(1))
        if self.log_expected is not None:
            logits = logits - self.log_expected[active]
        sample = labels.samples
        log_probability = F.log_softmax(logits, dim=1)[sample, position[: len(sample)]]
        self._active = float(len(active))
        return -(log_probability / labels.counts[sample]).sum() / len(labels)

    @torch.no_grad()
    def topk(self, x: Tensor, k: int) -> Tensor:
        scores = F.linear(x, self.rows.weight, self.biases.weight.squeeze(1))
        return scores.topk(k, dim=1).indices

    def optimizers(
        self, dense: list[Tensor], row_sparse: list[Tensor], lr: float, second_moment: SecondMoment
    ) -> list[torch.optim.Optimizer]:
        if second_moment != "element":
            raise ValueError(f"second_moment={second_moment!r}: torch.optim.SparseAdam has 'element' only.")
        return [torch.optim.SparseAdam(row_sparse, lr=lr), torch.optim.Adam(dense, lr=lr)]

    def _log_expected(self) -> Tensor:
        """[N] log of 1 − (1 − q)^S, a class's expected count among S draws of which repeats are dropped."""
        probability = torch.full((self.out_features,), 1.0 / self.out_features, dtype=torch.float64)
        if self.distribution == "log_uniform":
            rank = torch.arange(self.out_features, dtype=torch.float64)
            by_rank = torch.log1p(1 / (rank + 1)) / math.log(self.out_features + 1)
            probability[self.by_frequency] = by_rank
        return torch.log(-torch.expm1(self.num_samples * torch.log1p(-probability))).float()
