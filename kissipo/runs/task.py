"""The Task that people use: the sentence of `core.task`, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kissipo.core.task import Task as Sentence

if TYPE_CHECKING:
    from kissipo.core.finding import Finding
    from kissipo.inspect.trace import Trace
    from kissipo.runs.fit import RunCallback
    from kissipo.runs.run import Run


class Task(Sentence):
    """One job: Input -> Process -> Output.

    Example:  task = Task(input={"table": "sms.csv", "text": "message"}, output={"category": "kind"})
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
        callbacks: Sequence[RunCallback] = (),
    ) -> Run:
        """Trains, judges beside simple answers, and keeps the run in `out` (`runs/NAME-N` when left out).

        resume:   go on with the run there, or the latest of that name; where there is none, one begins
        Raises:   UserError of some kind, in one paragraph, before anything is lost.
        """
        from kissipo.runs.fit import fit

        task = self if epochs is None else self.with_words({"process.epochs": epochs})
        return fit(task, seed=seed, out=out, resume=resume, strict=strict, callbacks=callbacks)

    def show(self, *, seed: int = 0) -> Trace:
        """The way of one sample through the untrained net; of a lesson everything that it explains."""
        if "explain" in self.input:
            from kissipo.lessons import explain

            return explain(self)
        from kissipo.runs.fit import show

        return show(self, seed=seed)[1]

    def check(self) -> list[Finding]:
        """What the data check finds, FAIL included; nothing is trained."""
        from kissipo.pipeline.check import check

        return check(self)

    def complete(self, *, seed: int = 0) -> Task:
        """The same task with every word decided, as it would be written to `task.yaml`."""
        from kissipo.pipeline.experiment import build_experiment

        return Task(**build_experiment(self, seed=seed).task.parts(), name=self.name)


def as_task(sentence: Any) -> Task:
    """A plain sentence as a task that can act."""
    return sentence if isinstance(sentence, Task) else Task(**sentence.parts(), name=sentence.name)
