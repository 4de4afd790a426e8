"""Rows after the last target of a series: the steps to come and their covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kissipo.core.finding import Finding
from kissipo.core.forecast_steps import ForecastSteps
from kissipo.core.frame import Column, Frame
from kissipo.core.time.time_pattern import TimePattern
from kissipo.output.series_target import SeriesTarget


@dataclass(frozen=True)
class RowsAhead:
    """Series without the rows that lie ahead.

    past:     the steps of each series up to its last target
    covariates:    columns that are known in the rows ahead, at least for one horizon
    """

    past: Sequence[Frame]
    findings: Sequence[Finding] = ()
    covariates: tuple[str, ...] = ()
    reason: str = ""


def without_rows_ahead(
    parts: Sequence[Frame],
    target: SeriesTarget,
    time: str | None,
    horizon: int,
    features: Sequence[str] | None,
) -> RowsAhead:
    """Returns the steps before the rows at the end in which every target is missing.

    features:   the input columns that the task names
    """
    ends = [_last_target(part, target.names) for part in parts]
    future = [part.take(np.arange(end, len(part))) for part, end in zip(parts, ends, strict=True)]
    counts = [len(rows) for rows in future]
    if not any(counts) or not all(ends):
        return RowsAhead(parts)
    past = [part.take(np.arange(end)) for part, end in zip(parts, ends, strict=True)]
    names = ", ".join(f"'{name}'" for name in target.names)
    total = sum(counts)
    span = _span(max(future, key=len), time)
    message = f"{total} rows after the last {names} lie ahead{span}"
    findings = [
        Finding("PASS", "rows ahead", message, "not trained on; predict --file forecasts them")
    ]
    apart = {time, *target.names, *(features or ())}
    covariates = tuple(
        column.name
        for column in parts[0].columns
        if column.kind == "number"
        and column.name not in apart
        and all(_is_known(part, column.name) for part in parts)
    )
    if min(counts) < horizon or not covariates:
        return RowsAhead(past, findings)
    listed = ", ".join(f"'{name}'" for name in covariates)
    reason = f"{total} rows at the end have {listed} and no {names}"
    return RowsAhead(past, findings, covariates, reason)


def forecast_steps(
    past: Frame, future: Frame, horizon: int, pattern: TimePattern | None
) -> ForecastSteps:
    """Returns the timestamps of the next steps: those of the rows ahead, then those
    that follow the pattern; numbers of steps where there is no time."""
    column = next((column for column in past.columns if column.kind == "time"), None)
    if column is None or (pattern is None and len(column) < 2):
        return ForecastSteps("step", tuple(str(step) for step in range(1, horizon + 1)))
    listed = future[column.name].values[:horizon]
    last = listed[-1] if len(listed) else column.values[-1]
    rest = (pattern or TimePattern.fit(column.values)).after(last, horizon - len(listed))
    return ForecastSteps(column.name, as_texts(np.concatenate([listed, rest])))


def as_texts(timestamps: np.typing.NDArray[np.datetime64]) -> tuple[str, ...]:
    """Returns timestamps as texts, without the clock where all are midnight."""
    texts = [str(timestamp) for timestamp in timestamps]
    if all(text.endswith("T00:00:00") for text in texts):
        texts = [text.removesuffix("T00:00:00") for text in texts]
    return tuple(texts)


def _last_target(frame: Frame, names: Sequence[str]) -> int:
    """Returns the number of steps up to the last one with a target."""
    present = np.flatnonzero(~np.all([frame[name].missing for name in names], axis=0))
    return int(present[-1]) + 1 if len(present) else 0


def _is_known(frame: Frame, name: str) -> bool:
    column: Column = frame[name]
    return not column.missing.any()


def _span(rows: Frame, time: str | None) -> str:
    if time is None or rows[time].kind != "time":
        return ""
    first, last = as_texts(rows[time].values[[0, -1]])
    return f": {first} to {last}"
