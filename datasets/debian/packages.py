"""Debian's binary packages: what their control paragraphs and descriptions say.

Source: Debian Policy, chapters 5 and 7.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from datasets.debian.apt import Indices

USED = ("main/binary-{architecture}/Packages", "main/i18n/Translation-en")  # of which packages are read

_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*")
_TAG = re.compile(r"[\w-]+::[\w:.+-]+")


@dataclass(frozen=True)
class Package:
    """A binary package.

    Attributes:
        description: short and long description, in English.
        depends: names of the packages that it (pre-)depends on; of alternatives the first.
        tags: its debtags, such as `role::program`.
    """

    name: str
    description: str
    depends: frozenset[str]
    tags: frozenset[str]


def read_packages(indices: Indices) -> list[Package]:
    """All packages of the release, by name."""
    with indices.descriptions() as stream:
        texts = {told["Description-md5"]: told.get("Description-en", "") for told in paragraphs(stream)}
    with indices.packages() as stream:
        found = {told["Package"]: _package(told, texts) for told in paragraphs(stream)}
    return [found[name] for name in sorted(found)]


def provenance(indices: Indices, *more: str) -> dict[str, object]:
    """The release, and the digests of the indices that packages are read from, and of `more`."""
    used = (file.format(architecture=indices.architecture) for file in (*USED, *more))
    return indices.provenance(*used)


def paragraphs(lines: Iterable[bytes]) -> Iterator[dict[str, str]]:
    """Fields of each paragraph of a control file; lines that go on are joined by newlines."""
    fields: dict[str, str] = {}
    key = ""
    for raw in lines:
        line = raw.decode("utf-8", errors="replace").rstrip("\n")
        if not line:
            if fields:
                yield fields
            fields, key = {}, ""
        elif line[0] in " \t":
            if key:
                fields[key] += "\n" + line[1:]
        else:
            key, _, value = line.partition(":")
            fields[key] = value.strip()
    if fields:
        yield fields


def dependencies(relations: str) -> frozenset[str]:
    """Package names of a relationship field: `libc6 (>= 2.14), mta | mail-server` gives libc6 and mta."""
    firsts = (_NAME.match(relation.strip()) for relation in relations.split(","))
    return frozenset(found[0] for found in firsts if found)


def _package(told: dict[str, str], texts: dict[str, str]) -> Package:
    short = told.get("Description", "")
    relations = ",".join(told.get(field, "") for field in ("Depends", "Pre-Depends"))
    return Package(
        name=told["Package"],
        description=texts.get(told.get("Description-md5", ""), short),
        depends=dependencies(relations),
        tags=frozenset(_TAG.findall(told.get("Tag", ""))),
    )
