"""Recipe: a built-in task with its data, its expected score and notes."""

from dataclasses import dataclass

from kissipo.core.task import Task


@dataclass(frozen=True)
class Recipe:
    """A task with its expected results.

    task:      the task
    system:    the row of the table of systems that it implements
    data:      a short description of the data
    metric:    the metric that must lie within `band` on the test split
    expected:  the expected value in words
    seconds:   the training time on two cores
    look:      what is worth looking at
    differs:   how the task differs from its source
    notes:     sentences that `kissipo show` prints beside the trace, such as the number
               of parameters in the source and why ours differs
    """

    task: Task
    system: str
    data: str
    metric: str
    band: tuple[float, float]
    expected: str
    seconds: int
    look: str = ""
    differs: str = ""
    notes: tuple[str, ...] = ()
