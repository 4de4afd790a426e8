"""Sampling: a net that says what may come next is asked again and again, and what was drawn is what it reads next.

p = softmax(logits / temperature), of the k likeliest only where k is given; at temperature 0 always the likeliest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from kissipo.core.errors import TaskError


def draw(
    logits: Tensor, *, temperature: float, top_k: int | None, generator: torch.Generator
) -> int:
    """One of the classes (class).

    Example:  >>> draw(torch.tensor([0.0, 2.0, 1.0]), temperature=0, top_k=None, generator=torch.Generator())
              1
    """
    if not temperature:
        return int(logits.argmax())
    logits = logits.double() / temperature
    if top_k is not None and top_k < len(logits):
        logits = torch.where(logits >= logits.topk(top_k).values[-1], logits, -torch.inf)
    return int(torch.multinomial((logits - logits.max()).softmax(0), 1, generator=generator))


def generate_tokens(
    net: Any,
    start: Tensor,
    *,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator,
    never: tuple[int, ...] = (),
) -> Iterator[int]:
    """Ids one by one, after the net has read `start` (time).

    never:    ids that are not drawn
    Raises:   TaskError, at the first id, when length, temperature or top_k is out of range.
    """
    if length < 1:
        raise TaskError("length says how much is written", given=str(length), allowed="at least 1")
    if not 0 <= temperature < float("inf"):
        raise TaskError(
            "temperature says how daring the draw is", given=str(temperature), allowed="0 and above"
        )
    if top_k is not None and top_k < 1:
        raise TaskError(
            "top_k says how many of the likeliest are drawn from",
            given=str(top_k),
            allowed="at least 1",
        )
    state, x = None, start.unsqueeze(0)
    for _ in range(length):
        with torch.inference_mode():
            outputs, state = net.go_on(state, x)
            logits = outputs[0, -1]
            logits[list(never)] = -torch.inf
            chosen = draw(logits, temperature=temperature, top_k=top_k, generator=generator)
        yield chosen
        x = torch.tensor([[chosen]])
