"""Image folders: one folder per class, with or without segmentation masks."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Frame, image_column, strings
from kissipo.input.formats.files import existing
from kissipo.input.formats.masks import masks_beside, masks_in
from kissipo.input.source_data import Reading

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
MASK = "mask"
_COMPANION_SHARE = 0.9


def read_image_folder(folder: Path, *, masks: Path | None = None, flat: bool = False) -> Reading:
    """Reads every image of each class folder; other files are counted and skipped.

    With masks, the images need no class folders.

    masks:    folder of the masks; by default the masks are searched beside the images
    flat:     whether the images need no class folders, because boxes are the target
    Raises:   DataError when it is not a folder, has no class folders, or a class has no
              images.
    """
    existing(folder, kind="folder")
    folders = _folders(folder)
    folders = [path for path in folders if masks is None or path.resolve() != masks.resolve()]
    loose = images_of(folder)
    if not folders and not (loose and (flat or _may_be_flat(loose, masks))):
        content = f"{len(loose)} images and no folders" if loose else "no folders"
        example = f"Sort the images into folders such as {folder}/good and {folder}/bad"
        example += ", or set input.masks=FOLDER or input.boxes=boxes.csv" if loose else ""
        raise DataError(f"{folder} must contain one folder per class", got=content, do=example)
    files = {path.name: _files(path) for path in folders}
    images = {
        name: [path for path in paths if path.suffix.lower() in SUFFIXES]
        for name, paths in files.items()
    }
    findings = _note_others(_count(files) - _count(images), loose if folders else [])
    if not folders:
        images = {"": loose}
    images, beside, mask_findings = (
        _without_companions(images) if masks is None else (images, [], [])
    )
    empty = [name for name, paths in images.items() if not paths]
    if empty:
        allowed = "files ending in " + ", ".join(SUFFIXES)
        raise DataError(f"the class folder {folder / empty[0]} contains no images", allowed=allowed)
    paths = [path for paths in images.values() for path in paths]
    columns = [image_column("image", np.asarray([str(path) for path in paths], dtype=object))]
    if folders:
        columns.append(strings("class", [name for name, paths in images.items() for _ in paths]))
    if masks is not None:
        columns.append(image_column(MASK, masks_in(masks, paths, folder, SUFFIXES)))
    elif beside:
        columns.append(image_column(MASK, masks_beside(paths, beside)))
    return Reading(
        Frame(tuple(columns), origin=str(folder)),
        (*findings, *mask_findings),
        answer="class" if folders else "",
    )


def has_no_folders(folder: Path) -> bool:
    """Returns whether a folder has no class folders."""
    return not _folders(folder)


def _folders(folder: Path) -> list[Path]:
    return sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def images_of(folder: Path) -> list[Path]:
    """Returns the images directly in a folder."""
    return sorted(
        path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES
    )


def images_below(folder: Path) -> list[Path]:
    """Returns all images of a folder and its subfolders, without masks beside them."""
    images = {"": [path for path in _files(folder) if path.suffix.lower() in SUFFIXES]}
    return _without_companions(images)[0][""]


def _may_be_flat(loose: Sequence[Path], masks: Path | None) -> bool:
    """Whether images need no class folders because masks are the target."""
    return masks is not None or bool(_without_companions({"": list(loose)})[1])


def _files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def _count(files: dict[str, list[Path]]) -> int:
    return sum(len(paths) for paths in files.values())


def _note_others(count: int, loose: list[Path]) -> list[Finding]:
    findings = []
    if count:
        findings.append(
            Finding(
                "WARN",
                "other files",
                f"{count} files in the class folders are not images",
                "left out",
            )
        )
    if loose:
        message = f"{counted(len(loose), 'image')} outside the class folders"
        findings.append(Finding("WARN", "loose images", message, "left out: they have no class"))
    return findings


def _without_companions(
    images: dict[str, list[Path]],
) -> tuple[dict[str, list[Path]], list[Path], list[Finding]]:
    """Separates images from masks with the same name and another file extension.

    A net that received the masks as inputs would see the target.
    """
    endings = Counter(path.suffix.lower() for paths in images.values() for path in paths)
    stems = Counter(path.with_suffix("") for paths in images.values() for path in paths)
    paired = sum(count > 1 for count in stems.values())
    photo = next((ending for ending in (".jpg", ".jpeg") if endings[ending]), None)
    if photo is None or not paired or paired < _COMPANION_SHARE * len(stems):
        return images, [], []
    photos = {
        name: [path for path in paths if path.suffix.lower() == photo]
        for name, paths in images.items()
    }
    others = [path for paths in images.values() for path in paths if path.suffix.lower() != photo]
    named = ", ".join(sorted(ending for ending in endings if ending != photo))
    message = (
        f"{len(others)} images ({named}) share the name of a {photo} image beside them: "
        "they look like masks"
    )
    return (
        photos,
        others,
        [Finding("WARN", "masks", message, "only output.mask uses them")],
    )
