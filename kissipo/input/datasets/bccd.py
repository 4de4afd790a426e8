"""BCCD: 364 microscope images of blood with 4,886 boxes of red and white cells and
platelets.

The published lists trainval and test are the split: 292 and 72 images. Validation
images are drawn from trainval (`input.split.validation`). Two of the published boxes
have no area and are left out.

Source:   Shenggan, BCCD Dataset, 2017; https://github.com/Shenggan/BCCD_Dataset.
License:  MIT.
"""

from dataclasses import replace

from kissipo.core.errors import DataError
from kissipo.input.datasets.download import folder_only
from kissipo.input.formats.boxes.box_list import BoxWords
from kissipo.input.formats.boxes.box_table import read_box_table
from kissipo.input.formats.boxes.image_boxes import with_boxes
from kissipo.input.formats.images.image_folder import read_image_folder
from kissipo.input.formats.split_lists import positions_in_list
from kissipo.input.source_data import Reading

SOURCES = ("images",)
ANSWER = "boxes"
ABOUT = "364 images of blood with boxes of red cells, white cells and platelets, published split"
FOLDER = "bccd"
HOME = "https://github.com/Shenggan/BCCD_Dataset"
LICENSE = "MIT"


def read() -> Reading:
    """Reads the images, their boxes and the published split."""
    folder = folder_only(FOLDER, HOME)
    reading = read_image_folder(folder / "images", flat=True)
    boxes = read_box_table(folder / "boxes.csv", BoxWords("xyxy", "pixels"))
    boxes = replace(boxes, findings=())
    reading = with_boxes(reading, boxes, folder / "images")
    images = reading.frame["image"].values.tolist()
    lists = {"train": folder / "splits" / "trainval.txt", "test": folder / "splits" / "test.txt"}
    parts = {part: positions_in_list(path, images) for part, path in lists.items()}
    if sum(map(len, parts.values())) != len(images):
        raise DataError(
            f"the lists in {folder / 'splits'} are not the published split of bccd",
            got=", ".join(f"{len(rows)} in {part}" for part, rows in parts.items()),
            allowed=f"each of the {len(images)} images once",
            do=f"Download the data set again from {HOME}",
        )
    return replace(reading, frame=replace(reading.frame, origin="bccd"), parts=parts)
