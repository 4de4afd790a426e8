"""Sampling: texts whose tokens are drawn from the probabilities of the net.

p = softmax(logits / temperature), over the k most probable tokens if k is given
token: the first whose sum of p up to it is above u, uniform from 0 to 1

Each text has its own generator, a function of the seed and of its source. So a text
does not depend on the batch in which it is written.

Shapes:   -> tokens (batch, count, length) and their log probabilities under the net,
          without temperature (batch, count, length); both are 0 after the end
Choices:  Of tokens with equal logits at the border of the k most probable, all count,
          as in `kissipo generate`.
Example:  >>> logits = torch.tensor([[-9.0, -9.0, -99.0, 2.0]])
          >>> sample(lambda tokens, state: (logits.expand(len(tokens), 4), state),
          ...        (torch.zeros(1, 1),), [torch.Generator()], temperature=1.0,
          ...        count=2, length=3, end=2)[0].tolist()
          [[[3, 3, 3], [3, 3, 3]]]
"""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from kissipo.output.decode.beam_search import State, Step


def sample(
    step: Step,
    state: State,
    generators: Sequence[Generator],
    *,
    count: int,
    length: int,
    end: int,
    temperature: float,
    top_k: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Returns `count` texts per source, and the log probabilities of their tokens.

    step, state, end:  as in `beam_search`
    generators:        one per source
    """
    batch, device = len(state[0]), state[0].device
    state = tuple(part.repeat_interleave(count, dim=0) for part in state)
    drawn = [torch.rand(count, length, generator=generator) for generator in generators]
    uniform = torch.cat(drawn).double().to(device)
    tokens = torch.zeros(batch * count, length, dtype=torch.int64, device=device)
    shares = torch.zeros(batch * count, length, device=device)
    has_ended = torch.zeros(batch * count, dtype=torch.bool, device=device)
    last = torch.full((batch * count,), end, device=device)
    for number in range(length):
        logits, state = step(last, state)
        share = logits.log_softmax(dim=-1)
        last = _draw(logits[:, end:], uniform[:, number], temperature, top_k) + end
        tokens[:, number] = last.masked_fill(has_ended, 0)
        own = share.gather(1, last.unsqueeze(1)).squeeze(1)
        shares[:, number] = own.masked_fill(has_ended, 0.0)
        has_ended = has_ended | (last == end)
        if bool(has_ended.all()):
            break
    shape = (batch, count, length)
    return tokens.view(shape), shares.view(shape)


def _draw(logits: Tensor, uniform: Tensor, temperature: float, top_k: int | None) -> Tensor:
    """Returns one class per row."""
    scaled = logits.double() / temperature
    if top_k is not None and top_k < scaled.shape[1]:
        lowest = scaled.topk(top_k).values[:, -1:]
        scaled = scaled.masked_fill(scaled < lowest, -torch.inf)
    sums = scaled.softmax(dim=-1).cumsum(dim=-1)
    above = uniform.unsqueeze(1) * sums[:, -1:]  # a sum of rounded numbers is not exactly 1
    return torch.searchsorted(sums, above, right=True).squeeze(1).clamp(max=logits.shape[1] - 1)
