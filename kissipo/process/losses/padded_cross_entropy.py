"""Padded cross-entropy: one class per step of a text, whose padding does not count.

The classes are the tokens of a text that is written, or the tags of words.

L = -mean over texts of (mean over its tokens of log p[token])      p = softmax(logits)

Shapes:   outputs (batch, time, class), targets (batch, time), of which id 0 is padding
Choices:  The mean is first over the tokens of a text, then over the texts, so that the
          loss of a split is the mean over its samples, whatever the batches are.
          Outputs after the last target of a batch are those of padding.
Example:  >>> import torch
          >>> outputs = torch.tensor([[[0.0, 0.0, 0.0, 0.0], [9.0, 0.0, 0.0, 0.0]]])
          >>> round(loss(outputs, torch.tensor([[3, 0]])).item(), 4)
          1.3863
"""

from torch import Tensor
from torch.nn import functional

SUITABLE_ANSWERS = ("text", "tags")


def loss(outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Returns the mean cross-entropy per token in nats.

    smoothing:  the fraction of each label that is spread over all classes
    """
    outputs = outputs[:, : targets.shape[1]]
    entropy = functional.cross_entropy(
        outputs.transpose(1, 2),
        targets,
        ignore_index=0,
        reduction="none",
        label_smoothing=smoothing,
    )
    return (entropy.sum(dim=1) / (targets != 0).sum(dim=1).clamp(min=1)).mean()
