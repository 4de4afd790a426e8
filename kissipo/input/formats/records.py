"""JSON lines (one object per line), lists of objects, and objects that are a table."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame
from kissipo.core.text import list_some
from kissipo.input.cells.cells import mixed
from kissipo.input.formats.compressed import content_name
from kissipo.input.formats.files import open_text, refuse_many_columns
from kissipo.input.formats.json_layouts import records_of
from kissipo.input.formats.json_text import parse_json

_HEAD = 4096
_MAX_OBJECT = 1 << 29  # characters
_MANY = 1000  # columns
_MIN_SHARE = 0.01  # of their cells that must be present


def read_records(path: Path, encoding: str) -> Frame:
    """Reads a file of JSON objects; a name that an object lacks is a missing value.

    Raises:   DataError with the line for invalid JSON, for an entry that is not an
              object, and for a nested value.
    """
    columns: dict[str, list[object]] = {}
    count = cells = 0
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
        cells += len(record)
        if len(columns) > _MANY:
            refuse_many_columns(path, len(columns))
            _refuse_sparse(path, columns, count, cells)
        for values in columns.values():
            if len(values) < count:
                values.append(None)
    if count == 0:
        raise DataError(f"{path} is empty", do="Give one JSON object per line")
    return Frame(tuple(mixed(name, values) for name, values in columns.items()), origin=str(path))


def _refuse_sparse(path: Path, columns: Collection[str], count: int, cells: int) -> None:
    """Refuses objects whose names are data: nearly each has names of its own."""
    if cells < _MIN_SHARE * count * len(columns):
        raise DataError(
            f"the first {count:,} objects of {path} have {len(columns):,} different names, "
            "and few of them stand in more than one object",
            got="names such as " + list_some(columns, 3),
            do='Write what varies as a value: {"name": ..., "value": ...}',
        )


def _records(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, object]]]:
    with open_text(path, encoding) as file:
        is_list = file.read(_HEAD).lstrip().startswith("[")
    if not is_list and (table := _whole_table(path, encoding)) is not None:
        yield from enumerate(table, 1)
        return
    with open_text(path, encoding) as file:
        if is_list:
            yield from enumerate(_list_of_records(path, file.read()), 1)
            return
        for line, text in enumerate(file, 1):
            if text.strip():
                yield line, _record(path, line, text)


def _whole_table(path: Path, encoding: str) -> list[dict[str, object]] | None:
    """Returns the records of a file that is one object, and a table as such."""
    if content_name(path).endswith((".jsonl", ".ndjson")):
        return None
    with open_text(path, encoding) as file:
        text = file.read(_MAX_OBJECT + 1)
    if len(text) > _MAX_OBJECT or not text.lstrip().startswith("{"):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):  # one object per line, or an error to be described
        return None
    parsed = parse_json(text, path)
    return records_of(parsed) if isinstance(content, dict) and isinstance(parsed, dict) else None


def _list_of_records(path: Path, text: str) -> list[dict[str, object]]:
    content = parse_json(text, path)
    assert isinstance(content, list)
    for number, entry in enumerate(content, 1):
        if not isinstance(entry, dict):
            raise DataError(
                f"entry {number} of {path} is not an object",
                got=json.dumps(entry)[:60],
                allowed="a list of objects",
            )
    return list(content)


def _record(path: Path, line: int, text: str) -> dict[str, object]:
    record = parse_json(text, path, line=line)
    if not isinstance(record, dict):
        raise DataError(
            f"line {line} of {path} is not an object",
            got=text.strip()[:60],
            allowed='such as {"age": 31, "city": "Brno"}',
        )
    return record
