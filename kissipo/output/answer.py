"""Answer: what every kind of answer knows: how truth becomes a target, how outputs become decisions, how they are judged.

An answer stands in a file of its own in `answers/`, named as its word, and is called ANSWER there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.codec import Codec
from kissipo.core.frame import Frame
from kissipo.core.tensor_spec import TensorSpec

Scores = NDArray[Any]


@dataclass(frozen=True)
class Prediction:
    """One answer as people read it.

    value:       the label, the number, the forecast
    confidence:  the probability that the net gives it, None where the net gives none
    others:      other possible answers with their probabilities, likeliest first
    between:     the interval that is to hold the truth, as low and high, of the form of `value`
    error:       how far off what was expected is, and the threshold above which that is odd
    areas:       what is marked on an image with its share of the pixels, the largest first
    mask:        (height, width) the class number of every pixel
    """

    value: Any
    confidence: float | None = None
    others: tuple[tuple[str, float], ...] = ()
    between: tuple[Any, Any] | None = None
    error: float | None = None
    threshold: float | None = None
    areas: tuple[tuple[str, float], ...] = ()
    mask: Any = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        content: dict[str, Any] = {"answer": self.value}
        if self.confidence is not None:
            content["confidence"] = self.confidence
        if self.others:
            content["others"] = [
                {"answer": value, "confidence": share} for value, share in self.others
            ]
        if self.between is not None:
            content["low"], content["high"] = self.between
        if self.error is not None:
            content["error"], content["threshold"] = self.error, self.threshold
        if self.mask is not None:
            content["areas"] = [{"answer": value, "share": share} for value, share in self.areas]
        return content


@dataclass(frozen=True)
class Evaluation:
    """How good answers are.

    metrics:  measures by name, the main one first
    details:  what goes with them: confusion matrix, ROC, errors by step
    each:     quality of every sample, higher is better: right or wrong, minus the error
    """

    metrics: Mapping[str, float]
    details: Mapping[str, Any] = field(default_factory=dict)
    each: Scores | None = None


@dataclass(frozen=True)
class DecodingStep:
    """One step of the way back, from what the net gives to what people read."""

    name: str
    shape: tuple[int, ...]
    value: Any
    description: str = ""


class Answer(ABC):
    """One kind of answer for one column."""

    WORD: ClassVar[str]
    EVAL_METRIC: str  # the measure that decides; an answer may choose it by what it was asked
    HIGHER_IS_BETTER: bool
    BASELINES: ClassVar[tuple[str, ...]]

    codec: Codec

    @property
    @abstractmethod
    def name(self) -> str:
        """The column that is answered."""

    @property
    def watched(self) -> str:
        """The measure that is told while the net learns."""
        return self.EVAL_METRIC

    @property
    @abstractmethod
    def spec(self) -> TensorSpec:
        """What the net must give, without the batch axis."""

    @property
    @abstractmethod
    def loss(self) -> str:
        """The name of the loss it is learned with."""

    def fit(self, frame: Frame) -> Self:
        """Learns levels or scaling from the training part."""
        self.codec.fit(frame)
        return self

    @abstractmethod
    def scores(self, outputs: Tensor) -> Scores:
        """Outputs of the net in the terms of people: probabilities, or numbers in their own unit."""

    def truth(self, targets: Tensor) -> Scores:
        """Targets in the terms in which `judge` compares."""
        return targets.numpy()

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Scores, Scores]:
        """Scores and truth of one batch in the form that `judge` takes; smaller than `scores` where those are huge."""
        return self.scores(outputs), self.truth(targets)

    @abstractmethod
    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        """Measures of these answers."""

    def watch(self, scores: Scores, truth: Scores) -> Evaluation:
        """What is measured after each epoch: at least `watched` and the quality of each sample."""
        return self.evaluate(scores, truth)

    def for_baselines(self) -> Answer:
        """The answer as simple answers are judged by it; another one where it learned something from the net's own scores."""
        return self

    def held(self, scores: Scores, truth: Scores) -> dict[str, Any]:
        """What is told of the net's own answers besides their judgment, such as how often its intervals held; most tell nothing."""
        return {}

    @abstractmethod
    def decide(self, scores: Scores) -> list[Prediction]:
        """One decision a sample."""

    def decisions(self, outputs: Tensor, targets: Sequence[Tensor]) -> list[Prediction]:
        """One decision a sample; targets are there where what came is compared with what was expected."""
        return self.decide(self.scores(outputs))

    @abstractmethod
    def decoding(self, outputs: Tensor) -> list[DecodingStep]:
        """The way of one sample's output to its decision, step by step."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything needed to decode again, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The inverse of `state`."""
