"""MONGOOSE as its code was released: all that the batch finds in the tables, rebuilt at an interval."""

from pydantic import Field

from bench.methods.base import Method, SampledConfig, Streams, bits_for, union_net
from bench.task import Task
from mongoose.hashing.base import HashFamily
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.nn.xmc import XMCNet
from mongoose.scheduling.every import Every


class MongooseReleasedConfig(SampledConfig):
    learned: bool = True  # False: random ±1 planes, as its LSHSoftmax
    num_bits: int | None = Field(default=None, ge=1)  # the driver was not released; None: some 32 labels a bucket
    num_tables: int = Field(default=10, ge=1)  # the authors' other scripts: 10 to 20
    every: int = Field(default=30, ge=1)  # the authors' other scripts: 20 to 30


class MongooseReleased(Method[MongooseReleasedConfig]):
    """One candidate set for the batch, the union of all its buckets, without a cap; labels added; uncorrected.

    To be made the release when there are parts for it: [x, 1] and [w, b] as what is hashed, learned planes cut to their
    signs, pairwise BCE as their loss, misses and false alarms as their pairs.
    """

    name = "mongoose_released"
    reads = "HazyResearch/mongoose, mongoose_slide/slide_lib: network.py, lsh_softmax.py, triplet_network.py"
    config = MongooseReleasedConfig

    def build(self, task: Task, config: MongooseReleasedConfig, streams: Streams) -> XMCNet:
        family = self._family(task, config, streams)
        return union_net(task, LSHIndex(family, Every(config.every), centre=False), streams)

    def _family(self, task: Task, config: MongooseReleasedConfig, streams: Streams) -> HashFamily:
        shape = {"num_bits": bits_for(config.num_bits, task.num_labels), "num_tables": config.num_tables}
        if config.learned:
            return LearnedSimHash(task.hidden, **shape, generator=streams("hash"))
        return SimHash(task.hidden, **shape, planes="signs", generator=streams("hash"))


method = MongooseReleased()
