"""Pictures: whether each can be decoded, and whether they are of one size."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from kissipo.codec.pixels import open_picture
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column


def damaged(column: Column) -> list[tuple[int, str]]:
    """Positions and reasons of the pictures that cannot be decoded."""
    if column.values.dtype == np.uint8:
        return []

    def reason(value: Any) -> str:
        try:
            open_picture(value).close()
        except DataError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor() as pool:
        reasons = list(pool.map(reason, column.values))
    return [(position, text) for position, text in enumerate(reasons) if text]


def damage_finding(found: list[tuple[int, str]], total: int, *, skip: bool) -> list[Finding]:
    """What was found, and what is done about it."""
    if not found:
        return [Finding("PASS", "damaged pictures", f"all {total} pictures can be decoded")]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    rows = tuple(position + 1 for position, _ in found[:100])
    if skip:
        return [Finding("WARN", "damaged pictures", found[0][1].split(". ")[0] + more, f"{len(found)} left out", rows)]
    return [
        Finding(
            "FAIL",
            "damaged pictures",
            found[0][1].split(". ")[0] + more,
            "remove or save them again, or say input.skip_damaged=true",
            rows,
        )
    ]


def sizes(column: Column, size: tuple[int, int]) -> list[Finding]:
    """Whether pictures must be resized."""
    shapes = (
        Counter(_size(value) for value in column.values)
        if column.values.dtype != np.uint8
        else {column.values.shape[1:3]: len(column)}
    )
    other = sum(count for shape, count in shapes.items() if shape != size)
    if not other:
        return [Finding("PASS", "picture sizes", f"all pictures are {size[0]}x{size[1]}")]
    smallest, largest = min(shapes, key=lambda s: s[0] * s[1]), max(shapes, key=lambda s: s[0] * s[1])
    message = f"{len(shapes)} sizes of pictures, from {smallest[0]}x{smallest[1]} to {largest[0]}x{largest[1]}"
    return [
        Finding(
            "WARN" if len(shapes) > 1 else "PASS", "picture sizes", message, f"{other} resized to {size[0]}x{size[1]}"
        )
    ]


def _size(value: Any) -> tuple[int, int]:
    if isinstance(value, np.ndarray):
        return int(value.shape[0]), int(value.shape[1])
    with open_picture(value) as picture:
        return picture.height, picture.width
