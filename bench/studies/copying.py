"""The duplication task 0 w 0 w under every form of attention: learned with one number of rounds, judged with others."""

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from bench.attention_layers import watching
from bench.attention_mass import retrieved_mass
from bench.config import RunConfig
from bench.language_models import Budget, ModelSettings, forms, start, train
from bench.studies.base import Rows, Study
from datasets.text.copy_task import CopyTask
from mongoose.nn.transformer_lm import TransformerLM

SAMPLES = 4  # sequences in which retrieved attention is measured


class CopySettings(BaseModel):
    """The task, how it is judged, and the model; lengths are those of sequences 0 w 0 w."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: int = 1024
    symbols: int = 14  # those of MONGOOSE's driver
    judged_by: tuple[int, ...] = (1, 2, 4, 8)  # rounds of LSH attention with new random functions
    sequences: int = Field(default=32, ge=1)  # of an evaluation, drawn anew for each
    model: dict[str, Any]  # of `ModelSettings`


def measures(config: RunConfig) -> Rows:
    """A row an evaluation and form of attention that the weights are judged under.

    Params: `CopySettings`.

    Columns: trained, evaluated: "full", "local", "lsh_4", "mongoose_1", … (kind and rounds); where they are equal, the
    model is as it was trained: "mongoose_1" with its learned functions. step, train_s, loss, fits, peak_mib: `Moment`.
    held_out: nats a symbol of the second w, in new sequences; accuracy: of them, the share that is told right.
    mass: share of the attention to the best 8 positions that is within reach, mean over layers.
    """
    asked = CopySettings(**config.params)
    settings = ModelSettings(length=asked.length, symbols=asked.symbols + 1, **asked.model)
    task, words = CopyTask(asked.length, asked.symbols), np.random.default_rng([config.seed, 0])
    unseen = np.random.default_rng([config.seed, 1])
    model = start(settings, config.seed)
    budget = Budget(config.steps, config.seconds, config.evaluations)
    for moment in train(model, settings, lambda: draw(task, config.batch_size, words), budget):
        given = draw(task, asked.sequences, unseen)
        for form, judged in forms(model, settings, asked.judged_by, config.seed + moment.step):
            yield {"trained": settings.form, "evaluated": form} | vars(moment) | judge(judged, *given)


def draw(task: CopyTask, count: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Sequences, and which of their tokens are to be told, [count, T]."""
    tokens, told = task.draw(count, generator)
    return torch.from_numpy(tokens), torch.from_numpy(told)


@torch.no_grad()
def judge(model: TransformerLM, tokens: Tensor, told: Tensor) -> dict[str, float]:
    """Loss, accuracy and retrieved attention, of the tokens that are to be told."""
    scores, after, counted = model(tokens[:, :-1]), tokens[:, 1:], told[:, 1:]
    right = scores.argmax(2) == after
    with watching(model, partial(retrieved_mass, counted=counted[:SAMPLES])) as mass:
        model(tokens[:SAMPLES, :-1])
    return {
        "held_out": float(torch.nn.functional.cross_entropy(scores[counted], after[counted])),
        "accuracy": float(right[counted].float().mean()),
        "mass": sum(mass) / len(mass),
    }


study = Study(name="copying", measures=measures)
