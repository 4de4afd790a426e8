"""Unchanged: a net is asked and stays as it was: its mode, its weights and running figures, the dice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


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


@contextmanager
def undisturbed(net: nn.Module, *, training: bool = False) -> Iterator[None]:
    """As `answering`, or with `training` as it learns; afterwards running figures and the dice are as they were, too.

    Example:  >>> net = nn.BatchNorm1d(1)
              >>> with undisturbed(net, training=True):
              ...     _ = net(torch.ones(2, 1))
              >>> net.running_mean
              tensor([0.])
    """
    figures = [(figure, figure.clone()) for figure in net.buffers()]
    with dice_of(torch.get_rng_state()), answering(net):
        if training:
            net.train()
        try:
            yield
        finally:
            for figure, before in figures:
                if not torch.equal(figure, before):
                    figure.copy_(before)


@contextmanager
def dice_of(state: Tensor) -> Iterator[None]:
    """Torch's dice start from this state; afterwards they are as they were."""
    before = torch.get_rng_state()
    torch.set_rng_state(state)
    try:
        yield
    finally:
        torch.set_rng_state(before)
