"""The text of a `.cu` file, with the headers of this folder put in.

CuPy's cache of compiled kernels knows the text that it is given, not the files that the text includes: a changed header
would not be a changed text. Nor need CuPy be told where headers are.
"""

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
INCLUDE = re.compile(r'\s*#\s*include\s+"(\w+\.cuh)"')
ONCE = re.compile(r"\s*#\s*pragma\s+once")


@cache
def source(name: str, folder: Path = FOLDER) -> str:
    """The text of `folder`/`name`; every header `*.cuh` stands in it where it is first included.

    `#line` directives keep the file and line of everything that a compiler, a sanitizer or the emulator reports.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return "\n".join(_lines(folder / name, set())) + "\n"


def _lines(path: Path, seen: set[str]) -> list[str]:
    seen.add(path.name)
    lines = [f'#line 1 "{path.name}"']
    for number, line in enumerate(path.read_text().splitlines(), 1):
        header = INCLUDE.match(line)
        if header and header[1] not in seen:
            lines += [*_lines(path.parent / header[1], seen), f'#line {number + 1} "{path.name}"']
        else:
            lines.append("" if header or ONCE.match(line) else line)
    return lines
