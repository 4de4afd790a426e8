"""Recording: one greedy episode with everything that a film of it needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kissipo.core.algorithm import Agent
from kissipo.core.environment import EnvironmentState, GymEnvironment, number_of
from kissipo.core.numpy_array import NumpyArray
from kissipo.engine.rollouts.side_by_side import episode_seed


@dataclass(frozen=True)
class Episode:
    """The steps of one episode.

    states:    before each step, and the last one
    q_values:  (step, action) in the state before each step
    """

    states: list[NumpyArray]
    actions: list[int]
    rewards: list[float]
    q_values: NDArray[np.float64]


def record_episode(environment: GymEnvironment, agent: Agent, *, seed: int) -> Episode:
    """Plays the first of the reported episodes once more."""
    state: EnvironmentState
    state, _ = environment.reset(seed=episode_seed(seed, "report", 0))
    states, actions, rewards, rows, over = [np.asarray(state)], [], [], [], False
    while not over:
        rows.append(agent.q_values(states[-1][None])[0].astype(np.float64))
        actions.append(int(agent.best(states[-1][None])[0]))
        state, reward, end, cut, _ = environment.step(actions[-1])
        states.append(np.asarray(state))
        rewards.append(number_of(reward))
        over = end or cut
    return Episode(states, actions, rewards, np.stack(rows))
