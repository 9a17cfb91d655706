"""A Transformer language model of bytes, whatever its attention is."""

import math
from collections.abc import Callable
from typing import Literal, get_args

from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from mongoose.nn.ablations import RandomAttention, TopKAttention
from mongoose.nn.attention import FullAttention, LocalAttention, SharedQKAttention
from mongoose.nn.lsh_attention import LSHAttention
from mongoose.nn.mongoose_attention import MongooseAttention
from mongoose.nn.positions import FixedPositions
from mongoose.nn.reversible import FeedForward, ResidualBlock, ReversibleSequence

Attention = Literal["full", "local", "lsh", "mongoose", "random", "topk"]
MakeAttention = Callable[[], SharedQKAttention]


class TransformerLM(nn.Module):
    """Tokens in, scores of the next ones out: embedding, positions, pre-norm blocks, norm, output layer.

    Args:
        symbols: of the vocabulary; 256 bytes. dim: D. depth: blocks of attention and feed-forward.
        attention: makes the attention of a block. positions: adds what tells positions apart; None: `FixedPositions`.
        hidden: width of the feed-forward; None: 4·D. pieces: of the feed-forward. reversible: see `ReversibleSequence`.
        generator: the source of first weights.

    Source: Reformer §3 for the blocks. Differs from it: one output layer over a norm of the mean of both streams.
    """

    def __init__(
        self,
        dim: int,
        *,
        depth: int,
        attention: MakeAttention,
        generator: Generator,
        symbols: int = 256,
        positions: nn.Module | None = None,
        hidden: int | None = None,
        pieces: int = 1,
        reversible: bool = True,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(symbols, dim)
        self.positions = FixedPositions(dim) if positions is None else positions
        blocks = [
            ResidualBlock(
                nn.Sequential(nn.LayerNorm(dim), attention()),
                nn.Sequential(
                    nn.LayerNorm(dim), FeedForward(dim, hidden or 4 * dim, generator=generator, pieces=pieces)
                ),
            )
            for _ in range(depth)
        ]
        self.blocks = ReversibleSequence(blocks, reversible=reversible)
        self.norm, self.output = nn.LayerNorm(dim), nn.Linear(dim, symbols)
        nn.init.normal_(self.embedding.weight, generator=generator)  # as long as a position's vector, or longer
        nn.init.normal_(self.output.weight, std=dim**-0.5, generator=generator)
        nn.init.zeros_(self.output.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """[B, T] int64 → [B, T, symbols]: scores of the token after each."""
        x = self.embedding(tokens)
        x = x + self.positions(tokens.shape[1]).to(x)
        scores: Tensor = self.output(self.norm(self.blocks(x)))
        return scores

    def loss(self, tokens: Tensor, told: Tensor | None = None) -> Tensor:
        """Mean cross-entropy of tokens [B, T + 1] after those before them, in nats.

        Args:
            told: [B, T + 1] bool, the tokens that count; None: all but the first.
        """
        scores, following = self(tokens[:, :-1]), tokens[:, 1:]
        if told is None:
            return cross_entropy(scores.flatten(0, 1), following.flatten())
        counted = told[:, 1:]
        return cross_entropy(scores[counted], following[counted])

    def refresh(self, step: int) -> None:
        """Tell whatever learns of its own that `step` training steps are done."""
        for module in self.modules():
            if isinstance(module, MongooseAttention):
                module.refresh(step)

    def own_parameters(self) -> list[nn.Parameter]:
        """What the loss trains: all but hash functions, which learn of their own."""
        return [p for name, p in self.named_parameters() if ".family." not in name]


def attention_maker(
    kind: Attention,
    dim: int,
    *,
    heads: int,
    length: int,
    generator: Generator,
    hash_generator: Generator,
    rounds: int = 1,
    chunk: int = 64,
    dropout: float = 0.0,
) -> MakeAttention:
    """Makes attention of a kind, alike in all that the kind does not decide.

    Args:
        length: of the sequences to come: kept hash functions have a bucket for every `chunk` positions.
        rounds, chunk: as of `LSHAttention`; `topk` attends to as many positions as are then within reach at most.

    Raises:
        ValueError: the kind is unknown.
    """
    common = {"heads": heads, "generator": generator, "dropout": dropout}
    hashed = common | {"hash_generator": hash_generator, "rounds": rounds, "chunk": chunk}
    bits = max(1, round(math.log2(max(length / chunk, 1))))
    makers: dict[str, MakeAttention] = {
        "full": lambda: FullAttention(dim, **common),  # type: ignore[arg-type]
        "local": lambda: LocalAttention(dim, chunk=chunk, **common),  # type: ignore[arg-type]
        "lsh": lambda: LSHAttention(dim, **hashed),  # type: ignore[arg-type]
        "mongoose": lambda: MongooseAttention.by_drift(dim, num_bits=bits, **hashed),  # type: ignore[arg-type]
        "random": lambda: RandomAttention(dim, **hashed),  # type: ignore[arg-type]
        "topk": lambda: TopKAttention(dim, best=2 * chunk * rounds, **common),  # type: ignore[arg-type]
    }
    if kind not in makers:
        raise ValueError(f"attention={kind!r}; accepted: {', '.join(map(repr, get_args(Attention)))}.")
    return makers[kind]
