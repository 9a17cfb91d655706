"""MONGOOSE as its code was released: all that the batch finds in the tables, rebuilt at an interval."""

from pydantic import Field

from bench.methods.base import Method, SampledConfig, Streams, bits_for, union_net
from bench.task import Task
from mongoose.hashing.base import HashFamily
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.losses import PairwiseCrossEntropy
from mongoose.hashing.simhash import SimHash
from mongoose.hashing.transforms import AppendBias
from mongoose.index import LSHIndex
from mongoose.nn.xmc import XMCNet
from mongoose.sampling.mining import ReleasedMining
from mongoose.scheduling.every import Every


class MongooseReleasedConfig(SampledConfig):
    learned: bool = True  # False: random ±1 planes, as its LSHSoftmax
    num_bits: int | None = Field(default=None, ge=1)  # the driver was not released; None: some 32 labels a bucket
    num_tables: int = Field(default=10, ge=1)  # the authors' other scripts: 10 to 20
    every: int = Field(default=30, ge=1)  # the authors' other scripts: 20 to 30


class MongooseReleased(Method[MongooseReleasedConfig]):
    """One candidate set for the batch, the union of all its buckets, without a cap; labels added; uncorrected.

    Differs from the release: hash functions are fitted when the tables are rebuilt, with an optimiser of ours (theirs
    was not released); inputs keep their values, lr and first weights are those of all methods here.
    """

    name = "mongoose_released"
    reads = "HazyResearch/mongoose, mongoose_slide/slide_lib: network.py, lsh_softmax.py, triplet_network.py"
    config = MongooseReleasedConfig

    def build(self, task: Task, config: MongooseReleasedConfig, streams: Streams) -> XMCNet:
        transform = AppendBias()
        family = self._family(transform.dim(task.hidden), bits_for(config.num_bits, task.num_labels), config, streams)
        index = LSHIndex(family, Every(config.every), centre=False, transform=transform)
        return union_net(task, index, streams, ReleasedMining(generator=streams("mining")))

    def _family(self, dim: int, num_bits: int, config: MongooseReleasedConfig, streams: Streams) -> HashFamily:
        tables, generator = config.num_tables, streams("hash")
        if not config.learned:
            return SimHash(dim, num_bits=num_bits, num_tables=tables, planes="signs", generator=generator)
        return LearnedSimHash(
            dim,
            num_bits=num_bits,
            num_tables=tables,
            generator=generator,
            objective=PairwiseCrossEntropy(),
            balance=0.0,
            signs=True,
        )


method = MongooseReleased()
