"""Does attention by hashing make a better language model for the same seconds, each with the length that suits it?"""

import pandas as pd

from bench.store import Rows
from reports.appearance import label
from reports.byte_lm_lengths import STUDY, at_end, best
from reports.claims.base import Claim, Finding, above, doubt, not_run
from reports.interval import interval

HASHED = tuple(f"{STUDY}{form}" for form in ("lsh_1", "lsh_4", "mongoose_1"))
EXACT, LOCAL = f"{STUDY}full", f"{STUDY}local"


def judge(rows: Rows) -> Finding:
    """Effect: bits a character, by seed, of exact attention less those of hashing: each at its best form and length.

    Holds where the 95 % interval lies above 0. Hashing has three forms to be best with.
    """
    found = at_end(rows)
    exact, hashed, local = (best(found[found["method"].isin(names)]) for names in ([EXACT], HASHED, [LOCAL]))
    saved = interval((exact.set_index("seed")["bits"] - hashed.set_index("seed")["bits"]).dropna())
    if not saved.n:
        return not_run(
            "needs runs of exact attention and of attention by hashing with the same seed", "bits a character"
        )
    ours = f"{saved.text(digits=3)}: {_told(hashed)} against {_told(exact)}"
    nearby = f"Without looking far: {_told(local)}." if len(local) else ""
    reason = f"{nearby}{doubt(saved)}".strip()
    return Finding(above(saved, 0), saved.mean, saved.ends(), "bits a character", saved.n, ours, reason, len(found))


def _told(found: pd.DataFrame) -> str:
    first = found.iloc[0]
    return f"{found['bits'].mean():.3f} with {label(first['method'])} and length {first['length']:,}"


claim = Claim(
    id="mongoose/byte-lm-lengths",
    words=(
        "After the same seconds, attention by hashing makes a better language model of bytes than exact attention, "
        "each with the length that suits it best"
    ),
    source="our own question",
    tag="ours",
    paper="",
    needs=(),
    judge=judge,
    experiments=("byte-lm-lengths",),
)
