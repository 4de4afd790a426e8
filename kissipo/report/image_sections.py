"""Heat maps of the predictions on images."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Outputs
from kissipo.engine.evaluate import as_tuple
from kissipo.inspect.grad_cam import HeatMaps, grad_cam
from kissipo.output.answer import Answer


def is_heatable(inputs: Sequence[Tensor], answer: Answer) -> bool:
    """Returns whether a Grad-CAM heat map can be computed for this answer."""
    return answer.HAS_HEAT_MAPS and len(inputs) == 1 and inputs[0].dim() == 4


def looked_at(
    net: nn.Module, images: Tensor, answer: Answer, classes: Sequence[int], *, number: int = 0
) -> HeatMaps:
    """Computes the Grad-CAM heat map of one class for each image.

    number:   the position of the answer among the outputs of the net
    """

    def score(outputs: Outputs) -> Tensor:
        return answer.heat_score(as_tuple(outputs)[number], torch.tensor(classes))

    return grad_cam(net, images, score)
