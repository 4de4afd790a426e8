"""Going on with a run that was stopped: the same task, the same seed, the same data, or a refusal that says what differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kissipo.core.errors import RunError
from kissipo.core.task import Task
from kissipo.plan.draft import is_written
from kissipo.run.folder import DATA, FORMAT, TASK, RunFolder


def continued_seed(folder: RunFolder, task: Task) -> int:
    """The seed of the run to go on with; the words now given must be those it was started with."""
    began = folder.read_json(DATA)
    if began.get("format") != FORMAT:
        raise RunError(
            f"{folder.path} was written by another version of kissipo",
            given=f"format {began.get('format')}",
            allowed=f"format {FORMAT}",
        )
    stored = Task.from_yaml(folder.read_text(TASK), origin=str(folder.path / TASK))
    for part, words in task.parts().items():
        for key, value in words.items() if isinstance(words, Mapping) else ():
            place = f"{part}.{key}"
            before = getattr(stored, part).get(key) if isinstance(getattr(stored, part), Mapping) else None
            if value is not None and is_written(stored, place) and not _same(value, before):
                raise RunError(
                    f"the run in {folder.path} was started with another {place}",
                    given=f"{value!r}, before {before!r}",
                    do="Start a new run without --resume",
                )
    return int(began["seed"])


def _same(now: Any, before: Any) -> bool:
    if isinstance(now, Mapping) and isinstance(before, Mapping):
        return all(_same(value, before.get(key)) for key, value in now.items())
    if isinstance(before, Mapping) or isinstance(now, Mapping):
        return True
    if isinstance(before, tuple) and not isinstance(now, tuple):
        now = (now,) * len(before)
    return bool(now == before) or str(now) == str(before) or str(before).endswith(f"/{now}")


def refuse_other_data(folder: RunFolder, fingerprint: str, origin: str) -> None:
    """Raises RunError when the data are not those that the run began with."""
    if folder.read_json(DATA)["fingerprint"] != fingerprint:
        raise RunError(
            f"the data of {origin} have changed since the run in {folder.path} began",
            do="Start a new run without --resume",
        )
