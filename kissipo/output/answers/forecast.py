"""Forecast: the next steps of a series, in its own unit; one row of numbers for every step of the horizon.

The net's scaled values are brought back to the unit of the data; each step ahead is judged by itself and all together. Several
variables have several units: together they are judged on the scale of the training part (mean 0, spread 1), as is usual in papers, and
one by one in their own.

Around each forecast stands an interval: forecast ± the error that a share of the validation part did not exceed at that step ahead
(split conformal prediction; Vovk et al. 2005, Lei et al. 2018). How much of the test part it really holds is told: a series that
changes its ways leaves it, and the validation part has chosen the epoch as well.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.numbers import Numbers
from kissipo.codec.windows import Windows
from kissipo.core.codec import restore, save
from kissipo.core.frame import Frame
from kissipo.core.schema import word
from kissipo.core.tensor_spec import TensorSpec
from kissipo.output.answer import Answer, DecodingStep, Evaluation, Prediction, Scores
from kissipo.output.metrics.errors import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_absolute_scaled_error,
    root_mean_squared_error,
)


@dataclass(frozen=True)
class Options:
    """The words of a forecast."""

    horizon: int = word(1, "forecast horizon: number of time steps to predict", at_least=1)
    interval_coverage: float = word(
        0.8, "nominal coverage of the prediction interval; 0: no interval", at_least=0, below=1
    )


class Forecast(Answer):
    """The steps after a window."""

    WORD = "forecast"
    EVAL_METRIC = "mae"
    HIGHER_IS_BETTER = False
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
        self.codec: Windows = Windows(
            Numbers(columns, missing_indicator=False), options.horizon, axis="horizon"
        )
        self.options, self._loss = options, loss
        self.naive_errors: list[float] = []
        self.margins: NDArray[np.float64] | None = None  # (horizon, variable)

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
        return TensorSpec(self.name, ("horizon", "variable"), shape, words=self.variables)

    @property
    def loss(self) -> str:
        return self._loss or "mean_squared_error"

    def fit(self, frame: Frame) -> Self:
        self.codec.fit(frame)
        self.naive_errors = [
            float(np.abs(np.diff(frame[name].values)).mean()) for name in self.variables
        ]
        return self

    def scores(self, outputs: Tensor) -> Scores:
        outputs = outputs.detach().to(torch.float64)
        frame = self.codec.inner.decode(outputs.reshape(-1, outputs.shape[-1]))
        return np.stack([column.values for column in frame.columns], axis=1).reshape(outputs.shape)

    def truth(self, targets: Tensor) -> Scores:
        return self.scores(targets)

    def evaluate(self, scores: Scores, truth: Scores) -> Evaluation:
        if len(self.variables) > 1:
            return self._evaluate_several(scores, truth)
        metrics = {
            "mae": mean_absolute_error(truth, scores),
            "rmse": root_mean_squared_error(truth, scores),
            "mape": mean_absolute_percentage_error(truth, scores),
            "mase": mean_absolute_scaled_error(truth, scores, naive_error=self.naive_errors[0]),
        }
        off = np.abs(scores - truth)
        details = {"mae_by_step": off.mean(axis=(0, 2)).tolist(), "unit": self.name}
        return Evaluation(metrics, details, each=-off.mean(axis=(1, 2)))

    def _evaluate_several(self, scores: Scores, truth: Scores) -> Evaluation:
        spread = np.asarray(self.codec.inner.fitted.spread)  # type: ignore[attr-defined]
        scaled, scaled_truth = scores / spread, truth / spread
        by_variable = {
            name: {
                "mae": mean_absolute_error(real, found),
                "rmse": root_mean_squared_error(real, found),
                "mase": mase,
            }
            for name, real, found, mase in zip(
                self.variables,
                np.moveaxis(truth, 2, 0),
                np.moveaxis(scores, 2, 0),
                self._mases(scores, truth),
                strict=True,
            )
        }
        off = np.abs(scaled - scaled_truth)
        metrics = {
            "normalized_mae": mean_absolute_error(scaled_truth, scaled),
            "normalized_mse": float(np.square(off).mean()),
            "mase": float(np.mean(self._mases(scores, truth))),
        }
        details = {
            "normalized_mae_by_step": off.mean(axis=(0, 2)).tolist(),
            "by_variable": by_variable,
            "unit": self.name,
        }
        return Evaluation(metrics, details, each=-off.mean(axis=(1, 2)))

    def _mases(self, scores: Scores, truth: Scores) -> list[float]:
        return [
            mean_absolute_scaled_error(truth[:, :, at], scores[:, :, at], naive_error=error)
            for at, error in enumerate(self.naive_errors)
        ]

    def calibrate(self, scores: Scores, truth: Scores) -> None:
        """Takes the width of the interval from answers to samples that the net did not learn from; none where they are too few."""
        rank = ceil((len(scores) + 1) * self.options.interval_coverage)
        enough = self.options.interval_coverage > 0 and rank <= len(scores)
        self.margins = np.sort(np.abs(scores - truth), axis=0)[rank - 1] if enough else None

    def held(self, scores: Scores, truth: Scores) -> dict[str, Any]:
        """What share of the truth lies in the interval, in all and by step ahead; empty without an interval."""
        if self.margins is None:
            return {}
        inside = np.abs(scores - truth) <= self.margins
        by_step = [float(share) for share in inside.mean(axis=(0, 2))]
        width = 2 * float(self.margins.mean())
        told = {
            "wanted": self.options.interval_coverage,
            "coverage": float(inside.mean()),
            "by_step": by_step,
            "width": width,
        }
        return {"interval": told}

    def decide(self, scores: Scores) -> list[Prediction]:
        if self.margins is None:
            return [Prediction(self._plain(row)) for row in scores]
        low, high = scores - self.margins, scores + self.margins
        return [
            Prediction(self._plain(row), between=(self._plain(least), self._plain(most)))
            for row, least, most in zip(scores, low, high, strict=True)
        ]

    def _plain(self, row: Scores) -> Any:
        """A number for one step of one variable, a list for one of them, else lists of lists."""
        if row.shape[1] > 1:
            return row.tolist()
        return row[:, 0].tolist() if self.options.horizon > 1 else float(row[0, 0])

    def decoding(self, outputs: Tensor) -> list[DecodingStep]:
        values = self.scores(outputs)[0]
        return [
            DecodingStep(
                "output",
                tuple(outputs.shape[1:]),
                outputs[0].detach().numpy(),
                "what the net gives",
            ),
            DecodingStep(
                "forecast", values.shape, values, f"inverse scaling, in the unit of '{self.name}'"
            ),
        ]

    def state(self) -> dict[str, Any]:
        return {
            "codec": save(self.codec),
            "horizon": self.options.horizon,
            "naive_errors": self.naive_errors,
            "loss": self.loss,
            "interval_coverage": self.options.interval_coverage,
            "margins": None if self.margins is None else self.margins.tolist(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        codec = restore(state["codec"])
        assert isinstance(codec, Windows)
        answer = cls(
            codec.columns, Options(state["horizon"], state["interval_coverage"]), loss=state["loss"]
        )
        answer.codec, answer.naive_errors = codec, state["naive_errors"]
        answer.margins = None if state["margins"] is None else np.asarray(state["margins"])
        return answer


ANSWER = Forecast
