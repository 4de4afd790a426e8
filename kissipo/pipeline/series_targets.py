"""Targets of a series: the next steps, anomalous steps, or the class of each window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError, TaskError
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.input.source_data import Reading
from kissipo.output import target_checks
from kissipo.output.anomaly_spans import anomaly_labels_of
from kissipo.output.answer import Answer
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.anomaly import Options as AnomalyOptions
from kissipo.output.answers.category import Category
from kissipo.output.answers.category import Options as CategoryOptions
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as ForecastOptions
from kissipo.pipeline.parse import ResolvedTask


@dataclass(frozen=True)
class SeriesTarget:
    """The target columns, the input columns, and where the target of a window
    begins."""

    names: tuple[str, ...]
    inputs: tuple[str, ...]
    options: Any
    loss: str | None

    @property
    def numbers(self) -> tuple[str, ...]:
        """The target columns that hold numbers."""
        return () if isinstance(self.options, CategoryOptions) else self.names

    @property
    def leading(self) -> str:
        """The column whose season is measured."""
        return (*self.numbers, *self.inputs)[0]

    @property
    def target_length(self) -> int:
        """The number of steps by which each sample is evaluated."""
        return self.options.horizon if isinstance(self.options, ForecastOptions) else 1

    @property
    def is_reconstruction(self) -> bool:
        """Whether the target is the window itself."""
        return isinstance(self.options, AnomalyOptions) and self.options.method == "reconstruction"

    @property
    def ends_in_window(self) -> bool:
        """Whether the evaluated step is the last of the window, not the one after
        it."""
        return self.is_reconstruction or isinstance(self.options, CategoryOptions)

    def first(self, window: int) -> int:
        """Returns where the first target begins, counted from the start of its
        window."""
        return 0 if self.is_reconstruction else window - 1 if self.ends_in_window else window

    def answer(self, window: int) -> Answer:
        """Returns the answer for windows of this length."""
        if isinstance(self.options, CategoryOptions):
            return Category(self.names[0], self.options, loss=self.loss)
        if isinstance(self.options, ForecastOptions):
            return Forecast(self.names, self.options, loss=self.loss)
        return Anomaly(self.names, self.options, window=window, loss=self.loss)

    def fitting_frame(self, everything: Frame, train: Frame) -> Frame:
        """Returns the steps that fit the answer; for classes all, as some may occur
        late."""
        return everything if isinstance(self.options, CategoryOptions) else train

    def with_classes_as_texts(self, frame: Frame) -> Frame:
        """Returns the frame with classes as texts, also where they are written as
        numbers."""
        classes = isinstance(self.options, CategoryOptions)
        return frame.replaced(as_strings(frame[self.names[0]])) if classes else frame


def series_target(
    frame: Frame,
    reading: Reading,
    resolved: ResolvedTask,
    time: str | None,
    inferred_options: list[InferredOption],
) -> SeriesTarget:
    """Returns the target of a series after a check of its columns.

    Raises:   TaskError, DataError for a column that is missing, of another kind or
              named twice.
    """
    answer = resolved.answers[0].name if resolved.answers else "forecast"
    if len(resolved.answers) > 1 or answer not in ("forecast", "anomaly", "category"):
        raise TaskError(
            "output must be one answer for a series",
            got=", ".join(component.name for component in resolved.answers),
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
        if value is None or answer == "category":
            raise TaskError(
                f"which column of {frame.origin} is the target?",
                got="the columns " + ", ".join(frame.names),
                do="Name it with --output COLUMN",
            )
        inferred_options.append(
            InferredOption(f"output.{answer}", value, "the only numeric column")
        )
    names = tuple(value) if isinstance(value, tuple) else (str(value),)
    if time in names:
        raise TaskError(
            f"'{time}' is the time column", do="Name the column of values with --output"
        )
    if isinstance(options, CategoryOptions):
        return _class_target(
            frame,
            resolved,
            names[0],
            [name for name in numeric if name != names[0]],
            losses[0],
            inferred_options,
        )
    for name in names:
        if frame[name].kind != "number":
            raise DataError(
                f"'{name}' is not a column of numbers and cannot be forecast",
                got=f"'{frame[name].show(0)}'",
            )
    if isinstance(options, AnomalyOptions):
        options = _anomaly_options(options, resolved, frame, names, inferred_options)
    return SeriesTarget(names, tuple(resolved.source.options.features or names), options, losses[0])


def _class_target(
    frame: Frame,
    resolved: ResolvedTask,
    name: str,
    numeric: list[str],
    loss: str | None,
    inferred_options: list[InferredOption],
) -> SeriesTarget:
    """Returns the target for classes; the inputs are all numeric columns by default."""
    if frame[name].missing.any():
        raise DataError(
            f"'{name}' has no class for some steps",
            got=target_checks.missing_targets(frame, name)[0].message,
            do="Fill the missing classes",
        )
    target_checks.check_classes(as_strings(frame[name]))
    if not resolved.source.options.features:
        inferred_options.append(InferredOption("input.features", numeric, "every numeric column"))
    return SeriesTarget(
        (name,),
        tuple(resolved.source.options.features or numeric),
        resolved.answers[0].options,
        loss,
    )


def _anomaly_options(
    options: AnomalyOptions,
    resolved: ResolvedTask,
    frame: Frame,
    names: tuple[str, ...],
    inferred_options: list[InferredOption],
) -> AnomalyOptions:
    """Returns the options with the method that detects anomalies; checks the labels."""
    if options.method is None:
        is_autoencoder = resolved.net is not None and resolved.net.name == "autoencoder"
        method, reason = (
            ("reconstruction", "the net is an autoencoder")
            if is_autoencoder
            else ("forecast", "the error of a forecast one step ahead")
        )
        inferred_options.append(InferredOption("output.method", method, reason))
        options = replace(options, method=method)  # type: ignore[arg-type]
    if options.anomaly_labels in names:
        raise TaskError(
            f"output.anomaly_labels names '{options.anomaly_labels}', which is the column to watch",
            do="Labels are used for evaluation only",
        )
    if options.anomaly_labels is not None:
        anomaly_labels_of(frame, options.anomaly_labels)
    return options
