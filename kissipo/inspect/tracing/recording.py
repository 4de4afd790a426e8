"""Recording: all operations, layer calls and tensors of a net for one sample.

A recording can be checked: `mismatches()` repeats every operation from the recorded
tensors. `rerun` replaces any tensors and repeats all operations that depend on them.

Example:  >>> from kissipo.inspect.tracing.record import record
          >>> net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
          >>> recording = record(net, (torch.ones(1, 3),))
          >>> [(call.name, call.input_keys) for call in recording.operations]
          [('linear', ('t0', '0.weight', '0.bias')), ('relu', ('t1',))]
          >>> recording.mismatches()
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
from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_leaves, tree_unflatten

from kissipo.core.json_object import JsonObject
from kissipo.core.module_state import rng_state
from kissipo.core.numpy_array import NumpyArray
from kissipo.inspect.tracing.statistics import statistics

Origin = Literal[
    "input", "weight", "constant", "outside", "operation", "gate", "attention", "gradient"
]
ALLOWED = 1e-5
_UNINITIALIZED = (
    "empty",
    "empty_like",
    "empty_strided",
    "empty_permuted",
    "new_empty",
    "new_empty_strided",
)  # memory without values
Place = tuple[str, int]


@dataclass(frozen=True)
class Value:
    """One tensor with its values at one time.

    tensor:  a copy; for a weight the weight itself
    origin:  the source; `outside` means that no recorded operation computed it (numpy,
             another library); gates, attention and gradients are computed afterwards
    axes:    a name for each axis
    """

    key: str
    tensor: Tensor
    origin: Origin
    axes: tuple[str, ...]

    @cached_property
    def figures(self) -> dict[str, object]:
        """Returns statistics and histogram, computed once."""
        return statistics(as_array(self.tensor))


@dataclass(frozen=True)
class Key:
    """The key of a tensor that is an argument."""

    key: str


@dataclass(frozen=True)
class Replay:
    """An operation that can be repeated.

    leaves, form:  the flattened arguments, with keys in place of tensors
    outputs:       the positions of the outputs: among the arguments (in-place), or the
                   results
    generator:     the random state before the operation, if it is random
    """

    work: Callable[..., object]
    leaves: Sequence[object]
    form: TreeSpec
    outputs: tuple[Place, ...]
    generator: Tensor | None

    def __call__(self, values: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        keys = [leaf.key for leaf in self.leaves if isinstance(leaf, Key)]
        over = {keys[index] for of, index in self.outputs if of == "given"}
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
        return outputs_at(self.outputs, [tensors[key] for key in keys], result)

    def arguments(self, values: Mapping[str, Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Returns the positional arguments and the keyword arguments."""
        leaves = [values[leaf.key] if isinstance(leaf, Key) else leaf for leaf in self.leaves]
        bound: tuple[tuple[Any, ...], dict[str, Any]] = tree_unflatten(leaves, self.form)
        return bound


@dataclass(frozen=True)
class Operation:
    """One call of a torch function.

    name:             the name in torch: conv2d, add, relu_
    layer, call:      the path of the layer, and the index of its call, from 0
    input_keys:       the keys of the inputs
    output_keys:      the keys of the outputs; an in-place output has a new key
    text:             the call as code
    arguments:        the call as JSON: `args` and `words` with keys in place of
                      tensors, `outputs` (an overwritten argument or a result); of a
                      whole layer also `weights` by name, and `options`
    parameters:       the number of weights that are used here for the first time
    multiplications:  the number for the whole batch; None if it is unknown
    random:           whether it used the random generator of torch
    replay:           repeats the operation with other values
    """

    number: int
    name: str
    layer: str
    call: int
    input_keys: tuple[str, ...]
    output_keys: tuple[str, ...]
    text: str
    arguments: JsonObject
    parameters: int
    multiplications: int | None
    seconds: float
    random: bool
    replay: Replay = field(repr=False, compare=False)

    def to_json(self) -> JsonObject:
        """Returns the documented JSON."""
        names = {"input_keys": "inputs", "output_keys": "outputs"}
        return {
            names.get(name, name): value for name, value in vars(self).items() if name != "replay"
        }


@dataclass(frozen=True)
class Call:
    """One call of one layer.

    inputs:      all arguments of forward, in order
    output:      the return value
    number:      the index of this call of the layer, from 0
    input_keys:  the keys of the tensors in the inputs
    output_keys: the keys of the tensors in the output
    operations:  the index of its first operation, and of the first operation after it
    training:    whether the layer was in training mode
    """

    name: str
    layer: nn.Module
    inputs: tuple[Any, ...]
    output: Any
    number: int
    input_keys: tuple[str, ...]
    output_keys: tuple[str, ...]
    operations: tuple[int, int]
    training: bool

    def to_json(self) -> JsonObject:
        """Returns the documented JSON."""
        return {
            "name": self.name,
            "kind": type(self.layer).__name__,
            "call": self.number,
            "step": is_step(self.layer),
            "training": self.training,
            "inputs": list(self.input_keys),
            "outputs": list(self.output_keys),
            "operations": list(self.operations),
        }


@dataclass(frozen=True)
class Recording:
    """All operations and layer calls of a net for one sample.

    output:   the return value of the net
    answers:  the keys of the tensors in the output
    notes:    what could not be recorded, by name
    """

    values: Mapping[str, Value]
    operations: tuple[Operation, ...]
    calls: tuple[Call, ...]
    output: Any
    answers: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> list[Call]:
        """Returns the calls of layers that compute something, not containers."""
        return [call for call in self.calls if is_step(call.layer)]

    @property
    def activations(self) -> list[Value]:
        """Returns the outputs of all operations."""
        return [value for value in self.values.values() if value.origin == "operation"]

    def rerun(self, changed: Mapping[str, Tensor], *, after: int = -1) -> dict[str, Tensor]:
        """Replaces some values and repeats all operations that depend on them.

        after:    the values change after the operation with this index; earlier
                  operations are not repeated
        Returns:  all replaced and recomputed values
        """
        values = dict(changed)
        tensors = _Overlay(values, self.values)
        for operation in self.operations[after + 1 :]:
            if any(key in values for key in operation.input_keys):
                values.update(zip(operation.output_keys, operation.replay(tensors), strict=True))
        return values

    def mismatches(self) -> list[Operation]:
        """Returns the operations that give other outputs when they are repeated.

        Something in them was not recorded.
        """
        tensors = _Overlay({}, self.values)
        return [
            operation
            for operation in self.operations
            if operation.name not in _UNINITIALIZED
            and any(
                not is_same(replay, self.values[key].tensor)
                for key, replay in zip(
                    operation.output_keys, operation.replay(tensors), strict=True
                )
            )
        ]

    def answer_from(self, key: str, tensor: Tensor) -> tuple[Tensor, ...]:
        """Returns the output of the net when one value is replaced."""
        maker = next(
            (operation.number for operation in self.operations if key in operation.output_keys), -1
        )
        values = self.rerun({key: tensor}, after=maker)
        return tuple(values.get(key, self.values[key].tensor) for key in self.answers)

    def matters(self, key: str) -> bool:
        """Returns whether the output depends on this value by recorded operations."""
        reached = {key}
        for operation in self.operations:
            if reached & set(operation.input_keys):
                reached |= set(operation.output_keys)
        return bool(reached & set(self.answers))


def is_step(layer: nn.Module) -> bool:
    """Returns whether a layer computes something in eval mode itself."""
    silent = isinstance(layer, nn.Identity | nn.ParameterList | nn.ParameterDict)
    return hasattr(layer, "DESCRIPTION") or not (is_frame(layer) or silent)


def is_frame(layer: nn.Module) -> bool:
    """Returns whether a layer is a container of other layers.

    Attention is not one: it uses the weights of its sublayer without calling it.
    """
    if isinstance(layer, nn.MultiheadAttention):
        return False
    return any(
        not isinstance(child, nn.ParameterList | nn.ParameterDict) for child in layer.children()
    )


def bound_arguments(
    layer: nn.Module, args: tuple[object, ...], words: Mapping[str, object]
) -> tuple[object, ...]:
    """Returns all arguments of a call in the order of forward, defaults included."""
    bound = inspect.signature(layer.forward).bind(*args, **words)
    bound.apply_defaults()
    return tuple(
        pad_nested(argument) if isinstance(argument, Tensor) else argument
        for argument in bound.args
    )


def pad_nested(x: Tensor) -> Tensor:
    """Returns a nested tensor padded with zeros; other tensors are unchanged.

    The encoder of torch makes nested tensors from padded sequences.
    """
    return torch.nested.to_padded_tensor(x, 0.0) if x.is_nested else x


def as_array(tensor: Tensor) -> NumpyArray:
    """Returns a little-endian array; float32 for a dtype that numpy does not have."""
    tensor = tensor.detach()
    if tensor.is_sparse or tensor.is_quantized:
        tensor = tensor.to_dense() if tensor.is_sparse else tensor.dequantize()
    try:
        array = tensor.contiguous().numpy()
    except TypeError:
        array = tensor.float().contiguous().numpy()
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def tensors_in(value: object) -> list[Tensor]:
    """Returns all tensors in a nested value."""
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def outputs_at(
    outputs: Sequence[Place], arguments: Sequence[Tensor], result: object
) -> tuple[Tensor, ...]:
    """Returns the outputs of an operation: overwritten arguments and new results."""
    sources = {"given": arguments, "result": tensors_in(result)}
    return tuple(sources[of][index] for of, index in outputs)


def is_same(one: Tensor, other: Tensor) -> bool:
    """Returns whether two tensors are equal up to 1e-5 of their maximum."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if not (one.is_floating_point() or one.is_complex()) or not one.numel():
        return torch.equal(one, other)
    maximum = float(other[other.isfinite()].abs().max()) if other.isfinite().any() else 0.0
    return torch.allclose(one, other, rtol=0.0, atol=ALLOWED * max(maximum, 1e-30), equal_nan=True)


class _Overlay(Mapping[str, Tensor]):
    """The recorded values, except for the changed ones."""

    def __init__(self, changed: Mapping[str, Tensor], recorded: Mapping[str, Value]) -> None:
        self._changed, self._recorded = changed, recorded

    def __getitem__(self, key: str) -> Tensor:
        return self._changed[key] if key in self._changed else self._recorded[key].tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._recorded)

    def __len__(self) -> int:
        return len(self._recorded)
