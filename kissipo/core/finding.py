"""Finding: one result of the data check, with its rows and the action."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.json_object import JsonObject
from kissipo.core.text import list_some

Level = Literal["PASS", "WARN", "FAIL"]
_MAX_ROWS = 100


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    level:    PASS; WARN: training continues (not with --strict); FAIL: it cannot work
    check:    the stable name of the check, for programs
    message:  what the check detected, and where
    action:   what kissipo does about it, or what the user can do
    rows:     the first row numbers concerned (row 1 is the first row of data)
    """

    level: Level
    check: str
    message: str
    action: str = ""
    rows: tuple[int, ...] = ()

    def describe(self) -> str:
        """Returns the finding in one line."""
        return f"{self.level}  {self.message}" + (f" -> {self.action}" if self.action else "")

    @property
    def shows_option(self) -> bool:
        """Whether it says nothing but an inferred option and its reason."""
        return self.level == "PASS" and self.check in ("answer", "cells")

    def to_json(self) -> JsonObject:
        """Returns the finding as written by `--json` and to the run folder."""
        return {
            "level": self.level,
            "check": self.check,
            "message": self.message,
            "action": self.action,
            "rows": list(self.rows),
        }


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun, singular or plural.

    Example:  >>> counted(1, "thread"), counted(2, "thread")
              ('1 thread', '2 threads')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_rows(rows: Sequence[int] | NDArray[np.int64], *, limit: int = 5) -> str:
    """Returns the first row numbers in words.

    Example:  >>> format_rows([7]), format_rows([3, 7, 9, 12, 40, 41])
              ('row 7', 'rows 3, 7, 9, 12, 40 and 1 more')
    """
    return f"row{'s' if len(rows) != 1 else ''} {list_some(rows, limit)}"


def first_rows(rows: Sequence[int] | NDArray[np.int64]) -> tuple[int, ...]:
    """Returns the row numbers that a finding keeps.

    Example:  >>> first_rows(np.arange(500))[-1]
              99
    """
    return tuple(int(row) for row in rows[:_MAX_ROWS])


def refuse_failures(findings: Iterable[Finding], *, strict: bool = False) -> None:
    """Refuses the first FAIL, and with `strict` the first WARN.

    Raises:   DataError with the message and the action of the finding.
    """
    findings = tuple(findings)
    for level in ("FAIL", "WARN") if strict else ("FAIL",):
        for finding in findings:
            if finding.level == level:
                prefix = "" if level == "FAIL" else "--strict stops at this warning: "
                action = finding.action[:1].upper() + finding.action[1:]
                error = DataError(prefix + finding.message, do=action)
                error.findings = findings
                raise error
