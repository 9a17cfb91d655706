"""Learned SimHash: planes fitted with a triplet loss, so that queries share codes with the rows they score highly."""

import torch
from torch import Generator, Tensor, nn

from mongoose.hashing.base import LearnableHashFamily
from mongoose.hashing.simhash import draw_planes
from mongoose.ops.simhash import bits_per_table, simhash


class LearnedSimHash(LearnableHashFamily):
    """SimHash whose planes start random and are trained on triplets.

    The loss is a margin on the agreement of relaxed codes, tanh(s·x̂P), where x̂ is x over the mean norm of its group.

    Args:
        dim: D. num_bits: K. num_tables: L. generator: the source of the first planes.
        margin: by how much the positive must agree better than the negative, in mean product of relaxed bits.
        scale: s, the steepness of the relaxed sign.
        lr: step size of Adam. first_steps, steps: steps of the first fit (from random planes) and of later ones.
        batch_size: triplets a step.

    Source: MONGOOSE §3.3, Eq. 3 (a margin triplet on projections).
    Differs from the paper: codes are relaxed by tanh, as in the released TripletNet, and kept balanced by a penalty on
    their mean; from the released code: the loss is a triplet (there a pairwise BCE), magnitudes are not cut to signs.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_bits: int,
        num_tables: int,
        generator: Generator,
        margin: float = 0.5,
        scale: float = 4.0,
        lr: float = 3e-3,
        first_steps: int = 100,
        steps: int = 25,
        batch_size: int = 256,
    ) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        self.planes = nn.Parameter(draw_planes(dim, num_bits * num_tables, "gaussian", generator) / dim**0.5)
        bits_per_table(self.planes, num_tables)
        self.margin, self.scale, self.lr = margin, scale, lr
        self.first_steps, self.steps, self.batch_size = first_steps, steps, batch_size
        self.generator = generator
        self.num_fits = 0

    @torch.no_grad()
    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return simhash.direct(x, self.planes, self.num_tables, None if centre is None else centre @ self.planes)

    def relaxed(self, x: Tensor) -> Tensor:
        """[m, D] → [m, L*K] soft bits in (−1, 1)."""
        return torch.tanh(self.scale * (x / x.norm(dim=1).mean().clamp_min(1e-12)) @ self.planes)

    def loss(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        a, p, n = self.relaxed(anchor), self.relaxed(positive), self.relaxed(negative)
        triplet = torch.relu((a * n).mean(1) - (a * p).mean(1) + self.margin).mean()
        balance = a.mean(0).square().mean() + p.mean(0).square().mean()
        return triplet + 0.1 * balance

    @torch.enable_grad()
    def fit(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> float:
        steps = self.steps if self.num_fits else self.first_steps
        optimizer = torch.optim.Adam([self.planes], lr=self.lr)
        for _ in range(steps):
            pick = torch.randint(len(anchor), (self.batch_size,), generator=self.generator)
            loss = self.loss(anchor[pick], positive[pick], negative[pick])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.num_fits += 1
        return float(loss.detach()) if steps else float("nan")
