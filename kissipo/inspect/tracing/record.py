"""Record: any torch module followed while it answers one sample, operation by operation; of the net nothing is changed.

Operations come from a function mode of torch (so that what is no layer, such as `x + y`, is seen, whatever way the data choose),
layers from hooks. Every tensor that an operation gives is copied at once, as later ones may write over it; a tensor whose memory
was written over by way of another one is put together anew when it is next read. A layer that torch runs as one piece (recurrent
ones, attention) is one operation; `expand` opens it.

Choices:  the net answers (eval) unless `training` says otherwise; gradients are not recorded.
          What passes through numpy, Python's numbers or another library is not followed, and named in the notes.
Source:   https://docs.pytorch.org/docs/stable/notes/extending.html#extending-all-torch-api-with-modes
Example:  >>> class Choosy(nn.Module):
          ...     def forward(self, x):
          ...         return {"sum": x + x} if x.sum() > 0 else {"same": x}
          >>> found = record(Choosy(), (torch.ones(1, 2),))
          >>> [(each.text, each.gives) for each in found.operations], found.answers
          ([('sum(t0)', ('t1',)), ('gt(t1, 0)', ('t2',)), ('add(t0, t0)', ('t3',))], ('t3',))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import TreeSpec, tree_flatten, tree_map_only

from kissipo.core.errors import NotBuiltError
from kissipo.core.module_state import eval_mode, preserve_state
from kissipo.inspect.costs import multiplications, of_operation
from kissipo.inspect.tracing.named_axes import axes_of, usual_axes
from kissipo.inspect.tracing.recording import (
    Again,
    Call,
    Key,
    Operation,
    Origin,
    Recording,
    Value,
    given_to,
    taken,
    tensors_in,
)

WHOLE = (nn.RNNBase, nn.MultiheadAttention)
_LONG = 60
_TO_PYTHON = ("item", "tolist", "numpy", "bool", "int", "float", "index", "array")


def record(
    net: nn.Module,
    inputs: tuple[Any, ...],
    words: Mapping[str, Any] | None = None,
    *,
    axes: Sequence[tuple[str, ...]] = (),
    training: bool = False,
) -> Recording:
    """What a net does for these inputs.

    inputs:    as its forward takes them: tensors, or what holds some
    words:     those that it takes by name
    axes:      of the first tensors in the inputs, the batch included; usual names where they are left out
    training:  in the mode in which it learns; its running figures and the dice are put back afterwards
    Raises:    NotBuiltError for a net in which nothing can be seen: compiled by torch.jit, or with weights that are not made yet.
    """
    words = words or {}
    _refuse_closed(net)
    with preserve_state(net, training=training):
        recorder = _Recorder(net, (inputs, words), axes)
        with recorder.listening(), recorder:
            output = net(*inputs, **words)
        return recorder.result(output)


@dataclass
class _Seen:
    """A living tensor: under which key its numbers are kept, as of which version, and how many writes had been done by then."""

    tensor: Tensor
    key: str
    version: int
    writes: int


@dataclass(frozen=True)
class _Open:
    """A layer that is being gone through; `whole` is its operation where it is one."""

    name: str
    layer: nn.Module
    number: int
    inputs: tuple[Any, ...]
    reads: tuple[str, ...]
    first: int
    whole: _Begun | None


@dataclass(frozen=True)
class _Begun:
    """An operation that is about to be done: its arguments as text and taken apart, the versions of its tensors, the dice."""

    text: str
    leaves: list[Any]
    form: TreeSpec
    given: list[Tensor]
    versions: list[int]
    generator: Tensor
    start: float


class _Recorder(TorchFunctionMode):
    def __init__(self, net: nn.Module, inputs: Any, axes: Sequence[tuple[str, ...]]) -> None:
        super().__init__()
        self._net = net
        self._learned = {name: _version(weight) for name, weight in net.named_parameters()}
        self._values: dict[str, Value] = {}
        self._operations: list[Operation] = []
        self._calls: list[Call] = []
        self._notes: dict[str, None] = {}
        self._seen: dict[int, _Seen] = {}
        self._writes: list[_Seen] = []
        self._counted: set[str] = set()
        self._open: list[_Open] = []
        self._times: dict[str, int] = {}
        self._numbers = count()
        self._aside = False
        for name, weight in net.named_parameters():
            self._note(weight, "weight", name=name)
        for path, layer in net.named_modules():
            held = {**vars(layer), **layer._buffers}
            for name, tensor in held.items():
                if isinstance(tensor, Tensor) and id(tensor) not in self._seen:
                    self._note(tensor, "constant", name=f"{path}.{name}" if path else name)
        for number, tensor in enumerate(tensors_in(inputs)):
            fits = number < len(axes) and len(axes[number]) == tensor.dim()
            self._note(tensor, "input", axes=axes[number] if fits else usual_axes(tensor))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hooks on all layers, for as long as it lasts."""
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

    def result(self, output: Any) -> Recording:
        answers = self._keys(output)
        read = {*answers, *(key for operation in self._operations for key in operation.reads)}
        for key, value in [*self._values.items()]:
            if value.origin == "outside":
                self._tell_outside(key) if key in read else self._values.pop(key)
        for name, weight in self._net.named_parameters():
            if _version(weight) != self._learned[name]:
                self._notes[
                    f"the net writes over its weight {name} while it answers: it was not put back"
                ] = None
        return Recording(
            self._values,
            tuple(self._operations),
            tuple(self._calls),
            self._kept(output),
            answers,
            tuple(self._notes),
        )

    def _tell_outside(self, key: str) -> None:
        reader = next((each for each in self._operations if key in each.reads), None)
        where = (
            f"operation {reader.number} ({reader.name}) of '{reader.layer}' reads"
            if reader
            else "the answer is"
        )
        self._notes[
            f"{where} a tensor that no operation of torch gave ({key}); what made it was not followed"
        ] = None

    # operations

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._aside:
            return func(*args, **kwargs)
        begun = self._begin(args, kwargs)
        result = func(*args, **kwargs)
        self._end(begun, _name(func), func, result, perf_counter() - begun.start)
        return result

    def _begin(self, args: Any, kwargs: Any) -> _Begun:
        leaves, form = tree_flatten((args, kwargs))
        given = [each for each in leaves if isinstance(each, Tensor)]
        by_key = [Key(self._read(each)) if isinstance(each, Tensor) else each for each in leaves]
        text = ", ".join(
            [
                *map(self._told, args),
                *(f"{word}={self._told(each)}" for word, each in kwargs.items()),
            ]
        )
        return _Begun(
            text,
            by_key,
            form,
            given,
            [*map(_version, given)],
            torch.get_rng_state(),
            perf_counter(),
        )

    def _end(
        self,
        begun: _Begun,
        name: str,
        work: Callable[..., Any],
        result: Any,
        seconds: float,
        layer: nn.Module | None = None,
    ) -> None:
        """Notes an operation, if it gave anything new."""
        written = [
            at for at, tensor in enumerate(begun.given) if _version(tensor) != begun.versions[at]
        ]
        is_known = {id(tensor) for tensor in begun.given}
        new = [at for at, tensor in enumerate(tensors_in(result)) if id(tensor) not in is_known]
        gives = (*(("given", at) for at in written), *(("result", at) for at in new))
        if not gives:
            if name in _TO_PYTHON and begun.given:
                where = f"{name} in '{self._where()[0]}'"
                self._notes[
                    f"{where} takes numbers out of torch; what Python does with them was not followed"
                ] = None
            return
        drew = not torch.equal(begun.generator, torch.get_rng_state())
        again = Again(work, begun.leaves, begun.form, gives, begun.generator if drew else None)
        self._add(name, begun.text, again, taken(gives, begun.given, result), seconds, layer)

    def _add(
        self,
        name: str,
        text: str,
        again: Again,
        tensors: Sequence[Tensor],
        seconds: float,
        layer: nn.Module | None = None,
    ) -> None:
        reads = [leaf.key for leaf in again.leaves if isinstance(leaf, Key)]
        read = [self._values[key] for key in reads]
        cost = of_operation(
            name, [tuple(each.tensor.shape) for each in read], tuple(tensors[0].shape)
        )
        if layer is not None:
            first, *more = self._open[-1].inputs
            cost = multiplications(layer, first, tensors[0], *more)
            reads += [self._read(weight) for weight in layer.parameters()]
        keys = []
        for (of, at), tensor in zip(again.gives, tensors, strict=True):
            axes = axes_of(name, again.leaves, read, tensor, layer, at)
            keys.append(self._note(tensor, "operation", axes=axes))
            if of == "given":
                self._write(tensor)
        first = {key for key in reads if key in self._learned} - self._counted
        self._counted |= first
        called, number = self._where()
        self._operations.append(
            Operation(
                number=len(self._operations),
                name=name,
                layer=called,
                call=number,
                reads=tuple(reads),
                gives=tuple(keys),
                text=f"{name}({text})",
                parameters=sum(self._values[key].tensor.numel() for key in first),
                multiplications=cost,
                seconds=seconds,
                random=again.generator is not None,
                again=again,
            )
        )

    # layers

    def _enter(
        self, name: str, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        if self._aside:
            return
        with self._alone():
            number = self._times.get(name, 0)
            self._times[name] = number + 1
            bound = given_to(layer, args, kwargs)
            whole = self._begin(args, kwargs) if isinstance(layer, WHOLE) else None
            self._open.append(
                _Open(
                    name,
                    layer,
                    number,
                    self._kept(bound),
                    self._keys(bound),
                    len(self._operations),
                    whole,
                )
            )
        self._aside = whole is not None

    def _leave(self, layer: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if not self._open or self._open[-1].layer is not layer:
            return
        left = self._open[-1]
        with self._alone():
            if left.whole is not None:
                seconds = perf_counter() - left.whole.start
                work = partial(_as_it_was, layer, layer.training)
                self._end(left.whole, type(layer).__name__.lower(), work, output, seconds, layer)
            span = left.first, len(self._operations)
            gives, kept = self._keys(output), self._kept(output)
            self._calls.append(
                Call(
                    left.name,
                    layer,
                    left.inputs,
                    kept,
                    left.number,
                    left.reads,
                    gives,
                    span,
                    layer.training,
                )
            )
        self._open.pop()
        self._aside = False

    def _where(self) -> tuple[str, int]:
        return (self._open[-1].name, self._open[-1].number) if self._open else ("", 0)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """What is done here is not recorded."""
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
        self._seen[id(tensor)] = _Seen(tensor, key, _version(tensor), len(self._writes))
        return key

    def _write(self, tensor: Tensor) -> None:
        """Remembers that memory was written over."""
        seen = self._seen[id(tensor)]
        self._writes.append(_Seen(seen.tensor, seen.key, seen.version, len(self._writes)))
        seen.writes = len(self._writes)

    def _read(self, tensor: Tensor) -> str:
        """The key of what a tensor holds now."""
        seen = self._seen.get(id(tensor))
        if seen is None:
            return self._note(tensor, "outside")
        if _version(tensor) != seen.version:
            self._put_together(seen)
        return self._seen[id(tensor)].key

    def _put_together(self, seen: _Seen) -> None:
        """A tensor whose memory was written over by way of others: what it was, and what they wrote."""
        memory = _memory(seen.tensor)
        writes = [each for each in self._writes[seen.writes :] if _memory(each.tensor) == memory]
        parts = [seen, *writes]
        leaves, form = tree_flatten((tuple(Key(each.key) for each in parts), {}))
        work = partial(_overlaid, [_layout(each.tensor) for each in parts])
        text = ", ".join(each.key for each in parts)
        self._add(
            "written_over",
            text,
            Again(work, leaves, form, (("result", 0),), None),
            [seen.tensor],
            0.0,
        )

    def _keys(self, value: Any) -> tuple[str, ...]:
        return tuple(self._read(each) for each in tensors_in(value))

    def _told(self, value: Any) -> str:
        """An argument as one would write it, tensors by their keys."""
        if isinstance(value, Tensor):
            return self._read(value)
        if isinstance(value, tuple | list):
            inner = ", ".join(map(self._told, value))
            return f"[{inner}]" if isinstance(value, list) else f"({inner})"
        text = repr(value)
        return text if len(text) <= _LONG else text[: _LONG - 1] + "…"

    def _kept(self, value: Any) -> Any:
        """The same with the copies, whatever holds them."""
        return tree_map_only(Tensor, lambda each: self._values[self._read(each)].tensor, value)


def _refuse_closed(net: nn.Module) -> None:
    """Compiled pieces have no calls of torch to see, and weights that are not made yet no numbers."""
    for name, layer in net.named_modules():
        if isinstance(layer, torch.jit.ScriptModule):
            raise NotBuiltError(
                f"'{name or type(net).__name__}' is compiled by torch.jit, which shows nothing of what it does",
                do="Give the module that it was made from",
            )
        if any(
            isinstance(weight, nn.parameter.UninitializedParameter)
            for weight in layer.parameters(recurse=False)
        ):
            raise NotBuiltError(
                f"'{name}' has weights that are made when it is first asked",
                do="Ask the net once, then look inside",
            )


def _as_it_was(layer: nn.Module, training: bool, *args: Any, **kwargs: Any) -> Any:
    with eval_mode(layer):
        layer.train(training)
        return layer(*args, **kwargs)


Layout = tuple[tuple[int, ...], tuple[int, ...], int]


def _overlaid(layouts: Sequence[Layout], *parts: Tensor) -> Tensor:
    """What the first layout sees in memory into which all parts were written, one after the other."""
    room = max(
        offset + 1 + sum((side - 1) * stride for side, stride in zip(size, strides, strict=True))
        for size, strides, offset in layouts
    )
    memory = parts[0].new_zeros(room)
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
    """Torch's name for it: conv2d, add, relu_; of a property that of the property."""
    name = getattr(func, "__name__", str(func))
    return (
        getattr(func.__self__, "__name__", name)
        if name == "__get__"
        else name.strip("_")
        if name[:2] == "__"
        else name
    )
