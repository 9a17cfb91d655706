"""How fast the hash codes of a text's queries change while a model trains, layer by layer."""

from functools import partial

import torch
from torch import Tensor

from bench.attention_layers import queries, watching
from bench.seeds import stream
from mongoose.hashing.base import HashFamily
from mongoose.hashing.cross_polytope import CrossPolytope
from mongoose.nn.attention import SharedQKAttention
from mongoose.nn.lsh_attention import LSHAttention
from mongoose.nn.transformer_lm import TransformerLM


class CodeChanges:
    """Compares the codes of the same tokens at two moments, both hashed as the layer hashes at the later one.

    What changes is therefore the weights' doing alone. Layers that keep no hash functions, or do not hash, are given
    random rotations, the same at every moment, so that all models can be compared.

    Args:
        tokens: [B, T]. num_bits: K of random rotations. rounds: how many. seed: of their draws.
    """

    def __init__(self, tokens: Tensor, *, num_bits: int, rounds: int, seed: int) -> None:
        self.tokens, self._before = tokens, list[Tensor]()
        self._draw = partial(self._random, num_bits, rounds, seed)

    @torch.no_grad()
    def since(self, model: TransformerLM) -> list[float]:
        """The share of codes that differ from those at the call before, a layer; NaN at the first call."""
        with watching(model, lambda layer, x: (layer, queries(layer, x))) as seen:
            model(self.tokens)
        before, self._before = self._before, [qk for _, qk in seen]
        if not before:
            return [float("nan")] * len(seen)
        return [self._changed(layer, then, now) for (layer, now), then in zip(seen, before, strict=True)]

    def _changed(self, layer: SharedQKAttention, then: Tensor, now: Tensor) -> float:
        kept = layer.family if isinstance(layer, LSHAttention) else None
        family = self._draw(now.shape[2]) if kept is None else kept
        codes = (family.codes(qk.flatten(0, 1)) for qk in (then, now))
        return float(torch.ne(*codes).float().mean())

    @staticmethod
    def _random(num_bits: int, rounds: int, seed: int, dim: int) -> HashFamily:
        return CrossPolytope(
            dim, num_bits=num_bits, num_tables=rounds, generator=stream(seed, "rotations of code changes")
        )
