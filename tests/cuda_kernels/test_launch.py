"""Arguments of a launch are checked before it, by name; what fits is bound."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from cuda_kernels.arguments import bind
from cuda_kernels.emulator.run import module
from cuda_kernels.errors import KernelArgumentError
from cuda_kernels.kernel import Array, evaluate
from cuda_kernels.launch import launch
from cuda_kernels.manifest import KERNELS

N, D, L, K = 37, 5, 3, 4


def given(**changes: Any) -> dict[str, Any]:
    """Arguments of simhash that fit, but for the changes; a change to ... leaves one out."""
    fitting = {
        "x": torch.zeros(N, D),
        "planes": torch.zeros(D, L * K),
        "offset": None,
        "codes": torch.zeros(N, L, dtype=torch.int32),
        "K": K,
    }
    return {name: value for name, value in (fitting | changes).items() if value is not ...}


def test_instance_sizes_and_geometry_follow_from_the_tensors() -> None:
    launch = bind(KERNELS["simhash"], given())
    assert launch.expression == "simhash<float, int>"
    assert launch.sizes == {"N": N, "D": D, "L": L, "K": K}
    assert launch.grid == (3, 1, 1)  # of four warps, each with four rows
    assert launch.dynamic == 4 * 4 * 4


@pytest.mark.parametrize(
    ("argument", "changes", "complaint"),
    [
        ("x", {"x": ...}, "missing"),
        ("weight", {"weight": torch.zeros(3)}, "unknown; it takes"),
        ("x", {"x": None}, "is None; expected a tensor"),
        ("planes", {"planes": torch.zeros(D, L * K, dtype=torch.float64)}, "is torch.float64; expected torch.float32"),
        ("T", {"x": torch.zeros(N, D, dtype=torch.int32)}, "is torch.int32; there are instances for"),
        ("codes", {"codes": torch.zeros(N + 1, L, dtype=torch.int32)}, r"has shape \(38, 3\); \[N L\] is \(37, 3\)"),
        ("K", {"K": ...}, "missing, and no shape says"),
        ("planes", {"planes": torch.zeros(D, L * K + 1)}, r"\[D L\*K\] is \(5, 12\)"),
        ("x", {"x": torch.zeros(N * D)}, r"expected \[N D\]"),
        ("x", {"x": torch.zeros(D, N).t()}, r"has strides \(1, 37\); expected contiguous"),
        ("K", {"K": 4.0}, "expected a number of torch.int64"),
        ("planes", {"planes": torch.zeros(D, L * K, device="meta")}, "expected one device"),
        ("sizes", {"planes": torch.zeros(D, L * 10000), "K": 10000}, "more than a GPU gives"),
    ],
)
def test_what_does_not_fit_is_named(argument: str, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(KernelArgumentError, match=complaint) as caught:
        launch("simhash", **given(**changes))
    assert caught.value.argument == argument


def test_an_empty_grid_is_no_launch() -> None:
    launch("simhash", **given(x=torch.zeros(0, D), codes=torch.zeros(0, L, dtype=torch.int32)))


@pytest.mark.parametrize("name", KERNELS)
def test_the_manifest_has_the_argument_types_of_the_text(name: str) -> None:
    kernel = KERNELS[name]
    for instance in kernel.instances():
        assert module(kernel.source).signature(kernel.expression(instance)) == kernel.signature(instance)


def test_sizes_are_sums_and_products() -> None:
    assert evaluate("(N + 3) // 4 * -2", {"N": 9}) == -6
    with pytest.raises(ValueError, match="accepted"):
        evaluate("open('x')", {})


def test_a_size_is_bound_by_the_first_array_that_is_given() -> None:
    x, planes, offset, codes, *numbers = KERNELS["simhash"].arguments
    first = Array("first", "T", "N", optional=True)
    kernel = replace(KERNELS["simhash"], arguments=(first, x, planes, offset, codes, *numbers))
    assert bind(kernel, given(first=None)).sizes["N"] == N
    with pytest.raises(KernelArgumentError, match=r"argument x: has shape \(37, 5\); \[N D\] is \(36, 5\)"):
        bind(kernel, given(first=torch.zeros(N - 1)))


def test_parameters_that_are_chosen_together_have_no_other_pairs() -> None:
    kernel = replace(
        KERNELS["simhash"], templates={"T Code": ((torch.float32, torch.int32), (torch.float64, torch.int64))}
    )
    assert [kernel.expression(instance) for instance in kernel.instances()] == [
        "simhash<float, int>",
        "simhash<double, int64_t>",
    ]
    assert bind(kernel, given()).expression == "simhash<float, int>"
    with pytest.raises(KernelArgumentError, match="there are instances for"):
        bind(kernel, given(codes=torch.zeros(N, L, dtype=torch.int64)))
