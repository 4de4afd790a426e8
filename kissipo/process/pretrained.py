"""Weights to start from: those of a safetensors file in published names, or of another run, laid into a net by their names.

Nothing is guessed: every tensor of the net must be found in its shape, and none may be left over. Only the head may differ, as it
depends on what is asked: where it does, it starts fresh. Files that need unpickling are not read, as opening them can run code.

Raises:   TaskError with an account of all that does not fit.
Example:  >>> import torch
          >>> net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 5))
          >>> published = {"body.weight": torch.zeros(2, 3), "body.bias": torch.ones(2)}
          >>> load_pretrained(net, published, ours=lambda name: name.replace("body", "0"), origin="small.safetensors")
          'small.safetensors fits: 8 of 23 weights are taken from it; the head starts fresh'
          >>> freeze_weights(net, ("all but head",))
          '8 of 23 weights are held'
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from kissipo.core.errors import TaskError
from kissipo.core.suggest import did_you_mean
from kissipo.core.text import list_some
from kissipo.process.layers.heads import heads_of, is_under

ALL_BUT = "all but "
_COUNTER = "num_batches_tracked"  # of norms; older files have none, and nothing depends on it
_MOST = 4


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, by their names."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise TaskError(
            f"process.weights: {path} is no safetensors file that can be read ({error}); files of other kinds are not opened, "
            "as unpickling can run code",
            do="Write it with safetensors.torch.save_file(model.state_dict(), 'weights.safetensors')",
        ) from None


def load_pretrained(
    net: nn.Module,
    given: Mapping[str, Tensor],
    *,
    ours: Callable[[str], str] = lambda name: name,
    origin: str,
) -> str:
    """Copies weights into a net, all or none; gives the account of it.

    ours:    what a tensor of the file is called in the net
    origin:  how the file is told to people
    """
    wanted, heads = net.state_dict(), heads_of(net)
    found = {ours(name): tensor for name, tensor in given.items()}
    names = {ours(name): name for name in given}
    found = {name: _laid_flat(tensor, wanted.get(name)) for name, tensor in found.items()}
    missing = [name for name in wanted if name not in found and not name.endswith(_COUNTER)]
    spare = [name for name in found if name not in wanted and not name.endswith(_COUNTER)]
    other = [name for name in found if name in wanted and found[name].shape != wanted[name].shape]
    in_head = {name for name in (*missing, *spare, *other) if is_under(name, heads)}
    problems = _problems(
        [name for name in missing if name not in in_head],
        [
            f"{names[name]}: {_shape(found[name])} there, {_shape(wanted[name])} here"
            for name in other
            if name not in in_head
        ],
        [names[name] for name in spare if name not in in_head],
        [name for name in given if names[ours(name)] != name],
    )
    if problems:
        raise TaskError(
            f"process.weights: {origin} does not fit this net of {len(wanted)} tensors: {problems}",
            do=_advice(found, wanted),
        )
    fresh = {name for name in wanted if is_under(name, heads)} if in_head else set()
    taken = {name: found[name] for name in wanted if name in found and name not in fresh}
    with torch.no_grad():
        for name, tensor in taken.items():
            wanted[name].copy_(tensor)
    weights = dict(net.named_parameters())
    count = sum(weights[name].numel() for name in taken if name in weights)
    told = f"{origin} fits: {count:,} of {sum(each.numel() for each in weights.values()):,} weights are taken from it"
    return told + (
        "; the head starts fresh" + _why_fresh(other, found, wanted, heads) if in_head else ""
    )


def freeze_weights(net: nn.Module, asked: Sequence[str]) -> str:
    """Holds weights as they are while the others learn; gives the account of it.

    asked:   names, with what stands under them, or patterns (conv2, conv?.0.*); `all but` one of them; `head` is what answers
    Raises:  TaskError when a name means no weight, or nothing would learn.
    """
    weights = dict(net.named_parameters())
    held: set[str] = set()
    for each in asked:
        matched = _matched(each.removeprefix(ALL_BUT), weights, heads_of(net))
        held |= weights.keys() - matched if each.startswith(ALL_BUT) else matched
    if held == weights.keys():
        raise TaskError(
            "process.freeze holds every weight, so that nothing could learn",
            do="Say 'all but head'",
        )
    for name in held:
        weights[name].requires_grad_(False)
    counts = [sum(weights[name].numel() for name in names) for names in (held, weights)]
    return f"{counts[0]:,} of {counts[1]:,} weights are held"


def _matched(name: str, weights: Iterable[str], heads: Sequence[str]) -> set[str]:
    places = heads if name == "head" else (name,)
    matched = {each for each in weights if is_under(each, places) or fnmatchcase(each, name)}
    if not matched:
        known = dict.fromkeys(each.split(".")[0] for each in weights)
        raise TaskError(
            f"process.freeze: no weight is called '{name}'",
            do=did_you_mean(name, ["all but head", *known]),
        )
    return matched


def _laid_flat(tensor: Tensor, wanted: Tensor | None) -> Tensor:
    """A filter as large as its whole map is a linear layer: the same numbers in the same order."""
    is_filter = wanted is not None and wanted.dim() == 2 and tensor.dim() == 4
    return tensor.flatten(1) if is_filter else tensor


def _problems(missing: list[str], other: list[str], spare: list[str], twice: list[str]) -> str:
    told = [
        (missing, "missing there"),
        (other, "of another shape"),
        (spare, "left over"),
        (twice, "there under two names"),
    ]
    return "; ".join(
        f"{len(names)} {how} ({list_some(names, _MOST)})" for names, how in told if names
    )


def _advice(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """The likeliest reason."""
    first = next((name for name, tensor in wanted.items() if tensor.dim() == 4), "")
    if first in found and found[first].shape[1] != wanted[first].shape[1]:
        return f"The file is for images of {found[first].shape[1]} channels: say input.color accordingly"
    return "It must hold the same net, with the same words (norm, auxiliary, width, units)"


def _why_fresh(
    other: list[str],
    found: Mapping[str, Tensor],
    wanted: Mapping[str, Tensor],
    heads: Sequence[str],
) -> str:
    for name in other:
        if is_under(name, heads):
            return (
                f", as it has {wanted[name].shape[0]} answers here and {found[name].shape[0]} there"
            )
    return ""


def _shape(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "one number"
