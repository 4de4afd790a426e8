"""Boxes: the objects in an image, each with a label and a box.

The model has any number of candidates: an anchor box, the predicted box, the logit of
an object and the logits of the classes. Decoding: candidates -> boxes and scores ->
non-maximum suppression per class -> detections -> those with a score of at least the
decision threshold.

Shapes:   outputs (batch, candidate, 9 + class); scores (image, detection, 6): label,
          corners, score; truth (image, box, 5): label, corners; padding has label -1.
          Gathered truth has three more columns: the cause of each missed box
Choices:  mAP counts all detections, as COCO does (`metrics/detection.py`). Precision
          and recall count those above the threshold, at an IoU of 0.5. The threshold is
          the one with the highest F1 on the validation split. The quality of an image
          is its panoptic quality.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.codec._image import size_of
from kissipo.codec.boxes import CORNERS
from kissipo.codec.boxes import Boxes as BoxesCodec
from kissipo.core.codec import restore, save
from kissipo.core.description import Gallery, Image, Line, Record, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import format_score
from kissipo.output.answer import (
    Answer,
    Box,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Predictions,
    Scores,
)
from kissipo.output.decode.nms import candidates, detect, refuse_nan
from kissipo.output.detection.detection_errors import (
    FALSE_ALARMS,
    MISSES,
    Limits,
    count_causes,
    false_alarm_causes,
    missed_causes,
)
from kissipo.output.detection.detection_inside import inside_section, suppression_steps
from kissipo.output.detection.detection_sections import (
    ErrorReport,
    rules_section,
    summary_lines,
    threshold_line,
    why_zero,
)
from kissipo.output.metrics.coco import (
    COCO_THRESHOLDS,
    average_of,
    coco_evaluation,
    coco_summary,
)
from kissipo.output.metrics.detection import (
    average_precision,
    best_threshold,
    count_matches,
    f1_by_threshold,
    panoptic_quality,
)
from kissipo.output.metrics.voc import voc_average_precision

NOTHING = "nothing"
_IOU = 0.5  # of a true positive, for precision, recall and the quality of an image
_MAX_IMAGES = 6  # the worst, and the best
_DECIMALS = 2  # of pixels
_COUNTS = ("targets", "detections")
_WITH_CAUSES = 8  # columns of true boxes with the causes of those that are missed
_USUAL_THRESHOLD = 0.5
_MIN_BOXES = 20  # true boxes of the validation split that can choose a threshold
_LARGE, _STRIDE = 96, 32  # sides of images that are large enough for three grids


@dataclass(frozen=True)
class Decode:
    """The options of decoding."""

    SHORT: ClassVar[str] = "threshold"
    threshold: float | None = option(
        None,
        "decision threshold: the minimum score of a predicted box; that with the highest F1 on "
        "the validation split when omitted",
        above=0,
        below=1,
    )
    iou_threshold: float = option(
        0.5,
        "non-maximum suppression: boxes of one class with at least this IoU are one object",
        above=0,
        maximum=1,
    )
    max_detections: int = option(100, "maximum number of detections per image", minimum=1)
    pre_nms_top_k: int = option(
        1000,
        "number of candidates of an image, those with the highest scores, that non-maximum "
        "suppression compares at most",
        minimum=1,
    )


@dataclass(frozen=True)
class Options:
    """The options of boxes."""

    decode: Decode = option(Decode(), "decision rule on the candidates")


class Boxes(Answer):
    """The objects in an image."""

    WORD = "boxes"
    EVAL_METRIC = "map_50"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "detection"
    GALLERY_TITLE = "Most boxes"
    BASELINES = ("no_boxes", "mean_boxes", "connected_components", "blobs")
    IN_IMAGE = "box"
    NAMES_COLUMN = False
    SOURCES = ("images",)

    def __init__(
        self,
        name: str,
        options: Options = Options(),
        *,
        loss: str | None = None,
        size: tuple[int, int] = (1, 1),
    ) -> None:
        self.codec: BoxesCodec = BoxesCodec(name)
        self.options, self._loss, self.size = options, self.loss_name(loss), size
        self.threshold = options.decode.threshold or _USUAL_THRESHOLD
        self.threshold_reason = "" if options.decode.threshold else "the usual value"

    @property
    def limits(self) -> Limits:
        """The options of decoding on which the causes of errors depend."""
        decode = self.options.decode
        return Limits(
            self.threshold, decode.iou_threshold, decode.max_detections, decode.pre_nms_top_k
        )

    @classmethod
    def for_rows(cls, value: object, options: Any, *, loss: str | None, frame: Frame) -> Self:
        """Returns the answer for the boxes of the frame.

        value:  label, the column of the labels; None means the same
        """
        if value not in (None, "label"):
            raise TaskError(
                "output.boxes names the column of the labels", got=str(value), allowed="label"
            )
        answer = cls("label", options, loss=loss)
        if answer.codec.column not in frame:
            raise TaskError(
                f"output.boxes needs boxes, and {frame.origin} comes with none",
                do="Name their table: input.boxes=boxes.csv",
            )
        return answer

    def usable_rows(
        self,
        frame: Frame,
        findings: list[Finding],
        *,
        missing: Literal["empty", "left_out"] | None = None,
    ) -> Frame:
        """Returns all rows; a row without boxes is an image without objects."""
        counts = _lengths(frame[self.codec.column].values)
        message = (
            f"{counts.sum():,} boxes in {len(frame):,} images, {(counts == 0).sum():,} images "
            "without any"
        )
        level: Literal["PASS", "FAIL"] = "PASS" if counts.any() else "FAIL"
        action = "" if counts.any() else "add boxes; warnings say why a box is left out"
        findings.append(Finding(level, "boxes", message, action))
        return frame

    def fit_inputs(self, specs: Sequence[TensorSpec]) -> Self:
        """Takes over the size of the images."""
        _, height, width = specs[0].shape
        self.size = (height, width)
        return self

    @property
    def name(self) -> str:
        return self.codec.name

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the objects, in the order of their class numbers."""
        return self.codec.classes or ()

    @property
    def spec(self) -> TensorSpec:
        """The net decides on the number of candidates."""
        return TensorSpec(self.name, ("candidate", "feature"), (0, 9 + len(self.labels)))

    def suggested_net(self) -> InferredOption:
        if self.size and all(side >= _LARGE and side % _STRIDE == 0 for side in self.size):
            reason = "objects of different sizes are located on three grids"
            return InferredOption("process.net", "yolo", reason)
        return InferredOption("process.net", "grid_detector", "objects are located in an image")

    def scores(self, outputs: Tensor) -> Scores:
        """Returns the detections that non-maximum suppression keeps."""
        refuse_nan(outputs)
        decode = self.options.decode
        return detect(
            outputs,
            iou_threshold=decode.iou_threshold,
            max_detections=decode.max_detections,
            top_k=decode.pre_nms_top_k,
        ).numpy()

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Scores, Scores]:
        """Returns the detections, and the true boxes with the causes of those that are
        missed, for which the candidates are needed."""
        scores, truth = self.scores(outputs), self.truth(targets)
        causes = missed_causes(outputs, truth, scores, self.limits)
        return scores, np.concatenate([truth, causes], axis=-1)

    def watch(self, scores: Scores, truth: Scores) -> Evaluation:
        return self._evaluated(scores, truth, (_IOU,))

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        return self._evaluated(scores, truth, COCO_THRESHOLDS)

    def _evaluated(self, scores: Scores, truth: Scores, thresholds: Sequence[float]) -> Evaluation:
        by_class = average_precision(
            scores, truth, num_classes=len(self.labels), iou_thresholds=thresholds
        )
        metrics = {"map_50": average_of(by_class[0])}
        if len(thresholds) > 1:
            metrics["map_50_95"] = average_of(by_class)
        counts = count_matches(scores, truth, min_score=self.threshold, iou_threshold=_IOU)
        hits, false, missed, _ = counts.sum(axis=0)
        metrics["precision"] = _share(hits, hits + false)
        metrics["recall"] = _share(hits, hits + missed)
        metrics["f1"] = _share(2 * hits, 2 * hits + false + missed)
        decided = self._decided(scores)[..., 0]
        details = {
            "classes": list(self.labels),
            "by_class": {
                "average_precision_50": _plain(by_class[0]),
                "average_precision_50_95": _plain(by_class.mean(axis=0)),
                "targets": self._numbers(truth[..., 0]),
                "detections": self._numbers(decided),
            },
            "images": {"without_boxes": int((_lengths(truth) == 0).sum())},
            "threshold": {"value": self.threshold, "reason": self.threshold_reason},
        }
        return Evaluation(metrics, details, per_sample=panoptic_quality(counts))

    def extra_metrics(self, scores: Scores, truth: Scores) -> JsonObject:
        """Returns all numbers of COCO and of VOC, and the causes of errors."""
        count = len(self.labels)
        coco = coco_summary(coco_evaluation(scores, truth, num_classes=count, size=self.size))
        area = voc_average_precision(scores, truth, num_classes=count)
        eleven = voc_average_precision(scores, truth, num_classes=count, points=11)
        means = {"area": average_of(area), "eleven_points": average_of(eleven)}
        return {
            "coco": dict(zip(coco, _plain(list(coco.values())), strict=True)),
            "voc": dict(zip(means, _plain(list(means.values())), strict=True)),
            **self._errors(scores, truth),
        }

    def _errors(self, scores: Scores, truth: Scores) -> JsonObject:
        """Returns the counts of missed boxes and of false alarms, by cause and class,
        and the best scores, for where there is no detection."""
        if truth.shape[-1] < _WITH_CAUSES:
            return {}
        count, causes = len(self.labels), truth[..., 5:]
        false = false_alarm_causes(scores, truth, threshold=self.threshold)
        low = causes[..., 1][causes[..., 0] == MISSES.index("low score")]
        return {
            "errors": {
                "missed_boxes": {
                    "of": int((truth[..., 0] >= 0).sum()),
                    "causes": count_causes(causes, truth[..., 0], MISSES, num_classes=count),
                },
                "false_detections": {
                    "of": int((self._decided(scores)[..., 0] >= 0).sum()),
                    "causes": count_causes(false, scores[..., 0], FALSE_ALARMS, num_classes=count),
                },
            },
            "best_threshold": self._best_threshold(scores, truth),
            "best_scores": {
                "detections": int((scores[..., 0] >= 0).sum()),
                "at_true_boxes": float(low.max(initial=0.0)),
            },
        }

    def _best_threshold(self, scores: Scores, truth: Scores) -> JsonObject:
        """Returns the threshold with the highest F1 of these samples."""
        now = self.threshold
        values, f1 = f1_by_threshold(scores, truth, iou_threshold=_IOU)
        best = int(f1.argmax()) if len(f1) else -1
        return {
            "threshold": float(values[best]) if len(f1) else now,
            "f1": float(f1[best]) if len(f1) else 0.0,
            "f1_now": float(f1[values >= now][-1]) if (values >= now).any() else 0.0,
        }

    def calibrate(self, predictions: Predictions) -> None:
        """Sets the decision threshold to the one with the highest F1 of the validation
        split, where the task gives none and that split has enough boxes."""
        if self.options.decode.threshold is not None:
            return
        pair = predictions("validation")
        if pair is None:
            self.threshold_reason = "the usual value, as there is no validation split"
            return
        scores, truth = pair
        boxes, images = int((truth[..., 0] >= 0).sum()), counted(len(truth), "image")
        if boxes < _MIN_BOXES:
            self.threshold_reason = (
                "the usual value, as the validation split has too few true boxes to choose one "
                f"({boxes}, at least {_MIN_BOXES} are needed)"
            )
            return
        best, f1 = best_threshold(scores, truth, iou_threshold=_IOU)
        if not f1:
            self.threshold_reason = (
                "the usual value, as no detection of the validation split is right"
            )
            return
        self.threshold = best
        self.threshold_reason = f"the highest F1, {f1:.3f}, on {images} of the validation split"

    def for_baselines(self) -> Answer:
        """Returns the answer with the usual threshold, where that of the model was
        chosen on its own scores."""
        if self.options.decode.threshold is not None:
            return self
        plain = copy(self)
        plain.threshold = _USUAL_THRESHOLD
        return plain

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        if "coco" not in evaluation.details:
            return ()
        return summary_lines(evaluation.details, full=full)

    def _numbers(self, labels: Scores) -> list[int]:
        """Returns the number of boxes per class."""
        return [int((labels == label).sum()) for label in range(len(self.labels))]

    def _decided(self, scores: Scores) -> Scores:
        """Returns the detections; those below the decision threshold become padding."""
        low = scores[..., 5] < self.threshold
        return np.where(low[..., None], np.array([-1.0, 0, 0, 0, 0, 0]), scores)

    def decode(self, scores: Scores) -> list[Prediction]:
        """Returns the boxes in pixels of the images that the net takes."""
        return [self._prediction(_unpadded(row)) for row in np.asarray(scores)]

    def _prediction(self, detections: Scores) -> Prediction:
        height, width = self.size
        located = tuple(
            Box(
                self.labels[int(label)],
                float(score),
                *(
                    round(float(corner) * side, _DECIMALS)
                    for corner, side in zip(corners, (width, height) * 2, strict=True)
                ),
            )
            for label, *corners, score in detections
        )
        boxes = tuple(
            box
            for box, score in zip(located, detections[:, 5], strict=True)
            if score >= self.threshold
        )
        return Prediction(_in_words(boxes), boxes=boxes, detections=located)

    def in_units_of(self, predictions: Sequence[Prediction], frame: Frame) -> list[Prediction]:
        """Returns the boxes in pixels of the images as they were given."""
        return [
            replace(
                prediction,
                boxes=self._resized(prediction.boxes or (), size),
                detections=self._resized(prediction.detections, size),
            )
            for prediction, size in zip(
                predictions, map(size_of, frame["image"].values), strict=True
            )
        ]

    def _resized(self, boxes: Sequence[Box], size: tuple[int, int]) -> tuple[Box, ...]:
        y, x = size[0] / self.size[0], size[1] / self.size[1]
        return tuple(
            replace(
                box,
                **{
                    name: round(getattr(box, name) * factor, _DECIMALS)
                    for name, factor in zip(CORNERS, (x, y, x, y), strict=True)
                },
            )
            for box in boxes
        )

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        boxes, scores, labels = (part[0].numpy() for part in candidates(outputs.detach()))
        height, width = self.size
        listed = np.concatenate([labels[:, None], boxes, scores[:, None]], axis=1)
        (detections,) = self.scores(outputs)
        detected = _unpadded(detections)
        prediction = self.decode(detections[None])[0]
        decided = _unpadded(self._decided(detections))
        decode, limits = self.options.decode, self.limits
        return [
            DecodingStep(
                "candidates",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "anchor boxes, predicted boxes, logits of an object and of the classes",
            ),
            DecodingStep(
                "boxes",
                listed.shape,
                listed,
                "the most probable label, corners as fractions, score = P(object) · P(label)",
            ),
            DecodingStep(
                "suppression",
                detected.shape,
                detected,
                f"NMS per class at IoU {decode.iou_threshold:g}: "
                + counted(len(detected), "detection")
                + "".join(f"; {step}" for step in suppression_steps(outputs, self.labels, limits)),
            ),
            DecodingStep(
                "decision",
                decided.shape,
                decided,
                f"score at least {self.threshold:g}: {counted(len(decided), 'detection')}",
            ),
            DecodingStep(
                "label",
                (),
                prediction.value,
                "; ".join(box.describe() for box in prediction.boxes or ())
                or f"no box in {height}x{width} pixels",
            ),
        ]

    def example_sections(
        self,
        net: nn.Module,
        inputs: Sequence[Tensor],
        outputs: Tensor,
        targets: Sequence[Tensor],
        read: Sequence[str],
    ) -> Sequence[Section]:
        """Returns cell, anchor box and candidates of each object, and NMS."""
        truth = self.truth(targets[0])[0] if targets else None
        limits = self.limits
        return [inside_section(net, inputs[0], outputs, truth, self.labels, limits)]

    @property
    def legend(self) -> tuple[str, ...]:
        return (NOTHING, *self.labels)

    def describe_target(self, target: object) -> str:
        return _counted([self.labels[int(label)] for label in _unpadded(np.asarray(target))[:, 0]])

    def gallery_rank(self, prediction: Prediction) -> float:
        return -len(prediction.boxes or ())

    def caption(self, prediction: Prediction) -> str:
        return str(prediction.value)

    def table_columns(self) -> list[str]:
        return [*super().table_columns(), *CORNERS]

    def table_rows(self, prediction: Prediction) -> list[list[str]]:
        rows = [
            [
                box.label,
                f"{box.confidence:.4f}",
                *(f"{getattr(box, name):.{_DECIMALS}f}" for name in CORNERS),
            ]
            for box in prediction.boxes or ()
        ]
        return rows or [[""] * len(self.table_columns())]

    def overlay(self, pixels: Tensor, prediction: Prediction) -> Image:
        height, width = self.size
        boxes = [
            (
                self.labels.index(box.label) + 1,
                box.x_min / width,
                box.y_min / height,
                box.x_max / width,
                box.y_max / height,
            )
            for box in prediction.boxes or ()
        ]
        return Image(pixels, boxes=boxes)

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        decode = self.options.decode
        detections = (
            f"detect(outputs[{number}], iou_threshold={decode.iou_threshold}, "
            f"max_detections={decode.max_detections}, top_k={decode.pre_nms_top_k}).numpy()"
        )
        truth, classes = f"targets[{number}].numpy()", len(self.labels)
        matches = f"count_matches(boxes, truth, min_score={self.threshold}, iou_threshold={_IOU})"
        decided = (
            f"hits, false, missed, _ = {matches}.sum(axis=0)",
            f'values["{prefix}precision"] = float(hits / max(1, hits + false))',
            f'values["{prefix}recall"] = float(hits / max(1, hits + missed))',
        )
        return ScriptPart(
            (
                f"boxes, truth = {detections}, {truth}",
                f"thresholds = {COCO_THRESHOLDS}",
                "by_class = average_precision(",
                f"    boxes, truth, num_classes={classes}, iou_thresholds=thresholds",
                ")",
                f'values["{prefix}map_50"] = float(np.nanmean(by_class[0]))',
                f'values["{prefix}map_50_95"] = float(np.nanmean(by_class))',
                *(() if decode.threshold is None else decided),
            ),
            quality="torch.from_numpy(panoptic_quality("
            + matches.replace("boxes", detections).replace("truth", truth)
            + "))",
            imports=("import numpy as np", "import torch"),
            definitions=(detect, average_precision, count_matches, panoptic_quality),
        )

    def state(self) -> JsonObject:
        return {
            "codec": save(self.codec),
            "loss": self.loss,
            "size": list(self.size),
            "decode": asdict(self.options.decode),
            "threshold": self.threshold,
            "threshold_reason": self.threshold_reason,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, BoxesCodec)
        height, width = state["size"]
        options = Options(Decode(**state["decode"]))
        answer = cls(codec.name, options, loss=state["loss"], size=(height, width))
        answer.codec = codec
        answer.threshold = state.get("threshold", answer.threshold)
        answer.threshold_reason = state.get("threshold_reason", "")
        return answer

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        """Returns the average precision per class, the worst and the best images."""
        quality = data.evaluation.per_sample
        assert quality is not None
        order = self.worst(data.scores, data.truth, quality)
        is_shown = (_lengths(data.truth) > 0) | (_lengths(self._decided(data.scores)) > 0)
        order = order[is_shown[order]]
        boxes = Section(
            "Boxes",
            [
                *self._precisions(data.evaluation),
                Gallery([], [], classes=self.legend),
                self._images(data, "Worst images", order[:_MAX_IMAGES], quality),
                self._images(data, "Best images", order[_MAX_IMAGES:][-_MAX_IMAGES:], quality),
            ],
        )
        details = data.evaluation.details
        rules = [rules_section(details, self.size)] if "coco" in details else []
        return [boxes, *self._error_section(data), *rules]

    def _error_section(self, data: EvaluationData) -> list[Section]:
        if data.truth.shape[-1] < _WITH_CAUSES:
            return []

        def names(samples: NDArray[np.int64]) -> list[str]:
            rows = data.rows_of(samples)["image"]
            files = [rows.show(row) for row in range(len(samples))]
            return [Path(some).name if isinstance(some, str) else "" for some in files]

        report = ErrorReport(
            self.labels,
            data.scores,
            data.truth,
            self.limits,
            data.evaluation.details["by_class"]["average_precision_50"],
            lambda samples: data.inputs(samples)[0],
            names,
        )
        return [report.section()]

    def _precisions(self, evaluation: Evaluation) -> list[Record]:
        by_class = evaluation.details["by_class"]
        rows = [
            [name, *("-" if value is None else format_score(value) for value in some), *numbers]
            for name, *some, numbers in zip(
                self.labels,
                by_class["average_precision_50"],
                by_class["average_precision_50_95"],
                zip(*(map("{:,}".format, by_class[key]) for key in _COUNTS), strict=True),
                strict=True,
            )
        ]
        text = (
            "The average precision at IoU 0.5, and its mean over 0.50 to 0.95, count all "
            "detections; only boxes from the decision threshold on are predicted and drawn. "
            + threshold_line(evaluation.details)
        )
        titles = ["class", "average precision", "0.50 to 0.95", "boxes", "boxes predicted"]
        why = map(Line, why_zero(evaluation.details) if "coco" in evaluation.details else ())
        return [Table(titles, rows, numbers=range(1, 5)), *why, Line(text, "dim")]

    def _images(
        self, data: EvaluationData, title: str, samples: NDArray[np.int64], quality: Scores
    ) -> Section:
        """Returns each image with its target boxes, beside its predicted boxes."""
        if not len(samples):
            return Section(title, [])
        groups, captions = [], []
        for sample, pixels in zip(samples, data.inputs(samples)[0], strict=True):
            targets, decided = data.truth[sample], self._decided(data.scores[sample])
            groups.append([
                Image(pixels, boxes=_unpadded(some)[:, :5] + np.array([1, 0, 0, 0, 0]))
                for some in (targets, decided)
            ])  # fmt: skip
            captions.append(
                f"truth: {self.describe_target(targets)}; "
                f"answer: {self.describe_target(decided)}; quality {quality[sample]:.2f}"
            )
        rows = data.rows_of(samples)["image"]
        files = [rows.show(row) for row in range(len(samples))]
        return Section(title, [Gallery(groups, captions, files)])


def _lengths(padded: Scores) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = (padded[..., 0] >= 0).sum(axis=-1)
    return lengths


def _unpadded(padded: Scores) -> Scores:
    return padded[padded[:, 0] >= 0]


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def _plain(values: Iterable[float]) -> list[float | None]:
    """Returns numbers for JSON; None for nan."""
    return [None if np.isnan(value) else float(value) for value in values]


def _in_words(boxes: Sequence[Box]) -> str:
    return _counted([box.label for box in boxes])


def _counted(labels: Sequence[str]) -> str:
    """Returns labels with their counts.

    Example:  >>> _counted(["square", "circle", "square"]), _counted([])
              ('circle: 1, square: 2', 'nothing')
    """
    counts = sorted(Counter(labels).items())
    return ", ".join(f"{label}: {count}" for label, count in counts) or NOTHING


ANSWER = Boxes
