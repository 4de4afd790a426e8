"""A text as samples: pieces of equal length as inputs, the same pieces one step later as targets; parts by place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from kissipo.codec.index import Index
from kissipo.codec.windows import Windows
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame
from kissipo.input.source_data import Reading
from kissipo.input.split import split_rows
from kissipo.input.tensor_dataset import TensorFeed
from kissipo.output.answer import Answer
from kissipo.output.answers.text import NextUnit
from kissipo.pipeline.parse import Choices
from kissipo.pipeline.pipeline import Decision, Wiring


def wire(reading: Reading, choices: Choices, *, seed: int, strict: bool = False) -> Wiring:
    """The last part of the text judges, the part before it validates, the rest trains."""
    options, frame = choices.source.options, reading.frame
    loss = _asked(choices)
    parts = split_rows(len(frame), replace(choices.general.split, method="time"), seed=seed)
    train = frame.take(parts["train"])
    door = Windows(Index("text", most=options.vocab_size), options.window, stride=options.window).fit(train)
    answer = NextUnit(window=options.window, vocabulary=options.vocab_size, unit=options.tokenizer, loss=loss).fit(
        train
    )
    findings = [*reading.findings]
    findings += [Finding("WARN", "unseen units", remark) for remark in door.remarks(frame)]
    levels = len(train["text"].counts())
    message = f"{len(frame):,} {options.tokenizer}, {levels:,} different ones in the training part"
    findings.append(Finding("PASS", "length", message))
    refuse_failures(findings, strict=strict)
    ids = door.inner.encode(frame)
    feeds = {name: _pieces(ids, part, options.window) for name, part in parts.items()}
    starts = {
        name: part[0] + options.window * np.arange(len(feeds[name])) if len(part) else part
        for name, part in parts.items()
    }
    return Wiring(
        frame, starts, (door,), (answer,), feeds, tuple(findings), decisions=(Decision("output.text", "next"),)
    )


def question(frame: Frame, doors: tuple[Any, ...], answers: Sequence[Answer]) -> TensorFeed:
    """The last piece of a text (filled up in front with unknown units when it is short), asked what comes next."""
    door: Windows = doors[0]
    if not len(frame):
        raise DataError("the text is empty", do="Give at least one character")
    ids = door.inner.encode(frame)[-door.length :]
    return TensorFeed((ids.unsqueeze(0),), ())


def _asked(choices: Choices) -> str | None:
    """The loss, when one is written."""
    if len(choices.answers) > 1 or (choices.answers and choices.answers[0].word != "text"):
        given = ", ".join(each.word for each in choices.answers)
        raise TaskError("output must be the next unit for a text", given=given, allowed="text: next")
    asked = choices.answers[0].value if choices.answers else "next"
    if asked not in (None, "next"):
        raise TaskError("output.text says what is asked of a text", given=repr(asked), allowed="next")
    return choices.losses[0] if choices.losses else None


def _pieces(ids: Tensor, part: Any, window: int) -> TensorFeed:
    count = max(0, (len(part) - 1) // window)
    first = int(part[0]) if len(part) else 0
    piece = ids[first : first + count * window + 1]
    if not count:
        return TensorFeed((ids[:0].view(0, window),), (ids[:0].view(0, window),))
    return TensorFeed((piece[:-1].view(count, window),), (piece[1:].view(count, window),))
