"""Sensible defaults: the net and its way of learning for these data, each with its reason; written words stay as they are."""

from __future__ import annotations

from kissipo.core.task import Task
from kissipo.plan.draft import Decision, Wiring, decide, is_written
from kissipo.process import optim

_STEPS = 4_000
_WIDEST_SKIP = 2_000


def with_defaults(task: Task, wiring: Wiring) -> tuple[Task, tuple[Decision, ...]]:
    """The task with net, sizes, batch and epochs decided, and what was decided."""
    samples = len(wiring.parts["train"])
    if wiring.answers[0].WORD == "actions":
        return _for_actions(task)
    decisions = [] if is_written(task, "process.net") else [_net(wiring)]
    task = decide(task, tuple(decisions))
    more = _words(str(task.process["net"]), wiring) if decisions else _needed(str(task.process["net"]), wiring)
    more = [each for each in more if not is_written(task, each.place)]
    task = decide(task, tuple(more))
    course = [each for each in _course(task, wiring, samples) if not is_written(task, each.place)]
    return decide(task, tuple(course)), (*decisions, *more, *course)


def _for_actions(task: Task) -> tuple[Task, tuple[Decision, ...]]:
    decisions = (
        Decision("process.net", "q_table", "states and actions can be counted"),
        Decision("process.episodes", 20_000, "enough to see rare ways often"),
    )
    missing = tuple(each for each in decisions if not is_written(task, each.place))
    return decide(task, missing), missing


def _net(wiring: Wiring) -> Decision:
    ports = [door.port for door in wiring.doors]
    if any(port.axes[:1] == ("channel",) for port in ports):
        return Decision("process.net", "cnn", "the input is a picture")
    if any(port.axes[:1] == ("time",) and port.vocabulary for port in ports):
        return Decision("process.net", "recurrent", "the input is a text")
    if any(port.axes[:1] == ("time",) for port in ports):
        return Decision("process.net", "recurrent", "the input is a series")
    return Decision("process.net", "ffn", "the input is a row of features")


def _needed(net: str, wiring: Wiring) -> list[Decision]:
    """For a net that was asked for by name: only what the data make advisable whatever its sizes are."""
    if net == "walkers":
        return [Decision("process.walks", len(wiring.parts["train"]))]
    forecasting = wiring.answers[0].WORD == "forecast" and net in ("ffn", "linear", "recurrent")
    return _forecast_words(net)[:1] if forecasting else []


def _words(net: str, wiring: Wiring) -> list[Decision]:
    """Sizes of the net that suit the data."""
    if wiring.answers[0].WORD == "forecast" and net in ("ffn", "linear", "recurrent"):
        return _forecast_words(net)
    ports = [door.port for door in wiring.doors]
    if net == "ffn" and all(port.axes == ("feature",) for port in ports):
        return _table_words(wiring, sum(port.size for port in ports))
    if net == "cnn":
        picture = ports[0].shape
        filters = [32, 64] if min(picture[1:]) <= 32 else [16, 32, 64]
        return [
            Decision("process.filters", filters, f"pictures of {picture[1]}x{picture[2]}"),
            Decision("process.dropout", 0.3),
            Decision("process.rate", 1e-3),
        ]
    if net == "recurrent":
        return _sequence_words(wiring)
    return []


def _table_words(wiring: Wiring, features: int) -> list[Decision]:
    one_answer = len(wiring.answers) == 1 and len(wiring.answers[0].port.shape) == 1
    decided = [
        Decision("process.units", [64, 64]),
        Decision("process.dropout", 0.2),
        Decision("process.optimizer", "adamw"),
    ]
    decided.append(Decision("process.schedule", "cosine"))
    if one_answer and features <= _WIDEST_SKIP:
        reason = "a linear path beside the hidden layers: never worse than linear regression without need"
        decided += [Decision("process.skip", True, reason), Decision("process.start", "linear")]
    return decided


def _sequence_words(wiring: Wiring) -> list[Decision]:
    port = next(door.port for door in wiring.doors if door.port.axes[:1] == ("time",))
    decided = [Decision("process.cell", "lstm")]
    if wiring.answers[0].WORD == "text":
        return [*decided, Decision("process.units", 256), Decision("process.embed", 64), Decision("process.rate", 3e-3)]
    if port.vocabulary:
        return [
            *decided,
            Decision("process.units", 32),
            Decision("process.embed", 32),
            Decision("process.dropout", 0.3),
        ]
    return [*decided, Decision("process.units", 32)]


def _forecast_words(net: str) -> list[Decision]:
    reason = "the net learns how the series moves, and a new level does not disturb it"
    decided = [Decision("process.relative", True, reason)]
    if net == "recurrent":
        decided += [Decision("process.cell", "lstm"), Decision("process.units", 32), Decision("process.rate", 3e-3)]
    return decided


def _course(task: Task, wiring: Wiring, samples: int) -> list[Decision]:
    """Batch and epochs, so that training takes a few thousand steps."""
    if task.process.get("learn") not in (None, "supervised"):
        return []
    batch = task.input.get("batch") or 2 ** max(4, min(9, (samples // 50).bit_length() - 1))
    epochs = max(5, min(60, round(_STEPS * batch / max(1, samples))))
    reason = f"{samples:,} training samples"
    patience = max(5, epochs // 4)
    optimizer = str(task.process.get("optimizer") or "adam")
    losses = [answer.loss for answer in wiring.answers]
    return [
        Decision(
            "process.loss",
            losses[0] if len(losses) == 1 else losses,
            "it suits " + " and ".join(answer.WORD for answer in wiring.answers),
        ),
        Decision("process.optimizer", optimizer, "the usual one"),
        Decision("process.rate", optim.RATES.get(optimizer, 1e-3), f"the usual one of {optimizer}"),
        Decision("input.batch", batch, reason),
        Decision("process.epochs", epochs, f"about {_STEPS:,} steps of {batch} samples, at least 5 epochs, at most 60"),
        Decision("process.stop", {"patience": patience}),
    ]
