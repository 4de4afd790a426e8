"""The target of a series: the answer of the task and its columns."""

from __future__ import annotations

from kissipo.core.errors import TaskError
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_some
from kissipo.input.source_data import Reading
from kissipo.output.series_target import SeriesQuestion, SeriesTarget
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.registries import ANSWERS

_DEFAULT = "forecast"


def series_target(
    frame: Frame,
    reading: Reading,
    resolved: ResolvedTask,
    time: str | None,
    series_id: str | None,
    inferred_options: list[InferredOption],
) -> SeriesTarget:
    """Returns the target of a series after a check of its columns.

    Raises:   TaskError, DataError for a column that is missing, of another kind or
              named twice.
    """
    source = resolved.source
    word = resolved.answers[0].name if resolved.answers else _DEFAULT
    if len(resolved.answers) > 1 or word not in source.module.SOURCE.answers:
        *others, last = source.module.SOURCE.answers
        raise TaskError(
            "output must be one answer for a series",
            got=", ".join(component.name for component in resolved.answers),
            allowed=f"{', '.join(others)} or {last}",
        )
    module = ANSWERS.find(word, place="output")
    options = resolved.answers[0].options if resolved.answers else module.Options()
    value = resolved.answers[0].value if resolved.answers else None
    apart = (
        time,
        series_id,
        *(source.options.series_id or ()),
        *module.ANSWER.label_columns(options),
        *(source.options.future_covariates or ()),
    )
    numeric = [
        column.name
        for column in frame.columns
        if column.kind == "number" and column.name not in apart
    ]
    if value is None:
        value = reading.answer or (numeric[0] if len(numeric) == 1 else None)
        if value is None or not module.ANSWER.PREDICTS_STEPS:
            raise TaskError(
                f"which column of {frame.origin} is the target?",
                got="the columns " + ", ".join(frame.names),
                do="Name it with --output COLUMN",
            )
        inferred_options.append(InferredOption(f"output.{word}", value, "the only numeric column"))
    names = tuple(value) if isinstance(value, tuple) else (str(value),)
    for column, role in ((time, "is the time column"), (series_id, "names the series")):
        if column in names:
            raise TaskError(f"'{column}' {role}", do="Name the column of values with --output")
    if series_id is not None and not module.ANSWER.LEARNS_SEVERAL:
        listed = list_some(list(frame[series_id].counts()), 5)
        raise TaskError(
            f"output.{word} needs one series, and '{series_id}' names several",
            got=listed,
            allowed="output.forecast for several series in one file",
            do=f"Give a file with one {series_id}, or set input.series_id=[] to read one series",
        )
    target: SeriesTarget = module.ANSWER.for_series(
        options,
        SeriesQuestion(
            frame,
            names,
            tuple(name for name in numeric if name not in names),
            source.options.features,
            resolved.losses[0] if resolved.losses else None,
            resolved.net is not None and resolved.net.module.RECONSTRUCTS,
        ),
    )
    inferred_options += target.inferred
    return target
