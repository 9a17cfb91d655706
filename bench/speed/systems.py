"""What is compared: names of the command line, each a method with parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class System:
    """A method of `bench.methods` with the parameters in which it departs from its defaults.

    environment: variables of its process that differ from everybody's. products: in what the kernels multiply.
    """

    name: str
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    products: Literal["float32", "bfloat16"] = "float32"


OURS = {
    system.name: system
    for system in (
        System("mongoose", "mongoose"),
        System("mongoose-simhash", "mongoose", {"learned": False, "planes": "hadamard"}),
        System("mongoose-uniform", "sampled_uniform", {"num_samples": 4096}),
        System("mongoose-uniform-bf16", "sampled_uniform", {"num_samples": 4096}, products="bfloat16"),
        System("mongoose-uniform-row", "sampled_uniform", {"num_samples": 4096, "second_moment": "row"}),
    )
}
PEERS = {
    system.name: system
    for system in (
        System("dense-fp32", "dense"),
        System("dense-fp32-default-malloc", "dense", environment={"GLIBC_TUNABLES": ""}),
        System("dense-bf16", "dense_bf16"),
        System("linear-cross-entropy", "linear_cross_entropy"),
        System("dense-chunked", "dense_chunked"),
        System("torch-sampled", "torch_sampled", {"distribution": "uniform"}),
        System("torch-sampled-default-malloc", "torch_sampled", {"distribution": "uniform"}, {"GLIBC_TUNABLES": ""}),
        System("torch-log-uniform", "torch_sampled", {"distribution": "log_uniform", "corrected": True}),
        System("adaptive-softmax", "adaptive_softmax"),
        System("oracle-topk", "oracle_topk"),
        System("faiss-ivf", "faiss_ivf"),
        System("faiss-hnsw", "faiss_hnsw"),
        System("slide", "slide"),
        System("naive-lsh", "naive_lsh"),
    )
}
USUAL = tuple(PEERS)[:9]  # the others retrieve at every step or build for minutes


def peers(chosen: str) -> list[System]:
    """The peers that a comma-separated list names, or "all", or "none"; LookupError names those there are."""
    if chosen in ("all", "none"):
        return list(PEERS.values()) if chosen == "all" else []
    names = [name.strip() for name in chosen.split(",") if name.strip()]
    for name in names:
        if name not in PEERS:
            raise LookupError(f"there is no peer {name!r}; the peers are: {', '.join(PEERS)}; or: all, none.")
    return [PEERS[name] for name in dict.fromkeys(names)]
