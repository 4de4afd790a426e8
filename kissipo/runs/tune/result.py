"""The result of a study: its trials as a table, the best task, scores of the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kissipo.core.algorithm import Monitor
from kissipo.core.description import Cell, Table
from kissipo.core.finding import counted
from kissipo.core.json_object import JsonObject
from kissipo.core.notation import as_json
from kissipo.core.task import Task
from kissipo.core.text import csv_text, format_score, format_value
from kissipo.engine.checkpoint import write_whole
from kissipo.pipeline.parse import source_of
from kissipo.pipeline.resolve import writable
from kissipo.report.notebook import MimeBundle, mime_bundle
from kissipo.report.plain_answer import PlainAnswer
from kissipo.runs.tune.journal import TrialRecord
from kissipo.runs.tune.search_space import SearchSpace, value_of, write
from kissipo.runs.tune.study import RESULT, TASK, TRIALS

_DEFAULT = "the task as it is"


@dataclass(frozen=True)
class TuneResult:
    """What a study has found.

    trials:   one record per trial, in the order of their numbers
    best:     the complete trial with the best value of the monitor
    task:     the task of the best trial, with every option
    test:     the metrics of the test split: of the `best` trial, and of trial 0, the
              `default`
    """

    folder: Path
    monitor: Monitor
    sampler: str
    seed: int
    space: SearchSpace
    default: Task
    trials: Sequence[TrialRecord]
    best: TrialRecord
    task: Task
    test: Mapping[str, Mapping[str, float]]

    def to_json(self) -> JsonObject:
        """Returns what `kissipo tune --json` prints."""
        return {
            "study": str(self.folder),
            "task": str(self.folder / TASK),
            "sampler": self.sampler,
            "seed": self.seed,
            "monitor": self.monitor.name,
            "higher_is_better": self.monitor.best == "max",
            "space": [option.to_json() for option in self.space],
            "best": self.best.number,
            "trials": [record.to_json() for record in self.trials],
            "test": {name: dict(metrics) for name, metrics in self.test.items()},
        }

    def save(self) -> None:
        """Writes the best task, the table of trials and the result to the folder."""
        task = writable(self.task, source_of(self.task.input))
        write_whole(self.folder / TASK, task.to_yaml().encode())
        write_whole(self.folder / TRIALS, self._csv().encode())
        write_whole(self.folder / RESULT, as_json(self.to_json()).encode())

    def _csv(self) -> str:
        places = [option.place for option in self.space]
        titles = ["trial", "state", self.monitor.name, *places, "epoch", "epochs", "seconds"]
        rows = [
            [
                record.number,
                record.state,
                "" if record.value != record.value else record.value,
                *(write(tried_value(record, place, self.default)) for place in places),
                *(record.epoch, record.epochs, f"{record.seconds:.3f}", record.error),
            ]
            for record in self.trials
        ]
        return csv_text([[*titles, "error"], *rows])

    def trials_table(self) -> Table:
        """Returns one row per trial: its value, the options that differ, its state."""
        rows = []
        for record in self.trials:
            style = "strong" if record.number == self.best.number else ""
            cells = [
                str(record.number),
                format_score(record.value),
                changes(record, self.default),
                str(record.epoch or "-"),
                f"{record.seconds:.1f} s",
                record.state if not record.error else f"failed: {record.error}",
            ]
            rows.append([Cell(cell, style) if style else cell for cell in cells])
        titles = ["trial", self.monitor.name.replace("_", " "), "options", "best epoch", "", ""]
        return Table(titles, rows, numbers=(0, 1, 3, 4))

    def test_table(self) -> Table:
        """Returns the metrics of the test split: of trial 0, and of the best one."""
        names = list(next(iter(self.test.values())))
        labels = {"default": f"trial 0 ({_DEFAULT})", "best": f"trial {self.best.number} (best)"}
        rows = [
            [labels[name], *(format_score(metrics[metric]) for metric in names)]
            for name, metrics in self.test.items()
            if name == "default" or self.best.number
        ]
        return Table(["test split", *names], rows, numbers=range(1, len(names) + 1))

    def headline(self) -> str:
        """Returns the best trial beside trial 0, in a sentence."""
        name, value = self.monitor.name.replace("_", " "), format_value(self.best.value)
        if self.best.number == 0:
            return f"No trial is better than {_DEFAULT}: {name} {value}"
        default = self.trials[0]
        other = format_value(default.value) if default.state == "complete" else default.state
        return f"Best: trial {self.best.number} with {name} {value} (trial 0: {other})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> MimeBundle:
        answer = PlainAnswer([self.headline()], [self.test_table(), self.trials_table()])
        return mime_bundle(f"Study of {counted(len(self.trials), 'trial')}", answer)


def changes(record: TrialRecord, default: Task) -> str:
    """Returns the options of a trial that differ from those of trial 0."""
    if record.number == 0:
        return _DEFAULT
    return " ".join(
        f"{place.rpartition('.')[2]}={write(value)}"
        for place, value in record.options.items()
        if value != (own := value_of(default, place)) and value != (own,)
    )


def tried_value(record: TrialRecord, place: str, default: Task) -> object:
    """Returns the value of an option in a trial."""
    return record.options.get(place, value_of(default, place))
