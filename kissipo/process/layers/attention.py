"""Attention: a mean of the states of a sequence, each weighted by how well it fits.

additive   e = v · tanh(W q + k)      dot   e = q · k / √units      general   e = q · k
k = U m
a = softmax(e) over the steps that are not padding                context = sum a m

Shapes:   query (batch, step, unit), memory (batch, time, feature), keys (batch, time,
          unit), mask (batch, time) -> context (batch, step, feature)
Choices:  `concat` of Luong et al. is the additive score. Their plain dot needs states
          of equal sizes; here a projection makes them equal, so `dot` is `general` with
          a scale. The keys are computed once per sequence with `keys`, not once per
          step. Both scores take the same keys, so that the sizes of query and memory
          may differ.
Source:   additive Bahdanau, Cho and Bengio 2015; dot Luong, Pham and Manning 2015, with
          the scale of Vaswani et al. 2017.
Example:  >>> layer = Attention(4, 6, "dot")
          >>> memory, mask = torch.ones(2, 5, 6), torch.ones(2, 5, dtype=torch.bool)
          >>> layer(torch.zeros(2, 3, 4), memory, layer.keys(memory), mask).shape
          torch.Size([2, 3, 6])
"""

from typing import Literal

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.process.kernels.additive_scores import LARGE, WORTHWHILE, additive_scores

Score = Literal["additive", "dot", "general"]


class Attention(nn.Module):
    """Weights the steps of a memory for each query."""

    def __init__(self, units: int, features: int, score: Score) -> None:
        super().__init__()
        self.score, self.scale = score, units**-0.5
        self.keys = nn.Linear(features, units, bias=False)
        if score == "additive":
            self.query = nn.Linear(units, units)
            self.combine = nn.Linear(units, 1, bias=False)
        self.softmax = nn.Softmax(dim=-1)

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return f"{self.score} attention"

    def forward(self, query: Tensor, memory: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        return torch.bmm(self.weights(query, keys, mask), memory)

    def weights(self, query: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
        """Returns the weight of each step (batch, step, time); padding has 0."""
        if self.score == "dot":
            scores = torch.bmm(query, keys.transpose(1, 2)) * self.scale
        elif self.score == "general":
            scores = torch.bmm(query, keys.transpose(1, 2))
        elif self._by_chunks(query, keys):
            scores = additive_scores(self.query(query), keys, self.combine.weight[0])
        else:
            sums = self.query(query).unsqueeze(2) + keys.unsqueeze(1)
            scores = self.combine(torch.tanh(sums)).squeeze(3)
        weights: Tensor = self.softmax(scores.masked_fill(~mask.unsqueeze(1), -torch.inf))
        return weights

    def _by_chunks(self, query: Tensor, keys: Tensor) -> bool:
        """Returns whether the sums exceed the cache in training, or the memory
        elsewhere."""
        size = query.shape[1] * keys.numel()
        is_plain = query.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        return is_plain and size >= (WORTHWHILE if torch.is_grad_enabled() else LARGE)

    def activation_products(
        self, context: Tensor, query: Tensor, memory: Tensor, keys: Tensor, mask: Tensor
    ) -> int:
        """Returns the products of the weighted mean, and those of the dot scores."""
        by_dot = 0 if self.score == "additive" else keys.shape[2]
        return query.shape[1] * mask.numel() * (memory.shape[2] + by_dot)

    def explain(
        self, index: tuple[int, ...], query: Tensor, memory: Tensor, keys: Tensor, mask: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the steps of the memory with their weights."""
        row, step, feature = index
        weights = self.weights(query, keys, mask)[row, step]
        return [
            Source("memory", (row, time, feature), memory[row, time, feature], float(weight))
            for time, weight in enumerate(weights)
        ], "sum"
