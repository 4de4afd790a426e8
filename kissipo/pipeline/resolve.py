"""Resolves a task: every option with its value, as it is written to `task.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from kissipo.core.config import FrozenConfig
from kissipo.core.errors import UserError
from kissipo.core.inferred_option import InferredOption
from kissipo.core.python_object import is_module, remark_on
from kissipo.core.schema import option_infos, written
from kissipo.core.task import Task
from kissipo.pipeline.parse import (
    ResolvedTask,
    algorithm_of,
    builder_of,
    net_of,
    source_of,
    unused_options,
)
from kissipo.pipeline.registries import SOURCES

AnyTask = TypeVar("AnyTask", bound=Task)


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


def with_changes(task: AnyTask, changes: Mapping[str, object]) -> AnyTask:
    """Returns a task with some options changed, each named by its full path.

    Another net or algorithm leaves the options of the former one out, which it does not
    have; they are reported as inferred.
    """
    changed = task.with_words(changes)
    keys = [key for key in ("net", "algorithm") if f"process.{key}" in changes]
    if not keys or not {"net", "algorithm"} & task.process.keys():
        return changed
    try:
        before, after = (_process_options(some) for some in (task, changed))
    except UserError:
        return changed  # `read_task` says what is wrong
    if not after:
        return changed
    reason = "left out, as {} has no such option".format(
        " and ".join(f"process.{key}={changes[f'process.{key}']}" for key in keys)
    )
    unsuitable = [
        key
        for key in task.process
        if key in before - after and not any(_is_within(place, key) for place in changes)
    ]
    process = {key: value for key, value in changed.process.items() if key not in unsuitable}
    return type(task)(
        **{**changed.parts(), "process": process},
        name=changed.name,
        inferred=(
            *changed.inferred,
            *(InferredOption(f"process.{key}", None, reason) for key in unsuitable),
        ),
    )


def _is_within(place: str, key: str) -> bool:
    return f"{place}.".startswith(f"process.{key}.")


def _process_options(task: Task) -> set[str]:
    """Returns the names of all options of a net and its algorithm; none where the net
    must still be inferred."""
    source = SOURCES.find(source_of(task.input), place="input")
    net = net_of(task.process)[1]
    if net is None:
        return set()
    algorithm = algorithm_of(task.process, net, source)[1]
    return {name for part in (net, algorithm) for name in option_infos(part.Options)}


def _remarks(place: str, value: object) -> dict[str, object]:
    """Returns the names of an option, with remarks in place of functions, if any."""
    names = value if isinstance(value, tuple) else () if value is None else (value,)
    if all(isinstance(name, str) for name in names):
        return {}
    return {place: [name if isinstance(name, str) else remark_on(name) for name in names]}
