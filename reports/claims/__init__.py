"""One file a claim: its module-level `claim` is found by `reports.claims.base.discover`."""
