"""Names for the axes of what an operation gives, from those of what it read: batch, time, feature, channel, height, width, ...

An axis that nobody can name is called by its number.

Example:  >>> import torch
          >>> x = Value("t0", torch.zeros(2, 5), "input", ("batch", "time"))
          >>> axes_of("embedding", [], [x], torch.zeros(2, 5, 8))
          ('batch', 'time', 'feature')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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


def usual_axes(tensor: Tensor) -> Axes:
    """As most nets have them, by their number."""
    if (
        tensor.dim() == 2 and not tensor.is_floating_point()
    ):  # ids of what is read one after the other
        return ("batch", "time")
    return _USUAL.get(tensor.dim(), _numbered(tensor.shape))


def axes_of(
    name: str,
    arguments: Sequence[Any],
    read: Sequence[Value],
    gives: Tensor,
    layer: nn.Module | None = None,
    number: int = 0,
) -> Axes:
    """Of one tensor that an operation gave.

    arguments:  all of them, taken apart
    layer:      where a whole layer is the operation
    number:     of the tensor among those that it gave
    """
    if isinstance(layer, nn.RNNBase):
        return _of_recurrent(layer, gives, number)
    if not read:
        return usual_axes(gives)
    first = read[0]
    shape, before = tuple(gives.shape), tuple(first.tensor.shape)
    if "conv" in name or "pool" in name:
        return _PLACES.get(gives.dim(), usual_axes(gives))
    if name == "embedding":
        return (*first.axes, "feature")
    if name in _MIXES and len(shape) == len(before):
        return (*first.axes[:-1], _MIXES[name])
    for value in read:
        if tuple(value.tensor.shape) == shape and not _moves(name):
            return value.axes
    numbers = [each for each in arguments if isinstance(each, int) and not isinstance(each, bool)]
    if _moves(name):
        return _moved(name, numbers, first.axes)
    if (
        name == "getitem"
        and (picked := _picked(arguments[1:], first.axes)) is not None
        and len(picked) == len(shape)
    ):
        return picked
    kept = _kept(before, shape, first.axes)
    if kept is not None:
        return kept
    if len(shape) == 2 and shape[0] == before[0]:
        return (first.axes[0], "feature")
    pairs = list(zip(before, shape, strict=False))
    same = next((at for at, (one, other) in enumerate(pairs) if one != other), len(pairs))
    return (*first.axes[:same], *_numbered(shape)[same:])


def _numbered(shape: Sequence[int]) -> Axes:
    return tuple(f"axis {number}" for number in range(len(shape)))


def _of_recurrent(layer: nn.RNNBase, gives: Tensor, number: int) -> Axes:
    """Of the states of all steps, which come first, and of the last ones."""
    if gives.dim() == 2:
        return ("time", "unit") if number == 0 else ("layer", "unit")
    if number:
        return ("layer", "batch", "unit")
    return ("batch", "time", "unit") if layer.batch_first else ("time", "batch", "unit")


def _picked(index: Sequence[Any], axes: Axes) -> Axes | None:
    """What `x[index]` leaves of the axes; None for an index by tensors."""
    found: list[str] = []
    rest = list(axes)
    named = sum(isinstance(each, int | slice) for each in index)
    for each in index:
        if each is Ellipsis:
            while len(rest) > named:
                found.append(rest.pop(0))
        elif each is None:
            found.append("one")
        elif isinstance(each, int | slice) and rest:
            axis = rest.pop(0)
            named -= 1
            found += [axis] if isinstance(each, slice) else []
        else:
            return None
    return (*found, *rest)


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


def _kept(before: Sequence[int], shape: Sequence[int], axes: Axes) -> Axes | None:
    """The axes that are left when some were summed up or chosen from, where there is only one way to read it."""
    if len(shape) >= len(before):
        return None
    ways: set[Axes] = set()

    def search(at: int, rest: int, found: Axes) -> None:
        if rest == len(shape):
            ways.add(found)
        elif at < len(before) and len(ways) < 2:
            if before[at] == shape[rest]:
                search(at + 1, rest + 1, (*found, axes[at]))
            search(at + 1, rest, found)

    search(0, 0, ())
    return ways.pop() if len(ways) == 1 else None
