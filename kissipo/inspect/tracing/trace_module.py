"""Trace of any torch module: one sample through it, with everything inside, and nothing of it changed.

Example:  >>> import torch
          >>> from torch import nn
          >>> found = trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.ones(1, 3))
          >>> [step.description for step in found.steps], found.parameters
          (['linear 3 -> 4', 'relu'], 16)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from kissipo.inspect.trace import Trace, steps_of
from kissipo.inspect.tracing.inside import look_inside
from kissipo.inspect.tracing.record import record


def trace(
    net: nn.Module,
    *inputs: Any,
    loss: Callable[[Any], Tensor] | None = None,
    training: bool = False,
    name: str = "",
    **words: Any,
) -> Trace:
    """One sample (a batch of one) through a net; `.save(folder)` writes it, `save_page` of `kissipo.runs.xray.page` draws it.

    inputs, words:  as its forward takes them
    loss:           from what the net gives to one number; then there is the gradient at every layer, too
    training:       in the mode in which it learns; its running figures and the dice are put back afterwards
    """
    recording = record(net, inputs, words, training=training)
    return Trace(
        tuple(steps_of(recording)),
        recording=recording,
        inside=look_inside(net, recording, loss=loss),
        name=name or type(net).__name__,
    )
