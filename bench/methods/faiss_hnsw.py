"""Negatives from a navigable graph (FAISS HNSW) in place of hash tables."""

from pydantic import Field

from bench.methods.base import Method, RetrievedConfig, Streams, missing, retrieved_net
from bench.task import Task
from bench.tuning.space import RETRIEVED, Choice
from mongoose.nn.xmc import XMCNet
from mongoose.retrieval.approximate import HNSW
from mongoose.scheduling.every import Every


class FaissHNSWConfig(RetrievedConfig):
    links: int = Field(default=16, ge=2)
    build_depth: int = Field(default=40, ge=1)  # FAISS's default
    search_depth: int = Field(default=64, ge=1)
    every: int = Field(default=1000, ge=1)  # steps between builds, each from nothing


class FaissHNSW(Method[FaissHNSWConfig]):
    """The LSH methods' active sets, retrieved by FAISS; the graph is built anew every `every` steps."""

    name = "faiss_hnsw"
    reads = "Malkov & Yashunin 2018; Douze et al. 2024 (FAISS), IndexHNSWFlat"
    config = FaissHNSWConfig
    space = RETRIEVED | {
        "links": Choice(8, 16, 32),
        "search_depth": Choice(32, 64, 128),
        "every": Choice(300, 1000, 3000),
    }

    def skip(self) -> str | None:
        return missing("faiss", extra="ann")

    def build(self, task: Task, config: FaissHNSWConfig, streams: Streams) -> XMCNet:
        retriever = HNSW(links=config.links, build_depth=config.build_depth, search_depth=config.search_depth)
        return retrieved_net(task, config, retriever, Every(config.every), streams)


method = FaissHNSW()
