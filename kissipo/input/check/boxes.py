"""Checks of boxes: no area, outside of the image, twice, crowds, labels, tiny objects.

Every box that is changed or left out is counted, with the first place where it stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding, Level
from kissipo.core.text import list_some
from kissipo.input.formats.boxes.box_list import BoxList

CHECK = "boxes"
_MANY_FLAT, _MANY_OUTSIDE = 0.1, 0.3  # shares of boxes that no person draws
_CELL = 8  # pixels: a cell of the finest grid of the usual detectors
_ASPECT = 0.02  # a smaller difference of width / height is rounding
_SIDEWAYS = (5, 6, 7, 8)
_TOLERANCE = 1e-6  # of a side: numbers of text files are rounded

Corners = NDArray[np.float64]
Integers = NDArray[np.int64]


def joined_labels(boxes: BoxList) -> tuple[BoxList, tuple[str, ...], list[Finding]]:
    """Returns the boxes with labels that differ only in blanks joined.

    Labels that differ in case stay apart, with a warning.
    """
    forms: dict[str, list[str]] = {}
    used = set(np.unique(boxes.codes).tolist())
    for code, label in enumerate(boxes.labels):
        if code in used:
            forms.setdefault(" ".join(label.split()), []).append(label)
    names = tuple(forms)
    findings = []
    twice = [" and ".join(f"'{label}'" for label in some) for some in forms.values() if some[1:]]
    if twice:
        message = f"labels differ only in blanks: {list_some(twice, 5)}"
        findings.append(Finding("WARN", "class names", message, "joined into one class each"))
    cases: dict[str, list[str]] = {}
    for name in names:
        cases.setdefault(name.casefold(), []).append(name)
    twice = [" and ".join(f"'{name}'" for name in some) for some in cases.values() if some[1:]]
    if twice:
        message = f"labels differ only in case: {list_some(twice, 5)}"
        action = "they stay different classes; write them alike if they are the same"
        findings.append(Finding("WARN", "class names", message, action))
    table = [
        names.index(" ".join(label.split())) if code in used else 0
        for code, label in enumerate(boxes.labels)
    ]
    codes = np.array(table or [0], dtype=np.int64)[boxes.codes]
    return replace(boxes, labels=names, codes=codes), names, findings


def scaled_boxes(
    boxes: BoxList, owners: Integers, sizes: Integers
) -> tuple[Corners, list[Finding]]:
    """Returns the corners as fractions of the image that the list describes.

    A size in the list that differs from that of the image, at the same proportions, is
    the size at which the boxes were drawn.

    sizes:   (image, 2) height and width of the upright images
    """
    own = sizes[owners].astype(np.float64)
    written = boxes.sizes[boxes.owners].astype(np.float64)
    if boxes.unit == "fractions":
        return boxes.corners, []
    is_known = (written > 0).all(axis=1) & (own > 0).all(axis=1)
    same = (written == own).all(axis=1) | (written[:, ::-1] == own).all(axis=1)
    safe = np.where(own > 0, own, 1.0)
    ratio = np.where(written > 0, written, 1.0) / safe
    swapped = np.where(written > 0, written, 1.0)[:, ::-1] / safe
    scaled = is_known & ~same & (np.abs(ratio[:, 0] / ratio[:, 1] - 1) < _ASPECT)
    scaled_swapped = is_known & ~same & ~scaled
    scaled_swapped &= np.abs(swapped[:, 0] / swapped[:, 1] - 1) < _ASPECT
    wrong = is_known & ~same & ~scaled & ~scaled_swapped
    drawn_on = np.where((is_known & ~wrong)[:, None], written, safe)
    findings = []
    reports: tuple[tuple[NDArray[np.bool_], Level, str, str], ...] = (
        (scaled | scaled_swapped, "PASS", "another size", "their boxes are scaled"),
        (wrong, "WARN", "other proportions", "ignored: boxes are in pixels of the image"),
    )
    for rows, level, what, action in reports:
        if rows.any():
            box = int(np.flatnonzero(rows)[0])
            height, width = written[box].astype(int).tolist()
            has = "x".join(str(int(side)) for side in own[box])
            number = len(np.unique(boxes.owners[rows]))
            message = (
                f"{boxes.origin} says {what} than the file has for {_images(number)}, "
                f"such as {height}x{width} for {boxes.images[boxes.owners[box]]} of {has}"
            )
            findings.append(Finding(level, CHECK, message, action))
    return boxes.corners / drawn_on[:, [1, 0, 1, 0]], findings


def turned_boxes(
    boxes: BoxList,
    corners: Corners,
    owners: Integers,
    sizes: Integers,
    orientations: Integers,
    rotation: str | None,
) -> tuple[Corners, list[Finding]]:
    """Returns the corners on the upright images.

    rotation:  upright or stored, the image that the corners belong to; None: where the
               list says the size of the image, and an image lies on its side, the size
               decides for all rotated images
    """
    is_turned = orientations[owners] != 1
    if not is_turned.any():
        return corners, []
    reason = "as input.box_rotation says"
    if rotation is None:
        rotation, reason = _rotation_of(boxes, corners, owners, sizes, orientations)
    number = len(np.unique(owners[is_turned]))
    what = "the image as it is seen" if rotation == "upright" else "the file before its rotation"
    other = "stored" if rotation == "upright" else "upright"
    message = f"the boxes of {_images(number)} with an Exif rotation belong to {what}, {reason}"
    finding = Finding("PASS", CHECK, message, f"input.box_rotation={other} changes this")
    if rotation == "upright":
        return corners, [finding]
    corners = corners.copy()
    for orientation in range(2, 9):
        rows = orientations[owners] == orientation
        corners[rows] = upright(corners[rows], orientation)
    return corners, [finding]


def upright(corners: Corners, orientation: int) -> Corners:
    """Returns corners as fractions of the upright image, from those of the stored one.

    Source:   the orientations of Exif 2.32.
    Example:  >>> upright(np.array([[0.0, 0.0, 0.5, 0.25]]), 6).tolist()
              [[0.75, 0.0, 1.0, 0.5]]
    """
    left, top, right, bottom = corners.T
    if orientation in (2, 3, 7, 8):
        left, right = 1 - right, 1 - left
    if orientation in (3, 4, 6, 7):
        top, bottom = 1 - bottom, 1 - top
    sides = (left, top, right, bottom)
    if orientation in _SIDEWAYS:
        sides = (top, left, bottom, right)
    return np.stack(sides, axis=1)


def _rotation_of(
    boxes: BoxList, corners: Corners, owners: Integers, sizes: Integers, orientations: Integers
) -> tuple[str, str]:
    """Returns upright or stored, with the reason."""
    sideways = np.isin(orientations[owners], _SIDEWAYS)
    written, own = boxes.sizes[boxes.owners], sizes[owners]
    is_known = sideways & (written > 0).all(axis=1) & (own[:, 0] != own[:, 1])
    if is_known.any():
        is_upright = ((written[:, 0] > written[:, 1]) == (own[:, 0] > own[:, 1]))[is_known]
        rotation = "upright" if is_upright.mean() >= 0.5 else "stored"
        return rotation, f"because {boxes.origin} says its width and height so"
    if boxes.unit == "pixels" and sideways.any():
        limits = np.where(own > 0, own, 1)[sideways]
        pixels = corners[sideways][:, 2:] * limits[:, ::-1]
        if (pixels > limits[:, ::-1] + 1).any() and (pixels <= limits + 1).all():
            return "stored", "because they fit only there"
    return "upright", "because nothing says otherwise"


def checked_boxes(
    boxes: BoxList,
    corners: Corners,
    owners: Integers,
    sizes: Integers,
    images: Sequence[Path],
) -> tuple[NDArray[np.bool_], Corners, list[Finding]]:
    """Returns which boxes are used, their corners inside of the image, and findings.

    corners:  (box, 4) as fractions of the upright image
    """
    findings: list[Finding] = []
    readable = (sizes[owners] > 0).all(axis=1)

    def report(rows: NDArray[np.bool_], level: Level, what: str, action: str) -> None:
        rows = rows & readable
        if rows.any():
            box = int(np.flatnonzero(rows)[0])
            number = int(rows.sum())
            message = f"{number:,} {'box' if number == 1 else 'boxes'} {what}: "
            message += f"{boxes.place(box)}, {images[owners[box]].name}, {_in_pixels(box)}"
            findings.append(Finding(level, CHECK, message, action))

    def _in_pixels(box: int) -> str:
        height, width = sizes[owners[box]].tolist()
        values = corners[box] * [width, height, width, height]
        names = ("x_min", "y_min", "x_max", "y_max")
        return ", ".join(f"{name} {value:g}" for name, value in zip(names, values, strict=True))

    keep = ~boxes.is_crowd
    report(boxes.is_crowd, "WARN", "around a crowd of objects", "left out")
    finite = np.isfinite(corners).all(axis=1)
    flat = keep & ~(finite & (corners[:, 2:] > corners[:, :2]).all(axis=1))
    hint = "left out"
    if flat.sum() > _MANY_FLAT * keep.sum():
        hint += "; if the last two numbers are width and height, set input.box_layout=xywh"
    report(flat, "WARN", "without an area", hint)
    keep &= ~flat
    clipped = corners.clip(0, 1)
    gone = keep & ~(clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    report(gone, "WARN", "outside of the image", "left out")
    keep &= ~gone
    over = keep & (np.abs(clipped - corners) > _TOLERANCE).any(axis=1)
    hint = "cut off at its edges"
    if over.sum() > _MANY_OUTSIDE * keep.sum():
        hint += "; if the numbers are two corners or other ones, set input.box_layout"
    report(over, "WARN", "partly outside of the image", hint)
    twice = keep & _repeated(boxes.codes, clipped, owners, keep)
    report(twice, "WARN", "that stand there twice", "the second one is left out")
    keep &= ~twice
    corners = clipped
    sides = (corners[:, 2:] - corners[:, :2]) * sizes[owners][:, ::-1]
    thin = keep & (sides <= 1 + _TOLERANCE).any(axis=1)
    report(thin, "WARN", "with a side of at most one pixel", "used; are they mistakes?")
    return keep, corners, findings


def crowded_images(owners: Integers, images: Sequence[Path], max_boxes: int) -> list[Finding]:
    """Refuses an image with very many boxes.

    All images are padded to the largest number of boxes, and a net compares each box
    with each candidate.
    """
    counts = np.bincount(owners, minlength=len(images))
    fullest = int(counts.argmax())
    if counts[fullest] <= max_boxes:
        return []
    usual = int(np.median(counts))
    message = (
        f"{images[fullest].name} has {counts[fullest]:,} boxes, and a usual image has {usual:,}; "
        f"{max_boxes:,} are allowed"
    )
    action = f"remove the image, or set input.max_boxes={counts[fullest]} if it is right"
    return [Finding("FAIL", CHECK, message, action)]


def _repeated(
    codes: Integers, corners: Corners, owners: Integers, keep: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Returns which boxes repeat the label and the corners of an earlier one."""
    rows = np.flatnonzero(keep)
    table = np.column_stack([owners, codes, corners])[rows]
    _, first = np.unique(table, axis=0, return_index=True)
    result = np.zeros(len(codes), dtype=bool)
    result[rows] = True
    result[rows[first]] = False
    return result


def small_boxes(values: NDArray[np.float64], size: Sequence[int]) -> list[Finding]:
    """Reports objects that are small at the size that the net sees.

    values:   (image, box, 5) padded boxes
    size:     height and width of the images for the net
    """
    boxes = values[values[..., 0] >= 0]
    if not len(boxes):
        return []
    sides = ((boxes[:, 3:] - boxes[:, 1:3]) * [size[1], size[0]]).min(axis=1)
    where = f"at {size[0]}x{size[1]}"
    gone, small = int((sides < 1).sum()), int((sides < _CELL).sum())
    if gone:
        message = f"{gone:,} of {len(boxes):,} boxes have a side below one pixel {where}"
        return [Finding("WARN", CHECK, message, "they are hardly seen; set a larger input.size")]
    if small:
        message = (
            f"{small:,} of {len(boxes):,} boxes have a side below {_CELL} pixels {where}, "
            "a cell of a fine grid"
        )
        level: Level = "WARN" if small > 0.1 * len(boxes) else "PASS"
        return [Finding(level, CHECK, message, "a larger input.size shows them better")]
    return []


def unlearned_labels(
    values: NDArray[np.float64], labels: Sequence[str], splits: Mapping[str, Integers]
) -> list[Finding]:
    """Warns of labels without a box in the training split."""
    classes = set(np.unique(values[splits["train"]][..., 0]).tolist())
    findings = []
    for part in ("validation", "test"):
        codes = values[splits[part]][..., 0]
        absent = [int(code) for code in np.unique(codes) if code >= 0 and code not in classes]
        if absent:
            names = list_some([labels[code] for code in absent], 5)
            number = int(np.isin(codes, absent).sum())
            message = f"the {part} split has labels without a box in the training split: {names}"
            action = f"their {number:,} boxes count as missed: they cannot be learned"
            findings.append(Finding("WARN", CHECK, message, action))
    return findings


def _images(number: int) -> str:
    return "1 image" if number == 1 else f"{number:,} images"
