"""Scores: the net and the simple answers on the same test part, with a verdict for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from kissipo.codec.board import Board
from kissipo.codec.tokens import Tokens
from kissipo.core.errors import TaskError
from kissipo.core.protocols import Feed, ahead
from kissipo.core.seeds import drawn
from kissipo.core.suggest import did_you_mean
from kissipo.engine.evaluate import Evaluation, evaluate, portion
from kissipo.output.answer import Answer, Judgement
from kissipo.output.answers.forecast import Forecast
from kissipo.output.baseline_data import MOST_SAMPLES, Case, Samples
from kissipo.output.score import Score
from kissipo.output.verdict import verdict
from kissipo.pipeline.pipeline import Wiring
from kissipo.pipeline.registries import BASELINES

_MOST_VALUES, _SMALLEST_SIDE = 16_000_000, 8


def score(
    net: nn.Module, wiring: Wiring, *, asked: Sequence[tuple[str, ...] | None], seed: int = 0
) -> tuple[list[Score], Evaluation]:
    """Judges the net beside the baselines that fit.

    asked:  one entry an answer: the baselines that were asked for, None for all that fit
    """
    part = wiring.judging
    found = evaluate(net, wiring.feeds[part], wiring.answers)
    told = "train" if np.intersect1d(wiring.parts["train"], wiring.parts[part]).size else part
    scores = []
    for number, (answer, judged) in enumerate(zip(wiring.answers, found.judgements, strict=True)):
        held = answer.held(found.scores[number], found.truths[number])
        judged = replace(judged, details={**judged.details, **held})
        beside: dict[str, Judgement] = {}
        if len(wiring.feeds["train"]):
            side = _side(wiring, part)
            case = _case(wiring, number, part, seed, side)
            told_of = (
                {} if side is None else {"simple_answers": f"the simple answers see the pictures at {side}x{side}"}
            )
            judged = replace(judged, details={**judged.details, **told_of})
            beside = judge_beside(answer, case, case.test.truth, asked[number])
        result = verdict(judged, beside, main=answer.MAIN, higher_is_better=answer.HIGHER_IS_BETTER)
        scores.append(Score(answer, judged, beside, result, part=told))
    return scores, found


def judge_beside(answer: Answer, case: Any, truth: Any, asked: tuple[str, ...] | None) -> dict[str, Judgement]:
    """Every simple answer that fits the case, judged.

    Raises:   TaskError for a baseline that is not known.
    """
    fitting = answer.BASELINES
    for name in asked or ():
        if name not in fitting:
            given = f"'{name}'"
            raise TaskError(
                f"output.baselines names no baseline for {answer.WORD}", given=given, do=did_you_mean(name, fitting)
            )
    judged, plain = {}, answer.for_simple_answers()
    for name in fitting if asked is None else asked:
        module = BASELINES.find(name, place="output.baselines")
        scores = module.answer(case)
        if scores is not None:
            judged[module.NAME] = plain.judge(scores, truth)
    return judged


def _side(wiring: Wiring, part: str) -> int | None:
    """The side to which large pictures are shrunk for the simple answers, which take all of them at once; None: as they are."""
    port = wiring.doors[0].port
    if port.axes[:1] != ("channel",) or isinstance(wiring.doors[0], Board):  # half a point of a board is none
        return None
    samples = min(len(wiring.feeds["train"]), MOST_SAMPLES) + len(wiring.feeds[part])
    side = max(port.shape[1:])
    while samples * port.shape[0] * side**2 > _MOST_VALUES and side > _SMALLEST_SIDE:
        side //= 2
    return side if side < max(port.shape[1:]) else None


def _case(wiring: Wiring, number: int, part: str, seed: int, side: int | None) -> Case:
    texts = {door.column: door.unit for door in wiring.doors if isinstance(door, Tokens)}
    some = drawn(len(wiring.feeds["train"]), MOST_SAMPLES, "baselines")
    train = _samples(wiring, number, "train", some, side, with_frame=bool(texts))
    test = _samples(wiring, number, part, np.arange(len(wiring.feeds[part])), side, with_frame=bool(texts))
    ports = tuple(door.port for door in wiring.doors)
    answer = wiring.answers[number]
    if not isinstance(answer, Forecast):
        return Case(answer, ports, train, test, wiring.season, texts, seed)
    series = np.stack([wiring.frame[name].values for name in answer.variables], axis=1)
    window = ports[0].shape[0]
    train = replace(train, origins=wiring.parts["train"][some] + window)
    test = replace(test, origins=wiring.parts[part] + window)
    return Case(answer, ports, train, test, wiring.season, texts, seed, series)


def _samples(
    wiring: Wiring, number: int, part: str, some: NDArray[np.int64], side: int | None, *, with_frame: bool
) -> Samples:
    feed, index = wiring.feeds[part], torch.from_numpy(some)
    inputs = feed.batch(index).inputs if side is None else (_shrunk(feed, index, side),)
    truth = np.asarray(wiring.answers[number].truth(feed.truth(number, index)))
    return Samples(inputs, truth, wiring.frame.take(wiring.parts[part][some]) if with_frame else None)


def _shrunk(feed: Feed, some: Tensor, side: int) -> Tensor:
    """Pictures at a smaller size; into one tensor, as small ones kept between large ones would hold their memory open."""
    made = torch.empty(len(some), feed.batch(some[:1]).inputs[0].shape[1], side, side)
    done = 0
    for batch in ahead(feed, some.split(portion(feed))):
        made[done : done + len(batch)] = functional.adaptive_avg_pool2d(batch.inputs[0], side)
        done += len(batch)
    return made
