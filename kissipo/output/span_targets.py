"""The data check of answers that stand in paragraphs: is each one at its place?

An answer that is not at its place is searched. Where it occurs once in its paragraph,
that is its place; other rows cannot be learned and are left out. Without a column of
places, the first occurrence counts.

Example:  >>> from kissipo.core.frame import Frame, numbers, strings
          >>> texts = strings("context", ["an old oak"]), strings("answer", ["oak"])
          >>> frame, findings = Frame((*texts, numbers("at", [3]))), []
          >>> frame = placed_answers(frame, "answer", "context", "at", findings)
          >>> frame["at"].values.tolist()
          [7.0]
          >>> findings[0].message
          "1 of 1 row: the answer is not at 'at' (row 1, such as 'oak')"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from kissipo.codec.labels import as_strings
from kissipo.core.finding import Finding, counted, first_rows, format_rows
from kissipo.core.frame import Frame, numbers, strings

Fault = Literal["", "empty", "absent", "repeated", "moved", "first"]
_UNUSABLE: tuple[Fault, ...] = ("empty", "absent", "repeated")
_MAX_ANSWERS = 3  # in the message of a finding
_LEFT_OUT = "left out"
_FINDINGS: dict[Fault, tuple[str, str, str]] = {
    "empty": ("empty paragraphs", "the paragraph is empty", _LEFT_OUT),
    "absent": ("answers not in paragraphs", "the answer is not in its paragraph", _LEFT_OUT),
    "repeated": (
        "answers not in paragraphs",
        "the answer is not at {place}, and occurs several times in its paragraph",
        _LEFT_OUT,
    ),
    "moved": (
        "answers at other places",
        "the answer is not at {place}",
        "it occurs once in its paragraph, which is taken as its place",
    ),
    "first": (
        "answers at several places",
        "the answer occurs several times in its paragraph",
        "the first is the target; a column answer_start says which one is meant",
    ),
}


def placed_answers(
    frame: Frame, answer: str, context: str, start: str | None, findings: list[Finding]
) -> Frame:
    """Returns the rows with the places of their answers; an answer that cannot be used
    becomes missing, which is reported.

    start:   the column of the first characters, if there is one
    """
    texts, contexts = as_strings(frame[answer]).texts(), as_strings(frame[context]).texts()
    places = frame[start].values.copy() if start else np.full(len(frame), np.nan)
    by_fault: dict[Fault, list[int]] = {}
    for row, (text, paragraph) in enumerate(zip(texts, contexts, strict=True)):
        fault = _fault(text, paragraph or "", places[row], has_places=bool(start))
        if fault:
            by_fault.setdefault(fault, []).append(row)
        if fault == "moved":
            places[row] = (paragraph or "").find(text or "")
    for fault, (check, message, action) in _FINDINGS.items():
        rows = by_fault.get(fault, [])
        if rows:
            text = _message(frame, rows, message.format(place=f"'{start}'"), texts)
            findings.append(Finding("WARN", check, text, action, first_rows(frame.rows[rows])))
    for fault in _UNUSABLE:
        for row in by_fault.get(fault, ()):
            texts[row] = None
    replaced = frame.replaced(strings(answer, texts), as_strings(frame[context]))
    return replaced.replaced(numbers(start, places)) if start else replaced


def _fault(text: str | None, paragraph: str, place: float, *, has_places: bool) -> Fault:
    """Returns what is wrong with the place of an answer; empty where nothing is."""
    if text is None:
        return ""
    if not paragraph.strip():
        return "empty"
    if not text or (place >= 0 and paragraph.startswith(text, int(place))):
        return ""
    count = paragraph.count(text)
    if count == 0:
        return "absent"
    if not has_places:
        return "first" if count > 1 else ""
    return "repeated" if count > 1 else "moved"


def _message(frame: Frame, rows: Sequence[int], message: str, texts: Sequence[str | None]) -> str:
    answers = [f"'{texts[row]}'" for row in rows[:_MAX_ANSWERS] if texts[row]]
    such = f", such as {', '.join(answers)}" if answers else ""
    listed = format_rows(frame.rows[rows])
    return f"{len(rows):,} of {counted(len(frame), 'row')}: {message} ({listed}{such})"
