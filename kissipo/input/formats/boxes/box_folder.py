"""Folders of images with boxes: where the images are, and where their boxes.

cells/a.jpg, cells/boxes.csv                        one table beside the images
cells/images/a.jpg, cells/labels/a.txt              YOLO; perhaps with train/ and val/
cells/JPEGImages/a.jpg, cells/Annotations/a.xml     VOC; lists in ImageSets/Main
coco/val2017/a.jpg, coco/annotations/instances_val2017.json
cells/train/images/a.jpg, cells/train/labels/a.txt  a split with boxes in each part
cells/train/a.jpg, cells/train/_annotations.coco.json
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.boxes import box_column
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, image_column
from kissipo.core.text import list_some
from kissipo.input.formats.boxes.box_coco import is_coco, is_results, read_coco
from kissipo.input.formats.boxes.box_list import BoxList, BoxWords, joined
from kissipo.input.formats.boxes.box_table import NAME as TABLE
from kissipo.input.formats.boxes.box_table import read_box_table
from kissipo.input.formats.boxes.box_voc import is_voc, read_voc
from kissipo.input.formats.boxes.box_yolo import files_of_images, is_yolo, read_yolo
from kissipo.input.formats.boxes.image_boxes import BOXES, MAX_BOXES, Rotation, with_boxes
from kissipo.input.formats.files import existing
from kissipo.input.formats.images.image_files import files_in, listed_once, subfolders
from kissipo.input.formats.images.image_folder import read_image_folder
from kissipo.input.formats.split_folders import PARTS, is_part_name, part_of
from kissipo.input.formats.split_lists import listed_parts
from kissipo.input.source_data import Reading

_IMAGES = ("images", "jpegimages", "imgs", "img", "image")
_FILES = (TABLE, "_annotations.csv", "_annotations.coco.json")
_FOLDERS = ("labels", "annotations")
_COCO = ("instances*.json", "*coco*.json", "*.json")


@dataclass(frozen=True)
class BoxOptions:
    """The options of a task that concern boxes.

    boxes:    a path, or a data frame; None: what stands beside the images
    missing:  how to treat images without a row
    """

    boxes: object = None
    missing: Literal["empty", "left_out"] | None = None
    words: BoxWords = BoxWords()
    rotation: Rotation | None = None
    max_boxes: int = MAX_BOXES
    split_folders: bool = True
    skip: bool = False


def has_boxes(folder: Path) -> bool:
    """Whether boxes stand beside the images of a folder."""
    return _beside(folder) is not None or bool(_parts(folder))


@listed_once()
def read_box_folder(folder: Path, options: BoxOptions) -> Reading:
    """Reads the images of a folder, their boxes, and the split if there is one.

    Raises:   DataError for a folder or boxes that cannot be read.
    """
    existing(folder, kind="folder")
    parts = _parts(folder) if options.boxes is None else {}
    if parts:
        return _together(
            folder,
            {part: _read(place, place, options, flat=True) for part, place in parts.items()},
            use=options.split_folders,
        )
    root = images_root(folder)
    reading = _read(folder, root, options, flat=False)
    if reading.parts is None and root != folder and options.split_folders:
        findings: list[Finding] = []
        images = [Path(path) for path in reading.frame["image"].values]
        listed = listed_parts(folder, root, images, findings)
        reading = replace(reading, parts=listed, findings=(*reading.findings, *findings))
    return reading


def read_boxes(place: object, words: BoxWords) -> BoxList:
    """Reads boxes in whatever format they are: a path, or a data frame.

    Raises:   DataError for a folder without boxes, and for boxes that cannot be read.
    """
    if not isinstance(place, str | Path):
        return read_box_table(place, words)
    path = Path(place)
    if path.is_dir():
        return _in_folder(path, words)
    if is_coco(path) or is_results(path):
        return read_coco(path, words)
    if path.is_file() and is_voc(path):
        return read_voc(path, words)
    return read_box_table(path, words)


def images_root(folder: Path) -> Path:
    """Returns the folder inside that holds the images, or the folder itself."""
    if files_in(folder).has_images:
        return folder
    inside = {path.name.lower(): path for path in subfolders(folder)}
    return next((inside[name] for name in _IMAGES if name in inside), folder)


def _read(folder: Path, root: Path, options: BoxOptions, *, flat: bool) -> Reading:
    """Reads the images below a root, with their boxes."""
    boxes = _beside(folder) if options.boxes is None else options.boxes
    if isinstance(boxes, str | Path) and not Path(boxes).exists() and (folder / boxes).exists():
        boxes = folder / boxes
    root = images_root(root) if flat else root
    reading = read_image_folder(
        root, flat=True, split_folders=options.split_folders and not flat, skip=options.skip
    )
    findings = tuple(item for item in reading.findings if item.check != "other files")
    return with_boxes(
        replace(reading, findings=findings),
        read_boxes(boxes, options.words),
        root,
        missing=options.missing,
        rotation=options.rotation,
        max_boxes=options.max_boxes,
    )


def _in_folder(folder: Path, words: BoxWords) -> BoxList:
    """Reads the boxes of a folder.

    Raises:   DataError where there are none, or those of several formats.
    """
    tables = [folder / name for name in _FILES if (folder / name).is_file()]
    formats = [name for name, fits in (("VOC", is_voc), ("YOLO", is_yolo)) if fits(folder)]
    coco = _coco_files(folder)
    formats += ["COCO"] if coco else []
    if len(formats) > 1:
        raise DataError(
            f"the folder {folder} holds boxes of several formats",
            got=" and ".join(formats),
            do="Name the file, or put those of one format into a folder of their own",
        )
    if coco:
        return joined([read_coco(path, words) for path in coco], str(folder))
    if formats:
        return (read_voc if formats == ["VOC"] else read_yolo)(folder, words)
    if tables:
        return read_box_table(tables[0], words)
    if any(files_of_images(folder)):
        return read_yolo(folder, words)
    raise DataError(
        f"the folder {folder} contains no boxes",
        allowed=f"{TABLE}, XML files of VOC, text files of YOLO, or a JSON file of COCO",
    )


def _coco_files(folder: Path) -> list[Path]:
    """Returns the files of COCO: those of instances, where other kinds lie beside."""
    for pattern in _COCO:
        files = [path for path in sorted(folder.glob(pattern)) if is_coco(path)]
        if files:
            return files
    return []


def _beside(folder: Path) -> Path | None:
    """Returns the file or the folder of the boxes of a folder, if there is one."""
    if not folder.is_dir():
        return None
    inside = {path.name.lower(): path for path in subfolders(folder)}
    has_images = any(name in inside for name in _IMAGES)
    is_plain = has_images or all(is_part_name(path) for path in inside.values())
    for name in _FILES:
        if (folder / name).is_file() and is_plain:
            return folder / name
    for name in _FOLDERS:
        place = inside.get(name)
        if place is not None and (is_voc(place) or _coco_files(place) or is_yolo(place)):
            return place
    if files_in(folder).images and not inside and (is_voc(folder) or is_yolo(folder)):
        return folder
    return None


def _parts(folder: Path) -> dict[str, Path]:
    """Returns the folder of each part of a split, where each has boxes of its own."""
    if not folder.is_dir():
        return {}
    named = [path for path in subfolders(folder) if is_part_name(path)]
    parts = {part_of(path.name): path for path in named if _beside(path) is not None}
    if "train" not in parts or len(parts) < 2 or len(parts) < len(named):
        return {}
    return {part: parts[part] for part in PARTS if part in parts}


def _together(folder: Path, readings: Mapping[str, Reading], *, use: bool) -> Reading:
    """Returns the images of all parts as one frame."""
    frames = [reading.frame for reading in readings.values()]
    labels = tuple(dict.fromkeys(name for frame in frames for name in frame[BOXES].categories))
    width = max(frame[BOXES].values.shape[1] for frame in frames)
    values = np.concatenate([_widened(frame, labels, width) for frame in frames])
    images = np.concatenate([frame["image"].values for frame in frames])
    starts = np.cumsum([0, *map(len, frames)])
    parts = {
        part: np.arange(start, start + len(frame))
        for part, start, frame in zip(readings, starts.tolist(), frames, strict=False)
    }
    counts = ", ".join(f"{part} {len(rows)}" for part, rows in parts.items())
    names = list_some([Path(frame["image"].values[0]).relative_to(folder).parts[0]
                       for frame in frames], 3)  # fmt: skip
    message = f"the folders {names} are the split ({counts} images)"
    action = "input.split_folders=false joins them and splits at random"
    if not use:
        message = f"the folders {names} are joined, as input.split_folders=false says"
        action = "the split is drawn at random"
    findings = [item for reading in readings.values() for item in reading.findings]
    options = {
        option.place: option for reading in readings.values() for option in reading.inferred_options
    }
    return Reading(
        Frame(
            (image_column("image", images), box_column(BOXES, values, labels)), origin=str(folder)
        ),
        (*findings, Finding("PASS" if use else "WARN", "split", message, action)),
        parts=parts if use else None,
        inferred_options=tuple(options.values()),
    )


def _widened(frame: Frame, labels: Sequence[str], width: int) -> NDArray[np.float64]:
    """Returns the boxes of a frame with more padding, and the codes of all labels."""
    column = frame[BOXES]
    values = np.zeros((len(frame), width, 5))
    values[..., 0] = -1
    values[:, : column.values.shape[1]] = column.values
    table = np.array([*(labels.index(name) for name in column.categories), -1])
    values[..., 0] = table[values[..., 0].astype(int)]
    return values
