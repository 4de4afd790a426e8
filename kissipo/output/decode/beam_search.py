"""Beam search: the most probable texts, of which only the best beginnings are kept.

p(text) = product over its tokens of p(token | the tokens before)
score   = log p(text) / ((5 + tokens) / 6) ^ length_penalty

In each step every beginning is continued by every token, and the `beam` best of all are
kept. A text that has ended stays as it is. With one beam this is the greedy search:
each token is the most probable one. With as many beams as there are texts, the result
is the best text of all.

Shapes:   -> tokens (batch, beam, length) and their log probabilities (batch, beam,
          length), the best text first; both are 0 after the end of a text. Where there
          are fewer texts than beams, the log probabilities of the rest are -inf.
Choices:  No text is longer than `length`; a text that has not ended by then counts as
          it is. Log p falls with every token, so a search without a length penalty
          prefers short texts. The end of a text counts as a token of it. A beam of 1 is
          the greedy search, not best-first search, which is another algorithm.
Source:   Lowerre, The Harpy Speech Recognition System, 1976; Sutskever, Vinyals and Le
          2014 for recurrent decoders; the penalty Wu et al., Google's Neural Machine
          Translation System, 2016; blocked repetitions Paulus, Xiong and Socher 2018.
Example:  >>> logits = torch.tensor([[-9.0, -9.0, 1.0, 2.0]])
          >>> tokens, _ = beam_search(
          ...     lambda tokens, state: (logits.expand(len(tokens), 4), state),
          ...     (torch.zeros(1, 1),), beam=2, length=3, end=2)
          >>> tokens.tolist()
          [[[3, 3, 3], [2, 0, 0]]]
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], tuple[Tensor, State]]


@dataclass(frozen=True)
class KeptBeginnings:
    """The beginnings that one step of a search keeps, the best first.

    before:  (batch, beam) the place of each among the beginnings of the step before
    tokens:  (batch, beam) its new token; 0 when it had ended already
    shares:  (batch, beam) the log probability of the new token
    scores:  (batch, beam) by which it is kept; -inf: there are fewer texts than beams
    """

    before: Tensor
    tokens: Tensor
    shares: Tensor
    scores: Tensor


Watch = Callable[[KeptBeginnings], None]


def beam_search(
    step: Step,
    state: State,
    *,
    beam: int,
    length: int,
    end: int,
    length_penalty: float = 0.0,
    no_repeat: int | None = None,
    watch: Watch | None = None,
) -> tuple[Tensor, Tensor]:
    """Returns the kept texts and the log probabilities of their tokens.

    step:       step(tokens, state) returns the logits (row, class) after tokens (row),
                and the new state
    state:      before the first token, batch axis first
    end:        the token that ends a text, and that starts it; smaller ids are not
                written
    no_repeat:  no text has the same n tokens twice; None: there may be repetitions
    watch:      is called with the beginnings that each step keeps
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
        if no_repeat is not None:
            _block(share, tokens[..., :number], no_repeat, end)
        share.masked_fill_(has_ended.unsqueeze(-1), -torch.inf)
        share[..., 0].masked_fill_(has_ended, 0.0)  # padding follows the end
        classes = share.shape[-1]
        sums = totals.unsqueeze(-1) + share
        sizes = torch.where(has_ended, (tokens != 0).sum(dim=-1), number + 1)
        scores, index = (sums / penalty(sizes, length_penalty).unsqueeze(-1)).flatten(1).topk(beam)
        totals = sums.flatten(1).gather(1, index)
        before, token = index // classes, index % classes
        along = before.unsqueeze(-1).expand(-1, -1, length)
        tokens, shares = tokens.gather(1, along), shares.gather(1, along)
        tokens[..., number] = token
        shares[..., number] = share.flatten(1).gather(1, index)
        has_ended = has_ended.gather(1, before) | (token == end)
        if watch is not None:
            watch(KeptBeginnings(before, token, shares[..., number], scores))
        if bool(has_ended.all()):
            break
        rows = (first_rows + before).flatten()
        state = tuple(part.index_select(0, rows) for part in state)
        last = token.flatten()
    return tokens, shares.masked_fill(totals.isneginf().unsqueeze(-1), -torch.inf)


def penalty(sizes: Tensor, power: float) -> Tensor:
    """Returns ((5 + tokens) / 6) ^ power: by what log p of each text is divided.

    Example:  >>> penalty(torch.tensor([1, 7]), 1.0).tolist()
              [1.0, 2.0]
    """
    return ((5.0 + sizes) / 6.0) ** power


def _block(share: Tensor, tokens: Tensor, size: int, end: int) -> None:
    """Sets the log probability of each token that would repeat `size` tokens to -inf.

    The end of a text is never blocked.
    """
    length = tokens.shape[-1]
    if length < size:
        return
    windows = tokens.unfold(-1, size, 1)  # (batch, beam, place, size)
    after = tokens[..., length - size + 1 :].unsqueeze(-2)
    is_same = (windows[..., : size - 1] == after).all(dim=-1)
    blocked = torch.where(is_same, windows[..., -1], 0)
    blocked = torch.where(blocked == end, 0, blocked)
    share.scatter_(-1, blocked, -torch.inf)
