"""The papers' own data sets, of the Extreme Classification Repository; they are downloaded when asked for.

The repository's addresses have died; those here are copies that others keep: napkinXC's list, and for some sets the
archives of PECOS, as sets of their own. Nobody publishes digests: that of the first download is noted.
Sizes: Chen et al. 2020 (SLIDE), Table 1, and the repository's table. A twentieth of the training points becomes the
validation part. Rows are scaled to length 1, as in every set here; the files' own lengths are lost by that.
"""

import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import scipy.sparse
from scipy.sparse import csr_matrix

from datasets import counts, fetched, tfidf, xmc, xmc_blocks, xmc_reference
from datasets.archives import Member
from datasets.base import Part, PreparationError, Sizes, Splits
from datasets.built import BuiltDataset
from datasets.download import Remote
from datasets.fetched import Archive

GIB = 1 << 30
DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
PECOS = "https://archive.org/download/pecos-dataset/xmc-base/"
TRAIN, TEST = "train", "test"


@dataclass(frozen=True)
class XMCRepository(BuiltDataset):
    """A set of two XMC text files, or of four matrices.

    archive: what holds it. brought: such an archive, or a folder of its files, that the user has.
    """

    archive: Archive | None = None
    brought: Path | None = None
    made_by: ClassVar = (sys.modules[__name__], counts, tfidf, xmc, xmc_blocks, xmc_reference)

    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        assert self.archive is not None
        return fetched.take(self.name, self.archive, self._read, self.brought)

    def _read(self, folder: Path) -> Splits:
        """The parts, if they have the sizes that were published."""
        train, test = (_part(folder, part) for part in (TRAIN, TEST))
        _require(train.features.shape[1:] == test.features.shape[1:], "train and test differ in their features")
        _require(train.labels.shape[1:] == test.labels.shape[1:], "train and test differ in their labels")
        kept, held_out = counts.held_out(train.points)
        splits = Splits(train.take(kept), train.take(held_out), test)
        self._compare_sizes(splits)
        return splits


def texts(name: str, drive: str, folder: str, stem: str) -> Archive:
    """A zip of two text files, by its id on Google Drive."""
    members = tuple(Member(f"{folder}/{stem}_{part}.txt", f"{part}.txt", 8 * GIB) for part in (TRAIN, TEST))
    return Archive(Remote(f"{name}.zip", (f"{DRIVE}{drive}",), 4 * GIB), members)


def matrices(name: str) -> Archive:
    """PECOS's tar of the set; the texts in it are passed over."""
    home, parts = f"xmc-base/{name}", {TRAIN: "trn", TEST: "tst"}
    features = [Member(f"{home}/tfidf-attnxml/X.{short}.npz", f"{part}.X.npz", GIB) for part, short in parts.items()]
    labels = [Member(f"{home}/Y.{short}.npz", f"{part}.Y.npz", GIB) for part, short in parts.items()]
    return Archive(Remote(f"{name}.tar.gz", (f"{PECOS}{name}.tar.gz",), 16 * GIB), (*features, *labels))


def _part(folder: Path, name: str) -> Part:
    """A part of rows of length 1, out of a text file or of two matrices."""
    text = folder / f"{name}.txt"
    if text.exists():
        part = xmc.read(text)
        return Part(tfidf.unit_rows(part.features), part.labels)
    features, labels = (_matrix(folder / f"{name}.{kind}.npz") for kind in ("X", "Y"))
    _require(features.shape[0] == labels.shape[0], f"the matrices X and Y of {name} differ in their rows")
    labels.data[:] = 1
    return Part(tfidf.unit_rows(features), labels)


def _matrix(path: Path) -> csr_matrix:
    """A matrix that scipy has saved, of finite values; rows sorted, repeats merged, zeros dropped."""
    try:
        with zipfile.ZipFile(path) as arrays:
            size = sum(info.file_size for info in arrays.infolist())
        _require(size <= 16 * GIB, f"{path.name} unpacks to {size:,} bytes, at most {16 * GIB:,} are read")
        with np.errstate(over="ignore"):  # to infinity, which is refused below
            matrix = csr_matrix(scipy.sparse.load_npz(path), dtype=np.float32)
        matrix.check_format(full_check=True)
    except PreparationError:
        raise
    except Exception as error:  # numpy parses headers as Python: ten kinds were seen, and none are documented
        raise PreparationError(f"{path.name} is no sparse matrix as scipy saves them: {error}.") from None
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    _require(bool(np.isfinite(matrix.data).all()), f"{path.name} holds values that are not finite in float32")
    return matrix


def _require(fulfilled: bool, otherwise: str) -> None:
    if not fulfilled:
        raise PreparationError(f"{otherwise}.")


WEIGHTS = " Features are words, weighted as in the files."
CAUTIONS = (
    "Nobody here has seen the files: sizes are those that the papers print, statistics are not measured.",
    "The published split was chosen so that most labels occur in both parts: scores are higher than on a random split.",
    "Rows are scaled to length 1, which SLIDE and MONGOOSE do not do.",
)


def _repository(
    name: str, title: str, how: str, sizes: Sizes, archive: Archive, propensity: tuple[float, float] = (0.55, 1.5)
) -> XMCRepository:
    return XMCRepository(
        name=name,
        title=title,
        how=how + WEIGHTS,
        cautions=CAUTIONS,
        propensity=propensity,
        source="Extreme Classification Repository, manikvarma.org/downloads/XC/XMLRepository.html",
        licence="that of each source; for research; downloaded by you, not redistributed",
        sizes=sizes,
        archive=archive,
    )


def _as_pecos_packs_it(other: XMCRepository) -> XMCRepository:
    return replace(
        other,
        name=f"{other.name}-pecos",
        title=f"{other.title}; as PECOS packs it",
        source="archive.org, item pecos-dataset",
        how=f"{other.how.removesuffix(WEIGHTS)} Features are AttentionXML's tf-idf weights of words.",
        cautions=(*CAUTIONS, f"Whether its features are those of {other.name} we do not know."),
        archive=matrices(other.name),
    )


eurlex = _repository(
    "eurlex-4k",
    "EURLex-4K: European laws to their EUROVOC descriptors",
    "A point is a law of the European Union, its labels the descriptors of the EUROVOC thesaurus that it was filed "
    "under.",
    Sizes(train=14_762, validation=777, test=3_809, features=5_000, labels=3_993),
    texts("eurlex-4k", "1xWW1UykQBTD2IorVn7V8XubJatQDScol", "Eurlex", "eurlex"),
)
amazon_cat = _repository(
    "amazoncat-13k",
    "AmazonCat-13K: descriptions of products to their categories",
    "A point is a product with its description, its labels the categories it is sold in.",
    Sizes(train=1_126_927, validation=59_312, test=306_782, features=203_882, labels=13_330),
    texts("amazoncat-13k", "1WvBWF9hH5ZlFcpCRhp8wLVGwdeGZXKD2", "AmazonCat", "amazonCat"),
)
wiki10 = _repository(
    "wiki10-31k",
    "Wiki10-31K: Wikipedia articles to the tags that users gave them",
    "A point is an article of Wikipedia, its labels the tags that users of Delicious gave it.",
    Sizes(train=13_439, validation=707, test=6_616, features=101_938, labels=30_938),
    texts("wiki10-31k", "1uV-p682ggXQQTiKZyK5M6B0xJJk8_lJx", "Wiki10", "wiki10"),
)
delicious = _repository(
    "delicious-200k",
    "Delicious-200K: bookmarked pages to the tags that users gave them",
    "A point is a page, its labels the tags under which users of Delicious kept it.",
    Sizes(train=186_776, validation=9_830, test=100_095, features=782_585, labels=205_443),
    texts("delicious-200k", "18Tb595TuGyFW--nEYGfduwS5WvSbX-sX", "DeliciousLarge", "deliciousLarge"),
)
wiki = _repository(
    "wikilshtc-325k",
    "WikiLSHTC-325K: Wikipedia articles to their categories",
    "A point is an article of Wikipedia, its labels the categories it is in.",
    Sizes(train=1_689_433, validation=88_918, test=587_084, features=1_617_899, labels=325_056),
    texts("wikilshtc-325k", "1Y5xEJu-j3M7voyFV5Ouq9Wl3vyd9fus2", "WikiLSHTC", "wikiLSHTC"),
    propensity=(0.5, 0.4),
)
amazon = _repository(
    "amazon-670k",
    "Amazon-670K: descriptions of products to the products bought with them",
    "A point is a product with its description, its labels products that were bought or viewed with it.",
    Sizes(train=465_927, validation=24_522, test=153_025, features=135_909, labels=670_091),
    texts("amazon-670k", "1PV-wbKVv6Ng1K1XM1USqNxFhaQo2qfk6", "Amazon", "amazon"),
    propensity=(0.6, 2.6),
)
wiki10_pecos = _as_pecos_packs_it(wiki10)
amazon_cat_pecos = _as_pecos_packs_it(amazon_cat)
amazon_pecos = _as_pecos_packs_it(amazon)
