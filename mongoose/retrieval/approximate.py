"""Approximate search by the indexes of FAISS, for inner products; needs the package `faiss`."""

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from mongoose.retrieval.base import Retriever


class FaissIndex(Retriever):
    """A FAISS index over the rows [w, b], asked with [x, 1]; answers from the rows as they were at the last `build`.

    FAISS is loaded when the first index is made, and runs on as many threads as torch; on the CPU, wherever the rows
    and queries are.
    """

    index: Any

    def __init__(self) -> None:
        import faiss

        self.faiss: Any = faiss
        faiss.omp_set_num_threads(torch.get_num_threads())

    def best(self, x: Tensor, weight: Tensor, bias: Tensor, k: int) -> Tensor:
        queries = torch.cat([x, x.new_ones(len(x), 1)], dim=1)
        _, ids = self.index.search(queries.cpu().numpy(), min(k, len(weight)))
        return torch.from_numpy(ids).to(x.device)

    @torch.no_grad()
    def build(self, weight: Tensor, bias: Tensor) -> None:
        self.put(torch.cat([weight, bias.unsqueeze(1)], dim=1).cpu())

    @abstractmethod
    def put(self, rows: Tensor) -> None:
        """Make `index` hold these rows: [N, D + 1] and no others."""


class IVF(FaissIndex):
    """Inverted lists around k-means centroids of the rows; the centroids are found once, at the first build.

    Args:
        num_lists: lists; fewer where there are less than 39 rows a list, which FAISS asks for.
        probes: lists looked into a query. seed: of k-means.

    Source: FAISS IndexIVFFlat.
    """

    def __init__(self, *, num_lists: int, probes: int, seed: int) -> None:
        super().__init__()
        self.num_lists, self.probes, self.seed = num_lists, probes, seed
        self.index = None

    def put(self, rows: Tensor) -> None:
        if self.index is None:
            self.index = self._trained(rows)
        self.index.reset()
        self.index.add(rows.numpy())

    def _trained(self, rows: Tensor) -> Any:
        num_rows, dim = rows.shape
        quantizer = self.faiss.IndexFlatIP(dim)
        lists = max(1, min(self.num_lists, num_rows // 39))
        index = self.faiss.IndexIVFFlat(quantizer, dim, lists, self.faiss.METRIC_INNER_PRODUCT)
        index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = self.seed, 10, 64
        index.nprobe = min(self.probes, lists)
        index.train(rows.numpy())
        return index


class HNSW(FaissIndex):
    """A navigable small-world graph. FAISS cannot move a row in it, so that every build is a build from nothing.

    Args:
        links: neighbours a node (M). build_depth, search_depth: efConstruction, efSearch.

    Source: Malkov & Yashunin 2018; FAISS IndexHNSWFlat.
    """

    def __init__(self, *, links: int, build_depth: int, search_depth: int) -> None:
        super().__init__()
        self.links, self.build_depth, self.search_depth = links, build_depth, search_depth

    def put(self, rows: Tensor) -> None:
        index = self.faiss.IndexHNSWFlat(rows.shape[1], self.links, self.faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction, index.hnsw.efSearch = self.build_depth, self.search_depth
        index.add(rows.numpy())
        self.index = index
