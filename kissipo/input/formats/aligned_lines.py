"""Aligned lines: texts in several files, of which line i of one belongs to line i of
the others.

A folder holds them with one stem and an extension per language: `train.en` and
`train.de`, also compressed. Where it has `val.en` and `test.en` too, these are the
published split.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.input.formats.compressed import content_name
from kissipo.input.formats.files import existing, open_text
from kissipo.input.source_data import Reading
from kissipo.input.split import consecutive

_SPLITS = {"train": "train", "val": "validation", "valid": "validation", "dev": "validation"}
_ORDER = {"train": 0, "validation": 1, "test": 2}
_CLEAR = 0.75  # of the cost without a shift; below, a shift is likely
_MIN_LINES = 8


def read_lines(path: Path, encoding: str) -> list[str | None]:
    """Returns the lines of a file, None for an empty one."""
    with open_text(existing(path), encoding) as file:
        return [line.strip() or None for line in file]


def read_aligned(paths: Sequence[Path], names: Sequence[str], encoding: str) -> Frame:
    """Returns one column per file.

    Raises:   DataError for unequal numbers of lines, with the place of the shift if
              the lengths of the lines show it.
    """
    columns = [read_lines(path, encoding) for path in paths]
    for path, column in zip(paths[1:], columns[1:], strict=True):
        _refuse_unequal(paths[0], columns[0], path, column)
    return Frame(
        tuple(strings(name, column) for name, column in zip(names, columns, strict=True)),
        origin=" and ".join(str(path) for path in paths),
    )


def read_folder(folder: Path, names: Sequence[str], encoding: str) -> Reading:
    """Returns the texts of the files in a folder that end in these names.

    Raises:   DataError when there are none, or several that are not named as splits.
    """
    files = {content_name(path): path for path in sorted(folder.iterdir()) if path.is_file()}
    stems = [
        stem
        for stem in dict.fromkeys(Path(name).stem for name in files)
        if all(f"{stem}.{name}" in files for name in names)
    ]
    if not stems:
        raise DataError(
            f"{folder} has no files {' and '.join(f'NAME.{name}' for name in names)}",
            got=", ".join(sorted(files)[:6]) or "an empty folder",
            allowed="files of one name whose extension is the language, also as .gz",
            do="Name two files: input.pairs=[FILE,FILE]",
        )
    stems.sort(key=lambda stem: (_ORDER.get(_split_of(stem), 0), stem))
    kinds = [_split_of(stem) for stem in stems]
    if len(stems) > 1 and (sorted(set(kinds)) != sorted(kinds) or "train" not in kinds):
        raise DataError(
            f"{folder} has several pairs of files",
            got=", ".join(stems),
            allowed="one pair, or one each for train, val and test",
            do="Name two files: input.pairs=[FILE,FILE]",
        )
    frames = [
        read_aligned([files[f"{stem}.{name}"] for name in names], names, encoding) for stem in stems
    ]
    return joined(frames, kinds, names, origin=str(folder))


def joined(
    frames: Sequence[Frame],
    kinds: Sequence[str],
    names: Sequence[str],
    *,
    origin: str,
    answer: str = "",
) -> Reading:
    """Returns the rows of several frames in one; their kinds are the split."""
    columns = (
        strings(name, [text for frame in frames for text in frame[name].texts()]) for name in names
    )
    frame = Frame(tuple(columns), origin=origin)
    if len(frames) == 1:
        return Reading(frame, answer=answer)
    parts = consecutive(dict(zip(kinds, map(len, frames), strict=True)))
    return Reading(frame, parts=parts, answer=answer)


def language_of(path: Path) -> str:
    """Returns the extension of a file, without that of the compression: `de`."""
    return Path(content_name(path)).suffix.removeprefix(".")


def _split_of(stem: str) -> str:
    """Returns the split that a name begins with, as `test_2016_flickr` does."""
    word = stem.replace("-", "_").replace(".", "_").split("_")[0].lower()
    return _SPLITS.get(word, "test" if word.startswith("test") else stem)


def _refuse_unequal(
    first: Path, firsts: list[str | None], second: Path, seconds: list[str | None]
) -> None:
    if len(firsts) == len(seconds):
        return
    longer, shorter = (first, second) if len(firsts) > len(seconds) else (second, first)
    texts = sorted((firsts, seconds), key=len, reverse=True)
    surplus = len(texts[0]) - len(texts[1])
    line = shift(*([len(text or "") for text in column] for column in texts))
    lines = "1 line more" if surplus == 1 else f"{surplus:,} lines more"
    where = (
        ""
        if line is None
        else f"; by the lengths of the lines, the surplus begins near line {line:,}"
    )
    raise DataError(
        f"{longer} has {lines} than {shorter}, so the lines do not belong together{where}",
        got=f"{len(texts[0]):,} and {len(texts[1]):,} lines",
        allowed="files of which line i is the translation of line i",
        do="Remove the surplus or add what is missing, so that both files have the same lines",
    )


def shift(longer: Iterable[int], shorter: Iterable[int]) -> int | None:
    """Returns the line, counted from 1, near which the longer file has its surplus.

    Lines that belong together have a steady ratio of lengths. The line is the one for
    which the ratios are steadiest if the lines before are aligned at the start and
    those after at the end. None: no line is much better than the others.

    Example:  >>> lengths = [5, 40, 12, 70, 8, 33, 20, 61, 9]
              >>> shift([*lengths[:5], 55, *lengths[5:]], lengths)
              6
    """
    a, b = (_log_lengths(lengths) for lengths in (longer, shorter))
    count, surplus = len(b), len(a) - len(b)
    if count < _MIN_LINES or not surplus:
        return None
    before = np.abs(a[:count] - b - np.median(a[:count] - b))
    after = np.abs(a[surplus:] - b - np.median(a[surplus:] - b))
    sums = np.concatenate([[0.0], np.cumsum(before)]) + np.concatenate(
        [np.cumsum(after[::-1])[::-1], [0.0]]
    )
    best = int(sums.argmin())
    if sums[best] >= _CLEAR * max(sums[0], sums[-1]):
        return None
    return best + 1


def _log_lengths(lengths: Iterable[int]) -> NDArray[np.float64]:
    return np.log1p(np.fromiter(lengths, dtype=np.float64))
