"""Origins: candidates for a short series are compared at several origins of forecasts.

The validation split of a short series is a short stretch of it. The second half of the
training and validation steps is therefore cut into parts, one after the other. Each is
forecast by a net that is trained on the steps before it. The last of these steps are
its validation split, which stops the training and chooses the epoch. So every part is
new to its net, as the test split is new to that of the run.

A target step belongs to one split only: the windows between two splits are left out.
The codecs stay as they are fitted on the training split of the run.

Source:   Tashman, Out-of-sample Tests of Forecasting Accuracy, International Journal of
          Forecasting, 2000 (rolling origin, with a new training at each).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kissipo.pipeline.pipeline import Pipeline
from kissipo.runs.choose_net.samples import joined, taken
from kissipo.runs.choose_net.time_blocks import count_blocks

Positions = NDArray[np.int64]


def origins(pipeline: Pipeline, count: int) -> list[Pipeline]:
    """Returns a pipeline per origin, whose test split is a part of the training and
    validation samples; [] where an origin has too few samples before it, or where only
    some of very many samples are used."""
    parts = _splits(pipeline, count)
    is_drawn = len(pipeline.splits["train"]) > len(pipeline.datasets["train"])
    if is_drawn or not all(len(positions) for part in parts for positions in part.values()):
        return []
    train, validation = pipeline.datasets["train"], pipeline.datasets["validation"]
    both, order = joined(train, validation), _order(pipeline)
    places = np.concatenate([pipeline.splits["train"], pipeline.splits["validation"]])[order]
    pipelines = []
    for splits in parts:
        datasets = {
            name: taken(both, order[np.isin(places, positions)])
            for name, positions in splits.items()
        }
        pipelines.append(
            replace(pipeline, splits=splits, datasets={**pipeline.datasets, **datasets})
        )
    return pipelines


def max_blocks(pipeline: Pipeline) -> int:
    """Returns how many time blocks can be evaluated: those of the validation split, or
    those of several origins."""
    parts = _splits(pipeline, 1)
    return max(
        count_blocks(pipeline, pipeline.splits["validation"]),
        *(count_blocks(pipeline, part["test"]) for part in parts),
    )


def _order(pipeline: Pipeline) -> Positions:
    """Returns the order in time of the samples of training and validation."""
    splits = pipeline.splits
    return np.argsort(np.concatenate([splits["train"], splits["validation"]]), kind="stable")


def _splits(pipeline: Pipeline, count: int) -> list[dict[str, Positions]]:
    """Returns the first steps of the windows of each split, for each origin."""
    train, validation = pipeline.splits["train"], pipeline.splits["validation"]
    share = len(validation) / max(1, len(train) + len(validation))
    every = np.sort(np.concatenate([train, validation]))
    series = np.searchsorted(np.asarray(pipeline.starts), every, side="right")
    shared = pipeline.overlap - 1
    folds: list[dict[str, list[Positions]]] = [
        {"train": [], "validation": [], "test": []} for _ in range(count)
    ]
    for number in np.unique(series):
        own = every[series == number]
        first, span = int(own[0]), int(own[-1] - own[0]) + 1
        for fold, splits in enumerate(folds):
            start, end = (
                first + span // 2 + (span - span // 2) * part // count for part in (fold, fold + 1)
            )
            middle = start - round((start - first) * share)
            splits["train"].append(own[own < middle - shared])
            splits["validation"].append(own[(own >= middle) & (own < start - shared)])
            splits["test"].append(own[(own >= start) & (own < end)])
    return [
        {name: np.concatenate(positions) for name, positions in splits.items()} for splits in folds
    ]
