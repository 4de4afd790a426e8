"""Evaluate: the net answers every sample of a part, and each kind of answer judges its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.core.module_state import eval_mode
from kissipo.core.protocols import Algorithm, Dataset, Evaluator, ahead, batches, is_stateful
from kissipo.engine.streams import stream_steps

_BATCH, _VALUES, _STREAMS = 512, 4_000_000, 64


@dataclass(frozen=True)
class SplitEvaluation:
    """One judgment for each answer; scores and truth as the answers gathered them; the loss where it was asked for."""

    evaluations: tuple[Any, ...]
    scores: tuple[Any, ...]
    truths: tuple[Any, ...]
    loss: float = float("nan")


def evaluate(
    net: nn.Module,
    dataset: Dataset,
    answers: Sequence[Evaluator],
    *,
    algorithm: Algorithm | None = None,
    batch: int | None = None,
) -> SplitEvaluation:
    """Judges the net on all samples of the feed; its mode (training or not) is the same after as before.

    learn:  gives the loss, after an epoch; then only what is watched is measured
    """
    gathered: list[list[tuple[Any, Any]]] = [[] for _ in answers]
    total, state = 0.0, None
    streams = list(stream_steps(len(dataset), _STREAMS)) if is_stateful(net) else []
    with eval_mode(net), torch.inference_mode():
        for samples in ahead(dataset, streams or batches(len(dataset), batch or portion(dataset))):
            if streams:
                outputs, state = net.go_on(state, *samples.inputs)  # type: ignore[operator]
            else:
                outputs = net(*samples.inputs)
            if algorithm is not None:
                total += float(algorithm.loss(outputs, samples.targets)) * len(samples)
            for answer, into, output, target in zip(
                answers, gathered, as_tuple(outputs), samples.targets, strict=True
            ):
                into.append(answer.gather(output, target))
    scores = tuple(np.concatenate([pair[0] for pair in pairs]) for pairs in gathered)
    truths = tuple(np.concatenate([pair[1] for pair in pairs]) for pairs in gathered)
    if streams:
        back = np.argsort(torch.cat(streams).numpy())
        scores, truths = tuple(each[back] for each in scores), tuple(each[back] for each in truths)
    evaluations = tuple(
        (answer.evaluate if algorithm is None else answer.watch)(score, truth)
        for answer, score, truth in zip(answers, scores, truths, strict=True)
    )
    return SplitEvaluation(
        evaluations, scores, truths, total / len(dataset) if algorithm is not None else float("nan")
    )


def answer_all(net: nn.Module, dataset: Dataset, *, batch: int | None = None) -> tuple[Tensor, ...]:
    """The outputs of the net for all samples, one tensor for each answer."""
    with eval_mode(net), torch.inference_mode():
        parts = batches(len(dataset), batch or portion(dataset))
        rows = [as_tuple(net(*samples.inputs)) for samples in ahead(dataset, parts)]
    return tuple(torch.cat(each) for each in zip(*rows, strict=True))


def portion(dataset: Dataset) -> int:
    """How many samples are answered at once: fewer where each is large, as all that the net makes of them is in memory."""
    if not len(dataset):
        return _BATCH
    values = sum(x.numel() for x in dataset.batch(slice(0, 1)).inputs)
    return max(1, min(_BATCH, _VALUES // max(1, values)))


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    """What a net gives, as one tensor an answer."""
    return outputs if isinstance(outputs, tuple) else (outputs,)
