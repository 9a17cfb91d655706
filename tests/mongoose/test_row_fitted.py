"""Planes fitted to the rows: orthonormal, along the directions of their spread, and turned to lose little."""

import pytest
import torch
from torch import Tensor

from mongoose.hashing.itq import ITQ, better_rotation, quantisation_error
from mongoose.hashing.pca import PCAHash, principal_directions
from mongoose.index import LSHIndex
from mongoose.scheduling.always import Always

DIM = 20


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(count: int = 500) -> Tensor:
    """Rows around 3 that spread most along the first coordinates."""
    scales = torch.linspace(4, 0.1, DIM)
    return torch.randn(count, DIM, generator=generator(1)) * scales + 3


def fitted(kind: type[PCAHash], rank: int | None = 8) -> PCAHash:
    family = kind(DIM, num_bits=5, num_tables=3, generator=generator(), rank=rank)
    family.fit_rows(rows(), rows().mean(0))
    return family


@pytest.mark.parametrize("kind", [PCAHash, ITQ])
def test_the_planes_of_a_table_are_orthonormal_and_lie_among_the_first_directions(kind: type[PCAHash]) -> None:
    family = fitted(kind)
    first = principal_directions(rows() - rows().mean(0), 8)
    for planes in family.planes.split(5, dim=1):
        torch.testing.assert_close(planes.t() @ planes, torch.eye(5), atol=1e-5, rtol=0)
        torch.testing.assert_close(first @ first.t() @ planes, planes, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", [PCAHash, ITQ])
def test_tables_are_turned_by_rotations_of_their_own(kind: type[PCAHash]) -> None:
    first, second, third = fitted(kind).planes.split(5, dim=1)
    assert float((first - second).abs().max()) > 0.1
    assert float((second - third).abs().max()) > 0.1


def test_principal_directions_hold_the_most_of_the_spread() -> None:
    centred = rows() - rows().mean(0)
    found = principal_directions(centred, 3)
    spread = torch.linalg.svdvals(centred)[:3].square().sum()
    torch.testing.assert_close((centred @ found).square().sum(), spread)


def test_codes_are_signs_around_the_centre() -> None:
    family, centre = fitted(PCAHash), rows().mean(0)
    bits = (rows() - centre) @ family.planes > 0
    weights = 2 ** torch.arange(5)
    assert torch.equal(family.codes(rows(), centre), (bits.view(-1, 3, 5) * weights).sum(2).int())


def test_each_iteration_lowers_the_quantisation_error() -> None:
    """Until it stands: first by much, and never up."""
    projected = torch.randn(2, 400, 6, generator=generator(2)) * torch.linspace(2, 0.2, 6)
    rotation = torch.eye(6).expand(2, -1, -1)
    errors = [quantisation_error(projected, rotation)]
    for _ in range(12):
        rotation = better_rotation(projected, rotation)
        torch.testing.assert_close(rotation @ rotation.transpose(1, 2), torch.eye(6).expand(2, -1, -1))
        errors.append(quantisation_error(projected, rotation))
    falls = torch.stack(errors).diff(dim=0)
    assert bool((falls < 1e-5).all())
    assert bool((falls[:3] < 0).all())
    assert bool((errors[-1] < 0.95 * errors[0]).all())


def test_itq_loses_less_than_the_rotation_it_started_from() -> None:
    centred = rows() - rows().mean(0)
    errors = []
    for family in (fitted(PCAHash), fitted(ITQ)):
        projected = (centred @ family.planes).view(-1, 3, 5).transpose(0, 1)
        errors.append(quantisation_error(projected, torch.eye(5).expand(3, -1, -1)))
    assert bool((errors[1] < errors[0]).all())


@pytest.mark.parametrize("rank", [4, 21])
def test_a_rank_that_cannot_be_is_refused(rank: int) -> None:
    with pytest.raises(ValueError, match=f"rank={rank}; 5 bits a table … 20 dimensions"):
        PCAHash(DIM, num_bits=5, num_tables=3, generator=generator(), rank=rank)


def test_the_index_fits_at_every_update_of_all_rows_and_not_of_some() -> None:
    family = PCAHash(DIM, num_bits=5, num_tables=3, generator=generator())
    index, weight = LSHIndex(family, Always()), rows()
    start = family.planes.clone()
    index.refresh(0, weight, index.due(0, weight))
    assert not torch.equal(family.planes, start)
    assert torch.equal(index.tables.codes, family.codes(weight, weight.mean(0)))
    first = family.planes.clone()
    index.refresh(1, weight.flip(1), torch.tensor([3, 5]))
    assert torch.equal(family.planes, first)
    index.refresh(2, weight.flip(1), index.due(2, weight))
    assert not torch.equal(family.planes, first)
    assert index.statistics.fits == 2
