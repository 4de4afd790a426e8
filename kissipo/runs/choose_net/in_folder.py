"""In the folder: a comparison with its results in `candidates.json` of the run."""

from __future__ import annotations

from collections.abc import Sequence

from kissipo.core.errors import StoppedError
from kissipo.core.json_object import JsonObject
from kissipo.core.notation import as_json
from kissipo.core.task import Task
from kissipo.engine.run_folder import CANDIDATES, FORMAT, TASK, RunFolder
from kissipo.pipeline.experiment import EncodedTask
from kissipo.pipeline.parse import source_of
from kissipo.pipeline.resolve import writable
from kissipo.runs.callback import Callback
from kissipo.runs.choose_net.budget import Budget
from kissipo.runs.choose_net.choose import Choice
from kissipo.runs.choose_net.results import Results, read_results


def choose_net(
    encoded: EncodedTask,
    budget: Budget,
    folder: RunFolder,
    *,
    seed: int,
    device: str,
    resume: bool,
    callbacks: Sequence[Callback],
) -> EncodedTask | None:
    """Returns the task with the best candidate and its data; None where the task names
    a net, or there is only one candidate.

    The folder is created before, with the task as the user wrote it.

    resume:   whether the comparison of this folder goes on

    Raises:   StoppedError after Ctrl-C, when the results so far are saved.
    """
    stored = read_results(folder) if resume else None
    choice = Choice(encoded, budget, seed=seed, device=device, stored=stored)

    def notify(text: str) -> None:
        for callback in callbacks:
            callback.on_note(text)

    if not choice.is_needed:
        if choice.remark:
            notify(choice.remark)
        return None
    fingerprint = encoded.pipeline.frame.fingerprint()

    def content(results: Results) -> JsonObject:
        return {"format": FORMAT, "fingerprint": fingerprint, **results.to_json()}

    if stored is None:
        files = {TASK: _as_written(encoded.task), CANDIDATES: as_json(content(choice.results))}
        folder.create(files)
    for callback in callbacks:
        callback.on_folder(folder.path)
        callback.on_checked(encoded.task.name, encoded.pipeline.findings)
    try:
        best = choice.run(lambda results: folder.write_json(CANDIDATES, content(results)), notify)
    except (StoppedError, KeyboardInterrupt):
        raise StoppedError(
            "stopped while candidates were compared. The results so far are saved: "
            f"resume with --resume --out {folder.path}"
        ) from None
    for callback in callbacks:
        callback.on_compared(choice.results)
    return best


def _as_written(task: Task) -> str:
    return writable(task, source_of(task.input)).to_yaml()
