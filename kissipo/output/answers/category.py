"""Category: one of a few classes that exclude each other.

Two classes are answered by one output (the probability of the second, `positive`, one), more by one output a class:
logits -> probabilities (sigmoid or softmax) -> decision (threshold or argmax) -> label.

Where one class is `sound` and all others are defects, a piece is called when 1 - P(sound) reaches a threshold that was chosen on the
validation part by what a missed defect costs; its label is then the likeliest defect. All measures are of these decisions.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.labels import Labels
from kissipo.core.codec import restore, save
from kissipo.core.errors import TaskError
from kissipo.core.frame import Frame
from kissipo.core.schema import word
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import Answer, DecodingStep, Evaluation, Prediction, Scores
from kissipo.output.decode.argmax import argmax
from kissipo.output.decode.threshold import threshold
from kissipo.output.inspection import Inspection
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

_MANY = 10  # classes; of more the truth among the five likeliest is told, too
_MOST_CONFUSED = 100  # classes; the matrix of more is too large to be kept or read

_MOST_CURVES = 40
_FALSE_NEGATIVE_COST = 10.0
_SAVED = ("positive_class", "eval_metric", "negative_class", "false_negative_cost")
_DECIDING: dict[str, Callable[[Any], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": lambda matrix: macro(f1(matrix), matrix),
}


@dataclass(frozen=True)
class Decode:
    """How probabilities become a decision."""

    SHORT: ClassVar[str] = "threshold"
    threshold: float = word(
        0.5, "decision threshold for the positive class, with two classes", above=0, below=1
    )
    top_k: int = word(3, "number of other likely classes listed per prediction", at_least=1)


@dataclass(frozen=True)
class Options:
    """The words of a category."""

    positive_class: str | None = word(
        None, "positive class, with two classes; the last in order when omitted"
    )
    decode: Decode = word(Decode(), "decision rule on the class probabilities")
    eval_metric: Literal["accuracy", "balanced_accuracy", "macro_f1"] | None = word(
        None, "main evaluation metric; accuracy when omitted"
    )
    negative_class: str | None = word(
        None, "class without a defect; all other classes count as defects"
    )
    false_negative_cost: float | None = word(
        None,
        "cost of a false negative in false positives, with negative_class; 10 when omitted",
        above=0,
    )


class Category(Answer):
    """A class out of a list."""

    WORD = "category"
    EVAL_METRIC = "accuracy"
    HIGHER_IS_BETTER = True
    BASELINES = (
        "majority",
        "logistic_regression",
        "nearest_neighbors",
        "random_forest",
        "forest_on_features",
        "tfidf_logistic",
        "local_patterns",
    )

    def __init__(
        self,
        column: str,
        options: Options = Options(),
        *,
        loss: str | None = None,
        known: tuple[str, ...] | None = None,
    ) -> None:
        self.codec: Labels = Labels(column, known=known)
        self.options, self._loss = options, loss
        self.EVAL_METRIC = options.eval_metric or Category.EVAL_METRIC
        self.inspection = (
            None
            if options.negative_class is None
            else Inspection(options.false_negative_cost or _FALSE_NEGATIVE_COST)
        )
        _refuse_two_thresholds(options)

    @property
    def name(self) -> str:
        return self.codec.column

    @property
    def levels(self) -> tuple[str, ...]:
        """The classes, the positive one last when there are two."""
        return self.codec.levels or ()

    @property
    def loss(self) -> str:
        return self._loss or (
            "binary_cross_entropy" if len(self.levels) == 2 else "sparse_categorical_cross_entropy"
        )

    @property
    def one_output(self) -> bool:
        """Whether the probability of the positive class is all that is answered."""
        return self.loss == "binary_cross_entropy"

    @property
    def spec(self) -> TensorSpec:
        words = self.levels[1:] if self.one_output else self.levels
        return TensorSpec(self.name, ("class",), (len(words),), words=words)

    def fit(self, frame: Frame) -> Self:
        self.codec.fit(frame)
        for word_, level in (
            ("positive_class", self.options.positive_class),
            ("negative_class", self.options.negative_class),
        ):
            if level is not None and level not in self.levels:
                given, do = f"'{level}'", did_you_mean(level, self.levels)
                raise TaskError(f"output.{word_} is no level of '{self.name}'", given=given, do=do)
        first, *others = self.levels or ("",)
        if len(others) == 1 and (
            self.options.positive_class == first
            or (self.options.positive_class is None and self.options.negative_class == others[0])
        ):
            self.codec.levels = (others[0], first)
        if self.one_output and len(self.levels) != 2:
            raise TaskError(
                f"process.loss=binary_cross_entropy needs two classes, '{self.name}' has {len(self.levels)}",
                do="Use process.loss=sparse_categorical_cross_entropy",
            )
        return self

    def suspicion(self, scores: Scores) -> Scores:
        """How likely a piece is not sound."""
        return np.asarray(1 - scores[:, self.levels.index(str(self.options.negative_class))])

    def is_defect(self, classes: Scores) -> Any:
        """Which class numbers are not the sound one."""
        return classes != self.levels.index(str(self.options.negative_class))

    def calibrate(self, scores: Scores, truth: Scores) -> None:
        """Chooses the threshold from which a piece is called, on samples of the validation part."""
        if self.inspection is not None:
            self.inspection = self.inspection.learned(self.suspicion(scores), self.is_defect(truth))

    def for_baselines(self) -> Category:
        """For answers whose probabilities on the validation part are not known: the threshold for probabilities that are true."""
        if self.inspection is None:
            return self
        plain = copy(self)
        plain.inspection = self.inspection.by_probability("simple answers have no validation part")
        return plain

    def scores(self, outputs: Tensor) -> Scores:
        outputs = outputs.detach().to(torch.float64)
        if self.one_output:
            yes = torch.sigmoid(outputs.reshape(-1))
            return torch.stack([1 - yes, yes], dim=1).numpy()
        return outputs.softmax(dim=-1).numpy()

    def truth(self, targets: Tensor) -> Scores:
        return targets.reshape(-1).numpy()

    def choose(self, scores: Scores) -> Scores:
        """Class numbers."""
        if self.inspection is not None and self.inspection.threshold is not None:
            sound = self.levels.index(str(self.options.negative_class))
            defects = scores.copy()
            defects[:, sound] = -1
            return np.where(
                self.suspicion(scores) >= self.inspection.threshold, argmax(defects), sound
            )
        return self.top(scores)

    def top(self, scores: Scores) -> Scores:
        """Class numbers as they would be without costs."""
        return (
            threshold(scores, self.options.decode.threshold)
            if scores.shape[1] == 2
            else argmax(scores)
        )

    def watch(self, scores: Scores, truth: Scores) -> Evaluation:
        chosen = self.choose(scores)
        measured = _DECIDING[self.EVAL_METRIC](confusion(truth, chosen, len(self.levels)))
        return Evaluation({self.EVAL_METRIC: measured}, each=self._each(chosen, truth))

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        chosen = self.choose(scores)
        matrix = confusion(truth, chosen, len(self.levels))
        by_class: dict[str, Any] = {
            "precision": precision(matrix),
            "recall": recall(matrix),
            "f1": f1(matrix),
        }
        every = {name: measure(matrix) for name, measure in _DECIDING.items()}
        metrics = {self.EVAL_METRIC: every[self.EVAL_METRIC], "accuracy": every["accuracy"]}
        if len(self.levels) > _MANY:
            metrics["top_5"] = top_k(truth, scores, 5)
        metrics |= (
            {name: float(rates[1]) for name, rates in by_class.items()}
            if len(self.levels) == 2
            else every
        )
        metrics |= {"roc_auc": roc_auc(truth, scores), "log_loss": log_loss(truth, scores)}
        by_class["average_precision"] = average_precision(truth, scores)
        details: dict[str, Any] = {
            "classes": list(self.levels),
            **({"confusion": matrix.tolist()} if len(self.levels) <= _MOST_CONFUSED else {}),
            "by_class": {name: [float(rate) for rate in rates] for name, rates in by_class.items()},
            "count": [int(count) for count in matrix.sum(axis=1)],
        }
        if len(self.levels) == 2:
            fpr, tpr = roc_curve(truth == 1, scores[:, 1])
            details |= {"positive": self.levels[1], "roc": _thinned(fpr, tpr)}
        if len(self.levels) <= _MOST_CURVES:
            curves = [
                precision_recall_curve(truth == at, scores[:, at]) for at in range(len(self.levels))
            ]
            details["precision_recall"] = [_steps(*curve) for curve in curves]
        if self.inspection is not None and self.inspection.threshold is not None:
            costs = self._costs(self.inspection, scores, truth, chosen)
            at = costs["at_threshold"]
            metrics |= {
                "false_negative_rate": at["false_negatives"] / max(1, at["positives"]),
                "false_positive_rate": at["false_positives"] / max(1, at["negatives"]),
                "cost": at["cost"],
            }
            details["inspection"] = costs
        return Evaluation(metrics, details, each=self._each(chosen, truth))

    def _costs(
        self, inspection: Inspection, scores: Scores, truth: Scores, chosen: Scores
    ) -> dict[str, Any]:
        """What is missed and called for nothing with the threshold, and what would be with the likeliest class."""
        top, defect = self.top(scores), self.is_defect(truth)
        plain = confusion(truth, top, len(self.levels))
        more = {"accuracy": accuracy(plain), "macro_f1": macro(f1(plain), plain)}
        return {
            **asdict(inspection),
            "at_threshold": inspection.counts(self.is_defect(chosen), defect),
            "at_argmax": inspection.counts(self.is_defect(top), defect) | more,
        }

    def _each(self, chosen: Scores, truth: Scores) -> Any:
        """The quality of every sample, so that its mean is the measure that decides."""
        by_sample = {
            "macro_f1": macro_f1_by_sample,
            "balanced_accuracy": balanced_accuracy_by_sample,
        }.get(self.EVAL_METRIC)
        return (
            (chosen == truth).astype(np.float64)
            if by_sample is None
            else by_sample(truth, chosen, len(self.levels))
        )

    def decide(self, scores: Scores) -> list[Prediction]:
        predictions, top_k = [], self.options.decode.top_k
        for row, chosen in zip(scores, self.choose(scores), strict=True):
            top = np.argsort(-row, kind="stable")[: top_k + 1]
            order = [int(at) for at in top if at != chosen][:top_k]
            others = tuple((self.levels[at], float(row[at])) for at in order)
            predictions.append(Prediction(self.levels[chosen], float(row[chosen]), others))
        return predictions

    def decoding(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        chosen = self.choose(scores)
        function = "sigmoid" if self.one_output else "softmax"
        how = f"threshold {self.options.decode.threshold:g}" if len(self.levels) == 2 else "argmax"
        if self.inspection is not None and self.inspection.threshold is not None:
            given = f"1 - P({self.options.negative_class}) = {self.suspicion(scores)[0]:.3g}"
            how = f"{given}, called from {self.inspection.threshold:.3g} on"
        return [
            DecodingStep(
                "logits",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "what the net gives",
            ),
            DecodingStep("probability", scores.shape[1:], scores[0], function),
            DecodingStep("decision", (), int(chosen[0]), how),
            DecodingStep(
                "label",
                (),
                self.levels[chosen[0]],
                f"class {int(chosen[0])} is '{self.levels[chosen[0]]}'",
            ),
        ]

    def state(self) -> dict[str, Any]:
        decode = {"threshold": self.options.decode.threshold, "top_k": self.options.decode.top_k}
        words = {name: getattr(self.options, name) for name in _SAVED}
        inspection = None if self.inspection is None else asdict(self.inspection)
        return {
            "codec": save(self.codec),
            **words,
            "decode": decode,
            "loss": self.loss,
            "inspection": inspection,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Labels)
        words = {name: state[name] for name in _SAVED if name in state}
        answer = cls(
            codec.column, Options(**words, decode=Decode(**state["decode"])), loss=state["loss"]
        )
        answer.codec = codec
        if answer.inspection is not None:
            answer.inspection = Inspection(**state["inspection"])
        return answer


def _refuse_two_thresholds(options: Options) -> None:
    if options.false_negative_cost is not None and options.negative_class is None:
        raise TaskError(
            "output.false_negative_cost needs output.negative_class, the class without a defect",
            do="Name it: output.negative_class=CLASS",
        )
    if options.negative_class is not None and options.decode.threshold != Decode().threshold:
        raise TaskError(
            "output.negative_class and output.decode.threshold both set the decision threshold",
            do="Leave output.decode.threshold out: output.false_negative_cost determines the threshold",
        )
    if options.negative_class is not None and options.positive_class == options.negative_class:
        raise TaskError(
            "output.positive_class and output.negative_class name the same class",
            given=f"'{options.negative_class}'",
        )


def _steps(recall: Scores, precision: Scores, most: int = 100) -> dict[str, list[float]]:
    """The points of a precision-recall curve at which more is found, few enough to draw it."""
    at = 1 + np.flatnonzero(np.diff(recall) > 0)
    at = at[np.unique(np.linspace(0, len(at) - 1, min(len(at), most)).round().astype(int))]
    return {
        "recall": [float(value) for value in recall[at]],
        "precision": [float(value) for value in precision[at]],
    }


def _thinned(fpr: Scores, tpr: Scores, most: int = 200) -> dict[str, list[float]]:
    """The curve with few points, enough to draw it."""
    at = np.unique(np.linspace(0, len(fpr) - 1, most).round().astype(int))
    return {"fpr": [float(value) for value in fpr[at]], "tpr": [float(value) for value in tpr[at]]}


ANSWER = Category
