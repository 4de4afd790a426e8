"""Prepare: from a task to everything that can move: data read and checked, codecs fitted, net built, learning chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from kissipo.codec.board import Board
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.protocols import Learn
from kissipo.core.seeds import derive
from kissipo.core.task import Task
from kissipo.input.reading import Reading
from kissipo.plan.defaults import with_defaults
from kissipo.plan.draft import Decision, Wiring, decide
from kissipo.plan.grammar import Choices, read_task
from kissipo.plan.spell import spell_out
from kissipo.plan.vocabulary import LOSSES, WIRINGS
from kissipo.process.layers.free_points import FreePoints

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


def prepare(task: Task, *, seed: int = 0, strict: bool = False, reading: Reading | None = None) -> Prepared:
    """Reads, checks, wires and builds; nothing is trained.

    Raises:   TaskError, DataError, ShapeError that say where and what to do.
    """
    if not 0 <= seed < _SEEDS:
        raise TaskError("the seed must be an integer of at least 0", given=str(seed), allowed=f"0 to {_SEEDS - 1}")
    if isinstance(task.output, tuple) and len(task.output) == 1:
        task = task.with_words({"output": task.output[0]})
    choices = read_task(task)
    reading = reading or read_data(choices)
    wiring = wire(reading, choices, seed=seed, strict=strict)
    task = decide(task, wiring.decisions)
    task, decisions = with_defaults(task, wiring)
    task = spell_out(task, read_task(task))
    choices = read_task(task)
    assert choices.net is not None and choices.learn is not None
    torch.manual_seed(derive(seed, "weights"))
    net = build_net(choices, wiring)
    learn = build_learn(choices, wiring, net)
    torch.manual_seed(derive(seed, "dice"))
    return Prepared(task, choices, reading, wiring, net, learn, (*wiring.decisions, *decisions))


def build_net(choices: Choices, wiring: Wiring) -> nn.Module:
    """The net for the ports of the wiring, with fresh weights."""
    assert choices.net is not None
    inputs = tuple(door.port for door in wiring.doors)
    outputs = tuple(answer.port for answer in wiring.answers)
    net: nn.Module = choices.net.module.build(inputs, outputs, choices.net.options)
    return FreePoints(net) if isinstance(wiring.doors[0], Board) else net


def build_learn(choices: Choices, wiring: Wiring, net: nn.Module) -> Learn:
    """The way of learning for this net."""
    assert choices.learn is not None
    options = choices.learn.options
    if choices.learn.word != "supervised":
        acting: Learn = choices.learn.module.LEARN(net, (), options)
        return acting
    losses = tuple(LOSSES.find(answer.loss, place="process.loss").loss for answer in wiring.answers)
    _refuse_improper(wiring)
    batch = choices.general.batch or 1
    steps = -(-len(wiring.feeds["train"]) // batch) * (options.epochs or 1)
    learn: Learn = choices.learn.module.LEARN(net, losses, options, total_steps=steps)
    return learn


def _refuse_improper(wiring: Wiring) -> None:
    for answer in wiring.answers:
        module = LOSSES.find(answer.loss, place="process.loss")
        if answer.WORD not in module.PROPER:
            fitting = [name for name in LOSSES.names() if answer.WORD in LOSSES.find(name, place="process.loss").PROPER]
            raise ShapeError(
                f"process.loss={answer.loss} does not suit the answer {answer.WORD} '{answer.name}'",
                allowed=", ".join(fitting),
            )
