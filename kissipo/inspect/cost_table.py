"""The cost of a net per layer: values, parameters and multiplications for one sample.

Everything is computed from shapes. On torch's meta device a net of any size needs
neither memory nor computation. A layer that works in place or returns a view of its
input (relu in place, flatten) has no values of its own.

inference   values + parameters
training    values and their gradients, for each sample of a batch, + parameters, their
            gradients and the state of the optimizer

As in the lectures, all values count as if they stayed in memory until the output. Other
tensors that training keeps (positions of maxima, dropout masks) do not count.

Example:  >>> import torch
          >>> net = nn.Sequential(
          ...     nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(),
          ...     nn.Linear(8 * 16, 10),
          ... )
          >>> rows = cost_table(net, torch.zeros(1, 3, 4, 4)).rows
          >>> [(row.values, row.parameters, row.multiplications) for row in rows]
          [(48, 0, 0), (128, 224, 3456), (10, 1290, 1280)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from kissipo.core.json_object import JsonObject
from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import has_auxiliary_heads
from kissipo.inspect.costs import multiplications
from kissipo.inspect.describe_layer import describe_layer
from kissipo.inspect.trace import tensor_of
from kissipo.inspect.tracing.recording import bound_arguments, is_frame, is_step

BYTES = 4  # per number
_AUXILIARY = "auxiliary."
_SHAPES: dict[type[nn.Module], Callable[[Any, Tensor], tuple[int, ...]]] = {
    nn.Linear: lambda layer, x: (*x.shape[:-1], layer.out_features),
    nn.BatchNorm2d: lambda layer, x: tuple(x.shape),
    nn.LocalResponseNorm: lambda layer, x: tuple(x.shape),
    nn.AdaptiveAvgPool2d: lambda layer, x: (*x.shape[:2], layer.output_size, layer.output_size),
}


@dataclass(frozen=True)
class Row:
    """The cost of one layer.

    values:    the number of output values for one sample, in memory of their own
    learning:  whether the layer is used in training only (an auxiliary head)
    is_norm:   whether its multiplications can be merged into the layer before it, as
               published counts assume
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
        """Returns the number of weights and biases."""
        return self.weights + self.biases

    def to_json(self) -> JsonObject:
        """Returns the documented JSON."""
        return vars(self) | {"shape": list(self.shape), "bytes": self.values * BYTES}


@dataclass(frozen=True)
class CostTable:
    """All layers with a cost, in the order of the forward pass."""

    rows: tuple[Row, ...]

    def total(self, what: Callable[[Row], int], *, learning: bool = False) -> int:
        """Returns the sum over all layers; with `learning` also auxiliary heads."""
        return sum(what(row) for row in self.rows if learning or not row.learning)

    def inference(self) -> int:
        """Returns the bytes of memory for the inference of one sample."""
        return BYTES * self.total(lambda row: row.values + row.parameters)

    def training(self, *, batch: int, remembered: int) -> int:
        """Returns the bytes of memory for one training step.

        remembered:  the number of values that the optimizer stores per parameter
        """
        values = self.total(lambda row: row.values, learning=True)
        parameters = self.total(lambda row: row.parameters, learning=True)
        return BYTES * (2 * values * batch + (2 + remembered) * parameters)


def cost_table(net: nn.Module, x: Tensor) -> CostTable:
    """Returns the costs of a net for one sample (a batch of one)."""
    rows = [Row("input", "", tuple(x.shape[1:]), x.numel())]
    outputs = [x]  # all of them, so that no memory is reused
    handles = [
        layer.register_forward_hook(_record(name, rows, outputs), with_kwargs=True)
        for name, layer in net.named_modules()
        if is_step(layer)
    ]
    try:
        with eval_mode(net), _by_shape(net):
            net.with_auxiliary(x) if has_auxiliary_heads(net) else net(x)
    finally:
        for handle in handles:
            handle.remove()
    return CostTable(
        tuple(row for row in rows if row.values or row.parameters or row.multiplications)
    )


@contextmanager
def _by_shape(net: nn.Module) -> Iterator[None]:
    """Replaces the slow forward of some meta layers by their shapes."""
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


def _record(name: str, rows: list[Row], outputs: list[Tensor]) -> object:
    def hook(
        layer: nn.Module, args: tuple[object, ...], words: Mapping[str, object], y: object
    ) -> None:
        output, frame = tensor_of(y), is_frame(layer)
        first, *more = bound_arguments(layer, args, words) or (None,)
        is_new = not any(_is_same_memory(output, other) for other in outputs)
        outputs.append(output)
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
                isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d),
            )
        )

    return hook


def _is_same_memory(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage()._cdata == other.untyped_storage()._cdata
