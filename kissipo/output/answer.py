"""Answer: the base class of every kind of answer.

An answer defines how a column becomes a target, how outputs of the model become
predictions, and how predictions are evaluated. Each kind of answer has its own file in
`answers/`, named after its word, and is called ANSWER there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.codec import Codec
from kissipo.core.description import Gallery, Image, Line, Record, Section, Table
from kissipo.core.frame import Frame
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import describe

Scores = NDArray[Any]
NUM_EXAMPLES = 2  # of each reason to show a sample step by step
MAX_WORST, _MAX_COLUMNS = 12, 8


@dataclass(frozen=True)
class Prediction:
    """One prediction, decoded into labels and units.

    value:       the label, the number or the forecast
    confidence:  its predicted probability; None when the model gives no probability
    others:      other possible values and their probabilities, the most probable first
    between:     the prediction interval as (low, high), each of the form of `value`
    error:       the anomaly score of the step
    threshold:   the score above which a step is an anomaly
    areas:       the classes in an image and their fractions, the largest first
    mask:        (height, width) the class index of every pixel
    """

    value: Any
    confidence: float | None = None
    others: tuple[tuple[str, float], ...] = ()
    between: tuple[Any, Any] | None = None
    error: float | None = None
    threshold: float | None = None
    areas: tuple[tuple[str, float], ...] = ()
    mask: Any = field(default=None, compare=False, repr=False)

    def describe(self) -> str:
        """Returns the value with its probability, or the areas of a mask."""
        if self.areas:
            return ", ".join(f"{name} {share:.1%}" for name, share in self.areas)
        is_sure = self.confidence is not None and self.mask is None
        return describe(self.value) + (f" ({self.confidence:.0%})" if is_sure else "")

    def to_json(self) -> dict[str, Any]:
        """Returns the prediction as a dictionary for `--json`."""
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
    """The result of evaluating predictions against the targets.

    metrics:  values by the name of the metric, the main metric first
    details:  further results, such as the confusion matrix, ROC curve, errors by step
    each:     (sample) the quality of each prediction; higher is better
    arrays:   what the report draws besides, which is too large for JSON
    """

    metrics: Mapping[str, float]
    details: Mapping[str, Any] = field(default_factory=dict)
    per_sample: Scores | None = None
    arrays: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluationData:
    """An evaluation with everything that an answer can show of it in the report.

    rows:           the rows of the evaluated samples in the frame
    scores, truth:  of the evaluated samples, as `gather` returned them; None where an
                    environment was evaluated
    season_length:  steps after which a series repeats its pattern, else 0
    inputs:         returns the encoded inputs of some samples, by their positions
    heat_maps:      returns for images and class numbers the heat maps of the net, and
                    how they were computed
    """

    evaluation: Evaluation
    frame: Frame
    rows: NDArray[np.int64]
    codecs: Sequence[Codec]
    scores: Any
    truth: Any
    season_length: int
    inputs: Callable[[NDArray[np.int64]], Sequence[Tensor]]
    heat_maps: Callable[[Tensor, Sequence[int]], tuple[Tensor, str]]

    def rows_of(self, samples: NDArray[np.int64]) -> Frame:
        """Returns some of the evaluated samples before encoding."""
        return self.frame.take(self.rows[samples])

    @property
    def has_images(self) -> bool:
        """Whether the samples are images."""
        return "image" in self.frame and self.frame["image"].kind == "image"

    def gallery(
        self,
        samples: NDArray[np.int64],
        captions: Sequence[str],
        overlays: Sequence[Sequence[Image]] = (),
    ) -> Gallery:
        """Returns the images of some samples, each beside its overlays."""
        images, rows = self.inputs(samples)[0], self.rows_of(samples)["image"]
        beside = overlays or [()] * len(samples)
        groups = [(Image(image), *others) for image, others in zip(images, beside, strict=True)]
        return Gallery(groups, captions, [rows.show(row) for row in range(len(samples))])


@dataclass(frozen=True)
class DecodingStep:
    """One step of decoding, from the output of the model to the prediction."""

    name: str
    shape: tuple[int, ...]
    value: Any
    description: str = ""


class Answer(ABC):
    """One kind of answer for one target column."""

    WORD: ClassVar[str]
    EVAL_METRIC: str  # the main metric; an instance may set another one
    HIGHER_IS_BETTER: bool
    BASELINES: ClassVar[tuple[str, ...]]
    GENERATES: ClassVar[bool] = False  # whether `kissipo generate` can use the model
    HAS_HEAT_MAPS: ClassVar[bool] = False  # whether a heat map can explain its output

    codec: Codec

    @property
    @abstractmethod
    def name(self) -> str:
        """The name of the target column."""

    @property
    def monitor(self) -> str:
        """The metric that is reported after every epoch."""
        return self.EVAL_METRIC

    @property
    @abstractmethod
    def spec(self) -> TensorSpec:
        """The shape and axes of the model output, without the batch axis."""

    @property
    @abstractmethod
    def loss(self) -> str:
        """The name of the training loss."""

    def fit(self, frame: Frame) -> Self:
        """Fits classes or scaling on the training split."""
        self.codec.fit(frame)
        return self

    @abstractmethod
    def scores(self, outputs: Tensor) -> Scores:
        """Converts model outputs to probabilities or to the unit of the data."""

    def truth(self, targets: Tensor) -> Scores:
        """Converts targets to the form that `evaluate` compares."""
        return targets.numpy()

    def gather(self, outputs: Tensor, targets: Tensor) -> tuple[Scores, Scores]:
        """Returns scores and truth of one batch in the form that `evaluate` takes.

        An answer with large outputs keeps only what the metrics need.
        """
        return self.scores(outputs), self.truth(targets)

    @abstractmethod
    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        """Computes all metrics of these scores."""

    def watch(self, scores: Scores, truth: Scores) -> Evaluation:
        """Evaluates an epoch: the monitored metric and the quality per sample."""
        return self.evaluate(scores, truth)

    def for_baselines(self) -> Answer:
        """Returns the answer that evaluates baselines.

        It differs when this answer was calibrated on the scores of the model.
        """
        return self

    def extra_metrics(self, scores: Scores, truth: Scores) -> dict[str, Any]:
        """Returns further metrics of the model alone, such as interval coverage."""
        return {}

    @abstractmethod
    def decode(self, scores: Scores) -> list[Prediction]:
        """Decodes scores into one prediction per sample."""

    def predictions(self, outputs: Tensor, targets: Sequence[Tensor]) -> list[Prediction]:
        """Decodes outputs into one prediction per sample.

        Anomaly detection compares them with the targets; other answers ignore these.
        """
        return self.decode(self.scores(outputs))

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        """Returns what the terminal prints after the scores.

        full:  `kissipo evaluate` prints more than the end of a training
        """
        return ()

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        """Returns which samples of which split were evaluated, in a few words."""
        if part == "train":
            return "evaluated on the training split: there is no test split"
        count = 0 if evaluation.per_sample is None else len(evaluation.per_sample)
        return f"{count:,} " + (
            "examples of the test split, not used in training"
            if part == "test"
            else "examples of the validation split, which selected the best epoch; "
            "there is no test split"
        )

    def split_counts(self, targets: Callable[[], Tensor]) -> Mapping[str, int]:
        """Returns the number of samples per class of a split; {} without classes.

        targets:  returns the encoded targets of the split
        """
        return {}

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        """Returns what the report shows of this answer after the training."""
        return [self.worst_predictions(data)]

    def worst_predictions(self, data: EvaluationData) -> Section:
        """Returns the samples with the largest errors, drawn or with their columns."""
        title = "Worst predictions"
        quality = data.evaluation.per_sample
        if quality is None or data.scores is None:
            return Section(title, [])
        samples = self.worst(data.scores, data.truth, quality)[:MAX_WORST]
        if not len(samples):
            return Section(title, [Line("None: every evaluated sample is predicted correctly.")])
        targets = [self.describe_target(target) for target in data.truth[samples]]
        predictions = [item.describe() for item in self.decode(data.scores[samples])]
        captions = [
            f"{target}, predicted {prediction}"
            for target, prediction in zip(targets, predictions, strict=True)
        ]
        drawn = self.drawn_samples(data, samples, captions)
        if drawn:
            return Section(title, drawn)
        frame = data.rows_of(samples)
        columns = [name for codec in data.codecs for name in codec.columns]
        names = list(dict.fromkeys(columns))[:_MAX_COLUMNS]
        rows = [
            [str(frame.rows[row]), *pair, *(describe(frame[name].show(row)) for name in names)]
            for row, pair in enumerate(zip(targets, predictions, strict=True))
        ]
        return Section(title, [Table(["row", "target", "prediction", *names], rows)])

    def worst(self, scores: Scores, truth: Scores, quality: Scores) -> NDArray[np.int64]:
        """Returns the positions of the wrong predictions, the worst first."""
        return np.argsort(quality, kind="stable")

    def examples(self, scores: Scores, truth: Scores, quality: Scores) -> Sequence[tuple[int, str]]:
        """Returns positions of samples to show step by step, with the reasons."""
        order = np.argsort(quality, kind="stable").tolist()
        worst = order[:NUM_EXAMPLES]
        best = [position for position in order[::-1][:NUM_EXAMPLES] if position not in worst]
        return [(position, "worst") for position in worst] + [
            (position, "best") for position in best
        ]

    def describe_target(self, target: Any) -> str:
        """Returns one target, as `truth` gives it, in words."""
        return describe(target)

    def drawn_samples(
        self, data: EvaluationData, samples: NDArray[np.int64], captions: Sequence[str]
    ) -> Sequence[Record]:
        """Returns drawings of some samples; none where a table shows them better."""
        return [data.gallery(samples, captions)] if data.has_images else []

    def heat_score(self, outputs: Tensor, classes: Tensor) -> Tensor:
        """Returns per sample the output that the heat map of a class explains."""
        return outputs.gather(1, classes[:, None]).squeeze(1)

    @abstractmethod
    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        """Returns the decoding steps of one sample, from output to prediction."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Returns everything that decoding needs, as JSON values."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Restores an answer from its `state`."""
