"""Split: divides the samples into train, validation and test.

A random split depends on the seed and is stratified: it keeps the class proportions.
Duplicate rows and rows of one group stay in one split. Data in order of time are split
by time; the test split is the last in time. Ratings can be split per user: the last
one of each user is tested, the one before it validates (leave-last-out).

For cross-validation all samples are divided into folds, each of which is the test split
of one run. The folds are stratified in the same way; no sample is in two of them.

Example:  >>> import numpy as np
          >>> parts = split_rows(10, Split(test=0.2, validation=0.1), seed=0)
          >>> [len(positions) for positions in parts.values()]
          [7, 1, 2]
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import accumulate, pairwise
from typing import ClassVar, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from kissipo.core.errors import DataError, TaskError
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
    method: Literal["random", "time", "leave_last_out"] | None = option(
        None,
        "random, or time: the test split is the last in time; for ratings also leave_last_out: "
        "the last rating of each user",
    )
    group: str | None = option(None, "column of groups; no group is divided between splits")
    seed: int | None = option(
        None, "random seed of the split; the seed of the run when omitted", minimum=0
    )
    folds: int | None = option(
        None,
        "number of folds, one of which is the test split, whatever input.split.test is",
        minimum=2,
    )
    fold: int | None = option(None, "the fold that is the test split, counted from 1", minimum=1)


def consecutive(counts: Mapping[str, int]) -> dict[str, Positions]:
    """Returns the positions of parts that follow one another, from their counts.

    Example:  >>> consecutive({"train": 2, "test": 1})
              {'train': array([0, 1]), 'test': array([2])}
    """
    ends = [0, *accumulate(counts.values())]
    return {
        name: np.arange(first, end)
        for name, (first, end) in zip(counts, pairwise(ends), strict=True)
    }


def split_rows(
    count: int,
    options: Split,
    *,
    seed: int,
    classes: NDArray[np.int64] | None = None,
    together: NDArray[np.int64] | None = None,
    fixed: Mapping[str, Positions] | None = None,
    owners: NDArray[np.int64] | None = None,
) -> dict[str, Positions]:
    """Returns the row positions of train, validation and test, each in rising order.

    classes:   one class number per row; every split keeps the class proportions
    together:  one group number per row; rows of one group stay in one split
    fixed:     the published parts, train among them; those that are missing are drawn
               from train
    owners:    the number of the user of each row, where rows are in order of time
    Raises:    TaskError for leave_last_out without users; DataError when a requested
               split would be empty, or when samples that are split by time or by the
               publisher are to be divided into folds.
    """
    if options.folds is not None or options.fold is not None:
        options = _of_fold(options, fixed)
    if options.test + options.validation >= 1:
        raise DataError(
            "input.split leaves nothing to train on",
            got=f"test {options.test:g} + validation {options.validation:g}",
            allowed="a sum below 1",
        )
    generator = numpy_generator(seed if options.seed is None else options.seed, "split")
    everything = np.arange(count)
    if fixed is not None:
        return _refuse_empty(_around_fixed(fixed, options, generator, classes, together), options)
    if options.method == "time":
        return _by_time(count, options)
    if options.method == "leave_last_out":
        return _refuse_empty(_leave_last_out(owners, options), options)
    test = (
        _draw(everything, options.test, generator, classes, together)
        if options.folds is None
        else np.flatnonzero(
            _folds(count, options.folds, generator, classes, together) == options.fold
        )
    )
    pool = np.setdiff1d(everything, test, assume_unique=True)
    share = options.validation / (1 - options.test)
    validation = _draw(pool, share, generator, classes, together)
    train = np.setdiff1d(pool, validation, assume_unique=True)
    return _refuse_empty({"train": train, "validation": validation, "test": test}, options)


def _around_fixed(
    fixed: Mapping[str, Positions],
    options: Split,
    generator: Generator,
    classes: NDArray[np.int64] | None,
    together: NDArray[np.int64] | None,
) -> dict[str, Positions]:
    """Returns the published parts; those that are missing are drawn from train."""
    parts = {name: np.asarray(positions) for name, positions in fixed.items()}
    share = options.validation
    if "test" not in parts:
        parts["test"] = _draw(parts["train"], options.test, generator, classes, together)
        parts["train"] = np.setdiff1d(parts["train"], parts["test"])
        share /= 1 - options.test
    if "validation" not in parts:
        parts["validation"] = _draw(parts["train"], share, generator, classes, together)
        parts["train"] = np.setdiff1d(parts["train"], parts["validation"])
    return {name: parts[name] for name in ("train", "validation", "test")}


def format_spans(rows: Positions) -> str:
    """Formats numbers in rising order; consecutive numbers become one range.

    Example:  >>> format_spans(np.array([1, 2, 3, 7, 9, 10]))
              '1-3, 7, 9-10'
    """
    is_first = np.diff(rows, prepend=rows[:1] - 2) != 1
    is_last = np.append(is_first[1:], True)[: len(rows)]
    runs = zip(rows[is_first].tolist(), rows[is_last].tolist(), strict=True)
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _of_fold(options: Split, fixed: Mapping[str, Positions] | None) -> Split:
    """Returns the options with the fraction of samples that one fold has."""
    folds, fold = options.folds or 0, options.fold or 1
    if fold > folds:
        raise DataError(
            "input.split.fold must be one of the folds", got=str(fold), allowed=f"1 to {folds}"
        )
    if fixed is not None or options.method not in (None, "random"):
        raise DataError(
            "folds need samples that are split at random, and these "
            + ("have a published test split" if fixed is not None else "are split by time"),
            do="Use --seeds K for the spread over seeds"
            + (", or draw the split: input.split.method=random" if fixed is not None else ""),
        )
    return replace(options, test=1 / folds, fold=fold)


def _folds(
    count: int,
    folds: int,
    generator: Generator,
    classes: NDArray[np.int64] | None,
    together: NDArray[np.int64] | None,
) -> Positions:
    """Returns the fold of each row, counted from 1.

    The groups of a class are taken in random order, the largest first. Each is added to
    the fold with the fewest rows of its class, and of these to the smallest fold.
    """
    group = np.arange(count) if together is None else together
    _, first, member = np.unique(group, return_index=True, return_inverse=True)
    sizes = np.bincount(member)
    label = np.zeros(len(first), dtype=np.int64) if classes is None else classes[first]
    unit = "samples" if together is None else "samples or groups that stay together"
    if folds > len(first):
        raise DataError(
            "there are more folds than samples",
            got=f"{folds} folds, {len(first)} {unit}",
            do=f"Use at most {len(first)} folds; {len(first)} folds are leave-one-out",
        )
    if classes is not None:
        _refuse_single_groups(classes, member)
    fold_of, totals = np.zeros(len(first), dtype=np.int64), np.zeros(folds, dtype=np.int64)
    for name in np.unique(label):
        order = generator.permutation(np.flatnonzero(label == name))
        heap = [(0, total, fold) for fold, total in enumerate(totals.tolist())]
        heapify(heap)
        for taken in order[np.argsort(-sizes[order], kind="stable")].tolist():
            rows, total, fold = heappop(heap)
            size = int(sizes[taken])
            heappush(heap, (rows + size, total + size, fold))
            fold_of[taken] = fold + 1
            totals[fold] += size
    return fold_of[member]


def _refuse_single_groups(classes: NDArray[np.int64], member: NDArray[np.int64]) -> None:
    """Refuses a class in one group: the fold with it is predicted from the others."""
    pairs = np.unique(np.stack([classes, member], axis=1), axis=0)
    names, counts = np.unique(pairs[:, 0], return_counts=True)
    if len(names) > 1 and counts.min() == 1:
        sample = int(np.flatnonzero(classes == names[counts.argmin()])[0]) + 1
        raise DataError(
            "cross-validation needs samples of each class in two folds",
            got=f"sample {sample} alone, or with its duplicates and its group",
            do="Leave the class out, or give more samples of it",
        )


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


def _leave_last_out(owners: NDArray[np.int64] | None, options: Split) -> dict[str, Positions]:
    """Returns the last row of each owner as test, and the one before it as validation.

    The first row of an owner always trains, so that no owner is new in the test split.

    Raises:   TaskError without owners.
    """
    if owners is None:
        raise TaskError(
            "input.split.method=leave_last_out needs the users of ratings",
            allowed="random or time, or data as input.ratings",
        )
    order = np.argsort(owners, kind="stable")
    counts = np.bincount(owners)
    last = np.cumsum(counts) - 1
    from_end = last[owners[order]] - np.arange(len(owners))
    is_first = from_end == counts[owners[order]] - 1
    is_test = (from_end == 0) & ~is_first
    is_validation = (from_end == 1) & ~is_first & bool(options.validation)
    rows = {
        "train": ~is_test & ~is_validation,
        "validation": is_validation,
        "test": is_test,
    }
    return {name: np.sort(order[is_there]) for name, is_there in rows.items()}


def _draw(
    pool: Positions,
    share: float,
    generator: Generator,
    classes: NDArray[np.int64] | None,
    together: NDArray[np.int64] | None,
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


def _fill(order: Positions, sizes: NDArray[np.int64], wanted: float) -> Positions:
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
