"""Magnetic tile: 692 images of magnet surfaces with a mask per defect, five defects.

expE_num_N.jpg is image N, taken with exposure E. Each tile was photographed under up to
six exposures, one after the other. So there are about two hundred tiles, and images of
one tile are near duplicates. The column `tile` groups them; split by it:
`input.split.group=tile`.

Within a class, in the order of N, a new tile begins where E does not rise or N jumps by
more than 400. Thirteen tiles for which this rule fails are listed below; a comparison
of all images found them. In five of them exposures of one tile have different labels.

Source:   Huang, Qiu and Yuan, Surface defect saliency of magnetic tile, The Visual
          Computer 2020.
License:  none stated; the authors allow its use and ask for a citation.
Example:  >>> files = ["exp1_num_20.jpg", "exp4_num_44.jpg", "exp2_num_60.jpg"]
          >>> tiles_of(["MT_Fray"] * 4, [*files, "exp3_num_900.jpg"])
          ['tile 20', 'tile 20', 'tile 60', 'tile 900']
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.frame import strings
from kissipo.input.datasets.download import folder_only
from kissipo.input.formats.images.image_folder import read_image_folder
from kissipo.input.source_data import Reading

SOURCES = ("images",)
ABOUT = (
    "images of magnet surfaces, five defects or none, with masks; several exposures of each tile"
)
FOLDER = "magnetic-tile"
HOME = "https://github.com/abin24/Magnetic-tile-defect-datasets."
LICENSE = "not stated"
SAME = (
    (797, 853, 937),  # fray, blowhole, free: 797 and 972 fray, 853 blowhole, 937 free
    (5892, 5907),
    (8676, 9196, 10410),
    (36246, 36290),
    (53049, 65031),
    (77531, 77583),  # fray, break
    (85602, 85781, 86828, 88149),
    (108719, 108889),
    (116934, 117030),  # break, free
    (276355, 276373),  # crack, break
    (306586, 309352),
    (331149, 331230),  # fray, free
    (355636, 358102),
)
_JUMP = 400


def read() -> Reading:
    """Reads image, class, mask (empty for most images without a defect) and tile."""
    reading = read_image_folder(folder_only(FOLDER, HOME))
    paths = [Path(path) for path in reading.frame["image"].values]
    names = [str(level) for level in reading.frame["class"].texts()]
    tiles = strings("tile", tiles_of(names, [path.name for path in paths]))
    frame = replace(reading.frame.replaced(tiles), origin="magnetic-tile")
    findings = tuple(finding for finding in reading.findings if finding.check != "masks")
    return Reading(frame, findings, answer="class")


def tiles_of(classes: Sequence[str], files: Sequence[str]) -> list[str]:
    """Returns the tile of each image, named by the lowest number among its images."""
    exposure, number = np.array([_numbers(file) for file in files], dtype=np.int64).reshape(-1, 2).T
    first = number.copy()
    for level in dict.fromkeys(classes):
        indices = np.flatnonzero(np.asarray(classes) == level)
        indices = indices[np.argsort(number[indices])]
        begins = (np.diff(number[indices]) > _JUMP) | (np.diff(exposure[indices]) <= 0)
        begins = np.concatenate([[True], begins])
        first[indices] = number[indices][begins][np.cumsum(begins) - 1]
    start = dict(zip(number.tolist(), first.tolist(), strict=True))
    for numbers in SAME:
        starts = [start[number] for number in numbers if number in start]
        first[np.isin(first, starts)] = min(starts, default=0)
    return [f"tile {name}" for name in first]


def _numbers(file: str) -> tuple[int, int]:
    match = re.fullmatch(r"exp(\d)_num_(\d+)\.jpg", file)
    if match is None:
        raise DataError(
            "an image of the magnetic tiles does not have a published name",
            got=file,
            allowed="expE_num_N.jpg",
        )
    return int(match[1]), int(match[2])
