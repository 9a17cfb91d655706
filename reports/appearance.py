"""How a method looks and is called, the same in every figure, table and claim.

Colours: Okabe and Ito's palette, which people with colour-vision deficiency can tell apart; markers repeat the code.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """The label, colour, marker and dash of one method."""

    label: str
    colour: str
    marker: str = "o"
    dash: str = "-"


FORMS = {  # of attention
    "full": Look("full attention", "#333333", "s"),
    "local": Look("local attention", "#999933", "^"),
    "lsh_1": Look("LSH, 1 round", "#56B4E9", "D"),
    "lsh_2": Look("LSH, 2 rounds", "#0072B2", "v"),
    "lsh_4": Look("LSH, 4 rounds", "#1B3A6B", "o"),
    "lsh_8": Look("LSH, 8 rounds", "#000000", "o", ":"),
    "mongoose_1": Look("MONGOOSE, 1 round", "#D55E00", "P"),
    "mongoose_4": Look("MONGOOSE, 4 rounds", "#8A3B00", "X"),
    "random_1": Look("buckets by lot, 1 round", "#CC79A7", "<", ":"),
    "random_4": Look("buckets by lot, 4 rounds", "#A94E81", ">", ":"),
    "topk_1": Look("the best positions of all", "#117733", "*", ":"),
}

LOOKS = {
    "dense": Look("dense softmax", "#333333", "s"),
    "sampled_uniform": Look("sampled softmax, uniform", "#E69F00", "^"),
    "sampled_frequency": Look("sampled softmax, freq^0.75 corrected", "#CC79A7", "v"),
    "naive_lsh": Look("naive LSH", "#56B4E9", "D"),
    "slide": Look("SLIDE", "#0072B2", "o"),
    "mongoose": Look("MONGOOSE", "#D55E00", "P"),
    "sampled_frequency-1k": Look("freq^0.75, 1k ids, corrected", "#E5BFD3", "p"),
    "sampled_frequency-4k": Look("freq^0.75, 4k ids, corrected", "#CC79A7", "p"),
    "sampled_frequency-9k": Look("freq^0.75, 9k ids, corrected", "#A94E81", "<"),
    "sampled_frequency-16k": Look("freq^0.75, 16k ids, corrected", "#6B2A4F", ">"),
    "sampled_frequency-4k_uncorrected": Look("freq^0.75, 4k ids", "#CC79A7", "v", ":"),
    "sampled_frequency-9k_uncorrected": Look("freq^0.75, 9k ids", "#A94E81", "<", ":"),
    "sampled_frequency-16k_uncorrected": Look("freq^0.75, 16k ids", "#6B2A4F", ">", ":"),
    "sampled_uniform-4k": Look("uniform, 4k ids, corrected", "#E69F00", "p"),
    "sampled_uniform-9k": Look("uniform, 9k ids, corrected", "#B87D00", "^"),
    "sampled_uniform-16k": Look("uniform, 16k ids, corrected", "#7A5300", "^"),
    "sampled_uniform-4k_uncorrected": Look("uniform, 4k ids", "#E69F00", "^", ":"),
    "sampled_uniform-9k_uncorrected": Look("uniform, 9k ids", "#B87D00", "^", ":"),
    "sampled_uniform-16k_uncorrected": Look("uniform, 16k ids", "#7A5300", "^", ":"),
    "in_batch": Look("labels of the batch", "#999933", "*"),
    "pool_hardest": Look("pool, hardest 8", "#0072B2", "s"),
    "pool_hardest-uncorrected": Look("pool, hardest 8, uncorrected", "#0072B2", "s", ":"),
    "mongoose-uncorrected": Look("MONGOOSE, uncorrected", "#D55E00", "P", ":"),
    "oracle_topk": Look("oracle: the true top 8", "#117733", "X"),
    "nearest_neighbours": Look("10 nearest neighbours", "#5F6B6D", "", "--"),
    "most_frequent": Look("most frequent labels", "#5F6B6D", "", ":"),
} | {f"{study}-{form}": look for study in ("copying", "byte_lm") for form, look in FORMS.items()}

UNTRAINED = (  # those of the first experiment
    "nearest_neighbours",
    "most_frequent",
)
TRAINED = (  # those of the first experiment
    "dense",
    "sampled_uniform",
    "sampled_frequency",
    "naive_lsh",
    "slide",
    "mongoose",
)
SAMPLED = tuple(method for method in TRAINED if method != "dense")
SHOWN = (  # those of the question that a figure has room for
    "mongoose",
    "mongoose-uncorrected",
    "sampled_uniform-16k",
    "sampled_frequency-4k_uncorrected",
    "sampled_frequency-1k",
    "sampled_frequency-4k",
    "sampled_frequency-9k",
    "sampled_frequency-16k",
    "in_batch",
    "pool_hardest",
    "pool_hardest-uncorrected",
    "oracle_topk",
)
HASHED = ("naive_lsh", "slide", "mongoose")


def look(method: str) -> Look:
    """The look of a method; one this file does not know keeps its own name, in green."""
    return LOOKS.get(method, Look(method, "#009E73", "X"))


def label(method: str) -> str:
    """A method's readable name."""
    return look(method).label


def ordered(methods: Iterable[str]) -> list[str]:
    """Distinct methods in the fixed order, unknown ones last by name."""
    known = list(LOOKS)
    return sorted(set(methods), key=lambda method: (known.index(method) if method in LOOKS else len(known), method))
