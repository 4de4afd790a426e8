"""Context managers that restore the state of a net and of torch's generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


@contextmanager
def eval_mode(net: nn.Module) -> Iterator[None]:
    """Uses evaluation mode without gradients inside, and restores the modes.

    Example:  >>> net = nn.Sequential(nn.Dropout(), nn.Linear(2, 1).eval())
              >>> with eval_mode(net):
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
def preserve_state(net: nn.Module, *, training: bool = False) -> Iterator[None]:
    """Restores the mode, the buffers and the random generator after use of the net.

    The net is in evaluation mode inside, or with `training` in training mode.

    Example:  >>> net = nn.BatchNorm1d(1)
              >>> with preserve_state(net, training=True):
              ...     _ = net(torch.ones(2, 1))
              >>> net.running_mean
              tensor([0.])
    """
    buffers = [(buffer, buffer.clone()) for buffer in net.buffers()]
    with rng_state(torch.get_rng_state()), eval_mode(net):
        if training:
            net.train()
        try:
            yield
        finally:
            for buffer, before in buffers:
                if not torch.equal(buffer, before):
                    buffer.copy_(before)


@contextmanager
def rng_state(state: Tensor) -> Iterator[None]:
    """Sets the state of torch's random generator inside, and restores it afterwards."""
    before = torch.get_rng_state()
    torch.set_rng_state(state)
    try:
        yield
    finally:
        torch.set_rng_state(before)
