"""One seed, one independent stream a purpose: a method that draws more does not shift another's data order."""

import hashlib

from torch import Generator


def stream(seed: int, purpose: str) -> Generator:
    """A torch generator that depends on the seed and the purpose alone."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
