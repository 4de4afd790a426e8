"""Sensible defaults: the net and its way of learning for these data, each with its reason; written words stay as they are.

Measured on the sets of docs/log.md: what stands here won there, on two cores, against the other small nets.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kissipo.codec.board import Board
from kissipo.codec.tokens import Tokens
from kissipo.core.schema import words_of
from kissipo.core.task import Task
from kissipo.core.tensor_spec import Port
from kissipo.pipeline.init_weights import run_of, task_of
from kissipo.pipeline.parse import options_of
from kissipo.pipeline.pipeline import Decision, Wiring, decide, is_written
from kissipo.pipeline.registries import NETS
from kissipo.process import optim

_STEPS = 4_000
_SMALLEST, _VALUES = 8, 8_000_000
_WIDEST_SKIP = 2_000
_PAGE = 300
_BLIND = "the net learns how the series moves, and a new level does not disturb it"


def with_defaults(task: Task, wiring: Wiring) -> tuple[Task, tuple[Decision, ...]]:
    """The task with net, sizes, batch and epochs decided, and what was decided."""
    decided: list[Decision] = []

    def settle(task: Task, decisions: Iterable[Decision]) -> Task:
        fresh = tuple(each for each in decisions if not is_written(task, each.place))
        decided.extend(fresh)
        return decide(task, fresh)

    asked = is_written(task, "process.net")
    task = settle(task, [_net(wiring)])
    net = str(task.process["net"])
    own = _needed(net, wiring) if asked else _suitable(net, wiring)
    if task.process.get("weights"):  # which says where the weights start
        own = [each for each in own if each.place != "process.init"]
    task = settle(task, own)
    task = settle(task, _as_it_began(task, net, wiring))
    if task.process.get("algorithm") in (None, "supervised") and net not in ("q_table", "playground"):
        task = settle(task, _course(task, wiring))
    return task, tuple(decided)


def _net(wiring: Wiring) -> Decision:
    ports = [door.port for door in wiring.doors]
    if wiring.answers[0].WORD == "actions":
        return Decision("process.net", "q_table", "states and actions can be counted")
    if wiring.answers[0].WORD == "mask":
        return Decision("process.net", "unet", "every pixel is answered")
    if isinstance(wiring.doors[0], Board):
        return Decision(
            "process.net", "cnn", "a board is seen as a picture, and a filter knows a shape wherever it stands"
        )
    if any(port.axes[:1] == ("channel",) for port in ports):
        return Decision("process.net", "cnn", "the input is a picture")
    if any(port.axes[:1] == ("time",) and port.vocabulary for port in ports):
        return Decision("process.net", "recurrent", "the input is a text")
    answer: Any = wiring.answers[0]
    if answer.WORD == "anomaly" and answer.options.method == "reconstruction":
        return Decision("process.net", "autoencoder", "what is ordinary comes out of it whole")
    if any(port.axes[:1] == ("time",) for port in ports):
        return Decision("process.net", "ffn", "on windows of a few seasons the best of the small nets")
    return Decision("process.net", "ffn", "the input is a row of features")


def _needed(net: str, wiring: Wiring) -> list[Decision]:
    """For a net that was asked for by name: only what the data make advisable whatever its sizes are."""
    if net == "playground":
        return [Decision("process.num_points", len(wiring.parts["train"]))]
    if net == "q_table":
        return [Decision("process.episodes", 20_000, "enough to see rare ways often")]
    if net == "cnn" and isinstance(wiring.doors[0], Board):
        return _for_boards()
    if _looks_ahead(wiring) and net in ("ffn", "linear", "recurrent"):
        return [Decision("process.subtract_last", True, _BLIND)]
    return []


def _as_it_began(task: Task, net: str, wiring: Wiring) -> list[Decision]:
    """Where weights come from elsewhere: colours as they saw them."""
    start = task.process.get("weights")
    if not isinstance(start, str) or "normalize" not in words_of(options_of(NETS, net)):
        return []
    run = run_of(Path(start))
    if run is not None:
        said = task_of(run).process.get("normalize")
        return [] if said is None else [Decision("process.normalize", said, "as the run that it starts from")]
    port = wiring.doors[0].port
    is_colour = port.axes[:1] == ("channel",) and port.shape[0] == 3
    return [Decision("process.normalize", True, "published weights saw colours about zero")] if is_colour else []


def _looks_ahead(wiring: Wiring) -> bool:
    """Whether steps after a window are answered."""
    answer: Any = wiring.answers[0]
    return answer.WORD == "forecast" or (answer.WORD == "anomaly" and answer.options.method == "forecast")


def _suitable(net: str, wiring: Wiring) -> list[Decision]:
    """Sizes of an inferred net that suit the data."""
    ports, answer = [door.port for door in wiring.doors], wiring.answers[0].WORD
    if _looks_ahead(wiring):
        sizes = [Decision("process.units", [64, 64]), Decision("process.dropout", 0.1), Decision("process.epochs", 100)]
        return [*_needed(net, wiring), *sizes]
    if isinstance(wiring.doors[0], Board):
        return _for_boards()
    if net == "cnn":
        return _for_pictures(ports[0])
    if answer == "text":
        reason = "minutes, not hours; 256 units and 30 epochs write better"
        sizes = [
            Decision("process.units", 128, reason),
            Decision("process.embedding_dim", 64),
            Decision("process.epochs", 10),
        ]
        goes_on = Decision("process.stateful", True, "a piece goes on where the one before ended")
        return [*sizes, Decision("process.learning_rate", 3e-3), goes_on]
    if net == "recurrent":
        sizes = [Decision("process.units", 32, "small and well fenced in: larger ones learn short texts by heart")]
        if any(isinstance(door, Tokens) and door.unit == "characters" for door in wiring.doors):
            reason = "characters come often enough to teach more than words do"
            sizes = [Decision("process.units", 64, reason), Decision("process.learning_rate", 3e-3)]
        sizes += [Decision("process.embedding_dim", 32), Decision("process.dropout", 0.3)]
        return [*sizes, _pool(ports), Decision("process.epochs", 15)]
    if net == "ffn":
        return _for_tables(wiring, sum(port.size for port in ports))
    return _needed(net, wiring)


def _pool(ports: list[Port]) -> Decision:
    """What stands out in a message may be one word; a page is more than its strongest words."""
    longest = max(port.shape[0] for port in ports if port.axes[:1] == ("time",))
    if longest > _PAGE:
        return Decision(
            "process.pooling", "mean", f"texts of up to {longest:,} steps: the mean over them, not the greatest"
        )
    return Decision("process.pooling", "max")


def _for_pictures(port: Port) -> list[Decision]:
    height, width = port.shape[1:]
    filters = [32, 64] if min(height, width) <= 32 else [16, 32, 64]
    return [Decision("process.filters", filters, f"pictures of {height}x{width}"), Decision("process.dropout", 0.3)]


def _for_boards() -> list[Decision]:
    decided = [Decision("process.filters", [16, 16, 16, 16], "each sees a line farther than the one before")]
    decided += [Decision("process.pool_size", 1, "a stone one line off is another one"), Decision("process.norm", True)]
    decided += [Decision("process.flatten", False, "each point is answered from what lies around it")]
    return [*decided, Decision("process.units", []), Decision("process.learning_rate", 3e-3)]


def _for_tables(wiring: Wiring, features: int) -> list[Decision]:
    decided = [Decision("process.units", [64, 64]), Decision("process.dropout", 0.2)]
    decided += [Decision("process.optimizer", "adamw"), Decision("process.schedule", "cosine")]
    one_answer = len(wiring.answers) == 1 and len(wiring.answers[0].port.shape) == 1
    if one_answer and features <= _WIDEST_SKIP and all(door.port.axes == ("feature",) for door in wiring.doors):
        reason = "a linear path beside the hidden layers, which add only what it cannot say"
        decided += [Decision("process.wide", True, reason), Decision("process.init", "linear")]
    return decided


def _widest(wiring: Wiring) -> int:
    """The largest batch of such pictures, a power of two; other data are never so large that it matters."""
    size = sum(door.port.size for door in wiring.doors if door.port.axes[:1] == ("channel",))
    return 2 ** (max(_SMALLEST, _VALUES // max(1, size)).bit_length() - 1)


def _course(task: Task, wiring: Wiring) -> list[Decision]:
    """Loss, rate, batch and epochs, so that training takes a few thousand steps."""
    samples = len(wiring.parts["train"])
    batch = task.input.get("batch_size") or min(2 ** max(4, min(9, (samples // 100).bit_length() - 1)), _widest(wiring))
    epochs = max(5, min(60, round(_STEPS * batch / max(1, samples))))
    optimizer = str(task.process.get("optimizer") or "adam")
    losses = [answer.loss for answer in wiring.answers]
    suits = "it suits the answer " + " and ".join(answer.WORD for answer in wiring.answers)
    steps = f"about {_STEPS:,} steps of {batch} samples, at least 5 epochs, at most 60"
    return [
        Decision("process.loss", losses[0] if len(losses) == 1 else losses, suits),
        Decision("process.optimizer", optimizer, "the usual one"),
        Decision("process.learning_rate", optim.RATES.get(optimizer, 1e-3), f"the usual one of {optimizer}"),
        Decision("input.batch_size", batch, f"{samples:,} training samples"),
        Decision("process.epochs", epochs, steps),
        Decision("process.early_stopping", {"patience": max(5, int(task.process.get("epochs") or epochs) // 4)}),
    ]
