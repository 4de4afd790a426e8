"""What a net costs, layer by layer, as the lectures' tables tell it: values, weights and multiplications, for one sample.

Everything is counted from shapes: on torch's meta device a net of any size is gone through without memory and without sums. A layer
that writes over its input, or only sees it in another form (relu in place, flatten), gives no values of its own.

inference   values + weights                    training   values and their gradients, for each sample of a batch,
                                                           + weights, their gradients and what the optimizer remembers of each

Values are counted as if all were kept until the answer, as the lectures do; what learning keeps besides (places of the greatest,
dropout's dice) is left out.

Example:  >>> import torch
          >>> net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8 * 16, 10))
          >>> [(row.name, row.values, row.parameters, row.multiplications) for row in cost_table(net, torch.zeros(1, 3, 4, 4)).rows]
          [('input', 48, 0, 0), ('0', 128, 224, 3456), ('3', 10, 1290, 1280)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import has_auxiliary_heads
from kissipo.inspect.costs import multiplications
from kissipo.inspect.describe_layer import describe_layer
from kissipo.inspect.trace import tensor_of
from kissipo.inspect.tracing.recording import given_to, is_frame, is_step

BYTES = 4  # of a number
_AUXILIARY = "auxiliary."
_SHAPES: dict[type[nn.Module], Callable[[Any, Tensor], tuple[int, ...]]] = {
    nn.Linear: lambda layer, x: (*x.shape[:-1], layer.out_features),
    nn.BatchNorm2d: lambda layer, x: tuple(x.shape),
    nn.LocalResponseNorm: lambda layer, x: tuple(x.shape),
    nn.AdaptiveAvgPool2d: lambda layer, x: (*x.shape[:2], layer.output_size, layer.output_size),
}


@dataclass(frozen=True)
class Row:
    """One layer.

    values:    numbers that it gives for one sample, in memory of their own
    learning:  whether it is there only while learning (an auxiliary head)
    is_norm:   whether its multiplications can go over into those of the layer before it, as published counts assume
    """

    name: str
    description: str
    shape: tuple[int, ...]
    values: int
    weights: int = 0
    biases: int = 0
    multiplications: int = 0
    learning: bool = False
    is_norm: bool = False

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.weights + self.biases

    def to_json(self) -> dict[str, Any]:
        """The documented form."""
        content = {name: value for name, value in vars(self).items() if name != "tell"}
        return content | {
            "description": self.description,
            "shape": list(self.shape),
            "bytes": self.values * BYTES,
        }


@dataclass(frozen=True)
class CostTable:
    """All layers that cost something, in the order in which they are gone through."""

    rows: tuple[Row, ...]

    def total(self, what: Callable[[Row], int], *, learning: bool = False) -> int:
        """The sum over the layers that answer; with `learning` also over those that only learn."""
        return sum(what(row) for row in self.rows if learning or not row.learning)

    def inference(self) -> int:
        """Bytes to answer one sample."""
        return BYTES * self.total(lambda row: row.values + row.parameters)

    def training(self, *, batch: int, remembered: int) -> int:
        """Bytes to learn from a batch.

        remembered:  numbers that the optimizer keeps for each weight
        """
        values = self.total(lambda row: row.values, learning=True)
        parameters = self.total(lambda row: row.parameters, learning=True)
        return BYTES * (2 * values * batch + (2 + remembered) * parameters)


def cost_table(net: nn.Module, x: Tensor) -> CostTable:
    """The costs of a net for one sample (a batch of one)."""
    rows = [Row("input", "", tuple(x.shape[1:]), x.numel())]
    seen = [x]  # all of them, so that no memory is given out twice
    handles = [
        layer.register_forward_hook(_record(name, rows, seen), with_kwargs=True)
        for name, layer in net.named_modules()
        if is_step(layer)
    ]
    try:
        with eval_mode(net), _by_shape(net):
            whole: Any = net.with_auxiliary if has_auxiliary_heads(net) else net
            whole(x)
    finally:
        for handle in handles:
            handle.remove()
    return CostTable(
        tuple(row for row in rows if row.values or row.parameters or row.multiplications)
    )


@contextmanager
def _by_shape(net: nn.Module) -> Iterator[None]:
    """Some layers without memory only say their shape: torch would load its compiler for them, which takes a second."""
    is_meta = all(weight.is_meta for weight in net.parameters())
    layers = [layer for layer in net.modules() if is_meta and isinstance(layer, tuple(_SHAPES))]
    for layer in layers:
        shape = next(shape for kind, shape in _SHAPES.items() if isinstance(layer, kind))
        layer.forward = partial(_of_shape, partial(shape, layer))
    yield
    for layer in layers:
        del layer.forward


def _of_shape(shape: Callable[[Tensor], tuple[int, ...]], x: Tensor) -> Tensor:
    return x.new_empty(shape(x))


def _record(name: str, rows: list[Row], seen: list[Tensor]) -> Any:
    def hook(layer: nn.Module, given: Any, words: Any, gives: Any) -> None:
        output, frame = tensor_of(gives), is_frame(layer)
        first, *more = given_to(layer, given, words) or (None,)
        is_new = not any(_is_same_memory(output, other) for other in seen)
        seen.append(output)
        counts = {True: 0, False: 0}
        for place, weight in layer.named_parameters() if not frame else ():
            counts["bias" in place.split(".")[-1]] += weight.numel()
        rows.append(
            Row(
                name,
                describe_layer(layer),
                tuple(output.shape[1:]),
                output.numel() if is_new else 0,
                counts[False],
                counts[True],
                multiplications(layer, first, output, *more),
                name.startswith(_AUXILIARY),
                isinstance(layer, nn.BatchNorm2d),
            )
        )

    return hook


def _is_same_memory(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage()._cdata == other.untyped_storage()._cdata
