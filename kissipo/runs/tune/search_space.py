"""The search space: the options that a search tries, and the values of each.

The nets, algorithms, sources and codecs declare with their options what is worth
trying. A person can name other options and other values, as far as the options take
them.

    learning_rate                   an option, with the values that it declares
    learning_rate=1e-4..1e-2        a range of numbers
    process.units=[32],[64,64]      a list of choices
    all                             every option that declares values
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log

from numpy.random import Generator

from kissipo.core.config import to_frozen, to_plain
from kissipo.core.errors import TaskError, UserError
from kissipo.core.json_object import JsonObject
from kissipo.core.notation import read_value, read_values, write_value
from kissipo.core.schema import (
    NotSearched,
    OptionInfo,
    Range,
    Values,
    describe,
    option_infos,
    read_option,
)
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.core.text import shorten
from kissipo.pipeline.parse import ResolvedTask, full_place

_DIGITS = 3  # of a number that is tried
_LOG_RATIO = 100  # a range of positive numbers that spans more has a logarithmic scale
_DECLARED = "all"
_LIST = "--search learning_rate=1e-4..1e-2, or --search units=32,64"


@dataclass(frozen=True)
class SearchedOption:
    """An option of a task, and the values that a search tries.

    whole:  whether the numbers of a range are integers
    """

    place: str
    values: Range | Values
    whole: bool = False

    def draw(self, generator: Generator) -> object:
        """Returns a random value."""
        if isinstance(self.values, Values):
            return self.values.values[int(generator.integers(len(self.values.values)))]
        low, high = self.values.low, self.values.high
        share = float(generator.random())
        if self.whole:
            low, high = low - 0.5, high + 0.5
        number = exp(log(low) + share * log(high / low)) if self.values.log else 0.0
        return self.rounded(number if self.values.log else low + share * (high - low))

    def rounded(self, number: float) -> float | int:
        """Returns a number of the range with few digits, as it is tried.

        Example:  >>> searched = SearchedOption("process.dropout", Range(0.0, 0.5))
                  >>> searched.rounded(0.123456), searched.rounded(0.6)
                  (0.123, 0.5)
        """
        assert isinstance(self.values, Range)
        text = round(number) if self.whole else float(f"{number:.{_DIGITS}g}")
        return type(text)(min(max(text, self.values.low), self.values.high))

    def includes(self, value: object) -> bool:
        """Returns whether the search may try this value."""
        if isinstance(self.values, Values):
            return to_frozen(value) in self.values.values
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.values.low <= typing.cast(float, value) <= self.values.high

    def value_in(self, task: Task) -> object:
        """Returns the value that a task has, as a list where the choices are lists."""
        value = value_of(task, self.place)
        lists = isinstance(self.values, Values) and isinstance(self.values.values[0], tuple)
        return (value,) if lists and not isinstance(value, tuple) else value

    def describe(self) -> str:
        """Describes the values in a few words.

        Example:  >>> SearchedOption("process.units", Values(((8,), (8, 8)))).describe()
                  '[8], [8, 8]'
        """
        if isinstance(self.values, Values):
            return ", ".join(map(write, self.values.values))
        scale = " (logarithmic)" if self.values.log else ""
        return f"{self.values.low:g} to {self.values.high:g}{scale}"

    def to_json(self) -> JsonObject:
        """Returns the option and its values as they are saved with a study."""
        if isinstance(self.values, Values):
            return {"option": self.place, "choices": [to_plain(v) for v in self.values.values]}
        return {"option": self.place, "whole": self.whole, **vars(self.values)}

    @classmethod
    def from_json(cls, content: JsonObject) -> SearchedOption:
        """Restores what `to_json` returned."""
        if "choices" in content:
            choices = Values(tuple(map(to_frozen, content["choices"])))
            return cls(content["option"], choices)
        values = Range(content["low"], content["high"], content["log"])
        return cls(content["option"], values, content["whole"])


SearchSpace = tuple[SearchedOption, ...]


def search_space(
    task: Task,
    resolved: ResolvedTask,
    search: Sequence[str] | Mapping[str, object],
    *,
    fixed: Collection[str] = (),
) -> SearchSpace:
    """Returns the options to search, each with its values.

    task:     with every option that has a value
    search:   what to search; every option with declared values where it is empty
    fixed:    options that keep their values, unless `search` names them
    Raises:   TaskError for an option or a value that does not exist, or no option.
    """
    infos = _infos(resolved)
    searched: dict[str, SearchedOption] = {}
    for name, values in _items(search):
        if name == _DECLARED and values is None:
            searched |= _declared(task, infos, fixed)
            continue
        place = full_place(name, task)
        info = _info_of(place, infos)
        option = _searched(place, info, values)
        searched[place] = option if values is not None else _with_own(option, task)
    if not search:
        searched = _declared(task, infos, fixed)
    if not searched:
        raise TaskError(
            "there is nothing to search: no option that is free declares values",
            got=", ".join(fixed),
            do=f"Name an option and its values: {_LIST}",
        )
    return tuple(searched.values())


def _with_own(option: SearchedOption, task: Task) -> SearchedOption:
    """Returns an option whose declared choices have the value of the task, too.

    So the search learns from trial 0, and can keep this value.
    """
    value = option.value_in(task)
    if isinstance(option.values, Range) or option.includes(value):
        return option
    return replace(option, values=Values((value, *option.values.values)))


def write(value: object) -> str:
    """Writes a value of an option in one line."""
    return write_value(to_plain(to_frozen(value)))


def _infos(resolved: ResolvedTask) -> dict[str, OptionInfo]:
    """Returns all options of the input and the process of a task, by place."""
    assert resolved.net is not None and resolved.algorithm is not None
    owners = [
        ("input", resolved.general),
        ("input", resolved.source.options),
        ("process", resolved.algorithm.options),
        ("process", resolved.net.options),
    ]
    return {
        f"{part}.{key}": info
        for part, options in owners
        for key, info in option_infos(type(options)).items()
    }


def _declared(
    task: Task, infos: Mapping[str, OptionInfo], fixed: Collection[str]
) -> dict[str, SearchedOption]:
    """Returns the options that have a value in the task and declare others to try."""
    return {
        place: _with_own(_searched(place, info, None), task)
        for place, info in infos.items()
        if isinstance(info.search, Range | Values)
        and place not in fixed
        and value_of(task, place) is not None
    }


def value_of(task: Task, place: str) -> object:
    """Returns the value of an option in a task, also of a nested one; None without."""
    value: object = task.parts()
    for step in place.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _items(search: Sequence[str] | Mapping[str, object]) -> list[tuple[str, object]]:
    """Returns each option with its values as they are written, None without values."""
    if isinstance(search, Mapping):
        return list(search.items())
    items: list[tuple[str, object]] = []
    for argument in search:
        name, equals, text = argument.partition("=")
        if equals and not text.strip():
            raise TaskError(f"--search {argument} has no values", do=f"Write {_LIST}")
        items.append((name.strip(), text if equals else None))
    return items


def _info_of(place: str, infos: Mapping[str, OptionInfo]) -> OptionInfo:
    """Returns the option at a place, also inside of another option.

    Raises:   TaskError when there is none, or it cannot be searched.
    """
    part, _, rest = place.partition(".")
    first, *inner = rest.split(".")
    if part == "output" or first in ("net", "algorithm"):
        raise TaskError(
            f"--search {place}: tasks with another {first} are compared, not searched",
            do=f"Use kissipo compare TASK --vary {place}=...",
        )
    info = infos.get(f"{part}.{first}")
    if info is None:
        names = [name for name in infos if name.startswith(f"{part}.")] or list(infos)
        raise TaskError(
            f"--search {place} names no option of the net, the algorithm or the input of this task",
            do=did_you_mean(place, names),
        )
    for key in (None, *inner):
        nested = option_infos(info.type) if _is_options(info.type) else {}
        if key is not None and key not in nested:
            raise TaskError(
                f"--search {place} names no option of this task",
                do=did_you_mean(key, nested) if nested else "Leave the last part out",
            )
        info = info if key is None else nested[key]
        if isinstance(info.search, NotSearched):
            raise TaskError(
                f"--search {place}: {info.search.reason}, so trials could not be compared",
                do=f"Compare them on the test split: kissipo compare TASK --vary {place}=...",
            )
    return info


def _is_options(kind: object) -> typing.TypeGuard[type]:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _searched(place: str, info: OptionInfo, wanted: object) -> SearchedOption:
    """Returns an option with the values that are wanted, or else the declared ones.

    Raises:   TaskError for values that the option does not take, or that are missing.
    """
    values = _values(place, info, wanted)
    if isinstance(values, Values):
        taken = [_read(place, info, value, values) for value in values.values]
        return SearchedOption(place, Values(tuple(dict.fromkeys(map(to_frozen, taken)))))
    for end in (values.low, values.high):
        _read(place, info, end, values)
    if not values.low < values.high:
        raise _refused(place, values, "the first number of a range is below the second")
    if values.log and values.low <= 0:
        raise _refused(place, values, "a logarithmic range begins above 0")
    return SearchedOption(place, values, _is_whole(info, values))


def _values(place: str, info: OptionInfo, wanted: object) -> Range | Values:
    if isinstance(wanted, Range | Values):
        return wanted
    if wanted is None:
        if isinstance(info.search, Range | Values):
            return info.search
        raise TaskError(
            f"--search {place} needs values, as this option declares none",
            allowed=describe(info.type, info.bounds),
            do=f"Write {place} with a range or choices, as in {_LIST}",
        )
    if not isinstance(wanted, str):
        return Values(tuple(wanted) if isinstance(wanted, list | tuple) else (wanted,))
    low, dots, high = wanted.partition("..")
    if not dots:
        return Values(tuple(read_values(wanted)))
    ends = [read_value(end.strip()) for end in (low, high)]
    numbers = [end for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(numbers) < 2:
        raise TaskError(
            f"--search {place} must be two numbers with two dots between them",
            got=wanted,
            do=f"Write {_LIST}",
        )
    return Range(numbers[0], numbers[1], _is_logarithmic(info, *numbers))


def _is_logarithmic(info: OptionInfo, low: float, high: float) -> bool:
    """Returns whether a range has the logarithmic scale that the option declares, or
    that its size suggests."""
    if low <= 0:
        return False
    declared = isinstance(info.search, Range) and info.search.log
    return declared or high / low >= _LOG_RATIO


def _is_whole(info: OptionInfo, values: Range) -> bool:
    """Returns whether an option takes the integers of a range only."""
    try:
        read_option(info, values.low + (2**0.5 - 1) * (values.high - values.low), place="")
    except UserError:
        return True
    return False


def _read(place: str, info: OptionInfo, value: object, values: Range | Values) -> object:
    try:
        return read_option(info, value, place=place)
    except UserError:
        raise _refused(place, values, describe(info.type, info.bounds), value) from None


def _refused(place: str, values: Range | Values, allowed: str, value: object = None) -> TaskError:
    """Returns the error for values that an option does not take."""
    wrong = "" if value is None else f": {write(value)}"
    return TaskError(
        f"--search {place} has values that the option does not take{wrong}",
        got=shorten(SearchedOption(place, values).describe(), 80),
        allowed=allowed,
        do="Give a range or choices that the option takes",
    )
