"""Language models as studies train them: settings, a start, and training whose clock stops for evaluations."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from bench import memory
from bench.seeds import stream
from bench.timing import Stopwatch
from mongoose.nn.mongoose_attention import MongooseAttention
from mongoose.nn.positions import AxialPositions
from mongoose.nn.transformer_lm import Attention, TransformerLM, attention_maker

Draw = Callable[[], tuple[Tensor, Tensor | None]]  # a batch: tokens [B, T + 1], and those that count, as in the loss


ABLATIONS: list[tuple[Attention, int]] = [("random", 4), ("topk", 1)]  # with rounds


class ModelSettings(BaseModel):
    """A language model and how it is trained; what is equal in two of them starts equal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attention: Attention
    rounds: int = Field(default=1, ge=1)  # of hashing
    length: int = Field(ge=2)  # T
    symbols: int = Field(default=256, ge=1)
    chunk: int = Field(default=64, ge=1)  # MONGOOSE's bucket
    dim: int = Field(default=64, ge=2)
    heads: int = Field(default=4, ge=1)
    depth: int = Field(default=1, ge=1)
    hidden: int | None = None  # None: as wide as the rest, MONGOOSE's ff_mult of 1
    positions_sd: float = Field(default=1.0, gt=0)  # of learned vectors at the start; a token's have 1
    lr: float = Field(default=5e-3, gt=0)
    warmup: int = Field(default=100, ge=1)  # steps, after which the rate falls to a tenth in a straight line
    clip: float = Field(default=1.0, gt=0)  # norm of the gradient

    @property
    def form(self) -> str:
        """Kind and rounds of attention: "full", "lsh_4"."""
        return self.attention if self.attention in ("full", "local") else f"{self.attention}_{self.rounds}"

    def rate(self, done: int, used: float) -> float:
        """The learning rate after `done` steps: up in `warmup` of them, down to a tenth as the budget is used."""
        return self.lr * min(1.0, (done + 1) / self.warmup) * (1 - 0.9 * min(1.0, used))


def start(settings: ModelSettings, seed: int) -> TransformerLM:
    """A model before its first step, whose positions are learned, one vector each."""
    generator = stream(seed, "weights")
    attention = attention_maker(
        settings.attention,
        settings.dim,
        heads=settings.heads,
        length=settings.length,
        generator=generator,
        hash_generator=stream(seed, f"hash for {settings.attention} {settings.rounds}"),
        rounds=settings.rounds,
        chunk=settings.chunk,
    )
    positions = AxialPositions(settings.dim, rows=1, columns=settings.length, generator=stream(seed, "positions"))
    for vectors in positions.parameters():
        vectors.data *= settings.positions_sd / 0.02  # what they start with there
    hidden = settings.hidden or settings.dim
    make = partial(TransformerLM, depth=settings.depth, attention=attention, symbols=settings.symbols, hidden=hidden)
    return make(settings.dim, generator=generator, positions=positions, reversible=False)


def with_attention(model: TransformerLM, settings: ModelSettings, seed: int) -> TransformerLM:
    """The weights of a trained model under another attention, for evaluation; hash functions are new, random ones."""
    other = start(settings, seed)
    held = {name: value for name, value in model.state_dict().items() if ".family." not in name}
    other.load_state_dict(held, strict=False)
    return other.eval()


def as_trained(model: TransformerLM, settings: ModelSettings, seed: int) -> TransformerLM:
    """The model under its own attention, for evaluation; functions that it draws at every call are of another seed."""
    keeps = settings.attention in ("local", "mongoose")
    return model.eval() if keeps else with_attention(model, settings, seed)


def forms(
    model: TransformerLM, settings: ModelSettings, judged_by: Sequence[int], seed: int
) -> Iterator[tuple[str, TransformerLM]]:
    """The model as trained, and its weights under LSH attention of so many rounds, with buckets by lot, to the best
    positions, and under full attention; each form once.

    Nothing is drawn from what training draws from, so that evaluations do not change it.
    """
    asked: list[tuple[Attention, int]] = [*(("lsh", rounds) for rounds in judged_by), *ABLATIONS, ("full", 1)]
    others = [settings.model_copy(update={"attention": attention, "rounds": rounds}) for attention, rounds in asked]
    if settings.form not in [other.form for other in others]:
        yield settings.form, as_trained(model, settings, seed)
    for other in others:
        yield other.form, with_attention(model, other, seed)


@dataclass(frozen=True)
class Budget:
    """What training may take, steps or, where that is None, seconds on the clock; and how often it is looked at."""

    steps: int | None
    seconds: float
    evaluations: int

    def used(self, step: int, seconds: float) -> float:
        """The share that is gone."""
        return seconds / self.seconds if self.steps is None else step / self.steps

    def due(self, step: int, seconds: float) -> int:
        """How many evaluations should have been: they are spaced equally, the last at the end."""
        return math.floor(min(1.0, self.used(step, seconds)) * self.evaluations + 1e-9)


@dataclass(frozen=True)
class Moment:
    """Training so far.

    Attributes:
        step: steps. train_s: seconds on the clock. loss: mean since the moment before, nats. fits: of rotations.
        peak_mib: most memory held before the first evaluation, above what was resident before the first step; NaN
            where the kernel does not tell.
    """

    step: int
    train_s: float
    loss: float
    fits: int
    peak_mib: float


def train(model: TransformerLM, settings: ModelSettings, draw: Draw, budget: Budget) -> Iterator[Moment]:
    """Train, and stop the clock for evaluations; whoever iterates evaluates meanwhile.

    On the clock: drawing a batch, the step, hashing, asking the policies, mining and fits.

    Raises:
        FloatingPointError: the loss is no longer finite.
    """
    optimizer = torch.optim.Adam(model.own_parameters(), lr=settings.lr)
    clock, held, losses, step, seen = Stopwatch(), _Held(), list[float](), 0, 0
    while seen < budget.evaluations:
        optimizer.param_groups[0]["lr"] = settings.rate(step, budget.used(step, clock.seconds("train")))
        with clock.phase("train"):
            losses.append(_step(model, optimizer, draw, settings.clip))
            model.refresh(step := step + 1)
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"loss {losses[-1]} at step {step}")
        due = budget.due(step, clock.seconds("train"))
        if due > seen:
            yield Moment(step, clock.seconds("train"), sum(losses) / len(losses), _fits(model), held.peak_mib)
            model.train()
            losses, seen = [], due


class _Held:
    """Memory from now on; what an evaluation frees stays resident, so that it is read once."""

    def __init__(self) -> None:
        self._before = memory.resident_mib() if memory.reset_peak() else float("nan")

    @cached_property
    def peak_mib(self) -> float:
        return memory.peak_mib() - self._before


def _step(model: TransformerLM, optimizer: torch.optim.Optimizer, draw: Draw, clip: float) -> float:
    loss = model.loss(*draw())
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(model.own_parameters(), clip)
    optimizer.step()
    return loss.item()


def _fits(model: TransformerLM) -> int:
    return sum(module.cost.fits for module in model.modules() if isinstance(module, MongooseAttention))
