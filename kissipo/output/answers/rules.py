"""Rules: items that a basket is to get next, each with the rule that suggests it.

Of each test basket one item is hidden, and the metrics are those of a search for it:

hit_rate_at_1         the share of baskets whose hidden item is suggested first
hit_rate_at_5         the share of baskets whose hidden item is among the first 5
mean_reciprocal_rank  the mean of 1 / rank; 0 where no rule suggests the hidden item
coverage              the share of baskets for which there is any suggestion

An item that is as confident as the hidden one counts as better.

Scores are (sample, item), the confidence of each item, 0 without a suggestion. The
outputs of a net end with the numbers of the rules of the first items. The truth is the
number of the hidden item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.codec.concat import Concat
from kissipo.core.codec import Codec
from kissipo.core.description import Line, Section, Table
from kissipo.core.errors import NotBuiltError
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import shorten
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.rule import Rule

TOP_K, _HIT, _MAX_ROWS, _MAX_TEXT = 5, 5, 30, 100
_NO_ITEM = "(no rule applies)"


class RuleNet(Protocol):
    """A net of rules between sets of items."""

    firsts: Tensor
    seconds: Tensor
    values: Tensor

    def best_rules(self, baskets: Tensor, items: Tensor) -> Tensor:
        """Returns the number of the rule that suggests each item, -1 without one."""
        ...


@dataclass(frozen=True)
class Decode:
    """The options of suggestions."""

    SHORT: ClassVar[str] = "top_k"
    top_k: int = option(TOP_K, "number of items that a prediction suggests", minimum=1)


@dataclass(frozen=True)
class Options:
    """The options of rules."""

    decode: Decode = option(Decode(), "how items are suggested")


class Rules(Answer):
    """Items that rules suggest for a basket."""

    WORD = "rules"
    EVAL_METRIC = "hit_rate_at_5"
    HIGHER_IS_BETTER = True
    BASELINES = ("popular_items", "item_cosine")
    CHECKS_LEAKAGE = False
    NAMES_COLUMN = False
    SOURCES = ("baskets",)
    BUILDER = "baskets"

    def __init__(self, items: Sequence[str] = (), *, top_k: int = TOP_K) -> None:
        self.codec: Codec = Concat(())
        self.items, self.top_k = tuple(items), top_k
        self.rules: tuple[Rule, ...] = ()

    @property
    def name(self) -> str:
        return "item"

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec("rules", ("label",), (len(self.items),), labels=self.items)

    @property
    def classes(self) -> tuple[str, ...]:
        return self.items

    def suggested_net(self) -> InferredOption:
        return InferredOption("process.net", "apriori", "it finds sets of items and their rules")

    def fit(self, frame: Frame) -> Self:
        """There is nothing to fit: the codec of the baskets has the items."""
        return self

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the confidences, then the numbers of the rules of the first items."""
        self._take_rules(cast(RuleNet, net))
        count = min(self.top_k, outputs.shape[1])
        top = _first_items(outputs.numpy(), count)
        rules = cast(RuleNet, net).best_rules(inputs[0], torch.from_numpy(top))
        return torch.cat([outputs, rules.to(outputs.dtype)], dim=1)

    def scores(self, outputs: Tensor) -> Scores:
        return outputs.detach().numpy().astype(np.float64)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        confidences = scores[:, : len(self.items)]
        right = np.take_along_axis(confidences, truth[:, None], axis=1)
        ranks = (confidences >= right).sum(axis=1)
        is_suggested = right[:, 0] > 0
        quality = np.where(is_suggested, 1 / ranks, 0.0)
        hits = (is_suggested & (ranks <= _HIT)).astype(np.float64)
        metrics = {
            "hit_rate_at_5": float(hits.mean()),
            "hit_rate_at_1": float((is_suggested & (ranks == 1)).mean()),
            "mean_reciprocal_rank": float(quality.mean()),
            "coverage": float((confidences.max(axis=1) > 0).mean()),
        }
        return Evaluation(metrics, {"baskets": len(scores)}, per_sample=hits)

    def decode(self, scores: Scores) -> list[Prediction]:
        return [self._prediction(row) for row in scores]

    def _prediction(self, row: Scores) -> Prediction:
        confidences, numbers = row[: len(self.items)], row[len(self.items) :].astype(np.int64)
        top = _first_items(confidences[None], min(self.top_k, len(confidences)))[0]
        suggested = [item for item in top.tolist() if confidences[item] > 0]
        if not suggested:
            return Prediction("", rules=())
        rules = tuple(
            self.rules[number]
            for number, item in zip(numbers.tolist(), top.tolist(), strict=False)
            if confidences[item] > 0 and 0 <= number < len(self.rules)
        )
        return Prediction(
            self.items[suggested[0]],
            float(confidences[suggested[0]]),
            tuple((self.items[item], float(confidences[item])) for item in suggested[1:]),
            rules=rules,
        )

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        values = outputs[0].detach().numpy()
        confidences = values[: len(self.items)]
        (prediction,) = self.decode(self.scores(outputs))
        first = [(str(prediction.value), prediction.confidence or 0.0), *prediction.others]
        names = tuple(name for name, _ in first if name)
        nearest = np.array([value for _, value in first][: len(names)])
        return [
            DecodingStep("confidence", confidences.shape, confidences, "of the best rule per item"),
            DecodingStep("first", nearest.shape, nearest, "the most confident items", names),
            DecodingStep("item", (), prediction.value, "the first item" if names else _NO_ITEM),
        ]

    def describe_target(self, target: object) -> str:
        return self.items[int(np.asarray(target))]

    def plain_value(self, prediction: Prediction) -> object:
        """Returns the first item; None where no rule applies."""
        return prediction.value or None

    def to_json(self, prediction: Prediction) -> JsonObject:
        return {**prediction.to_json(), "answer": prediction.value or None}

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        return {
            "prediction": [item.value or None for item in predictions],
            "confidence": [item.confidence for item in predictions],
            "rule": [item.rules[0].describe() if item.rules else None for item in predictions],
        }

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        return f"{evaluation.details['baskets']:,} test baskets; one item of each is hidden"

    def examples(self, scores: Scores, truth: Scores, quality: Scores) -> Sequence[tuple[int, str]]:
        """Returns none: the sections show baskets with their rules."""
        return ()

    def example_sections(
        self,
        net: nn.Module,
        inputs: Sequence[Tensor],
        outputs: Tensor,
        targets: Sequence[Tensor],
        read: Sequence[str],
    ) -> Sequence[Section]:
        """Returns the items of the basket, and the rules that suggest others."""
        (prediction,) = self.decode(self.scores(outputs))
        inside = [self.items[item] for item in torch.nonzero(inputs[0][0]).flatten().tolist()]
        rows = [
            [
                " + ".join(rule.items),
                " + ".join(rule.then),
                f"{rule.support:.4f}",
                f"{rule.confidence:.4f}",
                f"{rule.lift:.3f}",
            ]
            for rule in prediction.rules or ()
        ]
        titles = ["the basket has", "so it may get", "support", "confidence", "lift"]
        table = Table(titles, rows, numbers=(2, 3, 4)) if rows else Line(_NO_ITEM)
        return [Section("Rules for this basket", [Line(f"Items: {', '.join(inside)}"), table])]

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        """Returns test baskets with the hidden item and the first suggestion."""
        if data.scores is None:
            return []
        count = min(_MAX_ROWS, len(data.scores))
        frame = data.rows_of(np.arange(count))
        rows = []
        for row, prediction in enumerate(self.decode(data.scores[:count])):
            basket = frame["items"].texts()[row] or ""
            rule = prediction.rules[0].describe() if prediction.rules else _NO_ITEM
            hidden = self.describe_target(data.truth[row])
            suggested = [prediction.value, *(name for name, _ in prediction.others)]
            place = str(1 + suggested.index(hidden)) if hidden in suggested else ""
            items = ", ".join(item for item in basket.split("|") if item != hidden)
            rows.append([shorten(items, _MAX_TEXT), hidden, place, rule])
        titles = ["basket", "hidden item", "its place", "rule of the first suggestion"]
        return [Section("Test baskets", [Table(titles, rows, numbers=(2,))])]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        raise NotBuiltError(
            "kissipo eject does not write nets that are solved, not trained",
            do="run.net.firsts, seconds and values have the rules",
        )

    def state(self) -> JsonObject:
        return {"items": list(self.items), "top_k": self.top_k}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        return cls(state["items"], top_k=state["top_k"])

    def _take_rules(self, net: RuleNet) -> None:
        """Takes over the rules of a net, by their numbers."""
        if len(self.rules) == len(net.firsts):
            return
        sides = zip(net.firsts.tolist(), net.seconds.tolist(), net.values.tolist(), strict=True)
        self.rules = tuple(
            Rule(self._names(first), self._names(second), *values)
            for first, second, values in sides
        )

    def _names(self, items: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.items[item] for item in items if item >= 0)


def _first_items(confidences: Scores, count: int) -> np.ndarray:
    """Returns the numbers of the most confident items of each row, in order."""
    return np.argsort(-confidences, axis=1, kind="stable")[:, :count].copy()


ANSWER = Rules
