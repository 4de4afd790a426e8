"""Prepare: from a task to everything that can move: data read and checked, codecs fitted, net built, learning chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from kissipo.codec.board import Board
from kissipo.core.errors import DataError, ShapeError, TaskError
from kissipo.core.protocols import Learn
from kissipo.core.seeds import derive
from kissipo.core.task import Task
from kissipo.input.source_data import Reading
from kissipo.output.answers.category import Category
from kissipo.output.answers.mask import Marks
from kissipo.pipeline.defaults import with_defaults
from kissipo.pipeline.init_weights import start_net
from kissipo.pipeline.parse import Choices, read_task
from kissipo.pipeline.pipeline import Decision, Wiring, decide, is_written
from kissipo.pipeline.registries import LOSSES, WIRINGS
from kissipo.pipeline.resolve import spell_out
from kissipo.process.channels_last import lay_out
from kissipo.process.cross_entropy import weighted
from kissipo.process.layers.legal_move_mask import free_points

_SEEDS = 2**32


@dataclass(frozen=True)
class Prepared:
    """A task whose every word is decided, and what it became."""

    task: Task
    choices: Choices
    reading: Any
    wiring: Wiring
    net: nn.Module
    learn: Learn
    decisions: tuple[Decision, ...]

    @property
    def course(self) -> Any:
        """The options of the way of learning."""
        assert self.choices.learn is not None
        return self.choices.learn.options


def read_data(choices: Choices) -> Any:
    """What the source hands over: a reading, or a world."""
    return choices.source.module.read(choices.source.value, choices.source.options)


def wire(reading: Any, choices: Choices, *, seed: int, strict: bool = False) -> Wiring:
    """The input and output stages for these data."""
    module = WIRINGS.find(choices.source.module.SAMPLES, place=f"input.{choices.source.word}")
    wiring: Wiring = module.wire(reading, choices, seed=seed, strict=strict)
    return wiring


def prepare(
    task: Task, *, seed: int = 0, strict: bool = False, reading: Reading | None = None, start: bool = True
) -> Prepared:
    """Reads, checks, wires and builds; nothing is trained.

    start:    whether the net gets the weights that it is to start from; not needed where it gets others
    Raises:   TaskError, DataError, ShapeError that say where and what to do.
    """
    if not 0 <= seed < _SEEDS:
        raise TaskError("the seed must be an integer of at least 0", given=str(seed), allowed=f"0 to {_SEEDS - 1}")
    if isinstance(task.output, tuple) and len(task.output) == 1:
        task = task.with_words({"output": task.output[0]})
    choices = read_task(task)
    reading = reading or read_data(choices)
    wiring = wire(reading, choices, seed=seed, strict=strict)
    _refuse_unseen_defects(wiring)
    found = tuple(each for each in wiring.decisions if not is_written(task, each.place))
    task = decide(task, found)
    task, decisions = with_defaults(task, wiring)
    task = spell_out(task, read_task(task))
    choices = read_task(task)
    assert choices.net is not None and choices.learn is not None
    torch.manual_seed(derive(seed, "weights"))
    net = build_net(choices, wiring)
    if start:
        wiring = replace(wiring, findings=(*wiring.findings, *start_net(net, choices)))
    learn = build_learn(choices, wiring, net)
    torch.manual_seed(derive(seed, "dice"))
    return Prepared(task, choices, reading, wiring, net, learn, (*found, *decisions))


def build_net(choices: Choices, wiring: Wiring) -> nn.Module:
    """The net for the ports of the wiring, with fresh weights."""
    assert choices.net is not None
    inputs = tuple(door.port for door in wiring.doors)
    outputs = tuple(answer.port for answer in wiring.answers)
    net: nn.Module = choices.net.module.build(inputs, outputs, choices.net.options)
    net = lay_out(net)
    return free_points(net) if isinstance(wiring.doors[0], Board) else net


def build_learn(choices: Choices, wiring: Wiring, net: nn.Module) -> Learn:
    """The way of learning for this net."""
    assert choices.learn is not None
    options = choices.learn.options
    if choices.learn.word != "supervised":
        acting: Learn = choices.learn.module.LEARN(net, (), options)
        return acting
    _refuse_improper(wiring)
    if isinstance(wiring.doors[0], Board):
        _refuse_taken(options)
    if options.mixup:
        _refuse_ids(wiring)
    losses = tuple(LOSSES.find(answer.loss, place="process.loss").loss for answer in wiring.answers)
    if options.class_weights:
        losses = _balanced(losses, wiring)
    batch = choices.general.batch_size or 1
    steps = -(-len(wiring.feeds["train"]) // batch) * (options.epochs or 1)
    learn: Learn = choices.learn.module.LEARN(net, losses, options, total_steps=steps)
    return learn


def _refuse_unseen_defects(wiring: Wiring) -> None:
    """Where a threshold is chosen by costs, the validation part must hold every kind of defect."""
    feed = wiring.feeds["validation"]
    for number, answer in enumerate(wiring.answers):
        if not isinstance(answer, Category) or answer.inspection is None or not len(feed):
            continue
        counts = np.bincount(feed.truth(number).reshape(-1).numpy(), minlength=len(answer.levels))
        absent = [level for level, count in zip(answer.levels, counts, strict=True) if not count]
        defects = [level for level in absent if level != answer.options.negative_class]
        if defects:
            raise DataError(
                f"the validation part holds no '{defects[0]}', "
                "and the threshold of output.negative_class would be chosen without that defect",
                given=", ".join(f"{level} {count}" for level, count in zip(answer.levels, counts, strict=True)),
                do=(
                    "Set a larger input.split.validation or another input.split.seed; or input.split.validation=0, "
                    "for the threshold 1 / (1 + output.false_negative_cost)"
                ),
            )


def _balanced(losses: tuple[Any, ...], wiring: Wiring) -> tuple[Any, ...]:
    """The losses of categories by the shares of their classes in the training part; those of other answers as they are."""
    levels = [answer.levels if isinstance(answer, Category) else () for answer in wiring.answers]
    if not any(levels):
        raise TaskError("process.class_weights needs a category to weight the classes of", do="Leave it out")
    train = wiring.feeds["train"]
    return tuple(
        weighted(loss, train.truth(number), len(classes)) if classes else loss
        for number, (loss, classes) in enumerate(zip(losses, levels, strict=True))
    )


def _refuse_ids(wiring: Wiring) -> None:
    if any(isinstance(answer, Marks) for answer in wiring.answers):
        raise ShapeError("process.mixup mixes whole pictures, and a mask is of one", do="Leave process.mixup out")
    counted = [door.port.name for door in wiring.doors if door.port.vocabulary]
    if counted:
        raise ShapeError(
            f"process.mixup mixes numbers, and '{counted[0]}' goes in as numbers of words or classes",
            do="Leave process.mixup out",
        )


def _refuse_taken(options: Any) -> None:
    """A share of the truth on a taken point, which the net never answers, would be a loss without end."""
    for name in ("mixup", "label_smoothing"):
        if getattr(options, name):
            raise TaskError(
                f"process.{name} takes a share of the truth to points on which a stone stands, and those are no answer",
                do=f"Leave process.{name} out",
            )


def _refuse_improper(wiring: Wiring) -> None:
    for answer in wiring.answers:
        module = LOSSES.find(answer.loss, place="process.loss")
        if answer.WORD not in module.PROPER:
            fitting = [name for name in LOSSES.names() if answer.WORD in LOSSES.find(name, place="process.loss").PROPER]
            raise ShapeError(
                f"process.loss={answer.loss} does not suit the answer {answer.WORD} '{answer.name}'",
                allowed=", ".join(fitting),
            )
