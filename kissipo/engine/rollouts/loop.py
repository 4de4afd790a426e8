"""Loop: what the training loops over an environment have in common.

A loop takes turns: episodes, rounds of steps or sweeps. Between two turns it reports
its progress, saves its state, and stops after Ctrl-C. So a run that was killed and
resumed ends with the same values as one that was not.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import ClassVar, Generic, TypeVar

from torch import nn

from kissipo.core.algorithm import Agent
from kissipo.core.errors import StoppedError
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import FitCallback, StateDict
from kissipo.engine.checkpoint import saving_interval
from kissipo.engine.stopping import Stopping

Save = Callable[[StateDict], None]
_PROGRESS_SECONDS = 0.1


@dataclass
class LoopState:
    """The progress of a loop; all of it is saved in the checkpoint."""

    history: list[JsonObject] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """The number of rows of the history."""
        return len(self.history)


State = TypeVar("State", bound=LoopState)
AnyAgent = TypeVar("AnyAgent", bound=Agent)


class RolloutLoop(ABC, Generic[State, AnyAgent]):
    """Trains one agent, turn by turn.

    UNIT:   what `count` counts, in one word
    total:  the number of all of them; 0 where it is not known
    """

    UNIT: ClassVar[str]
    total: int = 0

    def __init__(
        self,
        net: nn.Module,
        agent: AnyAgent,
        state: State,
        *,
        callbacks: Sequence[FitCallback],
        save: Save | None,
    ) -> None:
        self.net, self.agent, self.state = net, agent, state
        self.callbacks, self.save = callbacks, save

    @property
    @abstractmethod
    def count(self) -> int:
        """The number of episodes, steps or sweeps so far."""

    def run(self) -> State:
        """Takes all turns and returns the final state.

        Raises:   StoppedError after Ctrl-C, when everything is saved.
        """
        for callback in self.callbacks:
            callback.on_start(self._start_facts())
        started, notified, saved = perf_counter() - self.state.seconds, 0.0, perf_counter()
        took = 0.0  # the seconds of the last saving
        with Stopping() as stopping:
            while not self._is_over():
                means = self._turn()
                now = perf_counter()
                self.state.seconds = now - started
                self._add_row(means)
                if now - notified > _PROGRESS_SECONDS:
                    notified = now
                    self._notify_progress(means)
                if stopping.wished:
                    self._save_now()
                    of_all = f" of {self.total:,}" if self.total else ""
                    raise StoppedError(f"stopped after {self.UNIT} {self.count:,}{of_all}")
                if now - saved > saving_interval(took):
                    self._save_now()
                    saved = perf_counter()
                    took = saved - now
        self._save_now()
        self._finish()
        return self.state

    def where(self) -> str:
        """Returns the end of the sentence "training resumes ...", for the log."""
        if self._is_over():
            return "to the end: the training was already done"
        return f"after {self.UNIT} {self.count:,}"

    def state_dict(self) -> StateDict:
        """Returns everything that the next turn depends on."""
        return {
            "net": self.net.state_dict(),
            "agent": self.agent.state_dict(),
            "state": vars(self.state),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self.net.load_state_dict(state["net"])
        self.agent.load_state_dict(state["agent"])
        self.state = type(self.state)(**state["state"])

    @abstractmethod
    def _start_facts(self) -> JsonObject:
        """Returns the sizes of the training, for `on_start`."""

    @abstractmethod
    def _is_over(self) -> bool:
        """Returns whether no turn is left."""

    @abstractmethod
    def _turn(self) -> Mapping[str, float]:
        """Acts and learns once; returns means of what it saw, such as `loss`."""

    @abstractmethod
    def _add_row(self, means: Mapping[str, float]) -> None:
        """Adds a row to the history and reports it, when it is time."""

    def _notify_progress(self, means: Mapping[str, float]) -> None:
        """Reports the progress within a row."""

    def _finish(self) -> None:
        """Runs once, after the last turn."""

    def _report_row(self, row: JsonObject, **more: object) -> None:
        """Adds a row to the history and reports it."""
        self.state.history.append(row)
        for callback in self.callbacks:
            callback.on_epoch({**row, "seconds": round(self.state.seconds, 3), **more})

    def _save_now(self) -> None:
        if self.save is not None:
            self.save(self.state_dict())
