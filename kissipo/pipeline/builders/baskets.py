"""Builds the pipeline of baskets: rules are found in the training baskets.

Of each test basket one item is hidden, drawn at random, and the rules are to suggest it
from the other ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec.label_sets import LabelSets
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.seeds import numpy_generator
from kissipo.input.source_data import Reading
from kissipo.input.sources.baskets import ITEMS, SEPARATOR
from kissipo.input.split import split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.answers.rules import Rules
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import Pipeline

UNUSED_OPTIONS = ("batch_size", "number_units")
_MAX_CELLS = 200_000_000  # of the table of baskets and items
_PAIRS, _PAIR_ITEMS = 500, 2_000  # pairs that the support is to leave; items compared for it
_MIN_BASKETS = 10


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline whose inputs are 0 or 1 per item.

    Raises:   TaskError without an answer; DataError for too few baskets, and for too
              many baskets and items.
    """
    frame, findings = reading.frame, list(reading.findings)
    if not resolved.answers:
        raise TaskError("baskets have no answer that is asked for", do="Write output=rules")
    if len(frame) < _MIN_BASKETS:
        raise DataError(
            f"{frame.origin} has too few baskets for rules",
            got=f"{len(frame)} baskets",
            allowed=f"at least {_MIN_BASKETS}",
        )
    split = replace(resolved.general.split, validation=0.0)
    splits = split_rows(len(frame), split, seed=seed)
    train = frame.take(splits["train"])
    codec = LabelSets(ITEMS, separator=SEPARATOR).fit(train)
    _refuse_large(len(frame), len(codec.classes or ()))
    table = codec.encode(train).to(torch.uint8)
    answer = Rules(codec.classes or (), top_k=resolved.answers[0].options.decode.top_k)
    tested = splits["test"] if split.test else splits["train"]
    (inputs, targets), usable = _hidden(codec.encode(frame.take(tested)), seed)
    if not len(usable):
        raise DataError(
            "no test basket has two items that the training baskets have, too",
            do="Give more baskets, or set input.split.test=0 to test with those of the training",
        )
    splits = {**splits, "test": tested[usable]}
    datasets = {
        "train": TensorDataset((table,), (torch.zeros(len(table), dtype=torch.int64),)),
        "validation": TensorDataset((table[:0],), (torch.zeros(0, dtype=torch.int64),)),
        "test": TensorDataset((inputs,), (targets,)),
    }
    message = f"one item of each of {len(targets):,} test baskets is hidden"
    findings.append(Finding("PASS", "hidden items", message, "the rules are to suggest it"))
    refuse_failures(findings, strict=strict)
    return Pipeline(
        frame,
        splits,
        (codec,),
        (answer,),
        datasets,
        tuple(findings),
        inferred_options=(*reading.inferred_options, _support(table)),
    )


def encode_new(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, evaluated: bool = False
) -> TensorDataset:
    """Returns new baskets; with one item of each hidden if evaluated."""
    table = codecs[0].encode(frame)
    if not evaluated:
        return TensorDataset((table.to(torch.uint8),), ())
    (inputs, targets), _ = _hidden(table, 0)
    return TensorDataset((inputs,), (targets,))


def _hidden(table: Tensor, seed: int) -> tuple[tuple[Tensor, Tensor], NDArray[np.int64]]:
    """Returns baskets without one of their items, its number, and which baskets these
    are: those with two known items or more."""
    usable = np.flatnonzero(table.sum(dim=1).numpy() > 1)
    inputs = table[torch.from_numpy(usable)].to(torch.uint8).clone()
    generator = numpy_generator(seed, "hidden item")
    targets = [int(generator.choice(np.flatnonzero(row))) for row in inputs.numpy()]
    if targets:
        inputs[torch.arange(len(targets)), torch.tensor(targets)] = 0
    return (inputs, torch.tensor(targets, dtype=torch.int64)), usable


def _support(table: Tensor) -> InferredOption:
    """Returns the support that leaves about 500 pairs of items, in round numbers."""
    frequent = table.sum(dim=0, dtype=torch.int64).topk(min(_PAIR_ITEMS, table.shape[1])).indices
    some = table[:, frequent].float()
    pairs = (some.T @ some).triu(1).flatten()
    count = min(_PAIRS, int((pairs > 0).sum()))
    wanted = float(pairs.topk(max(1, count)).values[-1]) / len(table)
    wanted = max(wanted, 2 / len(table))
    digit = 10.0 ** np.floor(np.log10(wanted))
    value = float(f"{max(1, np.floor(wanted / digit)) * digit:.6g}")
    return InferredOption(
        "process.min_support",
        value,
        f"at least {_PAIRS} pairs of items are as frequent"
        if count == _PAIRS
        else "two baskets at least",
    )


def _refuse_large(baskets: int, items: int) -> None:
    if baskets * items > _MAX_CELLS:
        raise DataError(
            "the table of baskets and items is too large",
            got=f"{baskets:,} baskets, {items:,} items",
            allowed=f"{_MAX_CELLS:,} cells",
            do="Give fewer baskets, or leave rare items out",
        )
