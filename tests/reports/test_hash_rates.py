"""Change of codes by what drives it, from made-up rows whose answer is known."""

import json
from dataclasses import asdict, replace

import pandas as pd

from bench.record import Run, Trace
from bench.store import RUN_COLUMNS, TRACE_COLUMNS, Rows
from reports.figures.base import discover, render
from reports.hash_rates import changes, table


def make() -> Rows:
    """Codes change by 1000·lr % in each epoch after the second, by 90 % in the first two."""
    runs, traces = [], []
    for lr in (1e-3, 1e-2):
        for seed in (0, 1):
            key, config = f"{lr}-{seed}", json.dumps({"params": {"lr": lr}, "batch_size": 256})
            run = Run(key, "hash-change", "paper", f"sampled_frequency-{lr}", "wordnet", seed, "ok", config=config)
            runs.append(replace(run, steps=400, epochs=4.0).flat())
            moment = Trace(key, run.method, "wordnet", seed, "epoch", 0, 0.0, 1.0)
            traces += [
                replace(moment, epoch=epoch + 0.01, codes_changed_epoch=10 * lr if epoch > 2 else 0.9)
                for epoch in (1, 2, 3, 4)
            ]
            traces.append(replace(moment, event="evaluation", epoch=3.5, codes_changed_step=lr))
    assert list(asdict(moment)) == TRACE_COLUMNS
    return Rows(pd.DataFrame(runs, columns=RUN_COLUMNS), pd.DataFrame([asdict(trace) for trace in traces]))


def test_the_first_epochs_do_not_count():
    found = changes(make()).groupby("lr")
    assert found["codes_changed_epoch"].mean().round(9).to_dict() == {1e-3: 1.0, 1e-2: 10.0}
    assert found["codes_changed_step"].mean().round(9).to_dict() == {1e-3: 0.1, 1e-2: 1.0}
    assert set(changes(make())["steps an epoch"]) == {100}


def test_the_table_and_the_figure_show_it():
    assert table(make())["codes an epoch (%)"].str.split(" ").str[0].tolist() == ["1.00", "10.00"]
    (figure,) = discover("hash-change")
    assert figure.data(make()).query("panel == 'lr' and what == 'codes_changed_epoch'")["n"].tolist() == [2, 2]
    assert render(figure, make()).startswith(b"\x89PNG")
