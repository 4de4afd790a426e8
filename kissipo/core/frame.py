"""Frame: the raw samples in named columns of equal length, before encoding.

Every source returns one frame: a table its columns, an image folder a column of images
and one of classes, a series its time and values. Numbers are float64 with NaN for a
missing cell. A string column stores each distinct text once, and one integer code per
row (-1 for a missing cell).

Example:  >>> frame = Frame((numbers("age", [31, None]), strings("city", ["Brno"] * 2)))
          >>> len(frame), frame["city"].categories, frame["age"].missing.tolist()
          (2, ('Brno',), [False, True])
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from kissipo.core.errors import DataError
from kissipo.core.numpy_array import NumpyArray
from kissipo.core.suggest import did_you_mean

Kind = Literal["number", "string", "time", "image", "array", "sound", "document"]
ValueType = Literal["text", "integer", "float", "boolean"]
_FREQUENT = 200
_TEXTS = 10_000  # that are hashed at the same time
_FROM_ONE: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


class HasBytes(Protocol):
    """A value with a content, such as an array or a recording."""

    def tobytes(self) -> bytes:
        """Returns the content."""
        ...


@dataclass(frozen=True)
class Column:
    """One named column.

    kind:       number (float64), string (int32 codes into `categories`),
                time (datetime64 in seconds, or in microseconds where one has a
                fraction), image (uint8 arrays or paths), array (numbers of
                one shape per row), sound (recordings, which are decoded when they
                are read), document (the places of texts on disk)
    values:     one entry per row; None where there is no image
    categories: of a string column: the distinct texts, in the order of first appearance
    odd:        cells of a number column that are not numbers, as (row number, text);
                they are NaN in `values`
    odd_count:  the number of such cells; `odd` may hold only the first ones
    value_type: the type of the values as they came, where the kind does not say it:
                true/false are texts here, and whole numbers may have been floats
    unit:       the mark beside the numbers in the file, such as % or kg
    """

    name: str
    kind: Kind
    values: NumpyArray
    categories: tuple[str, ...] = ()
    odd: tuple[tuple[int, str], ...] = ()
    odd_count: int = 0
    value_type: ValueType | None = None
    unit: str = ""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> NDArray[np.bool_]:
        """A boolean mask of the rows without a value."""
        if self.kind == "number":
            return np.isnan(self.values)
        if self.kind == "string":
            return self.values < 0
        if self.kind == "time":
            return np.isnat(self.values)
        if self.values.dtype == object:
            return np.array([value is None for value in self.values], dtype=bool)
        return np.zeros(len(self.values), dtype=bool)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Column:
        """Returns the column at the given positions, in that order."""
        return replace(self, values=self.values[index])

    def texts(self) -> list[str | None]:
        """Returns one text per row of a string column, None where it is missing."""
        assert self.kind == "string", self.kind
        return [self.categories[code] if code >= 0 else None for code in self.values.tolist()]

    def counts(self) -> dict[str, int]:
        """Returns the number of rows per category of a string column."""
        counts = self.code_counts()
        used = np.flatnonzero(counts)
        texts = map(self.categories.__getitem__, used.tolist())
        return dict(zip(texts, counts[used].tolist(), strict=True))

    def used_categories(self) -> NDArray[np.int64]:
        """Returns the positions of the categories that occur in a row."""
        return np.flatnonzero(self.code_counts())

    def code_counts(self) -> NDArray[np.int64]:
        """Returns the number of rows of each category of a string column."""
        return np.bincount(self.values + 1, minlength=len(self.categories) + 1)[1:]

    @cached_property
    def frequent_texts(self) -> tuple[str, ...]:
        """The texts of a string column with the most rows, at most 200 of them."""
        counts = self.code_counts()
        order = np.argsort(-counts, kind="stable")[:_FREQUENT]
        return tuple(self.categories[code] for code in order.tolist() if counts[code])

    def rows_by_text(self) -> dict[str, NDArray[np.int64]]:
        """Returns the rows of each text, in the order in which the texts appear."""
        order = np.argsort(self.values, kind="stable")
        codes, first, counts = np.unique(self.values, return_index=True, return_counts=True)
        parts = np.split(order, np.cumsum(counts)[:-1])
        return {
            self.categories[codes[number]]: parts[number]
            for number in np.argsort(first).tolist()
            if codes[number] >= 0
        }

    def positions(self, categories: tuple[str, ...], *, absent: int) -> NDArray[np.int64]:
        """Returns the index of each row's text among `categories`, else `absent`."""
        order = {text: position for position, text in enumerate(categories)}
        table = [order.get(text, absent) for text in self.categories] + [absent]
        return np.array(table, dtype=np.int64)[self.values]

    def show(self, position: int) -> object:
        """Returns one value in its usual notation, None where it is missing."""
        value = self.values[position]
        if self.kind == "string":
            return self.categories[value] if value >= 0 else None
        if self.kind == "number":
            return None if np.isnan(value) else _short_number(float(value))
        if self.kind == "time":
            return None if np.isnat(value) else str(value)
        return value


@dataclass(frozen=True)
class Frame:
    """Columns of equal length; `rows` are the original row numbers, counted from 1."""

    columns: tuple[Column, ...]
    origin: str = "the data"
    rows: NDArray[np.int64] = field(default_factory=lambda: _FROM_ONE)

    def __post_init__(self) -> None:
        lengths = {column.name: len(column) for column in self.columns}
        if len(set(lengths.values())) > 1:
            raise DataError(f"the columns of {self.origin} differ in length", got=str(lengths))
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
        return name in self._by_name

    def __getitem__(self, name: str) -> Column:
        column = self._by_name.get(name)
        if column is None:
            raise DataError(
                f"{self.origin} has no column '{name}'", do=did_you_mean(name, self.names)
            )
        return column

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name: column for column in reversed(self.columns)}

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Frame:
        """Returns the rows at the given positions, in that order."""
        return replace(
            self,
            columns=tuple(column.take(index) for column in self.columns),
            rows=self.rows[index],
        )

    def only(self, names: Iterable[str]) -> Frame:
        """Returns only the named columns, in the given order."""
        return replace(self, columns=tuple(self[name] for name in names))

    def replaced(self, *columns: Column) -> Frame:
        """Returns a frame with some columns replaced, and new ones appended."""
        new = {column.name: column for column in columns}
        replaced = [new.pop(column.name, column) for column in self.columns]
        return replace(self, columns=(*replaced, *new.values()))

    def fingerprint(self) -> str:
        """Returns a hash of all data: frames with equal fingerprints hold equal data.

        An image on disk is hashed by its content, not its path: a folder may be moved.
        """
        digest = hashlib.blake2b(digest_size=16)
        for column in self.columns:
            digest.update(f"{column.name}/{column.kind}/{len(column)}".encode())
            for start in range(0, len(column.categories), _TEXTS):
                texts = column.categories[start : start + _TEXTS]
                digest.update("\0".join([*texts, ""]).encode())
            if column.values.dtype == object:
                for value in column.values:
                    digest.update(content_of(value))
            else:
                values = np.ascontiguousarray(column.values)
                digest.update(values.view(np.uint8).data if values.size else b"")
        return digest.hexdigest()


def numbers(name: str, values: object) -> Column:
    """Builds a column of numbers; None becomes NaN."""
    if isinstance(values, list | tuple):
        values = [np.nan if value is None else value for value in values]
    return Column(name, "number", np.asarray(values, dtype=np.float64))


def strings(
    name: str, values: Sequence[str | None], *, value_type: ValueType | None = None
) -> Column:
    """Builds a column of texts, which stores each distinct text once."""
    order: dict[str, int] = {}
    codes = [-1 if value is None else order.setdefault(value, len(order)) for value in values]
    codes_of_rows = np.asarray(codes, dtype=np.int32)
    return Column(name, "string", codes_of_rows, tuple(order), value_type=value_type)


def class_column(name: str, values: NumpyArray) -> Column:
    """Builds a column of classes from an array, whose type they keep.

    Example:  >>> column = class_column("digit", np.array([3, 0]))
              >>> column.texts(), column.value_type
              (['3', '0'], 'integer')
    """
    types: dict[str, ValueType] = {"b": "boolean", "i": "integer", "u": "integer", "f": "float"}
    texts = [str(value) for value in values.tolist()]
    return strings(name, texts, value_type=types.get(values.dtype.kind))


def times(name: str, values: object) -> Column:
    """Builds a column of timestamps, to the microsecond where they have fractions."""
    timestamps = np.asarray(values)
    if timestamps.dtype.kind != "M":
        unit = "s" if timestamps.dtype.kind in "iu" else "us"
        timestamps = np.asarray(values, dtype=f"datetime64[{unit}]")
    return Column(name, "time", whole_seconds(timestamps))


def whole_seconds(timestamps: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Returns timestamps in seconds, or in microseconds where one has a fraction."""
    seconds = timestamps.astype("datetime64[s]")
    if np.all((seconds == timestamps) | np.isnat(timestamps)):
        return seconds
    return timestamps.astype("datetime64[us]")


def image_column(name: str, values: NumpyArray) -> Column:
    """Builds a column of images.

    values:  a uint8 array (row, height, width[, channel]), or an array of paths
    """
    return Column(name, "image", values)


def array_column(name: str, values: NumpyArray) -> Column:
    """Builds a column of arrays (row, ...) that are encoded as they are."""
    return Column(name, "array", values)


def sound_column(name: str, sounds: Sequence[object]) -> Column:
    """Builds a column of recordings."""
    values = np.empty(len(sounds), dtype=object)
    values[:] = sounds
    return Column(name, "sound", values)


def content_of(value: HasBytes | str | Path | None) -> bytes:
    """Returns the bytes of an array, of a recording, or of the file of a path."""
    if value is None:
        return b"\0"
    return Path(value).read_bytes() if isinstance(value, str | Path) else value.tobytes()


def _short_number(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value
