"""Lists of a split beside images: train.txt, val.txt and test.txt, one image per line.

A line is a path below the folder, with or without its ending, perhaps with a label
behind it. The lists lie in the folder, or in one called meta, splits or the like, or in
ImageSets/Main. Without a list of validation images, trainval.txt is that of training.
Or one list numbers the images, and another says of each number where it belongs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding, counted
from kissipo.core.text import list_some
from kissipo.input.formats.images.image_files import is_system, subfolders
from kissipo.input.formats.split_folders import PARTS, is_part_name, part_of

_ENDINGS = (".txt", ".lst", ".csv", ".tsv", ".list")
_TRAIN_AND_VALIDATION = "trainval"
_NUMBERED = "train_test_split.txt"
_MIN_SHARE = 0.5
_MAX_BYTES = 1 << 26


def listed_parts(
    folder: Path, root: Path, images: Sequence[Path], findings: list[Finding]
) -> dict[str, NDArray[np.int64]] | None:
    """Returns the positions of the parts that lists beside the images give.

    Images that no list names are in no part, which is reported.
    """
    numbered = _numbered_parts(folder, images) or _numbered_parts(root, images)
    if numbered is not None:
        counts = ", ".join(f"{part} {len(rows)}" for part, rows in numbered.items())
        message = f"{_NUMBERED} is the split ({counts} images)"
        action = "input.split_folders=false splits at random"
        findings.append(Finding("PASS", "split", message, action))
        return numbered
    lists = _lists(folder) or _lists(root)
    if "train" not in lists or len(lists) < 2:
        return None
    places = _places(images, [folder, root])
    parts: dict[str, NDArray[np.int64]] = {}
    for part, path in lists.items():
        names = _names(path)
        names = [name if name in places else name.rpartition(" ")[0] for name in names]
        rows = {places[name] for name in names if name in places}
        if len(rows) < _MIN_SHARE * len(names) or not rows:
            return None
        parts[part] = np.array(sorted(rows), dtype=np.int64)
    everything = np.concatenate(list(parts.values()))
    if len(np.unique(everything)) < len(everything):
        message = f"the lists {_listed(lists)} name some images twice"
        findings.append(Finding("WARN", "split", message, "not used: the split is random"))
        return None
    counts = ", ".join(f"{part} {len(parts[part])}" for part in PARTS if part in parts)
    message = f"the lists {_listed(lists)} are the split ({counts} images)"
    action = "input.split_folders=false splits at random"
    findings.append(Finding("PASS", "split", message, action))
    if absent := len(images) - len(everything):
        message = f"{counted(absent, 'image')} of {len(images)} are in no list"
        findings.append(Finding("WARN", "split", message, "left out"))
    return parts


def positions_in_list(path: Path, images: Sequence[str]) -> NDArray[np.int64]:
    """Returns the positions of the images that a list names, in rising order.

    Example:  >>> import tempfile
              >>> path = Path(tempfile.mkdtemp()) / "test.txt"
              >>> _ = path.write_text("b\\na.jpg\\n")
              >>> positions_in_list(path, ["x/a.jpg", "x/b.jpg", "x/c.jpg"]).tolist()
              [0, 1]
    """
    places = _places([Path(image) for image in images], [])
    return np.array(sorted(places[name] for name in _names(path) if name in places), dtype=np.int64)


def _numbered_parts(folder: Path, images: Sequence[Path]) -> dict[str, NDArray[np.int64]] | None:
    """Returns the parts of a folder like CUB-200: images.txt has a number and a path
    per line, train_test_split.txt a number, and 1 for the training."""
    tables = []
    for name in ("images.txt", _NUMBERED):
        if not (folder / name).is_file() or (folder / name).stat().st_size > _MAX_BYTES:
            return None
        lines = (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
        tables.append(dict(line.split(maxsplit=1) for line in lines if len(line.split()) > 1))
    paths, is_train = tables
    places = _places(images, [folder, folder / "images"])
    numbers = {key: places[path] for key, path in paths.items() if path in places}
    if len(numbers) < len(images) or not set(numbers) <= set(is_train):
        return None
    parts = {
        part: np.array(sorted(numbers[key] for key in numbers if is_train[key].strip() == mark))
        for part, mark in (("train", "1"), ("test", "0"))
    }
    return parts if all(map(len, parts.values())) else None


def _listed(lists: Mapping[str, Path]) -> str:
    return list_some([path.name for path in lists.values()], 3)


def _lists(folder: Path) -> dict[str, Path]:
    """Returns the list of each part: those in the folder, or in one of its folders."""
    inside = subfolders(folder)
    voc = [place for path in inside if path.name == "ImageSets" for place in subfolders(path)]
    for place in (folder, *inside, *voc):
        entries = sorted(path for path in place.iterdir() if path.suffix.lower() in _ENDINGS)
        usable = [path for path in entries if path.is_file() and not is_system(path)]
        named = {part_of(path.stem): path for path in usable if is_part_name(Path(path.stem))}
        together = next(
            (path for path in usable if path.stem.lower() == _TRAIN_AND_VALIDATION), None
        )
        if together is not None and "validation" not in named:
            named["train"] = together
        if "train" in named and len(named) > 1:
            return {part: named[part] for part in PARTS if part in named}
    return {}


def _names(path: Path) -> list[str]:
    """Returns the first cell of each line that is not empty."""
    if path.stat().st_size > _MAX_BYTES:
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    cells = [line.strip().replace("\t", ",").split(",")[0].strip(' "') for line in lines]
    return [cell.removeprefix("./") for cell in cells if cell]


def _places(images: Sequence[Path], folders: Sequence[Path]) -> dict[str, int]:
    """Returns the position of each image by the names that a list may give it."""
    places: dict[str, int] = {}
    for number, path in enumerate(images):
        for folder in folders:
            if path.is_relative_to(folder):
                name = path.relative_to(folder).as_posix()
                places |= {name: number, name.removesuffix(path.suffix): number}
    names = [path.name for path in images]
    if len(set(names)) == len(names):
        stems = [path.stem for path in images]
        if len(set(stems)) == len(stems):
            places |= {stem: number for number, stem in enumerate(stems)}
        places |= {name: number for number, name in enumerate(names)}
    return places
