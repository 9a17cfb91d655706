"""SLIDE as its code was released: all that the tables hold for a sample, random fill, tables rebuilt at an interval."""

from pydantic import Field

from bench.methods.base import Buckets, Method, SampledConfig, Streams, bound, sampled_net
from bench.task import Task
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.slide import SlideSampler, Union
from mongoose.scheduling.every import Every


class SlideReleasedConfig(SampledConfig):
    num_bits: int = Field(default=9, ge=1)  # Delicious-200K's SimHash
    num_tables: int = Field(default=50, ge=1)
    fill: int = Field(default=1000, ge=0)  # Layer.cpp, Mode 4
    bucket_cap: int = Field(default=128, ge=1)  # Config.h: BUCKETSIZE 128
    buckets: Buckets = "fifo"  # Config.h: FIFO 1
    every: int = Field(default=50, ge=1)  # Config_amz.csv: Rehash 6,400 samples, batches of 128


class SlideReleased(Method[SlideReleasedConfig]):
    """Mode 4 of the release, whose "sampling" is not the paper's: no random order of tables, no β to stop at.

    Differs from the release: it never draws new hash functions (there every 1,000 batches), its Adam moves only the
    rows of the active sets (there all rows), lr and first weights are those of all methods here. For the DWTA of
    Amazon-670K (K = 6, L = 50) the family needs the release's packing of two bits a bin first.
    """

    name = "slide_released"
    reads = "keroro824/HashingDeepLearning: Layer.cpp (Mode 4), LSH.cpp, Bucket.cpp, Config.h"
    config = SlideReleasedConfig

    def build(self, task: Task, config: SlideReleasedConfig, streams: Streams) -> XMCNet:
        shape = {"num_bits": config.num_bits, "num_tables": config.num_tables}
        family = SimHash(task.hidden, **shape, planes="signs", generator=streams("hash"))
        index = LSHIndex(family, Every(config.every), centre=False)
        bound(index, config.buckets, config.bucket_cap, streams)
        sampler = SlideSampler(
            index, strategy=Union(), fill=config.fill, bucket_cap=config.bucket_cap, generator=streams("tables")
        )
        return sampled_net(task, sampler, streams)


method = SlideReleased()
