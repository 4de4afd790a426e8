"""Moves of games as samples: the board before a move as input, its point as the answer; the moves of a game stay on one side."""

from __future__ import annotations

from typing import Any

from kissipo.codec.board import Board
from kissipo.codec.labels import as_strings
from kissipo.core.errors import TaskError
from kissipo.core.finding import refuse_failures
from kissipo.input.check.rows import describe_divided, duplicates
from kissipo.input.environments.go import SIZE, point_names
from kissipo.input.source_data import Reading
from kissipo.input.split import split_rows
from kissipo.output.answers.category import Category, Options
from kissipo.pipeline.builders.rows import encode, question
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import InferredOption, Pipeline

__all__ = ["question", "wire"]
_TOGETHER = "game"


def wire(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Every point of the board is a class, played in training or not."""
    frame, how = reading.frame, resolved.general.split
    options, decisions = _asked(resolved, reading.answer)
    twin, found = duplicates(frame.only(["board", "move"]))
    groups: Any = as_strings(frame[how.group or _TOGETHER]).values
    parts = split_rows(len(frame), how, seed=seed, together=groups)
    findings = [*reading.findings, *describe_divided(found, twin, parts)]
    refuse_failures(findings, strict=strict)
    train = frame.take(parts["train"])
    loss = resolved.losses[0] if resolved.losses else None
    answer = Category(reading.answer, options, loss=loss, known=point_names(SIZE)).fit(train)
    codec = Board("board").fit(train)
    datasets = {
        name: encode(frame.take(positions), (codec,), (answer,))
        for name, positions in parts.items()
    }
    return Pipeline(
        frame, parts, (codec,), (answer,), datasets, tuple(findings), decisions=decisions
    )


def _asked(resolved: ResolvedTask, column: str) -> tuple[Options, tuple[InferredOption, ...]]:
    """What is asked of a board: its next move."""
    if not resolved.answers:
        return Options(), (InferredOption("output.category", column, "what is asked of a board"),)
    first, *more = resolved.answers
    if more or first.word != "category" or first.value not in (None, column):
        given = ", ".join(f"{each.word} {each.value or ''}".strip() for each in resolved.answers)
        raise TaskError(
            "output must be the next move for games", given=given, allowed=f"category: {column}"
        )
    decided = (
        ()
        if first.value
        else (InferredOption(f"{first.place}.category", column, "what is asked of a board"),)
    )
    return first.options, decided
