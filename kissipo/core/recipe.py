"""Recipe: a built-in task with its story: where the data come from, what to expect, what to look at."""

from dataclasses import dataclass

from kissipo.core.task import Task


@dataclass(frozen=True)
class Recipe:
    """Choices and expectations, nothing else.

    task:     the sentence
    system:   the row of the lectures' systems that it is
    data:     in a few words
    metric:   the measure that is expected within `band` on the test part, beside it in words: `expected`
    seconds:  of training on two cores
    look:     what to look at
    differs:  from the source
    notes:    what `kissipo show` says beside the trace, such as the parameters that the source counts and why ours are others
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
