"""A built data set gives back what its recipe made, and refuses what is far from what was promised."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import datasets
from datasets.base import MissingFileError, PreparationError, Splits
from datasets.built import KINDS, PARTS, BuiltDataset

TINY = datasets.get("tiny")


@dataclass(frozen=True)
class Copy(BuiltDataset):
    """Of the tiny set."""

    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        return TINY.load(), {"version": "1"}


COPY = Copy("copy", "title", "source", "licence", TINY.sizes)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOOSE_DATA", str(tmp_path))


def test_every_matrix_comes_back_in_its_place() -> None:
    with pytest.raises(MissingFileError, match="data get copy"):
        COPY.load()
    COPY.get()
    found, expected = COPY.load(), TINY.load()
    for name in PARTS:
        for kind in KINDS:
            one, other = (getattr(getattr(splits, name), kind) for splits in (found, expected))
            one.check_format(full_check=True)
            assert one.shape == other.shape
            assert one.dtype == np.float32
            assert isinstance(one.data, np.memmap)
            assert (one != other).nnz == 0
    assert COPY.provenance() == {"version": "1", "recipe": COPY.entry.recipe}


def test_sizes_may_drift_as_far_as_was_said() -> None:
    promised = replace(TINY.sizes, labels=TINY.sizes.labels + 10)
    with pytest.raises(PreparationError, match="labels 300, expected 310, each ± 1%"):
        replace(COPY, sizes=promised, drift=0.01).get()
    assert not replace(COPY, sizes=promised, drift=0.01).entry.present
    replace(COPY, sizes=promised, drift=0.05).get()
