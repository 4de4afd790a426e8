"""Samples: arrays and data frames as scikit-learn gives them -> columns of kissipo.

The columns of an array are x0, x1 ... and hold numbers. A data frame is read as kissipo
reads tables: texts, categories, dates and missing values as well.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from kissipo.core.errors import DataError
from kissipo.core.frame import Column, Frame, numbers
from kissipo.core.numpy_array import NumpyArray
from kissipo.input.formats.dataframe import NativeFrame, is_dataframe
from kissipo.input.source_data import Reading
from kissipo.pipeline.experiment import read_data
from kissipo.pipeline.parse import read_task
from kissipo.runs.task import Task


@dataclass(frozen=True)
class Samples:
    """The samples that an estimator was given, checked by the rules of scikit-learn.

    data:     an array of numbers, or a data frame
    names:    the names of its columns
    is_frame: whether it is a data frame
    """

    data: NativeFrame
    names: tuple[str, ...]
    is_frame: bool

    def __len__(self) -> int:
        return len(self.data)

    def taken(self, rows: NDArray[np.int64]) -> Samples:
        """Returns the samples at some positions."""
        if not self.is_frame:
            return replace(self, data=self.data[rows])
        return replace(self, data=nw.from_native(self.data)[rows.tolist()].to_native())

    def named(self, names: Sequence[str]) -> Samples:
        """Returns the samples with the names of the training, column by column."""
        if self.names == tuple(names):
            return self
        if not self.is_frame:
            return replace(self, names=tuple(names))
        frame = nw.from_native(self.data)
        renamed = frame.rename(dict(zip(frame.columns, names, strict=True)))
        return replace(self, data=renamed.to_native(), names=tuple(names))

    def input_options(self) -> dict[str, object]:
        """Returns the input of a task: its data, and that an array holds numbers."""
        kinds = {"extra_rows": "keep"} if self.is_frame else {"numeric": list(self.names)}
        return {"table": self.data, **kinds}

    def value(self) -> object:
        """Returns the samples as a run takes them to predict."""
        return self.data if self.is_frame else self._frame()

    def reading(self, task: Task, columns: Sequence[Column]) -> Reading:
        """Returns the samples with further columns, such as the target.

        task:     says how the cells of a data frame are read
        """
        reading = read_data(read_task(task)) if self.is_frame else Reading(self._frame())
        frame = reading.frame
        if len(frame) > len(self):
            raise DataError(
                "the data frame is not read as one sample per row",
                got=f"{len(frame):,} samples of {len(self):,} rows",
                do="Give its columns other names, or use kissipo.load",
            )
        rows = frame.rows - 1  # rows can be left out where the options say so
        return replace(reading, frame=frame.replaced(*(column.take(rows) for column in columns)))

    def _frame(self) -> Frame:
        columns = zip(self.names, self.data.T, strict=True)
        return Frame(tuple(numbers(name, values) for name, values in columns), "the samples")


def read_samples(estimator: object, x: object, *, fit: bool) -> Samples:
    """Returns the samples, after the checks of scikit-learn.

    It compares the columns with those of the training, and sets `n_features_in_` and
    `feature_names_in_` when it fits.

    Raises:   ValueError, TypeError as scikit-learn says it.
    """
    if is_dataframe(x):
        frame = _eager(x)
        native = frame.to_native()
        validate_data(estimator, X=native, reset=fit, skip_check_array=True)
        _refuse_few(len(frame), fit=fit)
        return Samples(native, tuple(map(str, frame.columns)), is_frame=True)
    array = validate_data(
        estimator,
        X=x,
        reset=fit,
        dtype="numeric",
        ensure_all_finite="allow-nan",
        ensure_min_samples=2 if fit else 1,
    )
    array = np.asarray(array, dtype=np.float64)
    return Samples(array, tuple(f"x{place}" for place in range(array.shape[1])), is_frame=False)


def _eager(data: NativeFrame) -> nw.DataFrame[NativeFrame]:
    try:
        frame = nw.from_native(data)
    except nw.exceptions.DuplicateError:
        raise DataError(
            "the samples have two columns with the same name", do="Give every column its own name"
        ) from None
    return frame.collect() if isinstance(frame, nw.LazyFrame) else frame


def name_of(y: object, default: str) -> str:
    """Returns the name of a series of pandas or polars, else the default."""
    name = getattr(y, "name", None)
    return name if isinstance(name, str) and name else default


def free_name(name: str, taken: Collection[str]) -> str:
    """Returns a name that no column has: the name, or the name with lines below it.

    Example:  >>> free_name("y", ["x", "y"])
              'y_'
    """
    while name in taken:
        name += "_"
    return name


def refuse_missing(y: NumpyArray) -> None:
    """Refuses targets that are missing.

    Raises:   DataError with the number of them and the position of the first.
    """
    if y.dtype.kind == "f":
        missing = np.isnan(y)
    elif y.dtype.kind == "O":
        missing = np.reshape([_is_missing(value) for value in y.ravel()], y.shape)
    else:
        return
    rows = np.flatnonzero(missing.reshape(len(y), -1).any(axis=1))
    if len(rows):
        raise DataError(
            "the target y has missing values (NaN)",
            got=f"{len(rows):,} of {len(y):,} samples, the first at position {rows[0]}",
            allowed="a value for every sample",
            do="Leave these samples out",
        )


def _is_missing(value: object) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # pandas.NA compares to pandas.NA
        return True


def _refuse_few(samples: int, *, fit: bool) -> None:
    if samples < (2 if fit else 1):
        raise DataError(
            "a fit needs at least two samples" if fit else "there is no sample to predict",
            got=f"{samples} sample" + ("s" if samples != 1 else ""),
            do="Give more rows",
        )
