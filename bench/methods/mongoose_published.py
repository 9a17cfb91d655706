"""MONGOOSE as its paper has it, as far as that is known: learned SimHash, the scheduler, all that the tables hold."""

from pydantic import Field

from bench.methods.base import Method, SampledConfig, Streams, bits_for, union_net
from bench.task import Task
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.losses import CosineTriplet
from mongoose.hashing.transforms import AppendBias
from mongoose.index import LSHIndex
from mongoose.nn.xmc import XMCNet
from mongoose.scheduling.two_copy import TwoCopy


class MongoosePublishedConfig(SampledConfig):
    num_bits: int | None = Field(default=None, ge=1)  # not known; None: some 32 labels a bucket
    num_tables: int = Field(default=10, ge=1)  # not known
    epsilon: float = Field(default=0.1, gt=0)  # of the mean norm of the rows; the paper's is not known
    exponent: float = Field(default=0.5, ge=0, le=1)  # a: fewer than n^a rows are left aside
    learn_every: int = Field(default=200, ge=1)  # steps between fits of the hash functions; not known


class MongoosePublished(Method[MongoosePublishedConfig]):
    """Nothing of ours: no centre, no ranking, no cap, no random negatives, no correction.

    Algorithm 1 moves rows between fits; a fit moves all.
    """

    name = "mongoose_published"
    reads = "Chen et al. 2021, §3.2 (Algorithm 1) and §3.3 (Eq. 3)"
    config = MongoosePublishedConfig

    def build(self, task: Task, config: MongoosePublishedConfig, streams: Streams) -> XMCNet:
        transform = AppendBias()
        family = LearnedSimHash(
            transform.dim(task.hidden),
            num_bits=bits_for(config.num_bits, task.num_labels),
            num_tables=config.num_tables,
            generator=streams("hash"),
            objective=CosineTriplet(),
            balance=0.0,
        )
        policy = TwoCopy(config.epsilon, exponent=config.exponent, full_every=config.learn_every)
        return union_net(task, LSHIndex(family, policy, centre=False, transform=transform), streams)


method = MongoosePublished()
