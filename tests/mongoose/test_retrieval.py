"""Retrievers find the classes of the largest scores; the sampler shares them and knows their probability."""

import pytest
import torch

from mongoose.candidates import Candidates
from mongoose.ops import topk
from mongoose.retrieval.base import Retriever
from mongoose.retrieval.exact import Exact
from mongoose.sampling.random import RandomSampler, uniform
from mongoose.sampling.retrieved import RetrievedSampler
from mongoose.scheduling.every import Every

N, D, B = 1000, 16, 12


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Queries, weight, bias."""
    weight, bias = torch.randn(N, D, generator=generator(1)), torch.randn(N, generator=generator(2))
    return torch.randn(B, D, generator=generator(3)), weight, bias


def approximate(name: str) -> Retriever:
    pytest.importorskip("faiss", reason="pip install -c constraints.txt -e '.[ann]'")
    from mongoose.retrieval.approximate import HNSW, IVF

    if name == "ivf":
        return IVF(num_lists=1024, probes=8, seed=0)
    return HNSW(links=16, build_depth=80, search_depth=128)


@pytest.mark.parametrize("block", [7, 333, 65536])
def test_exact_retrieval_in_blocks_is_the_top_of_the_full_product(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topk, "BLOCK", block)
    x, weight, bias = rows()
    assert torch.equal(Exact().best(x, weight, bias, 8), (x @ weight.t() + bias).topk(8, dim=1).indices)
    assert Exact().best(x, weight[:5], bias[:5], 8).shape == (B, 5)


@pytest.mark.parametrize("name", ["ivf", "hnsw"])
def test_approximate_retrieval_finds_most_of_the_top_bias_included(name: str) -> None:
    retriever = approximate(name)
    x, weight, bias = rows()
    bias = 3 * bias
    retriever.build(weight, bias)
    best = (x @ weight.t() + bias).topk(8, dim=1).indices
    ids = retriever.best(x, weight, bias, 8)
    hits = sum(len(set(ours) & set(true)) for ours, true in zip(ids.tolist(), best.tolist(), strict=True))
    assert hits > 0.7 * best.numel()


@pytest.mark.parametrize("name", ["ivf", "hnsw"])
def test_a_second_build_forgets_the_first(name: str) -> None:
    retriever = approximate(name)
    x, weight, bias = rows()
    retriever.build(weight, bias)
    retriever.build(weight.roll(1, 0), bias.roll(1, 0))
    again = approximate(name)
    again.build(weight, bias)
    moved, still = retriever.best(x, weight, bias, 8), again.best(x, weight, bias, 8)
    assert float((moved == (still + 1) % N).float().mean()) > 0.8
    assert int(retriever.index.ntotal) == N  # type: ignore[attr-defined]


class Scripted(Retriever):
    """Answers 3, 4 and nothing; counts builds."""

    builds = 0

    def build(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.builds += 1

    def best(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, k: int) -> torch.Tensor:
        return torch.tensor([3, 4, -1]).expand(len(x), 3)


def test_the_active_set_holds_labels_and_the_retrieved_with_certainty() -> None:
    x, weight, bias = rows()
    random = RandomSampler(uniform(N), 20, generator=generator(), label_rate=torch.full((N,), 0.001))
    sampler = RetrievedSampler(Scripted(), Every(5), keep=3, random=random)
    labels = Candidates(torch.arange(B), torch.arange(B + 1))
    active = sampler.sample(x, labels, weight, bias)
    assert set(range(B)) <= set(active.ids.tolist())
    assert active.log_inclusion is not None
    assert active.ids[active.log_inclusion == 0].tolist() == [3, 4]
    assert int(active.ids.min()) == 0


def test_the_policy_says_when_the_index_is_built_anew() -> None:
    _, weight, bias = rows()
    retriever = Scripted()
    random = RandomSampler(uniform(N), 20, generator=generator())
    sampler = RetrievedSampler(retriever, Every(5), keep=3, random=random)
    for step in range(12):
        sampler.refresh(step, weight, bias)
    assert retriever.builds == 3
