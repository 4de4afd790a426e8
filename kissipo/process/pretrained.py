"""Pretrained weights: loading by name, and freezing.

The weights come from a safetensors file with published names, or from another run.
Every tensor of the net must be in the file with the same shape, and the file must have
no other tensors. Only the head may differ, because it depends on the task: then the
head stays untrained. Files that need unpickling are refused, because unpickling can
run code.

Raises:   TaskError that lists everything that does not fit.
Example:  >>> import torch
          >>> net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 5))
          >>> tensors = {"body.weight": torch.zeros(2, 3), "body.bias": torch.ones(2)}
          >>> ours = lambda name: name.replace("body", "0")
          >>> load_pretrained(net, tensors, ours=ours, origin="a.safetensors")
          'a.safetensors fits: 8 of 23 parameters are loaded; the head is untrained'
          >>> freeze_weights(net, ("all but head",))
          '8 of 23 parameters are frozen'
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from pickle import UnpicklingError
from typing import BinaryIO

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from kissipo.core.errors import TaskError
from kissipo.core.suggest import did_you_mean
from kissipo.core.text import list_some
from kissipo.process.layers.heads import heads_of, is_under

ALL_BUT = "all but "
NET = "net"  # in the metadata of published weights, which names the net
COUNTER = "num_batches_tracked"  # of batch norm; old files have none, and it is not used
_MAX_NAMES = 4


def read_weights(path: Path) -> dict[str, Tensor]:
    """Returns the tensors of a safetensors file by name."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise TaskError(
            f"process.weights: {path} is not a readable safetensors file ({error}); "
            "files of other formats are not opened, because unpickling can run code",
            do="Save it with "
            "safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')",
        ) from None


def read_pickled(file: Path | BinaryIO, origin: str) -> dict[str, Tensor]:
    """Returns the tensors of a file that torch.save wrote, without running code.

    origin:   the name of the file in messages
    Raises:   TaskError when it holds anything but tensors.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
        pairs = [(str(name), value) for name, value in content.items()]
        return {name: value.contiguous() for name, value in pairs if isinstance(value, Tensor)}
    except (UnpicklingError, RuntimeError, OSError, EOFError, AttributeError) as error:
        raise TaskError(
            f"process.weights: {origin} is not a file of tensors alone",
            got=str(error).splitlines()[0],
            do="It may run code when it is opened, so it is refused. Ask for a safetensors file",
        ) from None


def published_net(path: Path) -> str | None:
    """Returns the net whose published weights are in a file; None for other files."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get(NET)
    except (SafetensorError, OSError):
        return None


def load_pretrained(
    net: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    ours: Callable[[str], str] = lambda name: name,
    origin: str,
) -> str:
    """Copies all tensors into a net, or none, and returns a sentence for the user.

    ours:    maps the name of a tensor in the file to its name in the net
    origin:  the name of the file in messages
    """
    wanted, heads = net.state_dict(), heads_of(net)
    names = {ours(name): name for name in tensors}
    renamed = {ours(name): tensor for name, tensor in tensors.items()}
    renamed = {name: _as_linear(tensor, wanted.get(name)) for name, tensor in renamed.items()}
    missing = [name for name in wanted if name not in renamed and not name.endswith(COUNTER)]
    unexpected = [name for name in renamed if name not in wanted and not name.endswith(COUNTER)]
    other = [
        name
        for name, tensor in renamed.items()
        if name in wanted and tensor.shape != wanted[name].shape
    ]
    in_head = {name for name in (*missing, *unexpected, *other) if is_under(name, heads)}
    problems = _problems(
        [name for name in missing if name not in in_head],
        [
            f"{names[name]}: {_shape(renamed[name])} in the file, {_shape(wanted[name])} here"
            for name in other
            if name not in in_head
        ],
        [names[name] for name in unexpected if name not in in_head],
        [name for name in tensors if names[ours(name)] != name],
    )
    if problems:
        raise TaskError(
            f"process.weights: {origin} does not fit the net of {len(wanted)} tensors: {problems}",
            do=_advice(renamed, wanted),
        )
    untrained = {_layer(name) for name in in_head}
    fitting = {
        name: renamed[name] for name in wanted if name in renamed and _layer(name) not in untrained
    }
    loaded = copy_tensors(net, fitting, origin=origin)
    head = "; the head is untrained" + _why_new(other, renamed, wanted, heads)
    return f"{loaded}{head if in_head else ''}"


def copy_tensors(net: nn.Module, tensors: Mapping[str, Tensor], *, origin: str) -> str:
    """Copies tensors into a net, and returns how many of its parameters they are.

    tensors:  by their names in the net, each of the same shape as there
    origin:   the name of the file in messages
    """
    wanted, weights = net.state_dict(), dict(net.named_parameters())
    with torch.no_grad():
        for name, tensor in tensors.items():
            wanted[name].copy_(tensor)
    count = sum(weights[name].numel() for name in tensors if name in weights)
    total = sum(weight.numel() for weight in weights.values())
    return f"{origin} fits: {count:,} of {total:,} parameters are loaded"


def freeze_weights(net: nn.Module, names: Sequence[str]) -> str:
    """Freezes parameters and returns a sentence for the user.

    names:   names of layers or parameters, or patterns (conv2, conv?.0.*); `all but
             NAME` means all others, and `head` means the output layers
    Raises:  TaskError when a name matches no parameter, or no parameter would be
             trained.
    """
    weights = dict(net.named_parameters())
    frozen: set[str] = set()
    for name in names:
        matched = _matched(name.removeprefix(ALL_BUT), weights, heads_of(net))
        frozen |= weights.keys() - matched if name.startswith(ALL_BUT) else matched
    if frozen == weights.keys():
        raise TaskError(
            "process.freeze freezes every parameter, so that nothing would be trained",
            do="Use 'all but head'",
        )
    for name in frozen:
        weights[name].requires_grad_(False)
    count = sum(weights[name].numel() for name in frozen)
    total = sum(weight.numel() for weight in weights.values())
    return f"{count:,} of {total:,} parameters are frozen"


def _matched(name: str, weights: Iterable[str], heads: Sequence[str]) -> set[str]:
    places = heads if name == "head" else (name,)
    matched = {
        weight for weight in weights if is_under(weight, places) or fnmatchcase(weight, name)
    }
    if not matched:
        layers = dict.fromkeys(weight.split(".")[0] for weight in weights)
        raise TaskError(
            f"process.freeze: no parameter is called '{name}'",
            do=did_you_mean(name, ["all but head", *layers]),
        )
    return matched


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _as_linear(tensor: Tensor, wanted: Tensor | None) -> Tensor:
    """Flattens a filter as large as its feature map: that is a linear layer."""
    is_filter = wanted is not None and wanted.dim() == 2 and tensor.dim() == 4
    return tensor.flatten(1) if is_filter else tensor


def _problems(missing: list[str], other: list[str], unexpected: list[str], twice: list[str]) -> str:
    problems = [
        (missing, "missing in the file"),
        (other, "of another shape"),
        (unexpected, "not in the net"),
        (twice, "in the file under two names"),
    ]
    return "; ".join(
        f"{len(names)} {problem} ({list_some(names, _MAX_NAMES)})"
        for names, problem in problems
        if names
    )


def _advice(tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """Returns advice for the most probable reason."""
    first = next((name for name, tensor in wanted.items() if tensor.dim() == 4), "")
    if first in tensors and tensors[first].shape[1] != wanted[first].shape[1]:
        channels = tensors[first].shape[1]
        return f"The file is for images with {channels} channels: set input.color accordingly"
    return (
        "It must contain the same net with the same options "
        "(norm, auxiliary, width_multiplier, units)"
    )


def _why_new(
    other: list[str],
    tensors: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    heads: Sequence[str],
) -> str:
    for name in other:
        if is_under(name, heads):
            here, there = wanted[name].shape[0], tensors[name].shape[0]
            return f", because it has {here} outputs here and {there} in the file"
    return ""


def _shape(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "a scalar"
