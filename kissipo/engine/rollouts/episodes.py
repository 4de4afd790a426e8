"""Episodes: the training loop of an agent that learns from each of its steps.

The agent chooses an action, and learns from the reward and the next state. The random
generators of environment and agent are a pure function of seed and episode, and the
state is saved between episodes. So a run that was killed and resumed ends with the same
values as one that was not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from kissipo.core.algorithm import EpisodicAgent
from kissipo.core.environment import GymEnvironment, number_of
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import FitCallback
from kissipo.core.seeds import numpy_generator
from kissipo.engine.rollouts.loop import LoopState, RolloutLoop, Save
from kissipo.engine.rollouts.side_by_side import episode_seed

_ROWS = 50


@dataclass
class EpisodeState(LoopState):
    """The progress of a training by episodes; all of it is saved in the checkpoint."""

    episode: int = 0
    reward_sum: float = 0.0
    steps: int = 0

    @property
    def best_epoch(self) -> int:
        """The last block of episodes: a policy is not chosen among the blocks."""
        return self.epoch


class EpisodeLoop(RolloutLoop[EpisodeState, EpisodicAgent]):
    """Trains one agent in one environment."""

    UNIT = "episode"

    def __init__(
        self,
        environment: GymEnvironment,
        net: nn.Module,
        agent: EpisodicAgent,
        *,
        seed: int,
        callbacks: Sequence[FitCallback] = (),
        save: Save | None = None,
    ) -> None:
        super().__init__(net, agent, EpisodeState(), callbacks=callbacks, save=save)
        self.environment, self.seed, self.total = environment, seed, agent.episodes
        self._block = max(1, self.total // _ROWS)  # episodes of a row

    @property
    def count(self) -> int:
        """The number of episodes so far."""
        return self.state.episode

    def _start_facts(self) -> JsonObject:
        return {
            "epochs": self.total // self._block,
            "steps": self._block,
            "batch": 1,
            "samples": self.total,
        }

    def _is_over(self) -> bool:
        return self.state.episode >= self.total

    def _turn(self) -> Mapping[str, float]:
        self._episode(self.state.episode)
        self.state.episode += 1
        return {}

    def _episode(self, number: int) -> None:
        agent, step = self.agent, self.environment.step
        generator = numpy_generator(self.seed, "explore", number)
        state, _ = self.environment.reset(seed=episode_seed(self.seed, "episode", number))
        done = number / self.total
        agent.begin_episode(generator, done=done)
        over = False
        while not over:
            action = agent.act(state, generator, done=done)
            following, reward, end, cut, _ = step(action)
            reward = number_of(reward)
            agent.update(state, action, reward, following, end=end)
            self.state.reward_sum += reward
            self.state.steps += 1
            state, over = following, end or cut
        agent.end_episode()

    def _add_row(self, means: Mapping[str, float]) -> None:
        state, block = self.state, self._block
        if state.episode % block:
            return
        row = {
            "epoch": state.episode // block,
            "episode": state.episode,
            "return": state.reward_sum / block,
            "steps": state.steps / block,
        }
        state.reward_sum, state.steps = 0.0, 0
        self._report_row(row)

    def _notify_progress(self, means: Mapping[str, float]) -> None:
        step = self.state.episode % self._block
        facts = {
            "epoch": self.state.episode // self._block + 1,
            "epochs": self.total // self._block,
            "step": step,
            "steps": self._block,
            "loss": self.state.reward_sum / max(1, step),
            "seconds": self.state.seconds,
        }
        for callback in self.callbacks:
            callback.on_progress(facts)
