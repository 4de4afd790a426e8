"""A Task: one job said in three parts, Input -> Process -> Output, as frozen data.

The same task can be a Python object, a YAML text and words on the command line, and each form can be turned into each
other without loss. Whether the words make sense is not asked here but in `pipeline/parse.py`, which knows all stages.

Example:  >>> task = Task(input={"table": "sms.csv", "text": "message"}, process={"net": "ffn"}, output={"category": "kind"})
          >>> print(task.to_yaml(), end="")
          input: {table: sms.csv, text: message}
          process: {net: ffn}
          output: {category: kind}
          >>> Task.from_yaml(task.to_yaml()) == task
          True
          >>> task.to_arguments()
          ['input.table=sms.csv', 'input.text=message', 'process.net=ffn', 'output.category=kind']
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from kissipo.core import notation
from kissipo.core.config import FrozenConfig, freeze, thaw
from kissipo.core.errors import TaskError
from kissipo.core.suggest import did_you_mean

PARTS = ("input", "process", "output")
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_STEP = re.compile(rf"{_QUOTED}|[^.]+")
_ARGUMENT = re.compile(
    rf"(?P<place>\s*(?:{_QUOTED}|[^\s=])(?:{_QUOTED}|[^=])*?)=(?P<text>.*)", re.DOTALL
)
Part = FrozenConfig | tuple[FrozenConfig, ...]


@dataclass(frozen=True, init=False)
class Task:
    """Three parts, each `FrozenConfig`; `output` may also be a tuple of them (several answers out of one net)."""

    input: FrozenConfig
    process: FrozenConfig
    output: Part
    name: str = field(compare=False, default="")

    def __init__(
        self, *, input: Any = None, process: Any = None, output: Any = None, name: str = ""
    ) -> None:
        object.__setattr__(self, "input", _part("input", input))
        object.__setattr__(self, "process", _part("process", process))
        object.__setattr__(self, "output", _part("output", output))
        object.__setattr__(self, "name", name)

    @property
    def answers(self) -> tuple[FrozenConfig, ...]:
        """The answers of the output part, always as a tuple."""
        return self.output if isinstance(self.output, tuple) else (self.output,)

    def named(self, name: str) -> Self:
        """The same task under another name."""
        return type(self)(**self.parts(), name=name)

    def parts(self) -> dict[str, Part]:
        """The three parts by name."""
        return {part: getattr(self, part) for part in PARTS}

    def plain(self) -> dict[str, Any]:
        """The task as ordinary dicts and lists, as YAML and JSON say it."""
        return {part: _shortest(thaw(words)) for part, words in self.parts().items() if words}

    def with_words(self, changes: Mapping[str, Any]) -> Self:
        """The task with some words changed, each named by its place.

        Example:  >>> Task(process={"net": "ffn"}).with_words({"process.early_stopping.patience": 3}).process.plain()
                  {'net': 'ffn', 'stop': {'patience': 3}}
        """
        plain = {part: thaw(words) for part, words in self.parts().items()}
        for place, value in changes.items():
            _put(plain, place, thaw(freeze(value)))
        return type(self)(**plain, name=self.name)

    def to_yaml(self) -> str:
        """The task as YAML, one part a line where it fits.

        Raises:   TaskError when a value is an object that only Python can hold.
        """
        self._refuse_objects()
        return notation.write(self.plain()) if self.plain() else ""

    @classmethod
    def from_yaml(cls, text: str, *, origin: str = "the task", name: str = "") -> Self:
        """The task that a YAML text says.

        Raises:   TaskError naming line and column, or the part that does not belong.
        """
        return cls.from_plain(notation.read(text, origin=origin), origin=origin, name=name)

    @classmethod
    def from_plain(cls, content: Any, *, origin: str = "the task", name: str = "") -> Self:
        """The task that ordinary dicts say."""
        if not isinstance(content, Mapping):
            raise TaskError(
                f"{origin} must be a mapping of the parts input, process and output",
                given=_kind(content),
                do="Write for example input: {table: sms.csv}",
            )
        for part in content:
            if part not in PARTS:
                raise TaskError(
                    f"{origin} has a part '{part}'",
                    allowed="input, process, output",
                    do=did_you_mean(str(part), PARTS, most_listed=0),
                )
        return cls(**{str(part): words for part, words in content.items()}, name=name)

    def to_arguments(self) -> list[str]:
        """The task as words of the command line, unquoted."""
        self._refuse_objects()
        arguments = []
        for part, content in self.plain().items():
            if isinstance(content, dict):
                arguments += [
                    f"{part}.{_quote_key(key)}={notation.write_value(value)}"
                    for key, value in content.items()
                ]
            else:
                arguments.append(f"{part}={notation.write_value(content)}")
        return arguments

    @classmethod
    def from_arguments(cls, arguments: Iterable[str], *, name: str = "") -> Self:
        """The inverse of `to_arguments`: every word with its full place, such as `process.net=ffn`."""
        return cls(name=name).with_words(dict(split_argument(each) for each in arguments))

    def _refuse_objects(self) -> None:
        for part, content in self.parts().items():
            for place, value in _leaves(part, content):
                if not isinstance(value, str | int | float | bool | None):
                    raise TaskError(
                        f"{place} holds an object that exists only in Python ({type(value).__name__}), so it cannot be written",
                        do="Save the data to a file and name the file",
                    )


def split_argument(argument: str) -> tuple[str, Any]:
    """`process.units=[64]` -> place and value.

    Raises:   TaskError when there is no `=`.
    """
    found = _ARGUMENT.fullmatch(argument)
    if found is None:
        raise TaskError(
            f"'{argument}' is not a word of a task",
            allowed="key=value, such as process.epochs=5 or epochs=5",
        )
    return found["place"].strip(), notation.read_value(found["text"])


def _part(part: str, content: Any) -> Part:
    if content is None:
        return FrozenConfig()
    if isinstance(content, str):
        return FrozenConfig({content: None})
    if isinstance(content, Mapping):
        return FrozenConfig(content)
    if part == "output" and isinstance(content, list | tuple) and content:
        return tuple(_one_answer(each) for each in content)
    allowed = "a mapping of words, a single word" + (
        ", or a list of answers" if part == "output" else ""
    )
    raise TaskError(
        f"the part '{part}' must be a mapping of words", given=_kind(content), allowed=allowed
    )


def _one_answer(content: Any) -> FrozenConfig:
    words = _part("an answer", content)
    if not isinstance(words, FrozenConfig):
        raise TaskError(
            "an answer must be a mapping of words",
            given=_kind(content),
            allowed="such as {category: kind}",
        )
    return words


def _shortest(content: Any) -> Any:
    """`{category: null}` is written as the bare word `category`."""
    if isinstance(content, dict) and len(content) == 1:
        word, value = next(iter(content.items()))
        return word if value is None and word and notation.read_value(word) == word else content
    if isinstance(content, list):
        return [_shortest(each) for each in content]
    return content


def _quote_key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key) else json.dumps(key)


def _put(plain: dict[str, Any], place: str, value: Any) -> None:
    steps = _steps(place)
    if not steps or steps[0] not in PARTS:
        raise TaskError(
            f"'{place}' does not begin with a part of the task", allowed="input, process, output"
        )
    target: Any = plain
    for number, step in enumerate(steps[:-1]):
        key = _key(target, step, place)
        held = target[key] if isinstance(target, list) else target.get(key)
        if isinstance(held, str) and target is plain:
            held = {held: None}
        if held is None:
            held = {}
        if not isinstance(held, dict | list):
            whole = ".".join(steps[: number + 1])
            raise TaskError(
                f"'{place}' has no room in {whole}, which is a single value",
                given=notation.write_value(held),
                do=f"Write it as a mapping, with both: {whole}={{...}}",
            )
        target[key] = held
        target = held
    target[_key(target, steps[-1], place)] = value


def _key(target: Any, step: str, place: str) -> Any:
    """A word of a mapping, or the number of an item of a list."""
    if not isinstance(target, list):
        return step
    if not step.isdecimal() or int(step) >= len(target):
        raise TaskError(
            f"'{place}' names no item of a list",
            given=f"'{step}'",
            allowed=f"0 to {len(target) - 1}",
        )
    return int(step)


def _steps(place: str) -> list[str]:
    """Splits at dots outside quotes: `input."odd.name"` has two steps."""
    return [_unquoted(step) for step in _STEP.findall(place)]


def _unquoted(step: str) -> str:
    try:
        return str(json.loads(step)) if step[0] == '"' else step
    except ValueError:
        return step


def _leaves(place: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, FrozenConfig):
        for key, each in value.items():
            yield from _leaves(f"{place}.{key}", each)
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _leaves(f"{place}[{number}]", each)
    else:
        yield place, value


def _kind(content: Any) -> str:
    names = {
        list: "a list",
        tuple: "a list",
        str: "text",
        type(None): "nothing",
        bool: "a yes/no",
        int: "a number",
        float: "a number",
    }
    return names.get(type(content), type(content).__name__)
