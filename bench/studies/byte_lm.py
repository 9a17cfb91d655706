"""Language models of bytes that differ in attention alone: bits a character after steps and seconds."""

import math
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import cross_entropy

from bench.attention_layers import watching
from bench.attention_mass import retrieved_mass
from bench.code_changes import CodeChanges
from bench.config import RunConfig
from bench.language_models import Budget, ModelSettings, Moment, as_trained, forms, start, train
from bench.studies.base import Rows, Study
from datasets import text
from mongoose.nn.transformer_lm import TransformerLM

SAMPLES = 4  # sequences in which retrieved attention and changes of codes are measured
PROBES = 4  # random rotations whose codes of them are compared


class ByteSettings(BaseModel):
    """How models are judged, and the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequences: int = Field(default=32, ge=1)  # of the validation part, the same at every evaluation and for every form
    piece: int | None = Field(default=None, ge=2)  # bytes that are held out together, and cut into sequences; None: one
    closely: bool = True  # under other attention too, and layer by layer, for which all T × T scores are computed
    model: dict[str, Any]  # of `ModelSettings`; its length is that of a sequence


def measures(config: RunConfig) -> Rows:
    """A row an evaluation and form of attention: as trained, LSH of as many rounds with random functions, and others.

    Params: `ByteSettings`. Columns: trained, evaluated: as in the study of copying. length: of sequences. step,
    train_s, loss, fits, peak_mib: see `Moment`. bits: a character of the validation part, predicted from those before
    it in its sequence. mass: share of the attention to the best 8 positions that is within reach, mean over layers.

    Then, unless `closely` is False, a row each of its layers. Columns: trained, evaluated, length, step, layer, mass.
    changed, of the model as trained: see `CodeChanges`, since the evaluation before.
    """
    asked = ByteSettings(**config.params)
    settings, corpus = ModelSettings(**asked.model), text.get(config.dataset).load()
    places = np.random.default_rng([config.seed, 0])
    held = held_out(corpus.validation, asked, settings.length)
    model, budget = start(settings, config.seed), Budget(config.steps, config.seconds, config.evaluations)
    look = partial(closely, held, _changes(held, settings, config.seed)) if asked.closely else partial(at_once, held)

    def draw() -> tuple[Tensor, None]:
        return windows(corpus.train, config.batch_size, settings.length, places), None

    for moment in train(model, settings, draw, budget):
        yield from look(model, settings, moment, config.seed)


def at_once(held: Tensor, model: TransformerLM, settings: ModelSettings, moment: Moment, seed: int) -> Rows:
    """The model as it was trained."""
    judged = as_trained(model, settings, seed + moment.step)
    told = {"trained": settings.form, "evaluated": settings.form, "length": settings.length}
    yield told | vars(moment) | {"bits": bits(judged, held)}


def closely(
    held: Tensor, changes: CodeChanges, model: TransformerLM, settings: ModelSettings, moment: Moment, seed: int
) -> Rows:
    """Its weights under every form, and layer by layer."""
    changed = changes.since(as_trained(model, settings, seed))  # with functions that are the same at every moment
    for form, judged in forms(model, settings, (settings.rounds,), seed + moment.step):
        masses = reach(judged, held[:SAMPLES])
        told = {"trained": settings.form, "evaluated": form, "length": settings.length}
        yield told | vars(moment) | {"bits": bits(judged, held), "mass": sum(masses) / len(masses)}
        for layer, mass in enumerate(masses):
            own = {"changed": changed[layer]} if form == settings.form else {}
            yield told | {"step": moment.step, "layer": layer, "mass": mass} | own


def _changes(held: Tensor, settings: ModelSettings, seed: int) -> CodeChanges:
    num_bits = max(1, round(math.log2(max(settings.length / settings.chunk, 1))))  # as LSH attention takes
    return CodeChanges(held[:SAMPLES, :-1], num_bits=num_bits, rounds=PROBES, seed=seed)


def held_out(part: NDArray[np.uint8], asked: ByteSettings, length: int) -> Tensor:
    """[n, length + 1] int64: the sequences that models are judged by; with `piece`, the same bytes for every length.

    Raises:
        ValueError: pieces cannot be cut into sequences.
    """
    piece = asked.piece or length
    if piece % length:
        raise ValueError(f"piece={piece} with length={length}; a multiple of the length is accepted.")
    found = windows(part, asked.sequences, piece, np.random.default_rng(0))
    return found.unfold(1, length + 1, length).flatten(0, 1)


def windows(part: NDArray[np.uint8], count: int, length: int, generator: Generator) -> Tensor:
    """[count, length + 1] int64: sequences of a text that begin anywhere.

    Raises:
        ValueError: the text is shorter than one.
    """
    if len(part) <= length:
        raise ValueError(f"length={length} of a text of {len(part)} bytes; a shorter one is accepted.")
    first = generator.integers(0, len(part) - length, size=count)
    return torch.from_numpy(part[first[:, None] + np.arange(length + 1)].astype(np.int64))


@torch.no_grad()
def bits(model: TransformerLM, held: Tensor) -> float:
    """A character, in sequences [n, T + 1]."""
    scores = model(held[:, :-1])
    return float(cross_entropy(scores.flatten(0, 1), held[:, 1:].flatten())) / math.log(2)


@torch.no_grad()
def reach(model: TransformerLM, held: Tensor) -> list[float]:
    """Retrieved attention of each layer, in sequences [n, T + 1]."""
    given = held[:, :-1]
    with watching(model, partial(retrieved_mass, counted=torch.ones_like(given, dtype=torch.bool))) as masses:
        model(given)
    return masses


study = Study(name="byte_lm", measures=measures)
