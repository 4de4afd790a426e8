"""Frame: samples as they came from the world, in named columns of equal length, before anything was encoded.

Every source delivers one: a table its columns, a folder of images a column of images and one of classes, a series its
time and values, a text a column of characters. Numbers are float64 with NaN where a cell is missing; text is kept once for
each distinct value, with one code a row (-1 where a cell is missing).

Example:  >>> frame = Frame((numbers("age", [31, None]), strings("city", ["Brno", "Brno"])))
          >>> len(frame), frame["city"].levels, frame["age"].missing.tolist()
          (2, ('Brno',), [False, True])
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.suggest import did_you_mean

Kind = Literal["number", "string", "time", "image"]
_FROM_ONE: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Column:
    """One named column.

    kind:     number (float64), string (int32 codes into `levels`), time (datetime64), image (uint8 arrays or paths)
    values:   one entry a row; None where there is no image
    levels:   for strings: each distinct text once, in the order of first appearance
    odd:      cells of a number column that are not numbers, as (row number, text); they are NaN in `values`
    odd_count: how many such cells there are, when more than are kept
    """

    name: str
    kind: Kind
    values: NDArray[Any]
    levels: tuple[str, ...] = ()
    odd: tuple[tuple[int, str], ...] = ()
    odd_count: int = 0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Which rows have no value."""
        if self.kind == "number":
            return np.isnan(self.values)
        if self.kind == "string":
            return self.values < 0
        if self.kind == "time":
            return np.isnat(self.values)
        if self.values.dtype == object:
            return np.array([value is None for value in self.values], dtype=bool)
        return np.zeros(len(self.values), dtype=bool)

    def take(self, index: NDArray[Any]) -> Column:
        """The column at the given positions, in that order."""
        return replace(self, values=self.values[index])

    def texts(self) -> list[str | None]:
        """A string column as one text a row, None where missing."""
        assert self.kind == "string", self.kind
        return [self.levels[code] if code >= 0 else None for code in self.values.tolist()]

    def counts(self) -> dict[str, int]:
        """How often each level of a string column stands there, by level."""
        present = self.values[self.values >= 0]
        tally = np.bincount(present, minlength=len(self.levels))
        return {level: int(count) for level, count in zip(self.levels, tally, strict=True) if count}

    def show(self, position: int) -> Any:
        """One value as people write it; None where missing."""
        value = self.values[position]
        if self.kind == "string":
            return self.levels[value] if value >= 0 else None
        if self.kind == "number":
            return None if np.isnan(value) else _short_number(float(value))
        if self.kind == "time":
            return None if np.isnat(value) else str(value)
        return value


@dataclass(frozen=True)
class Frame:
    """Columns of equal length; row numbers count from 1 and stay with the rows when some are taken."""

    columns: tuple[Column, ...]
    origin: str = "the data"
    rows: NDArray[np.int64] = field(default_factory=lambda: _FROM_ONE)

    def __post_init__(self) -> None:
        lengths = {column.name: len(column) for column in self.columns}
        if len(set(lengths.values())) > 1:
            raise DataError(f"the columns of {self.origin} differ in length", given=str(lengths))
        if self.rows is _FROM_ONE:
            object.__setattr__(
                self, "rows", np.arange(1, 1 + (len(self.columns[0]) if self.columns else 0))
            )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise DataError(f"{self.origin} has no column '{name}'", do=did_you_mean(name, self.names))

    def take(self, index: NDArray[Any]) -> Frame:
        """The rows at the given positions, in that order."""
        return replace(
            self,
            columns=tuple(column.take(index) for column in self.columns),
            rows=self.rows[index],
        )

    def only(self, names: Iterable[str]) -> Frame:
        """The named columns, in the given order."""
        return replace(self, columns=tuple(self[name] for name in names))

    def replaced(self, *columns: Column) -> Frame:
        """The frame with columns of the same name exchanged, and new ones added behind."""
        new = {column.name: column for column in columns}
        kept = tuple(new.pop(column.name, column) for column in self.columns)
        return replace(self, columns=kept + tuple(new.values()))

    def fingerprint(self) -> str:
        """A digest of everything in the frame: two frames with the same fingerprint hold the same data.

        Of an image on disk its content counts, not its path: a folder may be moved, or named in another way.
        """
        digest = hashlib.blake2b(digest_size=16)
        for column in self.columns:
            digest.update(f"{column.name}/{column.kind}/{len(column)}".encode())
            for level in column.levels:
                digest.update(level.encode() + b"\0")
            if column.values.dtype == object:
                for value in column.values:
                    digest.update(_content(value))
            else:
                digest.update(
                    np.ascontiguousarray(column.values).view(np.uint8).data
                    if column.values.size
                    else b""
                )
        return digest.hexdigest()


def numbers(name: str, values: Any) -> Column:
    """A column of numbers; None becomes NaN."""
    if isinstance(values, list | tuple):
        values = [np.nan if value is None else value for value in values]
    return Column(name, "number", np.asarray(values, dtype=np.float64))


def strings(name: str, values: Sequence[str | None]) -> Column:
    """A column of texts, each distinct one stored once."""
    levels: dict[str, int] = {}
    codes = [-1 if value is None else levels.setdefault(value, len(levels)) for value in values]
    return Column(name, "string", np.asarray(codes, dtype=np.int32), tuple(levels))


def times(name: str, values: Any) -> Column:
    """A column of moments."""
    return Column(name, "time", np.asarray(values, dtype="datetime64[s]"))


def image_column(name: str, values: Any) -> Column:
    """A column of images: a uint8 array (row, height, width[, channel]), or an object array of paths or of such images."""
    return Column(name, "image", values)


def _content(image: Any) -> bytes:
    if image is None:
        return b"\0"
    return image.tobytes() if isinstance(image, np.ndarray) else Path(image).read_bytes()


def _short_number(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value
