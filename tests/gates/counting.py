"""A pytest plugin: chooses tests by schedule and size, and writes down which test launches which kernel.

    -p gates.counting --schedules random --largest 127 --launches FILE

FILE gets a line of JSON, [test, kernel, instance], before a launch; its last line names the kernel that was at work
when a sanitizer ended the process.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from cuda_kernels.arguments import Launch
from cuda_kernels.emulator import run


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gates")
    group.addoption("--schedules", default="", help="comma-separated; none: all, and tests that have no schedule")
    group.addoption("--largest", type=int, help="no test with a larger number among its parameters")
    group.addoption("--launches", type=Path, help="where launches are written down")


def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--launches"):
        run.run = Counted(path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    schedules = {name for name in config.getoption("--schedules").split(",") if name}
    largest = config.getoption("--largest")
    chosen = [item for item in items if _fits(getattr(item, "callspec", None), schedules, largest)]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def _fits(callspec: Any, schedules: set[str], largest: int | None) -> bool:
    given = callspec.params if callspec else {}
    if schedules and given.get("device") not in schedules:
        return False
    return largest is None or all(not isinstance(value, int) or value <= largest for value in given.values())


class Counted:
    """The emulator's `run`, after a note of what it runs."""

    def __init__(self, path: Path) -> None:
        self.file, self.run, self.last = path.open("w"), run.run, ""

    def __call__(self, asked: Launch) -> None:
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        line = json.dumps([test, asked.kernel.name, asked.expression])
        if line != self.last:
            print(line, file=self.file, flush=True)
            self.last = line
        self.run(asked)
