"""Forecast: the next steps of a series, in the unit of the data.

Predictions are scaled back to the unit of the data and evaluated per step and overall.
Several variables have several units: overall they are evaluated on the scale of the
training split (mean 0, std 1), as in most papers, and per variable in its own unit.

The prediction interval is forecast ± the quantile of the absolute errors on the
validation split at that step (split conformal prediction; Vovk et al. 2005, Lei et al.
2018). Its coverage of the test split is reported: it is lower when the series changes,
and because the validation split has also selected the epoch.

A series whose seasonal swing grows with its level is learned as logarithms. Forecasts
are the exponentials of these. The interval is then forecast times and divided by the
quantile of the ratios of forecast and truth, so that it grows with the level, too.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.numbers import Numbers, Scale
from kissipo.codec.windows import Windows
from kissipo.core.codec import restore, save
from kissipo.core.description import Line, Section
from kissipo.core.errors import TaskError
from kissipo.core.forecast_steps import ForecastSteps
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import describe, format_score, list_some
from kissipo.core.time.time_pattern import TimePattern
from kissipo.output.answer import (
    MAX_WORST,
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Predictions,
    Scores,
)
from kissipo.output.count_script import script_part_of_counts
from kissipo.output.metrics.errors import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_absolute_scaled_error,
    root_mean_squared_error,
)
from kissipo.output.series_scales import SeriesScales
from kissipo.output.series_sections import (
    forecasts_section,
    season_section,
    several_series_section,
    worst_windows,
)
from kissipo.output.series_target import SeriesQuestion, SeriesTarget, refuse_texts
from kissipo.output.target_checks import refuse_negative

_MIN_INDEPENDENT = 20  # validation windows without a step in common


@dataclass(frozen=True)
class Options:
    """The options of a forecast."""

    horizon: int = option(1, "forecast horizon: number of time steps to predict", minimum=1)
    interval_coverage: float = option(
        0.8, "nominal coverage of the prediction interval; 0: no interval", minimum=0, below=1
    )


class Forecast(Answer):
    """The time steps after a window."""

    WORD = "forecast"
    PREDICTS_STEPS = True
    LEARNS_SEVERAL = True
    EVAL_METRIC = "mae"
    HIGHER_IS_BETTER = False
    DEFAULT_LOSS = "mean_squared_error"
    BASELINES = ("naive", "seasonal_naive", "exponential_smoothing", "linear_autoregression")

    def __init__(
        self,
        columns: tuple[str, ...] | str,
        options: Options = Options(),
        *,
        loss: str | None = None,
    ) -> None:
        columns = (columns,) if isinstance(columns, str) else tuple(columns)
        if len(columns) > 1:
            self.EVAL_METRIC = "normalized_mae"
        self.options, self._loss = options, self.loss_name(loss)
        scale: Scale = "mean" if self.counts else "standard"
        self.codec: Windows = Windows(
            Numbers(columns, scale=scale, missing_indicator=False), options.horizon, axis="horizon"
        )
        self.naive_errors: list[float] = []
        self.margins: NDArray[np.float64] | None = None  # (horizon, variable)

    def with_logarithms(self) -> Self:
        if self.counts or self.scales is not None or len(self.variables) > 1:
            what = "process.loss=poisson" if self.counts else "several series or columns"
            raise TaskError(
                "input.log_transform forecasts one column of one series",
                got=what,
                do="Leave input.log_transform out",
            )
        answer = copy(self)
        numbers = Numbers(self.variables, scale="log", missing_indicator=False)
        answer.codec = Windows(numbers, self.options.horizon, axis="horizon")
        return answer

    @property
    def has_logarithms(self) -> bool:
        """Whether the net learns the logarithms of the target."""
        return cast(Numbers, self.codec.inner).scale == "log"

    @property
    def variables(self) -> tuple[str, ...]:
        """The columns that are forecast."""
        return self.codec.columns

    @property
    def name(self) -> str:
        return ", ".join(self.variables)

    @property
    def spec(self) -> TensorSpec:
        shape = (self.options.horizon, len(self.variables))
        scales = () if self.counts else self.codec.spec.scales
        axes = ("horizon", "variable")
        return TensorSpec(self.name, axes, shape, labels=self.variables, scales=scales)

    @classmethod
    def for_series(cls, options: Options, question: SeriesQuestion) -> SeriesTarget:
        refuse_texts(question.frame, question.names)
        if cls("", loss=question.loss).counts:
            _refuse_several(question.names, "the columns " + ", ".join(question.names))
            refuse_negative(question.frame, question.names[0])
        return SeriesTarget(
            question.frame,
            question.names,
            question.features or question.names,
            lambda window: cls(question.names, options, loss=question.loss),
            numbers=question.names,
            length=options.horizon,
            has_future=True,
        )

    def fit(self, frame: Frame) -> Self:
        if self.counts and self.scales is not None:
            names = tuple(self.scales.rows(frame))
            _refuse_several(names, f"the series {list_some(names, 3)} of '{self.scales.column}'")
        self.codec.fit(frame)
        steps = [slice(0, len(frame))]
        if self.scales is not None:
            self.EVAL_METRIC = "normalized_mae"
            rows = self.scales.rows(frame).values()
            steps = [slice(int(part[0]), int(part[-1]) + 1) for part in rows]
        self.naive_errors = [
            float(
                np.concatenate([np.abs(np.diff(frame[name].values[part])) for part in steps]).mean()
            )
            for name in self.variables
        ]
        return self

    @property
    def forecasts(self) -> bool:
        return True

    @property
    def counts(self) -> bool:
        """Whether the net outputs the logarithm of a count over the mean count."""
        return self.loss == "poisson"

    @property
    def learns_changes(self) -> bool:
        return not self.counts

    def context_columns(self, frame: Frame) -> list[str]:
        names = [column.name for column in frame.columns if column.kind == "time"]
        names += [name for name in self.variables if name in frame]
        return names + ([] if self.scales is None else [self.scales.column])

    def scores(self, outputs: Tensor) -> Scores:
        outputs = outputs.detach().to(torch.float64)
        return self.truth(outputs.exp() if self.counts else outputs)

    def truth(self, targets: Tensor) -> Scores:
        targets = targets.detach().to(torch.float64)
        frame = self.codec.inner.decode(targets.reshape(-1, targets.shape[-1]))
        return np.stack([column.values for column in frame.columns], axis=1).reshape(targets.shape)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        if len(self.variables) > 1 or self.scales is not None:
            return self._evaluate_several(scores, truth)
        metrics = {
            "mae": mean_absolute_error(truth, scores),
            "rmse": root_mean_squared_error(truth, scores),
            "mape": mean_absolute_percentage_error(truth, scores),
            "mase": mean_absolute_scaled_error(truth, scores, naive_error=self.naive_errors[0]),
        }
        errors = np.abs(scores - truth)
        details = {"mae_by_step": errors.mean(axis=(0, 2)).tolist(), "unit": self.name}
        return Evaluation(
            metrics, details, per_sample=-errors.mean(axis=(1, 2)), arrays={"scores": scores}
        )

    @property
    def stds(self) -> NDArray[np.float64]:
        """The standard deviation of each variable in the training split."""
        fitted = cast(Numbers, self.codec.inner).fitted
        assert fitted is not None
        return np.asarray(fitted.spread)

    def _evaluate_several(self, scores: Scores, truth: Scores) -> Evaluation:
        std = self.stds
        scaled, scaled_truth = scores / std, truth / std
        by_variable = {
            name: {
                "mae": mean_absolute_error(target, forecast),
                "rmse": root_mean_squared_error(target, forecast),
                "mase": mase,
            }
            for name, target, forecast, mase in zip(
                self.variables,
                np.moveaxis(truth, 2, 0),
                np.moveaxis(scores, 2, 0),
                self._mases(scores, truth),
                strict=True,
            )
        }
        errors = np.abs(scaled - scaled_truth)
        metrics = {
            "normalized_mae": mean_absolute_error(scaled_truth, scaled),
            "normalized_mse": float(np.square(errors).mean()),
            "mase": float(np.mean(self._mases(scores, truth))),
        }
        details = {
            "normalized_mae_by_step": errors.mean(axis=(0, 2)).tolist(),
            "by_variable": by_variable,
            "unit": self.name,
        }
        return Evaluation(
            metrics, details, per_sample=-errors.mean(axis=(1, 2)), arrays={"scores": scores}
        )

    def _mases(self, scores: Scores, truth: Scores) -> list[float]:
        return [
            mean_absolute_scaled_error(truth[:, :, index], scores[:, :, index], naive_error=error)
            for index, error in enumerate(self.naive_errors)
        ]

    def min_gain(self, gains: Tensor) -> float:
        """Returns two standard errors of the mean gain over windows.

        Neighboring windows share all but one of their targets. If the steps are
        independent, as many windows count as have no step in common. With few of them,
        one stretch of time would decide, so no gain is large enough.
        """
        independent = len(gains) / self.options.horizon
        if independent < _MIN_INDEPENDENT:
            return inf
        return 2 * float(gains.std()) / independent**0.5

    def calibrate(self, predictions: Predictions) -> None:
        """Sets the margins of the interval from errors on the validation split.

        There is no interval when the samples are too few for its coverage.
        """
        if (predicted := predictions("validation")) is None:
            return
        scores, truth = predicted
        rank = ceil((len(scores) + 1) * self.options.interval_coverage)
        enough = self.options.interval_coverage > 0 and rank <= len(scores)
        if self.has_logarithms:
            scores, truth = np.log(scores), np.log(truth)
        self.margins = np.sort(np.abs(scores - truth), axis=0)[rank - 1] if enough else None

    def extra_metrics(self, scores: Scores, truth: Scores) -> dict[str, object]:
        """Returns the interval coverage, overall and per step; {} without one."""
        if self.margins is None:
            return {}
        low, high = self._between(scores)
        inside = (low <= truth) & (truth <= high)
        by_step = [float(share) for share in inside.mean(axis=(0, 2))]
        width = float((high - low).mean())
        interval = {
            "wanted": self.options.interval_coverage,
            "coverage": float(inside.mean()),
            "by_step": by_step,
            "width": width,
        }
        return {"interval": interval}

    def decode(self, scores: Scores) -> list[Prediction]:
        if self.margins is None:
            return [Prediction(self._plain(row)) for row in scores]
        low, high = self._between(scores)
        return [
            Prediction(self._plain(row), between=(self._plain(lower), self._plain(upper)))
            for row, lower, upper in zip(scores, low, high, strict=True)
        ]

    def _between(self, scores: Scores) -> tuple[Scores, Scores]:
        """Returns the ends of the interval; that of a count does not fall below 0."""
        assert self.margins is not None
        if self.has_logarithms:
            return scores * np.exp(-self.margins), scores * np.exp(self.margins)
        low = scores - self.margins
        return np.maximum(low, 0.0) if self.counts else low, scores + self.margins

    def locate(
        self, predictions: Sequence[Prediction], steps: Sequence[ForecastSteps]
    ) -> list[Prediction]:
        """Returns forecasts with their timestamps, each series in its own unit."""
        if not steps:
            return list(predictions)
        return [
            self._located(prediction, item)
            for prediction, item in zip(predictions, steps, strict=True)
        ]

    def _located(self, prediction: Prediction, steps: ForecastSteps) -> Prediction:
        located = replace(prediction, steps=steps)
        if not steps.center:
            return located
        center, spread = np.asarray(steps.center), np.asarray(steps.spread)

        def in_unit(value: object) -> object:
            rows = np.asarray(value, dtype=np.float64).reshape(-1, len(self.variables))
            return self._plain(rows * spread + center)

        if prediction.between is not None:
            low, high = prediction.between
            located = replace(located, between=(in_unit(low), in_unit(high)))
        return replace(located, value=in_unit(prediction.value))

    def describe_target(self, target: object) -> str:
        return describe(self._plain(np.asarray(target)))

    def _plain(self, row: Scores) -> object:
        """Returns a number (one step, one variable), a list, or a list of lists."""
        if row.shape[1] > 1:
            return row.tolist()
        return row[:, 0].tolist() if self.options.horizon > 1 else float(row[0, 0])

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        """Returns one row per step ahead: series, timestamp, the columns of a variable.

        Without timestamps these are the steps after the last window.
        """
        some = predictions if predictions[-1].steps else predictions[-1:]
        return columns_of_steps(some, self.variables)

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        values = self.scores(outputs)[0]
        function = "e^y times the mean count" if self.counts else "inverse scaling"
        function = "inverse scaling, then e^y" if self.has_logarithms else function
        return [
            DecodingStep(
                "output",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "model output",
            ),
            DecodingStep(
                "forecast", values.shape, values, f"{function}, in the unit of '{self.name}'"
            ),
        ]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        if self.counts:
            return script_part_of_counts(number, prefix, float(self.stds[0]))
        horizon = self.options.horizon
        min_gain = (
            f"2 * float(gain.std()) * ({horizon} / len(gain)) ** 0.5 "
            f'if len(gain) >= {_MIN_INDEPENDENT * horizon} else float("inf")'
        )
        part = self._script_of_logarithms(number, prefix) if self.has_logarithms else None
        return replace(part or super().script_part(number, prefix), min_gain=min_gain)

    def _script_of_logarithms(self, number: int, prefix: str) -> ScriptPart:
        """Returns the metrics in the unit of the data for `kissipo eject`."""
        fitted = cast(Numbers, self.codec.inner).fitted
        assert fitted is not None
        scaling = f"{fitted.spread[0]!r} + {fitted.center[0]!r}"
        outputs, targets = (
            f"({name}[{number}].double() * {scaling}).exp()" for name in ("outputs", "targets")
        )
        return ScriptPart(
            (
                f"error = {outputs} - {targets}  # in the unit of the data",
                f'values["{prefix}mae"] = float(error.abs().mean())',
                f'values["{prefix}rmse"] = float(error.square().mean().sqrt())',
            ),
            quality=f"-({outputs} - {targets}).abs().flatten(1).mean(1)",
        )

    def state(self) -> JsonObject:
        return {
            "codec": save(self.codec),
            "horizon": self.options.horizon,
            "naive_errors": self.naive_errors,
            "loss": self.loss,
            "interval_coverage": self.options.interval_coverage,
            "margins": None if self.margins is None else self.margins.tolist(),
            "pattern": None if self.pattern is None else self.pattern.state(),
            "scales": None if self.scales is None else self.scales.state(),
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Windows)
        answer = cls(
            codec.columns, Options(state["horizon"], state["interval_coverage"]), loss=state["loss"]
        )
        answer.codec, answer.naive_errors = codec, state["naive_errors"]
        answer.margins = None if state["margins"] is None else np.asarray(state["margins"])
        if state.get("pattern") is not None:
            answer.pattern = TimePattern.from_state(state["pattern"])
        if state.get("scales") is not None:
            answer.scales = SeriesScales.from_state(state["scales"])
            answer.EVAL_METRIC = "normalized_mae"
        return answer

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line]:
        lines, interval = [], evaluation.details.get("interval")
        if interval is not None:
            lines.append(
                f"Interval: coverage {interval['coverage']:.1%} (target "
                f"{interval['wanted']:.0%}), mean width {format_score(interval['width'])}"
            )
        for metric in ("mae", "normalized_mae") if full else ():
            steps = evaluation.details.get(f"{metric}_by_step")
            if steps:
                errors = "  ".join(format_score(value) for value in steps)
                lines.append(f"{metric} by step ahead: {errors}")
        return [Line(line) for line in lines]

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        if self.scales is not None:
            return [
                several_series_section(data, self.variables, self.margins, self.scales),
                *super().sections(data),
            ]
        return [
            forecasts_section(
                data, self.variables, None if self.margins is None else self._between(data.scores)
            ),
            season_section(data, self.variables[0]),
            *super().sections(data),
        ]

    def worst_predictions(self, data: EvaluationData) -> Section:
        assert data.evaluation.per_sample is not None
        worst = self.worst(data.scores, data.truth, data.evaluation.per_sample)
        return worst_windows(data, worst[:MAX_WORST])


def columns_of_steps(
    predictions: Sequence[Prediction], variables: Sequence[str]
) -> dict[str, list[object]]:
    """Returns one row per step ahead: series, timestamp, the columns of a variable."""
    columns: dict[str, list[object]] = {}
    for prediction in predictions:
        values = [prediction.value, *(prediction.between or ())]
        tables = [np.asarray(value, float).reshape(-1, len(variables)) for value in values]
        steps = prediction.steps
        if steps is not None and steps.series is not None:
            columns.setdefault(steps.series_heading, []).extend([steps.series] * len(tables[0]))
        if steps is not None:
            columns.setdefault(steps.heading, []).extend(steps.labels)
        for number, name in enumerate(variables):
            for ending, table in zip(("", "_low", "_high"), tables, strict=False):
                several = f"prediction_{name}{ending}"
                title = several if len(variables) > 1 else ending[1:] or "prediction"
                columns.setdefault(title, []).extend(table[:, number].tolist())
    return columns


def _refuse_several(names: Sequence[str], listed: str) -> None:
    """Refuses counts of several columns or series, which are learned on one scale."""
    if len(names) > 1:
        raise TaskError(
            "process.loss=poisson forecasts the counts of one column of one series",
            got=listed,
            do="Name one column with --output and give one series, or leave process.loss out; "
            "counts of many places: input.place",
        )


ANSWER = Forecast
