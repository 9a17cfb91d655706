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


LOOKS = {
    "dense": Look("dense softmax", "#333333", "s"),
    "sampled_uniform": Look("sampled softmax, uniform", "#E69F00", "^"),
    "sampled_frequency": Look("sampled softmax, freq^0.75 corrected", "#CC79A7", "v"),
    "naive_lsh": Look("naive LSH", "#56B4E9", "D"),
    "slide": Look("SLIDE", "#0072B2", "o"),
    "mongoose": Look("MONGOOSE", "#D55E00", "P"),
    "nearest_neighbours": Look("10 nearest neighbours", "#5F6B6D", "", "--"),
    "most_frequent": Look("most frequent labels", "#5F6B6D", "", ":"),
}

UNTRAINED = ("nearest_neighbours", "most_frequent")
TRAINED = tuple(method for method in LOOKS if method not in UNTRAINED)
SAMPLED = tuple(method for method in TRAINED if method != "dense")
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
