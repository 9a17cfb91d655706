"""Which form of an op runs where, and in what it multiplies."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from cuda_kernels import launch
from cuda_kernels.arguments import Launch
from mongoose.candidates import Candidates
from mongoose.ops import backend
from mongoose.ops.backend import Backend, Choice, Products, multiplies_in_bfloat16, use, using
from mongoose.ops.simhash import simhash
from mongoose.ops.softmax import shared_softmax_cross_entropy

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Launch]]:
    """What is launched on a machine that is said to have a GPU; nothing is run."""
    launched: list[Launch] = []
    monkeypatch.setattr(backend, "_no_gpu", lambda: None)
    monkeypatch.setattr(launch, "_run", launched.append)
    with using("auto"):
        yield launched


@pytest.mark.parametrize("direct", [False, True])
def test_on_cuda_tensors_of_the_cpu_run_as_under_auto(launches: list[Launch], direct: bool) -> None:
    x, planes = torch.ones(2, 3), torch.ones(3, 4)
    automatic = use("auto")
    assert use("cuda") == "cuda"
    assert backend.current() == automatic
    assert (simhash.direct if direct else simhash)(x, planes, 2).tolist() == [[3, 3]] * 2
    assert not launches
    use("emulated")
    (simhash.direct if direct else simhash)(x, planes, 2)
    assert [asked.kernel.name for asked in launches] == ["simhash"]


@pytest.mark.parametrize(
    ("choice", "products", "device", "matrix_units", "expected"),
    [
        ("cpu", "float32", CPU, True, False),
        ("cpu", "bfloat16", CPU, False, True),
        ("cpu", "auto", CPU, True, True),
        ("cpu", "auto", CPU, False, False),
        ("reference", "bfloat16", CPU, True, False),
        ("reference", "bfloat16", CUDA, True, False),
        ("emulated", "bfloat16", CPU, False, True),
        ("emulated", "auto", CPU, True, False),
        ("cuda", "float32", CUDA, True, False),
        ("cuda", "bfloat16", CUDA, False, True),
        ("cuda", "auto", CUDA, True, True),
        ("cuda", "auto", CUDA, False, False),
        ("auto", "bfloat16", CUDA, False, True),
        ("auto", "auto", CUDA, True, True),
    ],
)
def test_products_in_bfloat16_by_device(
    launches: list[Launch],
    monkeypatch: pytest.MonkeyPatch,
    choice: Choice,
    products: Products,
    device: torch.device,
    matrix_units: bool,
    expected: bool,
) -> None:
    """Matrix units are those of the device; the other one's are the opposite, and do not matter."""
    tiles, capability = (matrix_units, not matrix_units) if device == CPU else (not matrix_units, matrix_units)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (8, 0) if capability else (7, 5))
    monkeypatch.setattr(backend, "_auto_on_cuda", lambda: "cuda")
    with using(choice, products):
        assert multiplies_in_bfloat16(device) is expected


def loss(choice: Backend, products: Products, given: tuple[Tensor, ...], labels: Candidates) -> Tensor:
    with using(choice, products):
        return shared_softmax_cross_entropy(*given, labels)


@pytest.mark.parametrize("choice", ["cpu", "emulated"])
def test_kernels_multiply_in_what_is_asked_for(choice: Backend) -> None:
    generator = torch.Generator().manual_seed(0)
    given = tuple(torch.randn(*shape, generator=generator) for shape in ((9, 32), (40, 32), (40,)))
    labels = Candidates.from_rows(torch.arange(9).unsqueeze(1))
    exact, rounded = (float(loss(choice, products, given, labels)) for products in ("float32", "bfloat16"))
    assert exact == pytest.approx(float(loss("reference", "bfloat16", given, labels)), rel=1e-6)
    assert 1e-6 < abs(rounded / exact - 1) < 2e-2
