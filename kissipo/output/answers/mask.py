"""Mask: a class per pixel of an image: logits -> probabilities (softmax) -> argmax.

IoU and Dice count the pixels of all images together, per class, so that an image whose
mask is empty needs no special rule. Image recall and image specificity add in how many
images with a mask one is detected, and how many images without stay empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from torch import Tensor

from kissipo.codec.mask import VOID, MaskCodec
from kissipo.core.codec import restore, save
from kissipo.core.description import Gallery, Image, Line, Record, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import format_score
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    ImageClass,
    Prediction,
    Scores,
)
from kissipo.output.mask_checks import mask_findings, without_masks
from kissipo.output.metrics.confusion import confusion
from kissipo.output.metrics.overlap import dice_coefficient, iou
from kissipo.output.metrics.rates import accuracy

_MAX_MASKS = 6  # the worst, and the best


@dataclass(frozen=True)
class Options:
    """A mask has no options of its own."""


class Mask(Answer):
    """A class per pixel."""

    WORD = "mask"
    EVAL_METRIC = "iou"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "dice_cross_entropy"
    GALLERY_TITLE = "Largest masks"
    BASELINES = ("empty_mask", "brightness_threshold", "pixel_forest")
    IN_IMAGE = "mask"
    NAMES_COLUMN = False

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
        self.options, self._loss = options, self.loss_name(loss)

    @classmethod
    def for_rows(cls, value: Any, options: Any, *, loss: str | None, frame: Frame) -> Self:
        """Returns the answer with classes from the named column, or a single class."""
        name = "defect" if value is None else str(value)
        by = name if name in frame and frame[name].kind == "string" else None
        answer = cls(name, options, by=by, loss=loss)
        if answer.codec.column not in frame:
            raise TaskError(
                f"output.mask needs masks, and {frame.origin} comes with none",
                do="Name their folder: input.masks=FOLDER",
            )
        return answer

    def usable_rows(
        self,
        frame: Frame,
        findings: list[Finding],
        *,
        missing: Literal["empty", "left_out"] | None = None,
    ) -> Frame:
        """Returns the images that have a mask or need none."""
        has_mask, absent = without_masks(frame, self.codec.column, missing)
        frame = frame.take(np.flatnonzero(has_mask))
        findings += absent + self.check_rows(frame)
        refuse_failures(findings)
        return frame

    def strata(self, frame: Frame) -> Scores | None:
        return frame["class"].values if "class" in frame else None

    def fit_inputs(self, specs: Sequence[TensorSpec]) -> Self:
        """Takes over the size of the images."""
        _, height, width = specs[0].shape
        self.codec.size = (height, width)
        return self

    def fitted_findings(self, frame: Frame) -> list[Finding]:
        return [Finding("WARN", "masks", remark) for remark in self.codec.remarks(frame)]

    def check_rows(self, frame: Frame) -> list[Finding]:
        return mask_findings(frame, self.codec.column)

    @property
    def name(self) -> str:
        return self.codec.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of a pixel; the first is `nothing`."""
        return self.codec.classes or ()

    @property
    def spec(self) -> TensorSpec:
        height, width = self.codec.size or (0, 0)
        return TensorSpec(
            self.name,
            ("class", "height", "width"),
            (len(self.classes), height, width),
            labels=self.classes,
        )

    def suggested_net(self) -> InferredOption:
        return InferredOption("process.net", "unet", "every pixel gets a prediction")

    def scores(self, outputs: Tensor) -> Scores:
        """Returns the argmax per pixel; probabilities of many images exceed memory."""
        return outputs.detach().argmax(dim=1).byte().numpy()

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        classes = len(self.classes)
        pairs = zip(truth, scores, strict=True)
        by_image = np.stack([confusion(t[t != VOID], s[t != VOID], classes) for t, s in pairs])
        matrix = by_image.sum(axis=0)
        iou_scores, dice_scores = iou(matrix), dice_coefficient(matrix)
        metrics = {
            "iou": _mean(iou_scores[1:]),
            "dice": _mean(dice_scores[1:]),
            "accuracy": accuracy(matrix),
        }
        hits = np.array([np.trace(matrix[1:, 1:]) for matrix in by_image])
        marked = by_image[:, 1:, :].sum(axis=(1, 2))
        predicted = by_image[:, :, 1:].sum(axis=(1, 2))
        if (marked > 0).any():
            metrics["image_recall"] = float((hits[marked > 0] > 0).mean())
        if (marked == 0).any():
            metrics["image_specificity"] = float((predicted[marked == 0] == 0).mean())
        details = {
            "classes": list(self.classes),
            "by_class": {"iou": iou_scores.tolist(), "dice": dice_scores.tolist()},
            "pixels": matrix.tolist(),
            "images": {"marked": int((marked > 0).sum()), "unmarked": int((marked == 0).sum())},
        }
        union = by_image.sum(axis=(1, 2)) - by_image[:, 0, 0]
        return Evaluation(
            metrics, details, per_sample=np.where(union > 0, hits / np.maximum(union, 1), 1.0)
        )

    def decode(self, scores: Scores) -> list[Prediction]:
        return [self._prediction(mask) for mask in scores]

    def predictions(self, outputs: Tensor, targets: Sequence[Tensor]) -> list[Prediction]:
        predictions = []
        for mask, logits in zip(self.scores(outputs), outputs.detach(), strict=True):
            probabilities, prediction = logits.softmax(dim=0).numpy(), self._prediction(mask)
            index = self.classes.index(prediction.value)
            confidence = float(probabilities[index][mask == index].mean())
            predictions.append(replace(prediction, confidence=confidence))
        return predictions

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        (mask,) = self.scores(outputs)
        prediction = self._prediction(mask)
        areas = ", ".join(f"{name} {share:.1%}" for name, share in prediction.areas)
        probabilities = outputs[0].detach().softmax(dim=0).numpy()
        return [
            DecodingStep(
                "logits",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "model output",
            ),
            DecodingStep(
                "probability",
                probabilities.shape,
                probabilities,
                "softmax over the classes of each pixel",
            ),
            DecodingStep("decision", mask.shape, mask, "argmax"),
            DecodingStep("label", (), prediction.value, areas or "the mask is empty"),
        ]

    def image_classes(self, outputs: Tensor) -> list[ImageClass]:
        probabilities, top = outputs[0].softmax(dim=0), outputs[0].argmax(dim=0)
        classes = [
            ImageClass(number, float((top == number).float().mean()), pixels)
            for number, pixels in enumerate(probabilities)
        ]
        return classes[1:]

    @property
    def legend(self) -> tuple[str, ...]:
        return self.classes

    def overlay(self, pixels: Tensor, prediction: Prediction) -> Image:
        return Image(pixels, mask=prediction.mask)

    def gallery_rank(self, prediction: Prediction) -> float:
        return -sum(share for _, share in prediction.areas)

    def caption(self, prediction: Prediction) -> str:
        areas = ", ".join(f"{name} {share:.1%}" for name, share in prediction.areas)
        return areas or str(prediction.value)

    def table_columns(self) -> list[str]:
        return [*super().table_columns(), *(f"{name} area {name}" for name in self.classes[1:])]

    def table_row(self, prediction: Prediction) -> list[str]:
        shares = dict(prediction.areas)
        areas = [f"{shares.get(name, 0):.6f}" for name in self.classes[1:]]
        return [*super().table_row(prediction), *areas]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        choice, truth = f"outputs[{number}].argmax(1)", f"targets[{number}]"
        valid, classes = f"[truth != {VOID}]", len(self.classes)
        return ScriptPart(
            (
                f"choice, truth = {choice}, {truth}",
                f"choice, truth = choice{valid}, truth{valid}  # {VOID} is ignored",
                f"both = [((choice == k) & (truth == k)).sum() for k in range(1, {classes})]",
                f"either = [((choice == k) | (truth == k)).sum() for k in range(1, {classes})]",
                f'values["{prefix}iou"] = '
                "float(torch.stack([b / e for b, e in zip(both, either) if e]).mean())",
            ),
            quality=f"({choice} == {truth}).double().flatten(1).mean(1)",
        )

    def state(self) -> JsonObject:
        return {"codec": save(self.codec), "loss": self.loss}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, MaskCodec)
        answer = cls(codec.name, by=codec.by, loss=state["loss"])
        answer.codec = codec
        return answer

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        """Returns the overlap per class, and the worst and the best masks."""
        quality = data.evaluation.per_sample
        assert quality is not None
        order = self.worst(data.scores, data.truth, quality)
        marked = np.array([
            sample
            for sample in order
            if ((data.truth[sample] > 0) & (data.truth[sample] < VOID)).any()
            or data.scores[sample].any()
        ], dtype=np.int64)  # fmt: skip
        return [
            Section(
                "Masks",
                [
                    *self._overlaps(data.evaluation.details),
                    Gallery([], [], classes=self.classes),
                    self._masks(data, "Worst masks", marked[:_MAX_MASKS], quality),
                    self._masks(data, "Best masks", marked[_MAX_MASKS:][-_MAX_MASKS:], quality),
                ],
            )
        ]

    def in_words(self, data: EvaluationData, samples: Scores) -> Sequence[tuple[str, str]]:
        masks = zip(data.truth[samples], data.scores[samples], strict=True)
        return [
            (
                self._prediction(np.where(target < VOID, target, 0)).describe(),
                self._prediction(mask).describe(),
            )
            for target, mask in masks
        ]

    def _overlaps(self, details: JsonMapping) -> list[Record]:
        rates, pixels, images = details["by_class"], details["pixels"], details["images"]
        rows = [
            [
                name,
                format_score(rates["iou"][index]),
                format_score(rates["dice"][index]),
                f"{sum(pixels[index]):,}",
                f"{sum(row[index] for row in pixels):,}",
            ]
            for index, name in enumerate(details["classes"])
        ]
        text = (
            f"{images['marked']} evaluated images have a defect, {images['unmarked']} have none. "
            "The pixels of all images count together."
        )
        titles = ["class", "IoU", "Dice", "pixels", "pixels predicted"]
        return [Table(titles, rows, numbers=range(1, 5)), Line(text, "dim")]

    def _masks(self, data: EvaluationData, title: str, samples: Scores, quality: Scores) -> Section:
        """Returns each image beside its target mask and its predicted mask."""
        if not len(samples):
            return Section(title, [])
        overlays, captions = [], []
        for sample, image in zip(samples, data.inputs(samples)[0], strict=True):
            masks = data.truth[sample], data.scores[sample]
            overlays.append([Image(image, mask=mask) for mask in masks])
            areas = self._prediction(data.scores[sample]).describe()
            captions.append(f"image, truth, answer: {areas}; overlap {quality[sample]:.2f}")
        gallery = data.gallery(samples, captions, overlays)
        return Section(title, [gallery])

    def _prediction(self, mask: Scores) -> Prediction:
        """Returns the class with the largest area, and all areas by size."""
        shares = np.bincount(mask.reshape(-1), minlength=len(self.classes))[1:] / mask.size
        areas = sorted(
            (
                (name, float(share))
                for name, share in zip(self.classes[1:], shares, strict=True)
                if share
            ),
            key=lambda area: -area[1],
        )
        return Prediction(areas[0][0] if areas else self.classes[0], areas=tuple(areas), mask=mask)


def _mean(rates: Scores) -> float:
    finite = rates[~np.isnan(rates)]
    return float(finite.mean()) if len(finite) else float("nan")


ANSWER = Mask
