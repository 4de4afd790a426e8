"""Train: runs the training loop of an experiment, on data or in an environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from kissipo.core.codec import columns_of
from kissipo.core.description import Detail
from kissipo.core.errors import CallbackError
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import FitCallback
from kissipo.engine.checkpoint import load_checkpoint, save_checkpoint
from kissipo.engine.evaluate import Evaluations, SplitEvaluation, answer_all
from kissipo.engine.fit import Fit, FitConfig
from kissipo.engine.run_folder import RunFolder
from kissipo.output.score import Score
from kissipo.output.unlabeled import MAX_PREDICTED, unlabeled_detail
from kissipo.pipeline.builders.rows import encode_new
from kissipo.pipeline.experiment import Experiment
from kissipo.runs.scores import evaluate_scores

if TYPE_CHECKING:
    from kissipo.runs.train_agent import AgentLoop


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training."""

    history: list[JsonObject]
    epochs: int
    best_epoch: int
    seconds: float


@dataclass(frozen=True)
class TestResult:
    """The scores of all outputs, and the evaluation of the split."""

    scores: list[Score]
    evaluation: SplitEvaluation | None = field(default=None)


def train(
    experiment: Experiment,
    folder: RunFolder | None,
    seed: int,
    callbacks: Sequence[FitCallback],
    *,
    resume: bool,
) -> TrainingResult:
    """Trains to the end; `resume` starts from the last checkpoint, if any.

    folder:   of the checkpoints; None: there are none
    """
    loop = _loop(experiment, seed)
    loop.callbacks = callbacks
    if folder is not None:
        loop.save = partial(save_checkpoint, folder.checkpoints)
    for note in _resume(loop, folder) if resume and folder is not None else ():
        for callback in callbacks:
            callback.on_note(note)
    try:
        state = loop.run()
    except CallbackError:
        if loop.save is not None:
            loop.save(loop.state_dict())
        raise
    _calibrate_answers(experiment)
    return TrainingResult(state.history, state.epoch, state.best_epoch, state.seconds)


def _loop(experiment: Experiment, seed: int) -> Fit | AgentLoop:
    """Returns the loop over the data, or over the episodes of an agent."""
    world = experiment.pipeline.world
    if world is None:
        return data_loop(experiment, seed)
    from kissipo.runs.train_agent import agent_loop

    return agent_loop(experiment, world, seed)


def _calibrate_answers(experiment: Experiment) -> None:
    """Lets every answer fit its thresholds or intervals; a split is predicted once."""
    answers = experiment.pipeline.answers
    evaluations = Evaluations(experiment.net, experiment.pipeline.datasets, answers)
    for number, answer in enumerate(answers):
        answer.calibrate(partial(evaluations.predictions, number))


def _resume(loop: Fit | AgentLoop, folder: RunFolder) -> list[str]:
    """Loads the last checkpoint into the loop and returns notes about it."""
    checkpoint = load_checkpoint(folder.checkpoints)
    if checkpoint is None:
        return ["there is no checkpoint yet: the training starts from the beginning"]
    state, note = checkpoint
    loop.load_state_dict(state)
    return [*([note] if note else []), f"resuming {loop.where()}"]


def evaluate_test_split(experiment: Experiment, *, seed: int) -> TestResult:
    """Evaluates the net and the baselines on the test split."""
    if (world := experiment.pipeline.world) is not None:
        from kissipo.runs.train_agent import evaluate_agent

        return TestResult([evaluate_agent(experiment, world, seed)])
    scores, evaluation = evaluate_scores(
        experiment.net,
        experiment.pipeline,
        baseline_names=experiment.resolved.baselines,
        metric_names=experiment.resolved.metrics,
        seed=seed,
    )
    assert experiment.resolved.net is not None
    labels = [name for codec in experiment.pipeline.codecs for name in codec.spec.labels]
    details: JsonObject = {
        **experiment.resolved.net.module.details(experiment.net, labels),
        **experiment.algorithm.details(),
    }
    unlabeled = _predict_unlabeled(experiment)
    for number, score in enumerate(scores):
        own = {"unlabeled": unlabeled[number]} if unlabeled else {}
        net = replace(score.net, details={**score.net.details, **details, **own})
        scores[number] = replace(score, net=net)
    return TestResult(scores, evaluation)


def _predict_unlabeled(experiment: Experiment) -> list[Detail]:
    """Returns the predictions of the samples without a target, for each answer."""
    pipeline = experiment.pipeline
    if pipeline.unlabeled is None:
        return []
    frame, answers = pipeline.unlabeled, pipeline.answers
    columns = columns_of(pipeline.codecs)
    some = frame.take(np.arange(min(len(frame), MAX_PREDICTED)))
    outputs = answer_all(experiment.net, encode_new(some, pipeline.codecs, ()), answers)
    return [
        unlabeled_detail(
            answer, frame, columns, answer.in_units_of(answer.predictions(output, ()), some), output
        )
        for answer, output in zip(answers, outputs, strict=True)
    ]


def data_loop(experiment: Experiment, seed: int) -> Fit:
    """Returns the training loop of an experiment on data, before its first step."""
    pipeline, algorithm = experiment.pipeline, experiment.algorithm
    batch = experiment.resolved.general.batch_size or 32
    return Fit(
        experiment.net,
        algorithm,
        FitConfig(
            algorithm.epochs,
            batch,
            seed,
            algorithm.patience,
            shuffle=batch < len(pipeline.datasets["train"]),
        ),
        train=pipeline.datasets["train"].for_training(),
        validation=pipeline.datasets["validation"]
        if len(pipeline.datasets["validation"])
        else None,
        answers=pipeline.answers,
        augment=pipeline.augment,
    )
