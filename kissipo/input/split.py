"""Split: divides the samples into train, validation and test.

A random split depends on the seed and is stratified: it keeps the class proportions.
Duplicate rows and rows of one group stay in one split. Data in order of time are split
by time; the test split is the last in time.

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
from kissipo.core.schema import option
from kissipo.core.seeds import numpy_generator

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Options of the split."""

    SHORT: ClassVar[str] = "test"
    test: float = option(0.2, "fraction of the samples in the test split", minimum=0, below=1)
    validation: float = option(
        0.1, "fraction of the samples in the validation split", minimum=0, below=1
    )
    method: Literal["random", "time"] | None = option(
        None, "random, or time: the test split is the last in time"
    )
    group: str | None = option(None, "column of groups; no group is divided between splits")
    seed: int | None = option(
        None, "random seed of the split; the seed of the run when omitted", minimum=0
    )


def split_rows(
    count: int,
    options: Split,
    *,
    seed: int,
    classes: NDArray[Any] | None = None,
    together: NDArray[Any] | None = None,
    fixed: Mapping[str, Positions] | None = None,
) -> dict[str, Positions]:
    """Returns the row positions of train, validation and test, each in rising order.

    classes:   one class number per row; every split keeps the class proportions
    together:  one group number per row; rows of one group stay in one split
    fixed:     a published test split; only the validation split is drawn then
    Raises:    DataError when a requested split would be empty.
    """
    if options.test + options.validation >= 1:
        raise DataError(
            "input.split leaves nothing to train on",
            got=f"test {options.test:g} + validation {options.validation:g}",
            allowed="a sum below 1",
        )
    generator = numpy_generator(seed if options.seed is None else options.seed, "split")
    everything = np.arange(count)
    if fixed is not None:
        test, pool = np.asarray(fixed["test"]), np.asarray(fixed["train"])
        share = options.validation
    elif options.method == "time":
        return _by_time(count, options)
    else:
        test = _draw(everything, options.test, generator, classes, together)
        pool = np.setdiff1d(everything, test)
        share = options.validation / (1 - options.test)
    validation = _draw(pool, share, generator, classes, together)
    train = np.setdiff1d(pool, validation)
    return _refuse_empty({"train": train, "validation": validation, "test": test}, options)


def format_spans(rows: Positions) -> str:
    """Formats numbers in rising order; consecutive numbers become one range.

    Example:  >>> format_spans(np.array([1, 2, 3, 7, 9, 10]))
              '1-3, 7, 9-10'
    """
    runs = np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1) if len(rows) else []
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def _by_time(count: int, options: Split) -> dict[str, Positions]:
    first_test = count - round(count * options.test)
    first_validation = first_test - round(count * options.validation)
    everything = np.arange(count)
    parts = {
        "train": everything[:first_validation],
        "validation": everything[first_validation:first_test],
        "test": everything[first_test:],
    }
    return _refuse_empty(parts, options)


def _draw(
    pool: Positions,
    share: float,
    generator: Any,
    classes: NDArray[Any] | None,
    together: NDArray[Any] | None,
) -> Positions:
    """Draws a fraction of the pool, stratified by class, in whole groups."""
    if share <= 0 or len(pool) == 0:
        return np.zeros(0, dtype=np.int64)
    group = pool if together is None else together[pool]
    groups, first, member = np.unique(group, return_index=True, return_inverse=True)
    sizes = np.bincount(member)
    label = np.zeros(len(groups), dtype=np.int64) if classes is None else classes[pool][first]
    in_split = np.zeros(len(groups), dtype=bool)
    total_wanted = 0.0
    total_taken = 0
    for name in np.unique(label):
        order = generator.permutation(np.flatnonzero(label == name))
        total_wanted += share * sizes[order].sum()
        taken = _fill(order, sizes, total_wanted - total_taken)[: len(order) - 1]
        in_split[taken] = True
        total_taken += int(sizes[taken].sum())
    return np.sort(pool[in_split[member]])


def _fill(order: NDArray[Any], sizes: NDArray[Any], wanted: float) -> NDArray[Any]:
    """Takes groups in this order, each that still fits, up to the wanted row count."""
    room, taken = wanted + 0.5, [order[:0]]
    while len(order := order[sizes[order] <= room]):
        running = np.cumsum(sizes[order])
        count = int(np.searchsorted(running, room, side="right"))
        taken.append(order[:count])
        room -= float(running[count - 1])
        order = order[count:]
    return np.concatenate(taken)


def _refuse_empty(parts: dict[str, Positions], options: Split) -> dict[str, Positions]:
    wanted = {"train": 1.0, "validation": options.validation, "test": options.test}
    for name, positions in parts.items():
        if wanted[name] > 0 and len(positions) == 0:
            total = sum(len(rows) for rows in parts.values())
            raise DataError(
                f"the {name} split would be empty",
                got=f"{total} samples, split into "
                + ", ".join(f"{key} {len(value)}" for key, value in parts.items()),
                do=(
                    f"The groups of '{options.group}' are too few or too large: "
                    "leave input.split.group out, or change the fractions"
                    if options.group
                    else "Give more data, or set input.split.test and input.split.validation"
                ),
            )
    return parts
