"""Training of a two-stage detector: both stages in one step, with four losses.

L = rpn objectness + rpn box + class + box        (`losses/two_stage.py`)

The proposals of the first stage are the candidates of the second one. During training
the boxes of the targets are among them, so that the second stage sees objects from the
first step on, when the first stage does not find any. No gradient passes from the
second stage to the proposals.

The history has the four losses by name. The validation loss is that of the second
stage, on the proposals alone.

All other options are those of supervised learning.

Source:   approximate joint training in Ren, He, Girshick and Sun, Faster R-CNN, 2015.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol, cast

from torch import Tensor

from kissipo.codec._boxes import with_center
from kissipo.core.batch import Batch
from kissipo.process.algorithms.supervised import Options, Supervised, suggested_options
from kissipo.process.losses.two_stage import FIRST, SECOND, stage_losses

__all__ = ["ALGORITHM", "NEEDS_LOSSES", "Options", "suggested_options"]
NEEDS_LOSSES = True
LOSSES = ("rpn_objectness", "rpn_box", "class", "box")


class TwoStageNet(Protocol):
    """A detector whose second stage looks at the proposals of the first one."""

    def both_stages(self, x: Tensor, more_boxes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns the candidates of the second stage and those of the first.

        more_boxes:  (batch, box, 4) center and sides of boxes that are proposals, too
        """
        ...


class TwoStage(Supervised):
    """Supervised learning with the losses of two stages."""

    UNSUITABLE: ClassVar[tuple[str, ...]] = ("mixup", "label_smoothing", "class_weights")
    takes_sample_weights = False

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Trains on one batch and returns the loss, and its four parts by name."""
        self._parts: list[dict[str, Tensor]] = []
        losses = super().step(batch)
        count = len(self._parts)
        means = {name: sum(part[name] for part in self._parts) / count for name in LOSSES}
        return {**losses, **cast(dict[str, Tensor], means)}

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        (targets,) = batch.targets
        net = cast(TwoStageNet, self.net)
        second, first = net.both_stages(batch.inputs[0], more_boxes=_boxes_of(targets))
        objectness, box, _ = stage_losses(first.float(), targets, FIRST)
        is_object, own_box, of_class = stage_losses(second.float(), targets, SECOND)
        parts = dict(zip(LOSSES, (objectness, box, is_object + of_class, own_box), strict=True))
        self._parts.append({name: part.detach() for name, part in parts.items()})
        total = objectness + box + is_object + of_class + own_box
        return total, total

    def unwritten_options(self) -> list[str]:
        """Returns the algorithm itself: the loop of the script has one loss."""
        return ["algorithm=two_stage"]


def _boxes_of(targets: Tensor) -> Tensor:
    """Returns the center and the sides of the targets; padding has a box of its own.

    Shapes:   (batch, box, 5) -> (batch, box, 4)
    """
    whole = targets.new_tensor([0.0, 0.0, 1.0, 1.0])
    return with_center(targets[..., 1:].where(targets[..., :1] >= 0, whole))


ALGORITHM = TwoStage
