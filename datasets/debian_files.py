"""Directories of Debian's packages: from the words of the path and of the owner's description to the files inside.

577,000 labels: Amazon-670K's shape; without the heads and the largest directories 330,000, WikiLSHTC-325K's.
Sibling directories of one package are alike. A random split puts them on both sides, as the papers' data put related
pages; the split by package does not.
"""

from dataclasses import replace

from datasets.base import Sizes
from datasets.debian.files import DebianFiles

TITLE = "Debian: path and description of a directory to the names of its files"

files = DebianFiles(
    name="debian-files",
    title=TITLE,
    source="file indices and descriptions of this machine's Debian release (main)",
    licence="file lists are facts; descriptions have their package's; built on your machine, not redistributed",
    sizes=Sizes(train=329_801, validation=17_358, test=115_720, features=104_822, labels=576_926),
    how="A point is a directory: the words of its path and of the description of the package that owns its first file "
    "(tf-idf), and as labels the names of the files in it that exist elsewhere too. All directories are drawn from for "
    "the test part.",
    cautions=(
        "Directories of one package are alike and lie on both sides of the split, as related pages do in the papers' "
        "data; debian-files-by-package shows what is left without that.",
        "Heads such as changelog.Debian.gz, copyright and index.html: P@1 is partly theirs.",
        "A few directories have thousands of labels; debian-files-330k has neither those nor the heads.",
    ),
    drift=0.1,
)
files_by_package = replace(
    files,
    name="debian-files-by-package",
    title=f"{TITLE}; other packages in the test part",
    sizes=Sizes(train=316_519, validation=16_102, test=130_258, features=104_822, labels=576_926),
    how="The points of debian-files. Packages are drawn for the test part, with all of their directories.",
    cautions=(
        "Sources that build several packages may still lie on both sides.",
        "The test part is a quarter of the packages, and more or less than a quarter of the points.",
        *files.cautions[1:],
    ),
    by="package",
)
files_330k = replace(
    files,
    name="debian-files-330k",
    title=f"{TITLE}; without heads",
    sizes=Sizes(train=228_238, validation=12_012, test=80_083, features=84_032, labels=329_699),
    how="The points of debian-files, without labels of more than 1,000 directories, and then without directories of "
    "more than 100 labels. Directories are drawn for the test part.",
    cautions=(
        "Directories of one package are alike and lie on both sides of the split, as related pages do in the papers' "
        "data; debian-files-330k-by-package shows what is left without that.",
        "No label is a head: the most frequent one has 0.3 % of the points.",
    ),
    most_files=1000,
    most_labels=100,
)
files_330k_by_package = replace(
    files_330k,
    name="debian-files-330k-by-package",
    title=f"{TITLE}; without heads, other packages in the test part",
    sizes=Sizes(train=238_486, validation=10_032, test=71_815, features=84_032, labels=329_699),
    how="The points of debian-files-330k. Packages are drawn for the test part, with all of their directories.",
    cautions=(*files_by_package.cautions[:2], files_330k.cautions[1]),
    by="package",
)
