"""What launches of CUDA kernels take on this GPU, by the profiler's clock, beside their floors: in steps of training.

Caches are as the launch before left them: one that finds its data there may be faster than its floor, which has every
byte come from memory.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, product
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from bench import environment
from bench.kernel_sizes import CHUNK, HEAD, HEADS
from bench.speed import shapes, synthetic
from bench.speed.place import GPU, Place
from bench.speed.stepping import STEP_PHASES, Stepper
from bench.speed.systems import OURS, PEERS, System
from bench.studies.attention_cost import Sizes, start
from cuda_kernels.arguments import Launch
from cuda_kernels.errors import DeviceError
from cuda_kernels.launch import watched
from cuda_kernels.manifest import KERNELS
from cuda_kernels.roofline import CARDS, Card, floor

Row = dict[str, Any]
SHAPE = "amazon-670k"
SYSTEMS = {
    "MONGOOSE": OURS["mongoose"],
    "Algorithm 1": System("two-copy", "lsh_policy", {"policy": "two_copy"}),
    "naive LSH": PEERS["naive-lsh"],
    "SLIDE": PEERS["slide"],
    "sampled softmax": OURS["mongoose-uniform"],
    "sampled softmax in torch": PEERS["torch-sampled"],
    "dense softmax": PEERS["dense-fp32"],
    "dense softmax, bfloat16": PEERS["dense-bf16"],
}
LENGTHS, ROUNDS, DTYPES = (8192, 32_768), (1, 4), ("float32", "bfloat16")
WARM_UP, PROFILED, TIMED = 10, 5, 50  # steps
OWN = re.compile(r"^(?:void )?(\w+)(?:<.*>)?\(")  # torch's own kernels lie in namespaces


class WarmGPU(GPU):
    """A GPU whose caches nobody flushes between steps."""

    def flush(self) -> None:
        pass


@dataclass(frozen=True)
class Workload:
    """What is done again and again: `step` does it once, and returns its milliseconds."""

    name: str
    step: Callable[[], float]


def document() -> Row:
    """All rows, and the GPU and code that they are of.

    Returns:
        kernels: a row a workload and instance: launches a step, the median of their microseconds and of their floors.
        steps: a row a workload: step_ms by events, busy_ms of all kernels in it, ours_ms of those of the manifest.

    Raises:
        DeviceError: the profiler saw other launches than were made.
    """
    here, card = WarmGPU(), card_of(torch.cuda.get_device_name())
    kernels: list[Row] = []
    steps: list[Row] = []
    for workload in chain(training(here, SHAPE), attention(here)):
        found = profiled(workload)
        kernels += [row | {"workload": workload.name} for row in kernel_rows(*found.matched(), card)]
        steps.append({"workload": workload.name} | found.totals())
    machine = asdict(environment.describe(torch.get_num_threads(), "cuda"))
    return {"command": "python -m bench kernels --device cuda", "machine": machine, "kernels": kernels, "steps": steps}


def card_of(name: str) -> Card | None:
    """The published peaks of a GPU, by its name; None where we know none."""
    return next((card for short, card in CARDS.items() if re.search(rf"\b{short}\b", name)), None)


def training(here: Place, shape: str) -> Iterator[Workload]:
    """A step of every system at the sizes of a data set; of ours an update of everything: mining, fitting, tables."""
    task = synthetic.task_of(synthetic.generate(shapes.get(shape)), shape)
    for name, system in SYSTEMS.items():
        stepper = Stepper(task, system, place=here)
        stepper.refresh(0, here.clock())
        yield Workload(f"{shape}: a step of {name}", partial(_step, stepper))
        if system.method == "mongoose":
            yield Workload(f"{shape}: an update of all of {name}", partial(_update, stepper))


def _step(stepper: Stepper) -> float:
    return 1000 * stepper.advance().seconds(*STEP_PHASES, "update")


def _update(stepper: Stepper) -> float:
    clock = stepper.place.clock()
    stepper.update_all(clock)
    return 1000 * clock.seconds("update")


def attention(here: Place) -> Iterator[Workload]:
    """Forward and backward pass of LSH attention over one sequence."""
    for length, rounds, dtype in product(LENGTHS, ROUNDS, DTYPES):
        system = start(here, Sizes(HEADS, HEAD, length, CHUNK, seed=0), "lsh", dtype, rounds)
        yield Workload(f"attention: length {length:,}, {rounds} round{'s' * (rounds > 1)}, {dtype}", system.step)


@dataclass(frozen=True)
class Profile:
    """Steps of a workload.

    ran: every kernel's name and microseconds, in their order. launched: ours. times: of steps without the profiler.
    """

    ran: Sequence[tuple[str, float]]
    launched: Sequence[Launch]
    times: Sequence[float]

    def matched(self) -> tuple[Sequence[Launch], list[float]]:
        """Our launches, and what each took."""
        ours = [(name, took) for full, took in self.ran if (name := own_name(full)) in KERNELS]
        if [name for name, _ in ours] != [launch.kernel.name for launch in self.launched]:
            raise DeviceError(f"the profiler saw {len(ours)} kernels of ours, not the {len(self.launched)} launches.")
        return self.launched, [took for _, took in ours]

    def totals(self) -> Row:
        of_ours = sum(took for full, took in self.ran if own_name(full) in KERNELS)
        of_all = sum(took for _, took in self.ran)
        a_step = 1000 * PROFILED
        return {"step_ms": median(self.times), "busy_ms": of_all / a_step, "ours_ms": of_ours / a_step}


def own_name(full: str) -> str:
    """`simhash` of `void simhash<float, int>(float const*, …)`; "" of what lies in a namespace."""
    found = OWN.match(full)
    return found[1] if found else ""


def profiled(workload: Workload) -> Profile:
    """Warmed up, timed without the profiler, and then under it."""
    for _ in range(WARM_UP):
        workload.step()
    times = [workload.step() for _ in range(TIMED)]
    launched: list[Launch] = []
    with profile(activities=[ProfilerActivity.CUDA]) as seen, watched(launched.append):
        for _ in range(PROFILED):
            workload.step()
        torch.cuda.synchronize()
    events = [event for event in seen.events() or [] if event.device_type.name == "CUDA"]
    events.sort(key=lambda event: event.time_range.start)
    return Profile([(event.name, event.time_range.elapsed_us()) for event in events], launched, times)


def kernel_rows(launched: Sequence[Launch], took: Sequence[float], card: Card | None) -> Iterator[Row]:
    """A row an instance, over its launches."""
    grouped: dict[str, list[tuple[Launch, float]]] = defaultdict(list)
    for launch, microseconds in zip(launched, took, strict=True):
        grouped[launch.expression].append((launch, microseconds))
    for expression, of in grouped.items():
        yield {
            "kernel": of[0][0].kernel.name,
            "instance": expression,
            "launches": len(of) / PROFILED,
            "us": median(microseconds for _, microseconds in of),
            "us_a_step": sum(microseconds for _, microseconds in of) / PROFILED,
            "floor_us_a_step": None if card is None else sum(floor_us(launch, card) for launch, _ in of) / PROFILED,
        }


def floor_us(launch: Launch, card: Card) -> float:
    """The least microseconds of this very launch."""
    return 1e6 * floor(launch.kernel, launch.instance, launch.sizes, card).seconds
