"""Forecast of counts: how often something will happen at each place in the next steps.

The net outputs the logarithm of the expected count; with the negative binomial loss
also that of the dispersion, by which the variance exceeds the mean. The prediction
interval holds the wanted share of that distribution.

Besides the errors of all places, the k busiest places of each step are evaluated: where
to send a taxi is a question about few of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from kissipo.codec.numbers import Numbers
from kissipo.codec.windows import Windows
from kissipo.core.codec import restore, save
from kissipo.core.description import Line, PlaceFilm, Record, Section, Table
from kissipo.core.forecast_steps import ForecastSteps
from kissipo.core.frame import Frame
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.script_part import ScriptPart
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import format_score
from kissipo.output.answer import (
    MAX_WORST,
    Answer,
    DecodingStep,
    Evaluation,
    EvaluationData,
    Prediction,
    Scores,
)
from kissipo.output.answers.forecast import columns_of_steps
from kissipo.output.count_script import script_part_of_counts
from kissipo.output.metrics.counts import hit_rate, poisson_deviance
from kissipo.output.metrics.errors import mean_absolute_error, root_mean_squared_error

USUAL = "usual count"  # the column of the mean over the past of each step
_MAX_LOG = 20.0
_LIMIT = 8.0  # of the logarithm of the dispersion, as in the loss
_MIN_MEAN = 1e-9
_MAX_COUNTS = 150_000  # counts in the maps of the report


@dataclass(frozen=True)
class Busiest:
    """How many of the busiest places are answered."""

    top_k: int = option(20, "number of the busiest places", minimum=1)


@dataclass(frozen=True)
class Options:
    """The options of a forecast of counts."""

    horizon: int = option(1, "forecast horizon: number of time steps to predict", minimum=1)
    interval_coverage: float = option(
        0.8, "nominal coverage of the prediction interval; 0: no interval", minimum=0, below=1
    )
    decode: Busiest | None = option(
        None, "how many of the busiest places are printed and evaluated; inferred"
    )

    @property
    def top_k(self) -> int:
        """The number of the busiest places."""
        return (self.decode or Busiest()).top_k

    def with_top_k(self, top_k: int) -> Options:
        """Returns the options with another number of the busiest places."""
        return replace(self, decode=Busiest(top_k))


class CountForecast(Answer):
    """The counts of a place in the steps after a window."""

    WORD = "count_forecast"
    TITLE = "forecast"
    PREDICTS_STEPS = True
    EVAL_METRIC = "rmse"
    HIGHER_IS_BETTER = False
    DEFAULT_LOSS = "poisson"
    BASELINES = (
        "last_count",
        "last_week",
        "mean_of_week_hour",
        "mean_of_day_kind",
        "boosted_counts",
    )
    BASELINE_SAMPLES = 60_000

    def __init__(
        self,
        column: str,
        options: Options = Options(),
        *,
        places: Sequence[str] = (),
        loss: str | None = None,
    ) -> None:
        self.codec: Windows = Windows(
            Numbers((column,), scale="none", missing_indicator=False),
            options.horizon,
            axis="horizon",
        )
        self.options, self._loss = options, self.loss_name(loss)
        self.places = tuple(places)
        self.positions: tuple[tuple[float, ...], ...] = ((), ())

    @property
    def variables(self) -> tuple[str, ...]:
        return self.codec.columns

    @property
    def has_dispersion(self) -> bool:
        """Whether the net outputs the dispersion, too."""
        return self.loss == "negative_binomial"

    @property
    def spec(self) -> TensorSpec:
        labels = ("log mean", "log dispersion")[: 1 + self.has_dispersion]
        axes, shape = ("horizon", "parameter"), (self.options.horizon, len(labels))
        return TensorSpec(self.name, axes, shape, labels=labels)

    @property
    def forecasts(self) -> bool:
        return True

    @property
    def learns_changes(self) -> bool:
        return False  # the output is a logarithm

    def read_rows(self, frame: Frame) -> None:
        """Takes note of the usual count of each row, which is a baseline."""
        if USUAL in frame:
            self.usual = frame[USUAL].values

    def context_columns(self, frame: Frame) -> list[str]:
        return [name for name in ("place", "time", self.name) if name in frame]

    def scores(self, outputs: Tensor) -> Scores:
        """Returns the mean, and the dispersion if the net outputs it."""
        outputs = outputs.detach().to(torch.float64)
        mean = outputs[..., :1].clamp(max=_MAX_LOG).exp()
        dispersion = outputs[..., 1:].clamp(-_LIMIT, _LIMIT).exp()
        return np.asarray(torch.cat([mean, dispersion], dim=-1).numpy())

    def truth(self, targets: Tensor) -> Scores:
        return targets.to(torch.float64).numpy()

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        mean, truth = scores[..., 0], truth[..., 0]
        metrics = {
            "rmse": root_mean_squared_error(truth, mean),
            "mae": mean_absolute_error(truth, mean),
            "poisson_deviance": poisson_deviance(truth, mean),
        }
        places = max(1, len(self.places))
        details: JsonObject = {"unit": self.name, "top_k": self.options.top_k}
        if len(truth) % places == 0 and self.options.top_k <= places:
            rates = [
                hit_rate(
                    truth[:, step].reshape(-1, places),
                    mean[:, step].reshape(-1, places),
                    self.options.top_k,
                )
                for step in range(truth.shape[1])
            ]
            metrics["hit_rate"] = float(np.mean(rates))
            details["hit_rate_by_step"] = rates
        errors = np.square(mean - truth)
        if self.options.horizon > 1:
            details["rmse_by_step"] = np.sqrt(errors.mean(axis=0)).tolist()
        return Evaluation(
            metrics, details, per_sample=-errors.mean(axis=1), arrays={"scores": scores}
        )

    def extra_metrics(self, scores: Scores, truth: Scores) -> JsonObject:
        """Returns the coverage of the prediction interval."""
        if not self.options.interval_coverage:
            return {}
        low, high = self._between(scores)
        inside = (truth[..., 0] >= low) & (truth[..., 0] <= high)
        coverage = {
            "wanted": self.options.interval_coverage,
            "coverage": float(inside.mean()),
            "width": float((high - low).mean()),
        }
        return {"interval": coverage}

    def _between(self, scores: Scores) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the ends of the interval (sample, horizon) in whole counts."""
        mean, tail = np.maximum(scores[..., 0], _MIN_MEAN), (1 - self.options.interval_coverage) / 2
        if not self.has_dispersion:
            return stats.poisson.ppf(tail, mean), stats.poisson.ppf(1 - tail, mean)
        size = 1 / scores[..., 1]
        probability = size / (size + mean)
        return (
            stats.nbinom.ppf(tail, size, probability),
            stats.nbinom.ppf(1 - tail, size, probability),
        )

    def decode(self, scores: Scores) -> list[Prediction]:
        values = [self._plain(row) for row in scores[..., 0]]
        if not self.options.interval_coverage:
            return [Prediction(value) for value in values]
        low, high = self._between(scores)
        return [
            Prediction(value, between=(self._plain(below), self._plain(above)))
            for value, below, above in zip(values, low, high, strict=True)
        ]

    def _plain(self, row: NDArray[np.float64]) -> object:
        return row.tolist() if self.options.horizon > 1 else float(row[0])

    def locate(
        self, predictions: Sequence[Prediction], steps: Sequence[ForecastSteps]
    ) -> list[Prediction]:
        """Returns the forecasts with their places and times, the busiest first."""
        located = [
            replace(prediction, steps=item)
            for prediction, item in zip(predictions, steps, strict=True)
        ]
        return sorted(located, key=lambda item: -float(np.ravel(item.value)[0]))

    def listed(self, predictions: Sequence[Prediction]) -> Sequence[Prediction]:
        return predictions[: self.options.top_k]

    def describe_target(self, target: object) -> str:
        return ", ".join(f"{value:g}" for value in np.ravel(np.asarray(target)))

    def prediction_columns(
        self, predictions: Sequence[Prediction], outputs: Tensor
    ) -> Mapping[str, Sequence[object]]:
        """Returns one row per place and step, the busiest place first."""
        return columns_of_steps(predictions, self.variables)

    def decoding_steps(self, outputs: Tensor) -> list[DecodingStep]:
        values = self.scores(outputs)[0]
        return [
            DecodingStep(
                "output",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "logarithm of the mean" + (" and of the dispersion" * self.has_dispersion),
            ),
            DecodingStep(
                "forecast",
                values[:, :1].shape,
                values[:, :1],
                f"e^y, the expected '{self.name}'",
            ),
        ]

    def script_part(self, number: int, prefix: str = "") -> ScriptPart:
        return script_part_of_counts(number, prefix)

    def state(self) -> JsonObject:
        return {
            "codec": save(self.codec),
            "horizon": self.options.horizon,
            "interval_coverage": self.options.interval_coverage,
            "top_k": self.options.top_k,
            "places": list(self.places),
            "positions": [list(axis) for axis in self.positions],
            "loss": self.loss,
        }

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        codec = cast("Windows", restore(state["codec"]))
        options = Options(state["horizon"], state["interval_coverage"], Busiest(state["top_k"]))
        answer = cls(codec.columns[0], options, places=state["places"], loss=state["loss"])
        answer.codec = codec
        answer.positions = tuple(tuple(axis) for axis in state["positions"])
        return answer

    def summary(self, evaluation: Evaluation, *, full: bool = False) -> Sequence[Line]:
        lines = []
        details = evaluation.details
        if "hit_rate" in evaluation.metrics:
            rate, top_k = evaluation.metrics["hit_rate"], details["top_k"]
            lines.append(f"Hit rate of the {top_k} busiest of {len(self.places):,}: {rate:.1%}")
        if (interval := details.get("interval")) is not None:
            lines.append(
                f"Interval: coverage {interval['coverage']:.1%} (target at least "
                f"{interval['wanted']:.0%}), mean width {format_score(interval['width'])}"
            )
        for name in ("rmse", "hit_rate") if full else ():
            steps = details.get(f"{name}_by_step", ())
            if len(steps) > 1:
                values = "  ".join(format_score(value) for value in steps)
                lines.append(f"{name} by step ahead: {values}")
        return [Line(line) for line in lines]

    def sections(self, data: EvaluationData) -> Sequence[Section]:
        return [self._film(data), self.worst_predictions(data)]

    def _film(self, data: EvaluationData) -> Section:
        """Returns the observed counts and the forecasts of the next step as maps."""
        places = len(self.places)
        steps = len(data.truth) // places
        num_steps = min(steps, max(1, _MAX_COUNTS // places))
        first = (steps - num_steps) * places
        truth, mean = (
            values[first:, 0, 0].reshape(num_steps, places) for values in (data.truth, data.scores)
        )
        rows = data.rows[first::places] + data.codecs[0].window_length
        times = [str(data.frame["time"].show(row)).replace("T", " ")[:16] for row in rows.tolist()]
        order = np.arange(places)
        if not self.positions[0]:
            order = np.argsort(-truth.sum(axis=0), kind="stable")
        x, y = (
            [axis[place] for place in order.tolist()] if axis else [] for axis in self.positions
        )
        film = PlaceFilm(
            [self.places[place] for place in order.tolist()],
            x,
            y,
            times,
            {"observed": truth[:, order], "forecast": mean[:, order]},
            self.name,
            self.options.top_k,
        )
        busiest = np.argsort(-truth.sum(axis=0), kind="stable")[: self.options.top_k]
        errors = np.sqrt(np.square(truth - mean).mean(axis=0))
        table = Table(
            ["place", f"{self.name} observed", "forecast", "RMSE"],
            [
                [
                    self.places[place],
                    f"{truth[:, place].sum():,.0f}",
                    f"{mean[:, place].sum():,.0f}",
                    format_score(float(errors[place])),
                ]
                for place in busiest.tolist()
            ],
            numbers=(1, 2, 3),
        )
        newest = (
            f"The maps show the last {num_steps} of {steps} test steps. "
            if num_steps < steps
            else ""
        )
        text = (
            f"{newest}Each forecast is for the step that is shown, from the steps before it. The "
            f"table has the {len(busiest)} busiest places over all shown steps."
        )
        return Section("Hot spots", [film, Line(text, "dim"), table])

    def worst_predictions(self, data: EvaluationData) -> Section:
        """Returns the counts with the largest errors, with their places and times."""
        quality = data.evaluation.per_sample
        assert quality is not None
        worst = self.worst(data.scores, data.truth, quality)[:MAX_WORST]
        window = data.codecs[0].window_length
        rows = []
        for sample in worst.tolist():
            row = int(data.rows[sample]) + window
            rows.append(
                [
                    str(data.frame["place"].show(row)),
                    str(data.frame["time"].show(row)).replace("T", " "),
                    self.describe_target(data.truth[sample]),
                    ", ".join(f"{value:.1f}" for value in data.scores[sample, :, 0]),
                    f"{data.frame[USUAL].values[row]:.1f}",
                ]
            )
        titles = ["place", "time", "count", "forecast", "usual count"]
        records: list[Record] = [Table(titles, rows, numbers=(2, 3, 4))]
        return Section("Worst predictions", records)


ANSWER = CountForecast
