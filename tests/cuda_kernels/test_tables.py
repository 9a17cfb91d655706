"""Hash tables whose rows move, on the kernels: the candidates of the definition after every update."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.candidates import Candidates
from mongoose.ops.backend import Backend, using
from mongoose.tables import HashTables

BITS, TABLES = 4, 3


def codes(rows: int, seed: int) -> Tensor:
    return torch.randint(2**BITS, (rows, TABLES), generator=Generator().manual_seed(seed)).int()


def after_updates(backend: Backend, rows: int, device: torch.device) -> list[Candidates]:
    """What queries find, and with labels and with the batch's ids added, after each of four updates."""
    found = []
    with using(backend):
        tables, queries = HashTables(num_bits=BITS, num_tables=TABLES), codes(17, 1).to(device)
        labels = Candidates.from_rows(torch.arange(17, device=device).unsqueeze(1) % rows)
        tables.build(codes(rows, 2).to(device))
        for seed in range(4):
            moved = torch.randperm(rows, generator=Generator().manual_seed(seed))[: max(1, rows // 20)]
            tables.update(moved.to(device), codes(len(moved), seed).to(device))
            seen = tables.query(queries, min_count=1 + seed % 2)
            found += [seen, seen.union(labels)]
    return found


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 127, 1000])
def test_tables_find_what_the_definition_finds(device: torch.device, rows: int) -> None:
    expected = after_updates("reference", rows, torch.device("cpu"))
    found = after_updates("emulated" if device.type == "cpu" else "cuda", rows, device)
    for reference, kernel in zip(expected, found, strict=True):
        assert torch.equal(reference.ids, kernel.ids.cpu())
        assert torch.equal(reference.offsets, kernel.offsets.cpu())
