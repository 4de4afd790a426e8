"""Forecaster: forecasts the next steps of a series, with the interface of Darts."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Self

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted
from torch import nn

from kissipo.core.errors import DataError, TaskError
from kissipo.input.series_order import TimeOptions, order_rows
from kissipo.input.source_data import Reading
from kissipo.sklearn.estimator import Estimator
from kissipo.sklearn.history import History, Values, last_step, like, read_history

_LARGEST = 0.4  # fraction of the validation split


class Forecaster(Estimator):
    """Forecasts the next steps of one series, of one variable or several.

    horizon:        the number of steps that the net forecasts at once, 1 when omitted;
                    more steps are forecast from the forecasts before them
    window:         the number of past steps that it sees; inferred when omitted
    season_length:  the seasonal period in steps; inferred when omitted
    net:            a net by its name, or a torch module; inferred when omitted
    epochs:         inferred when omitted
    budget:         how long nets are compared where net is None: none, small (about 20
                    seconds), medium or large; the best one is trained
    options:        further options of a task: {"process.learning_rate": 0.01}
    random_state:   the seed of the weights and the order; None draws a new one for each
                    fit
    device:         auto, cpu, cuda or mps

    run_            the run, which traces, explains and shows its history
    findings_       what the data check found
    candidates_     the nets that were compared, with their scores

    Example:  >>> series = 10 + np.sin(np.arange(120) * np.pi / 6)
              >>> forecaster = Forecaster(horizon=12, epochs=20).fit(series)
              >>> forecaster.predict(12).shape
              (12,)
    """

    def __init__(
        self,
        *,
        horizon: int | None = None,
        window: int | None = None,
        season_length: int | None = None,
        net: str | nn.Module | None = None,
        epochs: int | None = None,
        budget: str = "none",
        options: Mapping[str, object] | None = None,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "auto",
    ) -> None:
        self.horizon = horizon
        self.window = window
        self.season_length = season_length
        self.net = net
        self.epochs = epochs
        self.budget = budget
        self.options = options
        self.random_state = random_state
        self.device = device

    def fit(self, series: object) -> Self:
        """Trains on a series.

        The last tenth of the steps, and at least one horizon, chooses the best epoch
        and the prediction interval.

        series:   a Series or a DataFrame of pandas, whose index is time; another data
                  frame with one column of timestamps; an array or a list
        Raises:   DataError for gaps, texts, and a series that is too short.
        """
        history = read_history(series)
        names = history.names[0] if len(history.names) == 1 else list(history.names)
        inputs: dict[str, object] = {"series": series}
        if history.time is not None:
            inputs["time"] = history.heading
        task = self._task(inputs, {"forecast": names}, samples=len(history))
        self._train(task, Reading(history.frame()))
        self._history, self._last = self._ordered(history), last_step(series)
        for text in self._why_not_compared:
            warnings.warn(text, stacklevel=2)
        return self

    def predict(self, n: int | None = None, series: object = None) -> object:
        """Returns the next n steps, in the form of the series.

        n:        the number of steps; the horizon when omitted
        series:   steps to forecast from, with the same variables; those of the training
                  when omitted
        Raises:   NotFittedError before `fit`; ValueError for other variables.
        """
        check_is_fitted(self)
        count = self._horizon if n is None else _count(n)
        history = self._history if series is None else self._read(series)
        return like(self._last if series is None else series, self._ahead(history, count), count)

    def score(self, series: object) -> float:
        """Returns R², the coefficient of determination, of the forecasts for the steps
        of a series that follow those of the training."""
        check_is_fitted(self)
        actual = self._read(series).values
        forecast = self._ahead(self._history, len(actual)).values[-len(actual) :]
        return float(r2_score(actual, forecast))

    def _own_options(self) -> dict[str, object]:
        return {
            **super()._own_options(),
            "input.window": self.window,
            "input.season_length": self.season_length,
            "output.horizon": self.horizon,
        }

    def _split(self, samples: int) -> dict[str, float]:
        """Returns fractions that give the validation split at least one horizon."""
        split = super()._split(samples)
        horizon = self.horizon if isinstance(self.horizon, int) else 1
        return {**split, "validation": min(_LARGEST, max(split["validation"], horizon / samples))}

    @property
    def _horizon(self) -> int:
        return self.run_.answers[0].spec.shape[0]

    def _ahead(self, history: History, count: int) -> History:
        """Returns the history with its forecasts, as many horizons as are needed."""
        end = len(history) + count
        while len(history) < end:
            (prediction,) = self.run_.predict_all([history.frame()])[0][0]
            assert prediction.steps is not None
            values: Values = np.asarray(prediction.value, dtype=np.float64)
            values = values.reshape(self._horizon, -1)[: end - len(history)]
            history = history.extended(values, prediction.steps.labels[: len(values)])
        return history

    def _read(self, series: object) -> History:
        """Returns other steps of the variables of the training.

        Raises:   DataError for other variables.
        """
        history = read_history(series)
        if history.names != self._history.names:
            raise DataError(
                "the series has other variables than that of the training",
                got=", ".join(history.names),
                allowed=", ".join(self._history.names),
            )
        return self._ordered(history)

    def _ordered(self, history: History) -> History:
        """Returns steps in order of time, each timestamp once, as in the training."""
        if history.time is None:
            return history
        options = self.run_.resolved.source.options
        order = TimeOptions(history.heading, (), options.duplicate_timestamps)
        frame = order_rows(history.frame(), order, targets=history.names).frame
        values = np.stack([frame[name].values for name in history.names], axis=1)
        time = frame[history.heading].values.astype(history.time.dtype)
        return replace(history, values=values, time=time)


def _count(n: int) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise TaskError(
            "predict needs the number of steps to forecast",
            got=repr(n),
            allowed="an integer of at least 1",
        )
    return int(n)
