"""Masks: damaged masks, other sizes than their images, empty and missing masks."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._image import open_mask, size_of
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted, first_rows
from kissipo.core.frame import Frame
from kissipo.core.text import first_of

_CHECK = "masks"


def mask_findings(frame: Frame, column: str) -> list[Finding]:
    """Reports damaged masks and wrong sizes as failures; counts empty masks."""
    pairs = list(zip(frame.rows.tolist(), frame["image"].values, frame[column].values, strict=True))
    pairs = [(row, image, mask) for row, image, mask in pairs if mask is not None]
    damaged, other, empty = [], [], 0
    for row, image, mask in pairs:
        try:
            mask_image = open_mask(mask)
        except DataError as error:
            damaged.append((row, error.wrong))
            continue
        size, image_size = (mask_image.height, mask_image.width), size_of(image)
        if size != image_size:
            other.append(
                (
                    row,
                    f"{_name(mask)} is {size[0]}x{size[1]}, "
                    f"its image {image_size[0]}x{image_size[1]}",
                )
            )
        empty += not np.asarray(mask_image).any()
    findings = [
        _failed(faults, do)
        for faults, do in (
            (damaged, "save them again"),
            (other, "save each mask in the size of its image"),
        )
        if faults
    ]
    if not findings and empty == len(pairs):
        findings = [
            Finding(
                "FAIL", _CHECK, f"none of {len(pairs)} masks marks a pixel", "check input.masks"
            )
        ]
    message = f"{len(pairs)} masks, " + (
        f"{empty} of them are empty" if empty else "none of them empty"
    )
    return findings or [Finding("PASS", _CHECK, message)]


def without_masks(
    frame: Frame, column: str, missing_masks: Literal["empty", "left_out"] | None
) -> tuple[NDArray[np.bool_], list[Finding]]:
    """Returns which images are used, given that some have no mask, and the findings."""
    absent: NDArray[np.bool_] = frame[column].missing
    if not absent.any():
        return ~absent, []
    first = frame["image"].values[int(np.flatnonzero(absent)[0])]
    message = (
        f"{counted(int(absent.sum()), 'image')} of {len(frame)} without a mask, "
        f"such as {_name(first)}"
    )
    rows = first_rows(frame.rows[absent])
    if missing_masks is None:
        do = (
            "set input.missing_masks=empty if they show nothing to be marked, "
            "else input.missing_masks=left_out"
        )
        return ~absent, [Finding("FAIL", _CHECK, message, do, rows)]
    if missing_masks == "empty":
        return np.ones(len(frame), dtype=bool), [
            Finding("PASS", _CHECK, message, "their masks count as empty")
        ]
    return ~absent, [Finding("WARN", _CHECK, message, "left out", rows)]


def _failed(faults: list[tuple[int, str]], do: str) -> Finding:
    message = first_of([fault for _, fault in faults])
    return Finding("FAIL", _CHECK, message, do, tuple(row for row, _ in faults[:100]))


def _name(value: object) -> str:
    return "an array" if isinstance(value, np.ndarray) else str(value)
