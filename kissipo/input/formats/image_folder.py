"""A folder of images, one folder inside it per class, into a frame of paths and classes, and of masks where there are any."""

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


def read_image_folder(folder: Path, *, masks: Path | None = None) -> Reading:
    """Every image below each class folder; other files are counted and left aside. With masks, images need no class.

    masks:    the folder of the masks; without it those that lie beside the images, if any, are taken for masks
    Raises:   DataError when it is no folder, has no class folders, or a class has no images.
    """
    existing(folder, kind="folder")
    inside = sorted(
        each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")
    )
    inside = [each for each in inside if masks is None or each.resolve() != masks.resolve()]
    loose = images_of(folder)
    if not inside and not (loose and _may_be_flat(loose, masks)):
        given = f"{len(loose)} images and no folders" if loose else "no folders"
        example = f"Sort the images into folders such as {folder}/good and {folder}/bad"
        example += (
            ", or say input.masks=FOLDER" if loose else ". Records of games of go end in .sgf"
        )
        raise DataError(f"{folder} must hold one folder per class", given=given, do=example)
    files = {each.name: _files(each) for each in inside}
    found = {
        name: [path for path in paths if path.suffix.lower() in SUFFIXES]
        for name, paths in files.items()
    }
    findings = _note_others(_count(files) - _count(found), loose if inside else [])
    if not inside:
        found = {"": loose}
    found, beside, told = _without_companions(found) if masks is None else (found, [], [])
    empty = [name for name, paths in found.items() if not paths]
    if empty:
        allowed = "files ending in " + ", ".join(SUFFIXES)
        raise DataError(f"the class folder {folder / empty[0]} holds no images", allowed=allowed)
    paths = [path for some in found.values() for path in some]
    columns = [image_column("image", np.asarray([str(path) for path in paths], dtype=object))]
    if inside:
        columns.append(strings("class", [name for name, some in found.items() for _ in some]))
    if masks is not None:
        columns.append(image_column(MASK, masks_in(masks, paths, folder, SUFFIXES)))
    elif beside:
        columns.append(image_column(MASK, masks_beside(paths, beside)))
    return Reading(
        Frame(tuple(columns), origin=str(folder)),
        (*findings, *told),
        answer="class" if inside else "",
    )


def images_of(folder: Path) -> list[Path]:
    """The images that lie in a folder itself."""
    return sorted(
        each for each in folder.iterdir() if each.is_file() and each.suffix.lower() in SUFFIXES
    )


def images_below(folder: Path) -> list[Path]:
    """All images of a folder and the folders in it; masks beside them are left out."""
    found = {"": [path for path in _files(folder) if path.suffix.lower() in SUFFIXES]}
    return _without_companions(found)[0][""]


def _may_be_flat(loose: Sequence[Path], masks: Path | None) -> bool:
    """Whether images need no folders, as their masks are the answer."""
    return masks is not None or bool(_without_companions({"": list(loose)})[1])


def _files(folder: Path) -> list[Path]:
    return sorted(
        each for each in folder.rglob("*") if each.is_file() and not each.name.startswith(".")
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
                f"{count} files in the class folders are no images",
                "left out",
            )
        )
    if loose:
        told = f"{counted(len(loose), 'image')} outside the class folders"
        findings.append(Finding("WARN", "loose images", told, "left out: they have no class"))
    return findings


def _without_companions(
    found: dict[str, list[Path]],
) -> tuple[dict[str, list[Path]], list[Path], list[Finding]]:
    """Masks lie beside their images under the same name with another ending; a net that saw them would read the answer."""
    endings = Counter(path.suffix.lower() for paths in found.values() for path in paths)
    stems = Counter(path.with_suffix("") for paths in found.values() for path in paths)
    paired = sum(count > 1 for count in stems.values())
    photo = next((ending for ending in (".jpg", ".jpeg") if endings[ending]), None)
    if photo is None or not paired or paired < _COMPANION_SHARE * len(stems):
        return found, [], []
    kept = {
        name: [path for path in paths if path.suffix.lower() == photo]
        for name, paths in found.items()
    }
    others = [path for paths in found.values() for path in paths if path.suffix.lower() != photo]
    named = ", ".join(sorted(ending for ending in endings if ending != photo))
    message = f"{len(others)} images ({named}) share the name of a {photo} image beside them: they look like masks"
    return (
        kept,
        others,
        [Finding("WARN", "masks", message, "only the answer output.mask reads them")],
    )
