"""Language models of bytes by length, from made-up rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.record import Run
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.byte_lm_lengths import STUDY, at_end, best, table
from reports.claims.base import judge_all
from reports.claims.byte_lm_lengths import claim
from reports.figures.base import discover, missing, render

BITS = {"full": {512: 2.5, 2048: 2.4, 8192: 3.5}, "lsh_1": {512: 2.7, 2048: 2.3, 8192: 2.2}, "local": {512: 2.6}}


def make(gain: float = 0.0, seeds: int = 3, noise: float = 0.01) -> Rows:
    """Bits fall to those above, at the second of two evaluations; hashing saves `gain` more."""
    runs, measures, random = [], [], np.random.default_rng(0)
    for trained, by_length in BITS.items():
        for length, end in by_length.items():
            for seed in range(seeds):
                name = f"{STUDY}{trained}_of_{length}"
                run = Run(f"{name}-{seed}", "byte-lm-lengths", "quick", name, "debwik8", seed, "ok")
                runs.append(replace(run, started="2026-11-25T10:00:00").flat())
                bits = end - gain * (trained == "lsh_1") + noise * random.standard_normal()
                told = {"key": run.key, "trained": trained, "evaluated": trained, "length": length, "fits": 0}
                for step, more in ((50, 1.0), (100, 0.0)):
                    counts = {"step": step, "train_s": 0.6 * step, "loss": 2.0, "bits": bits + more}
                    measures.append(told | counts | {"peak_mib": length / 8})
    return Rows(pd.DataFrame(runs, columns=RUN_COLUMNS), pd.DataFrame(columns=TRACE_COLUMNS), pd.DataFrame(measures))


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (make(), "reproduced"),
        (make(gain=-0.5), "not reproduced"),
        (make(gain=-0.2), "inconclusive"),
        (make(seeds=1), "inconclusive"),
        (make(seeds=0), "not run"),
    ],
)
def test_the_claim_can_come_out_each_way(rows: Rows, verdict: str) -> None:
    assert claim.judge(rows).verdict == verdict


def test_each_is_judged_with_the_length_that_suits_it() -> None:
    found = claim.judge(make(noise=0.0))
    assert found.effect == pytest.approx(0.2)
    assert "2.200 with LSH, 1 round and length 8,192 against 2.400 with full attention and length 2,048" in found.ours
    assert "2.600 with local attention and length 512" in found.reason
    assert set(best(at_end(make(noise=0.0)))["length"]) == {8192}


def test_the_table_has_a_row_a_form_and_length_at_the_end() -> None:
    found = table(make(noise=0.0)).set_index(["trained with", "length"])
    assert len(found) == 7
    assert found.loc[("full attention", "8,192"), "bits a character"] == "3.500 ± 0.000"
    assert found.loc[("full attention", "8,192"), "peak MiB"] == "1,024 ± 0"
    assert found.loc[("LSH, 1 round", "512"), "steps"] == "100 ± 0"


def test_the_figure_draws_what_there_is() -> None:
    (figure,) = discover("byte-lm-lengths")
    frame = figure.data(make(noise=0.0))
    assert not missing(figure, make(), frame)
    assert frame.loc[frame["method"] == "byte_lm-full", "mean"].tolist() == pytest.approx([2.5, 2.4, 3.5])
    for rows in (make(), make(seeds=0)):
        assert render(figure, rows).startswith(b"\x89PNG")


def test_claims_about_other_studies_are_not_run_on_these_rows() -> None:
    judged = judge_all(make()).set_index("id")["verdict"]
    assert judged.pop("mongoose/byte-lm-lengths") == "reproduced"
    assert set(judged) == {"not run"}
