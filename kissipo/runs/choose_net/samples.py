"""Samples: on which samples candidates are trained and evaluated.

The test split is not among them: its data set is empty in the pipelines of candidates.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.seeds import numpy_generator
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.pipeline.experiment import Experiment
from kissipo.pipeline.pipeline import Pipeline

Positions = NDArray[np.int64]


def without_test(pipeline: Pipeline) -> Pipeline:
    """Returns the pipeline with an empty test split."""
    nothing = np.array([], dtype=np.int64)
    test = pipeline.datasets["test"].take(slice(0, 0))
    return replace(
        pipeline,
        datasets={**pipeline.datasets, "test": test},
        splits={**pipeline.splits, "test": nothing},
    )


def limited(pipeline: Pipeline, limit: int, *, seed: int) -> Pipeline:
    """Returns the pipeline with at most so many samples per split, drawn by the seed.

    The positions of the training samples stay, as options are inferred from their
    number.
    """
    datasets, splits = dict(pipeline.datasets), dict(pipeline.splits)
    for name in ("train", "validation"):
        dataset = datasets[name]
        if len(dataset) > limit:
            some = numpy_generator(seed, "candidates", name).choice(
                len(dataset), limit, replace=False
            )
            datasets[name] = replace(taken(dataset, np.sort(some)), texts=dataset.texts)
            if name == "validation" and len(splits[name]) == len(dataset):
                splits[name] = splits[name][np.sort(some)]
    return replace(pipeline, datasets=datasets, splits=splits)


def can_be_divided(experiment: Experiment) -> bool:
    """Returns whether the samples of training and validation may change places.

    They may not where they are in order of time or in groups, or are read from disk.
    """
    pipeline, split = experiment.pipeline, experiment.resolved.general.split
    columns = [
        column
        for name in ("train", "validation")
        for column in (*pipeline.datasets[name].inputs, *pipeline.datasets[name].targets)
    ]
    return (
        experiment.resolved.source.module.SOURCE.independent
        and split.method in (None, "random")
        and split.group is None
        and all(answer.groups(pipeline.frame) is None for answer in pipeline.answers)
        and all(isinstance(column, Tensor) for column in columns)
    )


def folds(pipeline: Pipeline, count: int, *, seed: int) -> list[Pipeline]:
    """Returns a pipeline per fold of the samples of training and validation; 1: the
    pipeline as it is.

    The folds keep the proportions of the classes. The codecs stay as they are fitted.
    """
    if count == 1:
        return [pipeline]
    train, validation = pipeline.datasets["train"], pipeline.datasets["validation"]
    both = joined(train, validation)
    order = numpy_generator(seed, "candidates", "folds").permutation(len(both))
    if pipeline.answers[0].class_count:
        classes = both.truth(0).numpy()
        if classes.ndim == 1:
            order = order[np.argsort(classes[order], kind="stable")]
    fold_of = np.empty(len(both), dtype=np.int64)
    fold_of[order] = np.arange(len(both)) % count
    return [
        _with_datasets(pipeline, both, np.flatnonzero(fold_of == number)) for number in range(count)
    ]


def _with_datasets(pipeline: Pipeline, both: TensorDataset, held_out: Positions) -> Pipeline:
    others = np.setdiff1d(np.arange(len(both)), held_out)
    train = replace(taken(both, others), texts=pipeline.datasets["train"].texts)
    datasets = {
        **pipeline.datasets,
        "train": train,
        "validation": taken(both, held_out),
    }
    return replace(pipeline, datasets=datasets)


def first_part(pipeline: Pipeline, samples: int, *, seed: int) -> Pipeline:
    """Returns the pipeline with a part of the training samples, drawn by the seed."""
    train = pipeline.datasets["train"]
    if samples >= len(train):
        return pipeline
    some = numpy_generator(seed, "candidates", "part").choice(len(train), samples, replace=False)
    part = replace(taken(train, np.sort(some)), texts=train.texts)
    return replace(pipeline, datasets={**pipeline.datasets, "train": part})


def taken(dataset: TensorDataset, positions: Positions) -> TensorDataset:
    """Selects samples by their positions."""
    return dataset.take(torch.from_numpy(positions))


def joined(first: TensorDataset, second: TensorDataset) -> TensorDataset:
    """Returns the samples of two data sets in one."""

    def both(some: tuple[object, ...], others: tuple[object, ...]) -> tuple[Tensor, ...]:
        return tuple(
            torch.cat([a, b])
            for a, b in zip(some, others, strict=True)
            if isinstance(a, Tensor) and isinstance(b, Tensor)
        )

    weights = None
    if first.weights is not None and second.weights is not None:
        weights = torch.cat([first.weights, second.weights])
    return replace(
        first,
        inputs=both(first.inputs, second.inputs),
        targets=both(first.targets, second.targets),
        weights=weights,
    )
