"""Planning: sweeps over all states of an environment whose rules are known.

The state is saved between sweeps, so a run that was killed and resumed ends with the
same values as one that was not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from kissipo.core.algorithm import Planner
from kissipo.core.environment import Transitions
from kissipo.core.json_object import JsonObject
from kissipo.core.protocols import FitCallback
from kissipo.engine.rollouts.loop import LoopState, RolloutLoop, Save

_NOT_CONVERGED = (
    "the values did not converge in {sweeps:,} sweeps: raise process.max_sweeps, or lower "
    "process.discount, with which they converge faster"
)


@dataclass
class PlanningState(LoopState):
    """The progress of a planner, whose sweeps are the rows of the history."""

    @property
    def best_epoch(self) -> int:
        """The last sweep."""
        return self.epoch


class PlanningLoop(RolloutLoop[PlanningState, Planner]):
    """Lets one planner sweep over all states until nothing changes."""

    UNIT = "sweep"

    def __init__(
        self,
        rules: Transitions,
        net: nn.Module,
        agent: Planner,
        *,
        callbacks: Sequence[FitCallback] = (),
        save: Save | None = None,
    ) -> None:
        super().__init__(net, agent, PlanningState(), callbacks=callbacks, save=save)
        self.rules = rules

    @property
    def count(self) -> int:
        """The number of sweeps so far."""
        return self.state.epoch

    def _start_facts(self) -> JsonObject:
        sweeps, states = self.agent.max_sweeps, self.rules.states
        return {"epochs": sweeps, "steps": 1, "batch": 1, "samples": states}

    def _is_over(self) -> bool:
        return self.agent.has_converged() or self.count >= self.agent.max_sweeps

    def _turn(self) -> Mapping[str, float]:
        return self.agent.sweep(self.rules)

    def _add_row(self, means: Mapping[str, float]) -> None:
        self._report_row({"epoch": self.count + 1, **means})

    def _finish(self) -> None:
        if not self.agent.has_converged():
            for callback in self.callbacks:
                callback.on_note(_NOT_CONVERGED.format(sweeps=self.count))
