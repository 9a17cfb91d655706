"""A data sheet holds what a set declares, and keeps what was once measured."""

import json

import pytest

import datasets
import datasets.text
from bench.data import find, names
from bench.sheets import declared, keep, measured
from datasets.statistics import statistics

TINY = datasets.get("tiny")


@pytest.fixture(scope="module")
def tiny():
    return measured(TINY, asked=50)


def test_what_was_measured_is_what_stats_tells(tiny):
    expected = dict(statistics(TINY.load(), "tiny"))
    assert {key: tiny[key] for key in expected} == expected
    assert tiny["asked"] == 50
    assert set(tiny["baselines"]) == {"most frequent", "10-NN"}
    assert tiny["provenance"] == {"sha256": {}}


def test_frequencies_fall_with_rank(tiny):
    ranks, counts = zip(*tiny["frequencies"], strict=True)
    assert ranks[0] == 1
    assert list(ranks) == sorted(set(ranks))
    assert list(counts) == sorted(counts, reverse=True)
    occurring = len(set(TINY.load().train.labels.indices.tolist()))
    assert ranks[-1] == occurring
    assert tiny["unseen"] == pytest.approx(1 - occurring / 300)


def test_a_measurement_stays_when_the_sheet_is_written_again(tmp_path):
    keep(tmp_path, TINY, measure=True)
    once = (tmp_path / "tiny.json").read_text()
    keep(tmp_path, TINY, measure=False)
    assert (tmp_path / "tiny.json").read_text() == once
    assert "measured" in json.loads(once)


@pytest.mark.parametrize("name", names())
def test_every_set_says_what_it_is_and_what_to_beware_of(name):
    told = declared(find(name))
    assert told["how"].endswith(".")
    assert told["cautions"]
    assert all(caution.endswith(".") for caution in told["cautions"])
    assert ("sizes" in told) != ("bytes" in told)
