"""Episodes: the training loop of an agent that learns from each of its steps.

The agent chooses an action, and learns from the reward and the next state. The random
generators of environment and agent are a pure function of seed and episode, and the
state is saved between episodes. So a run that was killed and resumed ends with the same
values as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from torch import nn

from kissipo.core.algorithm import EpisodicAgent
from kissipo.core.environment import GymEnvironment, number_of
from kissipo.core.errors import StoppedError
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import FitCallback, StateDict
from kissipo.core.seeds import numpy_generator
from kissipo.engine.checkpoint import saving_interval
from kissipo.engine.rollouts.side_by_side import episode_seed
from kissipo.engine.stopping import Stopping

Save = Callable[[StateDict], None]
_PROGRESS_SECONDS = 0.1
_ROWS = 50


@dataclass
class EpisodeState:
    """The progress of a rollout; all of it is saved in the checkpoint."""

    episode: int = 0
    reward_sum: float = 0.0
    steps: int = 0
    history: list[JsonObject] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """The number of blocks of episodes so far, each a row of the history."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """The last block: a policy is not chosen among the blocks."""
        return self.epoch


class EpisodeLoop:
    """Trains one agent in one environment."""

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
        self.environment, self.net, self.agent = environment, net, agent
        self.episodes, self.seed, self.callbacks, self.save = agent.episodes, seed, callbacks, save
        self.state = EpisodeState()

    def run(self) -> EpisodeState:
        """Runs all episodes and returns the final state.

        Raises:   StoppedError after Ctrl-C, when everything is saved.
        """
        block = max(1, self.episodes // _ROWS)
        facts = {
            "epochs": self.episodes // block,
            "steps": block,
            "batch": 1,
            "samples": self.episodes,
        }
        for callback in self.callbacks:
            callback.on_start(facts)
        started, notified, saved = perf_counter() - self.state.seconds, 0.0, perf_counter()
        with Stopping() as stopping:
            while self.state.episode < self.episodes:
                self._episode(self.state.episode)
                self.state.episode += 1
                now = perf_counter()
                self.state.seconds = now - started
                if self.state.episode % block == 0:
                    self._row(block)
                if now - notified > _PROGRESS_SECONDS:
                    notified = now
                    self._notify_progress(block)
                if stopping.wished:
                    self._save_now()
                    raise StoppedError(
                        f"stopped after episode {self.state.episode} of {self.episodes}"
                    )
                if now - saved > saving_interval():
                    self._save_now()
                    saved = now
        self._save_now()
        return self.state

    def where(self) -> str:
        """Returns the end of the sentence "training resumes ...", for the log."""
        done = self.state.episode >= self.episodes
        return (
            "to the end: the training was already done"
            if done
            else f"after episode {self.state.episode}"
        )

    def state_dict(self) -> StateDict:
        """Returns everything that the next episode depends on."""
        return {
            "net": self.net.state_dict(),
            "agent": self.agent.state_dict(),
            "state": vars(self.state),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self.net.load_state_dict(state["net"])
        self.agent.load_state_dict(state["agent"])
        self.state = EpisodeState(**state["state"])

    def _episode(self, number: int) -> None:
        agent, step = self.agent, self.environment.step
        generator = numpy_generator(self.seed, "explore", number)
        state, _ = self.environment.reset(seed=episode_seed(self.seed, "episode", number))
        done = number / self.episodes
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

    def _row(self, block: int) -> None:
        row = {
            "epoch": self.state.episode // block,
            "episode": self.state.episode,
            "return": self.state.reward_sum / block,
            "steps": self.state.steps / block,
        }
        self.state.history.append(row)
        self.state.reward_sum, self.state.steps = 0.0, 0
        for callback in self.callbacks:
            callback.on_epoch({**row, "seconds": round(self.state.seconds, 3)})

    def _notify_progress(self, block: int) -> None:
        step = self.state.episode % block
        facts = {
            "epoch": self.state.episode // block + 1,
            "epochs": self.episodes // block,
            "step": step,
            "steps": block,
            "loss": self.state.reward_sum / max(1, step),
            "seconds": self.state.seconds,
        }
        for callback in self.callbacks:
            callback.on_progress(facts)

    def _save_now(self) -> None:
        if self.save is not None:
            self.save(self.state_dict())
