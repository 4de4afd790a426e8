"""Recipe: a built-in task with its data, its expected score and what to look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kissipo.core.task import Task


@dataclass(frozen=True)
class Recipe:
    """A task and the score that it is expected to reach.

    task:       the task
    system:     the row of the lectures' systems that it implements
    data:       the data in a few words
    metric:     the metric that lies within `band` on the test split; `expected`
                describes it
    seconds:    training time on two cores
    look:       what to look at
    differs:    differences from the source
    notes:      remarks that `kissipo show` prints beside the trace, such as other
                counts of parameters
    also:       further systems that the task shows, each with its command
    package:    an optional module without which its data cannot be read; "": none
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
    also: Mapping[str, str] = field(default_factory=dict)
    package: str = ""
