"""The data check of ratings: users and items, repeated pairs, who is new in the test.

Example:  >>> from kissipo.core.frame import Frame, numbers, strings
          >>> user, film = strings("user", [*"aab"]), strings("film", [*"xxy"])
          >>> frame, findings = Frame((user, film)), []
          >>> rows = without_repeats(frame, "user", "film", None, findings)
          >>> len(rows), findings[0].level
          (2, 'WARN')
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted, first_rows, format_rows
from kissipo.core.frame import Frame
from kissipo.core.time.timestamps import as_time

_FEW = 2


def with_ids(frame: Frame, user: str, item: str, findings: list[Finding]) -> Frame:
    """Returns the rows that have a user and an item, with ids as texts.

    Raises:   DataError when no row, one user or one item is left.
    """
    frame = frame.replaced(*(as_strings(frame[name]) for name in (user, item)))
    for name in (user, item):
        absent = frame[name].missing
        if absent.any():
            rows = frame.rows[absent]
            message = f"'{name}' is missing in {len(rows):,} of {len(frame):,} rows"
            action = "these rows are left out"
            findings.append(
                Finding("WARN", "missing ids", f"{message} ({format_rows(rows)})", action)
            )
            frame = frame.take(~absent)
    for name in (user, item):
        count = len(frame[name].used_categories())
        if count < _FEW:
            raise DataError(
                f"ratings need several values of '{name}'",
                got=f"{count} in {len(frame):,} rows",
                do="Is it the right column?",
            )
    return frame


def order_of_time(frame: Frame, time: str | None) -> NDArray[np.int64]:
    """Returns the rows in order of time; those without a time come first.

    Raises:   DataError for a column that holds neither numbers nor timestamps.
    """
    if time is None:
        return np.arange(len(frame))
    column = frame[time]
    if column.kind == "string":
        timestamps = as_time(column)
        if timestamps is None:
            raise DataError(
                f"'{time}' is not a column of times",
                got=f"such as '{column.categories[0] if column.categories else ''}'",
                allowed="timestamps, or seconds since 1970",
                do="Name another one with input.time",
            )
        column = timestamps
    values = column.values.astype(np.float64)
    values[column.missing] = -np.inf
    return np.argsort(values, kind="stable")


def without_repeats(
    frame: Frame, user: str, item: str, time: str | None, findings: list[Finding]
) -> Frame:
    """Returns the frame with the last rating of each pair of user and item."""
    order = order_of_time(frame, time)
    pairs = frame[user].values.astype(np.int64) * len(frame[item].categories)
    pairs = pairs + frame[item].values
    last = np.unique(pairs[order][::-1], return_index=True)[1]
    kept_rows = np.sort(order[::-1][last])
    repeated = len(frame) - len(kept_rows)
    if not repeated:
        findings.append(
            Finding(
                "PASS", "repeated ratings", f"no user rated an item twice ({len(frame):,} rows)"
            )
        )
        return frame
    dropped = np.setdiff1d(np.arange(len(frame)), kept_rows)
    rows = frame.rows[dropped]
    by = "in time" if time is not None else "in the file"
    findings.append(
        Finding(
            "WARN",
            "repeated ratings",
            f"{counted(repeated, 'row')} with a pair of '{user}' and '{item}' that a later row "
            f"repeats ({format_rows(rows)})",
            f"the last one {by} counts",
            first_rows(rows),
        )
    )
    return frame.take(kept_rows)


def describe_counts(frame: Frame, user: str, item: str) -> list[Finding]:
    """Returns how many users, items and ratings there are, and who has one alone."""
    users, items = (np.bincount(frame[name].values) for name in (user, item))
    users, items = users[users > 0], items[items > 0]
    share = len(frame) / (len(users) * len(items))
    message = (
        f"{len(frame):,} rows of {len(users):,} users ('{user}') and {len(items):,} items "
        f"('{item}'): {share:.1%} of all pairs; a user has {users.min():,} to {users.max():,}, "
        f"an item {items.min():,} to {items.max():,}"
    )
    findings = [Finding("PASS", "ratings", message, "ids are made contiguous; gaps do not matter")]
    for counts, name in ((users, user), (items, item)):
        single = int((counts == 1).sum())
        if single:
            text = f"{single:,} of {len(counts):,} values of '{name}' have a single rating"
            action = "in the test split they are new: without an embedding and a bias of their own"
            findings.append(Finding("WARN", "single ratings", text, action))
    return findings


def describe_new(
    frame: Frame, user: str, item: str, splits: Mapping[str, NDArray[np.int64]]
) -> list[Finding]:
    """Returns which test rows have users or items that the training split has not."""
    findings, train = [], splits["train"]
    for name in (user, item):
        codes = frame[name].values
        is_new = ~np.isin(codes[splits["test"]], codes[train])
        if is_new.any():
            distinct = len(np.unique(codes[splits["test"]][is_new]))
            rows = frame.rows[splits["test"][is_new]]
            message = (
                f"{len(rows):,} of {len(splits['test']):,} rows of the test split have values of "
                f"'{name}' that the training split has not ({distinct:,} values)"
            )
            action = "they have neither an embedding nor a bias of their own (cold start)"
            findings.append(Finding("WARN", "cold start", message, action, first_rows(rows)))
    return findings
