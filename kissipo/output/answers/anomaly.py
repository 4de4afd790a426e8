"""Anomaly: steps of a series that the model did not expect.

With method forecast, each step is compared with its forecast from the window before it.
With method reconstruction, an autoencoder reconstructs the window that ends with the
step. The error is the root mean square in standard deviations of the training split,
over all variables and steps of the window. An error above a threshold raises an alarm;
the threshold is calibrated on errors of the training data, without labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.windows import Windows
from kissipo.core.description import Line, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.seeds import drawn
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.alarms import AlarmEvaluator
from kissipo.output.anomaly_spans import anomaly_labels_of, smoothed, spans, threshold
from kissipo.output.answer import (
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationCase,
    EvaluationData,
    Prediction,
    Predictions,
    Scores,
)
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as ForecastOptions
from kissipo.output.baseline_data import MAX_SAMPLES, BaselineData, Samples
from kissipo.output.series_sections import alarms_section, alarms_table, season_section
from kissipo.output.series_target import SeriesQuestion, SeriesTarget, refuse_texts

Method = Literal["forecast", "reconstruction"]
_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Options:
    """The options of an anomaly."""

    method: Method | None = option(
        None, "anomaly score: forecast error, or reconstruction error of an autoencoder"
    )
    anomaly_labels: str | None = option(
        None, "label column (1 or yes: anomalous), used for evaluation only"
    )
    false_alarm_rate: float = option(
        0.0001,
        "expected fraction of normal steps that raise an alarm; sets the threshold",
        above=0,
        below=0.5,
    )
    smoothing_window: int = option(
        1, "number of steps over which errors are averaged before thresholding", minimum=1
    )


class Anomaly(Answer):
    """Steps with a large forecast or reconstruction error."""

    WORD = "anomaly"
    PREDICTS_STEPS = True
    EVAL_METRIC = "mae"
    HIGHER_IS_BETTER = False
    READS_TARGETS = True
    BASELINES = ("training_mean", "naive", "seasonal_naive", "linear_autoregression")

    def __init__(
        self,
        columns: tuple[str, ...] | str,
        options: Options = Options(),
        *,
        window: int = 1,
        loss: str | None = None,
    ) -> None:
        self.options = options
        self.expected = Forecast(
            columns,
            ForecastOptions(
                1 if options.method != "reconstruction" else window, interval_coverage=0
            ),
            loss=loss,
        )
        self.threshold = float("nan")
        self.EVAL_METRIC = self.expected.EVAL_METRIC
        if options.anomaly_labels:
            self.EVAL_METRIC, self.HIGHER_IS_BETTER = "nab", True

    @property
    def codec(self) -> Windows:  # type: ignore[override]
        """The codec of the forecast."""
        return self.expected.codec

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns in which anomalies are detected."""
        return self.expected.variables

    @property
    def monitor(self) -> str:
        return self.expected.EVAL_METRIC

    @property
    def name(self) -> str:
        return self.expected.name

    @property
    def spec(self) -> TensorSpec:
        return self.expected.spec

    @property
    def loss(self) -> str:
        return self.expected.loss

    @classmethod
    def for_series(cls, options: Options, question: SeriesQuestion) -> SeriesTarget:
        refuse_texts(question.frame, question.names)
        inferred = []
        if options.method is None:
            method: Method = "reconstruction" if question.reconstructs else "forecast"
            reason = (
                "the net is an autoencoder"
                if question.reconstructs
                else "the error of a forecast one step ahead"
            )
            inferred = [InferredOption("output.method", method, reason)]
            options = replace(options, method=method)
        labels = options.anomaly_labels
        if labels in question.names:
            raise TaskError(
                f"output.anomaly_labels names '{labels}', which is the column to watch",
                do="Labels are used for evaluation only",
            )
        if labels is not None:
            anomaly_labels_of(question.frame, labels)
        return SeriesTarget(
            question.frame,
            question.names,
            question.features or question.names,
            lambda window: cls(question.names, options, window=window, loss=question.loss),
            numbers=question.names,
            starts="first" if options.method == "reconstruction" else "after",
            inferred=inferred,
        )

    @classmethod
    def label_columns(cls, options: Options) -> tuple[str, ...]:
        return () if options.anomaly_labels is None else (options.anomaly_labels,)

    def fit(self, frame: Frame) -> Self:
        self.expected.fit(frame)
        return self

    @property
    def forecasts(self) -> bool:
        return self.options.method == "forecast"

    @property
    def compares_all(self) -> bool:
        return True

    def suggested_net(self) -> InferredOption | None:
        if self.options.method != "reconstruction":
            return None
        reason = "it reconstructs normal windows well and anomalies badly"
        return InferredOption("process.net", "autoencoder", reason)

    def scores(self, outputs: Tensor) -> Scores:
        return self.expected.scores(outputs)

    def truth(self, targets: Tensor) -> Scores:
        return self.expected.truth(targets)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        """Evaluates the forecasts; alarms need the whole series."""
        return self.expected.evaluate(scores, truth)

    def errors(self, scores: Scores, truth: Scores) -> NDArray[np.float64]:
        """Returns the anomaly score of each step: the scaled RMS error, smoothed."""
        return self._errors(self.expected, scores, truth)

    def _errors(self, forecast: Forecast, scores: Scores, truth: Scores) -> NDArray[np.float64]:
        return smoothed(
            np.sqrt(np.square((scores - truth) / forecast.stds).mean(axis=(1, 2))),
            self.options.smoothing_window,
        )

    def calibrate(self, predictions: Predictions) -> None:
        """Sets the alarm threshold from the errors on training and validation split."""
        parts = [part for part in map(predictions, ("train", "validation")) if part is not None]
        scores, truth = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        errors = self.errors(scores, truth)
        self.threshold = threshold(errors, self.options.false_alarm_rate)

    def evaluate_model(self, case: EvaluationCase) -> tuple[Evaluation, Mapping[str, Evaluation]]:
        """Counts the alarms on the evaluated steps, and those of simple forecasts."""
        parts = [part for part in map(case.predictions, _PARTS) if part is not None]
        scores, truth = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        first = len(case.frame) - len(scores)
        before = _PARTS[: _PARTS.index(case.eval_split)]
        start = first + sum(case.sizes[part] for part in before)
        alarms = AlarmEvaluator(
            case.frame,
            case.codecs[0].window_length,
            self.options.anomaly_labels,
            self.options.false_alarm_rate,
        )
        errors = self.errors(scores, truth)
        own = alarms.evaluate(errors, first, start, self.threshold, case.evaluation)
        if self.options.anomaly_labels is None and self.options.method == "reconstruction":
            return own, {}
        return own, self._evaluate_baselines(case, alarms, start)

    def _evaluate_baselines(
        self, case: EvaluationCase, alarms: AlarmEvaluator, start: int
    ) -> dict[str, Evaluation]:
        """Evaluates the baselines of a one-step forecast as anomaly detectors."""
        codec, window, frame = case.codecs[0], alarms.window, case.frame
        trained = int(case.splits["train"][-1]) + 1
        simple = Forecast(self.variables, ForecastOptions(1, interval_coverage=0)).fit(
            frame.take(np.arange(window + trained))
        )
        windows = codec.encode(frame)[: len(frame) - window]
        truth = simple.truth(simple.codec.encode(frame)[window:])
        series = np.stack([frame[name].values for name in self.variables], axis=1)
        some = drawn(trained, MAX_SAMPLES, "baselines")
        data = BaselineData(
            simple,
            (codec.spec,),
            Samples((windows[some],), truth[some], origins=some + window),
            Samples((windows,), truth, origins=np.arange(window, len(frame))),
            case.season_length,
            series=series,
        )
        evaluations = {}
        for name, scores in case.baseline_scores(data):
            errors = self._errors(simple, scores, truth)
            height = threshold(errors[: start - window], self.options.false_alarm_rate)
            expected = simple.evaluate(scores[start - window :], truth[start - window :])
            evaluations[name] = alarms.evaluate(errors, window, start, height, expected)
        return evaluations

    def decode(self, scores: Scores) -> list[Prediction]:
        """Decodes the forecasts; the method with targets detects the anomalies."""
        return self.expected.decode(scores)

    def predictions(self, outputs: Tensor, targets: Sequence[Tensor]) -> list[Prediction]:
        """Labels each step as anomaly or normal, with its error and the threshold."""
        errors = self.errors(self.scores(outputs), self.truth(targets[0]))
        return [
            Prediction(
                "anomaly" if error > self.threshold else "normal",
                error=float(error),
                threshold=self.threshold,
            )
            for error in errors
        ]

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        return {
            "prediction": [prediction.value for prediction in predictions],
            "error": [prediction.error for prediction in predictions],
            "threshold": [prediction.threshold for prediction in predictions],
        }

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        output, values = self.expected.decoding_steps(outputs)
        name = "reconstruction" if self.options.method == "reconstruction" else "forecast"
        return [output, DecodingStep(name, values.shape, values.value, values.description)]

    def state(self) -> JsonObject:
        return {
            "expected": self.expected.state(),
            "options": {
                "method": self.options.method,
                "anomaly_labels": self.options.anomaly_labels,
                "false_alarm_rate": self.options.false_alarm_rate,
                "smoothing_window": self.options.smoothing_window,
            },
            "threshold": None if np.isnan(self.threshold) else self.threshold,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        expected = Forecast.from_state(state["expected"])
        answer = cls(
            expected.variables,
            Options(**state["options"]),
            window=expected.options.horizon,
            loss=expected.loss,
        )
        answer.expected = expected
        answer.threshold = float("nan") if state["threshold"] is None else state["threshold"]
        return answer

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line | Table]:
        return [alarms_table(evaluation.details, full=False)]

    def evaluated_samples(self, evaluation: Evaluation, part: str) -> str:
        start = evaluation.details["judged_from"]
        return f"from {start} on, steps not used to fit any detector"

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        name, labels = self.variables[0], self.options.anomaly_labels
        labeled = [] if labels is None else spans(anomaly_labels_of(data.frame, labels))
        return [season_section(data, name), alarms_section(data, name, labeled)]


ANSWER = Anomaly
