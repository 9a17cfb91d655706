"""wta, dwta, dwta_csr: kernel against definition, sparse against dense, borrowing by hand."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.backend import using
from mongoose.ops.wta import dwta, dwta_csr, wta

DTYPES = [torch.float32, torch.float64]
SIZES = [0, 1, 31, 32, 33, 127, 1000]


def whole(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0, kept: float = 1.0) -> Tensor:
    """Small whole numbers, so that coordinates of a bin often tie; a share of `kept` is not 0."""
    generator = Generator().manual_seed(seed)
    values = torch.randint(-4, 5, shape, generator=generator)
    return torch.where(torch.rand(shape, generator=generator) < kept, values, 0).to(dtype)


def draw(dim: int, num_bins: int, size: int = 8) -> tuple[Tensor, Tensor]:
    """Bins of any coordinates, with repeats, and probes."""
    generator = Generator().manual_seed(num_bins)
    bins = torch.randint(0, dim, (num_bins, size), generator=generator).int()
    start, step = torch.randint(0, 100, (2, num_bins), generator=generator)
    return bins, torch.stack([start, 2 * step + 1], dim=1).int()


def compressed(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """indices, values, offsets of the entries that are not 0."""
    row, indices = x.nonzero(as_tuple=True)
    counts = torch.bincount(row, minlength=len(x))
    return indices, x[row, indices], torch.cat([counts.new_zeros(1), counts.cumsum(0)])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dim", [1, 7, 100, 128])
@pytest.mark.parametrize("rows", SIZES)
def test_wta_is_the_definition(both, rows: int, dim: int, dtype: torch.dtype) -> None:
    x, centre = whole(rows, dim, dtype=dtype), whole(dim, dtype=dtype, seed=1)
    for tables, size, bins_a_table in [(1, 8, 1), (5, 8, 3), (33, 8, 8), (3, 2, 24), (4, 1, 2)]:
        bins, _ = draw(dim, tables * bins_a_table, size)
        for subtracted in (None, centre):
            reference, kernel = both(wta, x, bins, tables, subtracted)
            assert torch.equal(reference, kernel)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dim", [1, 7, 100, 128])
@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.3, 1.0])
def test_dwta_is_the_definition_dense_and_sparse(both, rows: int, dim: int, dtype: torch.dtype, kept: float) -> None:
    x, centre = whole(rows, dim, dtype=dtype, kept=kept), whole(dim, dtype=dtype, seed=1, kept=kept)
    for tables, bins_a_table in [(1, 1), (5, 3), (7, 8)]:
        bins, probes = draw(dim, tables * bins_a_table)
        reference, kernel = both(dwta, x, bins, probes, tables)
        assert torch.equal(reference, kernel)
        for sparse in both(dwta_csr, *compressed(x), dim, bins, probes, tables):
            assert torch.equal(reference, sparse)
        reference, kernel = both(dwta, x, bins, probes, tables, centre)
        assert torch.equal(reference, kernel)


@pytest.mark.parametrize("bits_per_bin", [1, 2, 3])
def test_winners_are_shifted_by_as_many_bits_as_asked(both, bits_per_bin: int) -> None:
    """Rows with one coordinate, which every bin holds first or last: winners are all 0 or all 7."""
    bins = torch.tensor([[0, *range(2, 8), 1]] * 8, dtype=torch.int32)
    probes = torch.tensor([[0, 1]] * 8, dtype=torch.int32)
    x = torch.eye(8)[:2]
    expected = [[0, 0], [sum(7 << bits_per_bin * j for j in range(4))] * 2]
    for result in both(dwta, x, bins, probes, 2, None, bits_per_bin):
        assert result.tolist() == expected
    for result in both(dwta_csr, *compressed(x), 8, bins, probes, 2, bits_per_bin):
        assert result.tolist() == expected
    x = whole(300, 24, kept=0.3)
    bins, probes = draw(24, 21)
    reference, kernel = both(dwta, x, bins, probes, 7, None, bits_per_bin)
    assert torch.equal(reference, kernel)
    for sparse in both(dwta_csr, *compressed(x), 24, bins, probes, 7, bits_per_bin):
        assert torch.equal(reference, sparse)


@pytest.mark.parametrize("name", ["reference", "cpu"])
@pytest.mark.parametrize("bits_per_bin", [0, 4])
def test_shifts_that_do_not_fit_are_refused(name: str, bits_per_bin: int) -> None:
    bins, probes = draw(24, 4)
    with using(name), pytest.raises(ValueError, match=f"bits_per_bin={bits_per_bin} for bins of 8"):  # type: ignore[arg-type]
        dwta(torch.zeros(3, 24), bins, probes, 2, None, bits_per_bin)


def test_layout_does_not_matter(both, strided) -> None:
    x, centre = whole(100, 24, kept=0.2), whole(24, seed=1)
    bins, probes = draw(24, 12)
    assert torch.equal(both(wta, x, bins, 4, centre)[0], both(wta, strided(x), strided(bins), 4, strided(centre))[1])
    reference, _ = both(dwta, x, bins, probes, 4)
    assert torch.equal(reference, both(dwta, strided(x), strided(bins), strided(probes), 4)[1])
    entries = [strided(part) for part in compressed(x)]
    assert torch.equal(reference, both(dwta_csr, *entries, 24, strided(bins), strided(probes), 4)[1])


def test_the_first_of_equal_coordinates_wins(both) -> None:
    bins = torch.tensor([[3, 1, 0, 2]], dtype=torch.int32)
    for result in both(wta, torch.tensor([[5.0, 9.0, 9.0, 1.0], [0.0, 0.0, 0.0, 0.0]]), bins, 1):
        assert result.tolist() == [[1], [0]]


def test_an_empty_bin_borrows_from_the_first_on_its_sequence_that_is_not(both) -> None:
    """Three bins, M = 4. Bin 0 asks 1 (empty), 3 (no bin), 1, … with step 2 it would miss bin 2; steps are odd."""
    bins = torch.tensor([[0, 1], [2, 3], [4, 5]], dtype=torch.int32)
    probes = torch.tensor([[1, 1], [0, 3], [0, 1]], dtype=torch.int32)
    only_last = torch.tensor([[0.0, 0.0, 0.0, 0.0, -2.0, -1.0]])
    for result in both(dwta, only_last, bins, probes, 3):
        assert result.tolist() == [[1, 1, 1]]
    first_and_last = torch.tensor([[3.0, 0.0, 0.0, 0.0, 0.0, 7.0]])
    for result in both(dwta, first_and_last, bins, probes, 3):
        assert result.tolist() == [[0, 0, 1]]
    for result in both(dwta, torch.zeros(1, 6), bins, probes, 3):
        assert result.tolist() == [[0, 0, 0]]


def test_stored_zeros_are_absent(both) -> None:
    bins, probes = draw(24, 12)
    x = whole(50, 24, kept=0.2)
    every = (torch.arange(24).repeat(50), x.flatten(), torch.arange(0, 50 * 24 + 1, 24))
    reference, kernel = both(dwta_csr, *every, 24, bins, probes, 4)
    assert torch.equal(reference, kernel)
    assert torch.equal(reference, both(dwta_csr, *compressed(x), 24, bins, probes, 4)[0])


@pytest.mark.parametrize("name", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("bins", "tables", "message"),
    [
        (torch.zeros(5, 8), 2, "5 × 8 for 2 tables"),
        (torch.zeros(4, 6), 2, "power of two"),
        (torch.zeros(9, 8), 1, "27 bits"),
        (torch.full((4, 8), 24), 2, "24 … 24"),
        (torch.full((4, 8), -1), 2, "-1 … -1"),
    ],
)
def test_bins_that_do_not_fit_are_refused(name: str, bins: Tensor, tables: int, message: str) -> None:
    with using(name), pytest.raises(ValueError, match=message):  # type: ignore[arg-type]
        wta(torch.zeros(3, 24), bins.int(), tables)


@pytest.mark.parametrize("name", ["reference", "cpu"])
@pytest.mark.parametrize("probe", [[-1, 1], [0, 2]])
def test_probes_that_do_not_fit_are_refused(name: str, probe: list[int]) -> None:
    bins, _ = draw(24, 4)
    with using(name), pytest.raises(ValueError, match="odd steps"):  # type: ignore[arg-type]
        dwta(torch.zeros(3, 24), bins, torch.tensor([probe] * 4).int(), 2)


@pytest.mark.parametrize("name", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("indices", "offsets", "message"),
    [([24], [0, 1], "24 … 24"), ([0], [0, 2], "fit the offsets"), ([0, 1], [0, 3, 2], "fall")],
)
def test_sparse_rows_that_do_not_fit_are_refused(
    name: str, indices: list[int], offsets: list[int], message: str
) -> None:
    bins, probes = draw(24, 4)
    with using(name), pytest.raises(ValueError, match=message):  # type: ignore[arg-type]
        dwta_csr(torch.tensor(indices), torch.ones(len(indices)), torch.tensor(offsets), 24, bins, probes, 2)


def test_declarations_hold() -> None:
    x, (bins, probes) = whole(10, 24), draw(24, 12)
    torch.library.opcheck(wta.torch_op, (x, bins, 4, whole(24)))
    torch.library.opcheck(dwta.torch_op, (x, bins, probes, 4))
    torch.library.opcheck(dwta_csr.torch_op, (*compressed(x), 24, bins, probes, 4))
