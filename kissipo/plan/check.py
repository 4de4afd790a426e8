"""The data check by itself: all that is found, failures too, without training anything."""

from __future__ import annotations

from kissipo.core.errors import UserError
from kissipo.core.finding import Finding
from kissipo.core.task import Task
from kissipo.input.check.rows import twins
from kissipo.plan.columns import check_columns, sort_columns
from kissipo.plan.grammar import read_task
from kissipo.plan.prepare import read_data, wire


def check(task: Task) -> list[Finding]:
    """Every finding, in the order in which the checks are made; what ends them is the last one, a FAIL."""
    try:
        choices = read_task(task)
        reading = read_data(choices)
        if choices.source.word == "table" and not choices.answers and not reading.answer:
            columns = sort_columns(reading.frame, choices.source.options, reserved=[])
            return [*reading.findings, *check_columns(reading.frame, columns), *twins(reading.frame)[1]]
        return list(wire(reading, choices, seed=0).findings)
    except UserError as error:
        found = [each for each in getattr(error, "findings", ()) if isinstance(each, Finding)]
        if not any(each.level == "FAIL" for each in found):
            found.append(
                Finding("FAIL", "usable", error.wrong + (f"; got {error.given}" if error.given else ""), error.do)
            )
        return found
