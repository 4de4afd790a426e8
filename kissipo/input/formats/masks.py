"""Masks: for each image the image that marks what is to be found on it, by name.

A mask has the name of its image, perhaps with `_mask` behind it, and lies beside it with another ending, or in a folder of masks
that is built like the folder of images.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.input.formats.files import existing

_MARKS = ("_mask", "-mask", "_gt", "")


def masks_in(
    folder: Path, images: Sequence[Path], root: Path, suffixes: Sequence[str]
) -> NDArray[Any]:
    """The path of each image's mask in a folder of masks, None where it has none.

    root:     the folder of the images, whose inner folders the masks repeat, or leave out
    Raises:   DataError when no image has a mask, or a name belongs to two masks.
    """
    existing(folder, kind="folder")
    files = [each for each in sorted(folder.rglob("*")) if each.suffix.lower() in suffixes]
    by_place = _by_name(files, folder, keep_folders=True)
    by_name = _by_name(files, folder, keep_folders=False)
    found = np.empty(len(images), dtype=object)
    for at, image in enumerate(images):
        place = str(image.relative_to(root).with_suffix(""))
        masks = by_place.get(place) or by_name.get(image.stem, [])
        if len(masks) > 1:
            raise DataError(
                f"the image {image} has {len(masks)} masks",
                given=", ".join(str(mask) for mask in masks[:3]),
                do="Keep one of them, or put the masks into folders like those of the images",
            )
        found[at] = str(masks[0]) if masks else None
    if not any(found):
        raise DataError(
            f"no image of {root} has a mask in {folder}",
            given=f"images such as {images[0].name}, {len(files)} masks"
            + (f" such as {files[0].name}" if files else ""),
            do="Give each mask the name of its image",
        )
    return found


def masks_beside(images: Sequence[Path], others: Sequence[Path]) -> NDArray[Any]:
    """The same among files that lie beside the images."""
    masks = {each.with_suffix(""): str(each) for each in others}
    return np.array([masks.get(image.with_suffix("")) for image in images], dtype=object)


def _by_name(
    files: Sequence[Path], folder: Path, *, keep_folders: bool
) -> Mapping[str, list[Path]]:
    names: dict[str, list[Path]] = {}
    for file in files:
        plain = file.with_suffix("")
        name = str(plain.relative_to(folder)) if keep_folders else plain.name
        mark = next(each for each in _MARKS if name.endswith(each))
        names.setdefault(name.removesuffix(mark), []).append(file)
    return names
