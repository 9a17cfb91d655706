"""Tasks from Debian's indices, on an archive of four packages whose points can be counted by hand."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from datasets import counts, debian_files, debian_packages, debian_paths
from datasets.base import Part, PreparationError
from datasets.debian import apt, contents, packages, paths

PACKAGES = b"""Package: alpha
Description: a program
Description-md5: 1
Depends: libc6 (>= 2.14), beta | gamma, delta:any
Pre-Depends: dpkg
Tag: role::program, implemented-in::c,
 interface::commandline

Package: beta
Description-md5: 2
Depends: libc6

Package: gamma
Description: nothing more is known of it
"""
DESCRIPTIONS = b"""Package: alpha
Description-md5: 1
Description-en: a program
 that greets the world
 .
 And the MOON2.

Package: beta
Description-md5: 2
Description-en: library that greets
"""
ALL = b"""usr/share/alpha/README          utils/alpha
usr/share/alpha/a file          utils/alpha
usr/share/betaData/README       contrib/libs/beta,utils/alpha
toplevel                        utils/alpha
"""
NATIVE = b"""usr/bin/greet                   utils/alpha
usr/share/betaData/\xff\xfe       libs/beta
usr/share/alpha/NEWS            utils/alpha
usr/share/unknown/NEWS          utils/unknown
"""
RELEASE = """Origin: Debian
Suite: stable
Codename: {codename}
Version: 12.15
Date: Sat, 11 Jul 2026 10:16:37 UTC
MD5Sum:
 0123456789abcdef0123456789abcdef 9 main/Contents-all
SHA256:
 {digest} 9 main/Contents-all
 1111111111111111111111111111111111111111111111111111111111111111 9 main/Contents-all.gz
"""


class Archive(apt.Indices):
    """The indices above, without apt."""

    @contextmanager
    def _stream(self, index: str) -> Iterator[Any]:
        texts = {
            "main_binary-amd64_Packages": PACKAGES,
            "main_i18n_Translation-en": DESCRIPTIONS,
            "main_Contents-all": ALL,
            "main_Contents-amd64": NATIVE,
        }
        yield io.BytesIO(texts[index])


@pytest.fixture
def archive() -> Archive:
    return Archive("", RELEASE.format(codename="bookworm", digest="0" * 64), "amd64")


@pytest.fixture
def files(archive) -> contents.Files:
    return contents.read_files(archive)


def test_packages_know_what_their_paragraphs_say(archive):
    alpha, beta, gamma = packages.read_packages(archive)
    assert alpha.description == "a program\nthat greets the world\n.\nAnd the MOON2."
    assert alpha.depends == {"libc6", "beta", "delta", "dpkg"}
    assert alpha.tags == {"role::program", "implemented-in::c", "interface::commandline"}
    assert (beta.description, beta.tags) == ("library that greets", frozenset())
    assert (gamma.description, gamma.depends) == ("nothing more is known of it", frozenset())


@pytest.mark.parametrize(
    ("relations", "names"),
    [
        ("", set()),
        ("a", {"a"}),
        ("a (>= 1:2-3~), b [amd64 !i386] <!nocheck>, c | d , e:any", {"a", "b", "c", "e"}),
        ("libstdc++6,", {"libstdc++6"}),
    ],
)
def test_a_relationship_field_names_packages(relations, names):
    assert packages.dependencies(relations) == names


def test_paths_are_taken_apart_at_the_last_slash_and_the_last_blank(files):
    directories, names = list(contents.texts(files.directories)), list(contents.texts(files.names))
    found = [(directories[d], names[n]) for d, n in zip(files.directory, files.name, strict=True)]
    assert found == [
        ("usr/share/alpha", "README"),
        ("usr/share/alpha", "a file"),
        ("usr/share/betaData", "README"),
        ("", "toplevel"),
        ("usr/bin", "greet"),
        ("usr/share/betaData", "��"),
        ("usr/share/alpha", "NEWS"),
        ("usr/share/unknown", "NEWS"),
    ]
    assert contents.package_names("contrib/libs/beta,utils/alpha") == ["beta", "alpha"]


def test_path_words_take_camel_case_apart():
    assert contents.path_words("usr/libXYZ/betaData2/x/HTTPServer10") == [
        *("usr", "lib", "xyz", "beta", "data", "http", "server", "10")
    ]  # one letter or digit is no word


def test_descriptions_have_tags_or_depends_for_labels(archive):
    found = packages.read_packages(archive)
    tags, depends = debian_packages.tags.task(found), replace(debian_packages.depends, head=1.0).task(found)
    assert tags.labels.toarray().tolist() == [[1, 1, 1]]
    assert depends.labels.toarray().tolist() == [[1, 1, 1, 1], [0, 0, 0, 1]]  # beta, delta, dpkg, libc6
    assert depends.features.shape[1] == len({"greets", "that"})  # what two descriptions say
    assert debian_packages.depends.task(found).labels.shape[1] == 0  # each is named by half of the points or more


def test_directories_have_the_names_of_their_files_for_labels(archive, files):
    points, owner = debian_files.files.task(files, packages.read_packages(archive))
    assert points.labels.toarray().tolist() == [[1, 1], [0, 1], [1, 0]]  # NEWS, README
    assert owner.tolist() == [0, 1, -1]  # alpha, beta, and a package that nobody describes
    # usr, share; and of the descriptions: greets, that
    assert points.features.toarray().tolist() == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0]]


def test_heads_and_large_directories_can_be_left_out(archive, files):
    described = packages.read_packages(archive)
    assert replace(debian_files.files, most_files=1).task(files, described)[0].points == 0
    points, _ = replace(debian_files.files, most_labels=1).task(files, described)
    assert points.labels.toarray().tolist() == [[0, 1], [1, 0]]


def test_paths_have_their_packages_for_labels(files):
    points = debian_paths.paths.task(files)
    alpha, beta, unknown = [1, 0, 0], [0, 1, 0], [0, 0, 1]
    # "toplevel" has no word that another path has
    assert points.labels.toarray().tolist() == [alpha, alpha, [1, 1, 0], alpha, beta, alpha, unknown]
    assert points.features.shape[1] == len({"beta", "data", "news", "readme", "share", "usr"})
    assert points.features[0].nnz == 3  # usr, share, readme: "alpha" is the label's name


def test_of_each_package_a_few_paths_are_drawn():
    package = np.random.RandomState(1).randint(5, size=200)
    drawn = paths._draw(package, 7)
    assert np.bincount(package[drawn]).tolist() == [7] * 5
    assert (np.diff(drawn) > 0).all()
    assert np.array_equal(paths._draw(package, 1000), np.arange(200))


def test_a_split_by_package_keeps_packages_whole():
    group = np.random.RandomState(0).randint(40, size=1000)
    numbers = csr_matrix(np.arange(1.0, 1001, dtype=np.float32)[:, None])
    splits = counts.split(Part(numbers, numbers), group)
    held = [group[part.features.data.astype(int) - 1] for part in (splits.train, splits.validation, splits.test)]
    assert [len(set(groups)) for groups in held] == [28, 2, 10]
    assert sum(map(len, held)) == 1000
    assert not set(held[0]) & set(held[1])
    assert not (set(held[0]) | set(held[1])) & set(held[2])


def test_the_release_itself_is_taken_not_its_updates(tmp_path, monkeypatch):
    monkeypatch.setattr(apt, "_run", lambda *_: "amd64\n")  # what dpkg says of the machine
    lists = tmp_path / "state" / "lists"
    lists.mkdir(parents=True)
    for name, codename in (("a_dists_x-updates_", "x-updates"), ("a_dists_x_", "x")):
        (lists / f"{name}InRelease").write_text(RELEASE.format(codename=codename, digest="0" * 64))
    assert Path(apt._indices(tmp_path, "x").prefix).name == "a_dists_x_"
    with pytest.raises(PreparationError, match="trixie"):
        apt._indices(tmp_path, "trixie")


def test_provenance_names_release_and_digests(archive):
    found = archive.provenance("main/Contents-all", "main/absent")
    assert (found["codename"], found["version"]) == ("bookworm", "12.15")
    assert found["sha256"] == {"main/Contents-all": "0" * 64, "main/absent": None}


def test_an_index_of_files_that_cannot_be_read_says_so(tmp_path, monkeypatch):
    """As when apt-helper fails, and nothing comes."""
    monkeypatch.setattr(apt, "HELPER", Path("/bin/false"))
    (tmp_path / "x_main_Contents-all.lz4").write_bytes(b"damaged")
    broken = apt.Indices(str(tmp_path / "x_"), RELEASE, "amd64")
    with pytest.raises(PreparationError, match="Contents-all cannot be read"):
        contents.read_files(broken)


def test_a_machine_without_apt_is_told_what_it_takes(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreparationError, match="built on Debian"):
        apt.fetch(tmp_path, contents=False)


def test_a_broken_package_says_so(tmp_path):
    """Or, where this is no Debian system, what is missing."""
    (tmp_path / "broken.deb").write_text("not a package")
    words = r"dpkg-deb -x .* failed" if shutil.which("dpkg-deb") else "dpkg-deb is not installed"
    with pytest.raises(PreparationError, match=words):
        apt.extract(tmp_path / "broken.deb")
