"""Flavours of the emulator that no other test uses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cuda_kernels.emulator import build
from cuda_kernels.errors import DeviceError

ROOT = Path(__file__).parents[2]
LAUNCH = """
import torch
from cuda_kernels.launch import launch
from cuda_kernels.emulator.run import ORDERS, scheduled
x, planes = torch.ones(33, 4), torch.eye(4)
for order in ORDERS:
    codes = torch.empty(33, 2, dtype=torch.int32)
    with scheduled(order):
        launch("simhash", x=x, planes=planes, offset=None, codes=codes, K=2)
    print(codes.unique().tolist())
"""


def test_fibers_switch_by_ucontext_where_the_processor_is_another(tmp_path: Path) -> None:
    environment = os.environ | {"MONGOOSE_EMULATOR": "ucontext", "MONGOOSE_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", LAUNCH], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == 3 * "[3]\n", done.stderr
    (scheduler,) = (tmp_path / "emulator").glob("scheduler-*.so")
    assert b"swapcontext" in scheduler.read_bytes()  # and not the switch of x86-64


def test_an_unknown_flavour_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGOOSE_EMULATOR", "quick")
    with pytest.raises(DeviceError, match="MONGOOSE_EMULATOR=quick; accepted: fast, asan"):
        build.flavour()
