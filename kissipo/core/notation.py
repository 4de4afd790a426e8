"""Notation: a dialect of YAML for tasks, `key=value` arguments, and JSON for results.

Only `true` and `false` are booleans (a country code `no` stays text), `2e-5` is a
number, a date stays text, and a duplicate key is an error. Reading is safe: no tag
builds an object.

Example:  >>> read("{learning_rate: 2e-5, country: no, units: [64, 64]}")
          {'learning_rate': 2e-05, 'country': 'no', 'units': [64, 64]}
          >>> read_value("[64, 64]"), read_value("lstm")
          ([64, 64], 'lstm')
"""

import json
import re
from collections.abc import Hashable, Mapping
from math import isfinite

import yaml

from kissipo.core.errors import TaskError

_PLAIN = {
    "tag:yaml.org,2002:bool": (r"^(?:true|false)$", "tf"),
    "tag:yaml.org,2002:int": (r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"^(?:[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9]+[eE][-+]?[0-9]+|[-+]?\.inf|\.nan)$",
        "-+.0123456789",
    ),
    "tag:yaml.org,2002:null": (r"^(?:null|~|)$", "n~\0"),
    "tag:yaml.org,2002:merge": (r"^<<$", "<"),
}
_LINE_ENDS = re.compile("[\r\x85\u2028\u2029]")


class _Reader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, object] = {}


class _Writer(yaml.SafeDumper):
    yaml_implicit_resolvers: dict[str, object] = {}

    def ignore_aliases(self, data: object) -> bool:
        return True


for _dialect in (_Reader, _Writer):
    for _tag, (_pattern, _first) in _PLAIN.items():
        _letters: list[str] = ["" if letter == "\0" else letter for letter in _first]
        _dialect.add_implicit_resolver(_tag, re.compile(_pattern), _letters)


def _mapping_with_unique_keys(
    reader: _Reader, node: yaml.MappingNode, deep: bool = True
) -> dict[Hashable, object]:
    keys: set[Hashable] = set()
    for key_node, _ in node.value:
        key = reader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(
                None, None, "a key must be text", key_node.start_mark
            )
        if key in keys:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key '{key}' appears twice", key_node.start_mark
            )
        keys.add(key)
    return yaml.SafeLoader.construct_mapping(reader, node, deep)


_Reader.add_constructor(
    "tag:yaml.org,2002:map",
    _mapping_with_unique_keys,
)


def _write_float(writer: _Writer, value: float) -> yaml.ScalarNode:
    text = repr(value)
    text = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text)
    return writer.represent_scalar("tag:yaml.org,2002:float", text)


def _write_text(writer: _Writer, value: str) -> yaml.ScalarNode:
    """Writes a text, in double quotes where it contains a line separator."""
    style = '"' if _LINE_ENDS.search(value) else None
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(float, _write_float)
_Writer.add_representer(str, _write_text)


def read(text: str, *, origin: str = "the task") -> object:
    """Parses a YAML text to dicts, lists and scalars.

    Raises:   TaskError with line and column when the text is not valid YAML.
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


def write(content: object) -> str:
    """Writes a value as YAML, which `read` restores exactly."""
    return yaml.dump(
        content,
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=None,
    )


def read_value(text: str) -> object:
    """Parses one value of the command line; what is not valid YAML is text."""
    try:
        return yaml.load(text, Loader=_Reader) if text else ""  # noqa: S506
    except (yaml.YAMLError, ValueError):
        return text


def read_values(text: str) -> list[object]:
    """Parses the values of a text, between the commas outside of brackets.

    Example:  >>> read_values("lstm, [64, 64]")
              ['lstm', [64, 64]]
    """
    parts, depth, current = [], 0, ""
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += letter
    return [read_value(part.strip()) for part in [*parts, current] if part.strip()]


def write_value(value: object) -> str:
    """Writes a value in one line; the inverse of `read_value`."""
    text = yaml.dump(
        value,
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        width=float("inf"),
        default_flow_style=True,
    ).removesuffix("\n...\n")
    return text.removesuffix("\n")


def as_json(content: object) -> str:
    """Writes indented JSON with a trailing newline; NaN and infinity become null.

    Example:  >>> as_json({"roc_auc": float("nan")})
              '{\\n "roc_auc": null\\n}\\n'
    """
    return json.dumps(_with_null(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_json_line(content: object) -> str:
    """Writes JSON in one line without blanks; NaN and infinity become null.

    Example:  >>> as_json_line({"loss": float("inf"), "epoch": 1})
              '{"loss":null,"epoch":1}'
    """
    return json.dumps(
        _with_null(content), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )


def _with_null(content: object) -> object:
    if isinstance(content, Mapping):
        return {key: _with_null(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_with_null(value) for value in content]
    return None if isinstance(content, float) and not isfinite(content) else content
