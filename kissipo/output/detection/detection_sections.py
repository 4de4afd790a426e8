"""What the terminal and the report show of detected boxes: both mAPs, causes of errors,
precision-recall curves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.description import (
    CurvePoint,
    DetectionErrors,
    ErrorCause,
    Line,
    Mark,
    MarkedImage,
    Section,
    Table,
)
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonMapping
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.text import format_score
from kissipo.output.decode.nms import MIN_SCORE
from kissipo.output.detection.detection_errors import (
    FALSE_ALARMS,
    MISSES,
    REACHES,
    Limits,
    false_alarm_causes,
)
from kissipo.output.metrics.box_matching import box_overlaps, match_boxes

_SMALL, _CLEARLY = 0.01, 0.02  # a measure with more digits; a difference of F1
_MAX_IMAGES, _MAX_PLACES, _MAX_POINTS, _MAX_CURVES = 64, 12, 150, 6
_TITLES = {
    "map_50_95": "mAP, IoU 0.50 to 0.95",
    "map_50": "mAP at IoU 0.5",
    "map_75": "mAP at IoU 0.75",
    "map_small": "mAP of small objects",
    "map_medium": "mAP of medium objects",
    "map_large": "mAP of large objects",
    "ar_1": "recall of 1 detection",
    "ar_10": "recall of 10 detections",
    "ar_100": "recall of 100 detections",
    "ar_small": "recall of small objects",
    "ar_medium": "recall of medium objects",
    "ar_large": "recall of large objects",
    "area": "mAP at IoU 0.5, area below the curve",
    "eleven_points": "mAP at IoU 0.5, 11 recalls",
}
_DIFFERENCE = (
    "COCO's rule lets a detection take any free true box and averages the precision at 101 "
    "recalls; VOC's calls a detection false when its best box is taken, and takes the area or "
    "11 recalls: compare a score only with scores of the same rule."
)
_SIZES = (
    "Small objects have at most 32² pixels and large ones at least 96², in the images that the "
    "net takes ({height}x{width}). The recalls allow that many detections per class and image."
)
_MISSED = {
    "suppressed": "NMS removed its best candidate for detection {which}, IoU {measure}",
    "cut off": "its best candidate, score {measure}, came after the largest number that is kept",
    "wrong class": "it was found as {name}, score {measure}",
    "no anchor": "no anchor box or proposal fits: the best one has an IoU of {measure}",
    "low score": "its best candidate has a score of {measure}, below {threshold:g}",
    "taken": "the only candidate that reaches it, IoU {measure}, took another true box",
    "poorly placed": "its best candidate overlaps it with an IoU of {measure}, below 0.5",
}
_FALSE = {
    "doubled": "another detection took the true box that it reaches, IoU {measure}",
    "wrong class": "the true box that it reaches, IoU {measure}, is a {name}",
    "poorly placed": "its IoU with a true box of its class is {measure}, below 0.5",
    "background": "there is no true box of its class",
}
_MISSED_ADVICE = {
    "suppressed": "a higher output.decode.iou_threshold (now {iou_threshold:g})",
    "cut off": "a higher output.decode.max_detections (now {max_detections}) or pre_nms_top_k "
    "(now {top_k})",
    "wrong class": "more examples of the classes that are confused; check their labels",
    "no anchor": "anchor boxes of the sides of these objects, which process.net=yolo finds by "
    "k-means; a finer grid, or more proposals",
    "low score": "a lower output.decode.threshold (now {threshold:g}), or a longer training",
    "taken": "more anchor boxes per cell, or a finer grid: two objects share one candidate",
    "poorly placed": "a longer training, a larger input.size, or a finer grid",
}
_FALSE_ADVICE = {
    "doubled": "a lower output.decode.iou_threshold (now {iou_threshold:g})",
    "wrong class": "more examples of the classes that are confused; check their labels",
    "poorly placed": "a longer training, a larger input.size, or a finer grid",
    "background": "a higher output.decode.threshold (now {threshold:g}); look for objects "
    "without a label",
}
GROUPS = {"missed_boxes": "missed box", "false_detections": "false alarm"}


def rules_table(details: JsonMapping) -> Table:
    """Returns the numbers of COCO and of VOC below each other."""
    rows = [
        [rule, _TITLES[name], "-" if value is None else format_score(value)]
        for rule, key in (("COCO", "coco"), ("VOC", "voc"))
        for name, value in details[key].items()
    ]
    return Table(["rule", "", "score"], rows, numbers=(2,))


def rules_section(details: JsonMapping, size: tuple[int, int]) -> Section:
    """Returns both mAPs with the difference between them."""
    height, width = size
    note = _SIZES.format(height=height, width=width)
    return Section(
        "Average precision by both rules",
        [rules_table(details), Line(_DIFFERENCE), Line(note, "dim")],
    )


def summary_lines(details: JsonMapping, *, full: bool) -> list[Line | Table]:
    """Returns what the terminal prints of the details: both mAPs, and the causes.

    full:  all numbers of COCO, and the causes per class
    """
    coco, voc = details["coco"], details["voc"]
    if coco["map_50"] is None:
        return [Line(""), *map(Line, why_zero(details))]
    scores = (
        f"COCO mAP {_number(coco['map_50_95'])} (IoU 0.50 to 0.95), {_number(coco['map_50'])} "
        f"(IoU 0.5); VOC mAP {_number(voc['area'])} (area), {_number(voc['eleven_points'])} "
        "(11 recalls)"
    )
    lines: list[Line | Table] = [Line(""), Line(scores), Line(_DIFFERENCE, "dim")]
    lines.append(Line(threshold_line(details)))
    if full:
        lines.append(rules_table(details))
    lines += map(Line, why_zero(details))
    if "errors" not in details:
        return lines
    errors = details["errors"]
    lines += [Line(_counted_causes(key, errors[key])) for key in GROUPS]
    lines += map(Line, better_threshold(details))
    if full:
        titles = ["", "cause", *details["classes"], "all"]
        rows = [
            [group, cause, *(f"{count:,}" for count in (*counts, sum(counts)))]
            for key, group in GROUPS.items()
            for cause, counts in errors[key]["causes"].items()
            if sum(counts)
        ]
        lines += [Table(titles, rows, numbers=range(2, len(titles)))] if rows else []
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else format_score(value)


def _counted_causes(key: str, errors: JsonMapping) -> str:
    """Returns a line such as: missed 5 of 90 boxes: low score 3, suppressed 2."""
    totals = {cause: sum(counts) for cause, counts in errors["causes"].items()}
    order = sorted((cause for cause in totals if totals[cause]), key=lambda name: -totals[name])
    causes = ", ".join(f"{name} {totals[name]:,}" for name in order)
    whole = f"{errors['of']:,} " + ("true boxes" if key == "missed_boxes" else "detections")
    head = "Missed" if key == "missed_boxes" else "False alarms:"
    return f"{head} {sum(totals.values()):,} of {whole}" + (f": {causes}" if causes else "")


def why_zero(details: JsonMapping) -> list[str]:
    """Returns why mAP is 0, or why there is none; nothing for another mAP.

    Example:  >>> why_zero({"coco": {"map_50": None}})[0][:44]
              'There is no mAP: no evaluated image has a tr'
    """
    score = details["coco"]["map_50"]
    if score is None:
        return ["There is no mAP: no evaluated image has a true box."]
    if score > 0:
        return []
    best = details["best_scores"]
    if not best["detections"]:
        return [
            f"mAP is 0 because there is no detection: no candidate has a score of {MIN_SCORE:g} "
            f"or more. The highest score at a true box is {best['at_true_boxes']:.2g}. Train "
            "longer, or with a higher process.learning_rate"
        ]
    return [
        f"mAP is 0 because none of {counted(best['detections'], 'detection')} reaches a true box "
        "of its class. The causes below say what they do instead"
    ]


def threshold_line(details: JsonMapping) -> str:
    """Returns the decision threshold, why it has this value, and how to change it.

    Example:  >>> threshold_line({"threshold": {"value": 0.3, "reason": ""}})
              'The decision threshold is 0.3, as output.decode.threshold says.'
    """
    value, reason = details["threshold"]["value"], details["threshold"]["reason"]
    if not reason:
        return f"The decision threshold is {value:g}, as output.decode.threshold says."
    return (
        f"The decision threshold is {value:g}: {reason}. output.decode.threshold=NUMBER sets "
        "another."
    )


def better_threshold(details: JsonMapping) -> list[str]:
    """Returns the threshold with the highest F1, where it differs clearly."""
    best = details["best_threshold"]
    if best["f1"] < best["f1_now"] + _CLEARLY:
        return []
    return [
        f"F1 would be highest at output.decode.threshold={best['threshold']:.2g}: "
        f"{best['f1']:.3f} in place of {best['f1_now']:.3f}; it was looked for on these samples, "
        "so it looks better than it is"
    ]


@dataclass(frozen=True)
class ErrorReport:
    """The errors of evaluated detections, with everything that their drawings need.

    detections:  (image, detection, 6)
    truth:       (image, box, 8): label, corners, and the cause of a missed box
    pixels:      returns the images of some samples; `names` their files
    averages:    the average precision per class; None without targets
    """

    labels: Sequence[str]
    detections: NumpyArray
    truth: NumpyArray
    limits: Limits
    averages: Sequence[float | None]
    pixels: Callable[[NDArray[np.int64]], Tensor]
    names: Callable[[NDArray[np.int64]], Sequence[str]]
    _numbers: dict[tuple[int, bool, int], int] = field(default_factory=dict, init=False)

    @cached_property
    def false(self) -> NumpyArray:
        """The cause of each false alarm: (image, detection, 3)."""
        return false_alarm_causes(
            self.detections, self.truth[..., :5], threshold=self.limits.threshold
        )

    @cached_property
    def taken(self) -> NDArray[np.int64]:
        """The true box that each detection takes, also below the decision threshold."""
        return match_boxes(self.detections, self.truth, iou_thresholds=(REACHES,))[0, 0]

    def section(self) -> Section:
        """Returns the causes and the curves with their images."""
        errors = [(group, name, places) for group, name, places in self._errors()]
        images = self._stored_images([places for _, _, places in errors])
        stored = {int(image): number for number, image in enumerate(images)}
        points = self._points(images)
        marked = self._marked(images, points)
        causes = [self._cause(group, name, places, stored) for group, name, places in errors]
        curves = {
            self.labels[label]: [self._point(label, some, stored) for some in listed]
            for label, listed in points.items()
        }
        notes = {
            self.labels[label]: f"average precision {_number(self.averages[label])}"
            for label in points
        }
        record = DetectionErrors(marked, self.labels, causes, curves, notes)
        text = (
            "Each missed box and each false alarm has one cause, the first that applies. Open a "
            "count, or choose a point of a curve, to see the boxes. Curves count all detections "
            f"with a score of {MIN_SCORE:g} or more, errors those with {self.limits.threshold:g} "
            "or more."
        )
        return Section("Missed boxes and false alarms", [Line(text, "dim"), record])

    def _errors(self) -> Iterator[tuple[str, str, list[tuple[int, int]]]]:
        """Yields each cause with the places (image, box or detection) of its errors."""
        for group, names, causes in (
            ("missed box", MISSES, self.truth[..., 5]),
            ("false alarm", FALSE_ALARMS, self.false[..., 0]),
        ):
            for number, name in enumerate(names):
                places = [(int(image), int(box)) for image, box in np.argwhere(causes == number)]
                yield group, name, _one_per_image_first(places)

    def _points(self, images: NDArray[np.int64]) -> dict[int, list[tuple[int, int, int, int]]]:
        """Returns some detections of the worst classes, in descending order of scores:
        rank, true positives up to it, image, number.

        They are the first, the last, and some in the images that are stored.
        """
        present = [label for label, value in enumerate(self.averages) if value is not None]
        present.sort(key=lambda label: self.averages[label] or 0.0)
        points = {}
        for label in present[:_MAX_CURVES]:
            image, number = np.nonzero(self.detections[..., 0] == label)
            order = np.argsort(-self.detections[image, number, 5], kind="stable")
            image, number = image[order], number[order]
            right = (self.taken[image, number] >= 0).cumsum()
            ends = np.isin(np.arange(len(order)), (0, len(order) - 1))
            ranks = np.flatnonzero(np.isin(image, images) | ends)
            some = np.unique(np.linspace(0, len(ranks) - 1, _MAX_POINTS).round().astype(int))
            points[label] = [
                (int(rank) + 1, int(right[rank]), int(image[rank]), int(number[rank]))
                for rank in (ranks[some] if len(ranks) else [])
            ]
        return points

    def _point(
        self, label: int, point: tuple[int, int, int, int], stored: Mapping[int, int]
    ) -> CurvePoint:
        rank, right, image, number = point
        wanted = int((self.truth[..., 0] == label).sum())
        place = None
        if image in stored:
            place = (stored[image], self._numbers[image, False, number])
        score = float(self.detections[image, number, 5])
        text = f"image {image + 1} of the split: {self._detection_text(image, number)}"
        return CurvePoint(right / wanted, right / rank, score, rank, place, text)

    def _stored_images(self, errors: Sequence[Sequence[tuple[int, int]]]) -> NDArray[np.int64]:
        """Returns the images to store: some of each cause in turn, then others."""
        images: dict[int, None] = {}
        for turn in range(_MAX_PLACES):
            for places in errors:
                if turn < len(places) and len(images) < _MAX_IMAGES:
                    images.setdefault(places[turn][0])
        for image in range(len(self.truth)):
            if len(images) >= _MAX_IMAGES:
                break
            images.setdefault(image)
        return np.array(sorted(images), dtype=np.int64)

    def _marked(
        self, images: NDArray[np.int64], points: Mapping[int, Sequence[tuple[int, int, int, int]]]
    ) -> list[MarkedImage]:
        """Returns the images with their true boxes and detections; of those below the
        threshold the ones of a curve."""
        in_curves = {(image, number) for some in points.values() for _, _, image, number in some}
        if not len(images):
            return []
        result = []
        for image, pixels, name in zip(
            images.tolist(), self.pixels(images), self.names(images), strict=True
        ):
            boxes: list[Mark] = []
            for box in np.flatnonzero(self.truth[image, :, 0] >= 0).tolist():
                self._numbers[image, True, box] = len(boxes)
                boxes.append(self._target_mark(image, box))
            for number in np.flatnonzero(self.detections[image, :, 0] >= 0).tolist():
                is_decided = self.detections[image, number, 5] >= self.limits.threshold
                if is_decided or (image, number) in in_curves:
                    self._numbers[image, False, number] = len(boxes)
                    boxes.append(self._detection_mark(image, number))
            result.append(MarkedImage(pixels, name, image, boxes))
        return result

    def _target_mark(self, image: int, box: int) -> Mark:
        label, left, top, right, bottom, cause = self.truth[image, box, :6].tolist()
        return Mark(
            int(label) + 1,
            (left, top, right, bottom),
            True,
            cause >= 0,
            self._target_text(image, box),
        )

    def _target_text(self, image: int, box: int) -> str:
        label, cause, measure, which = self.truth[image, box, [0, 5, 6, 7]].tolist()
        name = self.labels[int(label)]
        if cause < 0:
            (takers,) = np.nonzero(self.taken[image] == box)
            number = int(takers[0])
            return (
                f"{name}, found: score {self.detections[image, number, 5]:.2f}, "
                f"IoU {self._iou(image, number, box):.2f}"
            )
        named = {
            "suppressed": f"{int(which) + 1} (score {self.detections[image, int(which), 5]:.2f})",
        }
        other = self.labels[int(self.detections[image, int(which), 0])] if which >= 0 else ""
        text = _MISSED[MISSES[int(cause)]].format(
            measure=_measured(measure),
            which=named["suppressed"],
            name=other,
            threshold=self.limits.threshold,
        )
        return f"{name}, missed, {MISSES[int(cause)]}: {text}"

    def _detection_mark(self, image: int, number: int) -> Mark:
        label, left, top, right, bottom, _ = self.detections[image, number].tolist()
        return Mark(
            int(label) + 1,
            (left, top, right, bottom),
            False,
            bool(self.false[image, number, 0] >= 0),
            self._detection_text(image, number),
        )

    def _detection_text(self, image: int, number: int) -> str:
        label, score = self.detections[image, number, [0, 5]].tolist()
        head = f"detection {number + 1}, {self.labels[int(label)]}, score {score:.2f}"
        cause, measure, which = self.false[image, number].tolist()
        if cause >= 0:
            other = self.labels[int(self.truth[image, int(which), 0])] if which >= 0 else ""
            text = _FALSE[FALSE_ALARMS[int(cause)]].format(measure=_measured(measure), name=other)
            return f"{head}, false alarm, {FALSE_ALARMS[int(cause)]}: {text}"
        box = int(self.taken[image, number])
        low = f"; below {self.limits.threshold:g}, so it is not predicted"
        end = low if score < self.limits.threshold else ""
        if box < 0:
            return f"{head}, reaches no free true box{end}"
        return f"{head}, true positive: IoU {self._iou(image, number, box):.2f}{end}"

    def _iou(self, image: int, number: int, box: int) -> float:
        one = self.detections[image : image + 1, number : number + 1]
        return float(box_overlaps(one, self.truth[image : image + 1, box : box + 1]).item())

    def _cause(
        self,
        group: str,
        name: str,
        places: Sequence[tuple[int, int]],
        stored: Mapping[int, int],
    ) -> ErrorCause:
        is_missed = group == "missed box"
        source = self.truth if is_missed else self.detections
        labels = [int(source[image, box, 0]) for image, box in places]
        counts = [labels.count(label) for label in range(len(self.labels))]
        advice = (_MISSED_ADVICE if is_missed else _FALSE_ADVICE)[name]
        examples = [
            (stored[image], self._numbers[image, is_missed, box])
            for image, box in places
            if image in stored
        ]
        return ErrorCause(group, name, counts, advice.format(**self.limits._asdict()), examples)


def _one_per_image_first(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns places in turns over the images.

    Example:  >>> _one_per_image_first([(0, 1), (0, 2), (3, 0)])
              [(0, 1), (3, 0), (0, 2)]
    """
    turns, counts = [], dict[int, int]()
    for image, _ in places:
        counts[image] = counts.get(image, 0) + 1
        turns.append(counts[image])
    order = sorted(range(len(places)), key=lambda number: turns[number])
    return [places[number] for number in order]


def _measured(value: float) -> str:
    """Returns a score or an IoU with three decimals, or two digits of a small one.

    Example:  >>> _measured(0.49712), _measured(0.00031)
              ('0.497', '0.00031')
    """
    return f"{value:.3f}" if value >= _SMALL or value == 0 else f"{value:.2g}"
