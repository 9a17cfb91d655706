"""Negatives from inverted lists (FAISS IVF) in place of hash tables."""

from pydantic import Field

from bench.methods.base import Method, RetrievedConfig, Streams, missing, retrieved_net
from bench.task import Task
from bench.tuning.space import RETRIEVED, Choice
from mongoose.nn.xmc import XMCNet
from mongoose.retrieval.approximate import IVF
from mongoose.scheduling.every import Every


class FaissIVFConfig(RetrievedConfig):
    num_lists: int = Field(default=1024, ge=1)  # about √N to 4√N, as FAISS advises
    probes: int = Field(default=16, ge=1)
    every: int = Field(default=50, ge=1)  # steps between builds; SLIDE's first interval


class FaissIVF(Method[FaissIVFConfig]):
    """The LSH methods' active sets, retrieved by FAISS; all rows are added anew every `every` steps."""

    name = "faiss_ivf"
    reads = "Douze et al. 2024 (FAISS), IndexIVFFlat"
    config = FaissIVFConfig
    space = RETRIEVED | {
        "num_lists": Choice(256, 1024, 4096),
        "probes": Choice(4, 16, 64),
        "every": Choice(20, 50, 100, 200),
    }

    def skip(self) -> str | None:
        return missing("faiss", extra="ann")

    def build(self, task: Task, config: FaissIVFConfig, streams: Streams) -> XMCNet:
        seed = streams("hash").initial_seed() % 2**31
        retriever = IVF(num_lists=config.num_lists, probes=config.probes, seed=seed)
        return retrieved_net(task, config, retriever, Every(config.every), streams)


method = FaissIVF()
