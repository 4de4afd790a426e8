"""Grammar: which word belongs to whom. One reading of a Task that checks every word and gives typed options.

    input     one source and its words, and split, batch          process   net and its words, algorithm and its words
    output    one answer (or a list) and its words, and baselines

A part that is left out is inferred later; whatever is written is checked here, before any data are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from kissipo.core.config import FrozenConfig, thaw
from kissipo.core.errors import NotBuiltError, TaskError, UserError
from kissipo.core.registry import Registry
from kissipo.core.schema import option_infos, read, unknown_option
from kissipo.core.suggest import did_you_mean
from kissipo.core.task import Task
from kissipo.input import options as input_general
from kissipo.output import options as output_general
from kissipo.pipeline.registries import (
    ALGORITHMS,
    ANSWERS,
    BASELINES,
    LOSSES,
    NETS,
    PLANNED_VALUES,
    PLANNED_WORDS,
    SHORT_LOSSES,
    SOURCES,
)
from kissipo.pipeline.renamed_options import VALUES, current_name


@dataclass(frozen=True)
class Component:
    """One part that a word means: its name, its module, what was written behind the word, its typed options, its place."""

    word: str
    module: ModuleType
    value: Any
    options: Any
    place: str = ""


@dataclass(frozen=True)
class ResolvedTask:
    """A whole task, read: net and learn are None where they must still be inferred; baselines are one entry an answer.

    losses:   as they are written, one an answer, under their full names; empty where they are to be inferred
    """

    source: Component
    general: input_general.Options
    net: Component | None
    algorithm: Component | None
    answers: tuple[Component, ...]
    baselines: tuple[tuple[str, ...] | None, ...]
    losses: tuple[str, ...] = ()


def read_task(task: Task) -> ResolvedTask:
    """Every word of the task, checked.

    Raises:   TaskError naming the place; NotBuiltError for a word of a later day.
    """
    source, general = _read_input(task.input)
    answers, baselines = _read_output(task)
    net, algorithm = _read_process(task.process)
    losses = _long_losses(task.process).get("loss", ())
    return ResolvedTask(source, general, net, algorithm, answers, baselines, losses)


def source_of(part: FrozenConfig) -> str:
    """The word of the source in the input part.

    Raises:   TaskError when there is none or more than one.
    """
    found = [key for key in part if key in SOURCES.names() or key in SOURCES.planned]
    if not found and "explain" in part:
        told = f"'{part['explain']}' is explained with numbers and trains nothing"
        raise TaskError(told, do=f"Look at it: `kissipo show {part['explain']}`")
    if not found:
        known = ", ".join(SOURCES.names())
        close = next(
            (key for key in part if not did_you_mean(key, SOURCES.names()).startswith("Known")),
            None,
        )
        do = (
            did_you_mean(close, SOURCES.names())
            if close
            else "Say where the data come from, for example input: {table: sms.csv}"
        )
        raise TaskError(
            "input names no source",
            given=", ".join(part) or "nothing",
            allowed=f"one of {known}",
            do=do,
        )
    if len(found) > 1:
        owners = [
            key
            for key in found
            if key in SOURCES.names() and _owns(key, [other for other in found if other != key])
        ]
        if len(owners) != 1:
            raise TaskError("input names two sources", given=" and ".join(found), allowed="one")
        return owners[0]
    return found[0]


def _owns(source: str, others: list[str]) -> bool:
    words = option_infos(SOURCES.find(source, place="input").Options)
    return all(other in words for other in others)


def _read_input(part: FrozenConfig) -> tuple[Component, input_general.Options]:
    source = source_of(part)
    module = SOURCES.find(source, place="input")
    rest = {key: value for key, value in part.items() if key != source}
    own, general = _divide(
        rest, {"own": module.Options, "general": input_general.Options}, place="input"
    )
    return (
        Component(source, module, part[source], read(module.Options, own, place="input")),
        read(input_general.Options, general, place="input"),
    )


def _read_process(part: FrozenConfig) -> tuple[Component | None, Component | None]:
    rest = {key: value for key, value in part.items() if key not in ("net", "algorithm")}
    net_name, learn_name = part.get("net"), part.get("algorithm")
    for key, name in (("net", net_name), ("algorithm", learn_name)):
        if name is not None and not isinstance(name, str):
            raise TaskError(f"process.{key} must be a name", given=repr(thaw(name)))
        if f"process.{key}={name}" in VALUES:
            raise TaskError(f"process.{key}={name} is called {VALUES[f'process.{key}={name}']}")
    net = NETS.find(net_name, place="process.net") if net_name else None
    learn_name = learn_name or (net.ALGORITHM if net is not None else None)
    algorithm = ALGORITHMS.find(learn_name, place="process.algorithm") if learn_name else None
    if net is None:
        _check_loosely(rest, algorithm)
        return None, None
    assert algorithm is not None
    assert isinstance(net_name, str)
    if learn_name != net.ALGORITHM:
        raise NotBuiltError(
            f"process.algorithm: '{learn_name}' for the net '{net_name}' is not built yet",
            allowed=f"'{net.ALGORITHM}' for '{net_name}'",
        )
    own, way = _divide(rest, {"net": net.Options, "learn": algorithm.Options}, place="process")
    way = {**way, **_long_losses(way)}
    return (
        Component(net_name, net, None, read(net.Options, own, place="process")),
        Component(str(learn_name), algorithm, None, read(algorithm.Options, way, place="process")),
    )


def _check_loosely(rest: Mapping[str, Any], algorithm: ModuleType | None) -> None:
    """Before the net is known: a word must at least belong to some net or algorithm."""
    _long_losses(rest)
    owners = [NETS.find(name, place="process.net").Options for name in NETS.names()]
    owners += (
        [algorithm.Options]
        if algorithm
        else [
            ALGORITHMS.find(name, place="process.algorithm").Options for name in ALGORITHMS.names()
        ]
    )
    for key, value in rest.items():
        mine = [owner for owner in owners if key in option_infos(owner)]
        if not mine:
            raise _unknown(
                "process", key, value, [word for owner in owners for word in option_infos(owner)]
            )
        _read_by_any(mine, key, value)


def _read_by_any(owners: list[type], key: str, value: Any) -> None:
    problem: TaskError | None = None
    for owner in owners:
        try:
            read(owner, {key: value}, place="process")
        except TaskError as error:
            problem = error
        else:
            return
    if problem is not None:
        raise problem


def _long_losses(way: Mapping[str, Any]) -> dict[str, Any]:
    """`mse` means mean_squared_error; every loss must exist."""
    if way.get("loss") is None:
        return {}
    named = way["loss"] if isinstance(way["loss"], tuple) else (way["loss"],)
    losses = tuple(
        SHORT_LOSSES.get(each, each) if isinstance(each, str) else each for each in named
    )
    for each in losses:
        if isinstance(each, str) and each not in LOSSES.names():
            raise TaskError(
                "process.loss names no loss of kissipo",
                given=f"'{each}'",
                do=did_you_mean(each, [*LOSSES.names(), *SHORT_LOSSES]),
            )
    return {"loss": losses}


def _read_output(task: Task) -> tuple[tuple[Component, ...], tuple[tuple[str, ...] | None, ...]]:
    answers, baselines = [], []
    for number, part in enumerate(task.answers):
        place = f"output.{number}" if isinstance(task.output, tuple) else "output"
        answer, general = _read_answer(part, place)
        _check_baselines(general.baselines or (), answer, place)
        answers += [answer] if answer else []
        baselines.append(general.baselines)
    return tuple(answers), tuple(baselines)


def _check_baselines(names: tuple[str, ...], answer: Component | None, place: str) -> None:
    """A simple answer must exist, and be one for this answer."""
    known = answer.module.ANSWER.BASELINES if answer else BASELINES.names()
    for name in names:
        if name not in known:
            noun = f"baseline for {answer.word}" if answer else "baseline of kissipo"
            hint = did_you_mean(name, known)
            raise TaskError(f"{place}.baselines names no {noun}", given=f"'{name}'", do=hint)


def _read_answer(part: FrozenConfig, place: str) -> tuple[Component | None, output_general.Options]:
    found = [key for key in part if key in ANSWERS.names() or key in ANSWERS.planned]
    if len(found) > 1:
        raise TaskError(
            f"{place} names two answers",
            given=" and ".join(found),
            allowed="one, or a list: output: [{category: a}, {number: b}]",
        )
    if not found:
        _, general = _divide(
            part,
            {"own": _Nothing, "general": output_general.Options},
            place=place,
            known=ANSWERS.names(),
        )
        return None, read(output_general.Options, general, place=place)
    module = ANSWERS.find(found[0], place=place)
    rest = {key: value for key, value in part.items() if key != found[0]}
    own, general = _divide(
        rest, {"own": module.Options, "general": output_general.Options}, place=place
    )
    options = read(module.Options, own, place=place)
    chosen = Component(found[0], module, part[found[0]], options, place)
    return chosen, read(output_general.Options, general, place=place)


@dataclass(frozen=True)
class _Nothing:
    """The words of an answer that is not named."""


def _divide(
    rest: Mapping[str, Any],
    owners: Mapping[str, type],
    *,
    place: str,
    known: list[str] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sorts words by their owner; a word that two own goes to the first."""
    tables = {name: option_infos(owner) for name, owner in owners.items()}
    parts: dict[str, dict[str, Any]] = {name: {} for name in owners}
    for key, value in rest.items():
        owner = next((name for name, table in tables.items() if key in table), None)
        if owner is None or _is_planned(place.split(".")[0], key, value):
            every = [*(known or []), *(word for table in tables.values() for word in table)]
            raise _unknown(place, key, value, every)
        parts[owner][key] = value
    first, second = parts.values()
    return first, second


def _unknown(place: str, key: str, value: Any, known: list[str]) -> UserError:
    part = place.split(".")[0]
    if _is_planned(part, key, value):
        return NotBuiltError(
            f"{place}.{key}={value} ({PLANNED_VALUES[f'{part}.{key}={value}']}) is not built yet"
        )
    if f"{part}.{key}" in PLANNED_WORDS:
        return NotBuiltError(
            f"{place}.{key} ({PLANNED_WORDS[f'{part}.{key}']}) is not built yet",
            allowed=", ".join(sorted(set(known))),
        )
    if renamed := current_name(f"{part}.{key}"):
        return TaskError(renamed)
    return unknown_option(f"{place}.{key}", key, known)


def _is_planned(part: str, key: str, value: Any) -> bool:
    return isinstance(value, str) and f"{part}.{key}={value}" in PLANNED_VALUES


def full_place(key: str, task: Task) -> str:
    """`epochs` -> `process.epochs`: the one part that knows the word.

    Raises:   TaskError when no part knows it, or more than one.
    """
    first = key.split(".")[0]
    if first in ("input", "process", "output"):
        return key
    parts = [part for part, words in _known_words().items() if first in words]
    parts = parts or [part for part, words in _planned_words().items() if first in words]
    if len(parts) > 1:
        written = [part for part in parts if first in getattr(task, part)]
        parts = written or parts
    if len(parts) == 1:
        return f"{parts[0]}.{key}"
    everything = [word for words in _known_words().values() for word in words]
    if not parts and (renamed := current_name(first)):
        raise TaskError(renamed)
    if not parts:
        raise TaskError(f"'{key}' is not a word of a task", do=did_you_mean(first, everything))
    raise TaskError(
        f"'{key}' is a word of several parts",
        allowed=" or ".join(f"{part}.{key}" for part in parts),
    )


def _known_words() -> dict[str, list[str]]:
    return {
        "input": [*SOURCES.names(), *option_infos(input_general.Options), *_every_word(SOURCES)],
        "process": ["net", "algorithm", *_every_word(NETS), *_every_word(ALGORITHMS)],
        "output": [*ANSWERS.names(), *option_infos(output_general.Options), *_every_word(ANSWERS)],
    }


def _planned_words() -> dict[str, list[str]]:
    """FrozenConfig that are understood but not built, by part; a word that is built comes first."""
    planned: dict[str, list[str]] = {
        "input": [*SOURCES.planned],
        "process": [],
        "output": [*ANSWERS.planned],
    }
    for place in PLANNED_WORDS:
        part, word = place.split(".")
        planned[part].append(word)
    return planned


def _every_word(registry: Registry) -> list[str]:
    return [word for name in registry.names() for word in option_infos(options_of(registry, name))]


def options_of(registry: Registry, name: str) -> type:
    """The words that a member of a family owns, as its dataclass."""
    options: type = registry.find(name, place=registry.noun).Options
    return options
