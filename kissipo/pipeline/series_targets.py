"""What can be asked of a series: how it goes on (a forecast), which steps are odd (an anomaly), what kind each window is (a category)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame
from kissipo.input.check import targets as answer_checks
from kissipo.input.source_data import Reading
from kissipo.output.answer import Answer
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.anomaly import Options as AnomalyOptions
from kissipo.output.answers.category import Category
from kissipo.output.answers.category import Options as CategoryOptions
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as ForecastOptions
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import InferredOption

_YES, _NO = (
    ("1", "true", "yes", "y", "odd", "abnormal", "anomaly"),
    ("0", "false", "no", "n", "ordinary", "normal"),
)


@dataclass(frozen=True)
class Asked:
    """Which columns are answered and which are seen; where the target of a window stands."""

    names: tuple[str, ...]
    seen: tuple[str, ...]
    options: Any
    loss: str | None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The answered columns that are quantities."""
        return () if isinstance(self.options, CategoryOptions) else self.names

    @property
    def leading(self) -> str:
        """The column whose season is that of the series."""
        return (*self.numbers, *self.seen)[0]

    @property
    def reach(self) -> int:
        """How many steps each sample is judged by."""
        return self.options.horizon if isinstance(self.options, ForecastOptions) else 1

    @property
    def again(self) -> bool:
        """Whether the window itself is asked for."""
        return isinstance(self.options, AnomalyOptions) and self.options.method == "reconstruction"

    @property
    def within(self) -> bool:
        """Whether the judged step is the last of the window, and not the one after it."""
        return self.again or isinstance(self.options, CategoryOptions)

    def first(self, window: int) -> int:
        """Where the first target begins, counted from the first step of its window."""
        return 0 if self.again else window - 1 if self.within else window

    def answer(self, window: int) -> Answer:
        """The answer for windows of this length."""
        if isinstance(self.options, CategoryOptions):
            return Category(self.names[0], self.options, loss=self.loss)
        if isinstance(self.options, ForecastOptions):
            return Forecast(self.names, self.options, loss=self.loss)
        return Anomaly(self.names, self.options, window=window, loss=self.loss)

    def learned_from(self, everything: Frame, trained: Frame) -> Frame:
        """The steps that the answer is fitted on: of classes all, as some may come later only."""
        return everything if isinstance(self.options, CategoryOptions) else trained

    def in_kind(self, frame: Frame) -> Frame:
        """The frame with the answered column in its kind: classes as texts, also where they are written as numbers."""
        classes = isinstance(self.options, CategoryOptions)
        return frame.replaced(as_strings(frame[self.names[0]])) if classes else frame


def asked_of(
    frame: Frame,
    reading: Reading,
    resolved: ResolvedTask,
    time: str | None,
    decisions: list[InferredOption],
) -> Asked:
    """The question, with the columns checked.

    Raises:   TaskError, DataError for a column that is not there, not of its kind, or named twice.
    """
    word = resolved.answers[0].word if resolved.answers else "forecast"
    if len(resolved.answers) > 1 or word not in ("forecast", "anomaly", "category"):
        raise TaskError(
            "output must be one answer for a series",
            given=", ".join(each.word for each in resolved.answers),
            allowed="forecast, anomaly or category",
        )
    losses = resolved.losses or (None,)
    options = resolved.answers[0].options if resolved.answers else ForecastOptions()
    value = resolved.answers[0].value if resolved.answers else None
    apart = (
        time,
        getattr(options, "anomaly_labels", None),
        *(resolved.source.options.future_covariates or ()),
    )
    numeric = [
        column.name
        for column in frame.columns
        if column.kind == "number" and column.name not in apart
    ]
    if value is None:
        value = reading.answer or (numeric[0] if len(numeric) == 1 else None)
        if value is None or word == "category":
            raise TaskError(
                f"which column of {frame.origin} is to be answered?",
                given="the columns " + ", ".join(frame.names),
                do="Say it with --output COLUMN",
            )
        decisions.append(InferredOption(f"output.{word}", value, "the only column of numbers"))
    names = tuple(value) if isinstance(value, tuple) else (str(value),)
    if time in names:
        raise TaskError(
            f"'{time}' is the time column", do="Name the column of values with --output"
        )
    if isinstance(options, CategoryOptions):
        return _kind_of_window(
            frame,
            resolved,
            names[0],
            [name for name in numeric if name != names[0]],
            losses[0],
            decisions,
        )
    for name in names:
        if frame[name].kind != "number":
            raise DataError(
                f"'{name}' is no column of numbers and cannot be forecast",
                given=f"'{frame[name].show(0)}'",
            )
    if isinstance(options, AnomalyOptions):
        options = _watched(options, resolved, frame, names, decisions)
    return Asked(names, tuple(resolved.source.options.features or names), options, losses[0])


def _kind_of_window(
    frame: Frame,
    resolved: ResolvedTask,
    name: str,
    numeric: list[str],
    loss: str | None,
    decisions: list[InferredOption],
) -> Asked:
    """A class for every window, out of all columns of numbers unless others are named."""
    if frame[name].missing.any():
        raise DataError(
            f"'{name}' says no class for some steps",
            given=answer_checks.unanswered(frame, name)[0].message,
            do="Fill them",
        )
    answer_checks.classes(as_strings(frame[name]))
    if not resolved.source.options.features:
        decisions.append(InferredOption("input.features", numeric, "every column of numbers"))
    return Asked(
        (name,),
        tuple(resolved.source.options.features or numeric),
        resolved.answers[0].options,
        loss,
    )


def _watched(
    options: AnomalyOptions,
    resolved: ResolvedTask,
    frame: Frame,
    names: tuple[str, ...],
    decisions: list[InferredOption],
) -> AnomalyOptions:
    """By what a step is judged odd; marks that can be read."""
    if options.method is None:
        narrow = resolved.net is not None and resolved.net.word == "autoencoder"
        method, reason = (
            ("reconstruction", "the net is an autoencoder")
            if narrow
            else ("forecast", "one step ahead")
        )
        decisions.append(InferredOption("output.method", method, reason))
        options = replace(options, method=method)  # type: ignore[arg-type]
    if options.anomaly_labels in names:
        raise TaskError(
            f"output.anomaly_labels names '{options.anomaly_labels}', which is watched",
            do="Labels are used for evaluation only",
        )
    if options.anomaly_labels is not None:
        marks_of(frame, options.anomaly_labels)
    return options


def marks_of(frame: Frame, name: str) -> NDArray[np.bool_]:
    """Which steps are marked odd; an empty cell is not.

    Raises:   DataError for a mark that says neither yes nor no.
    """
    column = frame[name]
    if column.kind == "number":
        return np.nan_to_num(column.values) != 0
    texts = [(text or "no").strip().lower() for text in column.texts()]
    strange = next((at for at, text in enumerate(texts) if text not in (*_YES, *_NO)), None)
    if strange is not None:
        raise DataError(
            f"the marks of '{name}' must say which steps are odd",
            given=f"'{column.show(strange)}' in row {frame.rows[strange]}",
            allowed="1 or 0, yes or no, an empty cell for no",
        )
    return np.array([text in _YES for text in texts])
