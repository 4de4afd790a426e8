"""Duplicate rows, which inflate the score when one trains and the other is in test."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame, HasBytes, content_of

_MOSTLY_DISTINCT = 0.5


def duplicates(frame: Frame) -> tuple[NDArray[np.int64] | None, list[Finding]]:
    """Returns one group number per row, equal for equal rows, and the findings.

    Where most rows are distinct, duplicates are copies and stay in one split. Where few
    combinations of values are possible, equal rows are natural: they are only counted,
    and the group numbers are None.
    """
    keys = _row_keys(frame)
    _, first, member = np.unique(keys, return_index=True, return_inverse=True)
    repeats = np.ones(len(frame), dtype=bool)
    repeats[first] = False
    rows = frame.rows[repeats]
    if not len(rows):
        return None, [Finding("PASS", "duplicate rows", f"no duplicates among {len(frame)} rows")]
    if len(first) < _MOSTLY_DISTINCT * len(frame):
        message = (
            f"{len(rows)} of {len(frame)} rows repeat another one: "
            "few combinations of values are possible"
        )
        return None, [
            Finding(
                "WARN",
                "duplicate rows",
                message,
                "equal rows may be in both train and test",
                first_rows(rows),
            )
        ]
    message = f"{len(rows)} of {len(frame)} rows repeat an earlier one ({format_rows(rows)})"
    return member.astype(np.int64), [
        Finding(
            "WARN",
            "duplicate rows",
            message,
            "kept; duplicates stay in the same split",
            first_rows(rows),
        )
    ]


def contradictions(frame: Frame, inputs: Sequence[str], targets: Sequence[str]) -> list[Finding]:
    """Reports rows with equal inputs and different targets, where most inputs are
    distinct."""
    alike = np.unique(_row_keys(frame.only(inputs)), return_inverse=True)[1].reshape(-1)
    if alike.max(initial=0) + 1 < _MOSTLY_DISTINCT * len(frame):
        return []
    same = np.unique(_row_keys(frame.only([*inputs, *targets])), return_inverse=True)[1]
    pairs = np.unique(np.stack([alike, same.reshape(-1)], axis=1), axis=0)
    several = np.flatnonzero(np.bincount(pairs[:, 0]) > 1)
    rows = frame.rows[np.isin(alike, several)]
    if not len(rows):
        return []
    names = " and ".join(f"'{name}'" for name in targets)
    message = f"{len(rows)} rows have equal inputs and different {names} ({format_rows(rows)})"
    action = "kept; they may be in both train and test. Which of them is right?"
    return [Finding("WARN", "contradictions", message, action, first_rows(rows))]


def describe_divided(
    findings: list[Finding],
    groups: NDArray[np.int64] | None,
    parts: Mapping[str, NDArray[np.int64]],
) -> list[Finding]:
    """Corrects the findings of `duplicates` where the split divides equal rows.

    This happens when the data are split by time, by a group column or by the publisher.
    """
    if groups is None:
        return findings
    part = np.zeros(len(groups), dtype=np.int64)
    for number, positions in enumerate(parts.values()):
        part[positions] = number
    last = np.zeros(len(groups), dtype=np.int64)
    last[groups] = part
    divided = int(np.isin(groups, groups[part != last[groups]]).sum())
    if not divided:
        return findings
    action = (
        f"kept; {divided} rows have a duplicate in another split, "
        "because the data are split by time, by group or by the publisher"
    )
    return [replace(finding, action=action) for finding in findings]


def _row_keys(frame: Frame) -> NDArray[np.uint64]:
    """Returns a 64-bit hash of each row."""
    keys = np.zeros(len(frame), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in frame.columns:
            keys = _mix(keys * np.uint64(0x9E3779B97F4A7C15) + _values_as_keys(column))
    return keys


def _values_as_keys(column: Column) -> NDArray[np.uint64]:
    if column.kind in ("image", "array", "sound"):
        return np.fromiter((_digest(value) for value in column.values), np.uint64, len(column))
    if column.kind == "number":
        return (column.values + 0.0).view(np.uint64)
    return column.values.astype(np.int64).view(np.uint64)


def _digest(value: HasBytes | str | None) -> int:
    data = _file_bytes(value) if isinstance(value, str) else content_of(value)
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


def _file_bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return path.encode()


def _mix(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    keys = (keys ^ (keys >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return keys ^ (keys >> np.uint64(29))
