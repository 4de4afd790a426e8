"""Study output: the data check, the search space, and a line per trial."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape

from kissipo.cli.screen import Screen
from kissipo.cli.tables import render
from kissipo.core.description import Table
from kissipo.core.text import format_score
from kissipo.pipeline.experiment import Experiment
from kissipo.report import tables
from kissipo.runs.tune.journal import TrialRecord
from kissipo.runs.tune.result import changes
from kissipo.runs.tune.search_space import value_of, write
from kissipo.runs.tune.study import Study
from kissipo.runs.tune.tune import TuneCallback


class StudyOutput(TuneCallback):
    """Prints a study while it runs."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def on_start(self, experiment: Experiment, study: Study, folder: Path) -> None:
        note = self._screen.note
        note("[bold]Data check[/]")
        note(render(tables.findings_table(experiment.pipeline.findings)))
        if experiment.inferred_options:
            note("\n[bold]Inferred settings[/] [dim](override with key=value)[/]")
            note(render(tables.inferred_options_table(experiment.inferred_options)))
        note("\n[bold]Search space[/] [dim](override with --search KEY=VALUES)[/]")
        rows = [
            [option.place, option.describe(), write(value_of(study.task, option.place))]
            for option in study.space
        ]
        note(render(Table(["option", "values", "trial 0"], rows)))
        better = "lowest" if study.monitor.best == "min" else "highest"
        name = study.monitor.name.replace("_", " ")
        note(
            f"[dim]The best trial has the {better} {escape(name)}. Study: {escape(str(folder))}[/]"
        )
        note()

    def on_trial(self, record: TrialRecord, study: Study) -> None:
        what = (
            record.error or f"{study.monitor.name.replace('_', ' ')} {format_score(record.value)}"
        )
        text = f"trial {record.number} {record.state}: {what}  {record.seconds:.1f} s"
        self._screen.note(escape(f"{text}  {changes(record, study.task)}"))

    def on_note(self, text: str) -> None:
        self._screen.note(f"[dim]{escape(text)}[/]")
