"""How a task is written down: a plain dialect of YAML, `key=value` words for the command line; and results as JSON.

The dialect is YAML as people expect it: only `true` and `false` are booleans (a country code `no` stays text), `2e-5` is a
number, a date stays text, and a key that stands twice is an error. Reading is safe: no tag builds an object.

Example:  >>> read("{learning_rate: 2e-5, country: no, units: [64, 64]}")
          {'learning_rate': 2e-05, 'country': 'no', 'units': [64, 64]}
          >>> read_value("[64, 64]"), read_value("lstm")
          ([64, 64], 'lstm')
"""

import json
import re
from collections.abc import Hashable, Mapping
from math import isfinite
from typing import Any

import yaml

from kissipo.core.errors import TaskError

_PLAIN = {
    "tag:yaml.org,2002:bool": (r"^(?:true|false)$", "tf"),
    "tag:yaml.org,2002:int": (r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.inf|\.nan)$",
        "-+.0123456789",
    ),
    "tag:yaml.org,2002:null": (r"^(?:null|~|)$", "n~\0"),
    "tag:yaml.org,2002:merge": (r"^<<$", "<"),
}
_LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")


class _Reader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}


class _Writer(yaml.SafeDumper):
    yaml_implicit_resolvers: dict[str, Any] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _dialect in (_Reader, _Writer):
    for _tag, (_pattern, _first) in _PLAIN.items():
        _letters: list[str] = ["" if letter == "\0" else letter for letter in _first]
        _dialect.add_implicit_resolver(_tag, re.compile(_pattern), _letters)


def _mapping_without_doubles(
    reader: _Reader, node: yaml.MappingNode, deep: bool = True
) -> dict[Hashable, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = reader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(
                None, None, "a word must be text", key_node.start_mark
            )
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the word '{key}' stands twice", key_node.start_mark
            )
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(reader, node, deep)


_Reader.add_constructor(
    "tag:yaml.org,2002:map",
    _mapping_without_doubles,
)


def _write_float(writer: _Writer, value: float) -> yaml.ScalarNode:
    text = repr(value)
    text = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
    return writer.represent_scalar("tag:yaml.org,2002:float", text)


def _write_text(writer: _Writer, value: str) -> yaml.ScalarNode:
    """In double quotes where a letter would be taken for the end of a line."""
    style = '"' if _LINE_ENDS.search(value) else None
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(float, _write_float)
_Writer.add_representer(str, _write_text)


def read(text: str, *, origin: str = "the task") -> Any:
    """What a YAML text says, as dicts, lists and scalars.

    Raises:   TaskError with line and column when the text is not YAML.
    """
    try:
        return yaml.load(text, Loader=_Reader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise TaskError(
            f"{origin} is not readable YAML{where}: {error.problem or error.context}",
            do="Three parts are needed, each a mapping, for example input: {table: sms.csv}",
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise TaskError(f"{origin} is not readable YAML: {error}") from None


def write(content: Any) -> str:
    """A value as YAML: the upper levels as blocks, short lists in one line; `read` gives back exactly the same."""
    return yaml.dump(
        content,
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=None,
    )


def read_value(text: str) -> Any:
    """One value of the command line: a number, true, false, null, a list in brackets, a mapping in braces, else text."""
    try:
        return yaml.load(text, Loader=_Reader) if text else ""  # noqa: S506
    except (yaml.YAMLError, ValueError):
        return text


def write_value(value: Any) -> str:
    """The inverse of `read_value`: one line."""
    text = yaml.dump(
        value,
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
        default_flow_style=True,
    ).removesuffix("\n...\n")
    return text.removesuffix("\n")


def as_json(content: Any) -> str:
    """JSON as people read it, with a trailing newline; a number that has no value (NaN) or no end is null, as JSON has neither.

    Example:  >>> as_json({"roc_auc": float("nan")})
              '{\\n "roc_auc": null\\n}\\n'
    """
    return json.dumps(_with_null(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _with_null(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _with_null(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_with_null(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content
