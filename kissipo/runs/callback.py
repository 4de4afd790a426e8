"""Callback: receives the events of a run, from its folder to its report."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kissipo.core.errors import CallbackError, StoppedError, UserError
from kissipo.core.finding import Finding
from kissipo.core.protocols import FitCallback
from kissipo.inspect.trace import Trace
from kissipo.output.score import Score
from kissipo.pipeline.experiment import Experiment
from kissipo.runs.choose_net.results import Results
from kissipo.runs.run import Run


class Callback(FitCallback):
    """A callback with the stages of a run besides. Every method is optional."""

    def on_folder(self, path: Path) -> None:
        """Is called when the run folder exists."""

    def on_checked(self, name: str, findings: Sequence[Finding]) -> None:
        """Is called before candidates for the net are compared, if there are any, with
        the name of the task and the findings of the data check."""

    def on_compared(self, results: Results) -> None:
        """Is called when the candidates for the net are compared, if there are any."""

    def on_built(self, experiment: Experiment, trace: Trace) -> None:
        """Is called when the data are encoded and split, and the net is built."""

    def on_evaluated(self, scores: Sequence[Score]) -> None:
        """Is called when the net and the baselines are evaluated."""

    def on_saved(self, run: Run) -> None:
        """Is called when the run folder is complete."""


def guarded(callback: Callback) -> Callback:
    """Returns a callback of the user whose errors name it, as a CallbackError.

    UserError and StoppedError pass as they are: by them a callback ends the run.
    """
    guard = Callback()
    for name in (name for name in dir(Callback) if name.startswith("on_")):
        vars(guard)[name] = partial(_call, callback, name)
    return guard


def _call(callback: Callback, name: str, *arguments: object) -> None:
    try:
        getattr(callback, name)(*arguments)
    except (UserError, StoppedError):
        raise
    except Exception as error:
        raise CallbackError(
            f"the callback {type(callback).__name__} failed in {name}",
            got=f"{type(error).__name__}: {error}",
            do="Mend it or leave it out",
        ) from error
