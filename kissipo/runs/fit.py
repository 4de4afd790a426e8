"""Job: a task from data to a kept run: check, wire, learn, judge, keep; and going on with one that was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from os.path import commonpath
from pathlib import Path
from typing import Any

import numpy as np

from kissipo.core.codec import save as save_door
from kissipo.core.devices import describe_machine, memory_kept, multiplies_bfloat16, threads_for
from kissipo.core.errors import MachineError, StoppedError
from kissipo.core.notation import as_json
from kissipo.core.protocols import Listener
from kissipo.core.task import Task
from kissipo.engine.run_folder import (
    CODECS,
    DATA,
    ENVIRONMENT,
    FORMAT,
    METRICS,
    SPLIT,
    TASK,
    RunFolder,
    latest_folder,
    next_folder,
)
from kissipo.input.split import tell_spans
from kissipo.inspect.trace import Trace
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Prepared, prepare
from kissipo.pipeline.pipeline import Wiring
from kissipo.pipeline.resolve import writable
from kissipo.report.run_report import Results, write_report
from kissipo.runs.example import sample_of
from kissipo.runs.resume import continued_seed, continued_task, refuse_other_data
from kissipo.runs.run import Run
from kissipo.runs.tensorboard import boards
from kissipo.runs.trace_example import follow
from kissipo.runs.train import Judged, Outcome, judge, learn
from kissipo.runs.xray.examples import examples_inside

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
    seed: int | None = None,
    out: Path | str | None = None,
    resume: bool = False,
    strict: bool = False,
    tellers: Sequence[Teller] = (),
) -> Run:
    """Trains a task and keeps the run.

    seed:     where all dice start; 0 when left out, when resuming the one of the run
    out:      the run folder; `runs/NAME-N` when left out
    resume:   go on with the run in `out`, or with the latest run of that name; where there is none, one begins
    strict:   stop at the first warning of the data check
    Raises:   UserError of some kind, before anything is lost; StoppedError after Ctrl-C, when all is saved.
    """
    folder = _folder(task, out, resume=resume)
    if resume and not folder.is_begun:
        resume = False
        for teller in tellers:
            teller.on_note(f"there was nothing to resume: the run in {folder.path} begins")
    if resume:
        seed = continued_seed(folder, seed)
        task = continued_task(folder, task)
    seed = seed or 0
    prepared = prepare(task, seed=seed, strict=strict)
    _refuse_slow(prepared)
    if resume:
        refuse_other_data(folder, prepared.wiring.frame.fingerprint(), prepared.wiring.frame.origin)
    else:
        folder.create(_start(prepared, seed))
    for teller in tellers:
        teller.on_folder(folder.path)
    way = _way(prepared, back=False)
    for teller in tellers:
        teller.on_prepared(prepared, way)
    with memory_kept(), threads_for(way.multiplications * (prepared.choices.general.batch_size or 1)) as threads:
        outcome = _learn(prepared, folder, seed, tellers, resume=resume)
    judged = judge(prepared, seed=seed)
    for teller in tellers:
        teller.on_judged(judged.scores)
    _write_end(folder, prepared, outcome, judged, _way(prepared), seed=seed, threads=threads)
    run = Run(
        folder.path, prepared.task, prepared.net, prepared.wiring.doors, prepared.wiring.answers, prepared=prepared
    )
    for teller in tellers:
        teller.on_kept(run)
    return run


def show(task: Task, *, seed: int = 0, inside: bool = False) -> tuple[Prepared, Trace]:
    """The pipeline as it would be trained, and the way of one sample through it; nothing is trained or written.

    inside:  whether everything inside the net is told, too
    """
    prepared = prepare(task, seed=seed)
    return prepared, _way(prepared, inside=inside)


def _refuse_slow(prepared: Prepared) -> None:
    if getattr(prepared.course, "precision", "float32") == "bfloat16" and not multiplies_bfloat16():
        raise MachineError(
            "process.precision=bfloat16 needs a processor that multiplies bfloat16, and this one does not",
            do="Leave process.precision out",
        )


def _folder(task: Task, out: Path | str | None, *, resume: bool) -> RunFolder:
    name = task.name or "run"
    if out is not None:
        return RunFolder(Path(out))
    if not resume:
        return RunFolder(next_folder(RUNS, name))
    return RunFolder(latest_folder(RUNS, name) or next_folder(RUNS, name))


def _start(prepared: Prepared, seed: int) -> dict[str, str]:
    """The files that a run begins with, by name."""
    wiring = prepared.wiring
    data = {
        "format": FORMAT,
        "seed": seed,
        "origin": wiring.frame.origin,
        "fingerprint": wiring.frame.fingerprint(),
        "samples": {name: len(feed) for name, feed in wiring.feeds.items()},
        "findings": [finding.to_json() for finding in wiring.findings],
        "decisions": [asdict(each) for each in prepared.decisions],
    }
    return {
        TASK: writable(prepared.task, prepared.choices.source.word).to_yaml(),
        DATA: as_json(data),
        SPLIT: as_json(_split(wiring)),
        ENVIRONMENT: as_json({**describe_machine(), "seed": seed}),
    }


def _split(wiring: Wiring) -> dict[str, Any]:
    """The rows of each part, counted from 1 as they were read (windows: the first step of each); of pictures their files, too."""
    frame, parts = wiring.frame, wiring.parts
    split: dict[str, Any] = {"format": FORMAT, "rows": {name: tell_spans(frame.rows[at]) for name, at in parts.items()}}
    pictures = frame["picture"].values if "picture" in frame else np.zeros(0)
    files: list[Any] = pictures.tolist() if pictures.dtype == object else []
    if files and all(isinstance(each, str) for each in files):
        within = commonpath([str(Path(each).parent) for each in files])
        short = [Path(each).relative_to(within).as_posix() for each in files]
        split["files"] = {name: [short[position] for position in at] for name, at in parts.items()}
    return split


def _learn(prepared: Prepared, folder: RunFolder, seed: int, tellers: Sequence[Teller], *, resume: bool) -> Outcome:
    wiring = prepared.wiring
    first = wiring.feeds[wiring.shown].batch(slice(0, 1)).inputs
    try:
        return learn(prepared, folder, seed, [*tellers, *boards(folder.path, prepared.net, first)], resume=resume)
    except StoppedError as stop:
        raise StoppedError(f"{stop}. Everything is saved: go on with --resume --out {folder.path}") from None


def _way(prepared: Prepared, *, back: bool = True, inside: bool = False) -> Trace:
    """The way of the first sample of the test part; with `back` its loss is followed back through time, too."""
    wiring = prepared.wiring
    example = sample_of(wiring, wiring.shown, 0, loss=prepared.learn if back else None)
    return follow(example, wiring.doors, wiring.answers, prepared.net, augment=wiring.augment, inside=inside)


def _write_end(
    folder: RunFolder, prepared: Prepared, outcome: Outcome, judged: Judged, way: Trace, *, seed: int, threads: int
) -> None:
    wiring = prepared.wiring
    folder.write_history(outcome.history)
    answers = [each.to_json() for each in judged.scores]
    metrics = {"format": FORMAT, "answers": answers, "epochs": outcome.epochs, "best_epoch": outcome.best_epoch}
    folder.write_json(METRICS, metrics)
    folder.write_weights(prepared.net.state_dict())
    codecs = {
        "format": FORMAT,
        "inputs": [save_door(door) for door in wiring.doors],
        "answers": [{"answer": answer.WORD, **answer.state()} for answer in wiring.answers],
    }
    folder.write_json(CODECS, codecs)
    measured = {"training_threads": threads, "training_seconds": round(outcome.seconds, 3)}
    environment = {**describe_machine(), "seed": seed, **measured}
    folder.write_json(ENVIRONMENT, environment)
    results = Results(
        outcome.history,
        outcome.best_epoch,
        outcome.seconds,
        judged.scores,
        way,
        evaluation=judged.found,
        errors=judged.errors,
        examples=examples_inside(prepared, judged, way),
    )
    write_report(folder, prepared, results)
