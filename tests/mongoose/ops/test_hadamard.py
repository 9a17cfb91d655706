"""hadamard_simhash: kernel against definition, definition against the Hadamard matrix's properties."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.backend import using
from mongoose.ops.hadamard import hadamard_matrix, hadamard_projections, hadamard_simhash

DTYPES = [torch.float32, torch.float64]


def whole(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    """Small whole numbers: both transforms are exact on them, and projections often tie with an offset."""
    return torch.randint(-4, 5, shape, generator=Generator().manual_seed(seed)).to(dtype)


def draw_signs(blocks: int, size: int) -> Tensor:
    return torch.randint(0, 2, (blocks, 2, size), generator=Generator().manual_seed(1)).float() * 2 - 1


@pytest.mark.parametrize("size", [1, 2, 16, 128])
def test_the_matrix_has_orthogonal_rows_of_signs(size: int) -> None:
    matrix = hadamard_matrix(size)
    assert matrix.shape == (size, size)
    assert set(matrix.flatten().tolist()) <= {-1.0, 1.0}
    assert torch.equal(matrix @ matrix, size * torch.eye(size))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dim", [1, 7, 16, 24, 63, 100, 128, 300])
@pytest.mark.parametrize("rows", [0, 1, 31, 32, 33, 127, 1000])
def test_kernel_is_the_definition(both, rows: int, dim: int, dtype: torch.dtype) -> None:
    size = max(16, 1 << (dim - 1).bit_length())
    x = whole(rows, dim, dtype=dtype)
    for bits, tables in [(1, 1), (9, 37), (24, 2)]:
        signs = draw_signs(-(-bits * tables // size), size)
        for offset in (None, whole(bits * tables, dtype=dtype, seed=2)):
            reference, kernel = both(hadamard_simhash, x, signs, bits, tables, offset)
            assert torch.equal(reference, kernel)


def test_codes_of_any_rows_agree_but_for_ties(both) -> None:
    """With rounding: every bit whose projection is further than 1e-3 (of a typical 128) from its offset."""
    x, signs = torch.randn(1000, 100, generator=Generator().manual_seed(3)), draw_signs(2, 128)
    offset = hadamard_projections(torch.randn(1, 100, generator=Generator().manual_seed(4)), signs)[0]
    reference, kernel = both(hadamard_simhash, x, signs, 16, 16, offset)
    clear = (hadamard_projections(x, signs) - offset).abs() > 1e-3
    differs = ((reference ^ kernel).unsqueeze(2) >> torch.arange(16)) & 1
    assert float(clear.float().mean()) > 0.999
    assert not bool((differs.bool() & clear.view(1000, 16, 16)).any())


def test_layout_does_not_matter(both, strided) -> None:
    x, signs, offset = whole(100, 24), draw_signs(2, 32), whole(40, seed=2)
    reference, _ = both(hadamard_simhash, x, signs, 8, 5, offset)
    _, kernel = both(hadamard_simhash, strided(x), strided(signs), 8, 5, strided(offset))
    assert torch.equal(reference, kernel)


@pytest.mark.parametrize("name", ["reference", "cpu"])
@pytest.mark.parametrize(
    ("shape", "bits", "tables", "message"),
    [
        ((1, 2, 8), 2, 2, "at least 16"),
        ((1, 2, 48), 2, 2, "power of two"),
        ((1, 2, 16), 2, 2, "D=20"),
        ((1, 1, 32), 2, 2, r"\[T, 2, P\]"),
        ((1, 2, 32), 25, 1, "K ≤ 24"),
        ((1, 2, 32), 3, 11, "32 projections"),
        ((1, 2, 32), 3, 0, "num_tables=0"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(name: str, shape: tuple, bits: int, tables: int, message: str) -> None:
    with using(name), pytest.raises(ValueError, match=message):  # type: ignore[arg-type]
        hadamard_simhash(torch.zeros(3, 20), torch.ones(shape), bits, tables)


def test_declarations_hold() -> None:
    torch.library.opcheck(hadamard_simhash.torch_op, (whole(10, 20), draw_signs(1, 32), 5, 3, whole(15)))
    torch.library.opcheck(hadamard_simhash.torch_op, (whole(10, 20), draw_signs(1, 32), 5, 3))
