"""The shapes of data on which steps are timed. Sizes are those of the XMC repository; the data are synthetic."""

from dataclasses import dataclass, replace

BATCH = 256  # SLIDE §4.1, Amazon-670K
HIDDEN = 128  # SLIDE §4.1


@dataclass(frozen=True)
class Shape:
    """Sizes of a data set.

    Attributes:
        points: training points of the real set. features: F. labels: N. nnz: mean stored features a point.
        labels_per_point: mean labels a point.
    """

    name: str
    points: int
    features: int
    labels: int
    nnz: float
    labels_per_point: float


_REAL = (
    Shape("wiki10-31k", 14_146, 101_938, 30_938, 673, 18.6),
    Shape("delicious-200k", 196_606, 782_585, 205_443, 301, 75.5),
    Shape("wiki-325k", 1_778_351, 1_617_899, 325_056, 42, 3.19),
    Shape("amazon-670k", 490_449, 135_909, 670_091, 75, 5.45),
)
_SWEEP = {"30k": 30_000, "100k": 100_000, "200k": 200_000, "670k": 670_000, "1.3m": 1_300_000, "3m": 3_000_000}

SHAPES = {shape.name: shape for shape in _REAL} | {
    f"labels-{name}": replace(_REAL[-1], name=f"labels-{name}", labels=labels) for name, labels in _SWEEP.items()
}
_TINY = Shape("tiny", 600, 500, 300, 12, 2.0)  # for tests; not offered


def get(name: str) -> Shape:
    """The shape of this name; LookupError names those there are."""
    if name == _TINY.name:
        return _TINY
    if name not in SHAPES:
        raise LookupError(f"there is no shape {name!r}; the shapes are: {', '.join(SHAPES)}.")
    return SHAPES[name]
