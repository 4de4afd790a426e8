"""Going on with a run that was stopped: the same task, the same seed, the same data, or a refusal that says what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kissipo.core.config import thaw
from kissipo.core.errors import RunError, UserError
from kissipo.core.notation import write_value
from kissipo.core.task import Task
from kissipo.engine.run_folder import DATA, TASK, RunFolder
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.resolve import is_remark, writable

_ANEW = "Start a new run without --resume"


def continued_seed(folder: RunFolder, seed: int | None) -> int:
    """The seed of the run to go on with.

    Raises:   RunError when another one is asked for, or the run is not of this version.
    """
    began = folder.read_of_this_version(DATA)
    if seed not in (None, began["seed"]):
        raise _differs(folder, "seed", seed, began["seed"])
    return int(began["seed"])


def continued_task(folder: RunFolder, task: Task) -> Task:
    """The task of the run to go on with, every word of it; what is said now must mean what was said then.

    Raises:   RunError naming the word that differs.
    """
    stored = Task.from_yaml(folder.read_text(TASK), origin=str(folder.path / TASK), name=task.name)
    source = read_task(task).source.word
    began = read_task(stored)
    for part, words in writable(task, source).parts().items():
        before = stored.parts()[part]
        if not isinstance(words, Mapping) or not isinstance(before, Mapping):
            if words and not _means(stored, part, _merge(before, words), began):
                raise _differs(folder, part, words, before)
            continue
        for key, value in words.items():
            if not _means(stored, part, _merge(before, {key: value}), began):
                raise _differs(folder, f"{part}.{key}", value, before.get(key))
    if is_remark(stored.input[source]):
        data_words = {key: task.input[key] for key in (source, "labels") if key in task.input}
        return stored.with_words({f"input.{key}": value for key, value in data_words.items()})
    return stored


def refuse_other_data(folder: RunFolder, fingerprint: str, origin: str) -> None:
    """Raises RunError when the data are not those that the run began with."""
    if folder.read_json(DATA)["fingerprint"] != fingerprint:
        raise RunError(
            f"the data of {origin} have changed since the run in {folder.path} began", do=_ANEW
        )


def _merge(before: Any, now: Any) -> Any:
    """What was said before, with what is said now laid over it."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        merged = {
            key: _merge(before.get(key), value) for key, value in now.items() if value is not None
        }
        bare = {key: value for key, value in now.items() if value is None and key not in before}
        return {**before, **merged, **bare}
    if isinstance(before, tuple) and isinstance(now, tuple) and len(before) == len(now):
        return tuple(_merge(old, new) for old, new in zip(before, now, strict=True))
    return now


def _means(stored: Task, part: str, content: Any, began: Any) -> bool:
    """Whether the stored task with another part says the same."""
    try:
        return bool(read_task(Task(**{**stored.parts(), part: content})) == began)
    except UserError:
        return False


def _differs(folder: RunFolder, place: str, now: Any, before: Any) -> RunError:
    values = f"{write_value(thaw(now))}, before {write_value(thaw(before))}"
    override = f"--seed {before}" if place == "seed" else f"{place}={write_value(thaw(before))}"
    again = f"To go on with it {f'leave {place} out' if before is None else f'say {said}'}; or start a new run without --resume"
    return RunError(
        f"the run in {folder.path} was started with another {place}", given=values, do=again
    )
