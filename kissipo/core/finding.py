"""Finding: one result of the data check, with the rows it speaks of and what will be done about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kissipo.core.errors import DataError
from kissipo.core.text import list_some

Level = Literal["PASS", "WARN", "FAIL"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    level:    PASS: nothing to see; WARN: worth reading, training goes on (not with --strict); FAIL: training cannot be right
    check:    the check's name, stable, for programs
    message:  what was found, where
    action:   what kissipo does about it, or what the person can do
    rows:     the row numbers concerned (row 1 is the first row of data), at most the first few
    """

    level: Level
    check: str
    message: str
    action: str = ""
    rows: tuple[int, ...] = ()

    def describe(self) -> str:
        """One line."""
        return f"{self.level}  {self.message}" + (f" -> {self.action}" if self.action else "")

    def to_json(self) -> dict[str, Any]:
        """For `--json` and the run folder."""
        return {
            "level": self.level,
            "check": self.check,
            "message": self.message,
            "action": self.action,
            "rows": list(self.rows),
        }


def counted(number: int, noun: str) -> str:
    """A number of things in words.

    Example:  >>> counted(1, "thread"), counted(2, "thread")
              ('1 thread', '2 threads')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def format_rows(rows: Sequence[int] | Any, *, most: int = 5) -> str:
    """Row numbers in words.

    Example:  >>> format_rows([7]), format_rows([3, 7, 9, 12, 40, 41])
              ('row 7', 'rows 3, 7, 9, 12, 40 and 1 more')
    """
    return f"row{'s' if len(rows) != 1 else ''} {list_some(rows, most)}"


def refuse_failures(findings: Iterable[Finding], *, strict: bool = False) -> None:
    """Stops at the first FAIL, and with `strict` at the first WARN.

    Raises:   DataError that says what was found.
    """
    findings = tuple(findings)
    for level in ("FAIL", "WARN") if strict else ("FAIL",):
        for finding in findings:
            if finding.level == level:
                told = "" if level == "FAIL" else "--strict stops at this warning: "
                error = DataError(
                    told + finding.message, do=finding.action[:1].upper() + finding.action[1:]
                )
                error.findings = findings
                raise error
