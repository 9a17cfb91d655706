"""The study of hash families: how curves are read, and what is asked, taught and counted."""

from typing import Any

import pytest
import torch
from torch import Tensor

from bench.operating_points import Answers, Point, best_within, within
from bench.speed import shapes, synthetic
from bench.studies import hashing
from bench.studies.hashing import Contestant, Settings
from bench.task import Task
from mongoose.candidates import Candidates
from mongoose.hashing.learned import LearnedSimHash
from mongoose.sampling.mining import Seen, StepMining, Triplets

SETTINGS = Settings(queries=64, interval=3, bits=(0,), num_tables=4, candidates=(40,), microseconds=(100_000,))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    synthetic.save(synthetic.generate(shapes.get("tiny")), path)
    return synthetic.load(path, "tiny")


@pytest.fixture(scope="module")
def rows(task: Task) -> list[dict[str, Any]]:
    names = ("simhash", "dwta", "itq", "released", "triplet", "contrastive-thresholds")
    entries = {name: hashing.contestants()[name] for name in names}
    return hashing.measure(task, [4, 2], entries, SETTINGS)


def reading(candidates: float, recall: float) -> dict[str, float]:
    return {"candidates": candidates, "microseconds": candidates / 10, "recall_at_10": recall}


def test_a_curve_is_read_on_the_line_between_its_points() -> None:
    curve = [reading(40, 0.5), reading(10, 0.2), reading(20, 0.4)]
    assert within(curve, "candidates", 25) == pytest.approx(reading(25, 0.425))
    assert within(curve, "microseconds", 1.5) == pytest.approx(reading(15, 0.3))
    assert within(curve, "candidates", 20) == reading(20, 0.4)


def test_a_budget_beyond_a_curve_buys_its_dearest_point_and_one_below_it_nothing() -> None:
    curve = [reading(40, 0.5), reading(10, 0.2)]
    assert within(curve, "candidates", 1000) == reading(40, 0.5)
    assert within(curve, "candidates", 9) is None


def point(candidates: int, recalls: tuple[float, float]) -> Point:
    """One of four queries, the first two of a recall and the others of another."""
    hits = torch.tensor([recalls[0]] * 2 + [recalls[1]] * 2)
    return Point(torch.full((4,), float(candidates)), 1.0, {"recall_at_10": (hits, torch.ones(4))})


def test_curves_are_chosen_on_one_half_of_the_queries_and_read_on_the_other() -> None:
    curves = {"lucky": [point(10, (0.9, 0.1))], "sound": [point(10, (0.5, 0.5))], "dear": [point(30, (1, 1))]}
    key, found = best_within(curves, "candidates", 20)
    assert key == "lucky"
    assert found is not None
    assert found["recall_at_10"] == pytest.approx(0.1)
    assert best_within(curves, "candidates", 5) == (None, None)


def test_recalls_are_shares_of_the_exact_answers() -> None:
    top = torch.arange(24).view(2, 12)
    answers = Answers(top, common=torch.tensor([0, 1, 2, 12]))
    found = Candidates.from_pairs(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 3, 11, 50]), 2)
    read = answers.marked(found, 7.0).read(slice(None))
    assert read["candidates"] == 2
    assert read["microseconds"] == 7
    assert read["recall_at_10"] == pytest.approx(2 / 20)
    assert read["recall_at_100"] == pytest.approx(3 / 24)
    assert read["recall_at_10_rare"] == pytest.approx(1 / 16)


def test_there_is_a_row_for_each_family_mark_and_budget(rows: list[dict[str, Any]]) -> None:
    found = {(row["family"], row["step"], row["axis"], row["budget"]) for row in rows}
    families = {"simhash", "dwta", "itq", "released", "triplet", "contrastive-thresholds"}
    hashed = {(f, s, *p) for f in families for s in (2, 4) for p in (("candidates", 40), ("microseconds", 100_000))}
    assert found == hashed | {("popular", s, "candidates", 40) for s in (2, 4)}
    assert len(found) == len(rows)


def test_budgets_are_kept_and_recalls_are_shares(rows: list[dict[str, Any]]) -> None:
    read = [row for row in rows if "recall_at_10" in row]
    assert len(read) > len(rows) / 2
    assert all(0 <= row["recall_at_10"] <= 1 for row in read)
    assert all(row["candidates"] < 40 + 1e-4 for row in read if row["axis"] == "candidates")
    generous = [row for row in read if row["axis"] == "microseconds" and row["family"] == "simhash"]
    assert all(row["recall_at_10"] > row["candidates"] / 300 for row in generous)


def test_what_learns_has_costs_and_what_does_not_has_none(rows: list[dict[str, Any]]) -> None:
    for row in (row for row in rows if row["num_bits"] is not None):
        learns = row["family"] in ("released", "triplet", "contrastive-thresholds")
        assert (row["mine_ms"] is not None) == learns
        assert (row["fit_ms"] is not None) == (learns or row["family"] == "itq")
        assert (row["training_share"] == 0) == (row["family"] in ("simhash", "dwta"))


def test_the_share_of_training_is_mean_costs_over_the_steps_of_an_interval() -> None:
    follower = hashing._Follower(hashing.contestants()["triplet"], 16, 4, SETTINGS, seed=0)
    follower.mine_ms, follower.fit_ms = [1.0, 2.0, 6.0], [30.0, 10.0, 11.0]
    assert follower.costs(step_ms=5.0) == {"mine_ms": 2, "fit_ms": 11, "training_share": (3 + 17) / (3 * 5)}


def test_queries_that_are_asked_are_never_taught(task: Task) -> None:
    study = hashing._Study(task, {}, SETTINGS, seed=0)
    assert not set(study.asked.tolist()) & set(study.others.tolist())
    assert len(study.asked) + len(study.others) == len(task.train)


def test_fits_come_at_the_interval_and_at_marks_and_are_kept(task: Task) -> None:
    taught: list[Tensor] = []

    class Watched(StepMining):
        def triplets(self, seen: Seen, *rest: Any) -> Triplets:
            taught.append(seen.active)
            return super().triplets(seen, *rest)

    families = []

    def make(dim: int, **shape: Any) -> LearnedSimHash:
        families.append(LearnedSimHash(dim, **shape))
        return families[-1]

    hashing.measure(task, [4, 7], {"one": Contestant(make, Watched)}, SETTINGS)
    assert len(taught) == 4  # steps 3, 4, 6, 7
    assert len(families) == 1
    assert families[0].num_fits == 4
