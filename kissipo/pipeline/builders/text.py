"""Builds the pipeline of a text: windows as inputs, the windows one step later as
targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.index import Index
from kissipo.codec.windows import Windows
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.input.documents import DocumentOptions
from kissipo.input.source_data import Reading
from kissipo.input.split import split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.answers.text import NextToken
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import Pipeline

UNUSED_OPTIONS = (
    *(DocumentOptions, "documents", "min_count", "questions"),
    *("tokenizer_file", "max_length"),
)


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline: the end of the text is the test split, before it
    validation."""
    options, frame = resolved.source.options, reading.frame
    _refuse_pieces(options.tokenizer)
    loss = _loss(resolved)
    splits = split_rows(len(frame), replace(resolved.general.split, method="time"), seed=seed)
    train = frame.take(splits["train"])
    codec = Windows(
        Index("text", vocab_size=options.vocab_size), options.window, stride=options.window
    ).fit(train)
    answer = NextToken(
        window=options.window, vocabulary=options.vocab_size, unit=options.tokenizer, loss=loss
    ).fit(train)
    findings = [*reading.findings]
    findings += [Finding("WARN", "unknown tokens", remark) for remark in codec.remarks(frame)]
    vocab_size = len(train["text"].counts())
    message = (
        f"{len(frame):,} {options.tokenizer}, {vocab_size:,} different ones in the training split"
    )
    findings.append(Finding("PASS", "length", message))
    refuse_failures(findings, strict=strict)
    ids = codec.inner.encode(frame)
    datasets = {name: _windows(ids, part, options.window) for name, part in splits.items()}
    starts = {
        name: part[0] + options.window * np.arange(len(datasets[name])) if len(part) else part
        for name, part in splits.items()
    }
    return Pipeline(
        frame,
        starts,
        (codec,),
        (answer,),
        datasets,
        tuple(findings),
        inferred_options=(InferredOption("output.text", "next"),),
    )


def encode_new(
    frame: Frame, codecs: tuple[Windows, ...], answers: Sequence[Answer]
) -> TensorDataset:
    """Returns the last window of a text; a short one is padded in front with unknown
    tokens."""
    codec: Windows = codecs[0]
    if not len(frame):
        raise DataError("the text is empty", do="Give at least one character")
    ids = codec.inner.encode(frame)[-codec.length :]
    return TensorDataset((ids.unsqueeze(0),), ())


def _refuse_pieces(tokenizer: str) -> None:
    if tokenizer not in ("characters", "words"):
        raise TaskError(
            f"input.tokenizer={tokenizer} does not suit output.text=next",
            allowed="characters or words",
        )


def _loss(resolved: ResolvedTask) -> str | None:
    """Returns the loss if one is set; refuses answers other than the next token."""
    suitable = resolved.source.module.SOURCE.answers
    if len(resolved.answers) > 1 or (resolved.answers and resolved.answers[0].name not in suitable):
        names = ", ".join(component.name for component in resolved.answers)
        raise TaskError("output must be the next token for a text", got=names, allowed="text: next")
    target = resolved.answers[0].value if resolved.answers else "next"
    if target not in (None, "next"):
        raise TaskError("output.text must be next", got=repr(target), allowed="next")
    if resolved.answers:
        resolved.answers[0].options.refuse_unsuitable("next")
    return resolved.losses[0] if resolved.losses else None


def _windows(ids: Tensor, part: NDArray[np.int64], window: int) -> TensorDataset:
    count = max(0, (len(part) - 1) // window)
    first = int(part[0]) if len(part) else 0
    piece = ids[first : first + count * window + 1]
    if not count:
        return TensorDataset((ids[:0].view(0, window),), (ids[:0].view(0, window),))
    return TensorDataset((piece[:-1].view(count, window),), (piece[1:].view(count, window),))
