"""The data check by itself: all that is found, failures too, without training anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kissipo.core.errors import UserError
from kissipo.core.finding import Finding
from kissipo.core.schema import read, words_of
from kissipo.core.task import Task
from kissipo.input.check.rows import twins
from kissipo.input.formats.tables import read_table
from kissipo.input.sources import table
from kissipo.plan.columns import check_columns, sort_columns
from kissipo.plan.grammar import read_task
from kissipo.plan.prepare import read_data, wire
from kissipo.plan.question import asks_for_answer


def check(task: Task) -> list[Finding]:
    """Every finding, in the order in which the checks are made; what ends them is the last one, a FAIL."""
    try:
        choices = read_task(task)
        return list(wire(read_data(choices), choices, seed=0).findings)
    except UserError as error:
        return _failed(error)


def check_data(
    data: Any, *, output: str | None = None, time: str | None = None, words: Mapping[str, Any] | None = None
) -> list[Finding]:
    """The same for data with a question; a table without a question has only its columns and rows checked."""
    from kissipo.plan.load import load

    try:
        said = {key.removeprefix("input."): value for key, value in (words or {}).items()}
        if output is None and time is None and said.keys() <= words_of(table.Options).keys():
            options = read(table.Options, said, place="input")
            if asks_for_answer(data, options):
                frame, findings = read_table(data, options)
                columns = sort_columns(frame, options, reserved=[])
                return [*findings, *check_columns(frame, columns), *twins(frame)[1]]
        return check(load(data, output=output, time=time, words=words))
    except UserError as error:
        return _failed(error)


def _failed(error: UserError) -> list[Finding]:
    """What was found until the error, and the error as the last finding."""
    found = [each for each in getattr(error, "findings", ()) if isinstance(each, Finding)]
    if not any(each.level == "FAIL" for each in found):
        given = f"; got {error.given}" if error.given else ""
        found.append(Finding("FAIL", "usable", error.wrong + given, error.do))
    return found
