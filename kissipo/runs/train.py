"""Motion: what moves a prepared task, data or an environment; each kind learns in its loop and is judged in its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import nn

from kissipo.core.protocols import Listener
from kissipo.engine.checkpoint import load_checkpoint, save_checkpoint
from kissipo.engine.evaluate import Evaluation, evaluate
from kissipo.engine.fit import Course, Fit
from kissipo.engine.rollout import Interact, play
from kissipo.engine.run_folder import RunFolder
from kissipo.input.sources.environment import World
from kissipo.output.answer import Judgement
from kissipo.output.answers.actions import Actions
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.category import Category
from kissipo.output.answers.forecast import Forecast
from kissipo.output.baseline_data import WorldCase
from kissipo.output.policy import agreement, states_that_matter, value_iteration
from kissipo.output.score import Score
from kissipo.output.verdict import verdict
from kissipo.pipeline.experiment import Prepared
from kissipo.runs.anomalies import Errors, judge_alarms, learn_threshold
from kissipo.runs.scores import judge_beside, score


@dataclass(frozen=True)
class Outcome:
    """What learning came to."""

    history: list[dict[str, Any]]
    epochs: int
    best_epoch: int
    seconds: float


@dataclass(frozen=True)
class Judged:
    """Scores of all answers, the answers to the judged samples where there are samples, the errors where a series is watched."""

    scores: list[Score]
    found: Evaluation | None = field(default=None)
    errors: Errors | None = None


def learn(prepared: Prepared, folder: RunFolder, seed: int, listeners: Sequence[Listener], *, resume: bool) -> Outcome:
    """Learns to the end; with `resume` from the last checkpoint of the folder, if it has one."""
    loop = _world_loop(prepared, seed) if isinstance(prepared.reading, World) else _data_loop(prepared, seed)
    loop.listeners = listeners
    loop.save = lambda state: save_checkpoint(folder.checkpoints, state)
    for note in _go_on(loop, folder) if resume else ():
        for listener in listeners:
            listener.on_note(note)
    position = loop.run()
    _calibrate(prepared)
    if isinstance(loop, Interact):
        rows = len(position.history)
        return Outcome(position.history, rows, rows, position.seconds)
    return Outcome(position.history, position.epoch, position.best_epoch, position.seconds)


def _calibrate(prepared: Prepared) -> None:
    """Forecasts learn from the validation part how far off they are, watchers what is no longer ordinary."""
    (answer, *_), feed = prepared.wiring.answers, prepared.wiring.feeds["validation"]
    _choose_thresholds(prepared)
    if isinstance(answer, Anomaly):
        learn_threshold(prepared.net, prepared.wiring)
    if isinstance(answer, Forecast) and len(feed):  # which is the only answer of a series
        found = evaluate(prepared.net, feed, [answer])
        answer.calibrate(found.scores[0], found.truths[0])


def _choose_thresholds(prepared: Prepared) -> None:
    """Where missing a defect has its cost: from which suspicion on a piece is called."""
    answers, feed = prepared.wiring.answers, prepared.wiring.feeds["validation"]
    inspected = [(at, each) for at, each in enumerate(answers) if isinstance(each, Category) and each.inspection]
    if not inspected:
        return
    found = evaluate(prepared.net, feed, answers) if len(feed) else None
    for at, answer in inspected:
        nothing = np.zeros((0, len(answer.levels))), np.zeros(0, dtype=np.int64)
        answer.calibrate(*((found.scores[at], found.truths[at]) if found else nothing))


def _go_on(loop: Any, folder: RunFolder) -> list[str]:
    """Puts the loop where the last checkpoint was saved; says where that is."""
    found = load_checkpoint(folder.checkpoints)
    if found is None:
        return ["nothing was saved yet: it begins at the beginning"]
    state, note = found
    loop.load_state_dict(state)
    return [*([note] if note else []), f"going on {loop.where()}"]


def judge(prepared: Prepared, *, seed: int) -> Judged:
    """The net beside the simple answers."""
    if isinstance(prepared.reading, World):
        return Judged([_judge_world(prepared, prepared.reading, seed)])
    if isinstance(prepared.wiring.answers[0], Anomaly):
        watched, found, errors = judge_alarms(prepared.net, prepared.wiring, asked=prepared.choices.baselines[0])
        return Judged([watched], found, errors)
    scores, found = score(prepared.net, prepared.wiring, asked=prepared.choices.baselines, seed=seed)
    more: dict[str, Any] = {**weights_by_name(prepared), **getattr(prepared.learn, "account", dict)()}
    for number, each in enumerate(scores):
        net = replace(each.net, details={**each.net.details, **more})
        scores[number] = replace(each, net=net)
    return Judged(scores, found)


def weights_by_name(prepared: Prepared) -> dict[str, Any]:
    """The weights of a linear net with one answer, by the names of its features; empty for every other net."""
    layers = [layer for layer in prepared.net.modules() if isinstance(layer, nn.Linear)]
    names = [word for door in prepared.wiring.doors for word in door.port.words]
    if prepared.choices.net is None or prepared.choices.net.word != "linear" or len(layers) != 1:
        return {}
    weight = layers[0].weight.detach()
    if weight.shape != (1, len(names)):
        return {}
    constant = {} if layers[0].bias is None else {"(constant)": layers[0].bias.item()}
    named = {name: float(value) for name, value in zip(names, weight[0], strict=True)}
    return {"weights": {**named, **constant}}


def _data_loop(prepared: Prepared, seed: int) -> Any:
    wiring, options, batch = prepared.wiring, prepared.course, prepared.choices.general.batch_size or 32
    return Fit(
        prepared.net,
        prepared.learn,
        Course(
            options.epochs, batch, seed, options.early_stopping.patience, shuffle=batch < len(wiring.feeds["train"])
        ),
        train=wiring.feeds["train"],
        validation=wiring.feeds["validation"] if len(wiring.feeds["validation"]) else None,
        answers=wiring.answers,
        augment=wiring.augment,
    )


def _world_loop(prepared: Prepared, seed: int) -> Any:
    world, agent = prepared.reading, prepared.learn
    assert isinstance(world, World)
    return Interact(world.environment, prepared.net, agent, episodes=prepared.course.episodes, seed=seed)  # type: ignore[arg-type]


def _judge_world(prepared: Prepared, world: World, seed: int) -> Score:
    """Plays the learned policy and the simple ones with the same dice."""
    answer = prepared.wiring.answers[0]
    assert isinstance(answer, Actions)
    agent: Any = prepared.learn
    episodes, discount = answer.options.episodes, prepared.course.discount
    case = WorldCase(
        lambda choose: play(world.environment, choose, episodes=episodes, seed=seed),
        world.actions,
        world.model,
        discount,
    )
    returns = case.play(lambda state, dice: agent.best(state))
    judged = answer.judge(returns, returns)
    if world.model is not None:
        judged = _beside_the_rules(judged, prepared, world)
    beside = judge_beside(answer, case, returns, prepared.choices.baselines[0])
    return Score(answer, judged, beside, verdict(judged, beside, main=answer.MAIN, higher_is_better=True))


def _beside_the_rules(judged: Judgement, prepared: Prepared, world: World) -> Judgement:
    """What is known when the rules are: in which states the learned best action is really the best."""
    learned = prepared.net.get_parameter("weight").detach().numpy().astype(float)
    best = value_iteration(world.model, discount=prepared.course.discount)
    matters = states_that_matter(world.model)
    agrees = agreement(learned, best, matters)
    table = {
        "states": list(world.states),
        "actions": list(world.actions),
        "learned": learned.tolist(),
        "best": best.tolist(),
        "matters": matters.tolist(),
        "agrees": agrees.tolist(),
    }
    metrics = {**judged.metrics, "agreement": float(agrees[matters].mean())}
    return replace(judged, metrics=metrics, details={**judged.details, "policy": table})
