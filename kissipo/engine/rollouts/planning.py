"""Planning: sweeps over all states of an environment whose rules are known.

The state is saved between sweeps, so a run that was killed and resumed ends with the
same values as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from torch import nn

from kissipo.core.algorithm import Planner
from kissipo.core.environment import Transitions
from kissipo.core.errors import StoppedError
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import FitCallback, StateDict
from kissipo.engine.checkpoint import saving_interval
from kissipo.engine.stopping import Stopping

_NOT_CONVERGED = (
    "the values did not converge in {sweeps:,} sweeps: process.max_sweeps ends the training, "
    "and a discount factor closer to 0 converges faster"
)


@dataclass
class PlanningState:
    """The progress of a planner; all of it is saved in the checkpoint."""

    history: list[JsonObject] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """The number of sweeps so far, each a row of the history."""
        return len(self.history)

    @property
    def best_epoch(self) -> int:
        """The last sweep."""
        return self.epoch


class PlanningLoop:
    """Lets one planner sweep over all states until nothing changes."""

    def __init__(
        self,
        rules: Transitions,
        net: nn.Module,
        agent: Planner,
        *,
        callbacks: Sequence[FitCallback] = (),
        save: Callable[[StateDict], None] | None = None,
    ) -> None:
        self.rules, self.net, self.agent = rules, net, agent
        self.callbacks, self.save = callbacks, save
        self.state = PlanningState()

    def run(self) -> PlanningState:
        """Sweeps until nothing changes and returns the final state.

        Raises:   StoppedError after Ctrl-C, when everything is saved.
        """
        state, agent = self.state, self.agent
        facts = {"epochs": agent.max_sweeps, "steps": 1, "batch": 1, "samples": self.rules.states}
        for callback in self.callbacks:
            callback.on_start(facts)
        started, saved = perf_counter() - state.seconds, perf_counter()
        with Stopping() as stopping:
            while not agent.has_converged() and state.epoch < agent.max_sweeps:
                row = {"epoch": state.epoch + 1, **agent.sweep(self.rules)}
                state.history.append(row)
                state.seconds = perf_counter() - started
                for callback in self.callbacks:
                    callback.on_epoch({**row, "seconds": round(state.seconds, 3)})
                if stopping.wished:
                    self._save_now()
                    raise StoppedError(f"stopped after sweep {state.epoch:,}")
                if perf_counter() - saved > saving_interval():
                    self._save_now()
                    saved = perf_counter()
        self._save_now()
        if not agent.has_converged():
            for callback in self.callbacks:
                callback.on_note(_NOT_CONVERGED.format(sweeps=state.epoch))
        return state

    def where(self) -> str:
        """Returns the end of the sentence "training resumes ...", for the log."""
        if self.agent.has_converged():
            return "to the end: the training was already done"
        return f"after sweep {self.state.epoch:,}"

    def state_dict(self) -> StateDict:
        """Returns everything that the next sweep depends on."""
        return {
            "net": self.net.state_dict(),
            "agent": self.agent.state_dict(),
            "state": vars(self.state),
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned."""
        self.net.load_state_dict(state["net"])
        self.agent.load_state_dict(state["agent"])
        self.state = PlanningState(**state["state"])

    def _save_now(self) -> None:
        if self.save is not None:
            self.save(self.state_dict())
