"""Train: runs the training loop of an experiment, on data or in an environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from kissipo.core.algorithm import Agent, EpisodicAgent, Planner, ReplayAgent
from kissipo.core.codec import columns_of
from kissipo.core.description import Detail
from kissipo.core.devices import device_of
from kissipo.core.environment import Policy, Transitions
from kissipo.core.errors import CallbackError, TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import FitCallback
from kissipo.engine.checkpoint import load_checkpoint, save_checkpoint
from kissipo.engine.evaluate import Evaluations, SplitEvaluation, answer_all
from kissipo.engine.fit import Fit, FitConfig
from kissipo.engine.rollouts.episodes import EpisodeLoop
from kissipo.engine.rollouts.planning import PlanningLoop
from kissipo.engine.rollouts.recording import record_episode
from kissipo.engine.rollouts.replay import ReplayLoop
from kissipo.engine.rollouts.side_by_side import play
from kissipo.engine.run_folder import RunFolder
from kissipo.input.sources.environment import World
from kissipo.output.answer import Evaluation
from kissipo.output.answers.actions import Actions
from kissipo.output.baseline_data import EnvironmentData
from kissipo.output.film import film_detail
from kissipo.output.policy import agreement, states_that_matter, value_iteration
from kissipo.output.score import Score
from kissipo.output.unlabeled import MAX_PREDICTED, unlabeled_detail
from kissipo.output.verdict import verdict
from kissipo.pipeline.builders.rows import encode_new
from kissipo.pipeline.experiment import Experiment
from kissipo.pipeline.registries import trivial_baselines
from kissipo.runs.scores import evaluate_baselines, evaluate_scores

Loop = Fit | EpisodeLoop | ReplayLoop | PlanningLoop
_SIDE_BY_SIDE = 20  # episodes of the evaluation at once


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
    folder: RunFolder,
    seed: int,
    callbacks: Sequence[FitCallback],
    *,
    resume: bool,
) -> TrainingResult:
    """Trains to the end; `resume` starts from the last checkpoint, if any."""
    world = experiment.pipeline.world
    loop: Loop = (
        _data_loop(experiment, seed)
        if world is None
        else _environment_loop(experiment, world, seed)
    )
    loop.callbacks = callbacks
    loop.save = lambda loop_state: save_checkpoint(folder.checkpoints, loop_state)
    for note in _resume(loop, folder) if resume else ():
        for callback in callbacks:
            callback.on_note(note)
    try:
        state = loop.run()
    except CallbackError:
        loop.save(loop.state_dict())
        raise
    _calibrate_answers(experiment)
    return TrainingResult(state.history, state.epoch, state.best_epoch, state.seconds)


def _calibrate_answers(experiment: Experiment) -> None:
    """Lets every answer fit its thresholds or intervals; a split is predicted once."""
    answers = experiment.pipeline.answers
    evaluations = Evaluations(experiment.net, experiment.pipeline.datasets, answers)
    for number, answer in enumerate(answers):
        answer.calibrate(partial(evaluations.predictions, number))


def _resume(loop: Loop, folder: RunFolder) -> list[str]:
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
        return TestResult([_evaluate_environment(experiment, world, seed)])
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


def _data_loop(experiment: Experiment, seed: int) -> Fit:
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


def _environment_loop(
    experiment: Experiment, world: World, seed: int
) -> EpisodeLoop | ReplayLoop | PlanningLoop:
    agent = experiment.agent
    if isinstance(agent, ReplayAgent):
        return ReplayLoop(world.make, experiment.net, agent, seed=seed)
    if isinstance(agent, Planner):
        return PlanningLoop(_rules(world), experiment.net, agent)
    assert isinstance(agent, EpisodicAgent)
    return EpisodeLoop(world.make(), experiment.net, agent, seed=seed)


def _rules(world: World) -> Transitions:
    """Returns the transition probabilities of an environment.

    Raises:   TaskError when it does not publish them.
    """
    if world.model is None:
        raise TaskError(
            f"a planner needs the transition probabilities, and '{world.name}' publishes none",
            allowed="environments with a table of rules: FrozenLake-v1, CliffWalking-v1, racing",
            do="Learn from steps: process.algorithm=q_learning or process.algorithm=sarsa",
        )
    return Transitions.of(world.model)


def _evaluate_environment(experiment: Experiment, world: World, seed: int) -> Score:
    """Evaluates the trained policy and the baselines with the same random seeds."""
    answer = cast(Actions, experiment.pipeline.answers[0])
    agent = experiment.agent
    episodes, discount = answer.options.episodes, experiment.config.discount
    environments = [world.make() for _ in range(min(episodes, _SIDE_BY_SIDE))]

    def play_all(choose: Policy) -> NDArray[np.float64]:
        return play(environments, choose, numbers=range(episodes), seed=seed, purpose="report")

    case = EnvironmentData(play_all, world.actions, world.model, discount)
    returns = play_all(lambda states, generators: agent.best(states))
    evaluation = answer.evaluate(returns, returns)
    film = {"film": _film(agent, world, seed)}
    evaluation = replace(evaluation, details={**evaluation.details, **film, **agent.details()})
    if world.model is not None:
        evaluation = _compare_with_optimal(evaluation, experiment, world)
    baselines = evaluate_baselines(answer, case, returns, experiment.resolved.baselines[0])
    return Score(
        answer,
        evaluation,
        baselines,
        verdict(
            evaluation,
            baselines,
            main=answer.EVAL_METRIC,
            higher_is_better=True,
            trivial=trivial_baselines(answer),
        ),
    )


def _film(agent: Agent, world: World, seed: int) -> Detail:
    """Returns the film of one of the reported episodes."""
    episode = record_episode(world.make(), agent, seed=seed)
    return film_detail(
        world.draw,
        episode.states,
        episode.q_values,
        episode.actions,
        episode.rewards,
        world.actions,
    )


def _compare_with_optimal(
    evaluation: Evaluation, experiment: Experiment, world: World
) -> Evaluation:
    """Compares the trained policy with the optimal policy of value iteration."""
    net = experiment.net
    with torch.no_grad():
        states = experiment.pipeline.datasets["train"].batch(slice(None)).inputs
        q_values = net(*(state.to(device_of(net)) for state in states)).cpu().numpy().astype(float)
    assert world.model is not None
    best = value_iteration(world.model, discount=experiment.config.discount)
    matters = states_that_matter(world.model, world.starts)
    agrees = agreement(q_values, best, matters)
    table = {
        "states": list(world.states),
        "actions": list(world.actions),
        "q_values": q_values.tolist(),
        "best": best.tolist(),
        "matters": matters.tolist(),
        "agrees": agrees.tolist(),
        "fields": [list(row) for row in world.fields],
    }
    metrics = {**evaluation.metrics, "agreement": float(agrees[matters].mean())}
    return replace(evaluation, metrics=metrics, details={**evaluation.details, "policy": table})
