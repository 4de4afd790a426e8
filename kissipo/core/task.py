"""Task: the frozen description of one job, Input -> Process -> Output.

A task can be written as a Python object, as YAML and as arguments of the command line;
the three forms are equivalent. `pipeline/parse.py` validates its options.

Example:  >>> text = "input: {table: sms.csv}\\nprocess: {net: ffn}\\noutput: category\\n"
          >>> task = Task.from_yaml(text)
          >>> task.to_yaml() == text
          True
          >>> task.to_arguments()
          ['input.table=sms.csv', 'process.net=ffn', 'output=category']
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from kissipo.core import notation
from kissipo.core.config import FrozenConfig, to_frozen, to_plain
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import InferredOption
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
    """Three parts of type `FrozenConfig`; `output` may be a tuple of several.

    inferred:  options that were inferred from the data, each with its reason
    """

    input: FrozenConfig
    process: FrozenConfig
    output: Part
    name: str = field(compare=False, default="")
    inferred: tuple[InferredOption, ...] = field(compare=False, default=(), repr=False)

    def __init__(
        self,
        *,
        input: object = None,
        process: object = None,
        output: object = None,
        name: str = "",
        inferred: tuple[InferredOption, ...] = (),
    ) -> None:
        object.__setattr__(self, "input", _part("input", input))
        object.__setattr__(self, "process", _part("process", process))
        object.__setattr__(self, "output", _part("output", output))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "inferred", inferred)

    @property
    def answers(self) -> tuple[FrozenConfig, ...]:
        """The answers of the output part as a tuple."""
        return self.output if isinstance(self.output, tuple) else (self.output,)

    def named(self, name: str) -> Self:
        """Returns the same task with another name."""
        return type(self)(**self.parts(), name=name, inferred=self.inferred)

    def parts(self) -> dict[str, Part]:
        """Returns the three parts by name."""
        return {part: getattr(self, part) for part in PARTS}

    def plain(self) -> dict[str, object]:
        """Returns the task as ordinary dicts and lists, for YAML and JSON."""
        return {
            part: _shortest(to_plain(config)) for part, config in self.parts().items() if config
        }

    def with_words(self, changes: Mapping[str, object]) -> Self:
        """Returns the task with some options changed, each named by its full path.

        Example:  >>> task = Task(process={"net": "ffn"})
                  >>> task.with_words({"process.early_stopping.patience": 3}).process
                  FrozenConfig({'net': 'ffn', 'early_stopping': {'patience': 3}})
        """
        plain = {part: to_plain(config) for part, config in self.parts().items()}
        for place, value in changes.items():
            _put(plain, place, to_plain(to_frozen(value)))
        return type(self)(**plain, name=self.name, inferred=self.inferred)

    def to_yaml(self) -> str:
        """Returns the task as YAML, one line per part where it fits.

        Raises:   TaskError when a value is a Python object.
        """
        self._refuse_objects()
        return notation.write(self.plain()) if self.plain() else ""

    @classmethod
    def from_yaml(cls, text: str, *, origin: str = "the task", name: str = "") -> Self:
        """Reads a task from a YAML text.

        Raises:   TaskError with the line and the column, or with the unknown part.
        """
        return cls.from_plain(notation.read(text, origin=origin), origin=origin, name=name)

    @classmethod
    def from_plain(cls, content: object, *, origin: str = "the task", name: str = "") -> Self:
        """Builds a task from ordinary dicts."""
        if not isinstance(content, Mapping):
            raise TaskError(
                f"{origin} must be a mapping of the parts input, process and output",
                got=_kind(content),
                do="Write for example input: {table: sms.csv}",
            )
        for part in content:
            if part not in PARTS:
                raise TaskError(
                    f"{origin} has an unknown part '{part}'",
                    allowed="input, process, output",
                    do=did_you_mean(str(part), PARTS, max_listed=0),
                )
        return cls(**{str(part): config for part, config in content.items()}, name=name)

    def to_arguments(self) -> list[str]:
        """Returns the task as arguments of the command line, without shell quotes."""
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
        """Builds a task from arguments such as `process.net=ffn`."""
        return cls(name=name).with_words(dict(map(split_argument, arguments)))

    def _refuse_objects(self) -> None:
        for part, content in self.parts().items():
            for place, value in _leaves(part, content):
                if not isinstance(value, str | int | float | bool | None):
                    raise TaskError(
                        f"{place} is a Python object ({type(value).__name__}), not text",
                        do="Save the data to a file and name the file",
                    )


def split_argument(argument: str) -> tuple[str, object]:
    """Splits an argument such as `process.units=[64]` into the option and its value.

    Raises:   TaskError when there is no `=`.
    """
    match = _ARGUMENT.fullmatch(argument)
    if match is None:
        raise TaskError(
            f"'{argument}' is not an option of a task",
            allowed="key=value, such as process.epochs=5 or epochs=5",
        )
    return match["place"].strip(), notation.read_value(match["text"])


def _part(part: str, content: object) -> Part:
    if content is None:
        return FrozenConfig()
    if isinstance(content, str):
        return FrozenConfig({content: None})
    if isinstance(content, Mapping):
        return FrozenConfig(content)
    if part == "output" and isinstance(content, list | tuple) and content:
        return tuple(map(_one_answer, content))
    allowed = "a mapping of options, a single option" + (
        ", or a list of answers" if part == "output" else ""
    )
    raise TaskError(
        f"the part '{part}' must be a mapping of options", got=_kind(content), allowed=allowed
    )


def _one_answer(content: object) -> FrozenConfig:
    config = _part("an answer", content)
    if not isinstance(config, FrozenConfig):
        raise TaskError(
            "an answer must be a mapping of options",
            got=_kind(content),
            allowed="such as {category: kind}",
        )
    return config


def _shortest(content: object) -> object:
    """Shortens `{category: null}` to the text `category`, recursively."""
    if isinstance(content, dict) and len(content) == 1:
        key, value = next(iter(content.items()))
        return key if value is None and key and notation.read_value(key) == key else content
    if isinstance(content, list):
        return [_shortest(item) for item in content]
    return content


def _quote_key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key) else json.dumps(key)


def _put(plain: dict[str, object], place: str, value: object) -> None:
    steps = _steps(place)
    if not steps or steps[0] not in PARTS:
        raise TaskError(
            f"'{place}' does not begin with a part of the task", allowed="input, process, output"
        )
    target: Any = plain
    for number, step in enumerate(steps[:-1]):
        key = _key(target, step, place)
        current = target[key] if isinstance(target, list) else target.get(key)
        if isinstance(current, str) and target is plain:
            current = {current: None}
        if current is None:
            current = {}
        if not isinstance(current, dict | list):
            whole = ".".join(steps[: number + 1])
            raise TaskError(
                f"'{place}' cannot be set: {whole} is a single value",
                got=notation.write_value(current),
                do=f"Write {whole} as a mapping with both: {whole}={{...}}",
            )
        target[key] = current
        target = current
    target[_key(target, steps[-1], place)] = value


def _key(target: object, step: str, place: str) -> Any:
    """Returns the key of a mapping, or the index of a list."""
    if not isinstance(target, list):
        return step
    if not step.isdecimal() or int(step) >= len(target):
        raise TaskError(
            f"'{place}' is not an item of the list",
            got=f"'{step}'",
            allowed=f"0 to {len(target) - 1}",
        )
    return int(step)


def _steps(place: str) -> list[str]:
    """Splits a path at its dots outside quotes: `input."my.name"` has two steps."""
    return [_unquoted(step) for step in _STEP.findall(place)]


def _unquoted(step: str) -> str:
    try:
        return str(json.loads(step)) if step[0] == '"' else step
    except ValueError:
        return step


def _leaves(place: str, value: object) -> Iterable[tuple[str, object]]:
    if isinstance(value, FrozenConfig):
        for key, item in value.items():
            yield from _leaves(f"{place}.{key}", item)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _leaves(f"{place}[{index}]", item)
    else:
        yield place, value


def _kind(content: object) -> str:
    names = {
        list: "a list",
        tuple: "a list",
        str: "text",
        type(None): "nothing",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names.get(type(content), type(content).__name__)
