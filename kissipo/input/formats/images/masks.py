"""Masks: finds the segmentation mask of each image by its name.

A mask has the name of its image, optionally followed by `_mask`. It lies beside the
image with another file extension, or in a mask folder with the same subfolders.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.input.formats.files import existing
from kissipo.input.formats.images.image_files import files_below

_SUFFIXES = ("_mask", "-mask", "_gt", "")
IMAGE_FOLDERS = frozenset(("images", "image", "imgs", "img", "photos", "jpegimages"))
MASK_FOLDERS = frozenset(
    (
        *("masks", "mask", "labels", "label", "annotations", "annotation", "gt"),
        *("ground_truth", "groundtruth", "segmentation", "segmentationclass"),
    )
)


def masks_in(
    folder: Path, images: Sequence[Path], root: Path, suffixes: Sequence[str]
) -> NDArray[np.object_]:
    """Returns the path of each image's mask in a mask folder, or None.

    root:     folder of the images; masks may repeat its subfolders or leave them out
    Raises:   DataError when no image has a mask, or a name belongs to two masks.
    """
    existing(folder, kind="folder")
    files = [path for path in files_below(folder).images if path.suffix.lower() in suffixes]
    by_path = _by_name(files, folder, keep_folders=True)
    by_name = _by_name(files, folder, keep_folders=False)
    paths = np.empty(len(images), dtype=object)
    for index, image in enumerate(images):
        relative_path = str(image.relative_to(root).with_suffix(""))
        masks = by_path.get(relative_path) or by_name.get(image.stem, [])
        if len(masks) > 1:
            raise DataError(
                f"the image {image} has {len(masks)} masks",
                got=", ".join(str(mask) for mask in masks[:3]),
                do="Keep one of them, or put the masks into the same subfolders as the images",
            )
        paths[index] = str(masks[0]) if masks else None
    if not any(paths):
        raise DataError(
            f"no image of {root} has a mask in {folder}",
            got=f"images such as {images[0].name}, {len(files)} masks"
            + (f" such as {files[0].name}" if files else ""),
            do="Give each mask the name of its image",
        )
    return paths


def masks_beside(images: Sequence[Path], others: Sequence[Path]) -> NDArray[np.object_]:
    """Returns the path of each image's mask among other files, or None."""
    masks = {path.with_suffix(""): str(path) for path in others}
    return np.array([masks.get(image.with_suffix("")) for image in images], dtype=object)


def _by_name(
    files: Sequence[Path], folder: Path, *, keep_folders: bool
) -> Mapping[str, list[Path]]:
    names: dict[str, list[Path]] = {}
    for file in files:
        plain = file.with_suffix("")
        name = str(plain.relative_to(folder)) if keep_folders else plain.name
        names.setdefault(without_suffix(name), []).append(file)
    return names


def refuse_masks_as_class(root: Path, images: Mapping[Path, Sequence[Path]]) -> None:
    """Refuses folders of images and of their masks that would be two classes.

    Raises:   DataError with the way to name the masks.
    """
    names = {folder.name.lower(): folder.name for folder in images}
    masks = [name for name in names if name in MASK_FOLDERS]
    photos = [name for name in names if name in IMAGE_FOLDERS]
    if len(masks) != 1 or len(photos) != 1 or len(names) != 2:
        return
    stems = {
        path.stem
        for folder, paths in images.items()
        for path in paths
        if folder.name.lower() == photos[0]
    }
    named = {
        without_suffix(path.stem)
        for folder, paths in images.items()
        for path in paths
        if folder.name.lower() == masks[0]
    }
    if not named:
        raise DataError(
            f"the folders {names[masks[0]]} of {root} hold no images",
            got=f"images in {names[photos[0]]} alone",
            do="Masks are images; boxes stand in a table boxes.csv with the columns file, "
            "label, x_min, y_min, x_max, y_max in pixels",
        )
    if 2 * len(stems & named) < len(named):
        return
    image_folder, mask_folder = names[photos[0]], names[masks[0]]
    is_flat = all(folder.parent == root for folder in images)
    move = f"Move them to {root}/{image_folder}/PART and {root}/{mask_folder}/PART, then name both"
    raise DataError(
        f"the folders {image_folder} and {mask_folder} of {root} are not classes: "
        "their files have the same names",
        do=f"{'Name both' if is_flat else move}: "
        f"kissipo fit {root}/{image_folder} input.masks={root}/{mask_folder}",
    )


def without_suffix(name: str) -> str:
    """Returns the name of an image from that of its mask."""
    suffix = next(suffix for suffix in _SUFFIXES if name.endswith(suffix))
    return name.removesuffix(suffix)
