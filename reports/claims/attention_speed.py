"""Is LSH attention faster than the fused exact attention that people use today?"""

from functools import partial

from reports.attention_speed import judge
from reports.claims.base import Claim

BARS = {"lsh_4": 8.0, "lsh_1": 25.0}

claim = Claim(
    id="mongoose/attention-speed",
    words=(
        "A training step of LSH attention at length 32,768 is at least 8 times as fast as exact attention with 4 "
        "rounds of hashing, 25 times with 1"
    ),
    source="our own bar, against torch's fused scaled_dot_product_attention on the same CPU",
    tag="ours",
    paper="Reformer (ICLR 2020), figure 5: exact attention grows with the square of the length, LSH attention does not",
    needs=(),
    judge=partial(judge, bars=BARS),
    experiments=("attention-cost",),
)
