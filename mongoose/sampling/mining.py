"""What a learned hash is taught: pairs of a query and a row that should share codes, and pairs that should not."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.ops.pairs import pairs_below
from mongoose.ops.sparse_matmul import sampled_matmul
from mongoose.ops.topk import topk_rows

BLOCK = 32  # queries whose products with all rows are held at once


class Seen(NamedTuple):
    """What a training step leaves behind: x [B, D] queries, B label sets, and [U] int64, the classes it computed."""

    x: Tensor
    labels: Candidates
    active: Tensor


class Triplets(NamedTuple):
    """m pairs that should share codes (x, positive) and m that should not (other, negative).

    x, other: [m, D] queries; other None: those of x. positive, negative: [m] int64 row ids.
    """

    x: Tensor
    positive: Tensor
    negative: Tensor
    other: Tensor | None = None


class Mining(ABC):
    """A way to find triplets in one batch. generator: the source of choices among what was found."""

    def __init__(self, *, generator: Generator) -> None:
        self.generator = generator

    @abstractmethod
    def triplets(self, seen: Seen, retrieved: Candidates, weight: Tensor, bias: Tensor) -> Triplets:
        """Triplets of a batch; none, if there is no fair one.

        Args:
            retrieved: the rows that each query finds in the tables. weight: [N, D]. bias: [N].
        """


class ExactMining(Mining):
    """Positives are a query's true labels and its largest scores, by a product with all rows; a ceiling, at that price.

    Negatives are rows that score less than these: in a share `hard` of the triplets one that was retrieved for the
    query, in the others any.

    Args:
        num_positives: largest scores a query. repeats: triplets a positive. hard: in 0 … 1.
    """

    def __init__(self, *, generator: Generator, num_positives: int = 10, repeats: int = 2, hard: float = 0.5) -> None:
        super().__init__(generator=generator)
        self.num_positives, self.repeats, self.hard = num_positives, repeats, hard

    def triplets(self, seen: Seen, retrieved: Candidates, weight: Tensor, bias: Tensor) -> Triplets:
        best = self.best(seen, weight, bias)
        positives = seen.labels.union(from_matrix(best))
        sample, positive = positives.samples.repeat(self.repeats), positives.ids.repeat(self.repeats)
        negative = self._negatives(sample, retrieved, len(weight))
        one_each = torch.arange(len(best) + 1, device=best.device)
        least = sampled_matmul.direct(seen.x, weight, best[:, -1], one_each, bias)
        lower = pairs_below.direct(seen.x, weight, bias, sample, negative, least)
        fair = lower[~positives.contains(sample[lower], negative[lower])]
        return Triplets(seen.x[sample[fair]], positive[fair], negative[fair])

    def best(self, seen: Seen, weight: Tensor, bias: Tensor) -> Tensor:
        """[B, k] the classes of each query's largest scores, best first."""
        return topk_rows(seen.x, weight, bias, min(self.num_positives, len(weight)))

    def _negatives(self, sample: Tensor, retrieved: Candidates, num_rows: int) -> Tensor:
        """[m] a row for each of the samples [m], retrieved for it or any."""
        where = self.generator.device
        drawn = torch.rand(2, len(sample), generator=self.generator, dtype=torch.float64, device=where)
        chance, place = drawn.to(sample.device, non_blocking=True)
        negative: Tensor = (place * num_rows).long()
        count = retrieved.counts[sample]
        hard = (chance < self.hard) & (count > 0)
        negative[hard] = retrieved.ids[(retrieved.offsets[sample] + (place * count).long())[hard]]
        return negative


class StepMining(ExactMining):
    """The same among what the step computed: positives are the labels and the largest scores of the active set.

    Source: MONGOOSE §3.3, "free of cost" positives and negatives. Differs from it: the scores of the active set are
    computed again, a product with U rows instead of N, since the weights have moved since.
    """

    def best(self, seen: Seen, weight: Tensor, bias: Tensor) -> Tensor:
        count = min(self.num_positives, len(seen.active))
        place: Tensor = topk_rows(seen.x, weight[seen.active], bias[seen.active], count)
        return seen.active[place]


class ReleasedMining(Mining):
    """Positives are misses, rows of large products that were not retrieved; negatives false alarms, the opposite.

    Large: above t1, the mean over queries of the product that only `top` of the rows exceed (at least 0). Small: below
    t2, the mean of that which `middle` of them exceed. Of the larger set as many are drawn as the smaller has.

    Args:
        top, middle: shares of the rows.

    Source: the released slide_lib network.py, `forward_full` (0.001 and 0.5). The products leave out the bias, and each
    query is multiplied with all rows, as there.
    """

    def __init__(self, *, generator: Generator, top: float = 0.001, middle: float = 0.5) -> None:
        super().__init__(generator=generator)
        self.top, self.middle = top, middle

    def triplets(self, seen: Seen, retrieved: Candidates, weight: Tensor, bias: Tensor) -> Triplets:
        large, small = self._thresholds(seen.x, weight)
        query, row = self._misses(seen.x, weight, retrieved, max(large, 0.0))
        limit = seen.x.new_full((len(seen.x),), small)
        alarms = pairs_below.direct(seen.x, weight, None, retrieved.samples, retrieved.ids, limit)
        m = min(len(row), len(alarms))
        query, row = self._draw(m, query, row)
        other, negative = self._draw(m, retrieved.samples[alarms], retrieved.ids[alarms])
        return Triplets(seen.x[query], row, negative, seen.x[other])

    def _thresholds(self, x: Tensor, weight: Tensor) -> tuple[float, float]:
        ranks = [max(1, len(weight) - round(share * len(weight))) for share in (self.top, self.middle)]
        products = (block @ weight.t() for block in x.split(BLOCK))
        found = [torch.stack([product.kthvalue(rank, dim=1).values for rank in ranks]) for product in products]
        large, small = torch.cat(found, dim=1).mean(1).tolist()
        return large, small

    def _misses(self, x: Tensor, weight: Tensor, retrieved: Candidates, large: float) -> tuple[Tensor, Tensor]:
        pairs = [(block @ weight.t() > large).nonzero() for block in x.split(BLOCK)]
        first = torch.tensor([BLOCK, 0], device=x.device)
        query, row = torch.cat([found + i * first for i, found in enumerate(pairs)]).unbind(1)
        missed = ~retrieved.contains(query, row)
        return query[missed], row[missed]

    def _draw(self, count: int, query: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        """That many of the pairs, without repeats."""
        picked = torch.randperm(len(row), generator=self.generator, device=self.generator.device)[:count]
        picked = picked.to(row.device, non_blocking=True)
        return query[picked], row[picked]


def from_matrix(ids: Tensor) -> Candidates:
    """[B, k] ids, a row a sample, as sets."""
    num_samples, k = ids.shape
    sample = torch.arange(num_samples, device=ids.device).repeat_interleave(k)
    return Candidates.from_pairs(sample, ids.flatten(), num_samples)
