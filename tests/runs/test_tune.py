"""Tune: trials repeat, killed ones run again, failed ones are recorded, the best task
trains to the value that was said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from sklearn.datasets import load_wine

import kissipo as ki
from kissipo.core.errors import RunError, StoppedError, TaskError
from kissipo.core.schema import Range, Values
from kissipo.core.seeds import numpy_generator
from kissipo.engine.run_folder import RunFolder
from kissipo.runs.tune.journal import Journal, TrialRecord
from kissipo.runs.tune.search_space import SearchedOption
from kissipo.runs.tune.study import JOURNAL, Study, TuneConfig, load_study, new_study
from kissipo.runs.tune.tune import TuneCallback, TuneResult, random_options, run_study

SEARCH = ("learning_rate=1e-3..1e-1", "units=[4],[8],[4,4]", "input.scale=standard,range")
TRIALS = 5
T = TypeVar("T")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """178 Italian wines of three cultivars, as a table."""
    path = tmp_path_factory.mktemp("wine") / "wine.csv"
    frame = load_wine(as_frame=True).frame
    frame["target"] = frame["target"].map(dict(enumerate("abc")))
    frame.to_csv(path, index=False)
    return path


def task_of(wine: Path, epochs: int = 3) -> ki.Task:
    words = {"epochs": epochs, "init": "random", "units": [8], "early_stopping": 0}
    return ki.load(str(wine), output="target", words=words)


@pytest.fixture(scope="module")
def alone(wine: Path, tmp_path_factory: pytest.TempPathFactory) -> TuneResult:
    """A study of random trials that one process has run without interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        return tune(wine, tmp_path_factory.mktemp("alone") / "study")


def tune(wine: Path, out: Path, **more: object) -> TuneResult:
    config = TuneConfig(TRIALS, 1, "random", SEARCH, out=out)
    return run_study(task_of(wine), replace(config, **more))  # type: ignore[arg-type]


def outcome(trials: list[TrialRecord]) -> list[tuple[object, ...]]:
    """Returns what must repeat: the options and the value of every trial."""
    return [(r.number, r.state, dict(r.options), pytest.approx(r.value)) for r in trials]


def test_trial_0_is_the_task_as_it_is(wine: Path, alone: TuneResult) -> None:
    run = task_of(wine).fit(out="default")
    history = RunFolder(run.folder).read_history()
    value = min(row["validation_loss"] for row in history)
    assert alone.trials[0].value == pytest.approx(value, rel=1e-6)
    assert alone.default.process["units"] == (8,)
    default = run.metrics["answers"][0]["metrics"]
    assert alone.test["default"]["accuracy"] == pytest.approx(default["accuracy"])


def test_best_task_trains_to_the_value_of_its_trial(alone: TuneResult) -> None:
    values = [record.value for record in alone.trials]
    assert alone.best.value == min(values) < values[0]
    task = ki.load(str(alone.folder / "task.yaml"))
    run = task.fit(out="best")
    history = RunFolder(run.folder).read_history()
    assert min(row["validation_loss"] for row in history) == pytest.approx(alone.best.value)
    metrics = run.metrics["answers"][0]["metrics"]
    assert alone.test["best"]["log_loss"] == pytest.approx(metrics["log_loss"], rel=1e-5)
    for place, value in alone.best.options.items():
        part, key = place.split(".")
        assert getattr(task, part)[key] == value


def test_random_options_depend_on_seed_number_and_option_only(alone: TuneResult) -> None:
    study = load_study(alone.folder)
    for record in alone.trials[1:]:
        assert random_options(study, record.number) == record.options
        for option in study.space:
            fewer = replace(study, space=(option,))
            assert random_options(fewer, record.number) == {
                option.place: record.options[option.place]
            }
    other = replace(study, seed=1)
    assert random_options(other, 1) != random_options(study, 1)


def test_killed_worker_and_killed_command_are_resumed_to_the_same_trials(
    wine: Path, alone: TuneResult, tmp_path: Path
) -> None:
    folder = tmp_path / "study"
    command = ["tune", str(wine), "--output", "target", "epochs=3", "init=random", "units=[8]"]
    command += ["early_stopping=0", "--sampler", "random", "--trials", str(TRIALS)]
    command += [word for text in SEARCH for word in ("--search", text)]
    process = _start(*command, "--workers", "2", "--out", str(folder))
    (running, *_) = _wait(
        lambda: [r for r in _records(folder) if r.state == "running" and r.options]
    )
    os.kill(int(running.worker.rpartition("-")[2]), signal.SIGKILL)
    _wait(lambda: _records(folder)[running.number].worker != running.worker)  # another has it
    (done, *_) = _wait(lambda: [r for r in _records(folder) if r.state == "complete"])
    process.kill()
    process.wait()
    names = {path.name for path in (folder / "workers").iterdir()} - {running.worker, "log.txt"}
    _wait(lambda: not any((folder / "workers" / name).exists() for name in names))
    result = tune(wine, folder, resume=True)
    assert outcome(list(result.trials)) == outcome(list(alone.trials))
    assert result.trials[done.number] == done and result.trials[running.number].kills <= 1
    assert result.best.number == alone.best.number and result.test == alone.test


def test_trial_whose_process_is_killed_twice_has_failed(wine: Path, tmp_path: Path) -> None:
    from kissipo.runs.tune.worker import release_trials

    folder = tmp_path / "study"
    with _paused_after(1):
        tune(wine, folder)
    journal = load_study(folder).journal(folder)
    for kills in (1, 2):
        trial = journal.take("elsewhere-1")
        assert trial is not None and trial.number == 1
        (released,) = release_trials(journal, folder)
        record = journal.records()[1]
        assert record.kills == min(kills, 1) and released.number == 1
    assert record.state == "failed" and "killed twice" in record.error


def test_failed_trials_are_recorded_and_the_others_go_on(wine: Path, tmp_path: Path) -> None:
    search = {"learning_rate": [1e-2, 1e38]}
    result = tune(wine, tmp_path / "study", search=search, trials=6)
    for record in result.trials[1:]:
        is_high = record.options["process.learning_rate"] == 1e38
        assert record.state == ("failed" if is_high else "complete")
        assert ("NaN or infinite" in record.error) == is_high
    assert {record.state for record in result.trials} == {"failed", "complete"}
    assert result.best.state == "complete"
    table = (result.folder / "trials.csv").read_text()
    assert table.count("the loss became NaN or infinite") == sum(
        record.state == "failed" for record in result.trials
    )


def test_trials_with_other_validation_samples_have_failed(data: Path, tmp_path: Path) -> None:
    task = ki.load("airline-lstm-window", words={"epochs": 1, "units": 4})
    config = TuneConfig(3, 1, "random", {"input.max_rows": [100, 130]}, out=tmp_path / "study")
    result = run_study(task, config)
    assert [record.state for record in result.trials] == ["complete", "failed", "failed"]
    assert "not those of trial 0" in result.trials[1].error and result.best.number == 0


def test_no_complete_trial_is_an_error_with_the_reason(wine: Path, tmp_path: Path) -> None:
    task = task_of(wine).with_words({"process.learning_rate": 1e38})
    with pytest.raises(RunError, match=r"no trial was trained to its end.*NaN"):
        run_study(task, TuneConfig(2, search={"dropout": [0.0, 0.1]}, out=tmp_path / "study"))


def test_hyperband_stops_some_trials_early_and_repeats(wine: Path, tmp_path: Path) -> None:
    results = []
    for name in "ab":
        config = TuneConfig(10, 1, "hyperband", SEARCH[:2], out=tmp_path / name)
        results.append(run_study(task_of(wine, epochs=9), config))
    first, second = results
    assert outcome(list(first.trials)) == outcome(list(second.trials))
    pruned = [record for record in first.trials if record.state == "pruned"]
    assert pruned and {record.epochs for record in pruned} <= {1, 3}
    assert {r.epochs for r in first.trials if r.state == "complete"} == {9}
    assert first.trials[0].state == first.best.state == "complete"


def test_tpe_learns_from_trials(tmp_path: Path) -> None:
    """After ten random trials it tries learning rates near to the best one, 0.01."""
    option = SearchedOption("process.learning_rate", Range(1e-5, 1e-1, log=True))
    distances = []
    for seed in range(5):
        path = tmp_path / str(seed)
        journal = Journal(path, (option,), "tpe", seed=seed, best="min", epochs=1)
        journal.add([{option.place: 1e-3}, *([{}] * 39)])
        while (trial := journal.take("here-1")) is not None:
            distance = abs(np.log10(float(str(trial.options[option.place]))) + 2)
            trial.complete(distance)
            distances.append(distance)
    by_number = np.median(np.reshape(distances, (5, 40)), axis=0)
    assert np.median(by_number[20:]) < 0.5 * np.median(by_number[1:10])


def test_interrupted_training_waits_again(wine: Path, tmp_path: Path) -> None:
    main, folder = threading.get_ident(), tmp_path / "study"
    task = task_of(wine, epochs=20_000)
    timer = threading.Timer(1.0, signal.pthread_kill, (main, signal.SIGINT))

    class Interrupt(TuneCallback):
        def on_start(self, *facts: object) -> None:
            timer.start()

    config = TuneConfig(3, 1, "random", SEARCH[:1], out=folder)
    with pytest.raises(StoppedError, match=f"stopped after 0 of 3 trials.*--resume --out {folder}"):
        run_study(task, config, Interrupt())
    assert {record.state for record in _records(folder)} == {"waiting"}


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"seed": 1}, "another seed; got 1, before 0"),
        ({"sampler": "tpe"}, "another sampler; got tpe, before random"),
        ({"search": SEARCH[:2]}, "another search space"),
    ],
)
def test_resume_refuses_another_study(
    wine: Path, alone: TuneResult, changes: dict[str, object], differs: str
) -> None:
    with pytest.raises(RunError, match=differs):
        tune(wine, alone.folder, resume=True, **changes)
    assert tune(wine, alone.folder, resume=True, search=(), sampler=None).test == alone.test


def test_resume_refuses_another_task_and_other_data(
    wine: Path, alone: TuneResult, tmp_path: Path
) -> None:
    config = TuneConfig(out=alone.folder, resume=True)
    other = task_of(wine).with_words({"process.activation": "tanh"})
    with pytest.raises(RunError, match=r"activation=tanh, before relu"):
        run_study(other, config)
    with pytest.raises(RunError, match=r"there is a study in .* already"):
        run_study(task_of(wine), replace(config, resume=False))
    own = tmp_path / "own.csv"
    own.write_bytes(wine.read_bytes())
    result = run_study(task_of(own), TuneConfig(1, search=SEARCH[:1], out=tmp_path / "study"))
    lines = own.read_text().splitlines()
    own.write_text("\n".join([lines[0], *sorted(lines[1:])]) + "\n")
    with pytest.raises(RunError, match="have changed since it began"):
        run_study(task_of(own), TuneConfig(out=result.folder, resume=True))


def test_more_trials_are_added_to_a_study(wine: Path, tmp_path: Path) -> None:
    result = tune(wine, tmp_path / "study", trials=2)
    more = tune(wine, tmp_path / "study", trials=3, resume=True)
    assert len(more.trials) == 3 and list(more.trials[:2]) == list(result.trials)


def test_torn_line_of_a_killed_process_is_dropped(wine: Path, tmp_path: Path) -> None:
    with _paused_after(2):
        tune(wine, tmp_path / "study")
    path = tmp_path / "study" / JOURNAL
    before = _records(path.parent)
    with path.open("ab") as file:
        file.write(b'{"op_code":6,"worker_id":"a')
    assert _records(path.parent) == before
    assert tune(wine, path.parent, resume=True).trials[1] == before[1]


def test_objects_of_python_need_one_worker(wine: Path) -> None:
    frame = load_wine(as_frame=True).frame
    task = ki.load(frame, output="target", words={"output": {"category": "target"}, "epochs": 1})
    with pytest.raises(TaskError, match="Use one worker"):
        task.tune(trials=2, workers=2)
    result = task.tune(trials=2, search=["dropout=0,0.5"])
    assert len(result.trials) == 2 and "Study of 2 trials" in str(
        result._repr_mimebundle_()["text/plain"]
    )
    assert isinstance(result.task, ki.Task)


def test_declared_choices_include_the_value_of_the_task(wine: Path, tmp_path: Path) -> None:
    task = task_of(wine, epochs=1).with_words({"process.units": 7})
    config = TuneConfig(2, 1, "random", ["units", "learning_rate"], out=tmp_path / "study")
    study, _ = new_study(task, replace(config, search=()), None)
    choices = {option.place: option.values for option in study.space}["process.units"]
    assert isinstance(choices, Values) and choices.values[:2] == ((7,), (32,))
    assert {option.place for option in study.space} == {
        *("input.batch_size", "process.learning_rate", "process.units", "process.dropout")
    }
    result = run_study(task, config)
    assert result.trials[0].options["process.units"] == (7,)
    assert result.trials_table().rows[0][2] == "the task as it is"


def test_draws_are_spread_over_the_range() -> None:
    def draws(option: SearchedOption) -> list[object]:
        return [option.draw(numpy_generator(0, "draw", number)) for number in range(2_000)]

    logarithmic = draws(SearchedOption("a", Range(1e-4, 1e-1, log=True)))
    counts = np.histogram(np.log10(np.array(logarithmic, float)), bins=3, range=(-4, -1))[0]
    assert counts.sum() == 2_000 and counts.min() > 600
    whole = draws(SearchedOption("a", Range(2, 5), whole=True))
    assert np.bincount(np.array(whole, int)).tolist()[:2] == [0, 0]
    assert {*whole} == {2, 3, 4, 5} and min(map(whole.count, {*whole})) > 430
    values = draws(SearchedOption("a", Values((None, (4,), (4, 4)))))
    assert min(map(values.count, [None, (4,), (4, 4)])) > 600


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "kissipo", *arguments],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(ki.__file__).parents[1])},
    )


def _wait(ready: Callable[[], T], seconds: float = 100) -> T:
    end = time.monotonic() + seconds
    while not (result := ready()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return result


def _records(folder: Path) -> list[TrialRecord]:
    if not (folder / JOURNAL).exists():
        return []
    study: Study = load_study(folder)
    journal: Journal = study.journal(folder)
    return journal.records()


@contextmanager
def _paused_after(count: int) -> Iterator[None]:
    """Interrupts the study inside after some trials, as Ctrl-C between two of them."""
    finished = TuneCallback.on_trial

    def interrupt(self: TuneCallback, record: TrialRecord, study: Study) -> None:
        if record.number == count - 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TuneCallback, "on_trial", interrupt)
        with pytest.raises(StoppedError, match=f"stopped after {count} of"):
            yield
    assert TuneCallback.on_trial is finished
