"""Fit: checks the data, builds, trains and evaluates the model, and saves the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from os.path import commonpath
from pathlib import Path
from typing import Any

from kissipo.core.devices import (
    describe_machine,
    device_of,
    keep_memory,
    moved_to,
    multiplies_bfloat16,
    threads_for,
)
from kissipo.core.errors import CallbackError, MachineError, StoppedError
from kissipo.core.json_object import JsonObject
from kissipo.core.notation import as_json
from kissipo.core.python_object import is_module
from kissipo.core.schema import written
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
from kissipo.input.source import Source
from kissipo.input.source_data import Reading
from kissipo.input.split import format_spans
from kissipo.inspect.trace import Trace
from kissipo.output.score import Score
from kissipo.pipeline.candidates import leaves_net_open
from kissipo.pipeline.experiment import (
    EncodedTask,
    Experiment,
    assemble,
    encode_task,
)
from kissipo.pipeline.parse import without_auto
from kissipo.pipeline.pipeline import Pipeline
from kissipo.pipeline.resolve import writable
from kissipo.report.run_report import Results, write_report
from kissipo.runs.callback import Callback
from kissipo.runs.choose_net.budget import Budget, find_budget
from kissipo.runs.choose_net.results import comparison_sections
from kissipo.runs.example import sample_of
from kissipo.runs.fit_quietly import usual_threads
from kissipo.runs.resume import continued_budget, continued_seed, continued_task, refuse_other_data
from kissipo.runs.run import Run
from kissipo.runs.tensorboard import tensorboard_callbacks
from kissipo.runs.trace_example import follow
from kissipo.runs.train import TestResult, TrainingResult, evaluate_test_split, train
from kissipo.runs.trained import saved_codecs
from kissipo.runs.xray.examples import example_traces

RUNS = Path("runs")


def fit(
    task: Task,
    *,
    seed: int | None = None,
    out: Path | str | None = None,
    resume: bool = False,
    strict: bool = False,
    device: str = "auto",
    budget: str | Budget | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Trains a task and saves the run.

    seed:     the random seed; default 0, or the seed of the run when resuming
    out:      the run folder; default `runs/NAME-N`
    resume:   resumes the run in `out`, or the latest run of that name; a new run starts
              where there is none
    strict:   stops at the first warning of the data check
    device:   where the net is trained: auto (an NVIDIA GPU where there is one), cpu,
              cuda or mps; the returned run is on the CPU
    budget:   how long nets are compared where the task names none: none, small, medium
              or large; default: KISSIPO_BUDGET, else medium
    Raises:   a subclass of UserError, before anything is lost; StoppedError after
              Ctrl-C, when everything is saved.
    """
    folder = _folder(task, out, resume=resume)
    task = without_auto(task)
    if resume and not folder.is_begun:
        resume = False
        for callback in callbacks:
            callback.on_note(f"there is no run to resume: a new run starts in {folder.path}")
    if resume:
        seed = continued_seed(folder, seed)
        budget = continued_budget(folder, budget)
        task = continued_task(folder, task)
    limit = find_budget(budget)
    start = _Start(folder, seed or 0, device, resume, callbacks)
    experiment = _begin(start, encode_task(task, seed=start.seed, strict=strict), limit)
    run = _train_and_evaluate(start, experiment)
    for callback in callbacks:
        callback.on_saved(run)
    return run


@dataclass(frozen=True)
class _Start:
    """How a run starts: its folder, seed, device and callbacks.

    resume:   whether the run in the folder goes on
    """

    folder: RunFolder
    seed: int
    device: str
    resume: bool
    callbacks: Sequence[Callback]


def _begin(start: _Start, encoded: EncodedTask, budget: Budget) -> Experiment:
    """Returns the experiment, with the best net where the task names none; its folder
    has the files of a run that has begun."""
    folder, compares = start.folder, not start.resume or start.folder.is_comparing
    experiment = _assemble(start, encoded)
    if start.resume:
        frame = encoded.pipeline.frame
        refuse_other_data(folder, frame.fingerprint(), frame.origin)
    best = _best_net(start, encoded, budget) if compares else None
    if best is not None:
        experiment = _assemble(start, best)
    if compares:
        files = _first_files(experiment, start.seed, device_of(experiment.net).type)
        folder.create(files, compared=best is not None or start.resume)
    for callback in start.callbacks if best is None else ():
        callback.on_folder(folder.path)
    return experiment


def _assemble(start: _Start, encoded: EncodedTask) -> Experiment:
    experiment = assemble(encoded.task, encoded.pipeline, seed=start.seed, device=start.device)
    _refuse_slow(experiment)
    return experiment


def _best_net(start: _Start, encoded: EncodedTask, budget: Budget) -> EncodedTask | None:
    """Returns the task with the best candidate; None where nothing is compared."""
    if not budget.seconds or not leaves_net_open(encoded.task):
        return None
    from kissipo.runs.choose_net.in_folder import choose_net  # it imports all nets

    return choose_net(
        encoded,
        budget,
        start.folder,
        seed=start.seed,
        device=start.device,
        resume=start.resume,
        callbacks=start.callbacks,
    )


def _train_and_evaluate(start: _Start, experiment: Experiment) -> Run:
    """Trains the net, evaluates it on the test split, and saves the run."""
    folder, seed, callbacks = start.folder, start.seed, start.callbacks
    place = device_of(experiment.net).type
    with moved_to("cpu", experiment.net):
        trace = _trace_example(experiment, back=False)
    for callback in callbacks:
        callback.on_built(experiment, trace)
    size = trace.multiplications * (experiment.resolved.general.batch_size or 1)
    with keep_memory(), threads_for(size) as threads:
        training_result = _train(experiment, folder, seed, callbacks, resume=start.resume)
    test_result = evaluate_test_split(experiment, seed=seed)
    experiment.net.to("cpu")
    for callback in callbacks:
        callback.on_evaluated(test_result.scores)
    _write_end(
        folder,
        experiment,
        training_result,
        test_result,
        _trace_example(experiment),
        seed=seed,
        threads=threads,
        device=place,
    )
    return Run(
        folder.path,
        experiment.task,
        experiment.net,
        experiment.pipeline.codecs,
        experiment.pipeline.answers,
        experiment=experiment,
    )


def train_only(
    task: Task,
    folder: Path,
    *,
    seed: int = 0,
    device: str = "auto",
    budget: str = "none",
    reading: Reading | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Trains a task and saves the run without scores, checkpoints and a report.

    The weights are those of `fit`. The returned run is on the CPU and does not keep the
    data.

    folder:   a new folder, which is temporary
    budget:   how long nets are compared where the task names none
    reading:  the data, where they are read already
    callbacks:  receive what happens before the training
    Raises:   a subclass of UserError.
    """
    saved = RunFolder(folder, is_temporary=True)
    start = _Start(saved, seed, device, resume=False, callbacks=callbacks)
    encoded = encode_task(task, seed=seed, reading=reading)
    experiment = _begin(start, encoded, find_budget(budget, when_omitted="none"))
    place = device_of(experiment.net)
    with keep_memory(), usual_threads(experiment) as threads:
        result = train(experiment, None, seed, (), resume=False)
    experiment.net.to("cpu")
    _write_model(saved, experiment, result, (), seed=seed, threads=threads, device=place.type)
    pipeline = experiment.pipeline
    return Run(folder, _without_data(experiment), experiment.net, pipeline.codecs, pipeline.answers)


def _without_data(experiment: Experiment) -> Task:
    """Returns the task with a remark in place of the data, as in `task.yaml`."""
    net = experiment.task.process.get("net")
    task = writable(experiment.task, experiment.resolved.source.name)
    return task.with_words({"process.net": net}) if is_module(net) else task


def show(task: Task, *, seed: int = 0, inside: bool = False) -> tuple[Experiment, Trace]:
    """Returns the untrained experiment and the trace of one example; writes nothing.

    inside:  whether the trace holds everything inside the net
    """
    encoded = encode_task(task, seed=seed)
    experiment = assemble(encoded.task, encoded.pipeline, seed=seed)
    trace = _trace_example(experiment, inside=inside)
    limit = find_budget(None)
    if limit.seconds and leaves_net_open(encoded.task):
        from kissipo.runs.choose_net.choose import Choice  # it imports all nets

        choice = Choice(encoded, limit, seed=seed, device="cpu")
        names = [item.title for item in choice.candidates]
        note = f"`kissipo fit` compares {len(names)} candidates for the net: {', '.join(names)}"
        note = note if names else choice.remark
        trace = replace(trace, notes=(*trace.notes, note)) if note else trace
    return experiment, trace


def _refuse_slow(experiment: Experiment) -> None:
    if (
        written(experiment.config).get("precision") == "bfloat16"
        and device_of(experiment.net).type == "cpu"
        and not multiplies_bfloat16()
    ):
        raise MachineError(
            "process.precision=bfloat16 needs a processor with bfloat16 arithmetic, "
            "and this one has none",
            do="Leave process.precision out",
        )


def _folder(task: Task, out: Path | str | None, *, resume: bool) -> RunFolder:
    name = task.name or "run"
    if out is not None:
        return RunFolder(Path(out))
    if not resume:
        return RunFolder(next_folder(RUNS, name))
    return RunFolder(latest_folder(RUNS, name) or next_folder(RUNS, name))


def _first_files(experiment: Experiment, seed: int, device: str) -> dict[str, str]:
    """Returns the files that are written when a run starts, by name."""
    pipeline = experiment.pipeline
    data = {
        "format": FORMAT,
        "seed": seed,
        "origin": pipeline.frame.origin,
        "fingerprint": pipeline.frame.fingerprint(),
        "samples": {name: len(dataset) for name, dataset in pipeline.datasets.items()},
        "findings": [finding.to_json() for finding in pipeline.findings],
        "decisions": [asdict(decision) for decision in experiment.inferred_options],
    }
    return {
        TASK: writable(experiment.task, experiment.resolved.source.name).to_yaml(),
        SPLIT: as_json(_split(pipeline, experiment.resolved.source.module.SOURCE)),
        ENVIRONMENT: as_json({**describe_machine(device), "seed": seed}),
        DATA: as_json(data),  # the last: with it the training begins
    }


def _split(pipeline: Pipeline, source: Source[Any]) -> dict[str, object]:
    """Returns the row numbers of each split, counted from 1, and the files if rows are
    files.

    For windows, these are the rows of their first steps.
    """
    frame, splits = pipeline.frame, pipeline.splits
    split: JsonObject = {
        "format": FORMAT,
        "rows": {name: format_spans(frame.rows[indices]) for name, indices in splits.items()},
    }
    files = source.files(frame)
    if files:
        within = commonpath([str(Path(file).parent) for file in files])
        short = [Path(file).relative_to(within).as_posix() for file in files]
        split["files"] = {
            name: [short[position] for position in indices] for name, indices in splits.items()
        }
    return split


def _train(
    experiment: Experiment,
    folder: RunFolder,
    seed: int,
    callbacks: Sequence[Callback],
    *,
    resume: bool,
) -> TrainingResult:
    pipeline = experiment.pipeline
    first = pipeline.datasets[pipeline.shown_split].batch(slice(0, 1)).inputs
    try:
        return train(
            experiment,
            folder,
            seed,
            [*callbacks, *tensorboard_callbacks(folder.path, experiment.net, first)],
            resume=resume,
        )
    except StoppedError as stop:
        raise StoppedError(
            f"{stop}. Everything is saved: resume with --resume --out {folder.path}"
        ) from None
    except CallbackError as error:
        raise CallbackError(
            error.wrong,
            got=error.got,
            do="Mend it or leave it out. Everything is saved: "
            f"resume with --resume --out {folder.path}",
        ) from error


def _trace_example(experiment: Experiment, *, back: bool = True, inside: bool = False) -> Trace:
    """Traces the first example of the test split; `back` adds the gradients."""
    pipeline = experiment.pipeline
    example = sample_of(
        pipeline, pipeline.shown_split, 0, loss=experiment.algorithm if back else None
    )
    return follow(
        example,
        pipeline.codecs,
        pipeline.answers,
        experiment.net,
        augment=pipeline.augment,
        inside=inside,
    )


def _write_end(
    folder: RunFolder,
    experiment: Experiment,
    training_result: TrainingResult,
    test_result: TestResult,
    trace: Trace,
    *,
    seed: int,
    threads: int,
    device: str,
) -> None:
    _write_model(
        folder,
        experiment,
        training_result,
        test_result.scores,
        seed=seed,
        threads=threads,
        device=device,
    )
    results = Results(
        training_result.history,
        training_result.best_epoch,
        training_result.seconds,
        test_result.scores,
        trace,
        evaluation=test_result.evaluation,
        process=comparison_sections(folder),
        examples=[
            (f"example {example.position + 1}, {example.kind}", example.trace)
            for example in example_traces(experiment, test_result, trace)
        ],
    )
    write_report(folder, experiment, results)


def _write_model(
    folder: RunFolder,
    experiment: Experiment,
    training_result: TrainingResult,
    scores: Sequence[Score],
    *,
    seed: int,
    threads: int,
    device: str,
) -> None:
    """Writes what the training has made: history, scores, weights and codecs."""
    pipeline = experiment.pipeline
    folder.write_history(training_result.history)
    metrics = {
        "format": FORMAT,
        "answers": [score.to_json() for score in scores],
        "epochs": training_result.epochs,
        "best_epoch": training_result.best_epoch,
    }
    folder.write_json(METRICS, metrics)
    folder.write_weights(experiment.net.state_dict())
    folder.write_json(CODECS, saved_codecs(pipeline.codecs, pipeline.answers))
    measured = {"training_threads": threads, "training_seconds": round(training_result.seconds, 3)}
    environment = {**describe_machine(device), "seed": seed, **measured}
    folder.write_json(ENVIRONMENT, environment)
