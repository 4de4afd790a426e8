"""Boxes of the images of a folder, from a file or a folder in any usual format.

A table (`box_table.py`), VOC files (`box_voc.py`), COCO files (`box_coco.py`) and YOLO
files (`box_yolo.py`) become one list of boxes. Here the list meets its images: names
are matched, boxes are checked (`check/boxes.py`) and padded.

Boxes belong to the image as it is seen, upright. Where an image has an Exif rotation,
and the file says the size of the image, the size decides whether its boxes were drawn
before or after the rotation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._image import orientation_of, size_of
from kissipo.codec.boxes import box_column
from kissipo.core.devices import in_threads
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.suggest import did_you_mean
from kissipo.input.check.boxes import (
    checked_boxes,
    crowded_images,
    joined_labels,
    scaled_boxes,
    turned_boxes,
)
from kissipo.input.formats.boxes.box_list import BoxList
from kissipo.input.source_data import Reading

BOXES = "boxes"
Rotation = Literal["upright", "stored"]
MAX_BOXES = 1_000
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class ImageSizes:
    """What the headers of the images say.

    sizes:         (image, 2) height and width of the upright image; 0 where it cannot
                   be read
    orientations:  (image,) the Exif orientation, 1 for an upright file
    """

    sizes: NDArray[np.int64]
    orientations: NDArray[np.int64]


def with_boxes(
    reading: Reading,
    boxes: BoxList,
    root: Path,
    *,
    missing: Literal["empty", "left_out"] | None = None,
    rotation: Rotation | None = None,
    max_boxes: int = MAX_BOXES,
) -> Reading:
    """Adds the boxes of each image of a folder.

    missing:   how to treat images that the list does not name; None refuses them
    rotation:  whether boxes belong to the upright image or to the image as it is
               stored; None decides by the sizes that the list says
    max_boxes: the largest number of boxes in an image that is not refused
    Raises:    DataError when no image of the folder is named, when a name could be two
               images, and when boxes need more memory than there is.
    """
    frame = reading.frame
    images = [Path(path) for path in frame["image"].values]
    findings = list(boxes.findings)
    places = _positions(boxes, images, root, findings)
    named = np.zeros(len(images), dtype=bool)
    named[places[places >= 0]] = True
    used = boxes.take(places[boxes.owners] >= 0)
    owners = places[used.owners]
    looks = _looks(images)
    used, labels, label_findings = joined_labels(used)
    corners, more = scaled_boxes(used, owners, looks.sizes)
    findings += [*label_findings, *more]
    corners, more = turned_boxes(used, corners, owners, looks.sizes, looks.orientations, rotation)
    findings += more
    keep, corners, more = checked_boxes(used, corners, owners, looks.sizes, images)
    findings += [*more, *crowded_images(owners[keep], images, max_boxes)]
    values = _padded(used.codes[keep], corners[keep], owners[keep], len(images))
    findings += _unnamed(boxes, images, named, missing)
    frame = frame.replaced(box_column(BOXES, values, labels))
    parts = reading.parts
    if missing == "left_out" and not named.all():
        frame, parts = frame.take(named), _parts_left(parts, named)
        frame = replace(frame, rows=np.arange(1, len(frame) + 1))
    return replace(
        reading,
        frame=frame,
        findings=(*reading.findings, *findings),
        parts=parts,
        inferred_options=(*reading.inferred_options, *boxes.inferred_options),
    )


def _looks(images: Sequence[Path]) -> ImageSizes:
    """Reads the size and the orientation of every image from its header."""

    def look(path: Path) -> tuple[int, int, int]:
        try:
            return (*size_of(path), orientation_of(path))
        except DataError:  # the data check names the image
            return (0, 0, 1)

    values = np.array(in_threads(look, images), dtype=np.int64).reshape(-1, 3)
    return ImageSizes(values[:, :2], values[:, 2])


def _padded(
    codes: NDArray[np.int64],
    corners: NDArray[np.float64],
    owners: NDArray[np.int64],
    count: int,
) -> NDArray[np.float64]:
    """Returns the boxes of all images as one array, in the order of the list."""
    order = np.argsort(owners, kind="stable")
    owners = owners[order]
    first = np.searchsorted(owners, owners, side="left")
    columns = np.arange(len(owners)) - first
    width = int(columns.max(initial=0)) + 1
    if count * width * 5 * 8 > _MAX_BYTES:
        raise DataError(
            f"an image has {width:,} boxes, and the boxes of all {count:,} images are padded "
            f"to so many: {count * width * 40 / _MAX_BYTES:.1f} GB",
            allowed="at most 1 GB",
            do="Remove the image, or check its boxes",
        )
    values = np.zeros((count, width, 5))
    values[..., 0] = -1
    values[owners, columns, 0] = codes[order]
    values[owners, columns, 1:] = corners[order]
    return values


def _unnamed(
    boxes: BoxList,
    images: Sequence[Path],
    named: NDArray[np.bool_],
    missing: Literal["empty", "left_out"] | None,
) -> list[Finding]:
    """Says what is done with images that the list does not name, or refuses them."""
    absent = np.flatnonzero(~named)
    if not len(absent):
        return []
    message = (
        f"{counted(len(absent), 'image')} of {len(images)} without a row in {boxes.origin}, "
        f"such as {images[absent[0]].name}"
    )
    if missing is None:
        raise DataError(
            message,
            do="Set input.missing_boxes=empty if they show no objects, "
            "else input.missing_boxes=left_out",
        )
    if missing == "empty":
        return [Finding("PASS", BOXES, message, "they count as images without boxes")]
    return [Finding("WARN", BOXES, message, "left out")]


def _parts_left(
    parts: Mapping[str, NDArray[np.int64]] | None, named: NDArray[np.bool_]
) -> dict[str, NDArray[np.int64]] | None:
    """Returns the parts of the split among the images that are named."""
    if parts is None:
        return None
    positions = np.where(named, np.cumsum(named) - 1, -1)
    return {name: positions[rows][positions[rows] >= 0] for name, rows in parts.items()}


def _positions(
    boxes: BoxList, images: Sequence[Path], root: Path, findings: list[Finding]
) -> NDArray[np.int64]:
    """Returns the position of each named image; -1 where the folder lacks it."""
    names = _Names(images, root)
    places = np.full(len(boxes.images), -1, dtype=np.int64)
    unknown = []
    for number, name in enumerate(boxes.images):
        near = names.find(name)
        if len(near) > 1:
            raise DataError(
                f"{boxes.origin} names '{name}', and {len(near)} images have that name",
                do=f"Name the file with its folder, such as '{images[near[0]].relative_to(root)}'",
            )
        if near:
            places[number] = near[0]
        else:
            unknown.append(number)
    if not unknown:
        return places
    lost = int(np.isin(boxes.owners, unknown).sum())
    rows = np.flatnonzero(np.isin(boxes.owners, unknown[:1]))
    first = f"'{boxes.images[unknown[0]]}'" + (f" in {boxes.place(int(rows[0]))}" if lost else "")
    hint = did_you_mean(boxes.images[unknown[0]], names.by_path)
    message = f"{boxes.origin} names {counted(len(unknown), 'file')} "
    message += f"that {root} does not contain as an image"
    if len(unknown) == len(boxes.images):
        raise DataError(message, got=first, do=hint)
    action = f"left out, with {counted(lost, 'box').replace('boxs', 'boxes')}"
    findings.append(Finding("WARN", BOXES, f"{message}: {first}", action))
    return places


class _Names:
    """The names that a file of boxes may give an image."""

    def __init__(self, images: Sequence[Path], root: Path) -> None:
        paths = [path.relative_to(root) for path in images]
        stems = [path.with_suffix("").as_posix() for path in paths]
        self.by_path = {
            stem: number for number, stem in enumerate(stems) if len(stems) == len(set(stems))
        }
        self.by_path |= {path.as_posix(): number for number, path in enumerate(paths)}
        self.by_name: dict[str, list[int]] = {}
        for number, path in enumerate(images):
            for name in {path.name, path.stem, _plain(path.stem)}:
                self.by_name.setdefault(name, []).append(number)

    def find(self, text: str) -> list[int]:
        """Returns the positions of the images that a text may mean.

        A path is compared first, then its last folders, then its name, then its name
        without an ending. A number may have lost its leading zeros in a table.
        """
        path = PurePosixPath(text.replace("\\", "/"))
        for start in range(len(path.parts)):
            part = PurePosixPath(*path.parts[start:]).as_posix()
            if part in self.by_path:
                return [self.by_path[part]]
        for name in (path.name, path.stem, path.stem.lower()):
            if name in self.by_name:
                return self.by_name[name]
        return []


def _plain(stem: str) -> str:
    """Returns a name in small letters; a number without its leading zeros."""
    return str(int(stem)) if stem.isascii() and stem.isdigit() else stem.lower()
