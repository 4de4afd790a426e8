"""Evaluate: the predictions of a net for a whole split, and their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.core.algorithm import Algorithm
from kissipo.core.batch import Batch
from kissipo.core.devices import device_of
from kissipo.core.module_state import eval_mode
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.protocols import (
    Dataset,
    Evaluator,
    Outputs,
    StatefulNet,
    ahead,
    batches,
    is_stateful,
    is_targeted,
)
from kissipo.engine.streams import stream_steps

_BATCH, _VALUES, _OUTPUTS, _STREAMS = 512, 4_000_000, 1 << 25, 64


@dataclass(frozen=True)
class SplitEvaluation:
    """One evaluation per answer, with scores and targets as the answers gathered them.

    loss:  the mean loss over the split, if an algorithm was given
    """

    evaluations: tuple[Any, ...]
    scores: tuple[NumpyArray, ...]
    truths: tuple[NumpyArray, ...]
    loss: float = float("nan")


def evaluate(
    net: nn.Module,
    dataset: Dataset,
    answers: Sequence[Evaluator],
    *,
    algorithm: Algorithm | None = None,
    batch: int | None = None,
) -> SplitEvaluation:
    """Evaluates the net on all samples; training mode is restored afterwards.

    algorithm:  computes the loss; then only the watched metric is measured
    """
    gathered: list[list[tuple[NumpyArray, NumpyArray]]] = [[] for _ in answers]
    total, state, stateful = 0.0, None, cast(StatefulNet, net)
    streams = list(stream_steps(len(dataset), _STREAMS)) if is_stateful(net) else []
    device = device_of(net)
    with eval_mode(net), torch.inference_mode():
        for samples in ahead(
            dataset, streams or batches(len(dataset), batch or portion(dataset, answers))
        ):
            moved = samples.to(device)
            outputs: Outputs
            if streams:
                outputs, state = stateful.forward_with_state(state, *moved.inputs)
            else:
                outputs = _outputs(net, moved, answers)
            if algorithm is not None:
                total += float(algorithm.validation_loss(outputs, moved)) * samples.total_weight
            predicted = decoded(net, moved.inputs, outputs, answers)
            for answer, into, output, target in zip(
                answers, gathered, predicted, samples.targets, strict=True
            ):
                into.append(answer.gather(output.cpu(), target))
    scores = tuple(np.concatenate([pair[0] for pair in pairs]) for pairs in gathered)
    truths = tuple(np.concatenate([pair[1] for pair in pairs]) for pairs in gathered)
    if streams:
        back = np.argsort(torch.cat(streams).numpy())
        scores = tuple(score[back] for score in scores)
        truths = tuple(truth[back] for truth in truths)
    evaluations = tuple(
        (answer.evaluate if algorithm is None else answer.watch)(score, truth)
        for answer, score, truth in zip(answers, scores, truths, strict=True)
    )
    return SplitEvaluation(
        evaluations, scores, truths, total / len(dataset) if algorithm is not None else float("nan")
    )


def _outputs(net: nn.Module, batch: Batch, answers: Sequence[Evaluator]) -> Outputs:
    """Returns the outputs of the net, or only those that a single answer needs."""
    if len(answers) == 1 and is_targeted(answers[0]):
        return answers[0].targeted(net, batch)
    outputs: Outputs = net(*batch.inputs)
    return outputs


@dataclass(frozen=True)
class Evaluations:
    """The evaluations of the splits of a net; every split is predicted once."""

    net: nn.Module
    datasets: Mapping[str, Dataset]
    answers: Sequence[Evaluator]
    _done: dict[str, SplitEvaluation] = field(default_factory=dict, init=False)

    def of(self, split: str) -> SplitEvaluation:
        """Returns the evaluation of a split."""
        if split not in self._done:
            self._done[split] = evaluate(self.net, self.datasets[split], self.answers)
        return self._done[split]

    def predictions(self, number: int, split: str) -> tuple[NumpyArray, NumpyArray] | None:
        """Returns the scores and targets of one answer, or None for an empty split."""
        if not len(self.datasets[split]):
            return None
        evaluation = self.of(split)
        return evaluation.scores[number], evaluation.truths[number]


def answer_all(
    net: nn.Module, dataset: Dataset, answers: Sequence[Evaluator], *, batch: int | None = None
) -> tuple[Tensor, ...]:
    """Returns the decoded outputs of the net for all samples, one tensor per answer."""
    device = device_of(net)
    with eval_mode(net), torch.inference_mode():
        slices = batches(len(dataset), batch or portion(dataset, answers))
        moved = (samples.to(device).inputs for samples in ahead(dataset, slices))
        rows = [
            tuple(output.cpu() for output in decoded(net, inputs, net(*inputs), answers))
            for inputs in moved
        ]
    return tuple(torch.cat(outputs) for outputs in zip(*rows, strict=True))


def decoded(
    net: nn.Module, inputs: tuple[Tensor, ...], outputs: Outputs, answers: Sequence[Evaluator]
) -> tuple[Tensor, ...]:
    """Returns what each answer makes of the outputs of the net for a batch of inputs.

    Most answers take their output; one that owns its decoding runs its own loop.
    """
    return tuple(
        answer.predict(net, inputs, output)
        for answer, output in zip(answers, as_tuple(outputs), strict=True)
    )


def portion(dataset: Dataset, answers: Sequence[Evaluator] = ()) -> int:
    """Returns the batch size for evaluation: smaller where one sample has many values.

    All activations of a batch are in memory at the same time, and so are the outputs,
    which are many where a text is written in a large vocabulary.
    """
    if not len(dataset):
        return _BATCH
    values = sum(x.numel() for x in dataset.batch(slice(0, 1)).inputs)
    outputs = sum(answer.spec.size for answer in answers)
    return max(1, min(_BATCH, _VALUES // max(1, values), _OUTPUTS // max(1, outputs)))


def as_tuple(outputs: Outputs) -> tuple[Tensor, ...]:
    """Returns the outputs of a net as a tuple: one tensor per answer."""
    return outputs if isinstance(outputs, tuple) else (outputs,)
