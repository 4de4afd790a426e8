"""Labels: any number of labels per sample, which do not exclude each other.

The model has one output per label:
logits -> probabilities (sigmoid each) -> every label with at least the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, float64

from kissipo.codec.label_sets import LabelSets, most_frequent_separator
from kissipo.codec.labels import as_strings
from kissipo.core.codec import restore, save
from kissipo.core.description import Line, Section, Table
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)

_MAX_ROWS = 60  # of the table of labels


@dataclass(frozen=True)
class Decode:
    """The options of the decision rule."""

    SHORT: ClassVar[str] = "threshold"
    threshold: float = option(
        0.5, "probability from which on a label is predicted", above=0, below=1
    )


@dataclass(frozen=True)
class Options:
    """The options of several labels."""

    separator: str | None = option(
        None, "separator between the labels of a cell; found in the cells when omitted"
    )
    decode: Decode = option(Decode(), "decision rule on the label probabilities")


class LabelSet(Answer):
    """Any number of labels out of a list."""

    WORD = "labels"
    EVAL_METRIC = "samples_f1"
    HIGHER_IS_BETTER = True
    DEFAULT_LOSS = "binary_cross_entropy"
    BASELINES = ("label_frequencies", "one_vs_rest_logistic")
    SOURCES = ("table",)
    OBJECT_LOSS = "binary_cross_entropy"

    def __init__(
        self, column: str, options: Options = Options(), *, loss: str | None = None
    ) -> None:
        self.codec: LabelSets = LabelSets(column, separator=options.separator or ";")
        self.options, self._loss = options, self.loss_name(loss)

    @classmethod
    def for_rows(cls, value: object, options: Options, *, loss: str | None, frame: Frame) -> Self:
        """Returns the answer, with the separator that most cells contain."""
        separator = options.separator or most_frequent_separator(as_strings(frame[str(value)]))
        if not separator.strip() and separator != " ":
            raise TaskError("output.separator is empty", do="Give a character, such as ';'")
        return cls(str(value), Options(separator, options.decode), loss=loss)

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        return frame.replaced(as_strings(frame[self.name]))

    def check_targets(self, frame: Frame) -> list[Finding]:
        """Reports the labels; a single one is refused."""
        counts, mark = self.codec.counts(frame), self.codec.separator
        if len(counts) < 2:
            raise DataError(
                f"the target column '{self.name}' has only one label when it is separated by "
                f"'{mark}'",
                got=f"'{next(iter(counts), '')}'",
                do="Name the separator with output.separator, or use output.category",
            )
        rarest = min(counts, key=lambda label: counts[label])
        per_row = sum(counts.values()) / len(frame)
        message = (
            f"{len(counts)} labels of '{self.name}', separated by '{mark}', {per_row:.1f} per row; "
            f"the rarest, '{rarest}', in {counts[rarest]} of {len(frame)} rows"
        )
        return [Finding("PASS", "labels", message)]

    def fitted_findings(self, frame: Frame) -> list[Finding]:
        absent = [label for label in self.codec.counts(frame) if label not in self.classes]
        if not absent:
            return []
        listed = list_some([f"'{label}'" for label in absent], 5)
        return [
            Finding(
                "WARN",
                "rare labels",
                f"{len(absent)} labels of '{self.name}' are not in the training split: {listed}",
                "they are never predicted, and not part of the evaluation",
            )
        ]

    @property
    def classes(self) -> tuple[str, ...]:
        return self.codec.classes or ()

    @property
    def spec(self) -> TensorSpec:
        return self.codec.spec

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().to(float64).sigmoid().numpy()

    def class_probabilities(self, outputs: Tensor) -> Scores:
        return self.scores(outputs)

    def predicted(self, scores: Scores) -> NDArray[np.int64]:
        """Returns 1 for every label with at least the threshold."""
        return (scores >= self.options.decode.threshold).astype(np.int64)

    def watch(self, scores: Scores, truth: Scores) -> Evaluation:
        quality = _f1_by_sample(truth, self.predicted(scores))
        return Evaluation({self.EVAL_METRIC: float(quality.mean())}, per_sample=quality)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        from sklearn.metrics import f1_score, hamming_loss, precision_recall_fscore_support

        predicted = self.predicted(scores)
        quality = _f1_by_sample(truth, predicted)
        metrics = {
            self.EVAL_METRIC: float(quality.mean()),
            "micro_f1": float(f1_score(truth, predicted, average="micro", zero_division=0)),
            "macro_f1": float(f1_score(truth, predicted, average="macro", zero_division=0)),
            "subset_accuracy": float((truth == predicted).all(axis=1).mean()),
            "hamming_loss": float(hamming_loss(truth, predicted)),
        }
        precision, recall, f1, counts = precision_recall_fscore_support(
            truth, predicted, average=None, zero_division=0
        )
        details: JsonObject = {
            "classes": list(self.classes),
            "by_class": {
                "precision": precision.tolist(),
                "recall": recall.tolist(),
                "f1": f1.tolist(),
            },
            "count": counts.tolist(),
        }
        return Evaluation(metrics, details, per_sample=quality)

    def decode(self, scores: Scores) -> list[Prediction]:
        predictions = []
        for row, decision in zip(scores, self.predicted(scores), strict=True):
            order = np.argsort(-row, kind="stable").tolist()
            shares = tuple((self.classes[index], float(row[index])) for index in order)
            predictions.append(Prediction(self.codec.join(decision.tolist()), others=shares))
        return predictions

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        decision = self.predicted(scores)[0]
        how = f"at least {self.options.decode.threshold:g}"
        logits = outputs[0].detach().numpy()
        return [
            DecodingStep("logits", tuple(outputs.shape[1:]), logits, "model output"),
            DecodingStep("probability", scores.shape[1:], scores[0], "sigmoid of each label"),
            DecodingStep("decision", decision.shape, decision, how),
            DecodingStep(
                "labels", (), self.codec.join(decision.tolist()), "the labels of the ones"
            ),
        ]

    def describe_target(self, target: object) -> str:
        return self.codec.join(np.asarray(target).tolist()) or "no label"

    def worst(self, scores: Scores, truth: Scores, quality: Scores) -> NDArray[np.int64]:
        order = np.argsort(quality, kind="stable")
        return order[quality[order] < 1]

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        return [Line(""), _label_table(evaluation.details)] if full else ()

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        table = _label_table(data.evaluation.details)
        return [Section("Labels", [table]), self.worst_predictions(data)]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        choice = f"(outputs[{number}].sigmoid() >= {self.options.decode.threshold}).long()"
        truth = f"targets[{number}]"
        total = f"({choice} + {truth}).sum(1)"
        quality = (
            f"torch.where({total} > 0, 2 * ({choice} * {truth}).sum(1) / {total}.clamp(min=1), 1.0)"
        )
        return ScriptPart(
            (
                f"choice, truth = {choice}, {truth}",
                f'values["{prefix}samples_f1"] = float({quality}.double().mean())',
                f'values["{prefix}subset_accuracy"] = '
                "float((choice == truth).all(1).double().mean())",
            ),
            quality=f"{quality}.double()",
            imports=("import torch",),
        )

    def state(self) -> JsonObject:
        decode = {"threshold": self.options.decode.threshold}
        return {"codec": save(self.codec), "decode": decode, "loss": self.loss}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, LabelSets)
        options = Options(codec.separator, Decode(**state["decode"]))
        answer = cls(codec.column, options, loss=state["loss"])
        answer.codec = codec
        return answer


def _f1_by_sample(truth: Scores, predicted: Scores) -> NDArray[np.float64]:
    """Returns 2 · hits / (true + predicted labels), 1 where there are none at all."""
    hits, total = (truth * predicted).sum(axis=1), (truth + predicted).sum(axis=1)
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), 1.0)


def _label_table(details: JsonMapping) -> Table:
    rates = details["by_class"]
    rows = [
        [name, f"{count:,}", *(f"{rates[rate][number]:.3f}" for rate in rates)]
        for number, (name, count) in enumerate(
            zip(details["classes"], details["count"], strict=True)
        )
    ]
    return Table(["label", "examples", *rates], rows[:_MAX_ROWS], numbers=(1, 2, 3, 4))


ANSWER = LabelSet
