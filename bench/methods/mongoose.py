"""MONGOOSE (Chen et al., ICLR 2021): learned SimHash, tables brought up to date when codes have drifted."""

from pydantic import Field

from bench.methods.base import LSHConfig, Method, Streams, hashed_dim, lsh_net, random_family
from bench.task import Task
from bench.tuning.space import LSH, LogUniform
from mongoose.hashing.learned import LearnedSimHash
from mongoose.nn.xmc import XMCNet
from mongoose.scheduling.drift import Drift


class MongooseConfig(LSHConfig):
    learned: bool = True  # False: random planes, for what the scheduler alone does
    threshold: float = Field(default=0.02, ge=0, le=1)  # fraction of probe bits; released: 0.3 (SLIDE), 0.01 (Reformer)
    ask_every: int = Field(default=10, ge=1)


class Mongoose(Method[MongooseConfig]):
    """Naive LSH with the paper's two ideas: the scheduler, and hash functions learned in the time it saves."""

    name = "mongoose"
    reads = "Chen et al. 2021, §3.2 and §3.3"
    config = MongooseConfig
    space = LSH | {"threshold": LogUniform(0.002, 0.2)}

    def build(self, task: Task, config: MongooseConfig, streams: Streams) -> XMCNet:
        family = self._learned(task, config, streams) if config.learned else random_family(task, config, streams)
        policy = Drift(
            config.threshold, dim=hashed_dim(task, config), interval=config.ask_every, generator=streams("probe")
        )
        return lsh_net(task, config, family, policy, streams)

    def _learned(self, task: Task, config: MongooseConfig, streams: Streams) -> LearnedSimHash:
        num_bits = config.bits_for(task.num_labels)
        dim = hashed_dim(task, config)
        return LearnedSimHash(dim, num_bits=num_bits, num_tables=config.num_tables, generator=streams("hash"))


method = Mongoose()
