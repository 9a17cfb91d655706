"""Does MONGOOSE train in less memory than the dense softmax?"""

from bench.store import Rows
from reports.claims.base import Claim, Finding, at_least, doubt, not_run
from reports.interval import Interval, ratio_interval
from reports.paper_values import paper_value
from reports.selection import succeeded

CLAIMED, ON_WIKI = paper_value("reduction in memory"), paper_value("memory on Wiki-325K: dense over MONGOOSE")


def judge(rows: Rows) -> Finding:
    """Effect: peak memory above what the process held before training, dense over MONGOOSE, seed by seed.

    Holds where the 95 % interval of the geometric mean lies at or above 6.
    """
    runs = succeeded(rows).runs
    runs = runs.assign(grown=runs["peak_mib"] - runs["base_mib"])
    used = runs.pivot_table(index="seed", columns="method", values="grown")
    used = used.reindex(columns=["dense", "mongoose"]).dropna()
    used = used[(used > 0).all(axis=1)]
    if used.empty:
        return not_run("needs peak memory of MONGOOSE and of dense softmax with the same seed", "×")
    found = ratio_interval(used["dense"] / used["mongoose"])
    means = f"dense {used['dense'].mean():,.0f} MiB, MONGOOSE {used['mongoose'].mean():,.0f} MiB"
    ours = f"{found.text('×')}: {means} above the process before training"
    verdict = at_least(found, CLAIMED)
    return Finding(verdict, found.mean, found.ends(), "×", found.n, ours, _reason(found), 2 * len(used))


def _reason(found: Interval) -> str:
    here = {"reproduced": "would be reproduced", "not reproduced": "would not be reproduced"}.get(
        at_least(found, ON_WIKI), "stays open"
    )
    return (
        "Judged by the abstract's number, which a secondary source ascribes to the Reformer, not to extreme "
        f"classification. The same source gives 4× on Wiki-325K; here that {here}. Weights, gradients and optimiser "
        f"state of every layer count.{doubt(found)}"
    )


claim = Claim(
    id="mongoose/memory",
    words="6× reduction in memory usage",
    source="MONGOOSE (ICLR 2021), abstract",
    tag="paper text",
    paper="6×",
    needs=("mongoose", "dense"),
    judge=judge,
)
