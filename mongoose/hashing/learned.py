"""Learned SimHash: planes fitted to pairs, so that queries share codes with the rows they score highly."""

import torch
from torch import Generator, Tensor, nn

from mongoose.hashing.base import LearnableHashFamily
from mongoose.hashing.losses import Contrastive, PairLoss, correlation, imbalance
from mongoose.hashing.simhash import draw_planes
from mongoose.ops.simhash import bits_per_table, simhash


class LearnedSimHash(LearnableHashFamily):
    """SimHash whose planes start random and are trained.

    Queries are fitted over their mean norm, rows over theirs.

    Args:
        dim: D. num_bits: K. num_tables: L. generator: the source of the first planes, and of the batches of a fit.
        objective: the loss, one of `mongoose.hashing.losses`; None: `Contrastive`.
        balance, decorrelation: weights of the penalties on bits that are not as often up as down, among queries and
            among negatives, and on bits of one table that agree or disagree.
        asymmetric: queries have planes of their own, which start as those of the rows.
        thresholds: bits are projections above a learned threshold instead of 0; those of queries and of rows differ.
            A query's bit that is always up asks for the rows above theirs: rows that many queries want are found so.
        signs: rows and queries are hashed with the signs of the planes that were learned, as released.
        lr: step size of Adam. first_steps, steps: steps of the first fit (from random planes) and of later ones.
        batch_size: pairs of a kind a step.

    Raises:
        ValueError: signs with thresholds, which hang on the length of the planes.

    Source: MONGOOSE §3.3, Eq. 3; the released slide_lib/triplet_network.py (`TripletNet`, signs at hash time).
    Differs from both: see `mongoose.hashing.losses`; magnitudes are not cut to signs unless asked; the penalties,
    asymmetry and thresholds are not in them.
    """

    query_norm: Tensor  # mean norm of the queries of the last fit; thresholds are in units of it
    row_norm: Tensor

    def __init__(
        self,
        dim: int,
        *,
        num_bits: int,
        num_tables: int,
        generator: Generator,
        objective: PairLoss | None = None,
        balance: float = 0.1,
        decorrelation: float = 0.0,
        asymmetric: bool = False,
        thresholds: bool = False,
        signs: bool = False,
        lr: float = 1e-2,
        first_steps: int = 100,
        steps: int = 25,
        batch_size: int = 128,
    ) -> None:
        super().__init__(dim, num_bits=num_bits, num_tables=num_tables)
        if signs and thresholds:
            raise ValueError("signs=True with thresholds=True; one of them is accepted: signs have no length.")
        self.planes = nn.Parameter(draw_planes(dim, num_bits * num_tables, "gaussian", generator) / dim**0.5)
        bits_per_table(self.planes, num_tables)
        self.own_planes = nn.Parameter(self.planes.detach().clone()) if asymmetric else None
        zero = torch.zeros(num_bits * num_tables)
        self.shift = nn.Parameter(zero.clone(), requires_grad=thresholds)
        self.query_shift = nn.Parameter(zero.clone(), requires_grad=thresholds)
        self.register_buffer("query_norm", torch.ones(()))
        self.register_buffer("row_norm", torch.ones(()))
        self.objective = Contrastive() if objective is None else objective
        self.balance, self.decorrelation, self.signs = balance, decorrelation, signs
        self.lr, self.first_steps, self.steps, self.batch_size = lr, first_steps, steps, batch_size
        self.generator = generator
        self.num_fits = 0

    @property
    def query_planes(self) -> Tensor:
        """[D, L*K] planes of the queries."""
        return self.planes if self.own_planes is None else self.own_planes

    def codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return self._hash(x, centre, self.planes, self.shift * self.row_norm)

    def query_codes(self, x: Tensor, centre: Tensor | None = None) -> Tensor:
        return self._hash(x, centre, self.query_planes, self.query_shift * self.query_norm)

    @torch.no_grad()
    def _hash(self, x: Tensor, centre: Tensor | None, planes: Tensor, shift: Tensor) -> Tensor:
        planes = planes.sign() if self.signs else planes
        return simhash.direct(x, planes, self.num_tables, (0 if centre is None else centre @ planes) - shift)

    def loss(self, anchor: Tensor, positive: Tensor, negative: Tensor, other: Tensor | None = None) -> Tensor:
        m, queries = len(anchor), anchor if other is None else torch.cat([anchor, other])
        queries = self._project(queries, self.query_planes, self.query_shift, mean_norm(queries))
        norm = (mean_norm(positive) + mean_norm(negative)) / 2
        near, far = (self._project(rows, self.planes, self.shift, norm) for rows in (positive, negative))
        fitted = self.objective(queries[:m], near, queries[-m:], far)
        return fitted + self._penalty(self.objective.relax(queries), self.objective.relax(far))

    def _project(self, x: Tensor, planes: Tensor, shift: Tensor, norm: Tensor) -> Tensor:
        """[m, D] → [m, L, K], in units of a random plane's spread."""
        projection: Tensor = self.dim**0.5 * ((x / norm) @ planes + shift)
        return projection.view(len(x), self.num_tables, self.num_bits)

    def _penalty(self, queries: Tensor, rows: Tensor) -> Tensor:
        penalty = self.balance * (imbalance(queries) + imbalance(rows))
        if self.decorrelation:
            penalty = penalty + self.decorrelation * (correlation(queries) + correlation(rows))
        return penalty

    @torch.enable_grad()
    def fit(self, anchor: Tensor, positive: Tensor, negative: Tensor, other: Tensor | None = None) -> float:
        pairs = (anchor, positive, negative) if other is None else (anchor, positive, negative, other)
        steps = self.steps if self.num_fits else self.first_steps
        optimizer = torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=self.lr)
        loss = torch.tensor(float("nan"))
        for _ in range(steps):
            pick = self._batch(len(anchor)).to(anchor.device, non_blocking=True)
            loss = self.loss(*(rows[pick] for rows in pairs))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.query_norm, self.row_norm = mean_norm(anchor), (mean_norm(positive) + mean_norm(negative)) / 2
        self.num_fits += 1
        return float(loss.detach())

    def _batch(self, pairs: int) -> Tensor:
        return torch.randint(pairs, (self.batch_size,), generator=self.generator, device=self.generator.device)


def mean_norm(x: Tensor) -> Tensor:
    """Mean norm of rows [m, D]; scalar, above 0."""
    norm: Tensor = x.norm(dim=1).mean().clamp_min(1e-12)
    return norm
