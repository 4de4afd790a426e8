"""Logits of probabilities: a sigmoid or a softmax gives the probabilities back.

LogOdds          log p - log (1 - p), of answers that do not exclude each other
LogProbability   log p, of classes that do

Probabilities stay at least 1e-20 away from 0 and 1, so that logits are finite.

Shapes:   (batch, output) -> the same
Example:  >>> p = torch.tensor([[0.2, 0.8]], dtype=torch.float64)
          >>> bool(torch.allclose(LogOdds()(p).sigmoid(), p))
          True
          >>> bool(torch.allclose(LogProbability()(p).softmax(dim=1), p))
          True
"""

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source

_MIN = 1e-20


class LogProbability(nn.Module):
    """The logarithm of each probability."""

    DESCRIPTION = "log p"

    def forward(self, probabilities: Tensor) -> Tensor:
        return _log(probabilities)

    def explain(
        self, index: tuple[int, ...], probabilities: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the logarithm."""
        return [Source("log p", index, _log(probabilities[index]))], "sum"


class LogOdds(nn.Module):
    """The logarithm of the odds of each probability."""

    DESCRIPTION = "log p - log (1 - p)"

    def forward(self, probabilities: Tensor) -> Tensor:
        return _log(probabilities) - _log(1 - probabilities)

    def explain(
        self, index: tuple[int, ...], probabilities: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns both logarithms."""
        p = probabilities[index]
        return [
            Source("log p", index, _log(p)),
            Source("log (1 - p)", index, _log(1 - p), -1.0),
        ], "sum"


def _log(probabilities: Tensor) -> Tensor:
    return torch.clamp(probabilities, min=_MIN).log()
