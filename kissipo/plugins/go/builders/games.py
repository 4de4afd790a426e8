"""Builds the pipeline of games: the board before a move is the input, its point the
target.

All moves of a game belong to the same split.
"""

from __future__ import annotations

from kissipo.codec.labels import as_strings
from kissipo.core.errors import TaskError
from kissipo.core.finding import refuse_failures
from kissipo.core.inferred_option import InferredOption
from kissipo.core.numpy_array import NumpyArray
from kissipo.input.check.rows import describe_divided, duplicates
from kissipo.input.source_data import Reading
from kissipo.input.split import split_rows
from kissipo.output.answers.category import Category, Options
from kissipo.pipeline.builders.rows import encode, encode_new
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import Pipeline
from kissipo.plugins.go.codecs.board import Board
from kissipo.plugins.go.environments.go import SIZE, point_names
from kissipo.plugins.go.legal_move_mask import legal_move_mask as wrap_net

__all__ = ["build", "encode_new", "wrap_net"]
NO_SOFT_TARGETS = "would assign probability to illegal moves (occupied points)"
_GROUP = "game"


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline in which every point of the board is a class."""
    frame, split = reading.frame, resolved.general.split
    options, inferred_options = _move_answer(resolved, reading.answer)
    group_ids, findings_of_rows = duplicates(frame.only(["board", "move"]))
    groups: NumpyArray = as_strings(frame[split.group or _GROUP]).values
    splits = split_rows(len(frame), split, seed=seed, together=groups)
    findings = [*reading.findings, *describe_divided(findings_of_rows, group_ids, splits)]
    refuse_failures(findings, strict=strict)
    train = frame.take(splits["train"])
    loss = resolved.losses[0] if resolved.losses else None
    answer = Category(reading.answer, options, loss=loss, order=point_names(SIZE)).fit(train)
    codec = Board("board").fit(train)
    datasets = {
        name: encode(frame.take(positions), (codec,), (answer,))
        for name, positions in splits.items()
    }
    return Pipeline(
        frame,
        splits,
        (codec,),
        (answer,),
        datasets,
        tuple(findings),
        inferred_options=inferred_options,
    )


def _move_answer(resolved: ResolvedTask, column: str) -> tuple[Options, tuple[InferredOption, ...]]:
    """Returns the options of the answer, which is the next move."""
    if not resolved.answers:
        return Options(), (
            InferredOption("output.category", column, "the target of a board is the next move"),
        )
    first, *more = resolved.answers
    suitable = resolved.source.module.SOURCE.answers
    if more or first.name not in suitable or first.value not in (None, column):
        names = ", ".join(
            f"{component.name} {component.value or ''}".strip() for component in resolved.answers
        )
        raise TaskError(
            "output must be the next move for games", got=names, allowed=f"category: {column}"
        )
    inferred = (
        ()
        if first.value
        else (
            InferredOption(
                f"{first.place}.category", column, "the target of a board is the next move"
            ),
        )
    )
    return first.options, inferred
