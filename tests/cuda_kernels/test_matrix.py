"""Products of matrices by a warp (matrix.cuh) against torch's, in the emulator and by a GPU's matrix units."""

from pathlib import Path

import numpy
import pytest
import torch
from torch import Generator, Tensor

from cuda_kernels import cubin, gpu
from cuda_kernels.emulator.run import Module
from cuda_kernels.source import FOLDER, source

TEXT = Path(__file__).parents[1] / "kernels" / "matrix.cu"
SIDE, WARP = 16, 32


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("matrix")
    for file in (TEXT, FOLDER / "common.cuh", FOLDER / "matrix.cuh"):
        (folder / file.name).write_text(file.read_text())
    return source(TEXT.name, folder)


def multiply(text: str, a: Tensor, b: Tensor) -> list[Tensor]:
    """What the kernel writes: plain, turned, again."""
    results = [torch.full((SIDE, SIDE), torch.nan, device=a.device) for _ in range(3)]
    if a.device.type == "cuda":
        code = cubin.kept(TEXT.name, text, ("multiply",), gpu._architecture(a.device.index))
        function = gpu._cupy().RawModule(path=str(code.path)).get_function(code.names["multiply"])
        torch.cuda.synchronize()
        function((1, 1, 1), (WARP, 1, 1), tuple(numpy.uintp(tensor.data_ptr()) for tensor in (a, b, *results)))
        gpu._cupy().cuda.Device().synchronize()
    else:
        values = [(tensor, tensor.dtype) for tensor in (a, b, *results)]
        Module.load(TEXT.name, text, ["multiply"]).run("multiply", (1, 1, 1), WARP, values)
    return [result.cpu() for result in results]


def test_products_are_torch_s(text: str, device: torch.device) -> None:
    """Of whole numbers, whose sums are exact in any order, and which need not be alike in any two places."""
    generator = Generator().manual_seed(0)
    a, b = (torch.randint(-9, 10, (SIDE, SIDE), generator=generator).bfloat16() for _ in range(2))
    plain, turned, again = multiply(text, a.to(device), b.to(device))
    assert torch.equal(plain, a.float() @ b.float().T)
    assert torch.equal(turned, a.float() @ b.float())
    assert torch.equal(again, plain.bfloat16().float() @ b.float().T + plain)
