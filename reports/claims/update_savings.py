"""Can a scheduler that does not know the future keep what the tables find, at a twentieth of naive's updates?"""

from bench.store import Rows
from reports.claims.base import Claim, Finding, Verdict, doubt, not_run
from reports.policies import NAMES, by_run, measured

KEPT, HASHED = 0.95, 0.05
POLICIES = ("drift", "two_copy")


def judge(rows: Rows) -> Finding:
    """Effect: recall that tables under Algorithm 1 keep, in percent of tables built anew.

    Holds where code drift and Algorithm 1 both keep at least 95 % of the recall and re-hash at most 5 % of the rows
    that naive LSH does, each by the whole 95 % interval; fails where for one of them a whole interval is on the other
    side.
    """
    kept, hashed = ({policy: measured(rows, policy, what) for policy in POLICIES} for what in ("kept", "hashed"))
    if not all(found.n for found in (*kept.values(), *hashed.values())):
        return not_run("needs runs of naive LSH, of code drift and of Algorithm 1", "% of recall")
    verdict: Verdict = "inconclusive"
    if all(kept[policy].low >= KEPT and hashed[policy].high <= HASHED for policy in POLICIES):
        verdict = "reproduced"
    elif any(kept[policy].high < KEPT or hashed[policy].low > HASHED for policy in POLICIES):
        verdict = "not reproduced"
    shares = {policy: (100 * kept[policy].mean, 100 * hashed[policy].mean) for policy in POLICIES}
    ours = "; ".join(f"{NAMES[p]}: {k:.1f} % of the recall with {h:.2f} % of the rows" for p, (k, h) in shares.items())
    main = kept["two_copy"]
    low, high = main.ends()
    reason, used = _reason(rows, main.n), len(by_run(rows))
    return Finding(verdict, 100 * main.mean, (100 * low, 100 * high), "% of recall", main.n, ours, reason, used)


def _reason(rows: Rows, n: int) -> str:
    moved = measured(rows, "oracle", "hashed")
    saved = f"An oracle would re-hash {100 * moved.mean:.3f} % ({1 / moved.mean:,.0f} times fewer)." if moved.n else ""
    aside = measured(rows, "two_copy", "aside")
    saved += f" Algorithm 1 has every query scan {aside.mean:,.0f} rows besides." if aside.n else ""
    return saved + ("" if n > 1 else doubt(measured(rows, "two_copy", "kept")))


claim = Claim(
    id="mongoose/update-savings",
    words="Code drift and Algorithm 1 keep 95 % of what tables find with 5 % of the row updates of naive LSH",
    source="our own question; the paper gives no number",
    tag="ours",
    paper="",
    needs=("lsh_policy-always", "lsh_policy-drift", "lsh_policy-two_copy"),
    judge=judge,
    experiments=("policies",),
)
