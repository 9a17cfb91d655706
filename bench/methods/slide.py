"""SLIDE (Chen et al., MLSys 2020): per-sample active sets from SimHash tables, exponentially rarer updates."""

from typing import Literal

from pydantic import Field

from bench.methods.base import Buckets, Method, SampledConfig, Streams, bound, sampled_net
from bench.task import Task
from bench.tuning.space import LR, Choice, LogUniform
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.slide import HardThreshold, SlideSampler, Strategy, TopK, Vanilla
from mongoose.scheduling.exponential import Exponential


class SlideConfig(SampledConfig):
    num_bits: int = Field(default=9, ge=1)  # SLIDE §4.1: K = 9, L = 50 with SimHash (Delicious-200K)
    num_tables: int = Field(default=50, ge=1)
    planes: Literal["gaussian", "signs", "sparse"] = "signs"  # SLIDE §3.2: ±1; sparse: and 0
    strategy: Literal["vanilla", "top_k", "hard_threshold"] = "vanilla"  # SLIDE §3.1.2: the one of its experiments
    min_tables: int = Field(default=2, ge=1)  # of hard_threshold; SLIDE names none
    num_active: int = Field(default=512, ge=1)  # 0.45 % of WordNet's labels; SLIDE reports under 0.5 %
    bucket_cap: int = Field(default=128, ge=1)  # released Config.h: BUCKETSIZE 128
    buckets: Buckets = "run"  # SLIDE's experiments: "fifo"
    first_update: float = Field(default=50, ge=1)  # SLIDE §3.1.3: N0 = 50
    growth: float = Field(default=0.1, ge=0)  # λ is not given
    centre: bool = False  # not in SLIDE


class Slide(Method[SlideConfig]):
    """As published, with SimHash; softmax over each sample's own active set, uncorrected."""

    name = "slide"
    reads = "Chen et al. 2020, §3 and Algorithm 1"
    config = SlideConfig
    space = LR | {
        "num_bits": Choice(6, 9, 12),
        "num_tables": Choice(10, 25, 50),
        "num_active": Choice(256, 512, 1024, 2048),
        "bucket_cap": Choice(64, 128, 256),
        "growth": LogUniform(0.01, 1.0),
    }

    def build(self, task: Task, config: SlideConfig, streams: Streams) -> XMCNet:
        family = SimHash(
            task.hidden,
            num_bits=config.num_bits,
            num_tables=config.num_tables,
            planes=config.planes,
            generator=streams("hash"),
        )
        index = LSHIndex(family, Exponential(config.first_update, config.growth), centre=config.centre)
        bound(index, config.buckets, config.bucket_cap, streams)
        sampler = SlideSampler(
            index,
            strategy=self._strategy(config),
            fill=config.num_active,
            bucket_cap=config.bucket_cap,
            generator=streams("tables"),
        )
        return sampled_net(task, sampler, streams)

    def _strategy(self, config: SlideConfig) -> Strategy:
        if config.strategy == "hard_threshold":
            return HardThreshold(config.min_tables)
        return (Vanilla if config.strategy == "vanilla" else TopK)(config.num_active)


method = Slide()
