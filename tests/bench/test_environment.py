"""What processes of a measurement are given."""

import os

import pytest

from bench.environment import ROOT, process_environment


def test_the_checkout_stands_before_the_caller_s_own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["/packages", "/more"]))
    assert process_environment(1)["PYTHONPATH"].split(os.pathsep) == [str(ROOT), "/packages", "/more"]


@pytest.mark.parametrize("value", ["", None])
def test_without_a_path_it_is_the_checkout_alone(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if value is not None:
        monkeypatch.setenv("PYTHONPATH", value)
    assert process_environment(1)["PYTHONPATH"] == str(ROOT)
