"""Train: runs the training loop of an experiment, on data or in an environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import nn

from kissipo.core.protocols import Callback
from kissipo.engine.checkpoint import load_checkpoint, save_checkpoint
from kissipo.engine.evaluate import SplitEvaluation, evaluate
from kissipo.engine.fit import Fit, FitConfig
from kissipo.engine.rollout import Rollout, play
from kissipo.engine.run_folder import RunFolder
from kissipo.input.sources.environment import World
from kissipo.output.answer import Evaluation
from kissipo.output.answers.actions import Actions
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.category import Category
from kissipo.output.answers.forecast import Forecast
from kissipo.output.baseline_data import EnvironmentData
from kissipo.output.policy import agreement, states_that_matter, value_iteration
from kissipo.output.score import Score
from kissipo.output.verdict import verdict
from kissipo.pipeline.experiment import Experiment
from kissipo.process.nets.linear import describe_weights
from kissipo.runs.anomalies import Errors, evaluate_anomalies, fit_threshold
from kissipo.runs.scores import evaluate_baselines, evaluate_scores


@dataclass(frozen=True)
class TrainingResult:
    """The result of a training."""

    history: list[dict[str, Any]]
    epochs: int
    best_epoch: int
    seconds: float


@dataclass(frozen=True)
class TestResult:
    """The scores of all outputs, the evaluation, the errors of anomaly detection."""

    scores: list[Score]
    evaluation: SplitEvaluation | None = field(default=None)
    errors: Errors | None = None


def train(
    experiment: Experiment,
    folder: RunFolder,
    seed: int,
    callbacks: Sequence[Callback],
    *,
    resume: bool,
) -> TrainingResult:
    """Trains to the end; `resume` starts from the last checkpoint, if any."""
    loop = (
        _environment_loop(experiment, seed)
        if isinstance(experiment.reading, World)
        else _data_loop(experiment, seed)
    )
    loop.callbacks = callbacks
    loop.save = lambda loop_state: save_checkpoint(folder.checkpoints, loop_state)
    for note in _resume(loop, folder) if resume else ():
        for callback in callbacks:
            callback.on_note(note)
    state = loop.run()
    _calibrate_answers(experiment)
    if isinstance(loop, Rollout):
        rows = len(state.history)
        return TrainingResult(state.history, rows, rows, state.seconds)
    return TrainingResult(state.history, state.epoch, state.best_epoch, state.seconds)


def _calibrate_answers(experiment: Experiment) -> None:
    """Fits prediction intervals and decision thresholds to the validation split."""
    (answer, *_), dataset = experiment.pipeline.answers, experiment.pipeline.datasets["validation"]
    _choose_thresholds(experiment)
    if isinstance(answer, Anomaly):
        fit_threshold(experiment.net, experiment.pipeline)
    if isinstance(answer, Forecast) and len(dataset):  # a series has a single output
        evaluation = evaluate(experiment.net, dataset, [answer])
        answer.calibrate(evaluation.scores[0], evaluation.truths[0])


def _choose_thresholds(experiment: Experiment) -> None:
    """Tunes the decision thresholds of outputs with a cost of false negatives."""
    answers, dataset = experiment.pipeline.answers, experiment.pipeline.datasets["validation"]
    inspected = [
        (index, answer)
        for index, answer in enumerate(answers)
        if isinstance(answer, Category) and answer.inspection
    ]
    if not inspected:
        return
    evaluation = evaluate(experiment.net, dataset, answers) if len(dataset) else None
    for index, answer in inspected:
        nothing = np.zeros((0, len(answer.classes))), np.zeros(0, dtype=np.int64)
        answer.calibrate(
            *((evaluation.scores[index], evaluation.truths[index]) if evaluation else nothing)
        )


def _resume(loop: Any, folder: RunFolder) -> list[str]:
    """Loads the last checkpoint into the loop and returns notes about it."""
    checkpoint = load_checkpoint(folder.checkpoints)
    if checkpoint is None:
        return ["there is no checkpoint yet: the training starts from the beginning"]
    state, note = checkpoint
    loop.load_state_dict(state)
    return [*([note] if note else []), f"resuming {loop.where()}"]


def evaluate_test_split(experiment: Experiment, *, seed: int) -> TestResult:
    """Evaluates the net and the baselines on the test split."""
    if isinstance(experiment.reading, World):
        return TestResult([_evaluate_environment(experiment, experiment.reading, seed)])
    if isinstance(experiment.pipeline.answers[0], Anomaly):
        result, evaluation, errors = evaluate_anomalies(
            experiment.net, experiment.pipeline, baseline_names=experiment.resolved.baselines[0]
        )
        return TestResult([result], evaluation, errors)
    scores, evaluation = evaluate_scores(
        experiment.net, experiment.pipeline, baseline_names=experiment.resolved.baselines, seed=seed
    )
    details: dict[str, Any] = {
        **weights_by_name(experiment),
        **getattr(experiment.algorithm, "account", dict)(),
    }
    for number, score in enumerate(scores):
        net = replace(score.net, details={**score.net.details, **details})
        scores[number] = replace(score, net=net)
    return TestResult(scores, evaluation)


def weights_by_name(experiment: Experiment) -> dict[str, Any]:
    """Returns the weights of a linear net with one output by feature, else empty."""
    layers = [layer for layer in experiment.net.modules() if isinstance(layer, nn.Linear)]
    names = [name for codec in experiment.pipeline.codecs for name in codec.spec.labels]
    if (
        experiment.resolved.net is None
        or experiment.resolved.net.name != "linear"
        or len(layers) != 1
    ):
        return {}
    weight = layers[0].weight.detach()
    if weight.shape != (1, len(names)):
        return {}
    constant = {} if layers[0].bias is None else {"(constant)": layers[0].bias.item()}
    named = {name: float(value) for name, value in zip(names, weight[0], strict=True)}
    return {"weights": describe_weights({**named, **constant})}


def _data_loop(experiment: Experiment, seed: int) -> Any:
    pipeline, options, batch = (
        experiment.pipeline,
        experiment.config,
        experiment.resolved.general.batch_size or 32,
    )
    return Fit(
        experiment.net,
        experiment.algorithm,
        FitConfig(
            options.epochs,
            batch,
            seed,
            options.early_stopping.patience,
            shuffle=batch < len(pipeline.datasets["train"]),
        ),
        train=pipeline.datasets["train"],
        validation=pipeline.datasets["validation"]
        if len(pipeline.datasets["validation"])
        else None,
        answers=pipeline.answers,
        augment=pipeline.augment,
    )


def _environment_loop(experiment: Experiment, seed: int) -> Any:
    world, agent = experiment.reading, experiment.algorithm
    assert isinstance(world, World)
    return Rollout(
        world.environment,
        experiment.net,
        agent,  # type: ignore[arg-type]
        episodes=experiment.config.episodes,
        seed=seed,
    )


def _evaluate_environment(experiment: Experiment, world: World, seed: int) -> Score:
    """Evaluates the trained policy and the baselines with the same random seeds."""
    answer = experiment.pipeline.answers[0]
    assert isinstance(answer, Actions)
    agent: Any = experiment.algorithm
    episodes, discount = answer.options.episodes, experiment.config.discount
    case = EnvironmentData(
        lambda choose: play(world.environment, choose, episodes=episodes, seed=seed),
        world.actions,
        world.model,
        discount,
    )
    returns = case.play(lambda state, generator: agent.best(state))
    evaluation = answer.evaluate(returns, returns)
    if world.model is not None:
        evaluation = _compare_with_optimal(evaluation, experiment, world)
    baselines = evaluate_baselines(answer, case, returns, experiment.resolved.baselines[0])
    return Score(
        answer,
        evaluation,
        baselines,
        verdict(evaluation, baselines, main=answer.EVAL_METRIC, higher_is_better=True),
    )


def _compare_with_optimal(
    evaluation: Evaluation, experiment: Experiment, world: World
) -> Evaluation:
    """Compares the trained policy with the optimal policy of value iteration."""
    q_values = experiment.net.get_parameter("weight").detach().numpy().astype(float)
    best = value_iteration(world.model, discount=experiment.config.discount)
    matters = states_that_matter(world.model)
    agrees = agreement(q_values, best, matters)
    table = {
        "states": list(world.states),
        "actions": list(world.actions),
        "q_values": q_values.tolist(),
        "best": best.tolist(),
        "matters": matters.tolist(),
        "agrees": agrees.tolist(),
    }
    metrics = {**evaluation.metrics, "agreement": float(agrees[matters].mean())}
    return replace(evaluation, metrics=metrics, details={**evaluation.details, "policy": table})
