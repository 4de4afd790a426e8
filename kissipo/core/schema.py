"""Schema: options are declared once, with type, bounds, default and description.

Each component (a source, a net, an answer) declares its options as a frozen dataclass.
`read` validates what a user wrote and names the option that is wrong; `json_schema`
writes the same declaration for editors.

Example:  >>> @dataclass(frozen=True)
          ... class Options:
          ...     units: tuple[int, ...] = option((128,), "units per layer", minimum=1)
          >>> read(Options, {"units": 64}, place="process")
          Options(units=(64,))
          >>> describe(tuple[int, ...], {"minimum": 1})
          'an integer of at least 1, or a list of them'
"""

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from kissipo.core.config import to_frozen, to_plain
from kissipo.core.errors import TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.suggest import did_you_mean
from kissipo.core.text import shorten

O = TypeVar("O")


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high` that a search tries.

    log:  whether their logarithms are drawn evenly, as for learning rates
    """

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Values:
    """The values that a search tries."""

    values: tuple[object, ...]


@dataclass(frozen=True)
class NotSearched:
    """The reason why a search cannot compare the values of an option."""

    reason: str


Search = Range | Values | NotSearched
_BOUNDS = {"minimum": "of at least", "above": "above", "maximum": "of at most", "below": "below"}
_JSON_BOUNDS = {
    "minimum": "minimum",
    "above": "exclusiveMinimum",
    "maximum": "maximum",
    "below": "exclusiveMaximum",
}
_NAMES: dict[object, str] = {
    int: "an integer",
    float: "a number",
    str: "text",
    bool: "true or false",
}
_JSON_NAMES: dict[object, str] = {int: "integer", float: "number", str: "string", bool: "boolean"}


def option(
    default: object = MISSING,
    doc: str = "",
    *,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
    key: str = "",
    search: Search | None = None,
) -> Any:
    """Declares one option of a dataclass of options.

    A default of None means that the value is inferred from the data. `key` is the name
    as users write it, where it is not a valid Python name (`from`, `as`). `search` is
    what `kissipo tune` tries.
    """
    bounds = {"minimum": minimum, "above": above, "maximum": maximum, "below": below}
    metadata = {
        "doc": doc,
        "key": key,
        "search": search,
        **{name: bound for name, bound in bounds.items() if bound is not None},
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class OptionInfo:
    """What one option is: its key, type, bounds, default, description, and what a
    search tries."""

    key: str
    attribute: str
    type: object
    bounds: Mapping[str, float]
    default: object
    doc: str
    search: Search | None = None

    def takes(self, choice: object) -> bool:
        """Returns whether the option has a list of choices with this one among them."""
        parts = (self.type, *typing.get_args(self.type))
        return any(choice in typing.get_args(part) for part in parts)


_INFOS: dict[type, Mapping[str, OptionInfo]] = {}  # the types that were asked for


def option_infos(options: type) -> Mapping[str, OptionInfo]:
    """Returns all options that a dataclass declares, by key."""
    if options not in _INFOS:
        _INFOS[options] = MappingProxyType(_declared(options))
    return _INFOS[options]


def _declared(options: type) -> dict[str, OptionInfo]:
    hints = typing.get_type_hints(options)
    infos = {}
    for item in dataclasses.fields(options):
        name, metadata = item.name, item.metadata
        key = metadata.get("key") or name
        bounds = {bound: metadata[bound] for bound in _BOUNDS if bound in metadata}
        doc = metadata.get("doc", "")
        infos[key] = OptionInfo(
            key, name, hints[name], bounds, item.default, doc, metadata.get("search")
        )
    return infos


def read(options: type[O], content: Mapping[str, object], *, place: str) -> O:
    """Validates the options that a user wrote.

    Raises:   TaskError with the option, the allowed values and the given value; it
              suggests similar names for an unknown option.
    """
    infos = option_infos(options)
    values = {}
    for key, value in content.items():
        if key not in infos:
            raise unknown_option(f"{place}.{key}", key, infos)
        info = infos[key]
        values[info.attribute] = read_option(info, value, place=f"{place}.{key}")
    missing = [
        key
        for key, info in infos.items()
        if info.default is MISSING and info.attribute not in values
    ]
    if missing:
        raise TaskError(f"{place} needs the option '{missing[0]}'", do=infos[missing[0]].doc)
    return options(**values)


def short_option(options: type) -> str | None:
    """Returns the option that a value alone stands for (`SHORT`), if there is one."""
    short: str | None = getattr(options, "SHORT", None)
    return short


def unknown_option(place: str, key: str, names: Iterable[str]) -> TaskError:
    """Returns the error for an unknown option."""
    return TaskError(f"{place} is not a known option", do=did_you_mean(key, names))


def written(options: object) -> JsonObject:
    """Returns the value of every option as mappings; the inverse of `read`."""
    content = {}
    for key, info in option_infos(type(options)).items():
        value = getattr(options, info.attribute)
        content[key] = written(value) if dataclasses.is_dataclass(value) else value
    return content


def read_option(info: OptionInfo, value: object, *, place: str) -> object:
    """Returns the value of one option, converted to its type.

    Raises:   TaskError with the allowed values and the given value.
    """
    try:
        return _convert(info.type, to_frozen(value), info.bounds, place)
    except _Refused:
        allowed = describe(info.type, info.bounds)
        raise TaskError(f"{place} must be {allowed}", got=_show(value)) from None


class _Refused(Exception):
    pass


def _convert(kind: object, value: object, bounds: Mapping[str, float], place: str) -> object:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _first_fit(inner, value, bounds, place)
    if origin is Literal:
        if any(value == choice and type(value) is type(choice) for choice in inner):
            return value
        raise _Refused
    if origin is tuple:
        if get_origin(inner[0]) is tuple and not (
            isinstance(value, tuple) and all(isinstance(v, tuple) for v in value)
        ):
            raise _Refused
        value = value if isinstance(value, tuple) else (value,)
        return tuple(_convert(inner[0], item, bounds, place) for item in value)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _Refused
        return to_frozen(
            {key: _convert(inner[1], item, bounds, place) for key, item in value.items()}
        )
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _convert_nested(kind, value, place)
    return _convert_scalar(kind, value, bounds)


def _first_fit(
    kinds: tuple[object, ...], value: object, bounds: Mapping[str, float], place: str
) -> object:
    if value is None:
        if type(None) in kinds:
            return None
        raise _Refused
    for kind in kinds:
        if kind is not type(None):
            try:
                return _convert(kind, value, bounds, place)
            except _Refused:
                continue
    raise _Refused


def _convert_nested(kind: type, value: object, place: str) -> object:
    if isinstance(value, kind):
        return value
    short = short_option(kind)
    if not isinstance(value, Mapping):
        if short is None:
            raise _Refused
        value = {short: value}
    return read(kind, value, place=place)


def _convert_scalar(kind: object, value: object, bounds: Mapping[str, float]) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not kind:
        raise _Refused
    if isinstance(value, int | float) and kind in (int, float):
        minimum, maximum = bounds.get("minimum", -math.inf), bounds.get("maximum", math.inf)
        above, below = bounds.get("above", -math.inf), bounds.get("below", math.inf)
        if not (minimum <= value <= maximum and above < value < below):
            raise _Refused
    return value


def describe(kind: object, bounds: Mapping[str, float]) -> str:
    """Describes a type and its bounds in words.

    Example:  >>> describe(int, {"minimum": 1})
              'an integer of at least 1'
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(item, bounds) for item in inner if item is not type(None))
    if origin is Literal:
        return ("one of " if len(inner) > 1 else "") + ", ".join(str(item) for item in inner)
    if origin is tuple:
        if get_origin(inner[0]) is tuple:
            return "a list of lists"
        return f"{describe(inner[0], bounds)}, or a list of them"
    if origin is dict:
        return "a mapping"
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        listed = "a mapping with " + ", ".join(option_infos(kind))
        if short := short_option(kind):
            info = option_infos(kind)[short]
            return f"{describe(info.type, info.bounds)} (its {short}) or {listed}"
        return listed
    limits = " and ".join(f"{_BOUNDS[name]} {bound:g}" for name, bound in bounds.items())
    return _NAMES.get(kind, str(kind)) + (f" {limits}" if limits and kind in (int, float) else "")


def _show(value: object) -> str:
    return shorten(repr(to_plain(to_frozen(value))), 80)


def json_schema(options: type) -> JsonObject:
    """Returns the JSON schema (draft 2020-12) of a dataclass of options."""
    properties, required = {}, []
    for key, info in option_infos(options).items():
        entry = {**_json_type(info.type, info.bounds), "description": info.doc}
        if info.default is MISSING:
            required.append(key)
        elif info.default is not None and not dataclasses.is_dataclass(info.default):
            entry["default"] = to_plain(info.default)
        properties[key] = entry
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _json_type(kind: object, bounds: Mapping[str, float]) -> JsonObject:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return {}
    if origin in (Union, types.UnionType):
        return {
            "anyOf": [
                {"type": "null"} if item is type(None) else _json_type(item, bounds)
                for item in inner
            ]
        }
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        item = _json_type(inner[0], bounds)
        if get_origin(inner[0]) is tuple:
            return {"type": "array", "items": item["anyOf"][1]}
        return {"anyOf": [item, {"type": "array", "items": item}]}
    if origin is dict:
        return {"type": "object", "additionalProperties": _json_type(inner[1], bounds)}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        schema = json_schema(kind)
        short = short_option(kind)
        return {"anyOf": [schema["properties"][short], schema]} if short else schema
    limits = (
        {_JSON_BOUNDS[name]: bound for name, bound in bounds.items()}
        if kind in (int, float)
        else {}
    )
    return {"type": _JSON_NAMES[kind], **limits}
