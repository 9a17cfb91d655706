"""minhash and doph against sets, in plain Python."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.doph import doph
from mongoose.ops.minhash import BLOCK, largest, minhash


def draw(dim: int, hashes: int) -> tuple[Tensor, Tensor]:
    """ranks, labels."""
    generator = Generator().manual_seed(hashes)
    ranks = torch.rand(hashes, dim, generator=generator).argsort(1)
    return ranks, torch.randint(0, 1 << 20, (hashes, dim), generator=generator, dtype=torch.int32)


def draw_bins(dim: int, tables: int, bins: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """places, probes, labels."""
    generator = Generator().manual_seed(tables)
    places = torch.rand(tables, bins * size, generator=generator).argsort(1)[:, :dim]
    start, step = torch.randint(0, 100, (2, bins), generator=generator)
    labels = torch.randint(0, 1 << 20, (tables * bins, bins * size), generator=generator, dtype=torch.int32)
    return places, torch.stack([start, 2 * step + 1], dim=1).int(), labels


def rows(count: int, dim: int) -> Tensor:
    """Small whole numbers: many coordinates are equal."""
    return torch.randint(-3, 4, (count, dim), generator=Generator().manual_seed(count)).float()


def set_of(row: list[float], top: int) -> set[int]:
    return set(sorted(range(len(row)), key=lambda d: (-row[d], d))[:top])


def exclusive_or(found: list[int], tables: int) -> list[int]:
    each = len(found) // tables
    codes = [0] * tables
    for q, label in enumerate(found):
        codes[q // each] ^= label
    return codes


def test_the_largest_coordinates_are_the_first_of_equals() -> None:
    assert sorted(largest(torch.tensor([[1.0, 3.0, 1.0, 3.0, 1.0]]), 3)[0].tolist()) == [0, 1, 3]
    assert largest(torch.tensor([[1.0, 3.0, 5.0]]), 1, torch.tensor([0.0, 0.0, 4.0])).tolist() == [[1]]


@pytest.mark.parametrize("count", [0, 1, 33])
@pytest.mark.parametrize(("tables", "each", "top"), [(1, 1, 1), (3, 2, 5), (4, 3, 12)])
def test_minhash_finds_the_member_of_the_lowest_rank(both, count: int, tables: int, each: int, top: int) -> None:
    x, (ranks, labels) = rows(count, 12), draw(12, tables * each)
    expected = [
        exclusive_or(
            [
                min((rank[d], label[rank[d]]) for d in set_of(row, top))[1]
                for rank, label in zip(ranks.tolist(), labels.tolist(), strict=True)
            ],
            tables,
        )
        for row in x.tolist()
    ]
    for result in both(minhash, x, ranks, labels, tables, top):
        assert result.tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 33])
@pytest.mark.parametrize(("tables", "bins", "size"), [(1, 1, 12), (3, 4, 3), (5, 5, 4), (2, 12, 1), (4, 3, 4)])
@pytest.mark.parametrize("top", [1, 2, 5, 12])
def test_doph_finds_the_first_member_of_a_bin_or_of_the_next_on_its_sequence(
    both, count: int, tables: int, bins: int, size: int, top: int
) -> None:
    x, (places, probes, labels) = rows(count, 12), draw_bins(12, tables, bins, size)
    modulus = 1 << (bins - 1).bit_length()

    def minimum(taken: set[int], q: int) -> int:
        return next((place for place in range(q * size, q * size + size) if place in taken), -1)

    def with_borrowed(taken: set[int], q: int) -> int:
        start, step = probes[q].tolist()
        asked = [q, *((start + attempt * step) % modulus for attempt in range(modulus))]
        found = [minimum(taken, other) for other in asked if other < bins]
        return next(place for place in found if place >= 0)

    expected = []
    for row in x.tolist():
        taken = [{int(table[d]) for d in set_of(row, top)} for table in places]
        every = [(table, q) for table in range(tables) for q in range(bins)]
        found = [int(labels[table * bins + q, with_borrowed(taken[table], q)]) for table, q in every]
        expected.append(exclusive_or(found, tables))
    for result in both(doph, x, places, probes, labels, top):
        assert result.tolist() == expected


def test_blocks_of_rows_do_not_show(both) -> None:
    """Enough tables for several blocks."""
    x, (ranks, labels) = rows(140, 16), draw(16, 8192)
    assert len(x) > BLOCK // (4 * 8192)
    whole, _ = both(minhash, x, ranks, labels, 64, 4)
    assert torch.equal(whole[139:], both(minhash, x[139:], ranks, labels, 64, 4)[0])
    places, probes, labels = draw_bins(16, 8192, 2, 8)
    whole, _ = both(doph, x, places, probes, labels, 4)
    assert torch.equal(whole[139:], both(doph, x[139:], places, probes, labels, 4)[0])


@pytest.mark.parametrize(
    ("tables", "top", "message"), [(0, 3, "num_tables=0"), (4, 3, "6 hashes"), (2, 0, "top=0"), (2, 13, "top=13")]
)
def test_numbers_that_do_not_fit_are_refused(tables: int, top: int, message: str) -> None:
    ranks, labels = draw(12, 6)
    with pytest.raises(ValueError, match=message):
        minhash(rows(2, 12), ranks, labels, tables, top)
    places, probes, labels = draw_bins(12, 2, 3, 4)
    with pytest.raises(ValueError, match=message):
        doph(rows(2, 12), places[:1].expand(tables, 12), probes, labels, top)


def test_parts_that_do_not_fit_are_refused() -> None:
    ranks, labels = draw(12, 6)
    with pytest.raises(ValueError, match=r"torch.int64 labels"):
        minhash(rows(2, 12), ranks, labels.long(), 2, 3)
    with pytest.raises(ValueError, match=r"expected \[L\*h, 12\]"):
        minhash(rows(2, 12), ranks[:4], labels, 2, 3)
    places, probes, labels = draw_bins(12, 2, 3, 4)
    for wrong in [
        (places[:, :4], probes, labels),
        (places, probes[:2], labels),
        (places, probes, labels[:, :11]),
        (places, probes, labels[:, :9]),
    ]:
        with pytest.raises(ValueError, match=r"for D=12; expected"):
            doph(rows(2, 12), *wrong, 3)


def test_declarations_hold() -> None:
    ranks, labels = draw(12, 6)
    torch.library.opcheck(minhash.torch_op, (rows(5, 12), ranks, labels, 2, 3, rows(1, 12)[0]))
    torch.library.opcheck(doph.torch_op, (rows(5, 12), *draw_bins(12, 2, 3, 4), 3, rows(1, 12)[0]))
