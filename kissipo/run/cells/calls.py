"""Calls: what every layer of a net is given and gives while it answers, copied at once, as later layers may write over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from kissipo.run.trace import filled, given_to, is_step
from kissipo.run.unchanged import answering


@dataclass(frozen=True)
class Call:
    """One way through one layer.

    inputs:  as its forward takes them, one after the other, all of them
    output:  what it gave
    number:  how many times it was called before
    """

    name: str
    layer: nn.Module
    inputs: tuple[Any, ...]
    output: Any
    number: int


def calls(net: nn.Module, inputs: tuple[Tensor, ...]) -> list[Call]:
    """Every call of a layer that is a step, in their order; of the net nothing is changed."""
    found: list[Call] = []
    waiting: list[tuple[Any, ...]] = []
    handles = []

    def before(layer: nn.Module, given: tuple[Any, ...], words: dict[str, Any]) -> None:
        waiting.append(_copied(given_to(layer, given, words)))

    def after(name: str) -> Any:
        def hook(layer: nn.Module, _given: Any, _words: Any, gives: Any) -> None:
            times = sum(each.name == name for each in found)
            found.append(Call(name, layer, waiting.pop(), _copied(gives), times))

        return hook

    for name, layer in net.named_modules():
        if is_step(layer):
            called = name or type(layer).__name__.lower()
            handles += [
                layer.register_forward_pre_hook(before, with_kwargs=True),
                layer.register_forward_hook(after(called), with_kwargs=True),
            ]
    try:
        with answering(net):
            net(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _copied(value: Any) -> Any:
    """Tensors copied, whatever holds them; nested ones filled up."""
    if isinstance(value, Tensor):
        return filled(value).detach().clone()
    if isinstance(value, PackedSequence):
        return value._replace(data=value.data.detach().clone())
    if isinstance(value, tuple | list):
        return type(value)(_copied(each) for each in value)
    return value
