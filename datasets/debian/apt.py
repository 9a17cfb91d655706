"""The package indices of this machine's Debian release, fetched by its own apt into a directory of ours.

Of the machine's apt its settings, sources and keys are read, and nothing is changed, so that any user can do it.
The index of files is the target that the package apt-file installs; that of descriptions is switched off in most
container images, and on again here.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from datasets.base import PreparationError

HELPER = Path("/usr/lib/apt/apt-helper")
DOWNLOADS, LAST = "downloads", "last.conf"
OS_RELEASE = Path("/etc/os-release")

_CONFIGURATION = """
Dir::State "{folder}/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "{folder}/cache";
Acquire::IndexTargets::deb::Contents-deb {{
  MetaKey "$(COMPONENT)/Contents-$(ARCHITECTURE)";
  ShortDescription "Contents-$(ARCHITECTURE)";
  Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents (deb)";
  flatMetaKey "Contents-$(ARCHITECTURE)";
  KeepCompressed "true";
}};
"""
# Read last, after the machine's own settings: without descriptions, with hooks that run after an update.
_LAST = """
#clear Acquire::Languages;
Acquire::Languages {{ "en"; }};
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "{contents}";
"""


@dataclass(frozen=True)
class Indices:
    """Fetched indices of one release.

    Attributes:
        prefix: path of its files up to the component, such as `…_dists_bookworm_`.
        release: the signed InRelease file's text.
        architecture: this machine's, as dpkg calls it.
        folder: where apt's configuration and state of ours lie.
    """

    prefix: str
    release: str
    architecture: str
    folder: Path = Path()

    @contextmanager
    def packages(self) -> Iterator[BinaryIO]:
        """The control paragraphs of all packages of main."""
        with self._stream(f"main_binary-{self.architecture}_Packages") as stream:
            yield stream

    @contextmanager
    def descriptions(self) -> Iterator[BinaryIO]:
        """Their long descriptions in English."""
        with self._stream("main_i18n_Translation-en") as stream:
            yield stream

    @contextmanager
    def contents(self, architecture: str) -> Iterator[BinaryIO]:
        """Lines of path and packages; `architecture`: this machine's, or "all"."""
        with self._stream(f"main_Contents-{architecture}") as stream:
            yield stream

    def unpack(self, package: str) -> Path:
        """Download a binary package (apt verifies it) and extract it; the folder of its files.

        Raises:
            PreparationError: the release has no such package, or a tool failed.
        """
        codename = _field(self.release, "Codename")  # or apt takes the newest, of the security archive say
        _apt(self.folder, "download", f"{package}/{codename}")
        found = sorted((self.folder / DOWNLOADS).glob(f"{package}_*.deb"))
        if not found:
            raise PreparationError(f"apt-get download {package} left no package.")
        return extract(found[-1])

    def provenance(self, *files: str) -> dict[str, object]:
        """Suite, version and date of the release, and the sha256 that it gives the indices (`main/…`)."""
        told = {key.lower(): _field(self.release, key) for key in ("Suite", "Codename", "Version", "Date")}
        return {**told, "sha256": {file: _digest(self.release, file) for file in files}}

    @contextmanager
    def _stream(self, index: str) -> Iterator[BinaryIO]:
        found = sorted(Path(self.prefix).parent.glob(f"{Path(self.prefix).name}{index}*"))
        if not found:
            raise PreparationError(f"apt fetched no index {index} of this release; is `main` among its sources?")
        with subprocess.Popen([HELPER, "cat-file", found[0]], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield process.stdout  # type: ignore[misc]
            process.stdout.close()
        if process.returncode:
            raise PreparationError(f"apt-helper could not unpack {found[0].name}: exit code {process.returncode}.")


def fetch(folder: Path, *, contents: bool) -> Indices:
    """Fetch the indices into `folder`; with `contents`, those of files too (55 MB).

    Raises:
        PreparationError: this is no Debian system, or apt failed; the message quotes it.
    """
    codename = _release_of_this_machine()
    for part in ("state/lists/partial", "cache/archives/partial", DOWNLOADS):
        (folder / part).mkdir(parents=True, exist_ok=True)
    wanted = "true" if contents else "false"
    (folder / "apt.conf").write_text(_CONFIGURATION.format(folder=folder.absolute()), encoding="utf-8")
    (folder / LAST).write_text(_LAST.format(contents=wanted), encoding="utf-8")
    _apt(folder, "update")
    return _indices(folder, codename)


def extract(package: Path) -> Path:
    """Extract a `.deb` file into a folder beside it."""
    _run(["dpkg-deb", "-x", str(package), str(package.with_suffix(""))], {})
    return package.with_suffix("")


def _apt(folder: Path, *command: str) -> None:
    """Run apt-get with the configuration of ours in `folder`; what it downloads goes to DOWNLOADS there."""
    options = ["-q", "-c", str(folder.absolute() / LAST), "-o", "APT::Update::Error-Mode=any"]
    configuration = {"APT_CONFIG": str(folder.absolute() / "apt.conf")}
    _run(["apt-get", *options, *command], configuration, folder / DOWNLOADS)


def _indices(folder: Path, codename: str) -> Indices:
    """The release of that codename among fetched lists; its updates and security archives move daily, and stay out."""
    lists = folder / "state" / "lists"
    for path in sorted(lists.glob("*_InRelease")):
        release = path.read_text(encoding="utf-8")
        if _field(release, "Origin") == "Debian" and _field(release, "Codename") == codename:
            architecture = _run(["dpkg", "--print-architecture"], {}).strip()
            return Indices(str(path).removesuffix("InRelease"), release, architecture, folder)
    others = ", ".join(path.name for path in lists.glob("*_InRelease")) or "none"
    raise PreparationError(f"apt's sources do not name the release {codename} itself; they gave: {others}.")


def _release_of_this_machine() -> str:
    if not (shutil.which("apt-get") and HELPER.exists() and OS_RELEASE.exists()):
        raise PreparationError(
            "there is no apt-get here: this data set can be built on Debian, or in a container of it."
        )
    found = re.search(r"^VERSION_CODENAME=\"?([\w-]+)", OS_RELEASE.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise PreparationError(f"{OS_RELEASE} names no VERSION_CODENAME; is this Debian's testing or unstable?")
    return found[1]


def _field(paragraph: str, key: str) -> str | None:
    found = re.search(rf"^{key}: *(.*)$", paragraph, re.MULTILINE)
    return None if found is None else found[1].strip()


def _digest(release: str, file: str) -> str | None:
    listed = release.partition("\nSHA256:")[2]
    found = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(file)}$", listed, re.MULTILINE)
    return None if found is None else found[1]


def _run(command: list[str], environment: dict[str, str], folder: Path | None = None) -> str:
    told = os.environ | {"LC_ALL": "C"} | environment
    try:
        done = subprocess.run(command, env=told, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError:
        raise PreparationError(f"{command[0]} is not installed; this needs a Debian system.") from None
    if done.returncode:
        raise PreparationError(f"{' '.join(command)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
