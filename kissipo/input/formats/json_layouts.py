"""JSON objects that hold a whole table, in the layouts that programs write.

{"a": [1, 2], "b": ["x", "y"]}                    lists by column
{"a": {"0": 1, "1": 2}, "b": {"0": "x", ...}}     pandas: to_json()
{"0": {"a": 1, "b": "x"}, "1": ...}               pandas: orient="index"
{"schema": ..., "data": [{...}]}, {"results": [{...}]}    a list below a name

Example:  >>> records_of({"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}})
          [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]
          >>> records_of({"rows": [{"a": 1}], "count": 1})
          [{'a': 1}]
          >>> records_of({"a": 1}) is None
          True
"""

from __future__ import annotations

from collections.abc import Mapping

from kissipo.core.json_object import JsonObject

_MIN_NUMBERS = 2


def records_of(content: JsonObject) -> list[JsonObject] | None:
    """Returns the records of an object that is a table; None for another object."""
    values = list(content.values())
    if not values:
        return None
    if all(isinstance(value, list) for value in values):
        return _of_lists(content)
    if all(isinstance(value, Mapping) for value in values):
        return _of_mappings(content)
    tables = [value for value in values if _are_records(value)]
    return list(tables[0]) if len(tables) == 1 else None


def _of_lists(content: JsonObject) -> list[JsonObject] | None:
    if len(content) == 1 and _are_records(next(iter(content.values()))):
        return list(next(iter(content.values())))
    lengths = {len(cells) for cells in content.values()}
    is_flat = not any(
        isinstance(cell, list | Mapping) for some in content.values() for cell in some
    )
    if len(lengths) > 1 or not is_flat or lengths == {0}:
        return None
    return [dict(zip(content, row, strict=True)) for row in zip(*content.values(), strict=True)]


def _of_mappings(content: JsonObject) -> list[JsonObject] | None:
    inner = list(content.values())
    if any(isinstance(cell, list | Mapping) for some in inner for cell in some.values()):
        return None
    rows_first = len(content) >= _MIN_NUMBERS and all(map(str.isdigit, content))
    if rows_first and not all(map(str.isdigit, inner[0])):
        return [dict(record) for record in inner]
    rows = list(inner[0])
    if any(list(some) != rows for some in inner) or len(rows) < _MIN_NUMBERS:
        return None
    if len(content) == 1 and not all(map(str.isdigit, rows)):
        return None
    return [{name: content[name][row] for name in content} for row in rows]


def _are_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(x, Mapping) for x in value)
