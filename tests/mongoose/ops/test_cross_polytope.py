"""cross_polytope against the definition, in plain Python."""

import pytest
import torch
from torch import Generator, Tensor

from mongoose.ops.cross_polytope import BLOCK, cross_polytope


def whole(*shape: int, seed: int = 0) -> Tensor:
    """Small whole numbers, so that projections are exact and often tie."""
    return torch.randint(-2, 3, shape, generator=Generator().manual_seed(seed)).float()


def place_of_largest(projected: list[float]) -> int:
    both = projected + [-p for p in projected]
    return both.index(max(both))


@pytest.mark.parametrize("count", [0, 1, 31, 100])
@pytest.mark.parametrize(("tables", "size"), [(1, 1), (5, 1), (3, 4), (2, 32)])
@pytest.mark.parametrize("centred", [False, True])
def test_codes_are_the_place_of_the_largest(both, count: int, tables: int, size: int, centred: bool) -> None:
    x, rotations, offset = whole(count, 6), whole(6, tables * size, seed=1), whole(tables * size, seed=2)
    projected = (x @ rotations - (offset if centred else 0)).view(count, tables, size).tolist()
    expected = [[place_of_largest(table) for table in row] for row in projected]
    for result in both(cross_polytope, x, rotations, tables, offset if centred else None):
        assert result.tolist() == expected


def test_blocks_of_rows_do_not_show(both) -> None:
    x, rotations = whole(50, 4), whole(4, 1 << 18)
    assert len(x) > BLOCK // (1 << 18)
    assert torch.equal(both(cross_polytope, x, rotations, 4)[0][20:21], both(cross_polytope, x[20:21], rotations, 4)[0])


@pytest.mark.parametrize(("columns", "tables"), [(6, 2), (8, 3), (8, 0), (0, 1), (4, 8)])
def test_shapes_that_do_not_fit_are_refused(columns: int, tables: int) -> None:
    with pytest.raises(ValueError, match=f"{columns} directions for num_tables={tables}"):
        cross_polytope(whole(2, 3), whole(3, columns), tables)


def test_declarations_hold() -> None:
    torch.library.opcheck(cross_polytope.torch_op, (whole(5, 6), whole(6, 8), 2, whole(8)))
