"""Predictions in the form of the values: one for one, a list for a list.

A data frame gives a data frame of the same library, with the same index.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import narwhals as nw
import numpy as np
from torch import Tensor

from kissipo.core.errors import TaskError
from kissipo.input.formats.dataframe import NativeFrame, is_dataframe
from kissipo.output.answer import Answer, Prediction

if TYPE_CHECKING:
    from kissipo.runs.trained import TrainedModel

_MANY = 99


def predict_values(run: TrainedModel, values: Sequence[object]) -> object:
    """Returns plain values of the first output, or a data frame of all outputs."""
    values, is_list = as_samples(values, _value_axes(run))
    predictions, outputs = _warned(run, values)
    if is_dataframe(values[0]):
        by_answer = list(zip(*predictions, strict=True))
        first = run.answers[0]
        are_rows = first.READS_TARGETS or not first.forecasts
        columns = _all_columns(run.answers, by_answer, outputs)
        return _like(values[0], columns, are_rows=are_rows)
    plain = [run.answers[0].plain_value(row[0]) for row in predictions]
    return plain if is_list or len(plain) != 1 else plain[0]


def predict_probabilities(run: TrainedModel, values: Sequence[object]) -> object:
    """Returns class probabilities (sample, class), or a data frame for a data frame.

    Raises:   TaskError when the run does not predict a class.
    """
    values, _ = as_samples(values, _value_axes(run))
    _, outputs = _warned(run, values)
    answer = run.answers[0]
    shares = answer.class_probabilities(outputs[0])
    if shares is None:
        raise TaskError(
            f"this run predicts {answer.title()} '{answer.name}', which has no class probabilities",
            allowed="a run with output.category",
            do="Use run.predict(...)",
        )
    if is_dataframe(values[0]):
        by_class = dict(zip(answer.classes, shares.T.tolist(), strict=True))
        return _like(values[0], by_class, are_rows=True)
    return shares


def predict_intervals(run: TrainedModel, values: Sequence[object]) -> object:
    """Returns the bounds (low, high) of the first output, of one or of each value.

    Raises:   TaskError when the run has no prediction intervals.
    """
    values, is_list = as_samples(values, _value_axes(run))
    bounds = [row[0].between for row in _warned(run, values)[0]]
    if None in bounds:
        raise TaskError(
            f"this run has no prediction intervals of '{run.answers[0].name}'",
            allowed="a forecast with output.interval_coverage above 0 and a validation split "
            "that is long enough",
            do="Use run.predict(...)",
        )
    return bounds if is_list or len(bounds) != 1 else bounds[0]


def as_samples(values: Sequence[object], axes: int | None) -> tuple[Sequence[object], bool]:
    """Returns the values, those of one list each by itself, and whether they are many.

    axes:  the number of axes of one value, as `Source.value_axes` returns it
    """
    if len(values) != 1 or axes is None or is_dataframe(values[0]):
        return values, len(values) > 1
    is_many = _axes(values[0]) > axes
    if is_many and isinstance(values[0], list | tuple) and len(values[0]):
        return values[0], True
    return values, is_many


def _value_axes(run: TrainedModel) -> int | None:
    axes: int | None = run.resolved.source.module.SOURCE.value_axes(run.codecs)
    return axes


def _axes(value: object) -> int:
    """Returns the number of axes of an array, or of nested lists."""
    if isinstance(value, np.ndarray | Tensor):
        return value.ndim
    if isinstance(value, list | tuple) and value:
        first = value[0]
        # a path or a row with names stands for a whole sample
        return _MANY if isinstance(first, str | Path | Mapping) else 1 + _axes(first)
    return 0


def _warned(
    run: TrainedModel, values: Sequence[object]
) -> tuple[list[tuple[Prediction, ...]], tuple[Tensor, ...]]:
    predictions, outputs, remarks = run.predict_outputs(values)
    for remark in remarks:
        warnings.warn(remark, stacklevel=4)
    return predictions, outputs


def _all_columns(
    answers: Sequence[Answer],
    predictions: Sequence[Sequence[Prediction]],
    outputs: Sequence[Tensor],
) -> dict[str, Sequence[object]]:
    """Returns the columns of all outputs, with their names where there are several."""
    columns: dict[str, Sequence[object]] = {}
    for answer, some, output in zip(answers, predictions, outputs, strict=True):
        ending = f"_{answer.name}" if len(answers) > 1 else ""
        for title, cells in answer.prediction_columns(some, output).items():
            columns[f"{title}{ending}"] = cells
    return columns


def _like(data: NativeFrame, columns: Mapping[str, Sequence[object]], *, are_rows: bool) -> object:
    """Returns a data frame of the same library.

    are_rows:  whether its rows are those of the data; then the index is the same, and
               the first rows are empty where they only fill a window
    """
    frame = nw.from_native(data)
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    missing = len(frame) - len(next(iter(columns.values()))) if are_rows else 0
    filled = {title: [None] * missing + list(cells) for title, cells in columns.items()}
    native = nw.from_dict(filled, backend=nw.get_native_namespace(frame)).to_native()
    index = nw.maybe_get_index(frame)
    return native.set_axis(index) if are_rows and index is not None else native
