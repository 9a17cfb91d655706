"""What is measured: one flat `Run` a training run, one flat `Trace` a moment of it.

The field names are the columns of the store, of exported files and of the data frames that reports read. Fractions
lie in [0, 1]; a suffix names the unit (`_s` seconds, `_mib` mebibytes). NaN means "not measured here".
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from math import nan
from typing import Any, Literal

SCHEMA = 1

Status = Literal["ok", "diverged", "oom", "timeout", "error"]
Event = Literal["evaluation", "epoch"]


@dataclass(frozen=True)
class Environment:
    """Where a run took place; user names, paths and addresses never enter."""

    cpu: str = ""
    cores: int = 0
    memory_gib: float = nan
    threads: int = 0
    backend: str = ""
    python: str = ""
    torch: str = ""
    platform: str = ""
    commit: str = ""
    code: str = ""


@dataclass(frozen=True)
class Run:
    """One run, from its configuration to its scores on the whole test part.

    `best_*` and the test scores belong to the evaluation with the highest `validation_p_at_1` (early stopping);
    `last_p_at_1` is the P@1 of the last evaluation, on the test points of the curve. `method` is the name under which
    the run is compared: the method's, followed by `-` and the variant's if it is one.
    """

    key: str
    experiment: str
    scale: str
    method: str
    dataset: str
    seed: int
    status: Status
    reason: str = ""
    budget_s: float = nan
    steps: int = 0
    epochs: float = nan
    train_s: float = nan
    update_s: float = nan
    evaluation_s: float = nan
    peak_mib: float = nan
    base_mib: float = nan
    parameters: int = 0
    table_updates: int = 0
    rows_updated: int = 0
    best_step: int = 0
    best_s: float = nan
    validation_p_at_1: float = nan
    last_p_at_1: float = nan
    test_points: int = 0
    p_at_1: float = nan
    p_at_3: float = nan
    p_at_5: float = nan
    psp_at_1: float = nan
    psp_at_3: float = nan
    psp_at_5: float = nan
    ndcg_at_1: float = nan
    ndcg_at_3: float = nan
    ndcg_at_5: float = nan
    config: str = "{}"
    started: str = ""
    environment: Environment = field(default_factory=Environment)

    def flat(self) -> dict[str, Any]:
        """The run as one row; the environment's fields are columns `env_<field>`."""
        row = asdict(self)
        environment = row.pop("environment")
        return row | {f"env_{name}": value for name, value in environment.items()}


@dataclass(frozen=True)
class Trace:
    """One moment of a run: an evaluation, or the end of an epoch (then only the `*_changed_epoch` fields are new).

    `bits_changed_*` and `codes_changed_*` are the fractions of the bits, and of whole K-bit codes, of all output rows
    that differ under one fixed random SimHash: over the last step before an evaluation, or over the epoch that ended.
    `retrieved_at_10` is the share of each query's exact top-10 scores that was retrieved for it, before anything else
    came into its active set; NaN where nothing is retrieved.
    `recall_at_10` is the share of each query's exact top-10 scores, after the step, that its active set held: labels
    and random negatives included, and those of the whole batch where the set is shared.
    `full_loss` is the cross-entropy over all classes, in nats, of 512 of the test points on which curves are drawn;
    `loss` is the mean training loss since the evaluation before, as the method computes it.
    `candidate_recall` is the share of each query's exact top-10 scores among all that its codes find in the tables, and
    `fresh_recall` the same of tables that were built from the rows as they are at that moment, by the same functions.
    `rows_aside` is the number of rows that the policy has every query scan at that moment; `candidate_recall` has them.
    Counters (`update_s`, `table_updates`, `rows_updated`, `rows_hashed`) run from the start of the run.
    """

    key: str
    method: str
    dataset: str
    seed: int
    event: Event
    step: int
    epoch: float
    train_s: float
    update_s: float = 0.0
    table_updates: int = 0
    rows_updated: int = 0
    rows_hashed: int = 0
    rows_aside: float = nan
    loss: float = nan
    active: float = nan
    full_loss: float = nan
    recall_at_10: float = nan
    retrieved_at_10: float = nan
    candidate_recall: float = nan
    fresh_recall: float = nan
    validation_p_at_1: float = nan
    p_at_1: float = nan
    p_at_3: float = nan
    p_at_5: float = nan
    psp_at_1: float = nan
    bits_changed_step: float = nan
    codes_changed_step: float = nan
    bits_changed_epoch: float = nan
    codes_changed_epoch: float = nan
    peak_mib: float = nan


def run_key(config: dict[str, Any], code: str) -> str:
    """The identity of a run: a digest of its canonical configuration (seed included), the schema and the code.

    Args:
        config: JSON-serialisable; the order of its keys does not matter.
        code: digest of the sources that can change a result (`bench.environment.code_digest`).
    """
    canonical = json.dumps({"config": config, "schema": SCHEMA, "code": code}, sort_keys=True, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
