"""Builds an experiment from a task: data, fitted codecs, net and training algorithm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from kissipo.codec.board import Board
from kissipo.core.errors import DataError, ShapeError, TaskError
from kissipo.core.protocols import Algorithm
from kissipo.core.seeds import derive
from kissipo.core.task import Task
from kissipo.input.source_data import Reading
from kissipo.output.answers.category import Category
from kissipo.output.answers.mask import Mask
from kissipo.pipeline.defaults import with_defaults
from kissipo.pipeline.init_weights import init_weights
from kissipo.pipeline.parse import ResolvedTask, read_task
from kissipo.pipeline.pipeline import InferredOption, Pipeline, decide, is_written
from kissipo.pipeline.registries import BUILDERS, LOSSES
from kissipo.pipeline.resolve import spell_out
from kissipo.process.channels_last import to_channels_last
from kissipo.process.cross_entropy import weighted
from kissipo.process.layers.legal_move_mask import legal_move_mask

_SEEDS = 2**32


@dataclass(frozen=True)
class Experiment:
    """A task with all of its options, and the objects that were built from it."""

    task: Task
    resolved: ResolvedTask
    reading: Any
    pipeline: Pipeline
    net: nn.Module
    algorithm: Algorithm
    inferred_options: tuple[InferredOption, ...]

    @property
    def config(self) -> Any:
        """The options of the training algorithm."""
        assert self.resolved.algorithm is not None
        return self.resolved.algorithm.options


def read_data(resolved: ResolvedTask) -> Any:
    """Returns what the source reads: a Reading, or an environment."""
    return resolved.source.module.SOURCE.read(resolved.source.value, resolved.source.options)


def build_pipeline(
    reading: Any, resolved: ResolvedTask, *, seed: int, strict: bool = False
) -> Pipeline:
    """Builds the input and the output of the task for these data."""
    module = BUILDERS.find(
        resolved.source.module.SOURCE.builder, place=f"input.{resolved.source.name}"
    )
    pipeline: Pipeline = module.build(reading, resolved, seed=seed, strict=strict)
    return pipeline


def build_experiment(
    task: Task,
    *,
    seed: int = 0,
    strict: bool = False,
    reading: Reading | None = None,
    start: bool = True,
) -> Experiment:
    """Reads and checks the data and builds net and algorithm; nothing is trained.

    start:    whether the weights of `process.weights` are loaded; a trained run needs
              none
    Raises:   TaskError, DataError, ShapeError that say where and what to do.
    """
    if not 0 <= seed < _SEEDS:
        raise TaskError(
            "the seed must be an integer of at least 0",
            got=str(seed),
            allowed=f"0 to {_SEEDS - 1}",
        )
    if isinstance(task.output, tuple) and len(task.output) == 1:
        task = task.with_words({"output": task.output[0]})
    resolved = read_task(task)
    reading = reading or read_data(resolved)
    pipeline = build_pipeline(reading, resolved, seed=seed, strict=strict)
    _refuse_unseen_defects(pipeline)
    from_data = tuple(
        option for option in pipeline.inferred_options if not is_written(task, option.place)
    )
    task = decide(task, from_data)
    task, defaults = with_defaults(task, pipeline)
    task = spell_out(task, read_task(task))
    resolved = read_task(task)
    assert resolved.net is not None and resolved.algorithm is not None
    torch.manual_seed(derive(seed, "weights"))
    net = build_net(resolved, pipeline)
    if start:
        pipeline = replace(pipeline, findings=(*pipeline.findings, *init_weights(net, resolved)))
    algorithm = build_algorithm(resolved, pipeline, net)
    torch.manual_seed(derive(seed, "dice"))
    return Experiment(task, resolved, reading, pipeline, net, algorithm, (*from_data, *defaults))


def build_net(resolved: ResolvedTask, pipeline: Pipeline) -> nn.Module:
    """Builds the net for the inputs and answers of a pipeline, with random weights."""
    assert resolved.net is not None
    inputs = tuple(codec.spec for codec in pipeline.codecs)
    outputs = tuple(answer.spec for answer in pipeline.answers)
    net: nn.Module = resolved.net.module.build(inputs, outputs, resolved.net.options)
    net = to_channels_last(net)
    return legal_move_mask(net) if isinstance(pipeline.codecs[0], Board) else net


def build_algorithm(resolved: ResolvedTask, pipeline: Pipeline, net: nn.Module) -> Algorithm:
    """Builds the algorithm that trains a net."""
    assert resolved.algorithm is not None
    options = resolved.algorithm.options
    if resolved.algorithm.name != "supervised":
        acting: Algorithm = resolved.algorithm.module.ALGORITHM(net, (), options)
        return acting
    _refuse_improper(pipeline)
    if isinstance(pipeline.codecs[0], Board):
        _refuse_soft_targets(options)
    if options.mixup:
        _refuse_ids(pipeline)
    losses = tuple(
        LOSSES.find(answer.loss, place="process.loss").loss for answer in pipeline.answers
    )
    if options.class_weights:
        losses = _balanced(losses, pipeline)
    batch = resolved.general.batch_size or 1
    steps = -(-len(pipeline.datasets["train"]) // batch) * (options.epochs or 1)
    algorithm: Algorithm = resolved.algorithm.module.ALGORITHM(
        net, losses, options, total_steps=steps
    )
    return algorithm


def _refuse_unseen_defects(pipeline: Pipeline) -> None:
    """Refuses a validation split without one of the defects, as costs set the
    threshold."""
    dataset = pipeline.datasets["validation"]
    for number, answer in enumerate(pipeline.answers):
        if not isinstance(answer, Category) or answer.inspection is None or not len(dataset):
            continue
        counts = np.bincount(
            dataset.truth(number).reshape(-1).numpy(), minlength=len(answer.classes)
        )
        absent = [level for level, count in zip(answer.classes, counts, strict=True) if not count]
        defects = [level for level in absent if level != answer.options.negative_class]
        if defects:
            raise DataError(
                f"the validation split contains no '{defects[0]}', "
                "so the threshold of output.negative_class would ignore that defect",
                got=", ".join(
                    f"{level} {count}" for level, count in zip(answer.classes, counts, strict=True)
                ),
                do=(
                    "Set a larger input.split.validation or another input.split.seed; "
                    "or input.split.validation=0, for the threshold "
                    "1 / (1 + output.false_negative_cost)"
                ),
            )


def _balanced(losses: tuple[Any, ...], pipeline: Pipeline) -> tuple[Any, ...]:
    """Weights the loss of every category by its class counts in the training split."""
    class_names = [
        answer.classes if isinstance(answer, Category) else () for answer in pipeline.answers
    ]
    if not any(class_names):
        raise TaskError("process.class_weights needs an answer of classes", do="Leave it out")
    train = pipeline.datasets["train"]
    return tuple(
        weighted(loss, train.truth(number), len(classes)) if classes else loss
        for number, (loss, classes) in enumerate(zip(losses, class_names, strict=True))
    )


def _refuse_ids(pipeline: Pipeline) -> None:
    if any(isinstance(answer, Mask) for answer in pipeline.answers):
        raise ShapeError(
            "process.mixup mixes whole images, but each mask belongs to one image",
            do="Leave process.mixup out",
        )
    with_ids = [codec.spec.name for codec in pipeline.codecs if codec.spec.vocab_size]
    if with_ids:
        raise ShapeError(
            f"process.mixup mixes numbers, and '{with_ids[0]}' is encoded as ids",
            do="Leave process.mixup out",
        )


def _refuse_soft_targets(options: Any) -> None:
    """Refuses soft targets on a board: the loss of an illegal move is infinite."""
    for name in ("mixup", "label_smoothing"):
        if getattr(options, name):
            raise TaskError(
                f"process.{name} would assign probability to illegal moves (occupied points)",
                do=f"Leave process.{name} out",
            )


def _refuse_improper(pipeline: Pipeline) -> None:
    for answer in pipeline.answers:
        module = LOSSES.find(answer.loss, place="process.loss")
        if answer.WORD not in module.SUITABLE_ANSWERS:
            fitting = [
                name
                for name in LOSSES.names()
                if answer.WORD in LOSSES.find(name, place="process.loss").SUITABLE_ANSWERS
            ]
            raise ShapeError(
                f"process.loss={answer.loss} does not suit "
                f"the answer {answer.WORD} '{answer.name}'",
                allowed=", ".join(fitting),
            )
