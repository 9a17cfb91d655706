"""Files of Debian's packages: from the words of a path to the packages that hold the file.

Path components that are a label's name are left out of the features, and no package has more than a few points.
"""

from datasets.base import Sizes
from datasets.debian.paths import DebianPaths

paths = DebianPaths(
    name="debian-paths",
    title="Debian: path of a file to the packages that hold it",
    source="file indices of this machine's Debian release (main)",
    licence="file lists are facts; built on your machine, not redistributed",
    sizes=Sizes(train=818_061, validation=43_056, test=287_039, features=78_010, labels=63_437),
    drift=0.1,
)
