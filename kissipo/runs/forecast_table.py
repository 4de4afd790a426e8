"""Forecasts as a table: one row per step, with its series and its timestamp."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kissipo.core.output_file import new_folder
from kissipo.core.text import csv_text
from kissipo.engine.checkpoint import write_whole
from kissipo.output.answer import Answer, Prediction
from kissipo.runs.predict_folder import TABLE

Row = list[str | float]


def forecast_table(
    answer: Answer, predictions: Sequence[Prediction]
) -> tuple[list[str], list[Row]]:
    """Returns the titles and one row per step: series, timestamp, forecast, interval.

    Every prediction is a forecast with its steps.
    """
    steps = predictions[0].steps
    assert steps is not None
    has_interval = predictions[0].between is not None
    titles = ([] if steps.series is None else [steps.series_heading]) + [steps.heading]
    bounds = ("", " low", " high") if has_interval else ("",)
    titles += [f"{name}{bound}" for name in answer.variables for bound in bounds]
    return titles, [row for prediction in predictions for row in _rows(answer, prediction)]


def save_forecasts(folder: Path | str, answer: Answer, predictions: Sequence[Prediction]) -> Path:
    """Writes predictions.csv into a new folder and returns its path.

    Raises:   TaskError when the folder is not empty; MachineError when it cannot be
              written.
    """
    titles, rows = forecast_table(answer, predictions)
    with new_folder(folder) as folder:
        write_whole(folder / TABLE, csv_text([titles, *rows]).encode())
    return folder / TABLE


def _rows(answer: Answer, prediction: Prediction) -> list[Row]:
    steps = prediction.steps
    assert steps is not None
    values = [prediction.value, *(prediction.between or ())]
    shape = (len(steps.labels), len(answer.variables))
    columns = np.stack([np.asarray(value, dtype=np.float64).reshape(shape) for value in values], 2)
    start: Row = [] if steps.series is None else [steps.series]
    return [
        [*start, label, *columns[step].reshape(-1).tolist()]
        for step, label in enumerate(steps.labels)
    ]
