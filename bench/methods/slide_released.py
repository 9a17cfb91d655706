"""SLIDE as its code was released: all that the tables hold for a sample, random fill, tables rebuilt at an interval."""

from typing import Literal

from pydantic import Field

from bench.methods.base import Buckets, Method, SampledConfig, Streams, bound, sampled_net
from bench.task import Task
from mongoose.hashing.base import HashFamily
from mongoose.hashing.dwta import DWTA
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.slide import SlideSampler, Union
from mongoose.scheduling.every import Every

PACKING: dict[str, Literal[2, 3]] = {"dwta": 2, "dwta_fixed": 3}


class SlideReleasedConfig(SampledConfig):
    family: Literal["dwta", "dwta_fixed", "simhash"] = "dwta"  # as released; with three bits a bin; Delicious-200K's
    num_bits: int | None = Field(default=None, ge=1)  # None: 18, six bins of Amazon-670K's DWTA, or 9 for SimHash
    num_tables: int = Field(default=50, ge=1)
    fill: int = Field(default=1000, ge=0)  # Layer.cpp, Mode 4
    bucket_cap: int = Field(default=128, ge=1)  # Config.h: BUCKETSIZE 128
    buckets: Buckets = "fifo"  # Config.h: FIFO 1
    every: int = Field(default=50, ge=1)  # Config_amz.csv: Rehash 6,400 samples, batches of 128


class SlideReleased(Method[SlideReleasedConfig]):
    """Mode 4 of the release, whose "sampling" is not the paper's: no random order of tables, no β to stop at.

    Differs from the release: it never draws new hash functions (there every 1,000 batches), its Adam moves only the
    rows of the active sets (there all rows), lr and first weights are those of all methods here.
    """

    name = "slide_released"
    reads = "keroro824/HashingDeepLearning: Layer.cpp (Mode 4), LSH.cpp, Bucket.cpp, Config.h"
    config = SlideReleasedConfig

    def build(self, task: Task, config: SlideReleasedConfig, streams: Streams) -> XMCNet:
        index = LSHIndex(self._family(task, config, streams), Every(config.every), centre=False)
        bound(index, config.buckets, config.bucket_cap, streams)
        sampler = SlideSampler(
            index, strategy=Union(), fill=config.fill, bucket_cap=config.bucket_cap, generator=streams("tables")
        )
        return sampled_net(task, sampler, streams)

    def _family(self, task: Task, config: SlideReleasedConfig, streams: Streams) -> HashFamily:
        tables, generator = config.num_tables, streams("hash")
        if config.family == "simhash":
            bits = config.num_bits or 9
            return SimHash(task.hidden, num_bits=bits, num_tables=tables, planes="signs", generator=generator)
        bits, packing = config.num_bits or 18, PACKING[config.family]
        return DWTA(task.hidden, num_bits=bits, num_tables=tables, bits_per_bin=packing, generator=generator)


method = SlideReleased()
