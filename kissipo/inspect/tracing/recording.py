"""Recording: everything that a net did for one sample: each operation of torch with what it read and gave, each layer that was
gone through, and each tensor as it was at that moment.

A recording can be checked: `untrue()` does every operation again from the tensors that were recorded before it, and `rerun` puts
other numbers into any of them and does again whatever depends on it, to the net's answer.

Example:  >>> from kissipo.inspect.tracing.record import record
          >>> net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
          >>> found = record(net, (torch.ones(1, 3),))
          >>> [(each.name, each.layer, each.reads, each.gives) for each in found.operations]
          [('linear', '0', ('t0', '0.weight', '0.bias'), ('t1',)), ('relu', '1', ('t1',), ('t2',))]
          >>> found.untrue()
          []
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_leaves, tree_unflatten

from kissipo.core.module_state import rng_state
from kissipo.inspect.tracing.statistics import statistics

Origin = Literal[
    "input", "weight", "constant", "outside", "operation", "gate", "attention", "gradient"
]
ALLOWED = 1e-5
_ONLY_ROOM = (
    "empty",
    "empty_like",
    "empty_strided",
    "empty_permuted",
    "new_empty",
    "new_empty_strided",
)  # memory without numbers
Place = tuple[str, int]


@dataclass(frozen=True)
class Value:
    """One tensor as it was at one moment.

    tensor:  a copy; of a weight the weight itself
    origin:  where it comes from; `outside` is what no recorded operation gave (numpy, another library); gates, attention and
             gradients were worked out afterwards
    axes:    a name for each axis
    """

    key: str
    tensor: Tensor
    origin: Origin
    axes: tuple[str, ...]

    @cached_property
    def figures(self) -> dict[str, Any]:
        """Statistics and histogram, worked out once, however often they are told."""
        return statistics(as_array(self.tensor))


@dataclass(frozen=True)
class Key:
    """A tensor among arguments, by the key of what it held."""

    key: str


@dataclass(frozen=True)
class Again:
    """Does an operation once more.

    leaves, form:  its arguments taken apart, tensors by their keys
    gives:         where its values are found: among the tensors that were given (written over), or among the results
    dice:          how torch's dice stood before it, where it draws
    """

    work: Callable[..., Any]
    leaves: Sequence[Any]
    form: TreeSpec
    gives: tuple[Place, ...]
    generator: Tensor | None

    def __call__(self, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        keys = [leaf.key for leaf in self.leaves if isinstance(leaf, Key)]
        over = {keys[at] for of, at in self.gives if of == "given"}
        tensors = {
            key: values[key].detach().clone() if key in over else values[key].detach()
            for key in keys
        }
        args, kwargs = self.arguments(tensors)
        with (
            torch.no_grad(),
            rng_state(self.generator) if self.generator is not None else nullcontext(),
        ):
            result = self.work(*args, **kwargs)
        return taken(self.gives, [tensors[key] for key in keys], result)

    def arguments(self, values: Mapping[str, Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Those by place and those by name."""
        leaves = [values[leaf.key] if isinstance(leaf, Key) else leaf for leaf in self.leaves]
        found: tuple[tuple[Any, ...], dict[str, Any]] = tree_unflatten(leaves, self.form)
        return found


@dataclass(frozen=True)
class Operation:
    """One call of torch.

    name:             torch's: conv2d, add, relu_
    layer, call:      in which layer, by its path, and in which of its calls, from 0
    reads, gives:     keys of values; what is written over is read, and given anew
    text:             the call as one would write it
    parameters:       weights that are read here for the first time
    multiplications:  for the whole batch; None where nobody counts them
    random:           whether it drew from torch's dice
    again:            does it once more, with other values
    """

    number: int
    name: str
    layer: str
    call: int
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    text: str
    parameters: int
    multiplications: int | None
    seconds: float
    random: bool
    again: Again = field(repr=False, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The documented form."""
        names = {"reads": "inputs", "gives": "outputs"}
        return {
            names.get(name, name): value for name, value in vars(self).items() if name != "again"
        }


@dataclass(frozen=True)
class Call:
    """One way through one layer.

    inputs:      as its forward takes them, one after the other, all of them
    output:      what it gave
    number:      how many times the layer was called before
    reads:       keys of the tensors in the inputs
    gives:       keys of those in the output
    operations:  numbers of the first operation in it, and of the first one after it
    training:    the mode in which it was
    """

    name: str
    layer: nn.Module
    inputs: tuple[Any, ...]
    output: Any
    number: int
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    operations: tuple[int, int]
    training: bool

    def to_json(self) -> dict[str, Any]:
        """The documented form."""
        return {
            "name": self.name,
            "kind": type(self.layer).__name__,
            "call": self.number,
            "step": is_step(self.layer),
            "training": self.training,
            "inputs": list(self.reads),
            "outputs": list(self.gives),
            "operations": list(self.operations),
        }


@dataclass(frozen=True)
class Recording:
    """What a net did for one sample.

    output:   as the net gave it
    answers:  keys of the tensors in it
    notes:    what could not be followed, by name
    """

    values: Mapping[str, Value]
    operations: tuple[Operation, ...]
    calls: tuple[Call, ...]
    output: Any
    answers: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> list[Call]:
        """The ways through layers that do something and are not only frames around others."""
        return [call for call in self.calls if is_step(call.layer)]

    @property
    def activations(self) -> list[Value]:
        """All that operations gave."""
        return [value for value in self.values.values() if value.origin == "operation"]

    def rerun(self, changed: Mapping[str, Tensor], *, after: int = -1) -> dict[str, Tensor]:
        """What depends on some values when these are other ones; everything else is as it was recorded.

        after:    number of the operation after which the values are changed; those before it are not done again
        Returns:  every value that is another one, or was done again
        """
        found = dict(changed)
        known = _Known(found, self.values)
        for operation in self.operations[after + 1 :]:
            if any(key in found for key in operation.reads):
                found.update(zip(operation.gives, operation.again(known), strict=True))
        return found

    def untrue(self) -> list[Operation]:
        """Operations that, done again from what was recorded before them, give something else: these were not followed."""
        known = _Known({}, self.values)
        return [
            operation
            for operation in self.operations
            if operation.name not in _ONLY_ROOM
            and any(
                not is_same(again, self.values[key].tensor)
                for key, again in zip(operation.gives, operation.again(known), strict=True)
            )
        ]

    def answer_from(self, key: str, tensor: Tensor) -> tuple[Tensor, ...]:
        """The net's answer when one value is another one; with the recorded one it is the recorded answer."""
        maker = next((each.number for each in self.operations if key in each.gives), -1)
        found = self.rerun({key: tensor}, after=maker)
        return tuple(found.get(each, self.values[each].tensor) for each in self.answers)

    def matters(self, key: str) -> bool:
        """Whether some answer depends on this value by recorded operations."""
        reached = {key}
        for operation in self.operations:
            if reached & set(operation.reads):
                reached |= set(operation.gives)
        return bool(reached & set(self.answers))


def is_step(layer: nn.Module) -> bool:
    """A layer that does something when answering, and is not only a frame around other layers."""
    silent = isinstance(layer, nn.Identity | nn.ParameterList | nn.ParameterDict)
    return hasattr(layer, "DESCRIPTION") or not (is_frame(layer) or silent)


def is_frame(layer: nn.Module) -> bool:
    """A layer with layers in it; attention is none: it reads the weights of what it holds, and never calls it."""
    if isinstance(layer, nn.MultiheadAttention):
        return False
    return any(
        not isinstance(each, nn.ParameterList | nn.ParameterDict) for each in layer.children()
    )


def given_to(layer: nn.Module, given: tuple[Any, ...], words: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a layer was called with, in the order of its forward, with what it takes of itself where nothing was said."""
    found = inspect.signature(layer.forward).bind(*given, **words)
    found.apply_defaults()
    return tuple(filled(each) if isinstance(each, Tensor) else each for each in found.args)


def filled(x: Tensor) -> Tensor:
    """A nested tensor (torch's encoder makes them of padded sequences) with zeros behind its sequences; others as they are."""
    return torch.nested.to_padded_tensor(x, 0.0) if x.is_nested else x


def as_array(tensor: Tensor) -> NDArray[Any]:
    """Its numbers, row by row and little-endian; of a type that numpy lacks as float32."""
    tensor = tensor.detach()
    if tensor.is_sparse or tensor.is_quantized:
        tensor = tensor.to_dense() if tensor.is_sparse else tensor.dequantize()
    try:
        array = tensor.contiguous().numpy()
    except TypeError:
        array = tensor.float().contiguous().numpy()
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def tensors_in(value: Any) -> list[Tensor]:
    """All tensors, whatever holds them."""
    return [each for each in tree_leaves(value) if isinstance(each, Tensor)]


def taken(gives: Sequence[Place], given: Sequence[Tensor], result: Any) -> tuple[Tensor, ...]:
    """What an operation gave: some of the tensors that it was given, written over, and some of its results."""
    found = {"given": given, "result": tensors_in(result)}
    return tuple(found[of][at] for of, at in gives)


def is_same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal to 1e-5 of the greatest number, in the same places no numbers."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not (one.is_floating_point() or one.is_complex()) or not one.numel():
        return torch.equal(one, other)
    maximum = float(other[other.isfinite()].abs().max()) if other.isfinite().any() else 0.0
    return torch.allclose(one, other, rtol=0.0, atol=ALLOWED * max(maximum, 1e-30), equal_nan=True)


class _Known(Mapping[str, Tensor]):
    """Changed values, and behind them those that were recorded."""

    def __init__(self, changed: Mapping[str, Tensor], recorded: Mapping[str, Value]) -> None:
        self._changed, self._recorded = changed, recorded

    def __getitem__(self, key: str) -> Tensor:
        return self._changed[key] if key in self._changed else self._recorded[key].tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._recorded)

    def __len__(self) -> int:
        return len(self._recorded)
