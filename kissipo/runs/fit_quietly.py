"""Fit quietly: trains an experiment and writes nothing.

There is no run folder, no checkpoint, no trace for the reader, no report and no
baseline. The history and the weights are those that `fit` has for the same task and
seed, as both use the same number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kissipo.core.devices import keep_memory, moved_to, threads_for
from kissipo.core.protocols import FitCallback
from kissipo.pipeline.experiment import Experiment
from kissipo.runs.example import sample_of
from kissipo.runs.trace_example import follow
from kissipo.runs.train import TrainingResult, train


def fit_quietly(
    experiment: Experiment, seed: int, *, callbacks: Sequence[FitCallback] = ()
) -> TrainingResult:
    """Trains the net of an experiment; it ends on the CPU with its best weights.

    An error of a callback ends the training and is raised as it is.

    Raises:   StoppedError after Ctrl-C; DataError when the loss is NaN or infinite.
    """
    with keep_memory(), usual_threads(experiment):
        result = train(experiment, None, seed, callbacks, resume=False)
    experiment.net.to("cpu")
    return result


@contextmanager
def usual_threads(experiment: Experiment) -> Iterator[int]:
    """Uses as many threads inside as `fit` does for these steps; gives their number."""
    pipeline = experiment.pipeline
    with moved_to("cpu", experiment.net):
        trace = follow(
            sample_of(pipeline, pipeline.shown_split, 0),
            pipeline.codecs,
            pipeline.answers,
            experiment.net,
            augment=pipeline.augment,
        )
    with threads_for(
        trace.multiplications * (experiment.resolved.general.batch_size or 1)
    ) as threads:
        yield threads
