"""Category: one of several classes that exclude each other.

The model has one output for two classes (the logit of the second, positive class), and
otherwise one output per class:
logits -> probabilities (sigmoid or softmax) -> decision (threshold or argmax) -> label.

With a `negative_class`, all other classes are defects. A defect is predicted when
1 - P(negative_class) reaches a threshold; the label is the most probable defect. The
threshold is calibrated on the validation split by the cost of a false negative.
All metrics are computed from these decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.labels import Labels, as_strings
from kissipo.core.codec import restore, save
from kissipo.core.description import Example, Image, Line, Record, Section, Table
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Predictions,
    Scores,
)
from kissipo.output.classification_sections import (
    MAX_CLASSES,
    cell_samples,
    confident_errors,
    confused_images,
    confusion_section,
    confusion_table,
    costs_section,
    precision_recall_section,
    threshold_section,
    wrong_and_right,
)
from kissipo.output.decode.argmax import argmax
from kissipo.output.decode.threshold import threshold
from kissipo.output.inspection import Inspection, describe_costs
from kissipo.output.macro_average import balanced_accuracy_by_sample, macro_f1_by_sample
from kissipo.output.metrics.confusion import confusion
from kissipo.output.metrics.ranking import (
    average_precision,
    log_loss,
    precision_recall_curve,
    roc_auc,
    roc_curve,
    top_k,
)
from kissipo.output.metrics.rates import accuracy, balanced_accuracy, f1, macro, precision, recall
from kissipo.output.series_target import SeriesQuestion, SeriesTarget
from kissipo.output.target_checks import (
    check_classes,
    join_blanks,
    join_case,
    missing_targets,
    other_classes,
    unknown_classes,
)

_TOP_5_ABOVE = 10  # classes; with more, top-5 accuracy is reported, too
_MAX_CONFUSION_CLASSES = 100  # a larger confusion matrix is neither saved nor readable
_MAX_CURVES = 40
_FALSE_NEGATIVE_COST = 10.0
_SAVED = (
    *("positive_class", "eval_metric", "negative_class", "false_negative_cost", "ignore_case"),
    "classes",
)
_EVAL_METRICS: dict[str, Callable[[NDArray[np.int64]], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": lambda matrix: macro(f1(matrix), matrix),
}


@dataclass(frozen=True)
class Decode:
    """The options of the decision rule."""

    SHORT: ClassVar[str] = "threshold"
    threshold: float = option(
        0.5, "decision threshold for the positive class, with two classes", above=0, below=1
    )
    top_k: int = option(3, "number of other likely classes listed per prediction", minimum=1)


@dataclass(frozen=True)
class Options:
    """The options of a category."""

    positive_class: str | None = option(
        None, "positive class, with two classes; the last in order when omitted"
    )
    decode: Decode = option(Decode(), "decision rule on the class probabilities")
    eval_metric: Literal["accuracy", "balanced_accuracy", "macro_f1"] | None = option(
        None, "main evaluation metric; accuracy when omitted"
    )
    negative_class: str | None = option(
        None, "class without a defect; all other classes count as defects"
    )
    false_negative_cost: float | None = option(
        None,
        "cost of a false negative in false positives, with negative_class; 10 when omitted",
        above=0,
    )
    ignore_case: bool | None = option(
        None,
        "join classes that differ only in upper and lower case, in the most frequent spelling; "
        "they stay apart when omitted",
    )
    classes: tuple[str, ...] | None = option(
        None,
        "classes that are learned; rows of another class are not trained on, but predicted; "
        "all when omitted",
    )


class Category(Answer):
    """One class out of a list."""

    WORD = "category"
    OBJECT_LOSS = "sparse_categorical_cross_entropy"
    EVAL_METRIC = "accuracy"
    HIGHER_IS_BETTER = True
    HAS_HEAT_MAPS = True
    BASELINES = (
        "majority",
        "logistic_regression",
        "nearest_neighbors",
        "random_forest",
        "forest_on_features",
        "tfidf_logistic",
        "logistic_all_columns",
        "gradient_boosting",
        "support_vector_machine",
    )
    MORE_BASELINES = ("tfidf_svm",)

    def __init__(
        self,
        column: str,
        options: Options = Options(),
        *,
        loss: str | None = None,
        order: tuple[str, ...] | None = None,
    ) -> None:
        self.codec: Labels = Labels(column, order=order)
        self.options, self._loss = options, self.loss_name(loss)
        self.EVAL_METRIC = options.eval_metric or Category.EVAL_METRIC
        self.inspection = (
            None
            if options.negative_class is None
            else Inspection(options.false_negative_cost or _FALSE_NEGATIVE_COST)
        )
        _refuse_two_thresholds(options)

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        column, joined = join_blanks(as_strings(frame[self.name]))
        findings += joined
        if self.options.ignore_case:
            column, joined = join_case(column, trained=self.classes)
            findings += joined
        return frame.replaced(column)

    def usable_rows(
        self,
        frame: Frame,
        findings: list[Finding],
        *,
        missing: Literal["empty", "left_out"] | None = None,
    ) -> Frame:
        frame = super().usable_rows(frame, findings, missing=missing)
        if self.options.classes is None:
            return frame
        others, remarks = other_classes(frame[self.name], self.options.classes)
        findings += remarks
        return frame.take(np.flatnonzero(~others))

    def check_targets(self, frame: Frame) -> list[Finding]:
        unknown = unknown_classes(frame[self.name]) if self.options.classes is None else []
        return check_classes(frame[self.name], is_tested=self.is_tested) + unknown

    def strata(self, frame: Frame) -> Scores | None:
        return frame[self.name].values

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes; of two classes, the positive class is the second."""
        return self.codec.classes or ()

    @property
    def loss(self) -> str:
        return self._loss or (
            "binary_cross_entropy" if len(self.classes) == 2 else "sparse_categorical_cross_entropy"
        )

    @property
    def one_output(self) -> bool:
        """Whether the model outputs only the logit of the positive class."""
        return self.loss == "binary_cross_entropy"

    @property
    def spec(self) -> TensorSpec:
        words = self.classes[1:] if self.one_output else self.classes
        return TensorSpec(self.name, ("class",), (len(words),), labels=words)

    @classmethod
    def for_series(cls, options: Options, question: SeriesQuestion) -> SeriesTarget:
        """Returns the class of the last step of a window as the target."""
        name, frame = question.names[0], question.frame
        if frame[name].missing.any():
            raise DataError(
                f"'{name}' has no class for some steps",
                got=missing_targets(frame, name)[0].message,
                do="Fill the missing classes",
            )
        texts = as_strings(frame[name])
        if options.ignore_case:
            texts, _ = join_case(texts)
        check_classes(texts)
        inferred = InferredOption("input.features", list(question.numeric), "every numeric column")
        return SeriesTarget(
            frame.replaced(texts),
            (name,),
            question.features or question.numeric,
            lambda window: cls(name, options, loss=question.loss),
            starts="last",
            fits_all=True,
            inferred=() if question.features else (inferred,),
        )

    def fit(self, frame: Frame) -> Self:
        self.codec.fit(frame)
        for place, name in (
            ("positive_class", self.options.positive_class),
            ("negative_class", self.options.negative_class),
        ):
            if name is not None and name not in self.classes:
                raise TaskError(
                    f"output.{place} is not a class of '{self.name}'",
                    got=f"'{name}'",
                    do=did_you_mean(name, self.classes),
                )
        first, *others = self.classes or ("",)
        if len(others) == 1 and (
            self.options.positive_class == first
            or (self.options.positive_class is None and self.options.negative_class == others[0])
        ):
            self.codec.classes = (others[0], first)
        if self.one_output and len(self.classes) != 2:
            raise TaskError(
                "process.loss=binary_cross_entropy needs two classes, "
                f"'{self.name}' has {len(self.classes)}",
                do="Use process.loss=sparse_categorical_cross_entropy",
            )
        return self

    @property
    def class_count(self) -> int:
        return len(self.classes)

    def check_validation(self, targets: Tensor) -> None:
        """Refuses a split without one of the defects, as costs set the threshold."""
        if self.inspection is None:
            return
        counts = np.bincount(targets.reshape(-1).numpy(), minlength=len(self.classes))
        by_class = dict(zip(self.classes, counts.tolist(), strict=True))
        absent = [name for name, count in by_class.items() if not count]
        defects = [name for name in absent if name != self.options.negative_class]
        if defects:
            raise DataError(
                f"the validation split contains no '{defects[0]}', "
                "so the threshold of output.negative_class would ignore that defect",
                got=", ".join(f"{name} {count}" for name, count in by_class.items()),
                do=(
                    "Set a larger input.split.validation or another input.split.seed; "
                    "or input.split.validation=0, for the threshold "
                    "1 / (1 + output.false_negative_cost)"
                ),
            )

    def suspicion(self, scores: Scores) -> Scores:
        """Returns the probability of a defect, 1 - P(negative_class)."""
        return np.asarray(1 - scores[:, self.classes.index(str(self.options.negative_class))])

    def is_defect(self, classes: Scores) -> NDArray[np.bool_]:
        """Returns for each class index whether it is a defect."""
        return classes != self.classes.index(str(self.options.negative_class))

    def calibrate(self, predictions: Predictions) -> None:
        """Calibrates the threshold on the validation split."""
        if self.inspection is None:
            return
        nothing = np.zeros((0, len(self.classes))), np.zeros(0, dtype=np.int64)
        scores, truth = predictions("validation") or nothing
        self.inspection = self.inspection.calibrated(self.suspicion(scores), self.is_defect(truth))

    def for_baselines(self) -> Category:
        """Returns the answer with the threshold for calibrated probabilities.

        Baselines make no predictions on the validation split.
        """
        if self.inspection is None:
            return self
        plain = copy(self)
        plain.inspection = self.inspection.by_probability("baselines have no validation split")
        return plain

    def scores(self, outputs: Tensor) -> Scores:
        outputs = outputs.detach().to(torch.float64)
        if self.one_output:
            positive = torch.sigmoid(outputs.reshape(-1))
            return torch.stack([1 - positive, positive], dim=1).numpy()
        return outputs.softmax(dim=-1).numpy()

    def class_probabilities(self, outputs: Tensor) -> Scores:
        return self.scores(outputs)

    def truth(self, targets: Tensor) -> Scores:
        return targets.reshape(-1).numpy()

    def predicted(self, scores: Scores) -> Scores:
        return self.choose(scores)

    def choose(self, scores: Scores) -> Scores:
        """Returns the predicted class indices."""
        if self.inspection is not None and self.inspection.threshold is not None:
            negative = self.classes.index(str(self.options.negative_class))
            defects = scores.copy()
            defects[:, negative] = -1
            return np.where(
                self.suspicion(scores) >= self.inspection.threshold, argmax(defects), negative
            )
        return self.top(scores)

    def top(self, scores: Scores) -> Scores:
        """Returns the class indices that ignore the cost of errors."""
        return (
            threshold(scores, self.options.decode.threshold)
            if scores.shape[1] == 2
            else argmax(scores)
        )

    def watch(self, scores: Scores, truth: Scores) -> Evaluation:
        predicted = self.choose(scores)
        value = _EVAL_METRICS[self.EVAL_METRIC](confusion(truth, predicted, len(self.classes)))
        return Evaluation({self.EVAL_METRIC: value}, per_sample=self._quality(predicted, truth))

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        predicted = self.choose(scores)
        matrix = confusion(truth, predicted, len(self.classes))
        by_class: JsonObject = {
            "precision": precision(matrix),
            "recall": recall(matrix),
            "f1": f1(matrix),
        }
        every = {name: metric(matrix) for name, metric in _EVAL_METRICS.items()}
        metrics = {self.EVAL_METRIC: every[self.EVAL_METRIC], "accuracy": every["accuracy"]}
        if len(self.classes) > _TOP_5_ABOVE:
            metrics["top_5"] = top_k(truth, scores, 5)
        metrics |= (
            {name: float(rates[1]) for name, rates in by_class.items()}
            if len(self.classes) == 2
            else every
        )
        metrics |= {"roc_auc": roc_auc(truth, scores), "log_loss": log_loss(truth, scores)}
        by_class["average_precision"] = average_precision(truth, scores)
        details: JsonObject = {
            "classes": list(self.classes),
            **(
                {"confusion": matrix.tolist()}
                if len(self.classes) <= _MAX_CONFUSION_CLASSES
                else {}
            ),
            "by_class": {name: [float(rate) for rate in rates] for name, rates in by_class.items()},
            "count": [int(count) for count in matrix.sum(axis=1)],
        }
        if len(self.classes) == 2:
            fpr, tpr = roc_curve(truth == 1, scores[:, 1])
            details |= {"positive": self.classes[1], "roc": _thinned(fpr, tpr)}
        if len(self.classes) <= _MAX_CURVES:
            curves = [
                precision_recall_curve(truth == index, scores[:, index])
                for index in range(len(self.classes))
            ]
            details["precision_recall"] = [_steps(*curve) for curve in curves]
        if self.inspection is not None and self.inspection.threshold is not None:
            costs = self._costs(self.inspection, scores, truth, predicted)
            counts = costs["at_threshold"]
            metrics |= {
                "false_negative_rate": counts["false_negatives"] / max(1, counts["positives"]),
                "false_positive_rate": counts["false_positives"] / max(1, counts["negatives"]),
                "cost": counts["cost"],
            }
            details["inspection"] = costs
        return Evaluation(metrics, details, per_sample=self._quality(predicted, truth))

    def _costs(
        self, inspection: Inspection, scores: Scores, truth: Scores, predicted: Scores
    ) -> JsonObject:
        """Counts errors and costs at the threshold, and at the argmax."""
        top, defect = self.top(scores), self.is_defect(truth)
        plain = confusion(truth, top, len(self.classes))
        more = {"accuracy": accuracy(plain), "macro_f1": macro(f1(plain), plain)}
        return {
            **asdict(inspection),
            "at_threshold": inspection.counts(self.is_defect(predicted), defect),
            "at_argmax": inspection.counts(self.is_defect(top), defect) | more,
        }

    def _quality(self, predicted: Scores, truth: Scores) -> NDArray[np.float64]:
        """Returns the quality per sample; its mean is the main metric."""
        by_sample = {
            "macro_f1": macro_f1_by_sample,
            "balanced_accuracy": balanced_accuracy_by_sample,
        }.get(self.EVAL_METRIC)
        return (
            (predicted == truth).astype(np.float64)
            if by_sample is None
            else by_sample(truth, predicted, len(self.classes))
        )

    def decode(self, scores: Scores) -> list[Prediction]:
        predictions, top_k = [], self.options.decode.top_k
        for row, predicted in zip(scores, self.choose(scores), strict=True):
            top = np.argsort(-row, kind="stable")[: top_k + 1]
            order = [int(index) for index in top if index != predicted][:top_k]
            others = tuple((self.classes[index], float(row[index])) for index in order)
            predictions.append(Prediction(self.classes[predicted], float(row[predicted]), others))
        return predictions

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        predicted = self.choose(scores)
        function = "sigmoid" if self.one_output else "softmax"
        how = f"threshold {self.options.decode.threshold:g}" if len(self.classes) == 2 else "argmax"
        if self.inspection is not None and self.inspection.threshold is not None:
            how = (
                f"1 - P({self.options.negative_class}) = {self.suspicion(scores)[0]:.3g}, "
                f"threshold {self.inspection.threshold:.3g}"
            )
        return [
            DecodingStep(
                "logits",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "model output",
            ),
            DecodingStep("probability", scores.shape[1:], scores[0], function),
            DecodingStep("decision", (), int(predicted[0]), how),
            DecodingStep(
                "label",
                (),
                self.classes[predicted[0]],
                f"class {int(predicted[0])} is '{self.classes[predicted[0]]}'",
            ),
        ]

    def heat_score(self, outputs: Tensor, classes: Tensor) -> Tensor:
        if self.one_output:
            return outputs.reshape(-1) * (2 * classes - 1)
        return super().heat_score(outputs, classes)

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        output, truth = f"outputs[{number}]", f"targets[{number}].flatten()"
        choice = (
            f"({output}.flatten().sigmoid() >= {self.options.decode.threshold}).long()"
            if self.one_output
            else f"{output}.argmax(1)"
        )
        return ScriptPart(
            (
                f"choice, truth = {choice}, {truth}",
                f'values["{prefix}accuracy"] = float((choice == truth).double().mean())',
                f'values["{prefix}macro_f1"] = float(f1_score(truth, choice, average="macro"))',
            ),
            quality=f"({choice} == {truth}).double()",
            imports=("from sklearn.metrics import f1_score",),
        )

    def state(self) -> JsonObject:
        decode = {"threshold": self.options.decode.threshold, "top_k": self.options.decode.top_k}
        options = {name: getattr(self.options, name) for name in _SAVED}
        inspection = None if self.inspection is None else asdict(self.inspection)
        return {
            "codec": save(self.codec),
            **options,
            "decode": decode,
            "loss": self.loss,
            "inspection": inspection,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Labels)
        options = {name: state[name] for name in _SAVED if name in state}
        answer = cls(
            codec.column, Options(**options, decode=Decode(**state["decode"])), loss=state["loss"]
        )
        answer.codec = codec
        if answer.inspection is not None:
            answer.inspection = Inspection(**state["inspection"])
        return answer

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        records: list[Line | Table] = []
        if full and "confusion" in evaluation.details:
            records += [Line(""), confusion_table(evaluation.details)]
        if "inspection" in evaluation.details:
            records.append(Line(f"Inspection: {describe_costs(evaluation.details['inspection'])}"))
        return records

    def split_counts(self, targets: Callable[[], Tensor]) -> Mapping[str, int]:
        if len(self.classes) > _MAX_CONFUSION_CLASSES:
            return {}
        counts = np.bincount(targets().reshape(-1).numpy(), minlength=len(self.classes))
        return dict(zip(self.classes, counts.tolist(), strict=True))

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        details, sections = data.evaluation.details, []
        if "confusion" in details and len(self.classes) <= MAX_CLASSES:
            predicted = self.choose(data.scores)
            images = confused_images(data, predicted, self.classes) if data.has_images else []
            sections.append(confusion_section(details, images, self._in_cells(data, predicted)))
        sections += self._threshold(data)
        if "inspection" in details:
            sections.append(costs_section(details["inspection"]))
        if "precision_recall" in details:
            sections.append(precision_recall_section(details))
        return [*sections, self.worst_predictions(data)]

    def _in_cells(
        self, data: EvaluationData, predicted: Scores
    ) -> dict[tuple[int, int], list[Example]]:
        """Returns some samples of each cell of the confusion matrix."""
        cells = cell_samples(data.truth, predicted, data.scores)
        samples = [sample for some in cells.values() for sample in some.tolist()]
        described = iter(self.described_examples(data, samples, [""] * len(samples)))
        return {cell: [next(described) for _ in some] for cell, some in cells.items()}

    def _threshold(self, data: EvaluationData) -> list[Section]:
        """Returns the threshold of two classes, or of defects."""
        inspection = self.inspection
        if inspection is not None and inspection.threshold is not None:
            name = self.classes[1] if len(self.classes) == 2 else "any defect"
            suspicion, positive = self.suspicion(data.scores), self.is_defect(data.truth)
            cost = inspection.false_negative_cost
            return [threshold_section(suspicion, positive, name, inspection.threshold, cost)]
        if len(self.classes) != 2:
            return []
        return [
            threshold_section(
                data.scores[:, 1],
                data.truth == 1,
                self.classes[1],
                self.options.decode.threshold,
                1.0,
            )
        ]

    def worst(self, scores: Scores, truth: Scores, quality: Scores) -> Scores:
        """Returns the wrong predictions, the most confident first."""
        return confident_errors(scores, self.choose(scores) == truth)

    def examples(self, scores: Scores, truth: Scores, quality: Scores) -> Sequence[tuple[int, str]]:
        return wrong_and_right(scores, self.choose(scores) == truth)

    def describe_target(self, target: Any) -> str:
        return self.classes[int(target)]

    def drawn_samples(
        self, data: EvaluationData, samples: Scores, captions: Sequence[str]
    ) -> Sequence[Record]:
        frame, scores = data.rows_of(samples), data.scores[samples]
        for codec in data.codecs:
            drawn = codec.drawings(frame, captions, data.truth[samples], argmax(scores))
            if drawn:
                return drawn
        if not data.has_images:
            return []
        inputs = data.inputs(samples)
        if len(inputs) > 1 or inputs[0].dim() != 4:
            return [data.gallery(samples, captions)]
        maps, method = data.heat_maps(inputs[0], self.choose(scores).tolist())
        overlays = [[Image(image, heat=heat)] for image, heat in zip(inputs[0], maps, strict=True)]
        text = f"Warm colors mark the regions that support the prediction: {method}."
        return [data.gallery(samples, captions, overlays), Line(text, "dim")]


def _refuse_two_thresholds(options: Options) -> None:
    if options.false_negative_cost is not None and options.negative_class is None:
        raise TaskError(
            "output.false_negative_cost needs output.negative_class, the class without a defect",
            do="Name it: output.negative_class=CLASS",
        )
    if options.negative_class is not None and options.decode.threshold != Decode().threshold:
        raise TaskError(
            "output.negative_class and output.decode.threshold both set the decision threshold",
            do="Leave output.decode.threshold out: "
            "output.false_negative_cost determines the threshold",
        )
    if options.negative_class is not None and options.positive_class == options.negative_class:
        raise TaskError(
            "output.positive_class and output.negative_class name the same class",
            got=f"'{options.negative_class}'",
        )


def _steps(recall: Scores, precision: Scores, points: int = 100) -> dict[str, list[float]]:
    """Returns at most `points` points of a curve at which the recall rises."""
    index = 1 + np.flatnonzero(np.diff(recall) > 0)
    index = index[
        np.unique(np.linspace(0, len(index) - 1, min(len(index), points)).round().astype(int))
    ]
    return {"recall": recall[index].tolist(), "precision": precision[index].tolist()}


def _thinned(fpr: Scores, tpr: Scores, points: int = 200) -> dict[str, list[float]]:
    """Returns at most `points` points of the curve."""
    index = np.unique(np.linspace(0, len(fpr) - 1, points).round().astype(int))
    return {"fpr": fpr[index].tolist(), "tpr": tpr[index].tolist()}


ANSWER = Category
