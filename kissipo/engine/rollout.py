"""Interact: the one loop over an environment. The agent acts, sees what follows, learns; episode after episode.

The dice of the environment and of the agent are a pure function of seed and episode, and the state is saved between
episodes, so a run that was killed and resumed ends with the same values as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch import nn

from kissipo.core.errors import StoppedError
from kissipo.core.protocols import Callback
from kissipo.core.seeds import derive, numpy_generator
from kissipo.engine.checkpoint import saving_interval
from kissipo.engine.stopping import Stopping

Save = Callable[[dict[str, Any]], None]
_TELL_EVERY = 0.1
_ROWS = 50


class Agent(Protocol):
    """Whoever acts and learns from what follows."""

    def act(self, state: int, generator: Generator, *, done: float) -> int: ...

    def learn(
        self, state: int, action: int, reward: float, following: int, *, end: bool
    ) -> None: ...

    def best(self, state: int) -> int: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass
class RolloutState:
    """Where the playing stands; all of it is saved."""

    episode: int = 0
    reward_sum: float = 0.0
    steps: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


class Rollout:
    """One agent in one environment."""

    def __init__(
        self,
        environment: Any,
        net: nn.Module,
        agent: Agent,
        *,
        episodes: int,
        seed: int,
        callbacks: Sequence[Callback] = (),
        save: Save | None = None,
    ) -> None:
        self.environment, self.net, self.agent = environment, net, agent
        self.episodes, self.seed, self.callbacks, self.save = episodes, seed, callbacks, save
        self.at = RolloutState()

    def run(self) -> RolloutState:
        """Plays to the last episode.

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
        started, told, saved = perf_counter() - self.at.seconds, 0.0, perf_counter()
        with Stopping() as stopping:
            while self.at.episode < self.episodes:
                self._episode(self.at.episode)
                self.at.episode += 1
                now = perf_counter()
                self.at.seconds = now - started
                if self.at.episode % block == 0:
                    self._row(block)
                if now - told > _TELL_EVERY:
                    told = now
                    self._tell(block)
                if stopping.wished:
                    self._save_now()
                    raise StoppedError(
                        f"stopped after episode {self.at.episode} of {self.episodes}"
                    )
                if now - saved > saving_interval():
                    self._save_now()
                    saved = now
        self._save_now()
        return self.at

    def where(self) -> str:
        """Where it stands, in words."""
        done = self.at.episode >= self.episodes
        return (
            "to the end: the training was already done"
            if done
            else f"after episode {self.at.episode}"
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything the next episode depends on."""
        return {
            "net": self.net.state_dict(),
            "agent": self.agent.state_dict(),
            "position": vars(self.at),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.net.load_state_dict(state["net"])
        self.agent.load_state_dict(state["agent"])
        self.at = RolloutState(**state["position"])

    def _episode(self, number: int) -> None:
        agent, step = self.agent, self.environment.step
        generator = numpy_generator(self.seed, "explore", number)
        state, _ = self.environment.reset(seed=derive(self.seed, "episode", number) % 2**31)
        done = number / self.episodes
        over = False
        while not over:
            action = agent.act(state, generator, done=done)
            following, reward, end, cut, _ = step(action)
            agent.learn(state, action, float(reward), following, end=end)
            self.at.reward_sum += float(reward)
            self.at.steps += 1
            state, over = following, end or cut

    def _row(self, block: int) -> None:
        row = {
            "epoch": self.at.episode // block,
            "episode": self.at.episode,
            "return": self.at.reward_sum / block,
        }
        row["steps"] = self.at.steps / block
        self.at.history.append(row)
        self.at.reward_sum, self.at.steps = 0.0, 0
        for callback in self.callbacks:
            callback.on_epoch({**row, "seconds": round(self.at.seconds, 3)})

    def _tell(self, block: int) -> None:
        at = self.at
        facts = {
            "epoch": at.episode // block + 1,
            "epochs": self.episodes // block,
            "step": at.episode % block,
            "steps": block,
        }
        for callback in self.callbacks:
            callback.on_progress(
                {**facts, "loss": at.reward_sum / max(1, at.episode % block), "seconds": at.seconds}
            )

    def _save_now(self) -> None:
        if self.save is not None:
            self.save(self.state_dict())


def play(
    environment: Any, choose: Callable[[int, Generator], int], *, episodes: int, seed: int
) -> NDArray[np.float64]:
    """The sum of rewards of each episode when `choose` decides; nothing is learned."""
    returns = np.zeros(episodes)
    for number in range(episodes):
        generator = numpy_generator(seed, "judge", number)
        state, _ = environment.reset(seed=derive(seed, "judge episode", number) % 2**31)
        over = False
        while not over:
            state, reward, end, cut, _ = environment.step(choose(state, generator))
            returns[number] += float(reward)
            over = end or cut
    return returns
