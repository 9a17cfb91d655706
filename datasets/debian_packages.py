"""Two tasks from the descriptions of Debian's packages: their debtags, and the packages that they depend on.

Descriptions belong to the packages' sources, so nothing is shipped: the sets are built from the machine's own archive.
Two packages in five depend on libc6. Labels of more than a twentieth of the points are left out of `debian-depends`.
"""

from dataclasses import replace

from datasets.base import Sizes
from datasets.debian.descriptions import DebianDescriptions

tags = DebianDescriptions(
    name="debian-tags",
    title="Debian: package description to debtags",
    source="package index and descriptions of this machine's Debian release (main)",
    licence="that of each package; built on your machine from Debian's archive, not redistributed",
    sizes=Sizes(train=21_589, validation=1_136, test=7_575, features=38_566, labels=598),
    how="A point is a package: the words of its description (tf-idf), and as labels the tags that volunteers gave it.",
    cautions=(
        "Packages built from one source have nearly the same description and tags, and a random split puts them on "
        "both sides.",
        "Few labels, and heads among them: look at P@k beside that of the most frequent labels.",
    ),
    drift=0.05,
    labels="tags",
)
depends = replace(
    tags,
    name="debian-depends",
    title="Debian: package description to the packages that it depends on, without heads such as libc6",
    sizes=Sizes(train=36_523, validation=1_922, test=12_815, features=38_566, labels=34_770),
    how="A point is a package: the words of its description (tf-idf), and as labels the packages that it depends on.",
    cautions=(
        "Labels of more than a twentieth of the points are left out. With them, always naming libc6 is right for two "
        "in five.",
        "Packages built from one source depend on each other and have nearly the same description: a random split puts "
        "them on both sides.",
        "Many labels occur once, and some labels of the test part never in training.",
    ),
    labels="depends",
    head=0.05,
)
