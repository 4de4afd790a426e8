"""Unchanged: a net is asked and stays as it was: its mode, its weights and running figures, the dice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def answering(net: nn.Module) -> Iterator[None]:
    """The net answers and learns nothing; afterwards every layer is in the mode in which it was.

    Example:  >>> net = nn.Sequential(nn.Dropout(), nn.Linear(2, 1).eval())
              >>> with answering(net):
              ...     print([layer.training for layer in net.modules()])
              [False, False, False]
              >>> [layer.training for layer in net.modules()]
              [True, True, False]
    """
    modes = [(layer, layer.training) for layer in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for layer, training in modes:
            layer.training = training
