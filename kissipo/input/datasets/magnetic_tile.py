"""Magnetic tile: pictures of magnet surfaces, free of defects or with one of five, and a mask of each defect.

Source:   Huang, Qiu and Yuan, Surface defect saliency of magnetic tile, The Visual Computer 2020.
Licence:  none stated; the authors welcome its use and ask to be cited.
"""

from kissipo.input.datasets.download import folder_only
from kissipo.input.formats.picture_folder import read_picture_folder
from kissipo.input.reading import Reading

SOURCES = ("images",)
ABOUT = "pictures of magnet surfaces, five defects or none, a folder per class"
HOME = "https://github.com/abin24/Magnetic-tile-defect-datasets."
LICENCE = "not stated"


def read() -> Reading:
    """Pictures by class; the masks (png beside jpg) are left aside."""
    return read_picture_folder(folder_only("magnetic-tile", HOME))
