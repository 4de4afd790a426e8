"""Best spans: the most probable pieces of a text from a start to an end.

score(i, j) = start[i] + end[j]        for i <= j < i + maximum length
p(i, j) = exp(score(i, j)) / sum of exp over all these spans, and over "no answer"

The score of "no answer" is start[0] + end[0], at the mark before the text.

Shapes:   logits (batch, time, 2), -inf where no span may start or end
          -> (batch, 1 + count, 3): start, end and log probability of "no answer", then
          of the spans, the most probable first; where there are fewer, it is -inf.
          Where there is no span at all, "no answer" is certain
Example:  >>> logits = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]])
          >>> best_spans(logits, count=2, max_length=2)[0, :, :2].tolist()
          [[0.0, 0.0], [1.0, 2.0], [2.0, 2.0]]
"""

import torch
from torch import Tensor
from torch.nn import functional


def best_spans(
    logits: Tensor, *, count: int, max_length: int, with_no_answer: bool = True
) -> Tensor:
    """Returns the most probable spans of each text.

    with_no_answer:  whether "no answer" has a probability
    """
    starts, ends = logits.detach().float().unbind(dim=-1)
    no_answer = (starts[:, :1] + ends[:, :1]).unsqueeze(2)
    inside = starts.clone()
    inside[:, 0] = -torch.inf
    padded = functional.pad(ends, (0, max_length - 1), value=-torch.inf)
    scores = inside.unsqueeze(2) + padded.unfold(1, max_length, 1)  # (batch, start, length)
    flat = scores.flatten(1)
    if not with_no_answer:
        no_answer = torch.full_like(no_answer, -torch.inf)
    total = torch.cat([flat, no_answer.flatten(1)], dim=1).logsumexp(dim=1).view(-1, 1, 1)
    best = flat.topk(min(count, flat.shape[1]), dim=1)
    first = best.indices.div(max_length, rounding_mode="floor")
    last = first + best.indices % max_length
    missing = best.values.isinf()
    spans = torch.stack(
        [first.masked_fill(missing, 0), last.masked_fill(missing, 0), best.values], dim=-1
    )
    spans = functional.pad(spans, (0, 0, 0, count - spans.shape[1]), value=0.0)
    spans[:, best.values.shape[1] :, 2] = -torch.inf
    whole = torch.cat([functional.pad(no_answer, (2, 0)), spans], dim=1)
    nothing = total.flatten().isinf()
    whole[..., 2:] = (whole[..., 2:] - total).nan_to_num(nan=-torch.inf, neginf=-torch.inf)
    whole[nothing, 0, 2] = 0.0
    return whole
