"""Transformer layer: attention, then a feed-forward net at every step.

x = x + attention(x)
x = x + attention(x, memory)
x = x + W2 act(W1 x + b1) + b2

The second line is for decoders that read a memory. Every sum is normalized after it
(post-norm, as published) or before the layer that adds to it (pre-norm).

Shapes:   x (batch, time, feature), memory (batch, key, feature) or none, masks as in
          attention -> (batch, time, feature)
Choices:  Dropout comes before each sum and on the weights of the attention. Pre-norm
          needs one more normalization after the last layer, which the net adds.
Source:   Vaswani et al. 2017, sections 3.1 and 3.3; pre-norm Xiong et al. 2020.
Example:  >>> layer = TransformerLayer(6, num_heads=2, feed_forward_units=24)
          >>> layer(torch.zeros(1, 3, 6)).shape
          torch.Size([1, 3, 6])
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.activation import Activation, activation
from kissipo.process.layers.multi_head_attention import MultiHeadAttention

KeysValues = tuple[Tensor, Tensor]


class FeedForward(nn.Module):
    """Two linear layers at every step, the first one wider."""

    DESCRIPTION = "the same feed-forward net at every step"

    def __init__(self, features: int, units: int, act: Activation) -> None:
        super().__init__()
        self.inner = nn.Linear(features, units)
        self.activation = activation(act)
        self.outer = nn.Linear(units, features)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.outer(self.activation(self.inner(x)))
        return y

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the hidden units of this step, with their weights."""
        *place, feature = index
        hidden = self.activation(self.inner(x[tuple(place)]))
        weights = self.outer.weight[feature].tolist()
        return [
            *(
                Source("activation", (*place, unit), value, weights[unit])
                for unit, value in enumerate(hidden)
            ),
            Source("outer.bias", (feature,), self.outer.bias[feature].detach()),
        ], "sum"


class TransformerLayer(nn.Module):
    """The layer of an encoder; of a decoder if it reads a memory, too.

    feed_forward_units:   width of the feed-forward net; 4 times the features when None
    reads_memory:         whether a second attention reads the outputs of an encoder
    norm_first:           pre-norm, else post-norm
    eps:                  added to the variance in the normalizations
    """

    CALLED_BY_OTHERS = ("step",)

    def __init__(
        self,
        features: int,
        num_heads: int,
        feed_forward_units: int | None = None,
        *,
        dropout: float = 0.0,
        act: Activation = "relu",
        norm_first: bool = False,
        reads_memory: bool = False,
        eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.attention = MultiHeadAttention(features, num_heads, dropout)
        self.attention_norm = nn.LayerNorm(features, eps=eps)
        if reads_memory:
            self.memory_attention = MultiHeadAttention(features, num_heads, dropout)
            self.memory_norm = nn.LayerNorm(features, eps=eps)
        self.feed_forward = FeedForward(features, feed_forward_units or 4 * features, act)
        self.feed_forward_norm = nn.LayerNorm(features, eps=eps)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> Tensor:
        x = self._add(x, self.attention_norm, lambda y: self.attention(y, None, mask))
        if memory is not None:
            x = self._add(
                x, self.memory_norm, lambda y: self.memory_attention(y, memory, memory_mask)
            )
        return self._add(x, self.feed_forward_norm, self.feed_forward)

    def step(
        self,
        x: Tensor,
        past: KeysValues | None = None,
        memory: KeysValues | None = None,
        memory_mask: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, KeysValues]:
        """Returns the outputs of the next steps, and the keys and values of all steps.

        past:     keys and values (batch, head, key, feature of a head) of the steps
                  before, so that these are not computed again
        memory:   keys and values of the memory
        mask:     needed for more than one next step
        """
        together: list[KeysValues] = []

        def attend(y: Tensor) -> Tensor:
            keys, values = self.attention.keys_values(y)
            if past is not None:
                keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
            together.append((keys, values))
            return self.attention.attend(y, keys, values, mask)

        x = self._add(x, self.attention_norm, attend)
        if memory is not None:
            x = self._add(
                x,
                self.memory_norm,
                lambda y: self.memory_attention.attend(y, *memory, memory_mask),
            )
        return self._add(x, self.feed_forward_norm, self.feed_forward), together[0]

    def _add(self, x: Tensor, norm: nn.Module, layer: Callable[[Tensor], Tensor]) -> Tensor:
        """Returns the sum of x and a layer of it, normalized before or after."""
        if self.norm_first:
            return x + self.dropout(layer(norm(x)))
        y: Tensor = norm(x + self.dropout(layer(x)))
        return y
