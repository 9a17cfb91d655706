"""MONGOOSE as its paper has it, as far as that is known: learned SimHash, the scheduler, all that the tables hold."""

from pydantic import Field

from bench.methods.base import Method, SampledConfig, Streams, bits_for, union_net
from bench.task import Task
from mongoose.hashing.learned import LearnedSimHash
from mongoose.index import LSHIndex
from mongoose.nn.xmc import XMCNet
from mongoose.scheduling.drift import Drift


class MongoosePublishedConfig(SampledConfig):
    num_bits: int | None = Field(default=None, ge=1)  # not known; None: some 32 labels a bucket
    num_tables: int = Field(default=10, ge=1)  # not known
    threshold: float = Field(default=0.3, ge=0, le=1)  # released network.py, `rebuild`
    ask_every: int = Field(default=1, ge=1)


class MongoosePublished(Method[MongoosePublishedConfig]):
    """Nothing of ours: no centre, no ranking, no cap, no random negatives, no correction.

    To be made the paper's when there are parts for it: [x, 1] and [w, b] as what is hashed, Eq. 3 without the balance
    penalty as the loss, Algorithm 1 in place of the probe.
    """

    name = "mongoose_published"
    reads = "Chen et al. 2021, §3.2 and §3.3"
    config = MongoosePublishedConfig

    def build(self, task: Task, config: MongoosePublishedConfig, streams: Streams) -> XMCNet:
        shape = {"num_bits": bits_for(config.num_bits, task.num_labels), "num_tables": config.num_tables}
        family = LearnedSimHash(task.hidden, **shape, generator=streams("hash"))
        policy = Drift(config.threshold, dim=task.hidden, interval=config.ask_every, generator=streams("probe"))
        return union_net(task, LSHIndex(family, policy, centre=False), streams)


method = MongoosePublished()
