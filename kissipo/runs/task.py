"""The Task of the Python interface: `core.task` with methods such as `fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kissipo.core.json_object import JsonObject
from kissipo.core.task import Task as Sentence

if TYPE_CHECKING:
    from kissipo.core.finding import Finding
    from kissipo.runs.callback import Callback
    from kissipo.runs.run import Run
    from kissipo.runs.trace import Trace
    from kissipo.runs.tune.result import TuneResult


class Task(Sentence):
    """A task: Input -> Process -> Output.

    Example:  task = Task(input={"table": "sms.csv"}, output={"category": "kind"})
              run = task.fit(seed=0, epochs=5)
    """

    def fit(
        self,
        *,
        seed: int | None = None,
        epochs: int | None = None,
        out: Path | str | None = None,
        resume: bool = False,
        strict: bool = False,
        device: str = "auto",
        budget: str | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Run:
        """Trains, evaluates, and saves the run to `out` (default: `runs/NAME-N`).

        A notebook shows the progress and then the run below the cell.

        resume:   resumes the run there, or the latest run of that name; a new run
                  starts where there is none
        device:   auto (an NVIDIA GPU where there is one), cpu, cuda or mps
        budget:   how long nets are compared where the task names none: none, small,
                  medium (the default) or large
        Raises:   a subclass of UserError, in one paragraph, before anything is lost.
        """
        from kissipo.runs.callback import guarded
        from kissipo.runs.fit import fit
        from kissipo.runs.live_display import live_display

        task = self if epochs is None else self.with_words({"process.epochs": epochs})
        with live_display(self.name) as displays:
            return fit(
                task,
                seed=seed,
                out=out,
                resume=resume,
                strict=strict,
                device=device,
                budget=budget,
                callbacks=[*map(guarded, callbacks), *displays],
            )

    def cross_validate(
        self,
        folds: int = 5,
        *,
        seed: int = 0,
        out: Path | str | None = None,
        strict: bool = False,
        device: str = "auto",
        budget: str | None = None,
    ) -> JsonObject:
        """Trains one run per fold; returns what `kissipo fit --folds --json` prints.

        out:      the folder of the runs; default `runs/NAME-folds-N`
        budget:   of all runs together, as in `fit`
        Raises:   a subclass of UserError where the samples cannot be divided.
        """
        from kissipo.runs.cross_validation import cross_validate

        return cross_validate(
            self, folds, seed=seed, out=out, strict=strict, device=device, budget=budget
        )

    def tune(
        self,
        *,
        trials: int | None = None,
        workers: int = 1,
        sampler: str | None = None,
        search: Sequence[str] | Mapping[str, object] = (),
        seed: int | None = None,
        out: Path | str | None = None,
        resume: bool = False,
    ) -> TuneResult:
        """Searches better options; returns the trials, the best one and its task.

        A notebook shows the result as tables. See `kissipo.tune`.
        """
        from kissipo.runs.tune.tune import tune

        return tune(
            self,
            trials=trials,
            workers=workers,
            sampler=sampler,
            search=search,
            seed=seed,
            out=out,
            resume=resume,
        )

    def show(self, *, seed: int = 0) -> Trace:
        """Returns the trace of one example of the untrained net, or of a lesson.

        A notebook shows it as a page with everything inside the net.
        """
        from kissipo.runs.trace import as_trace

        if "explain" in self.input:
            from kissipo.lessons import explain

            return as_trace(explain(self), name=self.name)
        from kissipo.runs.fit import show

        return as_trace(show(self, seed=seed, inside=True)[1], name=self.name)

    def check(self) -> list[Finding]:
        """Returns the findings of the data check, FAIL included; nothing is trained."""
        from kissipo.pipeline.check import check

        return check(self).findings

    def complete(self, *, seed: int = 0) -> Task:
        """Returns the task with all inferred options, as in `task.yaml`."""
        from kissipo.pipeline.experiment import build_experiment

        return as_task(build_experiment(self, seed=seed).task.named(self.name))


def as_task(sentence: Sentence) -> Task:
    """Returns a task of `core.task` as a task with methods."""
    if isinstance(sentence, Task):
        return sentence
    return Task(**sentence.parts(), name=sentence.name, inferred=sentence.inferred)
