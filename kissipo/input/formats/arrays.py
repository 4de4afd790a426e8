"""Arrays on disk: .npy, .npz, and JSON with nested lists, as samples and targets.

Arrays are found by their names: images, x, data ... are the samples; labels, y, target
... the targets. `x_train` and `x_test` are the parts of a published split. Nothing is
unpickled.
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tokenize import TokenError
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.numpy_array import NumpyArray
from kissipo.input.formats.files import existing, open_text
from kissipo.input.formats.json_text import parse_json
from kissipo.input.formats.split_folders import part_of
from kissipo.input.split import consecutive

_JSON, _LINES = ".json", (".jsonl", ".ndjson")
_SAMPLES = ("images", "image", "windows", "series", "x", "data", "inputs", "features", "samples")
_TARGETS = ("labels", "label", "classes", "class", "y", "target", "targets", "outputs")
_WINDOWS = ("windows", "series", "sequences")
_POSITIONAL = ("arr_0", "arr_1")  # the names that numpy.savez gives
_CHANNELS = (1, 3, 4)
_HEAD = 65_536
_DAMAGED = (  # what numpy and zipfile raise for damaged files
    *(ValueError, TypeError, KeyError, OverflowError, SyntaxError, TokenError, RecursionError),
    *(OSError, EOFError, BadZipFile, zlib.error, NotImplementedError, RuntimeError, MemoryError),
)


@dataclass(frozen=True)
class ArrayFile:
    """The samples and the targets of a file.

    x_name:  the name of the array of samples
    y:       None where the file has no targets
    parts:   row positions of the parts of a published split
    """

    x: NumpyArray
    x_name: str
    y: NumpyArray | None = None
    parts: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def is_images(self) -> bool:
        """Whether the samples look like images: pixel values along two axes, with the
        channels last or first."""
        x = self.x
        if x.ndim not in (3, 4) or self.x_name in _WINDOWS or not x.size:
            return False
        if x.ndim == 4 and x.shape[-1] in _CHANNELS:
            return True
        if x.ndim == 4 and x.shape[1] not in _CHANNELS:
            return False
        if x.dtype in (np.uint8, np.uint16, np.bool_) or self.x_name in ("images", "image"):
            return True
        return x.dtype.kind in "fui" and bool(x.min() >= 0 and x.max() <= 255)


def is_array_file(path: Path | None) -> bool:
    """Whether a file holds arrays: by its ending, or JSON with nested lists."""
    if path is None or not path.is_file():
        return False
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return True
    if suffix != _JSON and suffix not in _LINES:
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD).decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if re.search(r"\[\s*\[", head):
        return True
    are_records = head.startswith("[") or (suffix in _LINES and "\n" in head)
    return are_records and bool(re.search(r":\s*\[\s*-?\d", head))


def read_array_file(path: Path, target: str | None = None) -> ArrayFile:
    """Reads the samples and the targets of a file.

    target:   the name of the array of targets; found by the usual names when omitted
    Raises:   DataError for a file that is damaged or pickled, or whose samples and
              targets are not clear, with the names and shapes of its arrays.
    """
    arrays = _numeric(path, read_arrays(path))
    parts = {name: part_of(name) for name in arrays}
    if not all(parts.values()) or "train" not in parts.values():
        return _pair(path, arrays, target)
    order = [part for part in ("train", "validation", "test") if part in parts.values()]
    members = {
        part: _pair(
            path,
            {_stem(name): array for name, array in arrays.items() if parts[name] == part},
            None if target is None else _stem(target),
        )
        for part in order
    }
    shapes = {member.x.shape[1:] for member in members.values()}
    if len(shapes) > 1 or any(member.y is None for member in members.values()):
        raise _unclear(path, arrays, "the parts of the split do not fit together")
    return ArrayFile(
        np.concatenate([member.x for member in members.values()]),
        members["train"].x_name,
        np.concatenate([member.y for member in members.values() if member.y is not None]),
        consecutive({part: len(member.x) for part, member in members.items()}),
    )


def read_arrays(path: Path) -> dict[str, NumpyArray]:
    """Returns the arrays of a file by their names; one without a name is 'array'."""
    suffix = existing(path).suffix.lower()
    return _read_json(path) if suffix == _JSON or suffix in _LINES else _read_numpy(path)


def _read_numpy(path: Path) -> dict[str, NumpyArray]:
    what = path.suffix.lower()
    save = "savez(file, x=..., y=...)" if what == ".npz" else "save(file, x)"
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return {"array": content}
        with content as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}
    except _DAMAGED:
        raise DataError(
            f"{path} is not a readable {what} file of numbers",
            do=f"Write it with numpy.{save}, and arrays of numbers or texts, not of objects",
        ) from None


def _read_json(path: Path) -> dict[str, NumpyArray]:
    with open_text(path, "utf-8") as file:
        text = file.read()
    if path.suffix.lower() in _LINES:
        lines = enumerate(text.split("\n"), 1)
        content: object = [parse_json(line, path, line=n) for n, line in lines if line.strip()]
    else:
        content = parse_json(text, path)
    if isinstance(content, dict):
        return {name: _stacked(path, name, value) for name, value in content.items()}
    if isinstance(content, list) and content and isinstance(content[0], dict):
        names = list(content[0])
        odd = [number for number, row in enumerate(content, 1) if not _has_names(row, names)]
        if odd:
            raise DataError(
                f"entry {odd[0]} of {path} has other names than the first",
                allowed=", ".join(names),
            )
        return {name: _stacked(path, name, [row[name] for row in content]) for name in names}
    return {"array": _stacked(path, "array", content)}


def _has_names(row: object, names: list[str]) -> bool:
    return isinstance(row, dict) and set(row) == set(names)


def _stacked(path: Path, name: str, value: object) -> NumpyArray:
    try:
        array: NumpyArray = np.asarray(value)
    except ValueError:
        raise DataError(
            f"the entries of '{name}' in {path} have different shapes",
            do="Bring all samples to one shape",
        ) from None
    return array


def _numeric(path: Path, arrays: Mapping[str, NumpyArray]) -> dict[str, NumpyArray]:
    """Refuses tables in an array, and objects; leaves out single values."""
    for name, array in arrays.items():
        if array.dtype.names:
            raise DataError(
                f"the array '{name}' of {path} is a table with the columns "
                + ", ".join(array.dtype.names[:5]),
                do=f"Save it as CSV: pandas.DataFrame(numpy.load('{path}')).to_csv('data.csv')",
            )
        if array.dtype == object:
            raise DataError(
                f"the array '{name}' of {path} has entries that are not numbers or texts",
                do="Bring all of them to one shape, without missing values",
            )
    return {name: array for name, array in arrays.items() if array.ndim}


def _pair(path: Path, arrays: Mapping[str, NumpyArray], target: str | None) -> ArrayFile:
    """Returns samples and targets by their names, or as the only ones that fit."""
    if target is not None and target not in arrays:
        raise _unclear(path, arrays, f"{path} has no array '{target}'")
    y_name = target or _named(arrays, (*_TARGETS, _POSITIONAL[1]))
    others = {name: array for name, array in arrays.items() if name != y_name}
    x_name = _named(others, (*_SAMPLES, _POSITIONAL[0]))
    if x_name is None:
        candidates = [name for name, array in others.items() if array.ndim > 1] or list(others)
        x_name = candidates[0] if len(candidates) == 1 else None
    if x_name is None:
        raise _unclear(path, arrays, f"{path} has no array of images or other samples")
    if y_name is None:
        count = len(arrays[x_name])
        rest = [
            name
            for name, array in others.items()
            if name != x_name and array.ndim == 1 and len(array) == count
        ]
        y_name = rest[0] if len(rest) == 1 else None
    y = None if y_name is None else arrays[y_name]
    return ArrayFile(arrays[x_name], x_name.lower(), y)


def _named(arrays: Mapping[str, NumpyArray], names: tuple[str, ...]) -> str | None:
    lower = {name.lower(): name for name in reversed(list(arrays))}
    return next((lower[name] for name in names if name in lower), None)


def _unclear(path: Path, arrays: Mapping[str, NumpyArray], wrong: str) -> DataError:
    shapes = ", ".join(f"{name} {array.shape}" for name, array in list(arrays.items())[:8])
    return DataError(
        wrong,
        got=f"the arrays {shapes}",
        allowed="images (or x), and labels (or y)",
        do=f"Name the targets with --output NAME, or save {path.stem}.npz with "
        "numpy.savez(file, x=..., y=...)",
    )


def _stem(name: str) -> str:
    """Returns the name of an array without its part: `x_train` is x."""
    words = [word for word in re.split(r"[_\-. ]+", name) if not part_of(word)]
    return "_".join(words) or name
