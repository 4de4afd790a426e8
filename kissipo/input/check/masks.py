"""Masks: whether each can be decoded and is as large as its image, how many mark nothing, and which images have none."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._image import open_mask, size_of
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame
from kissipo.core.text import first_of

_CHECK = "masks"


def mask_findings(frame: Frame, column: str) -> list[Finding]:
    """Masks of another size than their images and damaged ones fail; empty ones are counted."""
    pairs = list(zip(frame.rows.tolist(), frame["image"].values, frame[column].values, strict=True))
    pairs = [(row, image, mask) for row, image, mask in pairs if mask is not None]
    damaged, other, empty = [], [], 0
    for row, image, mask in pairs:
        try:
            opened = open_mask(mask)
        except DataError as error:
            damaged.append((row, error.wrong))
            continue
        size, wanted = (opened.height, opened.width), size_of(image)
        if size != wanted:
            other.append(
                (row, f"{_told(mask)} is {size[0]}x{size[1]}, its image {wanted[0]}x{wanted[1]}")
            )
        empty += not np.asarray(opened).any()
    findings = [
        _failed(found, do)
        for found, do in ((damaged, "save them again"), (other, "save them alike"))
        if found
    ]
    if not findings and empty == len(pairs):
        findings = [
            Finding(
                "FAIL", _CHECK, f"none of {len(pairs)} masks marks anything", "look at input.masks"
            )
        ]
    told = f"{len(pairs)} masks, " + (
        f"{empty} of them mark nothing" if empty else "all of them mark something"
    )
    return findings or [Finding("PASS", _CHECK, told)]


def without_masks(
    frame: Frame, column: str, said: Literal["empty", "left_out"] | None
) -> tuple[Any, list[Finding]]:
    """Which images have a mask, and what is done about the others; all when those count as empty."""
    absent: NDArray[np.bool_] = frame[column].missing
    if not absent.any():
        return ~absent, []
    first = frame["image"].values[int(np.flatnonzero(absent)[0])]
    told = f"{counted(int(absent.sum()), 'image')} of {len(frame)} without a mask, such as {_told(first)}"
    rows = tuple(int(row) for row in frame.rows[absent][:100])
    if said is None:
        do = "say input.missing_masks=empty if there is nothing on them to be marked, else input.missing_masks=left_out"
        return ~absent, [Finding("FAIL", _CHECK, told, do, rows)]
    if said == "empty":
        return np.ones(len(frame), dtype=bool), [
            Finding("PASS", _CHECK, told, "nothing is on them")
        ]
    return ~absent, [Finding("WARN", _CHECK, told, "left out", rows)]


def _failed(found: list[tuple[int, str]], do: str) -> Finding:
    message = first_of([told for _, told in found])
    return Finding("FAIL", _CHECK, message, do, tuple(row for row, _ in found[:100]))


def _told(value: Any) -> str:
    return "an array" if isinstance(value, np.ndarray) else str(value)
