"""Category: one of a few classes that exclude each other.

Two classes are answered by one output (the probability of the second, `positive`, one), more by one output a class:
logits -> probabilities (sigmoid or softmax) -> decision (threshold or argmax) -> label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.labels import Labels
from kissipo.core.axes import Port
from kissipo.core.door import restore, save
from kissipo.core.errors import TaskError
from kissipo.core.frame import Frame
from kissipo.core.schema import word
from kissipo.core.suggest import did_you_mean
from kissipo.output.answer import Answer, Decision, DecodingStep, Judgement, Scores
from kissipo.output.decode.argmax import argmax
from kissipo.output.decode.threshold import threshold
from kissipo.output.metrics.confusion import confusion
from kissipo.output.metrics.log_loss import log_loss
from kissipo.output.metrics.rates import accuracy, balanced_accuracy, f1, macro, precision, recall
from kissipo.output.metrics.roc import roc_area_of_classes, roc_curve
from kissipo.output.metrics.top import top

_MANY = 10  # classes; of more the truth among the five likeliest is told, too
_MOST_CONFUSED = 100  # classes; the matrix of more is too large to be kept or read


@dataclass(frozen=True)
class Decode:
    """How probabilities become a decision."""

    SHORT: ClassVar[str] = "threshold"
    threshold: float = word(
        0.5, "with two classes: the least probability for which the positive one is answered", above=0, below=1
    )
    top: int = word(3, "how many likely classes are shown beside the answer", at_least=1)


@dataclass(frozen=True)
class Options:
    """The words of a category."""

    positive: str | None = word(None, "with two classes: the one that is sought; by default the last in order")
    decode: Decode = word(Decode(), "how probabilities become a decision")


class Category(Answer):
    """A class out of a list."""

    WORD = "category"
    MAIN = "accuracy"
    HIGHER_IS_BETTER = True
    BASELINES = (
        "majority",
        "logistic_regression",
        "nearest_neighbours",
        "random_forest",
        "tfidf_logistic",
        "surroundings",
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

    @property
    def name(self) -> str:
        return self.codec.column

    @property
    def levels(self) -> tuple[str, ...]:
        """The classes, the positive one last when there are two."""
        return self.codec.levels or ()

    @property
    def loss(self) -> str:
        return self._loss or ("binary_cross_entropy" if len(self.levels) == 2 else "sparse_categorical_cross_entropy")

    @property
    def one_output(self) -> bool:
        """Whether the probability of the positive class is all that is answered."""
        return self.loss == "binary_cross_entropy"

    @property
    def port(self) -> Port:
        words = self.levels[1:] if self.one_output else self.levels
        return Port(self.name, ("class",), (len(words),), words=words)

    def fit(self, frame: Frame) -> Self:
        self.codec.fit(frame)
        positive = self.options.positive
        if positive is not None:
            if positive not in self.levels:
                raise TaskError(
                    f"output.positive is no level of '{self.name}'",
                    given=f"'{positive}'",
                    do=did_you_mean(positive, self.levels),
                )
            if len(self.levels) == 2 and self.levels[0] == positive:
                self.codec.levels = (self.levels[1], self.levels[0])
        if self.one_output and len(self.levels) != 2:
            raise TaskError(
                f"process.loss=binary_cross_entropy needs two classes, '{self.name}' has {len(self.levels)}",
                do="Use process.loss=sparse_categorical_cross_entropy",
            )
        return self

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
        return threshold(scores, self.options.decode.threshold) if scores.shape[1] == 2 else argmax(scores)

    def judge(self, scores: Scores, truth: Scores) -> Judgement:
        chosen = self.choose(scores)
        matrix = confusion(truth, chosen, len(self.levels))
        by_class = {"precision": precision(matrix), "recall": recall(matrix), "f1": f1(matrix)}
        metrics = {"accuracy": accuracy(matrix)}
        if len(self.levels) > _MANY:
            metrics["top_5"] = top(truth, scores, 5)
        if len(self.levels) == 2:
            metrics |= {f"{name}": float(rates[1]) for name, rates in by_class.items()}
        else:
            metrics |= {"balanced_accuracy": balanced_accuracy(matrix), "macro_f1": macro(by_class["f1"], matrix)}
        metrics |= {"roc_auc": roc_area_of_classes(truth, scores), "log_loss": log_loss(truth, scores)}
        details: dict[str, Any] = {
            "classes": list(self.levels),
            **({"confusion": matrix.tolist()} if len(self.levels) <= _MOST_CONFUSED else {}),
            "by_class": {name: [float(rate) for rate in rates] for name, rates in by_class.items()},
            "count": [int(count) for count in matrix.sum(axis=1)],
        }
        if len(self.levels) == 2:
            fpr, tpr = roc_curve(truth == 1, scores[:, 1])
            details |= {"positive": self.levels[1], "roc": _thinned(fpr, tpr)}
        return Judgement(metrics, details, each=(chosen == truth).astype(np.float64))

    def decide(self, scores: Scores) -> list[Decision]:
        decisions, top = [], self.options.decode.top
        for row, chosen in zip(scores, self.choose(scores), strict=True):
            likeliest = np.argsort(-row, kind="stable")[: top + 1]
            order = [int(at) for at in likeliest if at != chosen][:top]
            others = tuple((self.levels[at], float(row[at])) for at in order)
            decisions.append(Decision(self.levels[chosen], float(row[chosen]), others))
        return decisions

    def decoding(self, outputs: Tensor) -> list[DecodingStep]:
        scores = self.scores(outputs)
        chosen = self.choose(scores)
        function = "sigmoid" if self.one_output else "softmax"
        how = f"threshold {self.options.decode.threshold:g}" if len(self.levels) == 2 else "argmax"
        return [
            DecodingStep("logits", tuple(outputs.shape[1:]), outputs[0].detach().numpy(), "what the net gives"),
            DecodingStep("probability", scores.shape[1:], scores[0], function),
            DecodingStep("decision", (), int(chosen[0]), how),
            DecodingStep("label", (), self.levels[chosen[0]], f"class {int(chosen[0])} is '{self.levels[chosen[0]]}'"),
        ]

    def state(self) -> dict[str, Any]:
        decode = {"threshold": self.options.decode.threshold, "top": self.options.decode.top}
        return {"codec": save(self.codec), "positive": self.options.positive, "decode": decode, "loss": self.loss}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Labels)
        answer = cls(codec.column, Options(state["positive"], Decode(**state["decode"])), loss=state["loss"])
        answer.codec = codec
        return answer


def _thinned(fpr: Scores, tpr: Scores, most: int = 200) -> dict[str, list[float]]:
    """The curve with few points, enough to draw it."""
    at = np.unique(np.linspace(0, len(fpr) - 1, most).round().astype(int))
    return {"fpr": [float(value) for value in fpr[at]], "tpr": [float(value) for value in tpr[at]]}


ANSWER = Category
