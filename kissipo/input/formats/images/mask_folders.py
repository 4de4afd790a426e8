"""Folders of images beside folders of their masks, such as images/ and masks/.

tiles/images, tiles/masks                      perhaps with train/ and test/ in both
tiles/train/images, tiles/train/masks          the same in each folder of a split

Files of the same names are a pair. Masks are gray or have a palette, and few values:
two folders of photos stay two classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._image import is_color, open_mask
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.text import list_some
from kissipo.input.formats.images.image_files import files_below, files_in, subfolders
from kissipo.input.formats.images.masks import IMAGE_FOLDERS, MASK_FOLDERS, without_suffix
from kissipo.input.formats.split_folders import (
    PARTS,
    ClassFolder,
    FolderTree,
    class_tree,
    is_part_name,
    part_of,
    unwrapped,
)

_SAMPLE = 5
_MAX_VALUES = 32
_BLACK, _WHITE, _MOSTLY = 16, 239, 0.9


@dataclass(frozen=True)
class MaskTree:
    """Folders of images with the folder of the masks of each.

    tree:      the folders of images, as the parts of the split where there are parts
    masks:     the folder of images that its masks are for, and the folder of the masks
    findings:  what was read as what
    """

    tree: FolderTree
    masks: dict[ClassFolder, tuple[Path, Path]]
    findings: tuple[Finding, ...]


def mask_tree(folder: Path) -> MaskTree | None:
    """Returns the images and masks below a folder, or None where they are not beside
    each other."""
    root = unwrapped(folder)
    pair = _pair(root)
    if pair is not None:
        images, masks = pair
        tree = class_tree(images, masks=masks, flat=True)
        places = tree.classes or (ClassFolder("", images),)
        places = tuple(ClassFolder("", place.folder, place.part) for place in places)
        tree = FolderTree(tree.root, places, tree.parts, tree.unused)
        return MaskTree(tree, dict.fromkeys(places, pair), (_finding(root, [pair]),))
    return _below_parts(root)


def _below_parts(root: Path) -> MaskTree | None:
    """Returns the tree where each folder of a split holds images and masks."""
    parts = [path for path in subfolders(root) if is_part_name(path)]
    pairs = {path: pair for path in parts if (pair := _pair(path)) is not None}
    if "train" not in {part_of(path.name) for path in pairs}:
        return None
    ordered = sorted(pairs, key=lambda path: PARTS.index(part_of(path.name)))
    masks = {ClassFolder("", pairs[path][0], part_of(path.name)): pairs[path] for path in ordered}
    named = {part: [path.name for path in ordered if part_of(path.name) == part] for part in PARTS}
    unused = [path for path in subfolders(root) if path not in pairs]
    unused = [path for path in unused if files_below(path).has_images]
    has_split = len(pairs) > 1
    tree = FolderTree(root, tuple(masks), named if has_split else {}, tuple(unused))
    return MaskTree(tree, masks, (_finding(root, [pairs[path] for path in ordered]),))


def _pair(folder: Path) -> tuple[Path, Path] | None:
    """Returns the folder of images and that of their masks in a folder."""
    if not folder.is_dir() or files_in(folder).has_images:
        return None
    inside = subfolders(folder)
    photos = [path for path in inside if path.name.lower() in IMAGE_FOLDERS]
    masks = [path for path in inside if path.name.lower() in MASK_FOLDERS]
    others = [path for path in inside if path not in (*photos, *masks)]
    if len(photos) != 1 or len(masks) != 1 or any(files_below(path).has_images for path in others):
        return None
    photo_files, mask_files = files_below(photos[0]).images, files_below(masks[0]).images
    stems = {path.stem for path in photo_files}
    shared = [path for path in mask_files if without_suffix(path.stem) in stems]
    if not shared or 2 * len(shared) < len(mask_files) or not _are_masks(shared[:_SAMPLE]):
        return None
    return photos[0], masks[0]


def _are_masks(paths: Sequence[Path]) -> bool:
    """Whether gray images have few values, or are black and white but for their
    edges."""
    try:
        return all(not is_color(path) and _is_flat(np.asarray(open_mask(path))) for path in paths)
    except DataError:
        return False


def _is_flat(values: NDArray[np.uint8]) -> bool:
    few = len(np.unique(values)) <= _MAX_VALUES
    return few or float(np.mean((values < _BLACK) | (values > _WHITE))) > _MOSTLY


def _finding(root: Path, pairs: Sequence[tuple[Path, Path]]) -> Finding:
    counts = [len(files_below(masks).images) for _, masks in pairs]
    names = list_some((str(masks.relative_to(root)) for _, masks in pairs), 3)
    photos = list_some((str(images.relative_to(root)) for images, _ in pairs), 3)
    message = f"{names} {'holds' if len(pairs) == 1 else 'hold'} {counted(sum(counts), 'mask')}"
    action = "input.masks=FOLDER names another folder of masks"
    return Finding("PASS", "masks", f"{message} of the images in {photos}", action)
