"""Mask: what every pixel of an image is: logits -> probabilities (softmax) -> the likeliest class of each pixel -> marks.

Judged by the pixels of all images together, class by class, so that an image without marks needs no rule of its own; beside it
stands on how many marked images something was found, and how many unmarked ones stayed clean.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from torch import Tensor

from kissipo.codec.mask import VOID, MaskCodec
from kissipo.core.codec import restore, save
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import Answer, DecodingStep, Evaluation, Prediction, Scores
from kissipo.output.metrics.confusion import confusion
from kissipo.output.metrics.overlap import dice, iou
from kissipo.output.metrics.rates import accuracy


@dataclass(frozen=True)
class Options:
    """A mask has no words of its own."""


class Mask(Answer):
    """A class for every pixel."""

    WORD = "mask"
    EVAL_METRIC = "iou"
    HIGHER_IS_BETTER = True
    BASELINES = ("empty_mask", "brightness_threshold", "pixel_forest")

    def __init__(
        self,
        name: str,
        options: Options = Options(),
        *,
        by: str | None = None,
        size: tuple[int, int] | None = None,
        loss: str | None = None,
    ) -> None:
        self.codec: MaskCodec = MaskCodec(name, by=by, size=size)
        self.options, self._loss = options, loss

    @property
    def name(self) -> str:
        return self.codec.name

    @property
    def levels(self) -> tuple[str, ...]:
        """What a pixel can be; first `nothing`."""
        return self.codec.levels or ()

    @property
    def loss(self) -> str:
        return self._loss or "dice_cross_entropy"

    @property
    def spec(self) -> TensorSpec:
        height, width = self.codec.size or (0, 0)
        return TensorSpec(
            self.name,
            ("class", "height", "width"),
            (len(self.levels), height, width),
            words=self.levels,
        )

    def scores(self, outputs: Tensor) -> Scores:
        """The likeliest class of every pixel; a probability for each of them would not fit in memory for many images."""
        return outputs.detach().argmax(dim=1).byte().numpy()

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        classes = len(self.levels)
        pairs = zip(truth, scores, strict=True)
        each = np.stack([confusion(t[t != VOID], s[t != VOID], classes) for t, s in pairs])
        matrix = each.sum(axis=0)
        overlap, twice = iou(matrix), dice(matrix)
        metrics = {
            "iou": _mean(overlap[1:]),
            "dice": _mean(twice[1:]),
            "accuracy": accuracy(matrix),
        }
        hit = np.array([np.trace(one[1:, 1:]) for one in each])
        marked, called = each[:, 1:, :].sum(axis=(1, 2)), each[:, :, 1:].sum(axis=(1, 2))
        if (marked > 0).any():
            metrics["image_recall"] = float((hit[marked > 0] > 0).mean())
        if (marked == 0).any():
            metrics["image_specificity"] = float((called[marked == 0] == 0).mean())
        details = {
            "classes": list(self.levels),
            "by_class": {"iou": _listed(overlap), "dice": _listed(twice)},
            "pixels": matrix.tolist(),
            "images": {"marked": int((marked > 0).sum()), "unmarked": int((marked == 0).sum())},
        }
        either = each.sum(axis=(1, 2)) - each[:, 0, 0]
        return Evaluation(
            metrics, details, each=np.where(either > 0, hit / np.maximum(either, 1), 1.0)
        )

    def decide(self, scores: Scores) -> list[Prediction]:
        return [self._decision(marks) for marks in scores]

    def decisions(self, outputs: Tensor, targets: Sequence[Tensor]) -> list[Prediction]:
        decided = []
        for marks, logits in zip(self.scores(outputs), outputs.detach(), strict=True):
            likely, answered = logits.softmax(dim=0).numpy(), self._decision(marks)
            level = self.levels.index(answered.value)
            decided.append(
                replace(answered, confidence=float(likely[level][marks == level].mean()))
            )
        return decided

    def decoding(self, outputs: Tensor) -> list[DecodingStep]:
        (marks,) = self.scores(outputs)
        decided = self._decision(marks)
        told = (
            ", ".join(f"{level} {share:.1%}" for level, share in decided.areas)
            or "nothing is marked"
        )
        likely = outputs[0].detach().softmax(dim=0).numpy()
        return [
            DecodingStep(
                "logits",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "what the net gives",
            ),
            DecodingStep(
                "probability", likely.shape, likely, "softmax over the classes of each pixel"
            ),
            DecodingStep("decision", marks.shape, marks, "argmax"),
            DecodingStep("label", (), decided.value, told),
        ]

    def state(self) -> dict[str, Any]:
        return {"codec": save(self.codec), "loss": self.loss}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, MaskCodec)
        answer = cls(codec.name, by=codec.by, loss=state["loss"])
        answer.codec = codec
        return answer

    def _decision(self, marks: Scores) -> Prediction:
        """What is marked, the largest area first."""
        counts = np.bincount(marks.reshape(-1), minlength=len(self.levels))[1:] / marks.size
        areas = sorted(
            ((self.levels[1 + at], float(share)) for at, share in enumerate(counts) if share),
            key=lambda area: -area[1],
        )
        return Prediction(areas[0][0] if areas else self.levels[0], areas=tuple(areas), mask=marks)


def _mean(rates: Scores) -> float:
    there = rates[~np.isnan(rates)]
    return float(there.mean()) if len(there) else float("nan")


def _listed(rates: Scores) -> list[float]:
    return [float(rate) for rate in rates]


ANSWER = Mask
