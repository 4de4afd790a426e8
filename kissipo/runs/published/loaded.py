"""Which published tensors a net has, under which names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class LoadedTensor:
    """A tensor of the net, with its published name."""

    name: str
    published: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Loaded:
    """The tensors of published weights, compared with those of the net.

    tensors:  the tensors of the net that were loaded
    missing:  tensors of the net that the file does not have, which are untrained
    surplus:  tensors of the file that the net does not have
    message:  how many parameters were loaded
    """

    tensors: tuple[LoadedTensor, ...]
    missing: tuple[str, ...]
    surplus: tuple[str, ...]
    message: str


def compare(
    renamed: Mapping[str, tuple[str, Tensor]],
    wanted: Iterable[str],
    published: Iterable[str],
    message: str,
) -> Loaded:
    """Returns which tensors were loaded, and which are only on one side.

    renamed:    the published name and the tensor for each name of the net
    wanted:     the names of all tensors of the net
    published:  the names of all tensors of the file
    Example:    >>> from torch import zeros
                >>> one = compare({"w": ("W", zeros(2))}, ["w", "b"], ["W", "C"], "")
                >>> one.tensors[0].published, one.missing, one.surplus
                ('W', ('b',), ('C',))
    """
    tensors = tuple(
        LoadedTensor(ours, theirs, tuple(tensor.shape))
        for ours, (theirs, tensor) in renamed.items()
    )
    used = {tensor.published for tensor in tensors}
    missing, surplus = set(wanted) - renamed.keys(), set(published) - used
    return Loaded(tensors, tuple(sorted(missing)), tuple(sorted(surplus)), message)
