"""What a data sheet says, as a JSON file: what the data set declares, and what was measured where it was at hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from bench import our_datasets as our_datasets
from bench.baselines import scores_of
from bench.store import write_atomically
from datasets.base import Dataset
from datasets.statistics import RANKS, label_frequencies, statistics
from datasets.text import TextDataset

ASKED = 2_000
"""Test points on which baselines are scored."""


def declared(dataset: Dataset | TextDataset) -> dict[str, Any]:
    """What the data set says of itself."""
    told = {key: getattr(dataset, key) for key in ("name", "title", "how", "source", "licence", "cautions")}
    if isinstance(dataset, TextDataset):
        return told | {"bytes": dataset.size}
    extra = {key: getattr(dataset, key) for key in ("of", "target") if hasattr(dataset, key)}
    return told | {"sizes": vars(dataset.sizes)} | extra


def measured(dataset: Dataset | TextDataset, asked: int = ASKED) -> dict[str, Any]:
    """What it looks like here, where it came from, and what baselines score on at most `asked` test points."""
    if isinstance(dataset, TextDataset):
        parts = {part: len(array) for part, array in vars(dataset.load()).items()}
        return parts | dataset.described()
    splits = dataset.load()
    frequencies = label_frequencies(splits.train.labels)
    ranks = np.unique(np.geomspace(1, len(frequencies), RANKS).astype(int))
    return dict(statistics(splits, dataset.name)) | {
        "unseen": 1 - len(frequencies) / splits.train.labels.shape[1],
        "frequencies": [[int(rank), int(frequencies[rank - 1])] for rank in ranks],
        "provenance": dataset.provenance(),
        "asked": min(asked, splits.test.points),
        "baselines": scores_of(splits, asked, dataset.propensity),
    }


def keep(folder: Path, dataset: Dataset | TextDataset, measure: bool) -> None:
    """Write its sheet; what was measured before stays, unless it is measured now."""
    path = folder / f"{dataset.name}.json"
    sheet = declared(dataset)
    if measure:
        sheet["measured"] = measured(dataset)
    elif path.exists() and (known := json.loads(path.read_text(encoding="utf-8")).get("measured")):
        sheet["measured"] = known
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(sheet, indent=1, ensure_ascii=False) + "\n").encode())
