"""Parses the inputs of a prediction (texts, paths, dicts, files) into a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import refuse_failures
from kissipo.core.frame import Column, Frame
from kissipo.core.number_cells import infinities, mixed_types
from kissipo.core.suggest import nearest
from kissipo.input.formats.cells import is_missing
from kissipo.input.source import Source
from kissipo.pipeline.parse import ResolvedTask


def frame_of(values: Sequence[object], resolved: ResolvedTask, codecs: Sequence[Codec]) -> Frame:
    """Returns a frame of the values.

    Raises:   TaskError when the source does not accept the values.
    """
    source: Source[Any] = resolved.source.module.SOURCE
    if not values:
        raise TaskError("there is no value to predict", do=source.usage(codecs))
    if isinstance(values[0], Frame):
        return values[0]
    return source.parse_values(values, resolved.source.options, codecs)


def fit_to(frame: Frame, codecs: Sequence[Codec]) -> Frame:
    """Returns the columns of the codecs, in the types of the training data.

    Raises:   DataError for a column that is missing or renamed, or that holds texts
              where the training data had numbers.
    """
    needed = list(dict.fromkeys(column for codec in codecs for column in codec.columns))
    absent = [name for name in needed if name not in frame]
    if absent:
        spare = [name for name in frame.names if name not in needed]
        close = nearest(absent[0], spare)
        hint = (
            f"Was '{close[0]}' meant? Rename it to '{absent[0]}'"
            if close
            else f"Add the column '{absent[0]}'"
        )
        raise DataError(
            f"{frame.origin} has no column '{absent[0]}', which this run was trained with",
            got="the columns " + ", ".join(frame.names),
            allowed="all of " + ", ".join(needed),
            do=hint,
        )
    wanted_numbers = [
        name for name in needed if any(name in codec.number_columns for codec in codecs)
    ]
    columns = []
    for name in needed:
        column = frame[name]
        if name in wanted_numbers and column.kind == "string":
            column = _as_numbers(column)
        elif name not in wanted_numbers and column.kind == "number":
            column = as_strings(column)
        columns.append(column)
    fitted = Frame(tuple(columns), frame.origin, frame.rows)
    refuse_failures(mixed_types(fitted, wanted_numbers) + infinities(fitted, wanted_numbers))
    return fitted


def _as_numbers(column: Column) -> Column:
    values, invalid = np.full(len(column), np.nan), []
    for position, text in enumerate(column.texts()):
        if text is None or is_missing(text):
            continue
        try:
            values[position] = float(text)
        except ValueError:
            invalid.append((position + 1, text))
    return Column(column.name, "number", values, odd=tuple(invalid), odd_count=len(invalid))
