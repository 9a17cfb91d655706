"""Codes kept up with changes of few coordinates, against codes of the rows hashed afresh."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.hashing.memoised import BLOCK, MemoisedSimHash
from mongoose.hashing.simhash import Planes, SimHash


def family(planes: Planes = "gaussian", tables: int = 5) -> SimHash:
    return SimHash(32, num_bits=7, num_tables=tables, planes=planes, generator=Generator().manual_seed(0))


def rows(count: int = 100, seed: int = 1) -> Tensor:
    return torch.randn(count, 32, generator=Generator().manual_seed(seed))


def change(x: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Add to `count` random coordinates of x, in place, some of them twice; returns what `update` takes."""
    generator = Generator().manual_seed(seed)
    row = torch.randint(0, len(x), (count,), generator=generator)
    coordinate = torch.randint(0, x.shape[1], (count,), generator=generator)
    by = torch.randn(count, generator=generator)
    x.index_put_((row, coordinate), by, accumulate=True)
    return row, coordinate, by


@pytest.mark.parametrize("planes", ["gaussian", "signs", "sparse"])
@pytest.mark.parametrize("centred", [False, True])
def test_codes_are_those_of_rows_hashed_afresh(planes: Planes, centred: bool) -> None:
    """After fifty updates; codes differ only where a projection is within rounding of its offset."""
    simhash, x, centre = family(planes), rows(), rows(1, seed=2)[0] if centred else None
    kept = MemoisedSimHash(simhash, x, centre)
    assert torch.equal(kept.codes(), simhash.codes(x, centre))
    before = kept.codes()
    for step in range(50):
        kept.update(*change(x, 40, seed=step))
    afresh = simhash.codes(x, centre)
    distance = ((x if centre is None else x - centre) @ simhash.planes).abs().view(100, 5, 7).amin(2)
    assert torch.equal(kept.codes()[distance > 1e-4], afresh[distance > 1e-4])
    assert float((distance > 1e-4).float().mean()) > 0.99
    assert float((kept.codes() != before).float().mean()) > 0.5


def test_whole_numbers_leave_nothing_to_rounding() -> None:
    simhash, x = family("signs"), rows().round()
    kept = MemoisedSimHash(simhash, x)
    row, coordinate, by = change(torch.zeros(100, 32), 500, seed=3)
    kept.update(row, coordinate, by.round())
    x.index_put_((row, coordinate), by.round(), accumulate=True)
    assert torch.equal(kept.codes(), simhash.codes(x))
    assert torch.equal(kept.codes(torch.tensor([7, 3])), simhash.codes(x[[7, 3]]))


def test_products_tell_what_is_saved() -> None:
    """One coordinate in eight of each row: an eighth of the products; all of them: as many as hashing afresh."""
    kept = MemoisedSimHash(family(), rows())
    afresh = kept.products
    assert afresh == 100 * 32 * 35
    ids = torch.arange(100).repeat_interleave(4)
    kept.update(ids, torch.arange(4).repeat(100) * 5, torch.ones(400))
    assert kept.products - afresh == afresh // 8
    everything = torch.cartesian_prod(torch.arange(100), torch.arange(32))
    before = kept.products
    kept.update(everything[:, 0], everything[:, 1], torch.ones(3200))
    assert kept.products - before == afresh


def test_an_update_of_several_blocks_is_one_update() -> None:
    simhash, x = family("signs", tables=2000), rows(2).round()
    kept = MemoisedSimHash(simhash, x)
    row, coordinate, by = (torch.arange(1000) % size for size in (2, 32, 5))
    assert BLOCK // (7 * 2000) < 1000
    kept.update(row, coordinate, by.float())
    x.index_put_((row, coordinate), by.float(), accumulate=True)
    assert torch.equal(kept.codes(), simhash.codes(x))


@pytest.mark.parametrize(
    ("row", "coordinate", "message"), [([100], [0], "rows 100"), ([0], [32], "coordinates 32"), ([0, 1], [0], "shapes")]
)
def test_changes_of_what_is_not_there_are_refused(row: list[int], coordinate: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MemoisedSimHash(family(), rows()).update(torch.tensor(row), torch.tensor(coordinate), torch.ones(len(row)))
