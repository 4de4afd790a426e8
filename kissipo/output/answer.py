"""Answer: the base class of every kind of answer.

An answer defines how a column becomes a target, how outputs of the model become
predictions, and how predictions are evaluated. Each kind of answer has its own file in
`answers/`, named after its word, and is called ANSWER there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.codec import Codec
from kissipo.core.description import (
    Example,
    Examples,
    Gallery,
    Image,
    Line,
    Record,
    Section,
    Table,
)
from kissipo.core.errors import NotBuiltError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.forecast_steps import ForecastSteps
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping, JsonObject
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import describe, shorten
from kissipo.core.time.time_pattern import TimePattern
from kissipo.output.neighbor import Neighbor
from kissipo.output.recommendation import Recommendation
from kissipo.output.rule import Rule
from kissipo.output.series_scales import SeriesScales
from kissipo.output.series_target import SeriesQuestion, SeriesTarget
from kissipo.output.target_checks import missing_targets, refuse_all_missing
from kissipo.output.text_span import TextSpan
from kissipo.output.vocabulary import Vocabulary

Scores = NumpyArray
Predictions = Callable[[str], tuple[Scores, Scores] | None]
_MAX_CLASSES = 4  # in the x-ray of an image
NUM_EXAMPLES = 2  # of each reason to show a sample step by step
MAX_WORST, _MAX_COLUMNS = 12, 8
_MAX_TEXT, _MAX_VALUE = 240, 80  # characters of an example, and of one of its values
NO_NAME = "no name"
Continue = Callable[[Tensor, int, float], list[int]]


@dataclass(frozen=True)
class Box:
    """One detected object: its label and its corners in pixels.

    The corners are edges: a box around the first pixel alone goes from 0 to 1.
    """

    label: str
    confidence: float
    x_min: float
    y_min: float
    x_max: float
    y_max: float

    def describe(self) -> str:
        """Returns the label, the confidence and the corners in one line."""
        corners = f"({self.x_min:.1f}, {self.y_min:.1f}) to ({self.x_max:.1f}, {self.y_max:.1f})"
        return f"{self.label} {self.confidence:.0%} {corners}"


@dataclass(frozen=True)
class Entity:
    """A name in a text: its words and its kind.

    confidence:  the product of the probabilities of the tags of its words
    start, end:  the numbers of its first word, and of the word after it, from 0
    """

    text: str
    kind: str
    confidence: float
    start: int
    end: int

    def describe(self) -> str:
        """Returns the name, its kind and its probability in one line."""
        return f"{self.text} ({self.kind} {self.confidence:.0%})"


@dataclass(frozen=True)
class Prediction:
    """One prediction, decoded into labels and units.

    value:       the label, the number or the forecast
    confidence:  its predicted probability; None when the model gives no probability
    others:      other possible values and their probabilities, the most probable first
    between:     the prediction interval as (low, high), each of the form of `value`
    steps:       the series and the timestamps of a forecast
    error:       the anomaly score of the step
    threshold:   the score above which a step is an anomaly
    areas:       the classes in an image and their fractions, the largest first
    mask:        (height, width) the class index of every pixel
    pixels:      (height, width) or (height, width, 3) a generated image, from 0 to 255
    boxes:       the detected objects, the most confident first; None for other answers
    detections:  all boxes that an evaluation counts, also those below the threshold
    neighbors:   what is most similar, the nearest first; None for other answers
    recommended: items for a user, the best first; None for other answers
    spans:       words of a text, the decision first; None for other answers
    guesses:     the most probable words of each gap with their probabilities; None for
                 other answers
    tags:        the tag of each word, or of each token, and its probability
    words:       the words of a text whose names are found
    entities:    the names in a text; None for other answers
    text:        the text of the option that was chosen; empty for other answers
    rules:       the rules that suggest items, the best first; None for other answers
    place:       the coordinates on a map by their names, and what is measured there,
                 such as the cluster; None for other answers
    """

    value: Any
    confidence: float | None = None
    others: tuple[tuple[str, float], ...] = ()
    between: tuple[Any, Any] | None = None
    steps: ForecastSteps | None = None
    error: float | None = None
    threshold: float | None = None
    areas: tuple[tuple[str, float], ...] = ()
    mask: NumpyArray | None = field(default=None, compare=False, repr=False)
    pixels: Any = field(default=None, compare=False, repr=False)
    boxes: tuple[Box, ...] | None = None
    detections: tuple[Box, ...] = field(default=(), compare=False, repr=False)
    neighbors: tuple[Neighbor, ...] | None = None
    recommended: tuple[Recommendation, ...] | None = None
    spans: tuple[TextSpan, ...] | None = None
    guesses: tuple[tuple[tuple[str, float], ...], ...] | None = None
    tags: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    words: tuple[str, ...] = ()
    entities: tuple[Entity, ...] | None = None
    text: str = ""
    rules: tuple[Rule, ...] | None = None
    place: Mapping[str, float] | None = None

    def describe(self) -> str:
        """Returns the value with its probability, the areas of a mask, or names."""
        if self.entities is not None:
            return ", ".join(entity.describe() for entity in self.entities) or NO_NAME
        if self.areas:
            return ", ".join(f"{name} {share:.1%}" for name, share in self.areas)
        if self.spans:
            return self.spans[0].describe()
        if self.place is not None:
            return ", ".join(
                f"{name.replace('_', ' ')} {describe(value)}" for name, value in self.place.items()
            )
        is_sure = self.confidence is not None and self.mask is None
        text = f": {self.text}" if self.text else ""
        return describe(self.value) + text + (f" ({self.confidence:.0%})" if is_sure else "")

    def to_json(self) -> JsonObject:
        """Returns the prediction as a dictionary for `--json`."""
        content: JsonObject = {"answer": self.value}
        if self.confidence is not None:
            content["confidence"] = self.confidence
        if self.others:
            content["others"] = [
                {"answer": value, "confidence": share} for value, share in self.others
            ]
        if self.text:
            content["text"] = self.text
        if self.between is not None:
            content["low"], content["high"] = self.between
        if self.steps is not None:
            content |= {} if self.steps.series is None else {"series": self.steps.series}
            key = "steps" if self.steps.heading == "step" else "timestamps"
            content[key] = list(self.steps.labels)
        if self.error is not None:
            content["error"], content["threshold"] = self.error, self.threshold
        if self.mask is not None:
            content["areas"] = [{"answer": value, "share": share} for value, share in self.areas]
        if self.pixels is not None:
            content["pixels"] = self.pixels.tolist()
        if self.boxes is not None:
            content["boxes"] = [vars(box) for box in self.boxes]
        if self.entities is not None:
            content["words"] = list(self.words)
            content["entities"] = [vars(entity) for entity in self.entities]
        if self.rules is not None:
            content["rules"] = [rule.to_json() for rule in self.rules]
        if self.place is not None:
            content["place"] = dict(self.place)
        if self.neighbors is not None:
            content["neighbors"] = [neighbor.to_json() for neighbor in self.neighbors]
        if self.recommended is not None:
            content["recommended"] = [item.to_json() for item in self.recommended]
        if self.spans is not None:
            content["spans"] = [span.to_json() for span in self.spans]
        if self.guesses is not None:
            content["guesses"] = [
                [{"answer": word, "confidence": share} for word, share in gap]
                for gap in self.guesses
            ]
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
    details: JsonMapping = field(default_factory=dict)
    per_sample: Scores | None = None
    arrays: JsonMapping = field(default_factory=dict)


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
    baselines:      the evaluations of the baselines by name, the best first
    continue_text:  returns the tokens that the net generates after some tokens, by
                    their number and the temperature; None for other nets
    inside:         returns what the answer shows inside of one sample, by its position
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
    baselines: Mapping[str, Evaluation] = field(default_factory=dict)
    continue_text: Continue | None = None
    inside: Callable[[int], Sequence[Section]] = lambda sample: ()

    def rows_of(self, samples: NDArray[np.int64]) -> Frame:
        """Returns some of the evaluated samples before encoding."""
        return self.frame.take(self.rows[samples])

    @property
    def input_columns(self) -> list[str]:
        """The columns that the net reads."""
        return list(dict.fromkeys(name for codec in self.codecs for name in codec.columns))

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

    def shown_inputs(self, samples: NDArray[np.int64]) -> list[tuple[Image | None, str]]:
        """Returns the image of each sample, or its input in words."""
        if self.has_images:
            return [(Image(image), "") for image in self.inputs(samples)[0]]
        windows = [codec for codec in self.codecs if codec.window_length]
        if windows:
            steps = sum(codec.window_length for codec in windows)
            rows = self.rows[samples].tolist()
            return [(None, windows[0].window_text(self.frame, row, steps)) for row in rows]
        names, frame = self.input_columns[:_MAX_COLUMNS], self.rows_of(samples)
        return [(None, _in_words(frame, names, row)) for row in range(len(samples))]


@dataclass(frozen=True)
class EvaluationCase:
    """A trained model and the data of its task, for the evaluation of one answer.

    net:              the trained net, in evaluation mode
    evaluation:       of the samples of `eval_split`
    predictions:      returns scores and truth of a split, or None for an empty one
    splits, sizes:    positions in the frame, and numbers of samples, of each split
    season_length:    steps after which a series repeats its pattern, else 0
    baselines:        evaluates the baselines on the samples of the task
    baseline_scores:  yields the name and the scores of each baseline for other data
    """

    net: nn.Module
    evaluation: Evaluation
    eval_split: str
    predictions: Predictions
    frame: Frame
    splits: Mapping[str, NDArray[np.int64]]
    sizes: Mapping[str, int]
    codecs: Sequence[Codec]
    season_length: int
    baselines: Callable[[], Mapping[str, Evaluation]]
    baseline_scores: Callable[[Any], Iterable[tuple[str, Scores]]]


@dataclass(frozen=True)
class DecodingStep:
    """One step of decoding, from the output of the model to the prediction.

    names:  of the values, where they are not those of the outputs
    """

    name: str
    shape: tuple[int, ...]
    value: Any
    description: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageClass:
    """A class that an image shows.

    number:       its position among the classes
    probability:  of the class; of a mask its share of the pixels
    pixels:       (height, width) its probability per pixel; None where the model has
                  only one output per class, which a heat map explains
    """

    number: int
    probability: float
    pixels: Tensor | None = None


class Answer(ABC):
    """One kind of answer for one target column.

    IN_IMAGE:       what its targets are in an image: a mask, with a value for every
                    pixel, or padded boxes, as `codec/boxes.py` encodes them; they move
                    with the image and need larger images
    NAMES_COLUMN:   whether its value names the target column, inferred when omitted
    SOURCES:        sources that it suits although they do not name it
    """

    WORD: ClassVar[str]
    TITLE: ClassVar[str] = ""  # in sentences, where it is not the word
    EVAL_METRIC: str  # the main metric; an instance may set another one
    HIGHER_IS_BETTER: bool
    BASELINES: ClassVar[tuple[str, ...]]
    MORE_BASELINES: ClassVar[tuple[str, ...]] = ()  # only where output.baselines names them
    DEFAULT_LOSS: ClassVar[str] = ""
    OBJECT_LOSS: ClassVar[str | None] = None  # for which a loss object gets its outputs
    LOSSES: ClassVar[tuple[str, ...]] = ()  # that suit it besides those that say so
    IN_IMAGE: ClassVar[Literal["mask", "box"] | None] = None
    NAMES_COLUMN: ClassVar[bool] = True
    SOURCES: ClassVar[tuple[str, ...]] = ()
    PREDICTS_STEPS: ClassVar[bool] = False  # of a series, so its column can be inferred
    CHECKS_LEAKAGE: ClassVar[bool] = True  # whether no column alone may determine the target
    LEARNS_SEVERAL: ClassVar[bool] = False  # whether it learns several series at once
    READS_TARGETS: ClassVar[bool] = False  # whether predictions compare outputs with targets
    HAS_HEAT_MAPS: ClassVar[bool] = False  # whether a heat map can explain its output
    GALLERY_TITLE: ClassVar[str] = "Least confident predictions"
    MONITORS_METRIC: ClassVar[bool] = False  # whether its metric chooses the best epoch
    SECTIONS_FIRST: ClassVar[bool] = False  # whether they stand before those of the net
    BUILDER: ClassVar[str] = ""  # of its pipeline; "": that of the source
    BASELINE_SAMPLES: int = 10_000  # on which baselines are trained at most
    SCORE_NOTE: ClassVar[str] = ""  # below the scores of the report; "": the usual sentences

    codec: Codec
    _loss: str | None = None  # the name of a written loss
    pattern: TimePattern | None = None  # of the timestamps of a series
    scales: SeriesScales | None = None  # of several series
    is_tested: bool = True  # whether the task has a test split
    usual: NDArray[np.float64] | None = None  # (row) a mean over the past, as a baseline

    @classmethod
    def title(cls) -> str:
        """Returns what the answer is called in sentences."""
        return cls.TITLE or cls.WORD

    @property
    def name(self) -> str:
        """The name of the target column."""
        return self.codec.columns[0]

    @property
    def required_columns(self) -> tuple[str, ...]:
        """The target columns that have a value in every evaluated row."""
        return self.codec.columns

    @property
    def monitor(self) -> str:
        """The metric that is reported after every epoch."""
        return self.EVAL_METRIC

    @property
    @abstractmethod
    def spec(self) -> TensorSpec:
        """The shape and axes of the model output, without the batch axis."""

    @property
    def further_specs(self) -> tuple[TensorSpec, ...]:
        """Outputs of the net beside `spec`, of which only its training and the answer
        itself make use."""
        return ()

    @property
    def loss(self) -> str:
        """The name of the training loss: the written one, or the default."""
        return self._loss or self.DEFAULT_LOSS

    def with_loss(self, name: str) -> Self:
        """Returns the same answer, learned with another loss."""
        answer = copy(self)
        answer._loss = name
        return answer

    @classmethod
    def loss_name(cls, loss: object) -> str | None:
        """Returns the name of a loss, also for an object; None: the default loss."""
        return loss if loss is None or isinstance(loss, str) else cls.OBJECT_LOSS

    @property
    def forecasts(self) -> bool:
        """Whether the target is the steps after a window."""
        return False

    @property
    def learns_changes(self) -> bool:
        """Whether a net may forecast changes from the last value of a window."""
        return self.forecasts

    @property
    def compares_all(self) -> bool:
        """Whether the baselines predict all evaluated samples, also of a large split.

        Steps of a series are predicted one after the other, so none is left out.
        """
        return self.forecasts

    def context_columns(self, frame: Frame) -> list[str]:
        """Returns columns of new steps that no codec reads, such as timestamps."""
        return []

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns of numbers that are predicted, where `forecasts` is true."""
        return ()

    def suggested_net(self) -> InferredOption | None:
        """Returns the net for this answer; None: it follows from the inputs."""
        return None

    def suggested_algorithm(self) -> InferredOption | None:
        """Returns the only algorithm that learns this answer; None: that of the net."""
        return None

    @property
    def class_count(self) -> int:
        """The number of classes whose samples class weights can balance; 0: none."""
        return 0

    def check_validation(self, targets: Tensor) -> None:
        """Checks the targets of the validation split, which calibrate the answer.

        Raises:   DataError when they are not enough.
        """

    @classmethod
    def variant(cls, value: object) -> type[Answer]:
        """Returns the class for a value of the word, where one word has several.

        value:  what the task gives, or `value` of a saved state; None without one
        """
        return cls

    @classmethod
    def for_rows(cls, value: object, options: Any, *, loss: str | None, frame: Frame) -> Answer:
        """Returns the answer for samples that are rows.

        value:    what the task gives: the name of the target column
        Raises:   TaskError when the frame has no such target.
        """
        build: Callable[..., Answer] = cls
        return build(str(value), options, loss=loss)

    @classmethod
    def for_series(cls, options: Any, question: SeriesQuestion) -> SeriesTarget:
        """Returns what the answer predicts from the windows of a series.

        Raises:   TaskError, DataError for columns that do not suit; NotBuiltError: the
                  answer does not suit a series.
        """
        raise NotBuiltError(f"output.{cls.WORD} does not suit a series")

    @classmethod
    def label_columns(cls, options: Any) -> tuple[str, ...]:
        """Returns columns of a series that are used for the evaluation only."""
        return ()

    def side_columns(self, frame: Frame) -> tuple[str, ...]:
        """Returns columns that are no input where the task does not name them, such as
        the number of a question."""
        return ()

    def input_options(self) -> tuple[InferredOption, ...]:
        """Returns options of the input that the answer needs, unless they are set."""
        return ()

    def groups(self, frame: Frame) -> Column | None:
        """Returns a column whose rows with equal values stay in one split, unless the
        task says how to split."""
        return None

    def with_logarithms(self) -> Self:
        """Returns the same answer, whose target is learned as a logarithm.

        Raises:   TaskError: the answer does not forecast one column of numbers.
        """
        raise TaskError(
            f"input.log_transform does not suit output.{self.WORD}",
            allowed="a forecast of one column of one series",
            do="Leave input.log_transform out",
        )

    def read_rows(self, frame: Frame) -> None:
        """Takes note of the rows of a pipeline, where the metrics need more of them
        than the encoded targets."""

    def usable_rows(
        self,
        frame: Frame,
        findings: list[Finding],
        *,
        missing: Literal["empty", "left_out"] | None = None,
    ) -> Frame:
        """Returns the rows that have a target, with the target column in its kind.

        missing:  how the source treats samples without a target, where it matters
        Raises:   DataError for targets that cannot be used.
        """
        refuse_all_missing(frame, self.name)
        frame = self.in_kind(frame, findings)
        absent = missing_targets(frame, self.name)
        findings += absent
        return frame.take(np.flatnonzero(~frame[self.name].missing)) if absent else frame

    def in_kind(self, frame: Frame, findings: list[Finding]) -> Frame:
        """Returns the frame with the target column in the kind that it needs."""
        return frame

    def check_targets(self, frame: Frame) -> list[Finding]:
        """Checks the usable targets of all rows together.

        Raises:   DataError for targets from which nothing can be learned.
        """
        return []

    def strata(self, frame: Frame) -> NumpyArray | None:
        """Returns the class of each row, whose proportions every split keeps."""
        return None

    def adapt_inputs(self, codecs: Sequence[Codec]) -> Sequence[Codec]:
        """Returns the codecs of the inputs as this answer needs them, before `fit`.

        It keeps the one that its targets follow, such as that of a text whose words get
        tags.
        """
        return codecs

    def adapt_values(self, frame: Frame) -> Frame:
        """Returns new samples written as those of the training data."""
        return frame

    def fit_inputs(self, specs: Sequence[TensorSpec]) -> Self:
        """Takes over what the targets share with the inputs, before `fit`."""
        return self

    def fitted_options(self) -> tuple[InferredOption, ...]:
        """Returns options of this answer that `fit` inferred from the training targets;
        a place is the name of the option alone."""
        return ()

    def fitted_findings(self, frame: Frame) -> list[Finding]:
        """Returns the findings about all rows after `fit`."""
        return []

    def check_rows(self, frame: Frame) -> list[Finding]:
        """Checks the targets of rows that are not from the training data."""
        return []

    def fit(self, frame: Frame) -> Self:
        """Fits classes or scaling on the training split."""
        self.codec.fit(frame)
        return self

    def predict(self, net: nn.Module, inputs: Sequence[Tensor], outputs: Tensor) -> Tensor:
        """Returns the outputs from which `scores` and `decoding_steps` continue.

        The default takes those of the net. An answer that owns its decoding, such as a
        beam search, runs its own loop over the net here. Random numbers of such a loop
        are functions of a seed and of the sample. It changes nothing in the net, which
        is in evaluation mode, without gradients.

        inputs:   of a batch, as the net takes them
        outputs:  of the net for these inputs, of this answer
        """
        return outputs

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

    def predicted(self, scores: Scores) -> Scores:
        """Returns the prediction of each sample, such as the number of its class."""
        return scores

    def watch(self, scores: Scores, truth: Scores) -> Evaluation:
        """Evaluates an epoch: the monitored metric and the quality per sample."""
        return self.evaluate(scores, truth)

    def calibrate(self, predictions: Predictions) -> None:
        """Fits thresholds or intervals to the predictions of the trained model.

        predictions:  returns scores and truth of a split, or None for an empty one
        """

    def for_baselines(self) -> Answer:
        """Returns the answer that evaluates baselines.

        It differs when this answer was calibrated on the scores of the model.
        """
        return self

    def refuse_other_data(self) -> None:
        """Refuses an evaluation on data that are not those of the run.

        Raises:   TaskError where it needs the splits of the run.
        """

    def evaluate_model(self, case: EvaluationCase) -> tuple[Evaluation, Mapping[str, Evaluation]]:
        """Returns the evaluation of the model, and those of the baselines by name."""
        return case.evaluation, case.baselines()

    def extra_metrics(self, scores: Scores, truth: Scores) -> JsonObject:
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

    def in_units_of(self, predictions: Sequence[Prediction], frame: Frame) -> list[Prediction]:
        """Returns predictions in the units of their samples before encoding.

        It differs where a prediction depends on the sample, such as the pixels of an
        image that was resized.
        """
        return list(predictions)

    def prediction_remarks(self, net: nn.Module) -> list[str]:
        """Returns sentences on how the net predicts samples that are new to it."""
        return []

    def locate(
        self, predictions: Sequence[Prediction], steps: Sequence[ForecastSteps]
    ) -> list[Prediction]:
        """Returns predictions with the steps that they are for; forecasts have some."""
        return list(predictions)

    def listed(self, predictions: Sequence[Prediction]) -> Sequence[Prediction]:
        """Returns the predictions that the terminal prints: all, or the first ones."""
        return predictions

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
        names = data.input_columns[:_MAX_COLUMNS]
        rows = [
            [str(frame.rows[row]), *pair, *(describe(frame[name].show(row)) for name in names)]
            for row, pair in enumerate(zip(targets, predictions, strict=True))
        ]
        return Section(title, [Table(["row", "target", "prediction", *names], rows)])

    def described_examples(
        self, data: EvaluationData, samples: Sequence[int], kinds: Sequence[str]
    ) -> list[Example]:
        """Returns some evaluated samples with their inputs, targets and predictions."""
        if not len(samples):
            return []
        positions = np.asarray(samples, dtype=np.int64)
        return [
            Example(
                sample,
                shorten(target, _MAX_VALUE),
                shorten(prediction, _MAX_VALUE),
                kind,
                text,
                image,
                int(data.frame.rows[data.rows[sample]]),
            )
            for sample, kind, (target, prediction), (image, text) in zip(
                positions.tolist(),
                kinds,
                self.in_words(data, positions),
                data.shown_inputs(positions),
                strict=True,
            )
        ]

    def in_words(
        self, data: EvaluationData, samples: NDArray[np.int64]
    ) -> Sequence[tuple[str, str]]:
        """Returns the target and the prediction of some samples in words."""
        targets = [self.describe_target(target) for target in data.truth[samples]]
        predictions = [item.describe() for item in self.decode(data.scores[samples])]
        return list(zip(targets, predictions, strict=True))

    def examples_section(self, data: EvaluationData) -> Section:
        """Returns samples that the model predicts well and badly."""
        quality = data.evaluation.per_sample
        if quality is None or data.scores is None or len(quality) != len(data.rows):
            return Section("Examples", [])
        examples = self.examples(data.scores, data.truth, quality)
        described = self.described_examples(
            data, [position for position, _ in examples], [kind for _, kind in examples]
        )
        return Section("Examples", [Examples(described)] if described else [])

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

    def example_sections(
        self,
        net: nn.Module,
        inputs: Sequence[Tensor],
        outputs: Tensor,
        targets: Sequence[Tensor],
        read: Sequence[str],
    ) -> Sequence[Section]:
        """Returns what this answer shows inside of one example, for the x-ray.

        It may run the net again, which is in evaluation mode, without gradients.

        inputs, targets:  a batch of one; no targets where they are not known
        outputs:          as `predict` returned them
        read:             the tokens of a text that the net read, else empty
        """
        return ()

    def axis_labels(self, outputs: Tensor) -> Mapping[str, Sequence[str]]:
        """Returns names along axes inside the net, such as the tokens that it wrote.

        outputs:  of the net, a batch of one
        """
        return {}

    def describe_target(self, target: object) -> str:
        """Returns one target, as `truth` gives it, in words."""
        return describe(target)

    def drawn_samples(
        self, data: EvaluationData, samples: NDArray[np.int64], captions: Sequence[str]
    ) -> Sequence[Record]:
        """Returns drawings of some samples; none where a table shows them better."""
        return [data.gallery(samples, captions)] if data.has_images else []

    def plain_value(self, prediction: Prediction) -> object:
        """Returns a prediction as one plain value, in the type of the data: a label, a
        number, a list, or the array of an image or a mask."""
        arrays = (array for array in (prediction.pixels, prediction.mask) if array is not None)
        return next(arrays, self.codec.original_value(prediction.value))

    def to_json(self, prediction: Prediction) -> JsonObject:
        """Returns a prediction for `--json`, with labels in the type of the data."""
        content = prediction.to_json()
        for item in (content, *content.get("others", ())):
            item["answer"] = self.codec.original_value(item["answer"])
        return content

    def class_probabilities(self, outputs: Tensor) -> Scores | None:
        """Returns the probabilities (sample, class) in the order of `classes`; None for
        other answers."""
        return None

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        """Returns the columns of a data frame of predictions."""
        columns: dict[str, Sequence[object]] = {
            "prediction": [self.plain_value(prediction) for prediction in predictions]
        }
        shares = self.class_probabilities(outputs)
        if shares is not None:
            columns |= {
                f"probability_{name}": shares[:, number].tolist()
                for number, name in enumerate(self.classes)
            }
        return columns

    def export_lines(self, net: nn.Module, name: str) -> Iterable[str]:
        """Returns the lines of a text file for other programs, in the named format.

        Raises:   NotBuiltError where the answer has no such format.
        """
        raise NotBuiltError(
            f"this run, which answers with {self.title()}, has no export format '{name}'",
            do="`kissipo eject` writes a task as plain PyTorch",
        )

    @abstractmethod
    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        """Returns the decoding steps of one sample, from output to prediction."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes among which the answer chooses; empty for other answers."""
        return ()

    def image_classes(self, outputs: Tensor) -> list[ImageClass]:
        """Returns the classes that the x-ray of one image shows, the most probable
        first."""
        probabilities = self.scores(outputs)[0]
        order = np.argsort(-probabilities, kind="stable")[:_MAX_CLASSES]
        return [ImageClass(index, float(probabilities[index])) for index in order.tolist()]

    def heat_score(self, outputs: Tensor, classes: Tensor) -> Tensor:
        """Returns per sample the output that the heat map of a class explains."""
        return outputs.gather(1, classes[:, None]).squeeze(1)

    @property
    def legend(self) -> tuple[str, ...]:
        """The classes of the colors of a mask, the background first; empty without
        masks."""
        return ()

    def gallery_rank(self, prediction: Prediction) -> float:
        """Returns the rank of a prediction in a gallery; the lowest is shown first."""
        return prediction.confidence or 0.0

    def caption(self, prediction: Prediction) -> str:
        """Returns a prediction in a few words, below its image."""
        sure = "" if prediction.confidence is None else f" ({prediction.confidence:.0%})"
        return f"{prediction.value}{sure}"

    def table_columns(self) -> list[str]:
        """Returns the titles of the columns of this answer in `predictions.csv`."""
        return [self.name, f"{self.name} confidence"]

    def table_row(self, prediction: Prediction) -> list[str]:
        """Returns a prediction as one text per column."""
        sure = "" if prediction.confidence is None else f"{prediction.confidence:.4f}"
        return [str(prediction.value), sure]

    def table_rows(self, prediction: Prediction) -> list[list[str]]:
        """Returns the rows of a prediction in `predictions.csv`, usually one."""
        return [self.table_row(prediction)]

    def overlay(self, pixels: Tensor, prediction: Prediction) -> Image | None:
        """Returns the encoded image with the prediction on it; None where there is
        nothing to draw."""
        return None

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The tokens of the text that the answer continues; None for other answers."""
        return None

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        """Returns the metrics of this answer as Python text, for `kissipo eject`.

        The default compares outputs and targets as numbers, if they have one shape;
        else the script reports the loss alone.

        number:  the position of the answer among the outputs and the targets
        prefix:  the beginning of the name of every metric
        """
        if self.codec.spec.shape != self.spec.shape:
            return ScriptPart((), f"torch.zeros(len(targets[{number}]))", ("import torch",))
        error, scale = f"(outputs[{number}] - targets[{number}]).double()", _constant_scale(self)
        prefix += "normalized_" if scale is None else ""
        unit = "" if scale is None else f" * {scale!r}  # in the unit of the data"
        return ScriptPart(
            (
                f"error = {error}{unit}",
                f'values["{prefix}mae"] = float(error.abs().mean())',
                f'values["{prefix}rmse"] = float(error.square().mean().sqrt())',
            ),
            quality=f"-{error}.abs().flatten(1).mean(1)",
        )

    @abstractmethod
    def state(self) -> JsonObject:
        """Returns everything that decoding needs, as JSON values."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: JsonObject) -> Self:
        """Restores an answer from its `state`."""


def output_specs(answers: Iterable[Answer]) -> tuple[TensorSpec, ...]:
    """Returns the specs of the outputs of a net with these answers."""
    return tuple(spec for answer in answers for spec in (answer.spec, *answer.further_specs))


def _in_words(frame: Frame, names: Sequence[str], row: int) -> str:
    """Returns the values of a row; the name of a single column is left out."""
    if len(names) == 1:
        return shorten(str(frame[names[0]].show(row)), _MAX_TEXT)
    return ", ".join(f"{name} {describe(frame[name].show(row))}" for name in names)


def _constant_scale(answer: Answer) -> float | None:
    """Returns the factor from the unit of the net to that of the data, if it is
    constant."""
    shape = (1, *answer.spec.shape)
    zero, one, two = (answer.scores(torch.full(shape, value)) for value in (0.0, 1.0, 2.0))
    scales = one - zero
    same = abs(scales - scales.flat[0]).max() <= 1e-9 * abs(scales.flat[0])
    return (
        float(scales.flat[0])
        if same and abs(two - one - scales).max() <= 1e-6 * abs(scales).max()
        else None
    )
