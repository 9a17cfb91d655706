"""What a method is: a frozen configuration and a way to compose a network from it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Generator

from bench.task import Task
from bench.tuning.space import LR, Space
from mongoose.hashing.base import HashFamily
from mongoose.hashing.hadamard import HadamardSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.nn.linear import SampledLinear
from mongoose.nn.xmc import XMCNet
from mongoose.optim import SecondMoment
from mongoose.retrieval.base import Retriever
from mongoose.sampling.base import Sampler
from mongoose.sampling.lsh import LSHSampler
from mongoose.sampling.random import RandomSampler, power_of_frequency, uniform
from mongoose.sampling.retrieved import RetrievedSampler
from mongoose.scheduling.base import UpdatePolicy

RandomPlanes = Literal["gaussian", "signs", "hadamard"]
Streams = Callable[[str], Generator]  # purpose → an independent stream of random numbers


class MethodConfig(BaseModel):
    """Settings of a method; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lr: float = Field(default=1e-3, gt=0)  # SLIDE §4.1 sweeps 1e-5 … 1e-3; the same for every method here

    def adam(self) -> dict[str, Any]:
        """The settings that `XMCNet.optimizers` takes."""
        return {"lr": self.lr}


class SampledConfig(MethodConfig):
    """What all methods with row-sparse gradients have in common."""

    second_moment: SecondMoment = "element"  # "row" saves a third of the memory of weights and moments

    def adam(self) -> dict[str, Any]:
        return {"lr": self.lr, "second_moment": self.second_moment}


class RetrievedConfig(SampledConfig):
    """What all methods with retrieved negatives have in common, so that they differ in how they retrieve alone."""

    keep: int = Field(default=8, ge=1)  # retrieved classes a sample that enter the shared active set
    num_random: int = Field(default=2048, ge=1)
    exponent: float = Field(default=0.75, ge=0)
    corrected: bool = True


class LSHConfig(RetrievedConfig):
    """What the methods with shared LSH negatives have in common, so that they differ in the papers' ideas alone."""

    num_bits: int | None = Field(default=None, ge=1)  # None: log2 of the labels − 5, some 32 labels a bucket
    num_tables: int = Field(default=16, ge=1)
    planes: RandomPlanes = "gaussian"
    bucket_cap: int = Field(default=64, ge=1)
    shortlist: int | None = Field(default=32, ge=1)  # candidates a sample that are scored; None: all
    centre: bool = True

    def bits_for(self, num_labels: int) -> int:
        """K, as asked or as fits the number of labels."""
        return self.num_bits or max(1, round(math.log2(num_labels)) - 5)


Config = TypeVar("Config", bound=MethodConfig)


class Method(ABC, Generic[Config]):
    """A plug-in: composes a network for a task."""

    name: ClassVar[str]
    reads: ClassVar[str]  # where the method is described
    config: type[Config]
    space: ClassVar[Space] = LR  # what `bench tune` draws: a range for each of some fields of `config`

    @abstractmethod
    def build(self, task: Task, config: Config, streams: Streams) -> XMCNet:
        """The network, untrained; every random number comes from `streams`."""

    def skip(self) -> str | None:
        """Why the method cannot be built on this machine and what to do about it; None if it can."""
        return None


def missing(package: str, extra: str) -> str | None:
    """A reason to skip, if the package is not installed; `extra` brings it."""
    if find_spec(package) is not None:
        return None
    return f"the package {package} is not installed; pip install -c constraints.txt -e '.[{extra}]'"


def sampled_net(task: Task, sampler: Sampler, streams: Streams) -> XMCNet:
    """The papers' network with a sampled softmax."""
    head = SampledLinear(task.hidden, task.num_labels, sampler=sampler)
    return XMCNet(task.num_features, head, generator=streams("weights"))


def random_family(task: Task, config: LSHConfig, streams: Streams) -> HashFamily:
    """SimHash with the planes that the configuration names."""
    shape = {"num_bits": config.bits_for(task.num_labels), "num_tables": config.num_tables}
    if config.planes == "hadamard":
        return HadamardSimHash(task.hidden, **shape, generator=streams("hash"))
    return SimHash(task.hidden, **shape, planes=config.planes, generator=streams("hash"))


def lsh_net(task: Task, config: LSHConfig, family: HashFamily, policy: UpdatePolicy, streams: Streams) -> XMCNet:
    """The same, its negatives retrieved by LSH and mixed with frequency^exponent ones."""
    random = frequency_negatives(task, config.num_random, streams, exponent=config.exponent, corrected=config.corrected)
    index = LSHIndex(family, policy, centre=config.centre, shortlist=config.shortlist)
    sampler = LSHSampler(
        index,
        bucket_cap=config.bucket_cap,
        keep=config.keep,
        random=random,
        generator=streams("tables"),
    )
    return sampled_net(task, sampler, streams)


def retrieved_net(
    task: Task, config: RetrievedConfig, retriever: Retriever, policy: UpdatePolicy, streams: Streams
) -> XMCNet:
    """The same with any other retriever."""
    random = frequency_negatives(task, config.num_random, streams, exponent=config.exponent, corrected=config.corrected)
    return sampled_net(task, RetrievedSampler(retriever, policy, keep=config.keep, random=random), streams)


def uniform_negatives(task: Task, num_samples: int, streams: Streams, *, corrected: bool) -> RandomSampler:
    """Negatives drawn uniformly from all labels."""
    return _negatives(task, uniform(task.num_labels), num_samples, streams, corrected)


def frequency_negatives(
    task: Task, num_samples: int, streams: Streams, *, exponent: float, corrected: bool
) -> RandomSampler:
    """Negatives drawn in proportion to a power of their training frequency."""
    probability = power_of_frequency(torch.from_numpy(task.label_counts), exponent)
    return _negatives(task, probability, num_samples, streams, corrected)


def _negatives(
    task: Task, probability: torch.Tensor, num_samples: int, streams: Streams, corrected: bool
) -> RandomSampler:
    rate = torch.from_numpy(task.label_counts / len(task.train)) if corrected else None
    return RandomSampler(probability, num_samples, generator=streams("negatives"), label_rate=rate)
