"""Language models of bytes that differ in attention alone: bits a character after steps and seconds."""

import math
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import cross_entropy

from bench.attention_mass import watching_mass
from bench.config import RunConfig
from bench.language_models import ModelSettings, forms, start, train
from bench.studies.base import Rows, Study
from datasets import text
from mongoose.nn.transformer_lm import TransformerLM

SAMPLES = 4  # sequences in which retrieved attention is measured


class ByteSettings(BaseModel):
    """How models are judged, and the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequences: int = Field(default=32, ge=1)  # of the validation part, the same at every evaluation and for every form
    model: dict[str, Any]  # of `ModelSettings`; its length is that of a sequence


def measures(config: RunConfig) -> Rows:
    """A row an evaluation and form of attention: as trained, LSH of as many rounds with random functions, and full.

    Params: `ByteSettings`. The budget is of steps. Columns: trained, evaluated: as in the study of copying. step,
    train_s, loss, fits: see `Moment`. bits: a character of the validation part, predicted from those before it in its
    sequence. mass: share of the attention to the best 8 positions that is within reach, mean over layers.
    """
    asked = ByteSettings(**config.params)
    if config.steps is None:
        raise ValueError("steps=None; byte_lm takes a budget of steps.")
    settings, corpus = ModelSettings(**asked.model), text.get(config.dataset).load()
    places = np.random.default_rng([config.seed, 0])
    held = windows(corpus.validation, asked.sequences, settings.length, np.random.default_rng(0))
    model = start(settings, config.seed)

    def draw() -> tuple[Tensor, None]:
        return windows(corpus.train, config.batch_size, settings.length, places), None

    for moment in train(model, settings, draw, config.steps, config.evaluations):
        for form, judged in forms(model, settings, (settings.rounds,), config.seed + moment.step):
            yield {"trained": settings.form, "evaluated": form} | vars(moment) | judge(judged, held)


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
def judge(model: TransformerLM, held: Tensor) -> dict[str, float]:
    """Bits a character and retrieved attention in sequences [n, T + 1]."""
    scores = model(held[:, :-1])
    bits = float(cross_entropy(scores.flatten(0, 1), held[:, 1:].flatten())) / math.log(2)
    some = held[:SAMPLES, :-1]
    with watching_mass(model, torch.ones_like(some, dtype=torch.bool)) as mass:
        model(some)
    return {"bits": bits, "mass": sum(mass) / len(mass)}


study = Study(name="byte_lm", measures=measures)
