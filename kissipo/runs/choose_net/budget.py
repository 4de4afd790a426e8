"""Budget: how much a comparison of candidates may compute.

It counts multiplications, not seconds, so that the same seed gives the same winner on
every machine, however busy it is. The seconds in the names are those of two cores.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from kissipo.core.errors import TaskError
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.pipeline.candidates import leaves_net_open
from kissipo.pipeline.parse import without_auto

VARIABLE = "KISSIPO_BUDGET"
_DEFAULT = "medium"
# Multiplications as `plan.py` counts them: a quarter more than one core computes per
# second, as some epochs are left out when training stops early, often half of them.
_PER_SECOND = 10_000_000_000


@dataclass(frozen=True)
class Budget:
    """What a comparison may compute.

    seconds:      about its time on two cores; 0: nothing is compared
    max_samples:  the largest part of a split that is used
    without:      nets that are no candidates
    """

    name: str
    seconds: float
    max_samples: int = 0
    without: tuple[str, ...] = ()

    @property
    def multiplications(self) -> int:
        """The multiplications of all candidates together."""
        return round(self.seconds * _PER_SECOND)

    def divided(self, runs: int) -> Budget:
        """Returns the part of each of several runs, which compare by themselves."""
        return replace(self, seconds=self.seconds / runs)


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("none", 0),
        Budget("small", 20, 5_000),
        Budget("medium", 60, 20_000),
        Budget("large", 300, 100_000),
    )
}


def find_budget(budget: str | Budget | None, *, when_omitted: str = _DEFAULT) -> Budget:
    """Returns the budget of a name; None: that of KISSIPO_BUDGET, else the default.

    when_omitted:  the default of the caller, which the error names
    Raises:        TaskError for an unknown name, saying where it stands.

    Example:  >>> find_budget("small").seconds
              20
    """
    if isinstance(budget, Budget):
        return budget
    place = "the budget" if budget is not None else f"the variable {VARIABLE}"
    name = budget if budget is not None else os.environ.get(VARIABLE) or _DEFAULT
    if name not in BUDGETS:
        raise TaskError(
            f"{place} has an unknown value",
            got=repr(name),
            allowed=" or ".join(BUDGETS),
            do=did_you_mean(str(name), list(BUDGETS), max_listed=0)
            or f"Leave it out for {when_omitted}",
        )
    return BUDGETS[name]


def budget_per_run(
    budget: str | Budget | None, task: Task, runs: int, notify: Callable[[str], None]
) -> Budget:
    """Returns the budget of each of several runs of a task, after a sentence about it.

    Every run compares the candidates by itself, so that no test split has a part in the
    choice, and together they have the budget of one.
    """
    limit = find_budget(budget)
    if limit.seconds and leaves_net_open(without_auto(task)):
        notify(
            "net: auto: every run compares the candidates by itself, without its test split, "
            f"with 1/{runs} of --budget {limit.name}"
        )
    return limit.divided(runs)
