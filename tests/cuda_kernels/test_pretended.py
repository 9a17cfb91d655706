"""The laws of the pretended device: what a GPU refuses is refused, and what it takes comes to what the CPU comes to."""

from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
import torch
from torch import Generator, Tensor, nn

from cuda_kernels.errors import DeviceError, KernelArgumentError
from cuda_kernels.launch import launch
from mongoose.ops import backend
from mongoose.ops.simhash import simhash
from mongoose.ops.sparse_matmul import embedding_bag, gather_rows
from tests.cuda_kernels import pretended
from tests.cuda_kernels.pretended import DEVICE, Pretended


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[torch.device]:
    with pretended.on_backend(monkeypatch) as device:
        yield device


def there(*shape: int) -> Tensor:
    return torch.arange(1.0, 1.0 + torch.Size(shape).numel()).reshape(shape).to(DEVICE)


REFUSED: dict[str, Callable[[], object]] = {
    "sum": lambda: there(3) + torch.ones(3),
    "changed on the CPU": lambda: torch.ones(3).add_(there(3)),
    "total on the CPU": lambda: torch.tensor(0.0).add_(there(1)[0]),
    "product": lambda: there(2, 3) @ torch.ones(3, 2),
    "linear": lambda: nn.Linear(3, 2)(there(2, 3)),
    "concatenation": lambda: torch.cat([there(3), torch.ones(3)]),
    "ids on the CPU": lambda: there(3).index_select(0, torch.tensor([0])),
    "0-dim ids on the CPU": lambda: there(3).index_select(0, torch.tensor(0)),
    "embedding": lambda: nn.functional.embedding(torch.tensor([0]), there(3, 2)),
    "indices there": lambda: torch.ones(3)[there(1).long()],
    "mask there": lambda: torch.ones(3)[there(3) > 1],
    "indices written there": lambda: torch.ones(3).index_put_((there(1).long(),), torch.ones(1)),
    "values written": lambda: there(3).index_put_((torch.tensor([0, 1]),), torch.ones(2)),
    "out": lambda: torch.add(there(3), 1, out=torch.empty(3)),
    "draw": lambda: torch.rand(3, generator=Generator(), device=DEVICE),
    "draw in place": lambda: there(3).normal_(generator=Generator()),
    "permutation": lambda: torch.randperm(3, generator=Generator(), device=DEVICE),
    "choice": lambda: torch.multinomial(there(3), 1, generator=Generator()),
}


@pytest.mark.parametrize("refused", REFUSED)
def test_devices_are_not_mixed(refused: str) -> None:
    with pytest.raises(RuntimeError, match="expected one"):
        REFUSED[refused]()


def test_the_cpu_reads_nothing_there() -> None:
    with pytest.raises((RuntimeError, TypeError)):
        there(3).numpy()
    with pytest.raises(DeviceError, match="no address"):
        there(3).data_ptr()


TAKEN: dict[str, Callable[[torch.device], Tensor]] = {
    "zeros": lambda device: torch.zeros(2, 3, device=device),
    "full": lambda device: torch.full((3,), 7, device=device),
    "data": lambda device: torch.tensor([[1, 2], [3, 4]], device=device),
    "eye": lambda device: torch.eye(3, 2, device=device),
    "range": lambda device: torch.arange(2, 9, 2, device=device),
    "permutation": lambda device: torch.randperm(9, device=device),
    "whole numbers": lambda device: torch.randint(9, (5,), device=device),
    "normal": lambda device: torch.randn(2, 3, device=device),
    "like": lambda device: torch.ones_like(torch.zeros(3, device=device), dtype=torch.int32),
    "new": lambda device: torch.zeros(3, device=device).new_full((2,), 5.0),
    "0-dim of the CPU": lambda device: torch.ones(3, device=device) * torch.tensor(2.0) + 1,
    "indices of the CPU": lambda device: torch.arange(3, device=device)[torch.tensor([2, 0])],
    "mask of the CPU": lambda device: torch.arange(3, device=device)[torch.tensor([True, False, True])],
    "copied in": lambda device: torch.zeros(2, 3, device=device).copy_(torch.ones(3)),
    "copied out": lambda device: torch.zeros(3).copy_(torch.ones(3, device=device)),
    "written": lambda device: torch.zeros(3, device=device).index_fill_(0, torch.tensor([1], device=device), 4),
    "vector times matrix": lambda device: torch.ones(3, device=device) @ torch.ones(3, 2, device=device),
    "in another shape": lambda device: torch.arange(6, device=device).reshape(3, 2).t_().unsqueeze_(0),
    "distinct": lambda device: torch.tensor([3, 1, 3], device=device).unique(),
}


@pytest.mark.parametrize("taken", TAKEN)
def test_results_are_those_of_the_cpu(taken: str) -> None:
    torch.manual_seed(0)
    expected = TAKEN[taken](torch.device("cpu"))
    torch.manual_seed(0)
    found = TAKEN[taken](DEVICE)
    assert found.device == (torch.device("cpu") if taken == "copied out" else DEVICE)
    assert torch.equal(found.cpu(), expected)
    assert found.tolist() == expected.tolist()
    assert (found.shape, found.stride()) == (expected.shape, expected.stride())


def test_ids_out_of_bounds_stop_the_device(device: torch.device) -> None:
    """Nobody waits to say which: where a GPU's assertion fails, all that is queued after it does."""
    weight, values = torch.ones(5, 3), torch.ones(1)
    for ids, offsets in (([5], [0, 1]), ([-1], [0, 1]), ([4], [0, 0]), ([4], [1, 1]), ([4], [0, 2, 1])):
        given = (weight, torch.tensor(ids), values, torch.tensor(offsets))
        with pytest.raises(RuntimeError, match="out of bounds"):
            embedding_bag(*(tensor.to(device) for tensor in given))


def test_a_view_is_of_the_same_memory() -> None:
    x = there(2, 3)
    x[0].t().zero_()
    x.view(-1)[5] = 9.0
    assert x.cpu().tolist() == [[0, 0, 0], [4, 5, 9]]
    assert x.clone().zero_().sum().item() == 0
    assert x.sum().item() == 18


def test_what_changes_in_place_is_what_was_given() -> None:
    x = there(3)
    assert x.add_(1) is x
    assert isinstance(x, Pretended)
    assert not isinstance(x.cpu(), Pretended)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Linear(4, 1))


def test_a_module_moves_and_trains_as_on_the_cpu() -> None:
    found = []
    for device in (torch.device("cpu"), DEVICE):
        network = net()
        first = network[0].weight
        network.to(device)
        assert network[0].weight is first  # as when it moves to a GPU
        optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            network(torch.ones(2, 5, device=device)).pow(2).sum().backward()
            optimizer.step()
        assert all(p.device == device and p.grad is not None and p.grad.device == device for p in network.parameters())
        found.append([p.detach().cpu() for p in network.parameters()])
    torch.testing.assert_close(found[1], found[0])


def test_a_sparse_gradient_is_there_and_that_of_the_cpu() -> None:
    found = []
    for device in (torch.device("cpu"), DEVICE):
        weight = torch.ones(5, 2).to(device).requires_grad_()
        (2 * gather_rows(weight, torch.tensor([1, 3], device=device))).sum().backward()
        assert weight.grad is not None
        assert (weight.grad.device, weight.grad.is_sparse) == (device, True)
        found.append(weight.grad.coalesce().values().tolist())
    assert found[0] == found[1] == [[2, 2], [2, 2]]


def test_products_under_autocast_are_rounded() -> None:
    x, layer = torch.randn(2, 5, device=DEVICE), nn.Linear(5, 3).to(DEVICE)
    with torch.autocast(pretended.NAME, torch.bfloat16):
        assert layer(x).dtype is torch.bfloat16
        assert (x + x).dtype is torch.float32
    assert layer(x).dtype is torch.float32


def test_a_copy_of_a_module_is_there_too_and_its_own() -> None:
    network = net().to(DEVICE)
    copied = deepcopy(network)
    nn.init.zeros_(copied[0].weight)
    assert isinstance(copied[0].weight, nn.Parameter)
    assert isinstance(copied[0].weight, Pretended)
    assert network[0].weight.abs().sum().item() > 0


@pytest.mark.parametrize("direct", [False, True])
def test_an_op_runs_its_kernel(device: torch.device, direct: bool) -> None:
    x, planes = torch.randn(33, 8), torch.randn(8, 12)
    codes = (simhash.direct if direct else simhash)(x.to(device), planes.to(device), 3)
    assert codes.device == device
    assert torch.equal(codes.cpu(), simhash.reference(x, planes, 3))


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("astray", [0, 1])
def test_an_op_refuses_tensors_of_both_devices(device: torch.device, direct: bool, astray: int) -> None:
    given = [torch.randn(33, 8).to(device), torch.randn(8, 12).to(device)]
    given[astray] = given[astray].cpu()
    with pytest.raises((KernelArgumentError, RuntimeError), match="expected one device"):
        (simhash.direct if direct else simhash)(given[0], given[1], 3)


def test_below_autograd_ops_are_made_of_others_too(device: torch.device) -> None:
    """As within an op's form for CUDA: torch does not take them apart there."""
    with torch._C._AutoDispatchBelowAutograd():
        x = there(2, 3)
        assert x.to(torch.device("cpu"), torch.float64).tolist() == x.tolist()
        assert x.to(device, torch.float64).device == device
        with pytest.raises(RuntimeError, match="expected one device"):
            nn.functional.linear(x, torch.ones(4, 3))


def test_ops_on_tensors_of_the_cpu_launch_nothing(device: torch.device) -> None:
    x, planes = torch.randn(33, 8), torch.randn(8, 12)
    assert torch.equal(simhash(x, planes, 3), simhash.reference(x, planes, 3))
    assert backend.current() != "cuda"


def test_a_kernel_of_the_device_takes_no_tensors_of_the_cpu(device: torch.device) -> None:
    codes = torch.empty(2, 3, dtype=torch.int32)
    with pytest.raises(DeviceError, match="tensors on cpu"):
        launch("simhash", x=torch.ones(2, 8), planes=torch.ones(8, 12), offset=None, codes=codes, K=4)
