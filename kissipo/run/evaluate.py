"""Evaluate: the net answers every sample of a part, and each kind of answer judges its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.core.protocols import Feed, Judge, Learn, batches
from kissipo.run.streams import follow_streams, is_stateful

_BATCH, _STREAMS = 512, 64


@dataclass(frozen=True)
class Evaluation:
    """One judgement for each answer; scores and truth as the answers gathered them; the loss where it was asked for."""

    judgements: tuple[Any, ...]
    scores: tuple[Any, ...]
    truths: tuple[Any, ...]
    loss: float = float("nan")


def evaluate(
    net: nn.Module, feed: Feed, answers: Sequence[Judge], *, learn: Learn | None = None, batch: int = _BATCH
) -> Evaluation:
    """Judges the net on all samples of the feed; its mode (training or not) is the same after as before."""
    gathered: list[list[tuple[Any, Any]]] = [[] for _ in answers]
    total, training, order = 0.0, net.training, []
    net.eval()
    with torch.inference_mode():
        for part, samples, outputs in _answered(net, feed, batch):
            order.append(part)
            if learn is not None:
                total += float(learn.loss(outputs, samples.targets)) * len(samples)
            for answer, into, output, target in zip(answers, gathered, as_tuple(outputs), samples.targets, strict=True):
                into.append(answer.gather(output, target))
    net.train(training)
    scores = tuple(np.concatenate([pair[0] for pair in pairs]) for pairs in gathered)
    truths = tuple(np.concatenate([pair[1] for pair in pairs]) for pairs in gathered)
    if is_stateful(net):
        back = np.argsort(torch.cat(order).numpy())
        scores, truths = tuple(each[back] for each in scores), tuple(each[back] for each in truths)
    judgements = tuple(answer.judge(score, truth) for answer, score, truth in zip(answers, scores, truths, strict=True))
    return Evaluation(judgements, scores, truths, total / len(feed) if learn is not None else float("nan"))


def _answered(net: nn.Module, feed: Feed, batch: int) -> Iterator[tuple[Tensor, Any, Any]]:
    """Positions, samples and outputs, in the order in which the net reads them."""
    if is_stateful(net):
        yield from follow_streams(net, feed, _STREAMS)
        return
    for part in batches(len(feed), batch):
        samples = feed.batch(part)
        yield torch.arange(part.start, part.stop), samples, net(*samples.inputs)


def answer_all(net: nn.Module, feed: Feed, *, batch: int = _BATCH) -> tuple[Tensor, ...]:
    """The outputs of the net for all samples, one tensor for each answer."""
    training = net.training
    net.eval()
    with torch.inference_mode():
        rows = [as_tuple(net(*feed.batch(part).inputs)) for part in batches(len(feed), batch)]
    net.train(training)
    return tuple(torch.cat(each) for each in zip(*rows, strict=True))


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    """What a net gives, as one tensor an answer."""
    return outputs if isinstance(outputs, tuple) else (outputs,)
