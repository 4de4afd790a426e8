"""Job: a task from data to a kept run: check, wire, learn, judge, keep; and going on with one that was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from kissipo.core.devices import describe_machine
from kissipo.core.door import save as save_door
from kissipo.core.errors import RunError
from kissipo.core.protocols import Listener
from kissipo.core.task import Task
from kissipo.plan.draft import is_written
from kissipo.plan.prepare import Prepared, prepare
from kissipo.plan.report import write_report
from kissipo.plan.run import Run
from kissipo.plan.scores import Score, score
from kissipo.plan.way import follow, sample_frame
from kissipo.run.checkpoint import load_checkpoint, save_checkpoint
from kissipo.run.evaluate import Evaluation
from kissipo.run.fit import Course, Fit, Position
from kissipo.run.folder import (
    CODECS,
    DATA,
    ENVIRONMENT,
    FORMAT,
    METRICS,
    TASK,
    RunFolder,
    latest_folder,
    next_folder,
)
from kissipo.run.trace import Trace

RUNS = Path("runs")


class Teller(Listener):
    """A listener that is also told the stages of a job. Every method may be left out."""

    def on_folder(self, path: Path) -> None:
        """The run folder is made."""

    def on_prepared(self, prepared: Prepared, way: Trace) -> None:
        """Data are checked, encoded and split; the net is built."""

    def on_judged(self, scores: Sequence[Score]) -> None:
        """The net stands beside the simple answers."""

    def on_kept(self, run: Run) -> None:
        """Everything is in the run folder."""


def fit(
    task: Task,
    *,
    seed: int = 0,
    out: Path | str | None = None,
    resume: bool = False,
    strict: bool = False,
    tellers: Sequence[Teller] = (),
) -> Run:
    """Trains a task and keeps the run.

    out:      the run folder; `runs/NAME-N` when left out
    resume:   go on with the run in `out`, or with the latest run of that name
    strict:   stop at the first warning of the data check
    Raises:   UserError of some kind, before anything is lost; StoppedError after Ctrl-C, when all is saved.
    """
    folder = _folder(task, out, resume=resume)
    if resume:
        seed = _continued_seed(folder, task)
        task = Task.from_yaml(folder.read_text(TASK), origin=str(folder.path / TASK), name=task.name)
    prepared = prepare(task, seed=seed, strict=strict)
    if resume:
        _refuse_other_data(folder, prepared)
    else:
        folder.create()
        _write_start(folder, prepared, seed)
    for teller in tellers:
        teller.on_folder(folder.path)
    way = _way(prepared)
    for teller in tellers:
        teller.on_prepared(prepared, way)
    position, seconds = _learn(prepared, folder, seed, tellers, resume=resume)
    scores, found = score(prepared.net, prepared.wiring, asked=prepared.choices.baselines, seed=seed)
    for teller in tellers:
        teller.on_judged(scores)
    _write_end(folder, prepared, position, scores, found, way, seed=seed, seconds=seconds)
    run = Run(
        folder.path, prepared.task, prepared.net, prepared.wiring.doors, prepared.wiring.answers, prepared=prepared
    )
    for teller in tellers:
        teller.on_kept(run)
    return run


def show(task: Task, *, seed: int = 0) -> tuple[Prepared, Trace]:
    """The pipeline as it would be trained, and the way of one sample through it; nothing is trained or written."""
    prepared = prepare(task, seed=seed)
    return prepared, _way(prepared)


def _folder(task: Task, out: Path | str | None, *, resume: bool) -> RunFolder:
    name = task.name or "run"
    if out is not None:
        return RunFolder(Path(out))
    if not resume:
        return RunFolder(next_folder(RUNS, name))
    latest = latest_folder(RUNS, name)
    if latest is None:
        raise RunError(
            f"there is no run of '{name}' in {RUNS}/ to go on with",
            do="Start it without --resume, or name its folder with --out",
        )
    return RunFolder(latest)


def _continued_seed(folder: RunFolder, task: Task) -> int:
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


def _refuse_other_data(folder: RunFolder, prepared: Prepared) -> None:
    before = folder.read_json(DATA)["fingerprint"]
    if before != prepared.wiring.frame.fingerprint():
        raise RunError(
            f"the data of {prepared.wiring.frame.origin} have changed since the run in {folder.path} began",
            do="Start a new run without --resume",
        )


def _write_start(folder: RunFolder, prepared: Prepared, seed: int) -> None:
    wiring = prepared.wiring
    folder.write_text(TASK, prepared.task.to_yaml())
    folder.write_json(
        DATA,
        {
            "format": FORMAT,
            "seed": seed,
            "origin": wiring.frame.origin,
            "fingerprint": wiring.frame.fingerprint(),
            "samples": {name: len(feed) for name, feed in wiring.feeds.items()},
            "findings": [finding.to_json() for finding in wiring.findings],
            "decisions": [asdict(each) for each in prepared.decisions],
        },
    )
    folder.write_json(ENVIRONMENT, {**describe_machine(), "seed": seed})


def _way(prepared: Prepared) -> Trace:
    wiring = prepared.wiring
    part = "test" if len(wiring.feeds["test"]) else "train"
    frame = sample_frame(wiring, part, 0)
    return follow(frame, wiring.feeds[part], wiring.doors, wiring.answers, prepared.net)


def _learn(
    prepared: Prepared, folder: RunFolder, seed: int, tellers: Sequence[Teller], *, resume: bool
) -> tuple[Position, float]:
    wiring, course = prepared.wiring, prepared.course
    loop = Fit(
        prepared.net,
        prepared.learn,
        Course(course.epochs, prepared.choices.general.batch or 32, seed, course.stop.patience),
        train=wiring.feeds["train"],
        validation=wiring.feeds["validation"] if len(wiring.feeds["validation"]) else None,
        answers=wiring.answers,
        listeners=tellers,
        save=lambda state: save_checkpoint(folder.checkpoints, state),
    )
    if resume and (found := load_checkpoint(folder.checkpoints)) is not None:
        state, note = found
        loop.load_state_dict(state)
        told = (
            f"going on in epoch {loop.at.epoch + 1}, step {loop.at.step}"
            if not loop.at.done
            else "the training was already done"
        )
        for teller in tellers:
            teller.on_note("; ".join(each for each in (note, told) if each))
    began = perf_counter()
    position = loop.run()
    return position, perf_counter() - began


def _write_end(
    folder: RunFolder,
    prepared: Prepared,
    position: Position,
    scores: Sequence[Score],
    found: Evaluation,
    way: Trace,
    *,
    seed: int,
    seconds: float,
) -> None:
    wiring = prepared.wiring
    folder.write_history(position.history)
    folder.write_json(
        METRICS,
        {
            "format": FORMAT,
            "answers": [each.to_json() for each in scores],
            "epochs": position.epoch,
            "best_epoch": position.best_epoch,
        },
    )
    folder.write_weights(prepared.net.state_dict())
    folder.write_json(
        CODECS,
        {
            "format": FORMAT,
            "inputs": [save_door(door) for door in wiring.doors],
            "answers": [{"answer": answer.WORD, **answer.state()} for answer in wiring.answers],
        },
    )
    folder.write_json(ENVIRONMENT, {**describe_machine(), "seed": seed, "training_seconds": round(position.seconds, 3)})
    write_report(folder, prepared, position, scores, found, way)
