"""The index finds what brute force finds, for as long as its policy keeps it fresh."""

import pytest
import torch

from mongoose.hashing.hadamard import HadamardSimHash
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.index import LSHIndex
from mongoose.ops.shortlist import describe_rows
from mongoose.scheduling.always import Always
from mongoose.scheduling.base import Rows
from mongoose.scheduling.never import Never

DIM = 12


def make_weight() -> torch.Tensor:
    return torch.randn(400, DIM, generator=torch.Generator().manual_seed(0)) + 2


def make_index(policy: Always | Never, centre: bool = True) -> LSHIndex:
    family = SimHash(DIM, num_bits=6, num_tables=4, generator=torch.Generator().manual_seed(1))
    return LSHIndex(family, policy, centre=centre)


def refresh(index: LSHIndex, step: int, weight: torch.Tensor) -> None:
    index.refresh(step, weight, index.due(step, weight))


def test_a_fresh_index_holds_the_codes_of_the_rows() -> None:
    weight, index = make_weight(), make_index(Always())
    for step in range(4):
        refresh(index, step, weight)
        assert torch.equal(index.tables.codes, index.family.codes(weight - weight.mean(0)))
        weight = weight + 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(step))


def test_a_stale_index_keeps_the_first_codes() -> None:
    weight, index = make_weight(), make_index(Never())
    refresh(index, 0, weight)
    first = index.tables.codes.clone()
    refresh(index, 1, -weight)
    assert torch.equal(index.tables.codes, first)
    assert index.statistics.updates == 1


def test_only_rows_whose_code_changed_are_moved() -> None:
    weight, index = make_weight(), make_index(Always(), centre=False)
    refresh(index, 0, weight)
    weight[7] = -weight[7]
    refresh(index, 1, weight)
    assert index.statistics.rows_moved == 400 + 1


def test_given_rows_alone_are_updated() -> None:
    weight, index = make_weight(), make_index(Never(), centre=False)
    index.refresh(0, weight, Rows.ALL)
    index.refresh(1, -weight, torch.tensor([3, 5]))
    changed = (index.tables.codes != index.family.codes(weight)).any(1).nonzero().flatten().tolist()
    assert changed == [3, 5]


def test_the_running_mean_of_the_queries_forgets_at_its_momentum() -> None:
    index = LSHIndex(make_index(Always()).family, Always(), momentum=0.75)
    for batch in (torch.ones(5, DIM), torch.zeros(3, DIM), torch.full((2, DIM), 4.0)):
        index.observe(batch)
    torch.testing.assert_close(index.query_mean, torch.full((DIM,), 0.75**2 + 0.25 * 4))


def test_hash_functions_are_fitted_to_the_rows_as_they_are_hashed() -> None:
    """The centre of the fit is the mean of the present rows, not that of the last update."""

    class Spy(LearnedSimHash):
        def fit(
            self,
            anchor: torch.Tensor,
            positive: torch.Tensor,
            negative: torch.Tensor,
            other: torch.Tensor | None = None,
        ) -> float:
            self.seen, self.other = positive, other
            return 0.0

    weight = make_weight()
    family = Spy(DIM, num_bits=4, num_tables=2, generator=torch.Generator().manual_seed(1))
    index = LSHIndex(family, Always())
    refresh(index, 0, weight)
    weight = weight + 5
    index.learn_from(weight[:9], torch.arange(9), torch.arange(9, 18))
    refresh(index, 1, weight)
    torch.testing.assert_close(family.seen, weight[:9] - weight.mean(0))
    assert family.other is None
    index.observe(weight)
    index.learn_from(weight[:9], torch.arange(9), torch.arange(9, 18), weight[9:18])
    refresh(index, 2, weight)
    assert family.other is not None
    torch.testing.assert_close(family.other, weight[9:18] - index.query_mean)


def test_centring_spreads_queries_that_point_the_same_way() -> None:
    """Rows and queries around a common mean share few codes once that mean is taken away."""
    weight = make_weight() + 20
    counts = []
    for centre in (False, True):
        index = make_index(Always(), centre=centre)
        refresh(index, 0, weight)
        index.observe(weight[:64])
        counts.append(float(index.query(weight[:64]).counts.float().mean()))
    assert counts[0] > 300
    assert counts[1] < 120


def test_a_learnable_family_is_fitted_once_per_batch_of_triplets() -> None:
    weight = make_weight()
    family = LearnedSimHash(DIM, num_bits=4, num_tables=2, generator=torch.Generator().manual_seed(1), first_steps=3)
    index = LSHIndex(family, Always())
    planes = family.planes.detach().clone()
    refresh(index, 0, weight)
    assert torch.equal(family.planes, planes)
    index.learn_from(weight[:50], torch.arange(50), torch.arange(50, 100))
    refresh(index, 1, weight)
    refresh(index, 2, weight)
    assert index.statistics.fits == 1
    assert not torch.equal(family.planes, planes)
    assert torch.equal(index.tables.codes, family.codes(weight - weight.mean(0)))


def test_the_shortlist_knows_the_rows_as_the_tables_do() -> None:
    """After an update of some rows, what is known of these is new, and of the others as it was."""
    weight = make_weight()
    family = SimHash(DIM, num_bits=6, num_tables=4, generator=torch.Generator().manual_seed(1))
    index = LSHIndex(family, Never(), shortlist=9)
    index.observe(weight[:20])
    index.refresh(0, weight, Rows.ALL)
    moved, rows = weight.clone(), torch.tensor([3, 5])
    moved[rows] += 1
    index.refresh(1, moved, rows)
    about = (6, index.row_mean, index.query_mean)
    assert torch.equal(index.digests, describe_rows(moved, family.codes(moved, index.row_mean), *about))
    assert not torch.equal(index.digests[3], describe_rows(weight, family.codes(weight, index.row_mean), *about)[3])


def test_a_shortlist_finds_most_of_what_exact_scores_find() -> None:
    weight = make_weight()
    family = SimHash(DIM, num_bits=4, num_tables=8, generator=torch.Generator().manual_seed(1))
    x, bias = make_weight()[:64] + 0.1, torch.zeros(400)
    kept = []
    for size in (None, 40):
        index = LSHIndex(family, Never(), shortlist=size)
        index.observe(x)
        index.refresh(0, weight, Rows.ALL)
        kept.append(index.retrieve(x, weight, bias, keep=8))
    same = kept[0].contains(kept[1].samples, kept[1].ids)
    assert 0.9 < float(same.float().mean()) < 1


def test_a_shortlist_asks_for_a_built_index_as_others_do() -> None:
    index = LSHIndex(make_index(Never()).family, Never(), shortlist=9)
    with pytest.raises(RuntimeError, match="before build"):
        index.retrieve(make_weight(), make_weight(), torch.zeros(400), keep=3)


def test_rows_are_described_once_also_without_centres(monkeypatch: pytest.MonkeyPatch) -> None:
    index, weight = LSHIndex(make_index(Never()).family, Never(), centre=False, shortlist=9), make_weight()
    index.refresh(0, weight, Rows.ALL)
    monkeypatch.setattr("mongoose.index.describe_rows", lambda *_: pytest.fail("described again"))
    assert len(index.retrieve(weight[:5], weight, torch.zeros(400), keep=3)) == 5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_shortlist_takes_both_precisions(dtype: torch.dtype) -> None:
    family = HadamardSimHash(DIM, num_bits=4, num_tables=4, generator=torch.Generator().manual_seed(1))
    index, weight = LSHIndex(family, Never(), shortlist=20), make_weight().to(dtype)
    index.refresh(0, weight, Rows.ALL)
    index.observe(weight[:9])
    assert int(index.retrieve(weight[:9], weight, torch.zeros(400, dtype=dtype), keep=3).counts.min()) == 3


def test_queries_are_hashed_by_the_map_of_queries() -> None:
    """In a family that has one of its own; rows are in the tables by theirs."""
    weight = make_weight()
    family = LearnedSimHash(
        DIM, num_bits=4, num_tables=3, generator=torch.Generator().manual_seed(1), asymmetric=True, first_steps=20
    )
    index = LSHIndex(family, Always())
    index.observe(weight[:50])
    index.learn_from(weight[:50], torch.arange(50, 100), torch.arange(100, 150))
    refresh(index, 0, weight)
    asked = family.query_codes(weight[:9], index.query_mean)
    assert not torch.equal(asked, family.codes(weight[:9], index.query_mean))
    assert torch.equal(index.query_codes(weight[:9]), asked)
    found = index.query(weight[:9])
    assert set(found.ids[found.samples == 0].tolist()) == set(
        (index.tables.codes == asked[0]).any(1).nonzero().flatten().tolist()
    )
    assert torch.equal(index.tables.codes, family.codes(weight, weight.mean(0)))
