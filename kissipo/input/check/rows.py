"""Rows beside rows: twins, which would flatter the score if one of them trained and the other judged."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame

_MOSTLY_DISTINCT = 0.5


def duplicates(frame: Frame) -> tuple[NDArray[np.int64] | None, list[Finding]]:
    """One number a row, equal for rows that are equal in every column; None where twins need not stay together.

    Where most rows are distinct, twins are copies and stay on one side of the split. Where few combinations of values are
    possible, equal rows are natural and are only counted.
    """
    keys = _row_keys(frame)
    _, first, member = np.unique(keys, return_index=True, return_inverse=True)
    doubled = np.ones(len(frame), dtype=bool)
    doubled[first] = False
    rows = frame.rows[doubled]
    if not len(rows):
        return None, [Finding("PASS", "duplicate rows", f"no duplicates among {len(frame)} rows")]
    some = tuple(int(row) for row in rows[:100])
    if len(first) < _MOSTLY_DISTINCT * len(frame):
        message = f"{len(rows)} of {len(frame)} rows repeat another one: few combinations of values are possible"
        return None, [
            Finding(
                "WARN",
                "duplicate rows",
                message,
                "equal rows may stand in training and in test",
                some,
            )
        ]
    message = f"{len(rows)} of {len(frame)} rows repeat an earlier one ({format_rows(rows)})"
    return member.astype(np.int64), [
        Finding(
            "WARN",
            "duplicate rows",
            message,
            "kept, each on the same side of the split as its twin",
            some,
        )
    ]


def describe_divided(
    found: list[Finding], twin: NDArray[np.int64] | None, parts: Mapping[str, NDArray[np.int64]]
) -> list[Finding]:
    """What `twins` found, corrected where another rule of the split (time, a group, the publisher's parts) divided twins."""
    if twin is None:
        return found
    part = np.zeros(len(twin), dtype=np.int64)
    for number, positions in enumerate(parts.values()):
        part[positions] = number
    last = np.zeros(len(twin), dtype=np.int64)
    last[twin] = part
    apart = int(np.isin(twin, twin[part != last[twin]]).sum())
    if not apart:
        return found
    action = f"kept; {apart} rows have a twin in another part, because the split is by time, by group or published"
    return [replace(each, action=action) for each in found]


def _row_keys(frame: Frame) -> NDArray[np.uint64]:
    """A 64-bit number for the content of each row."""
    keys = np.zeros(len(frame), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in frame.columns:
            keys = _mix(keys * np.uint64(0x9E3779B97F4A7C15) + _values_as_keys(column))
    return keys


def _values_as_keys(column: Column) -> NDArray[np.uint64]:
    if column.kind == "image":
        return np.fromiter((_digest(value) for value in column.values), np.uint64, len(column))
    if column.kind == "number":
        return (column.values + 0.0).view(np.uint64)
    return column.values.astype(np.int64).view(np.uint64)


def _digest(value: object) -> int:
    data = value.tobytes() if isinstance(value, np.ndarray) else _file_bytes(str(value))
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
