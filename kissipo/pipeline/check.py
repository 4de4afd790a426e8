"""The data check by itself: all that is found, failures too, without training anything."""

from __future__ import annotations

from kissipo.core.errors import UserError
from kissipo.core.finding import Finding
from kissipo.core.task import Task
from kissipo.pipeline.experiment import read_data, wire
from kissipo.pipeline.parse import read_task


def check(task: Task) -> list[Finding]:
    """Every finding, in the order in which the checks are made; what ends them is the last one, a FAIL."""
    try:
        resolved = read_task(task)
        return list(wire(read_data(resolved), resolved, seed=0).findings)
    except UserError as error:
        return failed(error)


def failed(error: UserError) -> list[Finding]:
    """What was found until the error, and the error as the last finding."""
    found = [each for each in getattr(error, "findings", ()) if isinstance(each, Finding)]
    if not any(each.level == "FAIL" for each in found):
        given = f"; got {error.given}" if error.given else ""
        found.append(Finding("FAIL", "usable", error.wrong + given, error.do))
    return found
