"""Generation: tokens are sampled one by one, and each is the next input of the net.

p = softmax(logits / temperature), over the k most probable tokens if k is given;
at temperature 0 the argmax.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from kissipo.core.devices import device_of
from kissipo.core.errors import TaskError
from kissipo.core.protocols import StepwiseNet


def draw(
    logits: Tensor, *, temperature: float, top_k: int | None, generator: torch.Generator
) -> int:
    """Samples one class from logits (class).

    Example:  >>> generator = torch.Generator()
              >>> logits = torch.tensor([0.0, 2.0, 1.0])
              >>> draw(logits, temperature=0, top_k=None, generator=generator)
              1
    """
    if not temperature:
        return int(logits.argmax())
    logits = logits.double() / temperature
    if top_k is not None and top_k < len(logits):
        logits = torch.where(logits >= logits.topk(top_k).values[-1], logits, -torch.inf)
    return int(torch.multinomial((logits - logits.max()).softmax(0), 1, generator=generator))


def generate_tokens(
    net: nn.Module,
    start: Tensor,
    *,
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    generator: torch.Generator,
    never: tuple[int, ...] = (),
) -> Iterator[int]:
    """Yields token ids one by one, after the net has read `start` (time).

    never:    ids that are never sampled
    Raises:   TaskError, at the first id, for a value out of its range.
    """
    if length < 1:
        raise TaskError(
            "length is the number of tokens to generate", got=str(length), allowed="at least 1"
        )
    if not 0 <= temperature < float("inf"):
        raise TaskError(
            "temperature scales the logits", got=str(temperature), allowed="0 and above"
        )
    if top_k is not None and top_k < 1:
        raise TaskError(
            "top_k is the number of most probable tokens to sample from",
            got=str(top_k),
            allowed="at least 1",
        )
    device, stepwise = device_of(net), cast(StepwiseNet, net)
    state, x = None, start.unsqueeze(0).to(device)
    for _ in range(length):
        with torch.inference_mode():
            outputs, state = stepwise.forward_with_state(state, x)
            logits = outputs[0, -1].cpu()
            logits[list(never)] = -torch.inf
            token = draw(logits, temperature=temperature, top_k=top_k, generator=generator)
        yield token
        x = torch.tensor([[token]], device=device)
