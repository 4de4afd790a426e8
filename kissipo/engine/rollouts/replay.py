"""Replay: the training loop of an agent that stores its steps and learns in rounds.

A round is a number of steps in several environments side by side, then some updates.
Now and then the policy plays greedy episodes of its own; the weights of the best policy
are kept, because later updates can make a policy worse. These episodes choose the
policy, so their returns are not reported: the report has its own (`episode_seed`).

The random generator of a round is a function of seed and round, and the state is saved
between rounds, the middle of an episode included. So a run that was killed and resumed
ends with the same values as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from kissipo.core.algorithm import ReplayAgent, SelectionConfig
from kissipo.core.environment import GymEnvironment
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import FitCallback, StateDict
from kissipo.core.seeds import numpy_generator
from kissipo.engine.rollouts.loop import LoopState, RolloutLoop, Save
from kissipo.engine.rollouts.side_by_side import SideBySide, play

_ROWS = 50
_RECENT = 20  # training episodes whose mean return is compared with `start`
SOLVED_NOTE = (
    "solved after {steps:,} environment steps: mean return {mean:.5g} in {count} greedy "
    "episodes. These episodes chose the policy; the reported episodes have other random seeds."
)
BEST_NOTE = (
    "the best policy is that after {steps:,} environment steps: mean return {mean:.5g} in "
    "{count} greedy episodes. These episodes chose the policy; the reported episodes have "
    "other random seeds."
)


@dataclass
class ReplayState(LoopState):
    """The progress of a training with replay; all of it is saved in the checkpoint.

    recent:   returns of the last training episodes
    returns:  of the training episodes since the last row of the history
    sums:     of what the rounds since the last row returned, by name
    tested:   the number of steps at the last greedy test
    test:     its mean return
    best:     the mean return of the best policy, with its steps, episodes and row
    """

    round: int = 0
    steps: int = 0
    recent: list[float] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    rounds_in_row: int = 0
    tested: int = 0
    test: float | None = None
    best: float | None = None
    best_steps: int = 0
    best_count: int = 0
    best_epoch: int = 0
    solved: bool = False


class ReplayLoop(RolloutLoop[ReplayState, ReplayAgent]):
    """Trains one agent in environments side by side.

    make:  makes a new environment
    """

    UNIT = "step"

    def __init__(
        self,
        make: Callable[[], GymEnvironment],
        net: nn.Module,
        agent: ReplayAgent,
        *,
        seed: int,
        callbacks: Sequence[FitCallback] = (),
        save: Save | None = None,
    ) -> None:
        super().__init__(net, agent, ReplayState(), callbacks=callbacks, save=save)
        self.seed, self.total = seed, agent.total_steps
        self._row_steps = -(-self.total // _ROWS)
        self._rows = -(-self.total // self._row_steps)
        self._environments = SideBySide([make() for _ in range(agent.num_envs)], seed, "episode")
        count = agent.selection.episodes if agent.selection else 0
        self._for_tests = [make() for _ in range(count)]
        self._best: dict[str, Tensor] = {}

    @property
    def count(self) -> int:
        """The number of environment steps so far."""
        return self.state.steps

    def state_dict(self) -> StateDict:
        """Returns everything that the next round depends on."""
        environments = self._environments.state_dict()
        return {**super().state_dict(), "best": self._best, "environments": environments}

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        super().load_state_dict(state)
        self._environments.load_state_dict(state["environments"])
        self._best = state["best"]

    def _start_facts(self) -> JsonObject:
        return {
            "epochs": self._rows,
            "steps": self._row_steps,
            "batch": 1,
            "samples": self.total,
        }

    def _is_over(self) -> bool:
        return self.state.solved or self.state.steps >= self.total

    def _turn(self) -> Mapping[str, float]:
        means = self._round()
        self._select()
        return means

    def _round(self) -> Mapping[str, float]:
        state, agent, environments = self.state, self.agent, self._environments
        generator = numpy_generator(self.seed, "round", state.round)
        done = state.steps / self.total
        for _ in range(max(1, agent.round_steps // agent.num_envs)):
            actions = agent.act(
                environments.states, generator, done=min(1.0, state.steps / self.total)
            )
            agent.observe(environments.step(actions))
            state.steps += agent.num_envs
            returns = [value for _, value in environments.finished]
            state.returns += returns
            state.recent = [*state.recent, *returns][-_RECENT:]
        means = agent.run_updates(generator, done=done)
        state.round += 1
        for name, value in means.items():
            state.sums[name] = state.sums.get(name, 0.0) + value
        state.rounds_in_row += bool(means)
        return means

    def _select(self) -> None:
        """Tests the policy when it is time, and keeps its weights if it is the best."""
        state, config = self.state, self.agent.selection
        if config is None or not self._is_due(config):
            return
        state.tested = state.steps
        count, total = config.episodes, config.episodes + config.confirmation
        mean = self._greedy(range(count))
        if self._is_best(mean) and config.confirmation:
            more = self._greedy(range(count, total))
            mean, count = (mean * count + more * config.confirmation) / total, total
        state.test = mean
        if self._is_best(mean):
            state.best, state.best_steps, state.best_count = mean, state.steps, count
            state.best_epoch = state.epoch + 1
            self._best = {name: value.clone() for name, value in self.net.state_dict().items()}
            state.solved = config.solved_return is not None and mean >= config.solved_return

    def _is_best(self, mean: float) -> bool:
        return self.state.best is None or mean > self.state.best

    def _is_due(self, config: SelectionConfig) -> bool:
        state = self.state
        if state.steps >= self.total:
            return True
        if state.steps - state.tested < config.every:
            return False
        if config.start is None:
            return True
        recent = state.recent
        return len(recent) == _RECENT and sum(recent) / _RECENT >= config.start

    def _greedy(self, numbers: range) -> float:
        """Returns the mean return of greedy episodes that only choose a policy."""
        returns = play(
            self._for_tests,
            lambda states, generators: self.agent.best(states),
            numbers=numbers,
            seed=self.seed,
            purpose="selection",
        )
        return float(returns.mean())

    def _finish(self) -> None:
        """Gives the net the best weights, and reports which they are."""
        state = self.state
        if state.best is None:
            return
        self.net.load_state_dict(self._best)
        text = SOLVED_NOTE if state.solved else BEST_NOTE
        note = text.format(steps=state.best_steps, mean=state.best, count=state.best_count)
        for callback in self.callbacks:
            callback.on_note(note)

    def _add_row(self, means: Mapping[str, float]) -> None:
        state = self.state
        if not self._is_over() and state.steps < (state.epoch + 1) * self._row_steps:
            return
        row: JsonObject = {
            "epoch": state.epoch + 1,
            "step": state.steps,
            "episode": self._environments.episodes,
        }
        if returns := state.returns or state.recent:
            row["return"] = sum(returns) / len(returns)
        if state.test is not None:
            row["greedy_return"] = state.test
        row |= {name: total / state.rounds_in_row for name, total in state.sums.items()}
        state.returns, state.sums, state.rounds_in_row, state.test = [], {}, 0, None
        self._report_row(row, best=state.best_epoch == row["epoch"])

    def _notify_progress(self, means: Mapping[str, float]) -> None:
        state = self.state
        facts = {
            "epoch": state.epoch + 1,
            "epochs": self._rows,
            "step": max(0, state.steps - state.epoch * self._row_steps),
            "steps": self._row_steps,
            "loss": means.get("loss", 0.0),
            "seconds": state.seconds,
        }
        for callback in self.callbacks:
            callback.on_progress(facts)
