"""The papers' own data sets, of the Extreme Classification Repository; they are downloaded when asked for.

The repository's addresses have died; those here are copies that others keep (napkinXC's list; for some sets also the
archives of PECOS, whose features are AttentionXML's). Nobody publishes digests: that of the first download is noted.
Sizes: Chen et al. 2020 (SLIDE), Table 1, and the repository's table. A twentieth of the training points becomes the
validation part. Rows are scaled to length 1, as in every set here; the files' own lengths are lost by that.
"""

import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
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
from datasets.fetched import Archive, Unpacked

GIB = 1 << 30
DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
PECOS = "https://archive.org/download/pecos-dataset/xmc-base/"
TRAIN, TEST = "train", "test"


@dataclass(frozen=True)
class XMCRepository(BuiltDataset):
    """A set of two XMC text files, or of four matrices.

    offered: the archives that hold it. brought: an archive, or a folder of its files, that the user has.
    """

    offered: tuple[Archive, ...] = ()
    brought: Path | None = None
    made_by: ClassVar = (sys.modules[__name__], counts, tfidf, xmc, xmc_blocks, xmc_reference)

    def make(self) -> tuple[Splits, Mapping[str, Any]]:
        with fetched.unpacked(self.name, self.offered, self.brought) as files:
            train, test = (_weighed(_read(files, part)) for part in (TRAIN, TEST))
            return Splits(*counts.hold_out(train), test), files.provenance()


def texts(name: str, drive: str, folder: str, stem: str) -> Archive:
    """A zip of two text files, by its id on Google Drive."""
    members = tuple(Member(f"{folder}/{stem}_{part}.txt", f"{part}.txt", 8 * GIB) for part in (TRAIN, TEST))
    return Archive(Remote(f"{name}.zip", (f"{DRIVE}{drive}",), 4 * GIB), members)


def matrices(name: str) -> Archive:
    """PECOS's tar of the set; the texts in it are passed over."""
    home, parts = f"xmc-base/{name}", {TRAIN: "trn", TEST: "tst"}
    features = [
        Member(f"{home}/tfidf-attnxml/X.{short}.npz", f"{part}.X.npz", 4 * GIB) for part, short in parts.items()
    ]
    labels = [Member(f"{home}/Y.{short}.npz", f"{part}.Y.npz", 4 * GIB) for part, short in parts.items()]
    return Archive(Remote(f"{name}.tar.gz", (f"{PECOS}{name}.tar.gz",), 16 * GIB), (*features, *labels))


def _read(files: Unpacked, part: str) -> Part:
    text = files.path(f"{part}.txt")
    if text.exists():
        return xmc.read(text)
    labels = _matrix(files.path(f"{part}.Y.npz"))
    labels.data[:] = 1
    return Part(_matrix(files.path(f"{part}.X.npz")), labels)


def _matrix(path: Path) -> csr_matrix:
    """A matrix that scipy has saved; rows sorted, repeats merged, zeros dropped."""
    try:
        matrix = csr_matrix(scipy.sparse.load_npz(path), dtype=np.float32)
        matrix.check_format(full_check=True)
    except (ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile, NotImplementedError) as error:
        raise PreparationError(f"{path.name} is no sparse matrix as scipy saves them: {error}.") from None
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _weighed(part: Part) -> Part:
    return Part(tfidf.unit_rows(part.features), part.labels)


CAUTIONS = (
    "Nobody here has seen the files: sizes are those that the papers print, statistics are not measured.",
    "The published split was chosen so that most labels occur in both parts: scores are higher than on a random split.",
    "Rows are scaled to length 1, which SLIDE and MONGOOSE do not do.",
)


def _repository(
    name: str, title: str, how: str, sizes: Sizes, *offered: Archive, propensity: tuple[float, float] = (0.55, 1.5)
) -> XMCRepository:
    return XMCRepository(
        name=name,
        title=title,
        how=f"{how} Features are words, weighted as in the files.",
        cautions=CAUTIONS,
        propensity=propensity,
        source="Extreme Classification Repository, manikvarma.org/downloads/XC/XMLRepository.html",
        licence="that of each source; for research; downloaded by you, not redistributed",
        sizes=sizes,
        drift=0.02,
        remedy=fetched.by_hand(name, offered),
        offered=offered,
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
    matrices("amazoncat-13k"),
)
wiki10 = _repository(
    "wiki10-31k",
    "Wiki10-31K: Wikipedia articles to the tags that users gave them",
    "A point is an article of Wikipedia, its labels the tags that users of Delicious gave it.",
    Sizes(train=13_439, validation=707, test=6_616, features=101_938, labels=30_938),
    texts("wiki10-31k", "1uV-p682ggXQQTiKZyK5M6B0xJJk8_lJx", "Wiki10", "wiki10"),
    matrices("wiki10-31k"),
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
    matrices("amazon-670k"),
    propensity=(0.6, 2.6),
)
