"""Files of Debian's packages: from the words of a path to the packages that hold the file.

Path components that are a label's name are left out of the features, and no package has more than a few points.
"""

from dataclasses import replace

from datasets.base import Sizes
from datasets.debian.paths import DebianPaths

paths = DebianPaths(
    name="debian-paths",
    title="Debian: path of a file to the packages that hold it",
    source="file indices of this machine's Debian release (main)",
    licence="file lists are facts; built on your machine, not redistributed",
    sizes=Sizes(train=818_061, validation=43_056, test=287_039, features=78_010, labels=63_437),
    how="A point is a file: the words of its path (tf-idf), and as label the package that holds it, or the packages. "
    "Components of the path that name a package that is a label are left out; of a package with more than 40 files, 40 "
    "were drawn.",
    cautions=(
        "One label a point, nearly always: P@3 and P@5 cannot exceed a third and a fifth.",
        "At most 40 files a package: frequencies are flat where they are cut, so this is no power law.",
        "Files of one folder lie on both sides of the split.",
    ),
    drift=0.1,
)
all_paths = replace(
    paths,
    name="debian-paths-all",
    title="Debian: path of a file to the packages that hold it; all files",
    sizes=Sizes(train=5_213_114, validation=274_374, test=1_829_162, features=276_849, labels=63_437),
    how="The points of debian-paths, but all files of every package.",
    cautions=(
        *paths.cautions[:1],
        "A few packages have tens of thousands of files, of one folder and on both sides of the split.",
    ),
    per_package=None,
)
