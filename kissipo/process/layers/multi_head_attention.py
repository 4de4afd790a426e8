"""Multi-head attention: every query reads the values whose keys fit it, in each head.

q, k, v = x W_q, m W_k, m W_v       cut into heads of d features; m is x itself, or a
                                    memory
scores  = q · k / √d                a hidden key has minus infinity
weights = softmax(scores) over the keys
y       = (sum of weights · v of all heads) W_o

There are two ways with the same result: the plain one computes the weights, and SDPA
(torch.nn.functional.scaled_dot_product_attention) never has all of them in memory.

Shapes:   x (batch, query, feature), memory (batch, key, feature) or none,
          mask broadcastable to (batch, head, query, key), true for visible keys
          -> (batch, query, feature)
Choices:  SDPA from 64 keys on where it computes in float32 and nothing is dropped:
          measured on two cores it is 1.3 to 2.7 times as fast there, equal for short
          texts, and up to 9 times slower in the backward pass of bfloat16. A hook on
          the softmax must see the weights, so then the plain way is taken. Every query
          needs a visible key.
Source:   Vaswani et al., Attention Is All You Need, 2017, section 3.2.
Raises:   ShapeError when the heads do not divide the features.
Example:  >>> layer = MultiHeadAttention(6, num_heads=2)
          >>> layer(torch.zeros(1, 3, 6), mask=causal_mask(3)).shape
          torch.Size([1, 3, 6])
          >>> causal_mask(3).int().tolist()
          [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from kissipo.core.errors import ShapeError
from kissipo.core.protocols import Combined, Source

_MANY_KEYS = 64


class ScaledDotProduct(nn.Module):
    """The mean of the values in each head, weighted by how well their keys fit a query.

    Shapes:   query (batch, head, query, feature of a head), key and value (batch, head,
              key, feature of a head) -> (batch, head, query, feature of a head)
    """

    DESCRIPTION = "the mean of the values, weighted by head, query and key"
    AXES: ClassVar[Mapping[str, tuple[str | None, ...]]] = {
        "matmul": (None, "head", "query", "key"),
        "": (None, "head", "query", "feature"),
    }

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.softmax = nn.Softmax(dim=-1)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        if self._suits_sdpa(query, key):
            return scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed: Tensor = self.dropout(self.weights(query, key, mask)) @ value
        return mixed

    def weights(self, query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the weight of each key (batch, head, query, key); hidden keys have
        0."""
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights: Tensor = self.softmax(scores)
        return weights

    def activation_products(
        self, mixed: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> int:
        """Returns the products of queries with keys, and of weights with values."""
        return 2 * mixed.numel() * key.shape[2]

    def explain(
        self,
        index: tuple[int, ...],
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None = None,
    ) -> tuple[list[Source], Combined]:
        """Returns the values of all keys with their weights."""
        row, head, step, feature = index
        weights = self.weights(query, key, mask)[row, head, step]
        values = value[row, head, :, feature]
        return [
            Source("value", (row, head, place, feature), values[place], float(weight))
            for place, weight in enumerate(weights)
        ], "sum"

    def _suits_sdpa(self, query: Tensor, key: Tensor) -> bool:
        is_watched = _has_hooks(self.softmax) or torch.jit.is_tracing()
        drops = self.training and not isinstance(self.dropout, nn.Identity)
        is_exact = query.dtype is torch.float32 or not torch.is_grad_enabled()
        return key.shape[2] >= _MANY_KEYS and is_exact and not drops and not is_watched


class MultiHeadAttention(nn.Module):
    """Attention in several heads, each with its own projections."""

    CALLED_BY_OTHERS = ("keys_values", "attend")
    AXES: ClassVar[Mapping[str, tuple[str | None, ...]]] = {
        "unflatten": (None, None, "head", "feature"),
        "flatten": (None, None, "feature"),
    }

    def __init__(self, features: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if features % num_heads:
            raise ShapeError(
                "process.num_heads must divide the features of a token",
                got=f"{num_heads} heads, {features} features",
                do=f"Use {_divisor(features, num_heads)} heads, or other process.units",
            )
        self.num_heads = num_heads
        self.query = nn.Linear(features, features)
        self.key = nn.Linear(features, features)
        self.value = nn.Linear(features, features)
        self.heads = ScaledDotProduct(dropout)
        self.output = nn.Linear(features, features)

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        heads = "1 head" if self.num_heads == 1 else f"{self.num_heads} heads"
        return f"attention with {heads}"

    def forward(
        self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        return self.attend(x, *self.keys_values(x if memory is None else memory), mask)

    def keys_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the keys and the values (batch, head, key, feature of a head)."""
        return self._by_head(self.key(memory)), self._by_head(self.value(memory))

    def attend(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns what the queries of x read from keys and values (batch, head, key,
        feature of a head)."""
        mixed = self.heads(self._by_head(self.query(x)), keys, values, mask)
        y: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return y

    def explain(
        self,
        index: tuple[int, ...],
        x: Tensor,
        memory: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[list[Source], Combined]:
        """Returns what each head read, with the weights of the output layer."""
        row, query, feature = index
        keys, values = self.keys_values(x if memory is None else memory)
        mixed = self.heads(self._by_head(self.query(x)), keys, values, mask)[row, :, query]
        weights = self.output.weight[feature].view(mixed.shape)
        bias = Source("output.bias", (feature,), self.output.bias[feature].detach())
        return [
            *(
                Source(
                    f"head {head}", (row, head, query, place), value, float(weights[head, place])
                )
                for head, values_of_head in enumerate(mixed)
                for place, value in enumerate(values_of_head)
            ),
            bias,
        ], "sum"

    def extra_repr(self) -> str:
        """Returns the number of heads."""
        return f"num_heads={self.num_heads}"

    def _by_head(self, x: Tensor) -> Tensor:
        """Cuts the features into heads: (batch, head, time, feature of a head)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


def causal_mask(length: int, device: torch.device | None = None) -> Tensor:
    """Returns a mask (query, key) that hides every step after the query."""
    return torch.ones(length, length, dtype=torch.bool, device=device).tril()


def padding_mask(ids: Tensor) -> Tensor:
    """Returns a mask (batch, 1, 1, key) that hides padding, which is id 0.

    The first step is always visible, so that a text without tokens has a key, too.
    """
    visible = ids != 0
    visible[:, 0] = True
    return visible[:, None, None]


def _has_hooks(layer: nn.Module) -> bool:
    return bool(layer._forward_hooks)


def _divisor(features: int, wanted: int) -> int:
    """Returns the largest number of heads up to the wanted one that divides them.

    Example:  >>> _divisor(256, 6)
              4
    """
    return max(heads for heads in range(1, wanted + 1) if features % heads == 0)
