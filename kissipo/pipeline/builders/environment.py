"""Episodes as samples: states of an environment as inputs, values of its actions as outputs; nothing is read or split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kissipo.codec.states import States
from kissipo.core.codec import Door
from kissipo.core.errors import NotBuiltError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, strings
from kissipo.input.tensor_dataset import TensorFeed
from kissipo.output.answer import Answer
from kissipo.output.answers.actions import Actions, Options
from kissipo.pipeline.parse import Choices
from kissipo.pipeline.pipeline import Decision, Wiring


def wire(reading: Any, choices: Choices, *, seed: int, strict: bool = False) -> Wiring:
    """Every state once, as the sample that the way of the data is shown with."""
    if len(choices.answers) > 1 or (choices.answers and choices.answers[0].word != "actions"):
        given = ", ".join(each.word for each in choices.answers)
        raise TaskError("output must be actions for an environment", given=given, allowed="actions")
    if choices.net is not None and choices.net.word != "q_table":
        raise NotBuiltError(
            f"process.net: learning in an environment with the net '{choices.net.word}' (DQN, S42) is not built yet",
            allowed="q_table",
        )
    options = choices.answers[0].options if choices.answers else Options()
    door = States(reading.states)
    answer = Actions(door, reading.actions, options)
    frame = Frame((strings("state", list(reading.states)),), origin=reading.name)
    everything, nothing = np.arange(len(frame)), np.zeros(0, dtype=np.int64)
    feed = TensorFeed((door.encode(frame),), ())
    message = f"{len(reading.states)} states, {len(reading.actions)} actions: " + ", ".join(reading.actions[:8])
    rules = "the environment tells its rules" if reading.model is not None else "the rules are hidden"
    findings = (Finding("PASS", "environment", message), Finding("PASS", "rules", rules))
    parts = {"train": everything, "validation": nothing, "test": nothing}
    feeds = {"train": feed, "validation": feed.take(slice(0, 0)), "test": feed.take(slice(0, 0))}
    decisions = () if choices.answers else (Decision("output", "actions"),)
    return Wiring(frame, parts, (door,), (answer,), feeds, findings, decisions=decisions)


def question(frame: Frame, doors: Sequence[Door], answers: Sequence[Answer]) -> TensorFeed:
    """Every row names one state."""
    return TensorFeed((doors[0].encode(frame),), ())
