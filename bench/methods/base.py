"""What a method is: a frozen configuration and a way to compose a network from it."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Generator, Tensor

from bench.task import Task
from bench.tuning.space import LR, Space
from mongoose.bounded_tables import Bounded, BoundedTables
from mongoose.hashing.base import HashFamily
from mongoose.hashing.hadamard import HadamardSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.hashing.transforms import AppendBias, NormAugment, Transform
from mongoose.inclusion import RetrievedProbability
from mongoose.index import LSHIndex
from mongoose.nn.linear import SampledLinear
from mongoose.nn.xmc import XMCNet
from mongoose.optim import SecondMoment
from mongoose.retrieval.base import Retriever
from mongoose.sampling.base import Sampler
from mongoose.sampling.in_batch import InBatchSampler
from mongoose.sampling.lsh import LSHSampler
from mongoose.sampling.mining import Mining
from mongoose.sampling.random import Correction, RandomSampler, log_uniform, power_of_frequency, uniform
from mongoose.sampling.retrieved import RetrievedSampler
from mongoose.scheduling.base import UpdatePolicy

Buckets = Literal["run"] | Bounded  # "run": buckets keep everything, and a random run of a full one is seen
RandomPlanes = Literal["gaussian", "signs", "sparse", "hadamard"]
TransformName = Literal["none", "append_bias", "norm_augment"]
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

    @model_validator(mode="before")
    @classmethod
    def _read_former_name(cls, given: Any) -> Any:
        """Rows stored before there were two corrections say `corrected`."""
        if not isinstance(given, dict) or "corrected" not in given or "correction" in given:
            return given
        rest = {name: value for name, value in given.items() if name != "corrected"}
        return rest | {"correction": "importance" if given["corrected"] else "none"}

    def adam(self) -> dict[str, Any]:
        return {"lr": self.lr, "second_moment": self.second_moment}


class RetrievedConfig(SampledConfig):
    """What all methods with retrieved negatives have in common, so that they differ in how they retrieve alone."""

    keep: int = Field(default=8, ge=1)  # retrieved classes a sample that enter the shared active set
    num_random: int = Field(default=2048, ge=1)
    exponent: float = Field(default=0.75, ge=0)
    correction: Correction = "importance"


class LSHConfig(RetrievedConfig):
    """What the methods with shared LSH negatives have in common, so that they differ in the papers' ideas alone."""

    num_bits: int | None = Field(default=None, ge=1)  # None: log2 of the labels − 5, some 32 labels a bucket
    num_tables: int = Field(default=16, ge=1)
    planes: RandomPlanes = "gaussian"
    bucket_cap: int = Field(default=64, ge=1)
    buckets: Buckets = "run"
    shortlist: int | None = Field(default=32, ge=1)  # candidates a sample that are scored; None: all
    centre: bool = True
    transform: TransformName = "none"  # of rows and queries, before they are hashed
    retrieved_probability: RetrievedProbability = 0.02  # a name, or a number in (0, 1]: hard ones weigh 1 over it
    warm_up: int = Field(default=0, ge=0)  # steps with random negatives alone
    retrieve_every: int = Field(default=1, ge=1)  # steps, one of which retrieves

    def bits_for(self, num_labels: int) -> int:
        """K, as asked or as fits the number of labels."""
        return bits_for(self.num_bits, num_labels)


TRANSFORMS: dict[TransformName, Callable[[], Transform | None]] = {
    "none": lambda: None,
    "append_bias": AppendBias,
    "norm_augment": NormAugment,
}

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


def bits_for(num_bits: int | None, num_labels: int) -> int:
    """K, as asked, or so that a bucket holds some 32 labels."""
    return num_bits or max(1, round(math.log2(num_labels)) - 5)


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
    dim = hashed_dim(task, config)
    if config.planes == "hadamard":
        return HadamardSimHash(dim, **shape, generator=streams("hash"))
    return SimHash(dim, **shape, planes=config.planes, generator=streams("hash"))


def hashed_dim(task: Task, config: LSHConfig) -> int:
    """The width of what is hashed."""
    transform = TRANSFORMS[config.transform]()
    return task.hidden if transform is None else transform.dim(task.hidden)


def lsh_net(task: Task, config: LSHConfig, family: HashFamily, policy: UpdatePolicy, streams: Streams) -> XMCNet:
    """The same, its negatives retrieved by LSH and mixed with frequency^exponent ones."""
    transform = TRANSFORMS[config.transform]()
    index = LSHIndex(family, policy, centre=config.centre, shortlist=config.shortlist, transform=transform)
    bound(index, config.buckets, config.bucket_cap, streams)
    sampler = LSHSampler(
        index,
        bucket_cap=config.bucket_cap,
        keep=config.keep,
        random=_mixed_in(task, config, streams),
        generator=streams("tables"),
        retrieved_probability=config.retrieved_probability,
        warm_up=config.warm_up,
        every=config.retrieve_every,
    )
    return sampled_net(task, sampler, streams)


def union_net(task: Task, index: LSHIndex, streams: Streams, mining: Mining | None = None) -> XMCNet:
    """All that any query of the batch finds in any table, shared by the batch with its labels; uncorrected."""
    labels, generator = in_batch_negatives(task, correction="none"), streams("tables")
    sampler = LSHSampler(index, bucket_cap=None, keep=None, random=labels, generator=generator, mining=mining)
    return sampled_net(task, sampler, streams)


def retrieved_net(
    task: Task, config: RetrievedConfig, retriever: Retriever, policy: UpdatePolicy, streams: Streams
) -> XMCNet:
    """The same as `lsh_net` with any other retriever."""
    random = _mixed_in(task, config, streams)
    return sampled_net(task, RetrievedSampler(retriever, policy, keep=config.keep, random=random), streams)


def bound(index: LSHIndex, buckets: Buckets, capacity: int, streams: Streams) -> None:
    """Give an index that is not built yet buckets of this kind."""
    if buckets != "run":
        shape = {"num_bits": index.family.num_bits, "num_tables": index.family.num_tables}
        index.tables = BoundedTables(**shape, capacity=capacity, full=buckets, generator=streams("buckets"))


def uniform_negatives(task: Task, num_samples: int, streams: Streams, *, correction: Correction) -> RandomSampler:
    """Negatives drawn uniformly from all labels."""
    return _negatives(task, uniform(task.num_labels), num_samples, streams, correction)


def frequency_negatives(
    task: Task, num_samples: int, streams: Streams, *, exponent: float, correction: Correction
) -> RandomSampler:
    """Negatives drawn in proportion to a power of their training frequency."""
    probability = power_of_frequency(torch.from_numpy(task.label_counts), exponent)
    return _negatives(task, probability, num_samples, streams, correction)


def log_uniform_negatives(task: Task, num_samples: int, streams: Streams, *, correction: Correction) -> RandomSampler:
    """Negatives drawn log-uniformly over the ranks of their training frequency."""
    return _negatives(task, log_uniform(torch.from_numpy(task.label_counts)), num_samples, streams, correction)


def in_batch_negatives(task: Task, *, correction: Correction) -> InBatchSampler:
    """The labels of the batch and nothing else."""
    return InBatchSampler(task.num_labels, label_rate=_label_rate(task), correction=correction)


def _mixed_in(task: Task, config: RetrievedConfig, streams: Streams) -> RandomSampler:
    """The random negatives beside retrieved ones."""
    return frequency_negatives(task, config.num_random, streams, exponent=config.exponent, correction=config.correction)


def _negatives(
    task: Task, probability: Tensor, num_samples: int, streams: Streams, correction: Correction
) -> RandomSampler:
    generator = streams("negatives")
    return RandomSampler(
        probability, num_samples, generator=generator, label_rate=_label_rate(task), correction=correction
    )


def _label_rate(task: Task) -> Tensor:
    """[N] share of the training points that have the label."""
    return torch.from_numpy(task.label_counts / len(task.train))
