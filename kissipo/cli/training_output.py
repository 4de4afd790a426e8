"""Training output: a progress bar in a terminal, plain lines elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from kissipo.cli.screen import Screen
from kissipo.cli.tables import render, verdict_line
from kissipo.core.devices import threads
from kissipo.core.finding import Finding, counted
from kissipo.core.json_object import JsonMapping
from kissipo.core.text import format_score, format_span
from kissipo.inspect.trace import Trace
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Experiment
from kissipo.report import tables
from kissipo.runs.callback import Callback
from kissipo.runs.choose_net.results import FIRST_STAYS, LOSS_DECIDES, Results, results_table
from kissipo.runs.run import Run

_ESTIMATE_AFTER, _ESTIMATE_STEPS = 0.5, 5
_LINE_EVERY = 5.0


class TrainingOutput(Callback):
    """Prints a training from the data check to the verdict."""

    def __init__(self, screen: Screen, *, title: str = "") -> None:
        self.screen, self.title = screen, title
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._facts: JsonMapping = {}
        self._estimated, self._is_checked, self._samples = False, False, 0
        self._first: tuple[int, float] | None = None
        self._line_at = perf_counter()

    def on_folder(self, path: Path) -> None:
        self.screen.log_to(path / "log.txt")

    def on_checked(self, name: str, findings: Sequence[Finding]) -> None:
        self._print_check(name, findings)
        self.screen.note()

    def _print_check(self, name: str, findings: Sequence[Finding]) -> None:
        note, self._is_checked = self.screen.note, True
        note(f"[bold]{escape(self.title or name)}[/]: Input -> Process -> Output\n")
        note("[bold]Data check[/]")
        note(render(tables.findings_table(findings)))

    def on_compared(self, results: Results) -> None:
        note = self.screen.note
        note(f"\n[bold]Candidates[/] [dim](compared on {results.samples})[/]")
        note(render(results_table(results)))
        if results.is_decided_by_loss:
            note(f"[dim]{LOSS_DECIDES}[/]")
        elif results.first_stays:
            note(f"[dim]{FIRST_STAYS}[/]")

    def on_built(self, experiment: Experiment, trace: Trace) -> None:
        note = self.screen.note
        self._samples = len(experiment.pipeline.datasets["train"])
        if not self._is_checked:
            self._print_check(experiment.task.name, experiment.pipeline.findings)
        if experiment.inferred_options:
            note("\n[bold]Inferred settings[/] [dim](override with key=value)[/]")
            note(render(tables.inferred_options_table(experiment.inferred_options)))
        note("\n[bold]Data flow[/] [dim](one example, untrained model)[/]")
        note(render(tables.trace_table(trace)))
        note(f"[dim]{tables.trace_summary(trace)}[/]\n")
        if experiment.pipeline.datasets["train"].targets:
            note(render(tables.splits_table(experiment.pipeline)))
        note()

    def on_start(self, facts: JsonMapping) -> None:
        self._facts = facts
        if self.screen.quiet or not self.screen.err.is_terminal:
            return
        columns = (
            TextColumn("{task.fields[position]}"),
            BarColumn(),
            TextColumn("{task.fields[metrics]}"),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=self.screen.err, transient=True)
        self._bar.start()
        self._task = self._bar.add_task(
            "",
            total=facts["epochs"] * facts["steps"] or facts["samples"],
            position=f"epoch 0/{facts['epochs']}" if facts["epochs"] else "",
            metrics="",
        )

    def on_read(self, facts: JsonMapping) -> None:
        read, samples, seconds = facts["read"], facts["samples"], facts["seconds"]
        text = f"read {read:,} of {samples:,} examples"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=read, position=text)
        elif read < samples and perf_counter() - self._line_at > _LINE_EVERY:
            self._line_at = perf_counter()
            left = format_span(seconds / read * (samples - read))
            self.screen.note(f"[dim]{text}, about {left} left[/]")

    def on_progress(self, facts: JsonMapping) -> None:
        done = (facts["epoch"] - 1) * facts["steps"] + facts["step"]
        total = facts["epochs"] * facts["steps"]
        if self._first is None:
            self._first = (done, facts["seconds"])
        steps, seconds = done - self._first[0], facts["seconds"] - self._first[1]
        if (
            not self._estimated
            and steps >= _ESTIMATE_STEPS
            and seconds > _ESTIMATE_AFTER
            and done < total
        ):
            self._estimated = True
            left = seconds / steps * (total - done)
            by = counted(threads(), "thread")
            self.screen.note(
                f"[dim]about {format_span(left)} left for {facts['epochs']} epochs on {by}[/]"
            )
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                completed=done,
                position=f"epoch {facts['epoch']}/{facts['epochs']}",
                metrics=f"loss {facts['loss']:.4f}",
            )

    def on_epoch(self, row: JsonMapping) -> None:
        line = _row(row, self._facts.get("epochs", 0))
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                completed=row["epoch"] * self._facts["steps"],
                position=f"epoch {row['epoch']}/{self._facts['epochs']}",
                metrics=line,
            )
        last = row["epoch"] == self._facts.get("epochs")
        if (
            row["epoch"] == 1
            or last
            or perf_counter() - self._line_at > _LINE_EVERY
            or self._facts.get("epochs", 0) <= 10
        ):
            self._line_at = perf_counter()
            self.screen.note(line)

    def on_note(self, text: str) -> None:
        self.screen.note(f"[dim]{escape(text)}[/]")

    def on_evaluated(self, scores: Sequence[Score]) -> None:
        self.close()
        for score in scores:
            samples = score.answer.evaluated_samples(score.net, score.part)
            self.screen.result(f"\n[bold]Score[/] [dim]({samples})[/]")
            if not score.is_replaced:
                self._print_scores(score)
                for record in score.answer.summary(score.net):
                    self.screen.result(render(record))
            for detail in score.described_details:
                for record in detail.summary:
                    self.screen.result(render(record))

    def _print_scores(self, score: Score) -> None:
        self.screen.result(render(tables.scores_table(score)))
        if score.verdict is not None:
            self.screen.result("Verdict: " + verdict_line(score))
            if self._samples > score.answer.BASELINE_SAMPLES:
                self.screen.note(
                    f"[dim]The baselines were trained on {score.answer.BASELINE_SAMPLES:,} "
                    f"of {self._samples:,} examples.[/]"
                )
        if score.compared is not None:
            self.screen.note(
                f"[dim]The baselines predict {score.compared.samples:,} of the evaluated "
                "examples, drawn at random. The verdict compares the model with them on these.[/]"
            )
        if "simple_answers" in score.net.details:
            self.screen.note(f"[dim]{score.net.details['simple_answers'].capitalize()}.[/]")

    def on_saved(self, run: Run) -> None:
        folder = escape(str(run.folder))
        self.screen.result(f"\nSaved to [bold]{folder}[/]; report: {folder}/report.html")
        generates = run.answers[0].vocabulary is not None
        ask = f"kissipo generate {folder}" if generates else f"kissipo predict {folder} VALUE"
        self.screen.note(f"[dim]Next: kissipo show {folder}   kissipo evaluate {folder}   {ask}[/]")

    def close(self) -> None:
        """Removes the progress bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _row(row: JsonMapping, epochs: int) -> str:
    parts = [f"epoch {row['epoch']}/{epochs}"]
    parts += [
        f"{name.replace('_', ' ')} {format_score(value)}"
        for name, value in row.items()
        if isinstance(value, float) and name != "seconds"
    ]
    return (
        "  ".join(parts)
        + f"  {row['seconds']:.1f} s"
        + ("  (best so far)" if row.get("best") else "")
    )
