"""A folder of pictures, one folder inside it per class, into a frame of paths and classes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, pictures, strings
from kissipo.input.formats.files import existing
from kissipo.input.reading import Reading

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_COMPANION_SHARE = 0.9


def read_picture_folder(folder: Path) -> Reading:
    """Every picture below each class folder; other files are counted and left aside, and so are masks.

    Raises:   DataError when it is no folder, has no class folders, or a class has no pictures.
    """
    existing(folder, kind="folder")
    classes = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    loose = [each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES]
    if not classes:
        given = f"{len(loose)} pictures and no folders" if loose else "no folders"
        example = f"Sort the pictures into folders such as {folder}/good and {folder}/bad"
        example += "" if loose else ". Records of games of go end in .sgf"
        raise DataError(f"{folder} must hold one folder per class", given=given, do=example)
    files = {inside.name: _files(inside) for inside in classes}
    found = {name: [path for path in paths if path.suffix.lower() in SUFFIXES] for name, paths in files.items()}
    findings = _note_others(_count(files) - _count(found), loose)
    found, masks = _without_companions(found)
    empty = [name for name, paths in found.items() if not paths]
    if empty:
        allowed = "files ending in " + ", ".join(SUFFIXES)
        raise DataError(f"the class folder {folder / empty[0]} holds no pictures", allowed=allowed)
    paths = [str(path) for some in found.values() for path in some]
    names = [name for name, some in found.items() for _ in some]
    frame = Frame((pictures("picture", np.asarray(paths, dtype=object)), strings("class", names)), origin=str(folder))
    return Reading(frame, tuple(findings + masks), answer="class")


def _files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.rglob("*") if each.is_file() and not each.name.startswith("."))


def _count(files: dict[str, list[Path]]) -> int:
    return sum(len(paths) for paths in files.values())


def _note_others(count: int, loose: list[Path]) -> list[Finding]:
    findings = []
    if count:
        findings.append(
            Finding("WARN", "other files", f"{count} files in the class folders are no pictures", "left out")
        )
    if loose:
        findings.append(
            Finding(
                "WARN",
                "loose pictures",
                f"{len(loose)} pictures lie outside the class folders",
                "left out: they have no class",
            )
        )
    return findings


def _without_companions(found: dict[str, list[Path]]) -> tuple[dict[str, list[Path]], list[Finding]]:
    """Masks lie beside their pictures under the same name with another ending; a net that saw them would read the answer."""
    endings = Counter(path.suffix.lower() for paths in found.values() for path in paths)
    stems = Counter(path.with_suffix("") for paths in found.values() for path in paths)
    paired = sum(count > 1 for count in stems.values())
    photo = next((ending for ending in (".jpg", ".jpeg") if endings[ending]), None)
    if photo is None or not paired or paired < _COMPANION_SHARE * len(stems):
        return found, []
    kept = {name: [path for path in paths if path.suffix.lower() == photo] for name, paths in found.items()}
    left = _count(found) - _count(kept)
    others = ", ".join(sorted(ending for ending in endings if ending != photo))
    message = f"{left} pictures ({others}) share the name of a {photo} picture beside them: they look like masks"
    return kept, [Finding("WARN", "masks", message, f"only the {photo} pictures are used")]
