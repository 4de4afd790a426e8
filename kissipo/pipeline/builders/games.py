"""Moves of games as samples: the board before a move as input, its point as the answer; the moves of a game stay on one side."""

from __future__ import annotations

from typing import Any

from kissipo.codec.board import Board
from kissipo.codec.labels import as_strings
from kissipo.core.errors import TaskError
from kissipo.core.finding import refuse_failures
from kissipo.input.check.rows import tell_divided, twins
from kissipo.input.environments.go import SIZE, point_names
from kissipo.input.source_data import Reading
from kissipo.input.split import split_rows
from kissipo.output.answers.category import Category, Options
from kissipo.pipeline.builders.rows import encode, question
from kissipo.pipeline.parse import Choices
from kissipo.pipeline.pipeline import Decision, Wiring

__all__ = ["question", "wire"]
_TOGETHER = "game"


def wire(reading: Reading, choices: Choices, *, seed: int, strict: bool = False) -> Wiring:
    """Every point of the board is a class, played in training or not."""
    frame, how = reading.frame, choices.general.split
    options, decisions = _asked(choices, reading.answer)
    twin, found = twins(frame.only(["board", "move"]))
    groups: Any = as_strings(frame[how.group or _TOGETHER]).values
    parts = split_rows(len(frame), how, seed=seed, together=groups)
    findings = [*reading.findings, *tell_divided(found, twin, parts)]
    refuse_failures(findings, strict=strict)
    train = frame.take(parts["train"])
    loss = choices.losses[0] if choices.losses else None
    answer = Category(reading.answer, options, loss=loss, known=point_names(SIZE)).fit(train)
    door = Board("board").fit(train)
    feeds = {name: encode(frame.take(positions), (door,), (answer,)) for name, positions in parts.items()}
    return Wiring(frame, parts, (door,), (answer,), feeds, tuple(findings), decisions=decisions)


def _asked(choices: Choices, column: str) -> tuple[Options, tuple[Decision, ...]]:
    """What is asked of a board: its next move."""
    if not choices.answers:
        return Options(), (Decision("output.category", column, "what is asked of a board"),)
    first, *more = choices.answers
    if more or first.word != "category" or first.value not in (None, column):
        given = ", ".join(f"{each.word} {each.value or ''}".strip() for each in choices.answers)
        raise TaskError("output must be the next move for games", given=given, allowed=f"category: {column}")
    decided = () if first.value else (Decision(f"{first.place}.category", column, "what is asked of a board"),)
    return first.options, decided
