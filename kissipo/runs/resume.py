"""Resume: continues a stopped run with the same task, seed and data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kissipo.core.config import to_plain
from kissipo.core.errors import RunError, UserError
from kissipo.core.notation import write_value
from kissipo.core.python_object import has_remark, is_remark
from kissipo.core.task import Task
from kissipo.engine.run_folder import CANDIDATES, DATA, TASK, RunFolder
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.registries import SOURCES
from kissipo.pipeline.resolve import writable
from kissipo.runs.choose_net.budget import Budget

_ANEW = "Start a new run without --resume"


def continued_seed(folder: RunFolder, seed: int | None) -> int:
    """Returns the seed of the run to resume.

    Raises:   RunError when another seed is given, or the run is not of this version.
    """
    began = folder.read_of_this_version(_first_file(folder))
    if seed not in (None, began["seed"]):
        raise _differs(folder, "seed", seed, began["seed"])
    return int(began["seed"])


def _first_file(folder: RunFolder) -> str:
    """Returns the file with seed and fingerprint: data.json, or candidates.json of a
    run that was stopped before."""
    return CANDIDATES if folder.is_comparing else DATA


def continued_budget(folder: RunFolder, budget: str | Budget | None) -> str | Budget | None:
    """Returns the budget of a run that was stopped while its candidates were compared.

    Raises:   RunError when another budget is given.
    """
    if not folder.is_comparing:
        return budget
    began = str(folder.read_of_this_version(CANDIDATES)["budget"])
    if isinstance(budget, str) and budget != began:
        raise RunError(
            f"the run in {folder.path} was started with another --budget",
            got=f"{budget}, before {began}",
            do=f"To resume it, use --budget {began}; or start a new run without --resume",
        )
    return budget if isinstance(budget, Budget) else began


def continued_task(folder: RunFolder, task: Task) -> Task:
    """Returns the task of the run to resume, after comparing it with the given task.

    Raises:   RunError with the option that differs.
    """
    stored = Task.from_yaml(folder.read_text(TASK), origin=str(folder.path / TASK), name=task.name)
    source = read_task(task).source.name
    current = writable(task, source)
    objects = {
        f"process.{key}": task.process.get(key)
        for key in ("net", "loss")
        if has_remark(stored.process.get(key))
    }
    for number, answer in enumerate(stored.answers):
        if has_remark(answer.get("metrics")):
            place = f"output.{number}" if isinstance(stored.output, tuple) else "output"
            objects[f"{place}.metrics"] = task.answers[number].get("metrics")
    stored, current = stored.with_words(objects), current.with_words(objects)
    began = read_task(stored)
    for part, words in current.parts().items():
        before = stored.parts()[part]
        if not isinstance(words, Mapping) or not isinstance(before, Mapping):
            if words and not _means(stored, part, _merge(before, words), began):
                raise _differs(folder, part, words, before)
            continue
        for key, value in words.items():
            if not _means(stored, part, _merge(before, {key: value}), began):
                raise _differs(folder, f"{part}.{key}", value, before.get(key))
    objects = {}
    if is_remark(stored.input[source]):
        names = (source, *SOURCES.find(source, place="input").SOURCE.data_options)
        objects = {f"input.{name}": task.input[name] for name in names if name in task.input}
    return stored.with_words(objects) if objects else stored


def refuse_other_data(folder: RunFolder, fingerprint: str, origin: str) -> None:
    """Raises RunError when the data have changed since the run started."""
    if folder.read_json(_first_file(folder))["fingerprint"] != fingerprint:
        raise RunError(
            f"the data of {origin} have changed since the run in {folder.path} started", do=_ANEW
        )


def _merge(before: object, now: object) -> object:
    """Returns the old options, updated with the new ones."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        merged = {
            key: _merge(before.get(key), value) for key, value in now.items() if value is not None
        }
        bare = {key: value for key, value in now.items() if value is None and key not in before}
        return {**before, **merged, **bare}
    if isinstance(before, tuple) and isinstance(now, tuple) and len(before) == len(now):
        return tuple(_merge(old, new) for old, new in zip(before, now, strict=True))
    return now


def _means(stored: Task, part: str, content: Any, began: object) -> bool:
    """Whether the stored task, with another part, has the same meaning."""
    try:
        return bool(read_task(Task(**{**stored.parts(), part: content})) == began)
    except UserError:
        return False


def _differs(folder: RunFolder, place: str, now: object, before: object) -> RunError:
    values = f"{write_value(to_plain(now))}, before {write_value(to_plain(before))}"
    override = f"--seed {before}" if place == "seed" else f"{place}={write_value(to_plain(before))}"
    again = (
        f"To resume it, {f'leave {place} out' if before is None else f'use {override}'}; "
        "or start a new run without --resume"
    )
    return RunError(
        f"the run in {folder.path} was started with another {place}", got=values, do=again
    )
