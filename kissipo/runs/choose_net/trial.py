"""Trial: trains a candidate for a fraction of its full training, and evaluates it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isclose, isfinite, nan
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kissipo.core.devices import keep_memory, threads_for
from kissipo.core.errors import CallbackError, StoppedError
from kissipo.core.task import Task
from kissipo.engine.evaluate import SplitEvaluation, evaluate
from kissipo.pipeline.experiment import Experiment, assemble
from kissipo.pipeline.pipeline import Pipeline
from kissipo.runs.choose_net.plan import Cost
from kissipo.runs.choose_net.results import Trial, shorten_error
from kissipo.runs.choose_net.samples import first_part
from kissipo.runs.choose_net.time_blocks import block_means, block_numbers, standard_error
from kissipo.runs.train import data_loop


class Contender(NamedTuple):
    """A candidate that can be trained.

    number:     its place among all candidates
    task:       with every option of the candidate written out
    pipelines:  one per fold, all without a test split
    """

    number: int
    title: str
    task: Task
    pipelines: Sequence[Pipeline]
    cost: Cost


def try_out(contender: Contender, share: float, *, seed: int, device: str) -> Trial:
    """Returns the score of a candidate after a fraction of its full training.

    An error of the candidate is its result.

    Raises:   StoppedError after Ctrl-C.
    """
    started = perf_counter()
    try:
        parts = [
            _train(contender, pipeline, share, seed=seed, device=device)
            for pipeline in contender.pipelines
        ]
        trial = _scored(parts, contender.pipelines)
    except (StoppedError, CallbackError):
        raise
    except Exception as error:  # whatever is wrong with one candidate, the others are tried
        return Trial(share, seconds=_since(started), error=shorten_error(error))
    if not isfinite(trial.score):
        return Trial(share, seconds=_since(started), error="its predictions are not finite")
    return replace(trial, share=share, seconds=_since(started))


def _since(started: float) -> float:
    return round(perf_counter() - started, 3)


def _train(
    contender: Contender, pipeline: Pipeline, share: float, *, seed: int, device: str
) -> SplitEvaluation:
    """Trains on one fold, and evaluates the held-out samples."""
    experiment = _shortened(contender, pipeline, share, seed=seed, device=device)
    loop = data_loop(experiment, seed)
    batch = experiment.resolved.general.batch_size or 1
    with keep_memory(), threads_for(contender.cost.sample * batch):
        loop.run()
        return evaluate(
            experiment.net,
            experiment.pipeline.datasets[experiment.pipeline.eval_split],
            experiment.pipeline.answers,
            algorithm=experiment.algorithm,
        )


def _shortened(
    contender: Contender, pipeline: Pipeline, share: float, *, seed: int, device: str
) -> Experiment:
    """Returns the experiment with fewer epochs; less than one is a part of the
    samples."""
    task = contender.task
    if not contender.cost.is_solved and share < 1:
        epochs = share * float(task.process.get("epochs") or 1)
        task = task.with_words({"process.epochs": max(1, round(epochs))})
        if epochs < 1:
            batch = int(task.input.get("batch_size") or 1)
            samples = max(batch, round(epochs * len(pipeline.datasets["train"])))
            pipeline = first_part(pipeline, samples, seed=seed)
    return assemble(task, pipeline, seed=seed, device=device)


def _scored(parts: Sequence[SplitEvaluation], pipelines: Sequence[Pipeline]) -> Trial:
    """Returns the scores over the samples of all folds."""
    answer = pipelines[0].answers[0]
    scores = np.concatenate([part.scores[0] for part in parts])
    truth = np.concatenate([part.truths[0] for part in parts])
    watched = answer.watch(scores, truth)
    score, quality = float(watched.metrics[answer.monitor]), watched.per_sample
    sizes = [len(pipeline.datasets[pipeline.eval_split]) for pipeline in pipelines]
    losses, noise = [part.loss for part in parts], 0.0
    blocks: tuple[float, ...] = ()
    loss = float(np.average(losses, weights=sizes)) if np.isfinite(losses).all() else nan
    if quality is None or len(quality) < 2:
        return Trial(1.0, score, loss)
    if pipelines[0].overlap > 1 and isclose(abs(quality.mean()), abs(score)):
        blocks = _block_means(quality, pipelines)
        noise = standard_error(blocks)
    elif isclose(quality.mean(), score):
        noise = float(quality.std() / len(quality) ** 0.5)
        loss = float(answer.evaluate(scores, truth).metrics.get("log_loss", loss))
    return Trial(1.0, score, loss, noise, blocks)


def _block_means(quality: NDArray[np.float64], pipelines: Sequence[Pipeline]) -> tuple[float, ...]:
    """Returns the mean quality of each block of time, those of one fold after the
    other."""
    means: tuple[float, ...] = ()
    for pipeline in pipelines:
        positions = pipeline.splits[pipeline.eval_split]
        own, quality = quality[: len(positions)], quality[len(positions) :]
        blocks = block_numbers(positions, pipeline.starts, pipeline.overlap)
        means += block_means(own, blocks)
    return means
