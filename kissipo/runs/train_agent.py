"""Train an agent: the loop in its environment, and the evaluation of its policy."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from kissipo.core.algorithm import Agent, EpisodicAgent, Planner, ReplayAgent
from kissipo.core.description import Detail
from kissipo.core.devices import device_of
from kissipo.core.environment import Policy, Transitions
from kissipo.core.errors import TaskError
from kissipo.engine.rollouts.episodes import EpisodeLoop
from kissipo.engine.rollouts.planning import PlanningLoop
from kissipo.engine.rollouts.recording import record_episode
from kissipo.engine.rollouts.replay import ReplayLoop
from kissipo.engine.rollouts.side_by_side import play
from kissipo.input.sources.environment import World
from kissipo.output.answer import Evaluation
from kissipo.output.answers.actions import Actions
from kissipo.output.baseline_data import EnvironmentData
from kissipo.output.film import film_detail
from kissipo.output.policy import agreement, states_that_matter, value_iteration
from kissipo.output.score import Score
from kissipo.output.verdict import verdict
from kissipo.pipeline.experiment import Experiment
from kissipo.pipeline.registries import trivial_baselines
from kissipo.runs.scores import evaluate_baselines

AgentLoop = EpisodeLoop | ReplayLoop | PlanningLoop
_SIDE_BY_SIDE = 20  # episodes of the evaluation at once


def agent_loop(experiment: Experiment, world: World, seed: int) -> AgentLoop:
    """Returns the loop that trains the agent of an experiment."""
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


def evaluate_agent(experiment: Experiment, world: World, seed: int) -> Score:
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
