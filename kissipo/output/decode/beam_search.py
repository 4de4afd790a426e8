"""Beam search: the most probable texts, of which only the best beginnings are kept.

p(text) = product over its tokens of p(token | the tokens before)

In each step every beginning is continued by every token, and the `beam` most probable
of all are kept. A text that has ended stays as it is. With one beam this is the greedy
search: each token is the most probable one. With as many beams as there are texts, the
result is the most probable text of all.

Shapes:   -> tokens (batch, beam, length) and their log probabilities (batch, beam,
          length), the most probable text first; both are 0 after the end of a text
Choices:  No text is longer than `length`; a text that has not ended by then counts as
          it is. The probability is not divided by the length.
Source:   Lowerre, The Harpy Speech Recognition System, 1976; Sutskever, Vinyals and Le
          2014 for recurrent decoders.
Example:  >>> logits = torch.tensor([[-9.0, -9.0, 1.0, 2.0]])
          >>> tokens, _ = beam_search(
          ...     lambda tokens, state: (logits.expand(len(tokens), 4), state),
          ...     (torch.zeros(1, 1),), beam=2, length=3, end=2)
          >>> tokens.tolist()
          [[[3, 3, 3], [2, 0, 0]]]
"""

from collections.abc import Callable

import torch
from torch import Tensor

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], tuple[Tensor, State]]


def beam_search(
    step: Step, state: State, *, beam: int, length: int, end: int
) -> tuple[Tensor, Tensor]:
    """Returns the kept texts and the log probabilities of their tokens.

    step:   step(tokens, state) returns the logits (row, class) after tokens (row), and
            the new state
    state:  before the first token, batch axis first
    end:    the token that ends a text, and that starts it; smaller ids are not written
    """
    batch, device = len(state[0]), state[0].device
    state = tuple(part.repeat_interleave(beam, dim=0) for part in state)
    tokens = torch.zeros(batch, beam, length, dtype=torch.int64, device=device)
    shares = torch.zeros(batch, beam, length, device=device)
    totals = torch.full((batch, beam), -torch.inf, device=device)
    totals[:, 0] = 0.0  # all beams are equal at the start: only one counts
    has_ended = torch.zeros(batch, beam, dtype=torch.bool, device=device)
    last = torch.full((batch * beam,), end, device=device)
    first_rows = beam * torch.arange(batch, device=device).unsqueeze(1)
    for number in range(length):
        logits, state = step(last, state)
        share = logits.log_softmax(dim=-1).view(batch, beam, -1).to(totals.dtype).clone()
        share[..., :end] = -torch.inf
        share.masked_fill_(has_ended.unsqueeze(-1), -torch.inf)
        share[..., 0].masked_fill_(has_ended, 0.0)  # padding follows the end
        classes = share.shape[-1]
        totals, index = (totals.unsqueeze(-1) + share).flatten(1).topk(beam, dim=1)
        before, token = index // classes, index % classes
        along = before.unsqueeze(-1).expand(-1, -1, length)
        tokens, shares = tokens.gather(1, along), shares.gather(1, along)
        tokens[..., number] = token
        shares[..., number] = share.flatten(1).gather(1, index)
        has_ended = has_ended.gather(1, before) | (token == end)
        if bool(has_ended.all()):
            break
        rows = (first_rows + before).flatten()
        state = tuple(part.index_select(0, rows) for part in state)
        last = token.flatten()
    return tokens, shares
