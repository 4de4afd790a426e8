"""Folders of recordings: one folder per class, or file names that hold the class.

recordings/yes/1.wav                       the folder is the class
recordings/train/yes/, recordings/test/yes/   folders of a split above the classes
recordings/7_theo_12.wav                   input.name_pattern={digit}_{speaker}_{number}

Example:  >>> fields_of("{digit}_{speaker}_{_}", "7_theo_12")
          {'digit': '7', 'speaker': 'theo'}
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._image_kinds import SUFFIXES as IMAGES
from kissipo.codec._sound import SUFFIXES
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, counted
from kissipo.core.frame import Column, strings
from kissipo.core.text import list_some
from kissipo.input.formats.files import existing
from kissipo.input.formats.images.image_files import files_below, is_system, subfolders
from kissipo.input.formats.images.image_folder import class_names
from kissipo.input.formats.split_folders import PARTS, is_part_name, part_of

SOUND, FILE, CLASS = "sound", "file", "class"
_FIELD = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class Place:
    """A recording that is not opened yet: its file, or the part between two times."""

    path: Path
    start: float = 0.0
    end: float | None = None


@dataclass(frozen=True)
class Recordings:
    """Recordings with what their folder or their table says of each.

    columns:  one entry per recording: file, class, speaker ...
    answer:   the name of the column of classes; empty without one
    parts:    the positions of a published split, if there is one
    """

    places: tuple[Place, ...]
    columns: tuple[Column, ...]
    answer: str = ""
    parts: Mapping[str, NDArray[np.int64]] | None = None
    findings: tuple[Finding, ...] = ()
    origin: str = field(default="the recordings")


def is_sound(path: Path) -> bool:
    """Whether a file is a recording, by its ending."""
    return path.suffix.lower() in SUFFIXES


def sounds_below(folder: Path) -> list[Path]:
    """Returns the recordings of a folder and of its subfolders, sorted."""
    return sorted(path for path in files_below(folder).others if is_sound(path))


def is_sound_folder(folder: Path) -> bool:
    """Whether a folder holds more recordings than images, by their endings."""
    sounds = images = 0
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_system(Path(name))]
        endings = [os.path.splitext(name)[1].lower() for name in files]
        sounds += sum(ending in SUFFIXES for ending in endings)
        images += sum(ending in IMAGES for ending in endings)
    return sounds > images


def has_class_folders(folder: Path) -> bool:
    """Whether recordings lie in folders of their own."""
    return any(sounds_below(path) for path in subfolders(folder))


def fields_of(pattern: str, name: str) -> dict[str, str]:
    """Returns the fields of a file name; empty for a name of another form.

    A field is as short as possible, and one whose name begins with _ is not kept.

    Raises:   TaskError for a pattern without a field, or with one twice.
    """
    match = _compiled(pattern).fullmatch(name)
    named = match.groupdict() if match else {}
    return {key: value for key, value in named.items() if not key.startswith("_")}


def read_sound_folder(
    folder: Path,
    *,
    name_pattern: str | None = None,
    split_folders: bool = True,
    unlabeled: bool = False,
) -> Recordings:
    """Returns the recordings of a folder with their classes.

    name_pattern:   the fields of each file name
    split_folders:  whether folders named train, validation and test are the split
    unlabeled:      whether the recordings need no class
    Raises:         DataError for a folder without recordings, or without their classes.
    """
    root = _unwrapped(existing(folder, kind="folder"))
    findings: list[Finding] = []
    parts = _part_folders(root)
    groups = [(part, place) for part, places in parts.items() for place in places]
    files: list[Path] = []
    classes: list[str | None] = []
    member: list[str] = []
    for part, top in groups or [("", root)]:
        inside = [path for path in subfolders(top) if sounds_below(path)]
        skipped = [path for path in inside if path.name.startswith("_")]
        findings += [_skipped_finding(path) for path in skipped]
        for place in [path for path in inside if path not in skipped]:
            some = sounds_below(place)
            files += some
            classes += [place.name] * len(some)
            member += [part] * len(some)
        loose = [path for path in sorted(top.iterdir()) if is_sound(path) and not is_system(path)]
        if loose and inside and name_pattern is None and not unlabeled:
            message = f"{counted(len(loose), 'recording')} outside the class folders"
            findings.append(Finding("WARN", "loose recordings", message, "left out"))
            loose = []
        files += loose
        classes += [None] * len(loose)
        member += [part] * len(loose)
    if not files:
        raise DataError(
            f"{folder} holds no recordings",
            allowed="files ending in " + ", ".join(SUFFIXES),
        )
    findings += _other_files(root)
    columns, answer = _columns(root, files, classes, name_pattern, findings)
    if not answer and not unlabeled:
        raise _without_classes(folder, files)
    split = _split(member, parts, findings, use=split_folders) if groups else None
    places = tuple(Place(path) for path in files)
    return Recordings(places, columns, answer, split, tuple(findings), str(folder))


def _columns(
    root: Path,
    files: Sequence[Path],
    classes: Sequence[str | None],
    pattern: str | None,
    findings: list[Finding],
) -> tuple[tuple[Column, ...], str]:
    """Returns the columns of recordings, and the name of their answer."""
    columns = [strings(FILE, [path.relative_to(root).as_posix() for path in files])]
    answer = ""
    if any(classes):
        names, name_findings = class_names([name for name in classes if name])
        findings += name_findings
        columns.append(strings(CLASS, [names[name] if name else None for name in classes]))
        answer = CLASS
    if pattern is None:
        return tuple(columns), answer
    deep = "/" in pattern
    rows = [
        fields_of(pattern, path.relative_to(root).with_suffix("").as_posix() if deep else path.stem)
        for path in files
    ]
    fields = list(dict.fromkeys(name for row in rows for name in row))
    unmatched = [path.name for path, row in zip(files, rows, strict=True) if not row]
    if not fields:
        raise DataError(
            f"no recording of {root} has a name of the form '{pattern}'",
            got=f"names such as {files[0].name}",
            do="Change input.name_pattern; each {name} in it stands for a part of the name",
        )
    if unmatched:
        message = f"{counted(len(unmatched), 'recording')} of {len(files)} have a name that is not "
        message += f"of the form '{pattern}': {list_some(unmatched, 2)}"
        findings.append(Finding("WARN", "names", message, "they have no class and are left out"))
    columns += [strings(name, [row.get(name) for row in rows]) for name in fields]
    return tuple(columns), answer or fields[0]


def _compiled(pattern: str) -> re.Pattern[str]:
    names = [name for name in _FIELD.findall(pattern) if name not in ("", "_")]
    if not _FIELD.search(pattern) or len(set(names)) < len(names):
        raise TaskError(
            "input.name_pattern names no part of a file name, or one part twice",
            got=f"'{pattern}'",
            allowed="a form such as {class}_{speaker}_{number}; {_} is not kept",
        )
    pieces = _FIELD.split(pattern)
    return re.compile(
        "".join(
            re.escape(piece)
            if number % 2 == 0
            else (f"(?P<{piece}>.+?)" if piece not in ("", "_") else ".+?")
            for number, piece in enumerate(pieces)
        )
    )


def _unwrapped(folder: Path) -> Path:
    """Returns the only folder inside a folder, as long as it holds nothing else."""
    while True:
        inside = subfolders(folder)
        direct = any(is_sound(path) for path in folder.iterdir())
        if len(inside) != 1 or direct:
            return folder
        deeper = subfolders(inside[0])
        if not deeper:
            return folder
        folder = inside[0]


def _part_folders(root: Path) -> dict[str, list[Path]]:
    """Returns the folders of each part of a split; empty without a training folder."""
    inside = [path for path in subfolders(root) if sounds_below(path)]
    if len(inside) < 2 or not all(map(is_part_name, inside)):
        return {}
    parts = {part: [path for path in inside if part_of(path.name) == part] for part in PARTS}
    return parts if parts["train"] and sum(map(bool, parts.values())) > 1 else {}


def _split(
    member: Sequence[str],
    parts: Mapping[str, Sequence[Path]],
    findings: list[Finding],
    *,
    use: bool,
) -> dict[str, NDArray[np.int64]] | None:
    names = list_some([path.name for places in parts.values() for path in places], 3)
    if not use:
        message = f"the folders {names} are joined, as input.split_folders=false says"
        findings.append(Finding("WARN", "split", message, "the split is drawn at random"))
        return None
    rows = {part: np.flatnonzero(np.array(member) == part) for part in PARTS}
    rows = {part: some for part, some in rows.items() if len(some)}
    counts = ", ".join(f"{part} {len(some)}" for part, some in rows.items())
    message = f"the folders {names} are the split ({counts} recordings)"
    action = "input.split_folders=false joins them and splits at random"
    findings.append(Finding("PASS", "split", message, action))
    return rows


def _skipped_finding(folder: Path) -> Finding:
    message = f"the folder {folder.name} begins with _ and is not a class"
    return Finding("WARN", "class names", message, "left out; rename it to use it")


def _other_files(root: Path) -> list[Finding]:
    """Reports the files that are not recordings."""
    files = files_below(root)
    others = [path for path in files.others if not is_sound(path)]
    others += list(files.images)
    if not others:
        return []
    verb = "is not a recording" if len(others) == 1 else "are not recordings"
    message = f"{counted(len(others), 'file')} {verb}: {list_some([p.name for p in others], 2)}"
    return [Finding("PASS", "other files", message, "left out")]


def _without_classes(folder: Path, files: Sequence[Path]) -> DataError:
    return DataError(
        f"nothing says of which class the recordings of {folder} are",
        got=f"{counted(len(files), 'recording')} without class folders, such as {files[0].name}",
        do=f"Sort them into folders such as {folder}/yes and {folder}/no; or say what their "
        "names hold: input.name_pattern={class}_{speaker}_{number}; or give a table with the "
        "columns file and label: input.labels=labels.csv",
    )
