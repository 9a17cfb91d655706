"""Archives that nobody vouches for: what is named comes out, and nothing is written anywhere else."""

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets import archives
from datasets.archives import ArchiveError, Member, extract

WANTED = [Member("set/train.txt", "train.txt", 1000), Member("set/test.txt", "test.txt", 1000)]
GOOD = {"set/train.txt": b"train", "set/test.txt": b"test"}


def tar(path: Path, entries: dict[str, bytes], mode: str = "w:gz", **special: bytes) -> Path:
    with tarfile.open(path, mode) as opened:
        for name, content in entries.items():
            add(opened, name, content)
        for name, kind in special.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_dot_", "."))
            info.type, info.linkname = kind, "/etc/passwd"
            opened.addfile(info)
    return path


def add(opened: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    opened.addfile(info, io.BytesIO(content))


def zipped(path: Path, entries: list[tuple[str, bytes, int]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            opened.writestr(info, content)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_members_of_a_tar_come_out_under_our_names(tmp_path, mode):
    extract(tar(tmp_path / "a.tar", GOOD | {"set/other.txt": b"x"}, mode), WANTED, tmp_path / "out")
    assert contents(tmp_path / "out") == {"train.txt": b"train", "test.txt": b"test"}


@pytest.mark.parametrize("mode", [0, stat.S_IFREG | 0o644])
def test_members_of_a_zip_come_out_under_our_names(tmp_path, mode):
    entries = [(name, content, mode) for name, content in GOOD.items()]
    extract(zipped(tmp_path / "a.zip", entries), WANTED, tmp_path / "out")
    assert contents(tmp_path / "out") == {"train.txt": b"train", "test.txt": b"test"}


def symbolic_zip(path: Path) -> Path:
    return zipped(path, [("set/train.txt", b"/etc/passwd", stat.S_IFLNK | 0o777), ("set/test.txt", b"test", 0)])


def twice_in_a_tar(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as opened:
        for content in (b"one", b"two"):
            add(opened, "set/train.txt", content)
        add(opened, "set/test.txt", b"test")
    return path


def cut_short(path: Path) -> Path:
    whole = tar(path, {"set/train.txt": bytes(range(256)) * 3, "set/test.txt": b"test"}).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def long_name(path: Path) -> Path:
    """A header that says that the next name has ten million bytes."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10_000_000
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000_000)))
    return path


def flipped(path: Path) -> Path:
    """Bytes that were stored, not packed, so that only the checksum tells."""
    packed = bytearray(gzip.compress(tar(path, GOOD, "w").read_bytes(), 0))
    packed[packed.index(b"train", packed.index(b"train") + 5)] ^= 1
    path.write_bytes(packed)
    return path


def many(path: Path) -> Path:
    return tar(path, {f"{number}": b"" for number in range(archives.ENTRIES + 1)} | GOOD)


def misnamed(path: Path) -> Path:
    """A zip with a name that says it is UTF-8, and is not."""
    content = zipped(path, [("set/train.txtä", b"x", 0)]).read_bytes().replace("ä".encode(), b"\xff\xff")
    path.write_bytes(content)
    return path


def damaged_bzip2(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as opened:
        for name, content in GOOD.items():
            opened.writestr(name, content * 50)
    content = bytearray(path.read_bytes())
    content[content.find(b"BZh9") + 2] ^= 0xFF
    path.write_bytes(content)
    return path


def bad_sparse_map(path: Path) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as opened:
        info = tarfile.TarInfo("set/train.txt")
        info.pax_headers = {"GNU.sparse.map": "not,numbers", "GNU.sparse.size": "5"}
        opened.addfile(info)
    return path


def encrypted(path: Path) -> Path:
    """A zip whose entries say that they are encrypted, in both of their headers."""
    content = bytearray(zipped(path, [(name, text, 0) for name, text in GOOD.items()]).read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(signature, at + 1)
    path.write_bytes(content)
    return path


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no archive": (lambda path: path.write_bytes(b"hello") and path, "damaged or of an unknown kind"),
    "an empty file": (lambda path: path.write_bytes(b"") or path, "damaged or of an unknown kind"),
    "cut short": (cut_short, "damaged"),
    "a member is missing": (lambda path: tar(path, {"set/train.txt": b"train"}), "lacks set/test.txt"),
    "only traversal": (lambda path: tar(path, {"../set/train.txt": b"x", "/set/test.txt": b"x"}), "lacks"),
    "traversal in a zip": (lambda path: zipped(path, [("../../set/train.txt", b"x", 0)]), "lacks"),
    "a symbolic link": (lambda path: tar(path, {}, set__train_dot_txt=tarfile.SYMTYPE), "no regular file"),
    "a hard link": (lambda path: tar(path, {}, set__train_dot_txt=tarfile.LNKTYPE), "no regular file"),
    "a device": (lambda path: tar(path, {}, set__train_dot_txt=tarfile.CHRTYPE), "no regular file"),
    "a pipe": (lambda path: tar(path, {}, set__train_dot_txt=tarfile.FIFOTYPE), "no regular file"),
    "a folder": (lambda path: tar(path, {}, set__train_dot_txt=tarfile.DIRTYPE), "no regular file"),
    "a symbolic link in a zip": (symbolic_zip, "no regular file"),
    "a member twice": (twice_in_a_tar, "holds set/train.txt twice"),
    "a member twice in a zip": (
        lambda path: zipped(path, [("set/train.txt", b"a", 0), ("set/train.txt", b"b", 0)]),
        "holds set/train.txt twice",
    ),
    "too large": (
        lambda path: tar(path, GOOD | {"set/test.txt": bytes(range(250)) * 5}),
        "larger than the 1,000 bytes",
    ),
    "too large in a zip": (lambda path: zipped(path, [("set/train.txt", b"a" * 1001, 0)]), "larger than the 1,000"),
    "a bomb that is passed over": (lambda path: tar(path, {"bomb": bytes(10_000_000)} | GOOD), "more than 200 times"),
    "a bomb in a header": (long_name, "more than 200 times"),
    "a flipped bit": (flipped, "damaged"),
    "an encrypted zip": (encrypted, "encrypted"),
    "a zip whose names cannot be read": (misnamed, "damaged"),
    "a zip with damaged bzip2": (damaged_bzip2, "damaged"),
    "a tar with nonsense in its headers": (bad_sparse_map, "damaged"),
    "too many entries": (many, "more than 10,000 entries"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("what", HOSTILE)
def test_it_is_refused_and_nothing_is_written(tmp_path, what):
    make, words = HOSTILE[what]
    (tmp_path / "place").mkdir()
    archive = make(tmp_path / "archive")
    before = contents(tmp_path)
    with pytest.raises(ArchiveError, match=words):
        extract(archive, WANTED, tmp_path / "place" / "out")
    assert contents(tmp_path) == before


def test_a_bomb_under_a_wanted_name_is_stopped(tmp_path):
    bomb = tar(tmp_path / "bomb.tar.gz", {"set/train.txt": bytes(50_000_000)})
    with pytest.raises(ArchiveError, match="200 times"):
        extract(bomb, [Member("set/train.txt", "train.txt", 10**12)], tmp_path / "out")
    assert contents(tmp_path / "out") == {}
    packed = zipped(tmp_path / "bomb.zip", [("set/train.txt", bytes(50_000_000), 0)])
    with pytest.raises(ArchiveError, match="200 times"):
        extract(packed, [Member("set/train.txt", "train.txt", 10**12)], tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_what_was_there_stays_when_an_archive_is_refused(tmp_path):
    extract(tar(tmp_path / "good.tar.gz", GOOD), WANTED, tmp_path / "out")
    with pytest.raises(ArchiveError):
        extract(tar(tmp_path / "bad.tar.gz", {"set/train.txt": b"new"}), WANTED, tmp_path / "out")
    assert contents(tmp_path / "out") == {"train.txt": b"train", "test.txt": b"test"}
