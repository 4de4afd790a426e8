"""Text windows: a text that is longer than a net reads at once, cut into overlapping
windows.

whole      [CLS] question [SEP] text [SEP]
windows    [CLS] question [SEP] text from 0 [SEP]
           [CLS] question [SEP] text from the stride on [SEP]      and so on to its end

Each piece of the text takes its outputs from the window in which most pieces stand on
both sides of it. So the outputs have the places of the whole text again, and a start
and an end from different windows are compared with each other. [CLS], which stands for
"no answer", takes the lowest outputs of all windows: there is no answer only where no
window has one. A single text has no question before it.

Shapes:   ids (batch, time) -> ids (window, size); outputs (window, size, output) ->
          (batch, time, output)
Choices:  A question of more than half a window is truncated in the windows.
Source:   Devlin et al. 2019, the code for SQuAD: `doc_stride`, and "maximum context".
          There the windows are samples of their own in training.
Example:  >>> whole = torch.tensor([[2, 9, 3, 11, 12, 13, 14, 3, 0]])
          >>> windows = cut(whole, size=6, stride=1, end=3)
          >>> windows.ids.tolist()
          [[2, 9, 3, 11, 12, 3], [2, 9, 3, 12, 13, 3], [2, 9, 3, 13, 14, 3]]
          >>> windows.whole(torch.arange(18.0).view(3, 6, 1)).flatten().tolist()
          [0.0, 1.0, 2.0, 3.0, 4.0, 10.0, 16.0, 17.0, 0.0]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_NOWHERE = -1  # padding


@dataclass(frozen=True)
class TextWindows:
    """The windows of a batch of texts.

    ids:      (window, size) those of all texts, text by text
    counts:   the number of windows of each text
    places:   (batch, time) where in the flattened windows each step takes its outputs;
              -1 for none
    """

    ids: Tensor
    counts: tuple[int, ...]
    places: Tensor

    def whole(self, outputs: Tensor) -> Tensor:
        """Returns the outputs (batch, time, output) of the whole texts."""
        y = _taken(outputs.flatten(0, 1), self.places, 0.0)
        lowest = [some[some.sum(dim=1).argmin()] for some in outputs[:, 0].split(self.counts)]
        return torch.cat([torch.stack(lowest).unsqueeze(1), y[:, 1:]], dim=1)


def cut(ids: Tensor, *, size: int, stride: int, end: int) -> TextWindows:
    """Cuts texts with ids (batch, time) into windows.

    size, stride:  the pieces of a window, and from one window to the next in the text
    end:           the id of [SEP]
    """
    reads, places, counts = list[Tensor](), list[Tensor](), list[int]()
    for row, pieces in enumerate(ids.tolist()):
        windows, steps = _of_text(pieces, size, stride, end)
        table = torch.tensor(windows, device=ids.device)
        reads.append(torch.where(table >= 0, table + row * ids.shape[1], _NOWHERE))
        first = sum(counts) * size
        where = torch.tensor(steps, device=ids.device)
        places.append(torch.where(where >= 0, where + first, _NOWHERE))
        counts.append(len(windows))
    read = _taken(ids.flatten(), torch.cat(reads), 0)
    return TextWindows(read, tuple(counts), torch.stack(places))


def _of_text(
    pieces: Sequence[int], size: int, stride: int, end: int
) -> tuple[list[list[int]], list[int]]:
    """Returns the steps that each window reads, and for each step its place in the
    windows, flattened; -1 for none."""
    count = len(pieces) - next(
        (n for n, piece in enumerate(reversed(pieces)) if piece), len(pieces)
    )
    if count <= size:
        row = [step if step < count else _NOWHERE for step in range(size)]
        return [row], [step if step < count else _NOWHERE for step in range(len(pieces))]
    ends = [step for step, piece in enumerate(pieces) if piece == end]
    body = ends[-2] + 1 if len(ends) > 1 else 1
    before = list(range(body)) if body <= size // 2 else [*range(size // 2 - 1), body - 1]
    room, last = size - len(before) - 1, count - 1  # last: the step of the final [SEP]
    starts = list(_starts(last - body, room, min(stride, room)))
    windows, best = list[list[int]](), [(_NOWHERE, _NOWHERE)] * len(pieces)
    for number, start in enumerate(starts):
        text = range(body + start, min(body + start + room, last))
        row = [*before, *text, last]
        windows.append(row + [_NOWHERE] * (size - len(row)))
        for step in text:
            context = min(step - text[0], text[-1] - step)
            if context > best[step][0]:
                best[step] = context, number * size + row.index(step, len(before))
    places = [place for _, place in best]
    for place, step in enumerate(before):
        places[step] = place
    places[last] = len(windows) * size - (size - len(row)) - 1
    return windows, places


def _starts(count: int, room: int, stride: int) -> Iterator[int]:
    """Yields the first piece of each window of a text of so many pieces.

    Example:  >>> list(_starts(10, 4, 3)), list(_starts(4, 4, 3))
              ([0, 3, 6], [0])
    """
    start = 0
    while start + room < count:
        yield start
        start += stride
    yield start


def _taken(values: Tensor, places: Tensor, missing: float) -> Tensor:
    """Returns the values (row, ...) at some places; another where there is none."""
    is_there = (places >= 0).view(*places.shape, *[1] * (values.dim() - 1))
    return values[places.clamp(min=0)].masked_fill(~is_there, missing)
