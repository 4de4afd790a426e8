"""Moving average: beside the weights that learn their mean over the last steps, which is judged and kept (S07).

average <- decay · average + (1 - decay) · weights        after every step; the first time the weights themselves

Source:   Polyak and Juditsky 1992; equal, bit for bit, to torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn.
Example:  >>> weight = torch.nn.Parameter(torch.tensor([1.0]))
          >>> mean = MovingAverage([weight], 0.75)
          >>> mean.update()
          >>> with torch.no_grad(): _ = weight.add_(4)
          >>> mean.update()
          >>> with mean.in_place(): weight.item()
          2.0
          >>> weight.item()
          5.0
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """Of some weights."""

    def __init__(self, weights: Sequence[nn.Parameter], decay: float) -> None:
        self._weights: list[Tensor] = list(weights)
        self._decay = decay
        self.average: list[Tensor] | None = None

    @torch.no_grad()
    def update(self) -> None:
        """Takes the weights of now into the mean."""
        if self.average is None:
            self.average = [weight.detach().clone() for weight in self._weights]
        else:
            torch._foreach_lerp_(self.average, self._weights, 1 - self._decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the net holds the mean; afterwards its weights again."""
        if self.average is None:
            yield
            return
        learned = [weight.detach().clone() for weight in self._weights]
        self._put(self.average)
        try:
            yield
        finally:
            self._put(learned)

    @torch.no_grad()
    def _put(self, values: Sequence[Tensor]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.copy_(value)
