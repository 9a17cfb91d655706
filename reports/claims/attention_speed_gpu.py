"""Is LSH attention faster than fused exact attention where that has matrix units?"""

from functools import partial

from reports.attention_speed import judge
from reports.claims.base import Claim

AS_FAST = {"lsh_4": 1.0, "lsh_1": 1.0}

claim = Claim(
    id="mongoose/attention-speed-gpu",
    words=(
        "On a GPU a training step of LSH attention at length 32,768 is at least as fast as fused exact attention, with "
        "4 rounds of hashing and with 1, in float32 and in bfloat16"
    ),
    source="our own bar, against torch's fused scaled_dot_product_attention on the same GPU",
    tag="ours",
    paper="Reformer (ICLR 2020), figure 5: exact attention grows with the square of the length, LSH attention does not",
    needs=(),
    judge=partial(judge, bars=AS_FAST),
    experiments=("attention-cost-gpu",),
)
