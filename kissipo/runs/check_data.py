"""The data check for data as `load` takes them, with or without an output column."""

from __future__ import annotations

from collections.abc import Mapping

from kissipo.core.errors import TaskError, UserError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.schema import option_infos, read
from kissipo.input.check.rows import duplicates
from kissipo.input.formats.split_tables import reading_of
from kissipo.input.question import Question
from kissipo.input.sources import table
from kissipo.input.table_codecs import check_columns, sort_columns
from kissipo.input.wide_series import find_wide
from kissipo.pipeline.check import DataCheck, check, failed
from kissipo.pipeline.renamed_options import current_name
from kissipo.runs.load import load


def check_data(
    data: object,
    *,
    output: str | None = None,
    time: str | None = None,
    horizon: int | None = None,
    words: Mapping[str, object] | None = None,
) -> list[Finding]:
    """Returns all findings of the data check; see `examine_data`."""
    return examine_data(data, output=output, time=time, horizon=horizon, words=words).findings


def examine_data(
    data: object,
    *,
    output: str | None = None,
    time: str | None = None,
    horizon: int | None = None,
    words: Mapping[str, object] | None = None,
) -> DataCheck:
    """Returns all findings of the data check, and the options that were inferred.

    For a table without an output column, only its columns and rows are checked.
    """
    try:
        for name in words or {}:
            if "." not in name and (renamed := current_name(name)):
                raise TaskError(renamed)
        input_options = {key.removeprefix("input."): value for key, value in (words or {}).items()}
        if (
            output is None
            and time is None
            and horizon is None
            and input_options.keys() <= option_infos(table.Options).keys()
        ):
            options = read(table.Options, input_options, place="input")
            question = Question(data, words=input_options)
            if (question.path is None and question.signals is None) or (
                question.is_table
                and not question.is_series
                and not question.natural_answer
                and question.signals is None
                and not question.has_pixels
                and not question.names_sounds
            ):
                return _columns_only(data, options)
        return check(load(data, output=output, time=time, horizon=horizon, words=words))
    except UserError as error:
        return DataCheck(failed(error))


def _columns_only(data: object, options: table.Options) -> DataCheck:
    """Returns the check of a table of which nothing is predicted."""
    reading = reading_of(data, options)
    columns = sort_columns(reading.frame, options, reserved=[])
    return DataCheck(
        [
            *reading.findings,
            *check_columns(reading.frame, columns),
            *duplicates(reading.frame)[1],
            *_series_in_rows(reading.frame),
        ],
        (*reading.inferred_options, *columns.inferred_options()),
    )


def _series_in_rows(frame: Frame) -> list[Finding]:
    """Says that the rows of a table may be series, where its columns may be steps."""
    wide = find_wide(frame)
    if wide is None:
        return []
    message = f"the rows may be series: {wide.describe(len(frame))}"
    action = "--horizon STEPS reads them so and forecasts each series"
    return [Finding("PASS", "series in rows", message, action)]
