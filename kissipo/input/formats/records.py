"""JSON lines (one object per line) and JSON lists of objects."""

import json
from collections.abc import Iterator
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.input.formats.cells import mixed
from kissipo.input.formats.files import open_text


def read_records(path: Path, encoding: str) -> Frame:
    """Reads a file of JSON objects; a name that an object lacks is a missing value.

    Raises:   DataError with the line for invalid JSON, for an entry that is not an
              object, and for a nested value.
    """
    columns: dict[str, list[object]] = {}
    count = 0
    for count, (line, record) in enumerate(_records(path, encoding), 1):
        for name, value in record.items():
            if isinstance(value, dict | list):
                raise DataError(
                    f"line {line} of {path} has a nested value under '{name}'",
                    got=json.dumps(value)[:60],
                    allowed="numbers, texts, true, false, null",
                    do="Flatten it into columns first",
                )
            columns.setdefault(name, [None] * (count - 1)).append(value)
        for values in columns.values():
            if len(values) < count:
                values.append(None)
    if count == 0:
        raise DataError(f"{path} is empty", do="Give one JSON object per line")
    return Frame(tuple(mixed(name, values) for name, values in columns.items()), origin=str(path))


def _records(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, object]]]:
    with open_text(path, encoding) as file:
        first = file.readline()
        if first.lstrip().startswith("["):
            yield from enumerate(_list_of_records(path, first + file.read()), 1)
            return
        for line, text in enumerate(_lines(first, file), 1):
            if text.strip():
                yield line, _record(path, line, text)


def _lines(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _list_of_records(path: Path, text: str) -> list[dict[str, object]]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"line {error.lineno} of {path} is not JSON: {error.msg}") from None
    for number, entry in enumerate(content, 1):
        if not isinstance(entry, dict):
            raise DataError(
                f"entry {number} of {path} is not an object",
                got=json.dumps(entry)[:60],
                allowed="a list of objects",
            )
    return list(content)


def _record(path: Path, line: int, text: str) -> dict[str, object]:
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"line {line} of {path} is not JSON: {error.msg}",
            got=f"'{text.strip()[:60]}'",
            do="Write one object per line",
        ) from None
    if not isinstance(record, dict):
        raise DataError(
            f"line {line} of {path} is not an object",
            got=text.strip()[:60],
            allowed='such as {"age": 31, "city": "Brno"}',
        )
    return record
