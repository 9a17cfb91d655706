"""What a data sheet says, as a JSON file: what the data set declares, and what was measured where it was at hand."""

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import our_datasets as our_datasets
from bench.baselines import scores_of, telling
from bench.environment import commit
from bench.store import write_atomically
from datasets.base import Dataset
from datasets.fetched import accepted
from datasets.statistics import label_frequencies, log_ranks, statistics
from datasets.text import TextDataset

ASKED = 2_000
"""Test points on which baselines are scored."""


def declared(dataset: Dataset | TextDataset) -> dict[str, Any]:
    """What the data set says of itself."""
    told = {key: getattr(dataset, key) for key in ("name", "title", "how", "source", "licence", "cautions")}
    if isinstance(dataset, TextDataset):
        return told | _addresses(dataset) | {"bytes": dataset.size}
    extra = {key: getattr(dataset, key) for key in ("of", "target") if hasattr(dataset, key)}
    return told | _addresses(dataset) | {"sizes": vars(dataset.sizes)} | extra


def _addresses(dataset: Dataset | TextDataset) -> dict[str, Any]:
    archive = getattr(dataset, "archive", None)
    return {"addresses": archive.remote.urls, "accepted": accepted(archive)} if archive else {}


def measured(dataset: Dataset | TextDataset, asked: int = ASKED) -> dict[str, Any]:
    """What it looks like here, where and when, and what baselines score on at most `asked` test points."""
    if isinstance(dataset, TextDataset):
        parts = {part: len(array) for part, array in vars(dataset.load()).items()}
        return parts | dataset.described() | {"measured": _when()}
    splits = dataset.load()
    frequencies = label_frequencies(splits.train.labels)
    ranks = log_ranks(len(frequencies))
    return dict(statistics(splits, dataset.name)) | {
        "unseen": 1 - len(frequencies) / splits.train.labels.shape[1],
        "frequencies": [[int(rank), int(frequencies[rank - 1])] for rank in ranks],
        "provenance": dataset.provenance(),
        "measured": _when(),
        "asked": min(asked, splits.test.points),
        "telling": len(telling(splits.train)),
        "baselines": scores_of(splits, asked, dataset.propensity),
    }


def _when() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit()}, numpy {version('numpy')}"


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
