"""Spelling out: the task with every word that it is made of, as it is written to `task.yaml`, ready to edit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kissipo.core.config import FrozenConfig
from kissipo.core.schema import written
from kissipo.core.task import Task
from kissipo.pipeline.parse import ResolvedTask

_GIVEN = "given in Python"


def spell_out(task: Task, resolved: ResolvedTask) -> Task:
    """Every word with its value; words without one are left out. What was written before stands first, unchanged."""
    assert resolved.net is not None and resolved.algorithm is not None
    changes: dict[str, Any] = {}
    changes |= _words("input", written(resolved.source.options), task.input)
    changes |= _words("input", written(resolved.general), task.input)
    changes |= _words(
        "process", {"net": resolved.net.word, "algorithm": resolved.algorithm.word}, task.process
    )
    changes |= _words("process", written(resolved.net.options), task.process)
    changes |= _words("process", written(resolved.algorithm.options), task.process)
    for number, answer in enumerate(resolved.answers):
        several = isinstance(task.output, tuple)
        place, part = f"output.{number}" if several else "output", task.answers[number]
        changes |= _words(place, written(answer.options), part)
    return task.with_words(changes)


def _words(place: str, options: Mapping[str, Any], part: FrozenConfig) -> dict[str, Any]:
    """The words of a part that are not written yet; a nested mapping keeps what is written in it."""
    changes = {}
    for key, value in options.items():
        held = part.get(key)
        if isinstance(value, Mapping):
            inner = {name: each for name, each in value.items() if each is not None}
            changes[f"{place}.{key}"] = {**inner, **held} if isinstance(held, Mapping) else inner
        elif held is None and value is not None:
            changes[f"{place}.{key}"] = value
    return changes


def writable(task: Task, source: str) -> Task:
    """The task as a file can hold it: paths in full, objects that exist only in Python as a remark."""
    value = task.input[source]
    changes: dict[str, Any] = {}
    if isinstance(value, str | Path):
        if Path(value).exists():
            changes[f"input.{source}"] = str(Path(value).resolve())
    else:
        changes[f"input.{source}"] = (
            f"({type(value).__module__.split('.')[0]} {type(value).__name__} {_GIVEN})"
        )
    weights = task.process.get("weights")
    if isinstance(weights, str) and Path(weights).exists():
        changes["process.weights"] = str(Path(weights).resolve())
    if task.input.get("labels") is not None:
        changes["input.labels"] = None
    masks = task.input.get("masks")
    if masks is not None:
        changes["input.masks"] = (
            str(Path(masks).resolve()) if isinstance(masks, str | Path) else None
        )
    return task.with_words(changes) if changes else task


def is_remark(value: Any) -> bool:
    """Whether a source is only a remark about data that were given in Python."""
    return isinstance(value, str) and value.startswith("(") and value.endswith(f"{_GIVEN})")
