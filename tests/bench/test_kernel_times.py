"""Rows of `bench kernels --device cuda`: launches matched with what a profiler saw, here made up."""

from dataclasses import replace

import pytest

from bench import kernel_times, methods
from bench.kernel_times import PROFILED, Profile, card_of, floor_us, kernel_rows, own_name, training
from bench.speed.place import CPU
from bench.speed.systems import System
from cuda_kernels.arguments import Launch
from cuda_kernels.errors import DeviceError
from cuda_kernels.launch import watched
from cuda_kernels.roofline import CARDS
from mongoose.ops.backend import using

FEW = {"num_tables": 4, "num_samples": 50}


def _small(system: System) -> System:
    """With four tables, where there are tables, and few negatives: the emulator is slow."""
    known = methods.get(system.method).config.model_fields
    return replace(system, params={**system.params, **{name: few for name, few in FEW.items() if name in known}})


@pytest.fixture(scope="module")
def launched() -> list[Launch]:
    """Of a step of each system on a tiny set, and of an update, in the emulator."""
    found: list[Launch] = []
    systems = {name: _small(system) for name, system in kernel_times.SYSTEMS.items()}
    with pytest.MonkeyPatch.context() as patch, using("emulated"):
        patch.setattr(kernel_times, "SYSTEMS", systems)
        for workload in training(CPU, "tiny"):
            with watched(found.append):
                assert workload.step() > 0
    return found


def test_every_launch_of_training_has_a_floor(launched: list[Launch]) -> None:
    """Also of sizes that only a call knows: what the manifest counts by is bound by every launch."""
    assert len({launch.kernel.name for launch in launched}) > 30
    assert min(floor_us(launch, CARDS["H100"]) for launch in launched) >= 0
    assert max(floor_us(launch, CARDS["H100"]) for launch in launched) > 0


def test_launches_are_matched_with_what_the_profiler_saw(launched: list[Launch]) -> None:
    ours = [(f"void {launch.expression}(float const*, long long)", 2.0) for launch in launched]
    torchs = ("void at::native::vectorized_elementwise_kernel<4, at::native::FillFunctor<float>>(int)", 3.0)
    copies = ("Memcpy HtoD (Pageable -> Device)", 1.0)
    seen = Profile([torchs, *ours, copies], launched, [1.0, 9.0, 2.0])
    assert seen.matched() == (launched, [2.0] * len(launched))
    a_step = 1000 * PROFILED
    of_ours = 2 * len(launched) / a_step
    assert seen.totals() == {"step_ms": 2.0, "busy_ms": pytest.approx(of_ours + 4 / a_step), "ours_ms": of_ours}
    with pytest.raises(DeviceError, match="the profiler saw"):
        Profile(ours[1:], launched, []).matched()


def test_rows_add_up_to_a_step(launched: list[Launch]) -> None:
    rows = list(kernel_rows(launched, [2.0] * len(launched), CARDS["H100"]))
    assert sum(row["launches"] for row in rows) * PROFILED == pytest.approx(len(launched))
    assert sum(row["us_a_step"] for row in rows) * PROFILED == pytest.approx(2 * len(launched))
    assert all(row["us"] == 2.0 and row["floor_us_a_step"] >= 0 for row in rows)
    assert all(row["floor_us_a_step"] is None for row in kernel_rows(launched, [2.0] * len(launched), None))


def test_names_of_kernels() -> None:
    assert own_name("mark_places(int const*, long long)") == "mark_places"
    assert own_name("void simhash<float, int>(float const*)") == "simhash"
    assert own_name("void cub::detail::scan<int>(int)") == own_name("Memset (Device)") == ""


def test_cards_are_known_by_their_names() -> None:
    assert card_of("NVIDIA H100 80GB HBM3") == CARDS["H100"]
    assert card_of("NVIDIA H200") is None
