"""Trace of any torch module for one sample; the module is not changed.

Example:  >>> import torch
          >>> from torch import nn
          >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
          >>> result = trace(net, torch.ones(1, 3))
          >>> [step.description for step in result.steps], result.parameters
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
    *inputs: object,
    loss: Callable[[Any], Tensor] | None = None,
    training: bool = False,
    name: str = "",
    **words: object,
) -> Trace:
    """Returns the trace of one sample (a batch of one) through a net.

    `.save(folder)` writes it as files; `save_page` of `kissipo.runs.xray.page` draws
    it.

    inputs, words:  the arguments of forward
    loss:           computes one number from the outputs; then every layer has a
                    gradient
    training:       use training mode; running statistics and random state are restored
    """
    recording = record(net, inputs, words, training=training)
    return Trace(
        tuple(steps_of(recording)),
        recording=recording,
        inside=look_inside(net, recording, loss=loss),
        name=name or type(net).__name__,
    )
