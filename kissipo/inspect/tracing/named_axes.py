"""Names for the axes of an output, inferred from the axes of the inputs.

Names are batch, time, feature, channel, height, width and so on; an unknown axis has a
number. A layer whose operations split or join axes names them itself: `AXES` holds the
names by operation, and under "" those of its output.

Example:  >>> import torch
          >>> x = Value("t0", torch.zeros(2, 5), "input", ("batch", "time"))
          >>> axes_of("embedding", [], [x], torch.zeros(2, 5, 8))
          ('batch', 'time', 'feature')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from kissipo.inspect.tracing.recording import Value

Axes = tuple[str, ...]
_USUAL: dict[int, Axes] = {
    0: (),
    1: ("feature",),
    2: ("batch", "feature"),
    3: ("batch", "time", "feature"),
    4: ("batch", "channel", "height", "width"),
    5: ("batch", "channel", "depth", "height", "width"),
}
_PLACES: dict[int, Axes] = {3: ("batch", "channel", "time"), 4: _USUAL[4], 5: _USUAL[5]}
_MIXES = {
    "linear": "feature",
    "matmul": "feature",
    "mm": "feature",
    "addmm": "feature",
    "bmm": "feature",
}


@runtime_checkable
class NamesAxes(Protocol):
    """A layer that names the axes of its operations."""

    AXES: Mapping[str, tuple[str | None, ...]]


def usual_axes(tensor: Tensor) -> Axes:
    """Returns the usual names for this number of axes."""
    if tensor.dim() in (1, 2) and not tensor.is_floating_point():  # ids, or numbers of steps
        return ("batch", "time")[-tensor.dim() :]
    return _USUAL.get(tensor.dim(), _numbered(tensor.shape))


def own_axes(layer: nn.Module, name: str, axes: Axes) -> Axes:
    """Returns the axes that a layer names for one of its operations, else those that
    were inferred; None in place of a name keeps the inferred one.

    name:     of the operation; "" for the output of the layer
    """
    own = layer.AXES.get(name) if isinstance(layer, NamesAxes) else None
    if own is None or len(own) != len(axes):
        return axes
    return tuple(old if new is None else new for old, new in zip(axes, own, strict=True))


def axes_of(
    name: str,
    arguments: Sequence[object],
    read: Sequence[Value],
    output: Tensor,
    layer: nn.Module | None = None,
    number: int = 0,
) -> Axes:
    """Returns the axes of one output tensor of an operation.

    arguments:  all arguments, flattened
    layer:      the layer, where a whole layer is the operation
    number:     the index of the tensor among the outputs
    """
    if isinstance(layer, nn.RNNBase):
        return _of_recurrent(layer, output, number)
    if not read:
        return usual_axes(output)
    first = read[0]
    shape, before = tuple(output.shape), tuple(first.tensor.shape)
    if "conv" in name or "pool" in name:
        return _PLACES.get(output.dim(), usual_axes(output))
    if name == "embedding":
        return (*first.axes, "feature")
    if name in _MIXES and len(shape) == len(before):
        return (*first.axes[:-1], _MIXES[name])
    for value in read:
        if tuple(value.tensor.shape) == shape and not _moves(name):
            return value.axes
    numbers = [
        argument
        for argument in arguments
        if isinstance(argument, int) and not isinstance(argument, bool)
    ]
    if _moves(name):
        return _moved(name, numbers, first.axes)
    if (
        name == "getitem"
        and (picked := _picked(arguments[1:], first.axes)) is not None
        and len(picked) == len(shape)
    ):
        return picked
    remaining = _remaining(before, shape, first.axes)
    if remaining is not None:
        return remaining
    if len(shape) == 2 and shape[0] == before[0]:
        return (first.axes[0], "feature")
    pairs = list(zip(before, shape, strict=False))
    same = next((axis for axis, (one, other) in enumerate(pairs) if one != other), len(pairs))
    return (*first.axes[:same], *_numbered(shape)[same:])


def _numbered(shape: Sequence[int]) -> Axes:
    return tuple(f"axis {number}" for number in range(len(shape)))


def _of_recurrent(layer: nn.RNNBase, output: Tensor, number: int) -> Axes:
    """Returns the axes of the states of all steps (number 0), or of the last states."""
    if output.dim() == 2:
        return ("time", "unit") if number == 0 else ("layer", "unit")
    if number:
        return ("layer", "batch", "unit")
    return ("batch", "time", "unit") if layer.batch_first else ("time", "batch", "unit")


def _picked(index: Sequence[object], axes: Axes) -> Axes | None:
    """Returns the axes of `x[index]`; None for an index by tensors."""
    names: list[str] = []
    rest = list(axes)
    named = sum(isinstance(item, int | slice) for item in index)
    for item in index:
        if item is Ellipsis:
            while len(rest) > named:
                names.append(rest.pop(0))
        elif item is None:
            names.append("one")
        elif isinstance(item, int | slice) and rest:
            axis = rest.pop(0)
            named -= 1
            names += [axis] if isinstance(item, slice) else []
        else:
            return None
    return (*names, *rest)


def _moves(name: str) -> bool:
    return name in ("transpose", "permute", "movedim", "moveaxis", "t", "T", "mT", "swapaxes")


def _moved(name: str, numbers: Sequence[int], axes: Axes) -> Axes:
    order = list(range(len(axes)))
    if name in ("t", "T", "mT") and len(order) >= 2:
        order[-1], order[-2] = order[-2], order[-1]
    elif name in ("transpose", "swapaxes") and len(numbers) == 2:
        one, other = numbers
        order[one], order[other] = order[other], order[one]
    elif name == "permute" and len(numbers) == len(axes):
        order = [number % len(axes) for number in numbers]
    elif name in ("movedim", "moveaxis") and len(numbers) == 2:
        order = _after_moving(len(axes), *numbers)
    return tuple(axes[number] for number in order)


def _after_moving(count: int, source: int, target: int) -> list[int]:
    order = [number for number in range(count) if number != source % count]
    order.insert(target % count, source % count)
    return order


def _remaining(before: Sequence[int], shape: Sequence[int], axes: Axes) -> Axes | None:
    """Returns the axes that remain after a reduction, if they are unambiguous."""
    if len(shape) >= len(before):
        return None
    candidates: set[Axes] = set()

    def search(axis: int, rest: int, names: Axes) -> None:
        if rest == len(shape):
            candidates.add(names)
        elif axis < len(before) and len(candidates) < 2:
            if before[axis] == shape[rest]:
                search(axis + 1, rest + 1, (*names, axes[axis]))
            search(axis + 1, rest, names)

    search(0, 0, ())
    return candidates.pop() if len(candidates) == 1 else None
