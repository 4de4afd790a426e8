"""Attention maps: how strongly each token of a text read the others, head by head.

The weights are what a softmax of the net returns for the first sample, with the axes
(batch, head, query, key) or (batch, query, key). Where a mask hides a key, its score is
minus infinity; such a cell has no weight, but NaN.

Example:  >>> scores = torch.tensor([[[[0.0, -torch.inf], [0.0, 0.0]]]])
          >>> with attention_maps(nn.Sequential(nn.Softmax(dim=-1))) as maps:
          ...     _ = nn.Sequential(nn.Softmax(dim=-1))(scores)
          >>> maps
          {}
          >>> net = nn.Sequential(nn.Softmax(dim=-1))
          >>> with attention_maps(net) as maps:
          ...     _ = net(scores)
          >>> maps["0"][0].tolist()
          [[[1.0, nan], [0.5, 0.5]]]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from math import isnan

import torch
from torch import Tensor, nn

from kissipo.core.description import Line, Section, Weights

Maps = dict[str, list[Tensor]]
_MAX_TOKENS = 24  # tokens of a map of a long text


@contextmanager
def attention_maps(net: nn.Module) -> Iterator[Maps]:
    """Collects the weights (head, query, key) of each call of every attention, by
    name."""
    maps: Maps = {}
    hooks = [
        module.register_forward_hook(partial(_collect, maps, name))
        for name, module in net.named_modules()
        if isinstance(module, nn.Softmax)
    ]
    try:
        yield maps
    finally:
        for hook in hooks:
            hook.remove()


def self_attention(
    net: nn.Module, inputs: Sequence[Tensor], tokens: Sequence[str], *, part: str = ""
) -> Section:
    """Returns every head of a net that reads one text, for the first sample.

    tokens:  those that stand in the text
    part:    which part of a sample the text is, where it is not the whole one
    """
    with attention_maps(net) as maps, torch.no_grad():
        net(*inputs)
    recent = list(tokens)[-_MAX_TOKENS:]
    intro = "A row is a token: how strongly it read each token of the text, in each head."
    if part:
        intro += f" This is {part}."
    if any(bool(calls[0].isnan().any()) for calls in maps.values()):
        intro += " The mask hides the tokens that are still to come (a dot, or gray)."
    if len(recent) < len(tokens):
        intro += f" These are the last {len(recent)} of {len(tokens)} tokens."
    first = len(tokens) - len(recent)
    return Section(
        "Attention heads",
        [
            Line(intro, "dim"),
            *(
                heads_section(
                    name, calls[0][:, first : len(tokens), first : len(tokens)], recent, recent
                )
                for name, calls in maps.items()
            ),
        ],
    )


def heads_section(
    name: str,
    weights: Tensor,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    column_name: str = "read",
) -> Section:
    """Returns one map per head of one attention.

    name:     of its softmax in the net
    weights:  (head, query, key)
    """
    maps = [
        weights_of(f"head {number + 1}", of_head, rows, columns, column_name=column_name)
        for number, of_head in enumerate(weights)
    ]
    heads = [Section(item.name, [item]) for item in maps]
    return Section(attention_name(name), [Section("", heads, side_by_side=True)])


def weights_of(
    name: str,
    weights: Tensor,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    row_name: str = "token",
    column_name: str = "read",
) -> Weights:
    """Returns weights (query, key) as a record; hidden ones are None."""
    values = [
        [None if isnan(value) else value for value in row]
        for row in weights[: len(rows), : len(columns)].tolist()
    ]
    return Weights(
        name, list(rows), list(columns), values, row_name=row_name, column_name=column_name
    )


def attention_name(softmax: str) -> str:
    """Returns the name of the attention whose softmax has this name.

    Example:  >>> attention_name("decoder.0.memory_attention.heads.softmax")
              'decoder.0.memory_attention'
    """
    return softmax.removesuffix(".softmax").removesuffix(".heads")


def _collect(
    maps: Maps, name: str, _layer: nn.Module, inputs: tuple[Tensor, ...], weights: Tensor
) -> None:
    if weights.dim() in (3, 4):
        of_sample = weights[0].detach().masked_fill(inputs[0][0].isneginf(), torch.nan).cpu()
        heads = of_sample if weights.dim() == 4 else of_sample.unsqueeze(0)
        maps.setdefault(name, []).append(heads)
