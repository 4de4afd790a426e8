"""Image files: damaged files, conversions to one format, and different sizes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kissipo.codec import _image as image
from kissipo.core.devices import in_threads
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, Level, counted, first_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.text import first_of, list_some

_DONE: dict[str, tuple[Level, str, str]] = {
    image.DEEP: ("PASS", "16 bits per channel", "scaled by input.value_range"),
    image.FRAMES: ("WARN", "several frames", "the first frame is used"),
    image.INKS: ("WARN", "CMYK colors", "converted to RGB"),
    image.SEE_THROUGH: ("WARN", "transparent pixels", "placed on white"),
    image.PALETTE: ("PASS", "a palette", "converted to RGB"),
    image.TURNED: ("PASS", "an EXIF rotation", "rotated upright"),
}


@dataclass(frozen=True)
class ImageCheck:
    """The check of one image: why it cannot be decoded, or how it is converted.

    remedy:   what to do with it, where removing it is not the only way
    """

    damage: str = ""
    remedy: str = ""
    changes: tuple[str, ...] = ()


def check_images(column: Column) -> list[ImageCheck]:
    """Decodes every image once and returns one result per image."""
    if column.values.dtype != object:
        return [ImageCheck()] * len(column)
    return in_threads(_check, column.values)


def _check(value: object) -> ImageCheck:
    try:
        done = image.changes(value)
        image.open_image(value).close()
    except DataError as error:
        detail = f"; got {error.got}" if error.got else ""
        remedy = "" if error.do.startswith(("Remove", "Check", "Save it")) else error.do
        return ImageCheck(damage=error.wrong + detail, remedy=remedy)
    return ImageCheck(changes=done)


def damage_findings(checks: Sequence[ImageCheck], *, skip: bool) -> list[Finding]:
    """Reports images that cannot be decoded."""
    damaged = [
        (number, check.damage) for number, check in enumerate(checks, start=1) if check.damage
    ]
    if not damaged:
        return [Finding("PASS", "damaged images", f"all {len(checks)} images can be decoded")]
    rows = tuple(number for number, _ in damaged[:100])
    message = first_of([damage for _, damage in damaged])
    if skip and len(damaged) < len(checks):
        return [Finding("WARN", "damaged images", message, f"{len(damaged)} left out", rows)]
    remedy = next((check.remedy for check in checks if check.remedy), "")
    do = (remedy[:1].lower() + remedy[1:] or "remove them or save them again") + (
        "" if skip else ", or set input.skip_corrupt=true"
    )
    return [Finding("FAIL", "damaged images", message, do, rows)]


def change_findings(frame: Frame, checks: Sequence[ImageCheck]) -> list[Finding]:
    """Reports how many images are converted, with the name of the first one."""
    findings = []
    for change, (level, what, done) in _DONE.items():
        indices = [number for number, check in enumerate(checks) if change in check.changes]
        if indices:
            files = list_some(frame["image"].values[indices], 1)
            message = f"{counted(len(indices), 'image')} of {len(frame)} with {what}: {files}"
            rows = first_rows(frame.rows[indices])
            findings.append(Finding(level, "kinds of images", message, done, rows))
    return findings


def refuse_rare_classes(frame: Frame, name: str) -> None:
    """Raises DataError for a single class, and for a class with a single image."""
    values, classes = frame["image"].values, frame[name]
    counts = classes.counts()
    if values.dtype != object or not counts:
        return
    if len(counts) == 1:
        (only,) = counts
        raise DataError(
            f"all {len(frame)} images of {frame.origin} are of one class, '{only}'",
            allowed="a folder for each of at least two classes",
            do="Add a folder of images of another class, or name a table of the classes: "
            "input.labels=FILE",
        )
    single = [level for level, count in counts.items() if count == 1]
    if single:
        file = values[int(np.flatnonzero(classes.values == classes.categories.index(single[0]))[0])]
        more = (
            f", and so have {len(single) - 1} more of the {len(counts)} classes"
            if len(single) > 1
            else ""
        )
        raise DataError(
            f"the class '{single[0]}' has a single image, {file}{more}",
            allowed="at least two images per class, one for training and one for evaluation",
            do="Add images of that class, or remove its folder",
        )


def sizes(column: Column, size: tuple[int, int]) -> list[Finding]:
    """Reports the sizes of the images and how many are resized."""
    shapes = (
        Counter(in_threads(image.size_of, column.values))
        if column.values.dtype == object
        else {column.values.shape[1:3]: len(column)}
    )
    other = sum(count for shape, count in shapes.items() if shape != size)
    if not other:
        return [Finding("PASS", "image sizes", f"all images are {size[0]}x{size[1]}")]
    smallest, largest = (
        min(shapes, key=lambda s: (s[0] * s[1], s)),
        max(shapes, key=lambda s: (s[0] * s[1], s)),
    )
    first, last = (f"{shape[0]}x{shape[1]}" for shape in (smallest, largest))
    message = f"all images are {first}"
    if len(shapes) > 1:
        message = f"{len(shapes)} sizes of images, from {first} to {last}"
    return [
        Finding(
            "WARN" if len(shapes) > 1 else "PASS",
            "image sizes",
            message,
            f"{other} resized to {size[0]}x{size[1]}",
        )
    ]
