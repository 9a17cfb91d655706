"""Language models as studies train them: settings, a start, and training whose clock stops for evaluations."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

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


def forms(
    model: TransformerLM, settings: ModelSettings, judged_by: Sequence[int], seed: int
) -> Iterator[tuple[str, TransformerLM]]:
    """The model as trained, if that draws nothing; its weights under LSH attention of so many rounds, with buckets by
    lot, to the best positions, and under full attention.

    Nothing is drawn from what training draws from, so that evaluations do not change it.
    """
    if settings.attention in ("local", "mongoose"):
        yield settings.form, model.eval()
    others: list[tuple[Attention, int]] = [("lsh", rounds) for rounds in judged_by]
    for attention, rounds in [*others, *ABLATIONS, ("full", 1)]:
        changed = settings.model_copy(update={"attention": attention, "rounds": rounds})
        yield changed.form, with_attention(model, changed, seed)


@dataclass(frozen=True)
class Moment:
    """Training so far: steps, seconds on the clock, mean loss in nats since the moment before, fits of rotations."""

    step: int
    train_s: float
    loss: float
    fits: int


def train(model: TransformerLM, settings: ModelSettings, draw: Draw, steps: int, evaluations: int) -> Iterator[Moment]:
    """Train, and stop the clock at equal spacing in steps; whoever iterates evaluates meanwhile.

    On the clock: drawing a batch, the step, hashing, asking the policies, mining and fits.

    Raises:
        FloatingPointError: the loss is no longer finite.
    """
    optimizer = torch.optim.Adam(model.own_parameters(), lr=settings.lr)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, partial(_rate, warmup=settings.warmup, steps=steps))
    clock, losses = Stopwatch(), list[float]()
    ends = {round(part * steps / evaluations) for part in range(1, evaluations + 1)}
    for step in range(1, steps + 1):
        with clock.phase("train"):
            losses.append(_step(model, optimizer, draw, settings.clip))
            rate.step()
            model.refresh(step)
        if not math.isfinite(losses[-1]):
            raise FloatingPointError(f"loss {losses[-1]} at step {step}")
        if step in ends:
            yield Moment(step, clock.seconds("train"), sum(losses) / len(losses), _fits(model))
            model.train()
            losses = []


def _rate(done: int, *, warmup: int, steps: int) -> float:
    return min(1.0, (done + 1) / warmup) * (1 - 0.9 * done / steps)


def _step(model: TransformerLM, optimizer: torch.optim.Optimizer, draw: Draw, clip: float) -> float:
    loss = model.loss(*draw())
    optimizer.zero_grad()
    loss.backward()
    clip_grad_norm_(model.own_parameters(), clip)
    optimizer.step()
    return loss.item()


def _fits(model: TransformerLM) -> int:
    return sum(module.cost.fits for module in model.modules() if isinstance(module, MongooseAttention))
