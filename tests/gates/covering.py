"""Which lines of the `.cu` text ran, as gcov counts them in the flavour `coverage`."""

import json
import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

TEXTS = (".cu", ".cuh")


@dataclass
class Coverage:
    """counts: file → line → how often it ran, all instances together. extents: function as demangled → its lines."""

    counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    extents: dict[str, tuple[str, range]] = field(default_factory=dict)

    @classmethod
    def read(cls, cache: Path) -> "Coverage":
        """What the kernels built in a cache directory have counted.

        Raises:
            SystemExit: there is no gcov.
        """
        if not shutil.which("gcov"):
            raise SystemExit("gcov is not installed; it comes with g++.")
        found = cls()
        for counted in sorted(cache.rglob("*.gcda")):
            command = ["gcov", "--json-format", "--stdout", str(counted)]
            printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cache).stdout
            for line in printed.splitlines():
                for file in json.loads(line)["files"]:
                    found._take(file)
        return found

    def _take(self, file: dict) -> None:
        name = Path(file["file"]).name
        if Path(name).suffix not in TEXTS:
            return
        for line in file["lines"]:
            self.counts[name][line["line_number"]] += line["count"]
        for function in file["functions"]:
            lines = range(function["start_line"], function["end_line"] + 1)
            self.extents[function["demangled_name"]] = (name, lines)

    def of_file(self, name: str) -> float | None:
        """Share of a file's lines that ran; None where it has none that were built."""
        return _share(list(self.counts.get(name, {}).values()))

    def of_all(self) -> float | None:
        """Share of all lines."""
        return _share([count for lines in self.counts.values() for count in lines.values()])

    def of_kernel(self, kernel: str) -> float | None:
        """Share of the lines of a `__global__` function, its helpers apart."""
        called = re.compile(rf"(^|\s){kernel}[<(]")
        where = {place for name, place in self.extents.items() if called.search(name)}
        return _share([count for file, lines in where for at, count in self.counts[file].items() if at in lines])

    def missed(self, name: str) -> list[int]:
        """The lines of a file that never ran."""
        return sorted(line for line, count in self.counts[name].items() if not count)


def _share(counts: list[int]) -> float | None:
    return sum(count > 0 for count in counts) / len(counts) if counts else None
