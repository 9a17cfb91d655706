"""Hash tables over trained rows: what it costs to make them, to keep them and to ask them, and what they find."""

from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor

from bench import methods
from bench.evaluation import share_of
from bench.seeds import stream
from bench.speed.shapes import BATCH
from bench.speed.stepping import Stepper
from bench.speed.systems import System
from bench.task import Task
from bench.timing import Stopwatch, median_ms
from mongoose.candidates import Candidates
from mongoose.hashing.base import HashFamily
from mongoose.hashing.dwta import DWTA
from mongoose.hashing.hadamard import HadamardSimHash
from mongoose.hashing.learned import LearnedSimHash
from mongoose.hashing.simhash import SimHash
from mongoose.nn.linear import SampledLinear
from mongoose.ops.rerank import rerank
from mongoose.ops.shortlist import describe_rows
from mongoose.ops.topk import topk_rows
from mongoose.sampling.mining import from_matrix
from mongoose.tables import HashTables

NUM_TABLES = 16
TRAINED_STEPS = 2500
CAP = 64
KEEP = 8
SHORTLIST = 32
MOVED = 0.01  # share of the rows in an update
REPEATS = 5
BRUTE_FORCE_QUERIES = 16


def families(dim: int, num_bits: int) -> dict[str, HashFamily]:
    """The families that are compared, with as many buckets as their kind allows next to 2**num_bits."""
    by_threes = max(3, num_bits // 3 * 3)  # DWTA takes three bits at a time
    make = partial(SimHash, dim, num_bits=num_bits, num_tables=NUM_TABLES)
    return {
        "simhash": make(generator=stream(0, "hash")),
        "signs": make(planes="signs", generator=stream(0, "hash")),
        "hadamard": HadamardSimHash(dim, num_bits=num_bits, num_tables=NUM_TABLES, generator=stream(0, "hash")),
        "dwta": DWTA(dim, num_bits=by_threes, num_tables=NUM_TABLES, generator=stream(0, "hash")),
        "learned": LearnedSimHash(dim, num_bits=num_bits, num_tables=NUM_TABLES, generator=stream(0, "hash")),
    }


def measure(task: Task, steps: int) -> list[dict[str, Any]]:
    """A row for each family, on the output rows of a network trained with random negatives for so many steps.

    Rows and queries are centred. See `of_family` for what a row holds.
    """
    stepper = Stepper(task, System("trained", "sampled_uniform", {"num_samples": 4096}))
    for _ in range(steps):
        stepper.advance()
    head = stepper.net.head
    assert isinstance(head, SampledLinear)
    weight, bias = head.weight.detach(), head.bias.detach()
    asked, others = torch.arange(min(2 * BATCH, len(task.train))).chunk(2)
    x, _ = stepper.hidden(asked)
    num_bits = methods.base.LSHConfig().bits_for(len(weight))
    return [
        {"family": name, "trained_steps": steps} | of_family(family, x, weight, bias, stepper.hidden(others))
        for name, family in families(task.hidden, num_bits).items()
    ]


def of_family(
    family: HashFamily, x: Tensor, weight: Tensor, bias: Tensor, others: tuple[Tensor, Candidates]
) -> dict[str, Any]:
    """Costs and finds of one family; one that learns is fitted to `others`, queries with labels that are not asked.

    Returns:
        hash_ms, build_ms: hashing all rows, building all tables; rehash_ms: both. update_ms: hashing 1 % of the rows
        anew and moving them; update_share of rehash_ms. describe_ms: what estimated scores need of all rows.
        query_ms: codes, candidates and the best 8 of a batch, by estimated scores first; query_exact_ms: all exact.
        candidates: a query. recall_at_10: share of the exact ten largest scores among the candidates; of_random: of as
        many random rows; gain: their ratio. kept_exact, kept_short, kept_hamming: share of the ten among the best 8:
        of all candidates, of the 32 of the largest estimated scores, of the 64 with the nearest sketches.
        equals_brute_force: whether uncapped queries return what comparing codes one by one does.
    """
    centre, query_centre = weight.mean(0), x.mean(0)
    if isinstance(family, LearnedSimHash):
        _fit(family, *others, weight, centre, bias)
    hash_ms = median_ms(lambda: family.codes(weight, centre))
    tables = HashTables(num_bits=family.num_bits, num_tables=family.num_tables)
    codes = family.codes(weight, centre)
    build_ms = median_ms(lambda: tables.build(codes))
    update_ms = _update_ms(tables, family, weight, centre)
    hashed = partial(family.query_codes, x, query_centre)
    query_codes = hashed()
    best = partial(rerank, x, weight, bias)
    describe = partial(describe_rows, weight, codes, family.num_bits, centre, query_centre)
    digests = describe()
    estimate = {"shortlist": SHORTLIST, "digests": digests, "radius": (x - query_centre).norm(dim=1)}
    nearest: dict[str, Any] = {"shortlist": 64, "digests": digests}
    retrieve = partial(tables.retrieve, x, weight, bias, keep=KEEP, cap=CAP)

    found = _ask(tables, query_codes)
    top = topk_rows(x, weight, bias, min(10, len(weight)))
    candidates = len(found.ids) / len(x)
    recall = share_of(found, top)
    return {
        "num_bits": family.num_bits,
        "num_tables": family.num_tables,
        "hash_ms": hash_ms,
        "build_ms": build_ms,
        "rehash_ms": hash_ms + build_ms,
        "update_ms": update_ms,
        "update_share": update_ms / (hash_ms + build_ms),
        "describe_ms": median_ms(describe),
        "query_ms": median_ms(lambda: retrieve(hashed(), generator=stream(0, "t"), **estimate)),
        "query_exact_ms": median_ms(lambda: retrieve(hashed(), generator=stream(0, "t"))),
        "candidates": candidates,
        "recall_at_10": recall,
        "of_random": candidates / len(weight),
        "gain": recall / max(candidates / len(weight), 1e-12),
        "kept_exact": share_of(Candidates(*best(found.ids, found.offsets, KEEP)), top),
        "kept_hamming": share_of(retrieve(query_codes, generator=stream(0, "tables"), **nearest), top),
        "kept_short": share_of(retrieve(query_codes, generator=stream(0, "tables"), **estimate), top),
        "equals_brute_force": _equals_brute_force(tables, query_codes[:BRUTE_FORCE_QUERIES]),
    }


def _ask(tables: HashTables, codes: Tensor) -> Candidates:
    return tables.query(codes, cap=CAP, generator=stream(0, "tables"))


def _update_ms(tables: HashTables, family: HashFamily, weight: Tensor, centre: Tensor) -> float:
    """Median over updates of freshly built tables; the rows that move are random, as are the places they move to."""
    generator, count = stream(0, "moved"), max(1, round(MOVED * len(weight)))
    times = []
    for _ in range(REPEATS):
        ids = torch.randperm(len(weight), generator=generator)[:count].sort().values
        moved = weight[ids] + torch.randn(count, weight.shape[1], generator=generator) * weight.std()
        tables.build(family.codes(weight, centre))
        clock = Stopwatch()
        with clock.phase("update"):
            tables.update(ids, family.codes(moved, centre))
        times.append(1000 * clock.seconds("update"))
    tables.build(family.codes(weight, centre))
    return median(times)


def _fit(family: LearnedSimHash, x: Tensor, labels: Candidates, weight: Tensor, centre: Tensor, bias: Tensor) -> None:
    """Triplets of a query, one of its labels or its ten largest scores, and a random row."""
    top = topk_rows(x, weight, bias, min(10, len(weight)))
    positives = labels.union(from_matrix(top))
    negatives = torch.randint(len(weight), positives.ids.shape, generator=stream(0, "negatives"))
    family.fit((x - x.mean(0))[positives.samples], weight[positives.ids] - centre, weight[negatives] - centre)


def _equals_brute_force(tables: HashTables, codes: Tensor) -> bool:
    found = tables.query(codes)
    bounds = zip(found.offsets[:-1].tolist(), found.offsets[1:].tolist(), strict=True)
    return all(
        torch.equal(found.ids[begin:end], (tables.codes == code).any(1).nonzero().squeeze(1))
        for code, (begin, end) in zip(codes, bounds, strict=True)
    )
