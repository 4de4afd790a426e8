"""Builds the pipeline of an environment: states as inputs, values of actions as
outputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kissipo.core.codec import Codec
from kissipo.core.errors import TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.input.sources.environment import World
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.answers.actions import Actions, Options
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import Pipeline

UNUSED_OPTIONS = ("split", "batch_size")


def build(reading: World, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline whose samples are states; nothing is read or split."""
    suitable = resolved.source.module.SOURCE.answers
    if len(resolved.answers) > 1 or (resolved.answers and resolved.answers[0].name not in suitable):
        names = ", ".join(component.name for component in resolved.answers)
        raise TaskError("output must be actions for an environment", got=names, allowed="actions")
    options = resolved.answers[0].options if resolved.answers else Options()
    codec, frame = reading.codec, reading.frame
    answer = Actions(codec, reading.actions, options)
    everything, nothing = np.arange(len(frame)), np.zeros(0, dtype=np.int64)
    dataset = TensorDataset((codec.encode(frame),), (), (codec.finish,))
    states = f"{len(reading.states)} states" if codec.spec.vocab_size else codec.describe()
    message = f"{states}, {len(reading.actions)} actions: " + ", ".join(reading.actions[:8])
    rules = (
        "the transition probabilities are known"
        if reading.model is not None
        else "the transition probabilities are not known"
    )
    findings = (Finding("PASS", "environment", message), Finding("PASS", "rules", rules))
    splits = {"train": everything, "validation": nothing, "test": nothing}
    datasets = {
        "train": dataset,
        "validation": dataset.take(slice(0, 0)),
        "test": dataset.take(slice(0, 0)),
    }
    implied = () if resolved.answers else (InferredOption("output", "actions"),)
    return Pipeline(
        frame,
        splits,
        (codec,),
        (answer,),
        datasets,
        findings,
        inferred_options=(*reading.inferred_options, *implied),
        world=reading,
    )


def encode_new(frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer]) -> TensorDataset:
    """Returns the samples of new rows, each of which is one state."""
    return TensorDataset((codecs[0].encode(frame),), (), (codecs[0].finish,))
