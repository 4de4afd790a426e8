"""Images: whether each can be decoded, what is done to bring it to one form, and whether they are of one size."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from kissipo.codec import _image as image
from kissipo.core.devices import usable_cores
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, Level, counted
from kissipo.core.frame import Column, Frame
from kissipo.core.text import first_of, list_some

_DONE: dict[str, tuple[Level, str, str]] = {
    image.DEEP: ("WARN", "16 bits a channel", "brought to 8 bits"),
    image.FRAMES: ("WARN", "several frames", "the first frame is used"),
    image.INKS: ("WARN", "the colors of inks (CMYK)", "turned into red, green and blue"),
    image.SEE_THROUGH: ("WARN", "see-through parts", "laid on white"),
    image.PALETTE: ("PASS", "a palette", "written out in red, green and blue"),
    image.TURNED: ("PASS", "a note that the camera was turned (EXIF)", "turned upright"),
}


@dataclass(frozen=True)
class Look:
    """What was seen of one image: why it cannot be decoded, or what is done to it."""

    damage: str = ""
    changes: tuple[str, ...] = ()


def look_at(column: Column) -> list[Look]:
    """Every image, decoded once."""
    if column.values.dtype == np.uint8:
        return [Look()] * len(column)
    return _each(_look, column)


def _look(value: Any) -> Look:
    try:
        done = image.changes(value)
        image.open_image(value).close()
    except DataError as error:
        given = f"; got {error.given}" if error.given else ""
        return Look(damage=error.wrong + given)
    return Look(changes=done)


def damage_findings(looks: Sequence[Look], *, skip: bool) -> list[Finding]:
    """What cannot be decoded, and what is done about it."""
    found = [(number, look.damage) for number, look in enumerate(looks, start=1) if look.damage]
    if not found:
        return [Finding("PASS", "damaged images", f"all {len(looks)} images can be decoded")]
    rows = tuple(number for number, _ in found[:100])
    message = first_of([damage for _, damage in found])
    if skip and len(found) < len(looks):
        return [Finding("WARN", "damaged images", message, f"{len(found)} left out", rows)]
    do = "remove or save them again" + ("" if skip else ", or say input.skip_corrupt=true")
    return [Finding("FAIL", "damaged images", message, do, rows)]


def change_findings(frame: Frame, looks: Sequence[Look]) -> list[Finding]:
    """How many images are of another kind than they are used as, with the first of them by name."""
    findings = []
    for change, (level, what, done) in _DONE.items():
        at = [number for number, look in enumerate(looks) if change in look.changes]
        if at:
            files = list_some(frame["image"].values[at], 1)
            told = f"{counted(len(at), 'image')} of {len(frame)} with {what}: {files}"
            rows = tuple(int(row) for row in frame.rows[at[:100]])
            findings.append(Finding(level, "kinds of images", told, done, rows))
    return findings


def refuse_lonely(frame: Frame, name: str) -> None:
    """Raises DataError for files of one class only, and for a class with a single file, naming it."""
    values, classes = frame["image"].values, frame[name]
    counts = classes.counts()
    if values.dtype == np.uint8 or not counts:
        return
    if len(counts) == 1:
        (only,) = counts
        raise DataError(
            f"all {len(frame)} images of {frame.origin} are of one class, '{only}'",
            allowed="a folder for each of at least two classes",
            do="Add a folder of images that are not so",
        )
    lonely = [level for level, count in counts.items() if count == 1]
    if lonely:
        file = values[int(np.flatnonzero(classes.values == classes.levels.index(lonely[0]))[0])]
        more = (
            f", and so have {len(lonely) - 1} more of the {len(counts)} classes"
            if len(lonely) > 1
            else ""
        )
        raise DataError(
            f"the class '{lonely[0]}' has a single image, {file}{more}",
            allowed="at least two images a class, one to learn from and one to judge by",
            do="Add images of that class, or remove its folder",
        )


def sizes(column: Column, size: tuple[int, int]) -> list[Finding]:
    """Whether images must be resized."""
    shapes = (
        Counter(_each(image.size_of, column))
        if column.values.dtype != np.uint8
        else {column.values.shape[1:3]: len(column)}
    )
    other = sum(count for shape, count in shapes.items() if shape != size)
    if not other:
        return [Finding("PASS", "image sizes", f"all images are {size[0]}x{size[1]}")]
    smallest, largest = (
        min(shapes, key=lambda s: s[0] * s[1]),
        max(shapes, key=lambda s: s[0] * s[1]),
    )
    message = f"{len(shapes)} sizes of images, from {smallest[0]}x{smallest[1]} to {largest[0]}x{largest[1]}"
    return [
        Finding(
            "WARN" if len(shapes) > 1 else "PASS",
            "image sizes",
            message,
            f"{other} resized to {size[0]}x{size[1]}",
        )
    ]


def _each(of: Callable[[Any], Any], column: Column) -> list[Any]:
    with ThreadPoolExecutor(usable_cores()) as pool:
        return list(pool.map(of, column.values))
