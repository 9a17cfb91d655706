"""CrossPolytope; its collisions are in hashing_laws."""

import pytest
import torch
from torch import Generator

from mongoose.hashing.cross_polytope import CrossPolytope


def test_scale_does_not_matter_and_opposite_rows_have_opposite_corners() -> None:
    family = CrossPolytope(20, num_bits=4, num_tables=9, generator=Generator().manual_seed(0))
    x = torch.randn(50, 20, generator=Generator().manual_seed(1))
    assert torch.equal(family.codes(x), family.codes(4 * x))
    assert torch.equal((family.codes(x) + 8) % 16, family.codes(-x))


@pytest.mark.parametrize("bits", [0, 25])
def test_codes_of_no_bits_or_too_many_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match=f"num_bits={bits}"):
        CrossPolytope(1, num_bits=bits, num_tables=1, generator=Generator())
