"""The data check for data as `load` takes them, with or without an output column."""

from __future__ import annotations

from collections.abc import Mapping

from kissipo.core.errors import UserError
from kissipo.core.finding import Finding
from kissipo.core.schema import option_infos, read
from kissipo.input.check.rows import duplicates
from kissipo.input.formats.tables import read_table
from kissipo.input.question import Question
from kissipo.input.sources import table
from kissipo.input.table_codecs import check_columns, sort_columns
from kissipo.pipeline.check import check, failed
from kissipo.runs.load import load


def check_data(
    data: object,
    *,
    output: str | None = None,
    time: str | None = None,
    words: Mapping[str, object] | None = None,
) -> list[Finding]:
    """Returns all findings of the data check.

    For a table without an output column, only its columns and rows are checked.
    """
    try:
        input_options = {key.removeprefix("input."): value for key, value in (words or {}).items()}
        if (
            output is None
            and time is None
            and input_options.keys() <= option_infos(table.Options).keys()
        ):
            options = read(table.Options, input_options, place="input")
            question = Question(data, words=input_options)
            if question.path is None or (question.is_table and not question.is_series):
                frame, findings = read_table(data, options)
                columns = sort_columns(frame, options, reserved=[])
                return [*findings, *check_columns(frame, columns), *duplicates(frame)[1]]
        return check(load(data, output=output, time=time, words=words))
    except UserError as error:
        return failed(error)
