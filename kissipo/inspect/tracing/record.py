"""Record all operations of a torch module for one sample.

A function mode of torch records the operations, also those outside layers such as `x +
y`, in any branch. Hooks record the layers. Every output is copied at once, as later
operations may overwrite it. A tensor whose memory was overwritten by way of a view is
reassembled when it is next read. A layer that torch runs as one operation (recurrent
layers, attention) is one operation; `unroll` computes its gates.

Choices:  the net is in eval mode unless `training` is set; gradients are not recorded.
          Operations of numpy, Python numbers or another library are not recorded; the
          notes name them.
Source:   https://docs.pytorch.org/docs/stable/notes/extending.html
Example:  >>> class Choosy(nn.Module):
          ...     def forward(self, x):
          ...         return {"sum": x + x} if x.sum() > 0 else {"same": x}
          >>> recording = record(Choosy(), (torch.ones(1, 2),))
          >>> [operation.text for operation in recording.operations], recording.answers
          (['sum(t0)', 'gt(t1, 0)', 'add(t0, t0)'], ('t3',))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from math import isfinite
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import TreeSpec, tree_flatten, tree_map_only

from kissipo.core.errors import NotBuiltError
from kissipo.core.json_object import JsonObject
from kissipo.core.module_state import eval_mode, preserve_state
from kissipo.inspect.costs import multiplications, operation_multiplications
from kissipo.inspect.tracing.named_axes import axes_of, own_axes, usual_axes
from kissipo.inspect.tracing.recording import (
    Call,
    Key,
    Operation,
    Origin,
    Recording,
    Replay,
    Value,
    bound_arguments,
    outputs_at,
    tensors_in,
)

WHOLE = (nn.RNNBase, nn.MultiheadAttention)
_LONG = 60
_MANY = 1000
_INDEXING = ("getitem", "setitem")
_OPTIONS = (
    "num_layers",
    "bidirectional",
    "batch_first",
    "hidden_size",
    "proj_size",
    "nonlinearity",
    "num_heads",
    "add_zero_attn",
)
_TO_PYTHON = ("item", "tolist", "numpy", "bool", "int", "float", "index", "array")


def record(
    net: nn.Module,
    inputs: tuple[object, ...],
    words: Mapping[str, object] | None = None,
    *,
    axes: Sequence[tuple[str, ...]] = (),
    training: bool = False,
) -> Recording:
    """Returns the recording of a net for these inputs.

    inputs:    the positional arguments of forward: tensors, or containers of tensors
    words:     the keyword arguments of forward
    axes:      names of the axes of the first input tensors, the batch included;
               usual names if omitted
    training:  use training mode; running statistics and random state are restored
    Raises:    NotBuiltError for a net that is compiled by torch.jit, or has
               uninitialized weights.
    """
    words = words or {}
    _refuse_closed(net)
    with preserve_state(net, training=training):
        recorder = _Recorder(net, (inputs, words), axes)
        with recorder.listening(), recorder:
            output = net(*inputs, **words)
        return recorder.result(output)


@dataclass
class _Tracked:
    """A tensor in use: the key of its values, their version, and earlier writes."""

    tensor: Tensor
    key: str
    version: int
    writes: int


@dataclass(frozen=True)
class _Open:
    """A layer whose forward is running; `whole` if it is one operation."""

    name: str
    layer: nn.Module
    number: int
    inputs: tuple[Any, ...]
    input_keys: tuple[str, ...]
    first: int
    whole: _Begun | None


@dataclass(frozen=True)
class _Begun:
    """An operation before it runs: arguments, versions of its tensors, random state."""

    text: str
    arguments: JsonObject
    leaves: list[object]
    form: TreeSpec
    tensors: list[Tensor]
    versions: list[int]
    generator: Tensor
    start: float


class _Recorder(TorchFunctionMode):
    def __init__(self, net: nn.Module, inputs: object, axes: Sequence[tuple[str, ...]]) -> None:
        super().__init__()
        self._net = net
        self._weight_versions = {name: _version(weight) for name, weight in net.named_parameters()}
        self._values: dict[str, Value] = {}
        self._operations: list[Operation] = []
        self._calls: list[Call] = []
        self._notes: dict[str, None] = {}
        self._tracked: dict[int, _Tracked] = {}
        self._writes: list[_Tracked] = []
        self._counted: set[str] = set()
        self._open: list[_Open] = []
        self._times: dict[str, int] = {}
        self._numbers = count()
        self._aside = False
        for name, weight in net.named_parameters():
            self._note(weight, "weight", name=name)
        for path, layer in net.named_modules():
            attributes = {**vars(layer), **layer._buffers}
            for name, tensor in attributes.items():
                if isinstance(tensor, Tensor) and id(tensor) not in self._tracked:
                    self._note(tensor, "constant", name=f"{path}.{name}" if path else name)
        for number, tensor in enumerate(tensors_in(inputs)):
            fits = number < len(axes) and len(axes[number]) == tensor.dim()
            self._note(tensor, "input", axes=axes[number] if fits else usual_axes(tensor))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Installs hooks on all layers inside this context."""
        handles = []
        for name, layer in self._net.named_modules():
            called = name or type(layer).__name__.lower()
            before, after = partial(self._enter, called), self._leave
            handles.append(layer.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(layer.register_forward_hook(after, with_kwargs=True, always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def result(self, output: object) -> Recording:
        answers = self._keys(output)
        read = {*answers, *(key for operation in self._operations for key in operation.input_keys)}
        for key, value in [*self._values.items()]:
            if value.origin == "outside":
                self._note_outside(key) if key in read else self._values.pop(key)
        for name, weight in self._net.named_parameters():
            if _version(weight) != self._weight_versions[name]:
                self._notes[
                    f"the net overwrites its weight {name} in forward: it was not restored"
                ] = None
        return Recording(
            self._values,
            tuple(self._operations),
            tuple(self._calls),
            self._copies(output),
            answers,
            tuple(self._notes),
        )

    def _note_outside(self, key: str) -> None:
        reader = next(
            (operation for operation in self._operations if key in operation.input_keys), None
        )
        where = (
            f"operation {reader.number} ({reader.name}) of '{reader.layer}' reads"
            if reader
            else "the output is"
        )
        self._notes[
            f"{where} a tensor that no operation of torch computed ({key}); "
            "its source was not recorded"
        ] = None

    # operations

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        if self._aside:
            return func(*args, **kwargs)
        name = _name(func)
        begun = self._begin(name, args, kwargs)
        result = func(*args, **kwargs)
        self._end(begun, name, func, result, perf_counter() - begun.start)
        return result

    def _begin(self, name: str, args: tuple[object, ...], kwargs: Mapping[str, object]) -> _Begun:
        leaves, form = tree_flatten((args, kwargs))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        by_key = [Key(self._read(leaf)) if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        text = ", ".join(
            [
                *map(self._argument_text, args),
                *(f"{word}={self._argument_text(argument)}" for word, argument in kwargs.items()),
            ]
        )
        return _Begun(
            text,
            self._arguments_json(name, args, kwargs),
            by_key,
            form,
            tensors,
            [*map(_version, tensors)],
            torch.get_rng_state(),
            perf_counter(),
        )

    def _end(
        self,
        begun: _Begun,
        name: str,
        work: Callable[..., object],
        result: object,
        seconds: float,
        layer: nn.Module | None = None,
    ) -> None:
        """Records an operation, if it has a new output."""
        written = [
            index
            for index, tensor in enumerate(begun.tensors)
            if _version(tensor) != begun.versions[index]
        ]
        is_known = {id(tensor) for tensor in begun.tensors}
        new = [
            index for index, tensor in enumerate(tensors_in(result)) if id(tensor) not in is_known
        ]
        outputs = (*(("given", index) for index in written), *(("result", index) for index in new))
        if not outputs:
            if name in _TO_PYTHON and begun.tensors:
                where = f"{name} in '{self._where()[0]}'"
                self._notes[
                    f"{where} converts values to Python; what Python does was not recorded"
                ] = None
            return
        drew = not torch.equal(begun.generator, torch.get_rng_state())
        replay = Replay(work, begun.leaves, begun.form, outputs, begun.generator if drew else None)
        tensors = outputs_at(outputs, begun.tensors, result)
        self._add(name, begun.text, begun.arguments, replay, tensors, seconds, layer)

    def _add(
        self,
        name: str,
        text: str,
        arguments: JsonObject,
        replay: Replay,
        tensors: Sequence[Tensor],
        seconds: float,
        layer: nn.Module | None = None,
    ) -> None:
        input_keys = [leaf.key for leaf in replay.leaves if isinstance(leaf, Key)]
        read = [self._values[key] for key in input_keys]
        cost = operation_multiplications(
            name, [tuple(value.tensor.shape) for value in read], tuple(tensors[0].shape)
        )
        if layer is not None:
            first, *more = self._open[-1].inputs
            cost = multiplications(layer, first, tensors[0], *more)
            weights = {name: self._read(weight) for name, weight in layer.named_parameters()}
            input_keys += weights.values()
            arguments = {**arguments, "weights": weights, "options": _options(layer)}
        keys = []
        for (of, index), tensor in zip(replay.outputs, tensors, strict=True):
            axes = axes_of(name, replay.leaves, read, tensor, layer, index)
            if self._open:
                axes = own_axes(self._open[-1].layer, name, axes)
            keys.append(self._note(tensor, "operation", axes=axes))
            if of == "given":
                self._write(tensor)
        first = {key for key in input_keys if key in self._weight_versions} - self._counted
        self._counted |= first
        called, number = self._where()
        self._operations.append(
            Operation(
                number=len(self._operations),
                name=name,
                layer=called,
                call=number,
                input_keys=tuple(input_keys),
                output_keys=tuple(keys),
                text=f"{name}({text})",
                arguments={**arguments, "outputs": [list(place) for place in replay.outputs]},
                parameters=sum(self._values[key].tensor.numel() for key in first),
                multiplications=cost,
                seconds=seconds,
                random=replay.generator is not None,
                replay=replay,
            )
        )

    # layers

    def _enter(
        self, name: str, layer: nn.Module, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> None:
        if self._aside:
            return
        with self._paused():
            number = self._times.get(name, 0)
            self._times[name] = number + 1
            bound = bound_arguments(layer, args, kwargs)
            kind = type(layer).__name__.lower()
            whole = self._begin(kind, args, kwargs) if isinstance(layer, WHOLE) else None
            self._open.append(
                _Open(
                    name,
                    layer,
                    number,
                    self._copies(bound),
                    self._keys(bound),
                    len(self._operations),
                    whole,
                )
            )
        self._aside = whole is not None

    def _leave(self, layer: nn.Module, args: object, kwargs: object, output: object) -> None:
        if not self._open or self._open[-1].layer is not layer:
            return
        left = self._open[-1]
        with self._paused():
            if left.whole is not None:
                seconds = perf_counter() - left.whole.start
                work = partial(_as_it_was, layer, layer.training)
                self._end(left.whole, type(layer).__name__.lower(), work, output, seconds, layer)
            span = left.first, len(self._operations)
            output_keys, copy = self._keys(output), self._copies(output)
            for key in output_keys:
                value = self._values[key]
                if value.origin == "operation":
                    self._values[key] = replace(value, axes=own_axes(layer, "", value.axes))
            self._calls.append(
                Call(
                    left.name,
                    layer,
                    left.inputs,
                    copy,
                    left.number,
                    left.input_keys,
                    output_keys,
                    span,
                    layer.training,
                )
            )
        self._open.pop()
        self._aside = False

    def _where(self) -> tuple[str, int]:
        return (self._open[-1].name, self._open[-1].number) if self._open else ("", 0)

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Pauses recording inside this context."""
        was, self._aside = self._aside, True
        yield
        self._aside = was

    # values

    def _note(
        self, tensor: Tensor, origin: Origin, *, name: str = "", axes: tuple[str, ...] | None = None
    ) -> str:
        key = name or f"t{next(self._numbers)}"
        copy = tensor.detach() if origin == "weight" else tensor.detach().clone()
        self._values[key] = Value(
            key, copy, origin, axes if axes is not None else usual_axes(tensor)
        )
        self._tracked[id(tensor)] = _Tracked(tensor, key, _version(tensor), len(self._writes))
        return key

    def _write(self, tensor: Tensor) -> None:
        """Records that memory was overwritten."""
        tracked = self._tracked[id(tensor)]
        self._writes.append(
            _Tracked(tracked.tensor, tracked.key, tracked.version, len(self._writes))
        )
        tracked.writes = len(self._writes)

    def _read(self, tensor: Tensor) -> str:
        """Returns the key of the current values of a tensor."""
        tracked = self._tracked.get(id(tensor))
        if tracked is None:
            return self._note(tensor, "outside")
        if _version(tensor) != tracked.version:
            self._put_together(tracked)
        return self._tracked[id(tensor)].key

    def _put_together(self, tracked: _Tracked) -> None:
        """Records a tensor whose memory was overwritten by way of views of it."""
        memory = _memory(tracked.tensor)
        writes = [
            write for write in self._writes[tracked.writes :] if _memory(write.tensor) == memory
        ]
        parts = [tracked, *writes]
        leaves, form = tree_flatten((tuple(Key(part.key) for part in parts), {}))
        layouts = [_layout(part.tensor) for part in parts]
        work = partial(_overlaid, layouts)
        text = ", ".join(part.key for part in parts)
        arguments: JsonObject = {
            "args": [{"tensor": part.key} for part in parts],
            "words": {"layouts": layouts},
        }
        self._add(
            "written_over",
            text,
            arguments,
            Replay(work, leaves, form, (("result", 0),), None),
            [tracked.tensor],
            0.0,
        )

    def _keys(self, value: object) -> tuple[str, ...]:
        return tuple(self._read(tensor) for tensor in tensors_in(value))

    def _argument_text(self, value: object) -> str:
        """Returns an argument as code, with keys in place of tensors."""
        if isinstance(value, Tensor):
            return self._read(value)
        if isinstance(value, tuple | list):
            inner = ", ".join(map(self._argument_text, value))
            return f"[{inner}]" if isinstance(value, list) else f"({inner})"
        return _short(value)

    def _arguments_json(
        self, name: str, args: tuple[object, ...], words: Mapping[str, object]
    ) -> JsonObject:
        """Returns the arguments as JSON; an index is a list with one item per axis."""
        if name in _INDEXING and len(args) > 1 and not isinstance(args[1], tuple):
            args = (args[0], (args[1],), *args[2:])
        return {
            "args": [*map(self._argument_json, args)],
            "words": {word: self._argument_json(argument) for word, argument in words.items()},
        }

    def _argument_json(self, value: object) -> object:
        if isinstance(value, Tensor):
            return {"tensor": self._read(value)}
        if isinstance(value, tuple | list):
            is_long = len(value) > _MANY and not tensors_in(value)
            return _as_text(value) if is_long else [*map(self._argument_json, value)]
        if isinstance(value, Mapping):
            return {str(name): self._argument_json(item) for name, item in value.items()}
        if isinstance(value, slice):
            return {"slice": [*map(self._argument_json, (value.start, value.stop, value.step))]}
        if isinstance(value, np.generic):
            return self._argument_json(value.item())
        if value is Ellipsis:
            return {"ellipsis": True}
        is_plain = value is None or isinstance(value, str | int)
        return (
            value if is_plain or (isinstance(value, float) and isfinite(value)) else _as_text(value)
        )

    def _copies(self, value: object) -> Any:
        """Returns a nested value with copies in place of its tensors."""
        return tree_map_only(Tensor, lambda tensor: self._values[self._read(tensor)].tensor, value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _as_text(value: object) -> dict[str, str]:
    return {"text": _short(value)}


def _options(layer: nn.Module) -> JsonObject:
    """Returns the options that decide what a whole layer computes."""
    return {name: getattr(layer, name) for name in _OPTIONS if hasattr(layer, name)}


def _refuse_closed(net: nn.Module) -> None:
    """Refuses compiled modules, whose calls are hidden, and uninitialized weights."""
    for name, layer in net.named_modules():
        if isinstance(layer, torch.jit.ScriptModule):
            raise NotBuiltError(
                f"'{name or type(net).__name__}' is compiled by torch.jit, "
                "which hides its operations",
                do="Pass the module before compilation",
            )
        if any(
            isinstance(weight, nn.parameter.UninitializedParameter)
            for weight in layer.parameters(recurse=False)
        ):
            raise NotBuiltError(
                f"'{name}' has uninitialized weights",
                do="Call the net once before",
            )


def _as_it_was(layer: nn.Module, training: bool, *args: object, **kwargs: object) -> object:
    with eval_mode(layer):
        layer.train(training)
        return layer(*args, **kwargs)


Layout = tuple[tuple[int, ...], tuple[int, ...], int]


def _overlaid(layouts: Sequence[Layout], *parts: Tensor) -> Tensor:
    """Returns the first layout after all parts were written in order."""
    size = max(
        offset + 1 + sum((side - 1) * stride for side, stride in zip(shape, strides, strict=True))
        for shape, strides, offset in layouts
    )
    memory = parts[0].new_zeros(size)
    for layout, part in zip(layouts, parts, strict=True):
        memory.as_strided(*layout).copy_(part)
    return memory.as_strided(*layouts[0]).clone()


def _layout(tensor: Tensor) -> Layout:
    return tuple(tensor.shape), tuple(tensor.stride()), int(tensor.storage_offset())


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _name(func: Any) -> str:
    """Returns the name of a function in torch: conv2d, add, relu_; or of a property."""
    name = getattr(func, "__name__", str(func))
    if name == "__get__":
        return getattr(func.__self__, "__name__", name)
    return name.strip("_") if name[:2] == "__" else name
