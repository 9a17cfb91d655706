"""What is on the clock, what early stopping keeps, what the monitors see."""

import time
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import datasets
from bench import memory, methods, training
from bench.config import RunConfig
from bench.evaluation import active_size, recalls
from bench.hash_change import HashWatch
from bench.seeds import stream
from bench.task import Task, curve_points
from bench.timing import Stopwatch
from bench.training import Training
from mongoose.nn.linear import SampledLinear
from mongoose.sampling.base import SharedActiveSet


@pytest.fixture(scope="module")
def task() -> Task:
    return Task("tiny", datasets.get("tiny").load(), hidden=16)


def make_training(task: Task, method: str = "sampled_uniform", **values: Any) -> Training:
    settings = {"experiment": "test", "scale": "smoke", "seed": 0, "seconds": 0.2, "evaluations": 4, "batch_size": 64}
    config = RunConfig(method=method, dataset="tiny", hidden=16, **(settings | values))
    streams = partial(stream, 0)
    plug_in = methods.get(method)
    return Training("key", config, task, plug_in.build(task, plug_in.config(), streams), {"lr": 1e-2}, streams)


def scripted(validation: list[float], seen: list[torch.Tensor], net: Any) -> Any:
    """An evaluation that takes 0.1 s and notes the weights; the test part says the opposite of the validation part."""
    answers = iter([value for p in validation for value in (p, 1 - p)] + [0.77])

    def evaluate(*_: Any) -> dict[str, float]:
        time.sleep(0.1)
        seen.append(net.head.weight.detach().clone())
        return dict.fromkeys(("p_at_1", "p_at_3", "p_at_5", "psp_at_1"), next(answers))

    return evaluate


def test_evaluation_is_off_the_clock(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_training(task)
    monkeypatch.setattr(training, "evaluate", scripted([0.1, 0.2, 0.3, 0.4], [], run.net))
    start = time.perf_counter()
    run.run(lambda event: None)
    assert time.perf_counter() - start > run.train_s + 0.8
    assert run.clock.seconds("evaluation", "final") > 0.85


def test_early_stopping_scores_the_weights_of_the_best_validation(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_training(task)
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(training, "evaluate", scripted([0.1, 0.5, 0.3, 0.5], seen, run.net))
    final = run.run(lambda event: None)
    evaluations = [trace for trace in run.traces if trace.event == "evaluation"]
    assert final["p_at_1"] == 0.77
    assert run.best == (0.5, evaluations[1].step, evaluations[1].train_s)
    assert torch.equal(seen[-1], seen[2])
    assert not torch.equal(seen[-1], seen[-2])


def test_table_updates_are_on_the_clock(task: Task) -> None:
    run = make_training(task, "naive_lsh")
    run.run(lambda event: None)
    assert run.clock.seconds("update") > 0
    assert run.train_s == run.clock.seconds("step") + run.clock.seconds("update")
    assert run.statistics.updates == run.step + 1
    assert run.traces[-1].table_updates == run.step + 1


def test_a_stopwatch_adds_up_phases_also_when_they_raise() -> None:
    clock = Stopwatch()
    with clock.phase("a"):
        time.sleep(0.02)

    def fail() -> None:
        with clock.phase("a"):
            time.sleep(0.02)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    time.sleep(0.02)
    assert clock.seconds("a", "never") >= 0.04
    assert dict(clock.phases).keys() == {"a"}


def test_peak_memory_sees_an_allocation_and_forgets_it_on_reset() -> None:
    if not memory.reset_peak():
        pytest.skip("this kernel refuses /proc/self/clear_refs; peaks are then those of the whole process")
    before = memory.peak_mib()
    block = np.ones(100 * 2**20, dtype=np.uint8)
    assert memory.peak_mib() - before == pytest.approx(100, abs=4)
    del block
    memory.reset_peak()
    assert memory.peak_mib() - before == pytest.approx(0, abs=4)


def test_streams_depend_on_seed_and_purpose() -> None:
    draws = {(seed, name): torch.rand(4, generator=stream(seed, name)).tolist() for seed in (0, 1) for name in "ab"}
    assert len({tuple(draw) for draw in draws.values()}) == 4
    assert torch.rand(4, generator=stream(0, "a")).tolist() == draws[0, "a"]


def test_batches_are_the_rows_of_the_data_set(task: Task) -> None:
    ids = torch.tensor([5, 599, 5, 0])
    rows, labels = task.train.batch(ids)
    part = task.splits.train
    for b, point in enumerate(ids.tolist()):
        span = slice(int(rows.offsets[b]), int(rows.offsets[b + 1]))
        assert rows.indices[span].tolist() == part.features[point].indices.tolist()
        assert rows.values[span].tolist() == part.features[point].data.tolist()
        assert labels.ids[labels.samples == b].tolist() == part.labels[point].indices.tolist()


def test_an_epoch_visits_every_point_once_but_the_incomplete_batch() -> None:
    batches = training.endless_batches(10, 3, partial(stream, 0))
    first, second = ([next(batches) for _ in range(3)] for _ in range(2))
    assert len(set(torch.cat(first).tolist())) == 9
    assert not torch.equal(torch.cat(first), torch.cat(second))


def test_curves_are_drawn_on_the_same_points_every_time(task: Task) -> None:
    first, second = (curve_points(task.splits.test, 50) for _ in range(2))
    assert first.points == 50
    assert (first.features != second.features).nnz == 0
    assert curve_points(task.splits.test, 10_000) is task.splits.test


def test_recall_counts_the_top_ten_that_the_active_set_holds(task: Task) -> None:
    net = make_training(task).net
    head = net.head
    assert isinstance(head, SampledLinear)
    rows, labels = task.train.batch(torch.arange(8))
    net.loss(rows, labels)
    assert head.queries is not None
    top = head.topk(head.queries, 10)
    head.active = SharedActiveSet(torch.unique(top[:, :4]), labels)
    expected = np.mean([len(set(row) & set(top[:, :4].flatten().tolist())) / 10 for row in top.tolist()])
    assert recalls(net) == {"recall_at_10": pytest.approx(expected)}
    assert active_size(net) == len(torch.unique(top[:, :4]))


def test_recall_of_what_was_retrieved_and_of_tables_as_they_are_and_as_they_would_be(task: Task) -> None:
    """The rows change places behind the tables' back: they find what was near before, tables built now what is."""
    net = make_training(task, "naive_lsh").net
    head = net.head
    assert isinstance(head, SampledLinear)
    assert head.sampler.index is not None
    net.refresh(0)
    net.loss(*task.train.batch(torch.arange(64)))
    before = recalls(net)
    assert before["candidate_recall"] == before["fresh_recall"] > before["retrieved_at_10"] > 0
    assert before["recall_at_10"] >= before["retrieved_at_10"]
    with torch.no_grad():
        head.weight.copy_(head.weight.flip(0))
        head.bias.copy_(head.bias.flip(0))
    after = recalls(net)
    assert after["fresh_recall"] == pytest.approx(before["fresh_recall"])
    assert after["candidate_recall"] < before["candidate_recall"]


def test_hash_watch_counts_bits_and_whole_codes() -> None:
    watch = HashWatch(8, generator=stream(0, "watch"))
    weight = torch.randn(100, 8, generator=stream(0, "rows"))
    half = torch.cat([weight[:50], -weight[50:]])
    change = watch.change(watch.codes(weight), watch.codes(half))
    assert (change.bits, change.codes) == (0.5, 0.5)
    one = weight.clone()
    one[0] = -one[0]
    assert watch.change(watch.codes(weight), watch.codes(one)).codes == pytest.approx(0.01)
