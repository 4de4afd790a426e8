"""Masks: for each picture the picture that marks what is to be found on it, by name.

A mask has the name of its picture, perhaps with `_mask` behind it, and lies beside it with another ending, or in a folder of masks
that is built like the folder of pictures.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.input.formats.files import existing

_MARKS = ("_mask", "-mask", "_gt", "")


def masks_in(folder: Path, pictures: Sequence[Path], root: Path, suffixes: Sequence[str]) -> NDArray[Any]:
    """The path of each picture's mask in a folder of masks, None where it has none.

    root:     the folder of the pictures, whose inner folders the masks repeat, or leave out
    Raises:   DataError when no picture has a mask, or a name belongs to two masks.
    """
    existing(folder, kind="folder")
    files = [each for each in sorted(folder.rglob("*")) if each.suffix.lower() in suffixes]
    by_place = _by_name(files, folder, keep_folders=True)
    by_name = _by_name(files, folder, keep_folders=False)
    found = np.empty(len(pictures), dtype=object)
    for at, picture in enumerate(pictures):
        place = str(picture.relative_to(root).with_suffix(""))
        masks = by_place.get(place) or by_name.get(picture.stem, [])
        if len(masks) > 1:
            raise DataError(
                f"the picture {picture} has {len(masks)} masks",
                given=", ".join(str(mask) for mask in masks[:3]),
                do="Keep one of them, or put the masks into folders like those of the pictures",
            )
        found[at] = str(masks[0]) if masks else None
    if not any(found):
        raise DataError(
            f"no picture of {root} has a mask in {folder}",
            given=f"pictures such as {pictures[0].name}, {len(files)} masks"
            + (f" such as {files[0].name}" if files else ""),
            do="Give each mask the name of its picture",
        )
    return found


def masks_beside(pictures: Sequence[Path], others: Sequence[Path]) -> NDArray[Any]:
    """The same among files that lie beside the pictures."""
    masks = {each.with_suffix(""): str(each) for each in others}
    return np.array([masks.get(picture.with_suffix("")) for picture in pictures], dtype=object)


def _by_name(files: Sequence[Path], folder: Path, *, keep_folders: bool) -> Mapping[str, list[Path]]:
    names: dict[str, list[Path]] = {}
    for file in files:
        plain = file.with_suffix("")
        name = str(plain.relative_to(folder)) if keep_folders else plain.name
        mark = next(each for each in _MARKS if name.endswith(each))
        names.setdefault(name.removesuffix(mark), []).append(file)
    return names
