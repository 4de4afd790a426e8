"""Resolves a task: every option with its value, as it is written to `task.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kissipo.core.config import FrozenConfig
from kissipo.core.python_object import is_module, remark_on
from kissipo.core.schema import written
from kissipo.core.task import Task
from kissipo.pipeline.parse import ResolvedTask, builder_of, unused_options
from kissipo.pipeline.registries import SOURCES


def spell_out(task: Task, resolved: ResolvedTask) -> Task:
    """Returns the task with every option that has a value; written options come
    first."""
    assert resolved.net is not None and resolved.algorithm is not None
    changes: dict[str, object] = {}
    unused = {*unused_options(resolved), *builder_of(resolved).OTHER_DEFAULTS}
    for options in (resolved.source.options, resolved.general):
        used = {name: value for name, value in written(options).items() if name not in unused}
        changes |= _missing_options("input", used, task.input)
    changes |= _missing_options(
        "process", {"net": resolved.net.name, "algorithm": resolved.algorithm.name}, task.process
    )
    changes |= _missing_options("process", written(resolved.net.options), task.process)
    changes |= _missing_options("process", written(resolved.algorithm.options), task.process)
    for number, answer in enumerate(resolved.answers):
        several = isinstance(task.output, tuple)
        place, part = f"output.{number}" if several else "output", task.answers[number]
        changes |= _missing_options(place, written(answer.options), part)
    return task.with_words(changes)


def _missing_options(
    place: str, options: Mapping[str, object], part: FrozenConfig
) -> dict[str, object]:
    """Returns the options of a part that have no value yet, also in nested mappings."""
    changes: dict[str, object] = {}
    for key, value in options.items():
        current = part.get(key)
        if isinstance(value, Mapping):
            inner = {name: item for name, item in value.items() if item is not None}
            changes[f"{place}.{key}"] = (
                {**inner, **current} if isinstance(current, Mapping) else inner
            )
        elif current is None and value is not None:
            changes[f"{place}.{key}"] = value
    return changes


def writable(task: Task, source: str) -> Task:
    """Returns the task for a file: full paths, and remarks in place of Python
    objects."""
    value = task.input[source]
    changes: dict[str, object] = {}
    if isinstance(value, str | Path):
        if Path(value).exists():
            changes[f"input.{source}"] = str(Path(value).resolve())
    else:
        changes[f"input.{source}"] = remark_on(value)
    if is_module(net := task.process.get("net")):
        changes["process.net"] = remark_on(net)
    changes |= _remarks("process.loss", task.process.get("loss"))
    for number, answer in enumerate(task.answers):
        place = f"output.{number}" if isinstance(task.output, tuple) else "output"
        changes |= _remarks(f"{place}.metrics", answer.get("metrics"))
    weights = task.process.get("weights")
    if isinstance(weights, str) and Path(weights).exists():
        changes["process.weights"] = str(Path(weights).resolve())
    for name in SOURCES.find(source, place="input").SOURCE.data_options:
        data = task.input.get(name)
        if isinstance(data, str | Path):
            # other texts are names inside the data, such as that of an array
            changes[f"input.{name}"] = str(Path(data).resolve() if Path(data).exists() else data)
        elif data is not None:
            changes[f"input.{name}"] = None
    return task.with_words(changes) if changes else task


def _remarks(place: str, value: object) -> dict[str, object]:
    """Returns the names of an option, with remarks in place of functions, if any."""
    names = value if isinstance(value, tuple) else () if value is None else (value,)
    if all(isinstance(name, str) for name in names):
        return {}
    return {place: [name if isinstance(name, str) else remark_on(name) for name in names]}
