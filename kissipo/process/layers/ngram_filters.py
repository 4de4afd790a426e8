"""N-gram filters: convolutions over the tokens of a text, each with its maximum.

y[f] = max over t of  b[f] + sum over j < k of  w[f, :, j] · E[id[t + j - k + 1]]

A filter of width k looks at every k consecutive tokens, an n-gram, and keeps its best
match. k - 1 zeros stand before and behind each text, so that a filter also sees where
it begins and ends, and every text has n-grams of every width. The match of an empty
text is the bias.

Shapes:   ids (batch, time) -> (batch, width · filter)
Choices:  An n-gram has at least one token of its text: padding alone never wins, so the
          result does not depend on the other texts of a batch. Columns that are padding
          in the whole batch are not computed. In training, the convolution is that of
          images with one row, which takes two thirds of the time of conv1d.
          `word_dropout` sets the embeddings of whole tokens to zero in training, with
          this probability, and does not scale the others.
Source:   Collobert et al. 2011; several widths at once, and the zeros, Kim 2014;
          dropout of whole words, Iyyer et al. 2015.
Example:  >>> import torch
          >>> filters = NgramFilters(9, 4, widths=(2, 3), filters=5, padded=True)
          >>> filters(torch.tensor([[5, 6, 7, 8], [5, 0, 0, 0]])).shape
          torch.Size([2, 10])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.batch import trim
from kissipo.core.protocols import Combined, Source
from kissipo.process.layers.embedding import embedding


class NgramFilters(nn.Module):
    """The embedding of a text, and filters of several widths over it."""

    def __init__(
        self,
        vocabulary: int,
        features: int,
        *,
        widths: Sequence[int],
        filters: int,
        padded: bool,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.padded, self.word_dropout = padded, word_dropout
        self.embedding = embedding(vocabulary, features, padded=padded)
        self.convolutions = nn.ModuleList([_Convolution(features, filters, k) for k in widths])
        self.pooling = MaxOverTime()
        self.width = filters * len(widths)

    def forward(self, ids: Tensor) -> Tensor:
        x, lengths = self.embedded(ids)
        best = []
        for convolution in self.convolutions:
            matches = convolution(x)
            best.append(self.pooling(matches, self.inside(matches, lengths, x.shape[2])))
        return torch.cat(best, dim=1)

    def winners(self, ids: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yields each width, its best matches, and the first token of each, from 1 - k.

        Shapes:   ids (batch, time) -> matches, tokens (batch, filter)
        """
        x, lengths = self.embedded(ids)
        for convolution in self.convolutions:
            width = cast(_Convolution, convolution).kernel_size[0]
            matches = convolution(x)
            best, places = maximum(matches, self.inside(matches, lengths, x.shape[2]))
            yield width, best, places - (width - 1)

    def embedded(self, ids: Tensor) -> tuple[Tensor, Tensor | None]:
        """Returns features (batch, feature, time) of the tokens, and the lengths."""
        if not self.padded:
            return self._without_dropped(self.embedding(ids)).transpose(1, 2), None
        lengths = (ids != 0).sum(dim=1)
        ids = trim(ids)
        x = self.embedding(ids).masked_fill((ids == 0).unsqueeze(2), 0)
        return self._without_dropped(x).transpose(1, 2), lengths

    def _without_dropped(self, x: Tensor) -> Tensor:
        """Sets the features (batch, time, feature) of dropped tokens to zero."""
        if not (self.training and self.word_dropout):
            return x
        return x * (torch.rand_like(x[:, :, :1]) >= self.word_dropout)

    def inside(self, matches: Tensor, lengths: Tensor | None, steps: int) -> Tensor | None:
        """Returns which n-grams (batch, place) have a token of their text."""
        if lengths is None:
            return None
        count = matches.shape[2]
        inside = (lengths + (count - steps)).clamp(min=1)
        return torch.arange(count, device=lengths.device) < inside.unsqueeze(1)


class MaxOverTime(nn.Module):
    """The best match of each filter; of equal ones the first one wins."""

    DESCRIPTION = "maximum over all n-grams"

    def forward(self, matches: Tensor, inside: Tensor | None) -> Tensor:
        return maximum(matches, inside)[0]

    def explain(
        self, index: tuple[int, int], matches: Tensor, inside: Tensor | None
    ) -> tuple[list[Source], Combined]:
        """Returns the matches that count."""
        row, number = index
        places = range(matches.shape[2] if inside is None else int(inside[row].sum()))
        return [
            Source("input", (row, number, place), matches[row, number, place]) for place in places
        ], "max"


def maximum(matches: Tensor, inside: Tensor | None) -> tuple[Tensor, Tensor]:
    """Returns the maximum of the n-grams inside their text, and its place.

    Shapes:   matches (batch, filter, place), inside (batch, place) -> (batch, filter)
    """
    if inside is not None:
        matches = matches.masked_fill(~inside.unsqueeze(1), -torch.inf)
    best = matches.max(dim=2)
    return best[0], best[1]


class _Convolution(nn.Conv1d):
    """torch.nn.Conv1d with zeros around the text; it describes itself as n-grams."""

    def __init__(self, features: int, filters: int, width: int) -> None:
        super().__init__(features, filters, width, padding=width - 1)

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        tokens = "1 token" if self.kernel_size[0] == 1 else f"{self.kernel_size[0]} tokens"
        return f"{self.out_channels} filters of {tokens}"

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        row, weight = x.unsqueeze(2), self.weight.unsqueeze(2)
        around = (0, self.kernel_size[0] - 1)
        return functional.conv2d(row, weight, self.bias, padding=around).squeeze(2)
