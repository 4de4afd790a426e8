"""Parts: which samples train the net, which choose among its states, which judge it.

A split is drawn from the seed; classes keep their shares (stratified), rows that are twins of each other or belong to one
group stay together, and what has an order in time is cut by time, the test part last.

Example:  >>> import numpy as np
          >>> parts = split_rows(10, Split(test=0.2, validation=0.1), seed=0)
          >>> [len(positions) for positions in parts.values()]
          [7, 1, 2]
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.schema import word
from kissipo.core.seeds import numpy_generator

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """How samples are sorted into parts."""

    SHORT: ClassVar[str] = "test"
    test: float = word(0.2, "fraction of the samples in the test split", at_least=0, below=1)
    validation: float = word(
        0.1, "fraction of the samples in the validation split", at_least=0, below=1
    )
    method: Literal["random", "time"] | None = word(
        None, "random, or time: the test split is the last in time"
    )
    group: str | None = word(None, "column of groups; no group is divided between splits")
    seed: int | None = word(
        None, "random seed of the split; the seed of the run when omitted", at_least=0
    )


def split_rows(
    count: int,
    how: Split,
    *,
    seed: int,
    classes: NDArray[Any] | None = None,
    together: NDArray[Any] | None = None,
    fixed: Mapping[str, Positions] | None = None,
) -> dict[str, Positions]:
    """Positions of the parts train, validation and test, each in rising order.

    classes:   one number a row; every part gets each class in its share
    together:  one number a row; rows with equal numbers stay on one side
    fixed:     a test part given by the publisher; only the validation part is drawn then
    Raises:    DataError when a part that was asked for would be empty.
    """
    if how.test + how.validation >= 1:
        raise DataError(
            "input.split leaves nothing to train on",
            given=f"test {how.test:g} + validation {how.validation:g}",
            allowed="a sum below 1",
        )
    generator = numpy_generator(seed if how.seed is None else how.seed, "split")
    everything = np.arange(count)
    if fixed is not None:
        test, pool = np.asarray(fixed["test"]), np.asarray(fixed["train"])
        share = how.validation
    elif how.method == "time":
        return _by_time(count, how)
    else:
        test = _draw(everything, how.test, generator, classes, together)
        pool = np.setdiff1d(everything, test)
        share = how.validation / (1 - how.test)
    validation = _draw(pool, share, generator, classes, together)
    train = np.setdiff1d(pool, validation)
    return _refuse_empty({"train": train, "validation": validation, "test": test}, how)


def format_spans(rows: Positions) -> str:
    """Numbers in rising order, those that follow each other as one span.

    Example:  >>> format_spans(np.array([1, 2, 3, 7, 9, 10]))
              '1-3, 7, 9-10'
    """
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _by_time(count: int, how: Split) -> dict[str, Positions]:
    first_test = count - round(count * how.test)
    first_validation = first_test - round(count * how.validation)
    everything = np.arange(count)
    parts = {
        "train": everything[:first_validation],
        "validation": everything[first_validation:first_test],
        "test": everything[first_test:],
    }
    return _refuse_empty(parts, how)


def _draw(
    pool: Positions,
    share: float,
    generator: Any,
    classes: NDArray[Any] | None,
    together: NDArray[Any] | None,
) -> Positions:
    """A share of the pool, by class, in whole groups."""
    if share <= 0 or len(pool) == 0:
        return np.zeros(0, dtype=np.int64)
    group = pool if together is None else together[pool]
    names, first, member = np.unique(group, return_index=True, return_inverse=True)
    sizes = np.bincount(member)
    label = np.zeros(len(names), dtype=np.int64) if classes is None else classes[pool][first]
    chosen = np.zeros(len(names), dtype=bool)
    wanted_in_all = 0.0
    taken_in_all = 0
    for each in np.unique(label):
        order = generator.permutation(np.flatnonzero(label == each))
        wanted_in_all += share * sizes[order].sum()
        taken = _fill(order, sizes, wanted_in_all - taken_in_all)[: len(order) - 1]
        chosen[taken] = True
        taken_in_all += int(sizes[taken].sum())
    return np.sort(pool[chosen[member]])


def _fill(order: NDArray[Any], sizes: NDArray[Any], wanted: float) -> NDArray[Any]:
    """Groups in the given order, each that still fits, until there are as many rows as wanted."""
    room, taken = wanted + 0.5, [order[:0]]
    while len(order := order[sizes[order] <= room]):
        running = np.cumsum(sizes[order])
        count = int(np.searchsorted(running, room, side="right"))
        taken.append(order[:count])
        room -= float(running[count - 1])
        order = order[count:]
    return np.concatenate(taken)


def _refuse_empty(parts: dict[str, Positions], how: Split) -> dict[str, Positions]:
    wanted = {"train": 1.0, "validation": how.validation, "test": how.test}
    for name, positions in parts.items():
        if wanted[name] > 0 and len(positions) == 0:
            total = sum(len(each) for each in parts.values())
            raise DataError(
                f"the {name} part would be empty",
                given=f"{total} samples, split into "
                + ", ".join(f"{key} {len(value)}" for key, value in parts.items()),
                do=(
                    f"The groups of '{how.group}' are too few or too large: leave input.split.group out, or change the shares"
                    if how.group
                    else "Give more data, or set input.split.test and input.split.validation"
                ),
            )
    return parts
