"""What hash families find among rows that are being trained: recall at equal candidates and at equal time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, get_args

import torch
from torch import Generator, Tensor

import datasets
from bench import methods
from bench.config import RunConfig
from bench.operating_points import Answers, Axis, Point, best_within
from bench.seeds import stream
from bench.speed.shapes import BATCH
from bench.speed.stepping import STEP_PHASES, Stepper
from bench.speed.systems import System
from bench.studies.base import Rows as StudyRows
from bench.studies.base import Study
from bench.task import Task
from bench.timing import Stopwatch, median_ms
from mongoose.candidates import Candidates
from mongoose.hashing.base import HashFamily, LearnableHashFamily, RowFittedHashFamily
from mongoose.hashing.dwta import DWTA
from mongoose.hashing.hadamard import HadamardSimHash
from mongoose.hashing.itq import ITQ
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.losses import BitTriplet, Contrastive, CosineTriplet, PairwiseCrossEntropy
from mongoose.hashing.pca import PCAHash
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.nn.linear import SampledLinear
from mongoose.ops.rerank import rerank
from mongoose.ops.topk import topk_rows
from mongoose.sampling.base import SharedActiveSet
from mongoose.sampling.mining import ExactMining, Mining, ReleasedMining, Seen, StepMining
from mongoose.scheduling.base import Rows
from mongoose.scheduling.never import Never

KEEP = 8  # candidates a query that a step keeps, as the methods do
CAP = 64  # items of a bucket that a step looks at, as the methods do
POPULAR = 1024  # rows that are not rare

Curves = dict[tuple[int | None, int | None], list[Point]]  # (K, cap) → points of ever more tables


@dataclass(frozen=True)
class Contestant:
    """A hash family, and how it is used.

    family: makes it, of dim, num_bits, num_tables and generator. mining: what one that learns is taught, of generator.
    centre: hash around the means of queries and rows. bias: hash [x, 1] and [w, b] in place of x and w, as released.
    """

    family: Callable[..., HashFamily]
    mining: Callable[..., Mining] | None = None
    centre: bool = True
    bias: bool = False


@dataclass(frozen=True)
class Settings:
    """How a comparison is made.

    Attributes:
        queries: training points that are asked; nothing is fitted on them.
        interval: steps from one fit to the next.
        bits: K, as differences from what the methods take for that number of labels.
        num_tables: L; 1, 2, 4, … L of them are asked. caps: items looked at in a bucket.
        candidates, microseconds: a query; the budgets at which families are compared.
    """

    queries: int = 512
    interval: int = 200
    bits: tuple[int, ...] = (-2, 0, 2)
    num_tables: int = 16
    caps: tuple[int | None, ...] = (CAP, None)
    candidates: tuple[int, ...] = (256, 512, 1024)
    microseconds: tuple[int, ...] = (10, 20, 40)

    def budgets(self, axis: Axis) -> tuple[int, ...]:
        """Those of one kind."""
        return self.candidates if axis == "candidates" else self.microseconds


def contestants() -> dict[str, Contestant]:
    """Random planes, planes fitted to rows, and learned ones by loss, mining and form."""
    random = {
        "simhash-raw": Contestant(SimHash, centre=False),
        "simhash": Contestant(SimHash),
        "hadamard": Contestant(HadamardSimHash),
        "dwta": Contestant(_dwta),
        "pca": Contestant(PCAHash),
        "itq": Contestant(ITQ),
    }
    released = learned(objective=PairwiseCrossEntropy(), balance=0.0, signs=True)
    return random | {
        "released": Contestant(released, ReleasedMining, centre=False, bias=True),
        "cross-entropy": Contestant(learned(objective=PairwiseCrossEntropy()), StepMining),
        "cosine": Contestant(learned(objective=CosineTriplet(), balance=0.0), StepMining),
        "triplet": Contestant(learned(objective=BitTriplet()), StepMining),
        "triplet-decorrelated": Contestant(learned(objective=BitTriplet(), balance=1.0, decorrelation=1.0), StepMining),
        "contrastive": Contestant(learned(objective=Contrastive()), StepMining),
        "contrastive-exact": Contestant(learned(objective=Contrastive()), ExactMining),
        "contrastive-signs": Contestant(learned(objective=Contrastive(), signs=True), StepMining),
        "contrastive-asymmetric": Contestant(learned(objective=Contrastive(), asymmetric=True), StepMining),
        "contrastive-thresholds": Contestant(learned(objective=Contrastive(), thresholds=True), StepMining),
    }


def learned(**fields: Any) -> Callable[..., HashFamily]:
    """LearnedSimHash with these fields, for a Contestant."""
    return lambda dim, **shape: LearnedSimHash(dim, **shape, **fields)


def _dwta(dim: int, *, num_bits: int, **shape: Any) -> HashFamily:
    return DWTA(dim, num_bits=max(3, num_bits // 3 * 3), **shape)  # three bits at a time


def measures(config: RunConfig) -> StudyRows:
    """What `measure` returns of a data set. Params: marks."""
    dataset = datasets.get(config.dataset)
    task = Task(dataset.name, dataset.load(), config.hidden, dataset.propensity)
    yield from measure(task, config.params["marks"], seed=config.seed)


def measure(
    task: Task,
    marks: Sequence[int],
    entries: Mapping[str, Contestant] | None = None,
    settings: Settings | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Rows for each contestant, mark and operating point, on the output layer of a network in training.

    The network is trained with frequency^0.75 negatives. Every `interval` steps, and at each mark, the families that
    learn are taught on a batch of training points that are never asked, with what a step on that batch would know: the
    active set is the sampler's and the eight best of what the family itself retrieves. At a mark, rows and queries are
    hashed as they are then.

    An operating point is a mean number of candidates or of microseconds a query that is not exceeded. Each K and cap
    gives a curve over the number of tables, between whose points is interpolated; the curve is chosen on one half of
    the queries and read on the other. "popular" hashes nothing: it finds the rows with the largest scores for the mean
    query, the same ones for all.

    Returns:
        family, step; axis, budget: "candidates" or "microseconds", and how many.
        num_bits, cap: of the chosen curve. candidates, microseconds: a query, there; a query's time is that of hashing
        it, in proportion to the tables asked, of finding the candidates and of scoring them exactly.
        recall_at_10, recall_at_100: share of the exact largest scores among the candidates; recall_at_10_rare: of those
        of the ten that are not among the 1,024 popular rows. All None where a family has no such point.
        step_ms: median of the training steps. mine_ms, fit_ms: medians over the updates so far, at that K, where
        something is mined or fitted. training_share: the mean of both over interval · step_ms.
    """
    study = _Study(task, contestants() if entries is None else entries, settings or Settings(), seed)
    rows = []
    for mark in sorted(marks):
        study.train_until(mark)
        rows += study.rows()
    return rows


class _Study:
    """A network in training, and the contestants that follow it."""

    def __init__(self, task: Task, entries: Mapping[str, Contestant], settings: Settings, seed: int) -> None:
        self.settings = settings
        self.stepper = Stepper(task, System("trained", "sampled_frequency", {}), seed)
        order = torch.randperm(len(task.train), generator=stream(seed, "asked"))
        self.asked, self.others = order[: settings.queries], order[settings.queries :]
        self.generator = stream(seed, "taught")
        usual = methods.base.LSHConfig().bits_for(task.num_labels)
        bits = sorted({max(2, usual + more) for more in settings.bits})
        self.followers = {
            name: [_Follower(entry, task.hidden, k, settings, seed) for k in bits] for name, entry in entries.items()
        }
        self.step_ms: list[float] = []

    @property
    def layer(self) -> SampledLinear:
        head = self.stepper.net.head
        assert isinstance(head, SampledLinear)
        return head

    def train_until(self, mark: int) -> None:
        while self.stepper.step < mark:
            self.step_ms.append(1000 * self.stepper.advance().seconds(*STEP_PHASES))
            if self.stepper.step % self.settings.interval == 0 or self.stepper.step == mark:
                self._teach()

    @torch.no_grad()
    def _teach(self) -> None:
        pick = torch.randint(len(self.others), (BATCH,), generator=self.generator)
        x, labels = self.stepper.hidden(self.others[pick])
        weight, bias = self.layer.weight.detach(), self.layer.bias.detach()
        active = self.layer.sampler.sample(x, labels, weight, bias)
        assert isinstance(active, SharedActiveSet)
        for follower in self._all():
            follower.follow(Seen(x, labels, active.ids), weight, bias)
        self.mean_query = x.mean(0, keepdim=True)

    def _all(self) -> Iterator["_Follower"]:
        return (follower for followers in self.followers.values() for follower in followers)

    @torch.no_grad()
    def rows(self) -> list[dict[str, Any]]:
        """All rows of this moment."""
        layer, (x, _) = (self.layer.weight.detach(), self.layer.bias.detach()), self.stepper.hidden(self.asked)
        popular = topk_rows(self.mean_query, *layer, min(2 * max(self.settings.candidates), len(layer[0])))[0]
        answers = Answers(topk_rows(x, *layer, min(100, len(layer[0]))), popular[:POPULAR])
        of_popular: Curves = {(None, None): _popular_curve(popular, answers)}
        rows = [{"family": "popular"} | row for row in self._read(of_popular, ("candidates",))]
        for name, followers in self.followers.items():
            curves = {key: curve for one in followers for key, curve in one.curves(x, *layer, answers).items()}
            costs = {one.num_bits: one.costs(median(self.step_ms)) for one in followers}
            rows += [{"family": name} | row | costs.get(row["num_bits"], {}) for row in self._read(curves)]
        return [{"step": self.stepper.step, "step_ms": median(self.step_ms)} | row for row in rows]

    def _read(self, curves: Curves, axes: tuple[Axis, ...] = get_args(Axis)) -> Iterator[dict[str, Any]]:
        for axis in axes:
            for budget in self.settings.budgets(axis):
                key, reading = best_within(curves, axis, budget)
                num_bits, cap = key or (None, None)
                point = {"axis": axis, "budget": budget, "num_bits": num_bits, "cap": cap}
                yield point | (reading or {})


def _popular_curve(popular: Tensor, answers: Answers) -> list[Point]:
    """The same rows for every query, ever more of them; costs are not measured."""
    num_queries, sizes = len(answers.top), [1 << i for i in range(len(popular).bit_length())]
    shared = (popular[:size].sort().values.repeat(num_queries) for size in sizes)
    found = (Candidates(ids, torch.arange(num_queries + 1) * (len(ids) // num_queries)) for ids in shared)
    return [answers.marked(candidates, float("nan")) for candidates in found]


class _Follower:
    """A contestant at one K: its index, its lessons and what they cost."""

    def __init__(self, entry: Contestant, dim: int, num_bits: int, settings: Settings, seed: int) -> None:
        self.entry, self.settings, self.generator = entry, settings, stream(seed, "tables")
        shape = {"num_bits": num_bits, "num_tables": settings.num_tables}
        self.family = entry.family(dim + entry.bias, **shape, generator=stream(seed, "hash"))
        self.num_bits = self.family.num_bits
        self.index = LSHIndex(self.family, Never(), centre=entry.centre, momentum=0.0)
        self.mining = None if entry.mining is None else entry.mining(generator=stream(seed, "mining"))
        self.mine_ms: list[float] = []
        self.fit_ms: list[float] = []

    def follow(self, seen: Seen, weight: Tensor, bias: Tensor) -> None:
        """One update as in training: mining in the batch, a fit, and new tables."""
        x, weight, bias = self._hashed(seen.x, weight, bias)
        self.index.observe(x)
        if self.mining is None:
            return
        if not self.index.tables.built:
            self.index.refresh(0, weight, Rows.ALL)
        kept = self.index.retrieve(x, weight, bias, keep=KEEP, cap=CAP, generator=self.generator)
        clock = Stopwatch()
        self._learn(Seen(x, seen.labels, torch.cat([seen.active, kept.ids]).unique()), weight, bias, clock)
        self.mine_ms.append(1000 * clock.seconds("mine"))
        self.fit_ms.append(1000 * clock.seconds("fit"))
        self.index.refresh(0, weight, Rows.ALL)

    def _learn(self, seen: Seen, weight: Tensor, bias: Tensor, clock: Stopwatch) -> None:
        assert self.mining is not None
        assert isinstance(self.family, LearnableHashFamily)
        with clock.phase("mine"):
            retrieved = self.index.query(seen.x, cap=CAP, generator=self.generator)
            x, positive, negative, other = self.mining.triplets(seen, retrieved, weight, bias)
        if not len(positive):
            return
        queries = self.index.query_mean
        rows = weight.mean(0) if self.entry.centre else self.index.row_mean
        with clock.phase("fit"):
            self.family.fit(
                x - queries,
                weight[positive] - rows,
                weight[negative] - rows,
                None if other is None else other - queries,
            )

    def _hashed(self, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, rows and biases in the form in which this contestant hashes them; the scores are the same."""
        if not self.entry.bias:
            return x, weight, bias
        with_one = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
        return with_one, torch.cat([weight, bias.unsqueeze(1)], dim=1), torch.zeros_like(bias)

    def curves(self, x: Tensor, weight: Tensor, bias: Tensor, answers: Answers) -> Curves:
        """A curve over the number of tables for each cap."""
        x, weight, bias = self._hashed(x, weight, bias)
        clock = Stopwatch()
        if isinstance(self.family, RowFittedHashFamily):
            with clock.phase("fit"):
                self.family.fit_rows(weight, weight.mean(0) if self.entry.centre else None)
            self.fit_ms.append(1000 * clock.seconds("fit"))
        self.index.refresh(0, weight, Rows.ALL)
        asker = _Asker(self.index, x, weight, bias, answers, self.generator)
        return {(self.num_bits, cap): list(self._curve(asker, cap)) for cap in self.settings.caps}

    def _curve(self, asker: "_Asker", cap: int | None) -> Iterator[Point]:
        """Points of 1, 2, 4, … L tables, up to the first that no budget allows."""
        for i in range(self.settings.num_tables.bit_length()):
            point = asker.ask(1 << i, cap)
            yield point
            dear = point.microseconds > max(self.settings.microseconds)
            if dear and float(point.counts.mean()) > max(self.settings.candidates):
                return

    def costs(self, step_ms: float) -> dict[str, float | None]:
        """Milliseconds of mining and fitting an update, and their share of the steps between two."""
        spent = mean(self.mine_ms or [0.0]) + mean(self.fit_ms or [0.0])
        return {
            "mine_ms": median(self.mine_ms) if self.mine_ms else None,
            "fit_ms": median(self.fit_ms) if self.fit_ms else None,
            "training_share": spent / (self.settings.interval * step_ms),
        }


class _Asker:
    """Asks an index the same queries in several ways."""

    def __init__(
        self, index: LSHIndex, x: Tensor, weight: Tensor, bias: Tensor, answers: Answers, generator: Generator
    ) -> None:
        self.index, self.x, self.layer, self.answers, self.generator = index, x, (weight, bias), answers, generator
        self.codes = index.query_codes(x)
        self.hash_ms = median_ms(lambda: index.query_codes(x)) / index.family.num_tables  # a table

    def ask(self, num_tables: int, cap: int | None) -> Point:
        """The first tables are asked, and what they hold is scored."""
        ms = num_tables * self.hash_ms + median_ms(lambda: self._best(num_tables, cap))
        return self.answers.marked(self._find(num_tables, cap), 1000 * ms / len(self.x))

    def _find(self, num_tables: int, cap: int | None) -> Candidates:
        visits = torch.arange(num_tables).expand(len(self.x), -1)
        return self.index.tables.query(self.codes, tables=visits, cap=cap, generator=self.generator)

    def _best(self, num_tables: int, cap: int | None) -> object:
        found = self._find(num_tables, cap)
        return rerank.direct(self.x, *self.layer, found.ids, found.offsets, KEEP)


study = Study(name="hashing", measures=measures)
