"""COCO128: 128 photographs with 929 boxes of 71 everyday things, from COCO train2017.

The boxes come from the files of YOLO. Two images show nothing that has a box. Few
images for so many classes: this set is for trying things out, not for scores.

Source:   Lin et al., Microsoft COCO: Common Objects in Context, 2014; the first 128
          images as published with YOLOv5.
License:  annotations CC BY 4.0; images under their terms at Flickr.
"""

from dataclasses import replace

from kissipo.input.datasets.download import folder_only
from kissipo.input.formats.boxes.box_list import BoxWords
from kissipo.input.formats.boxes.box_yolo import read_yolo
from kissipo.input.formats.boxes.image_boxes import with_boxes
from kissipo.input.formats.images.image_folder import read_image_folder
from kissipo.input.source_data import Reading

SOURCES = ("images",)
ANSWER = "boxes"
ABOUT = "128 photographs with boxes of 71 everyday things"
FOLDER = "coco128"
HOME = "https://www.kaggle.com/datasets/ultralytics/coco128"
LICENSE = "CC BY 4.0"


def read() -> Reading:
    """Reads the images and their boxes."""
    folder = folder_only(FOLDER, HOME)
    reading = read_image_folder(folder / "images", flat=True)
    boxes = replace(read_yolo(folder / "labels", BoxWords()), findings=())
    reading = with_boxes(reading, boxes, folder / "images", missing="empty")
    return replace(reading, frame=replace(reading.frame, origin="coco128"))
