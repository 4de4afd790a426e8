"""Default options: the net and its training for the data of a task, each with a reason.

An option that the user sets is never changed. The defaults were measured on the data
sets of docs/log.md: there they were better than the other small nets, on two cores.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kissipo.codec.board import Board
from kissipo.codec.tokens import Tokens
from kissipo.core.schema import option_infos
from kissipo.core.task import Task
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.init_weights import run_of, task_of
from kissipo.pipeline.parse import options_of
from kissipo.pipeline.pipeline import InferredOption, Pipeline, decide, is_written
from kissipo.pipeline.registries import NETS
from kissipo.process import optim

_STEPS = 4_000
_SMALLEST, _VALUES = 8, 8_000_000
_WIDEST_SKIP = 2_000
_PAGE = 300
_BLIND = "the net predicts changes, so a new level of the series does not disturb it"


def with_defaults(task: Task, pipeline: Pipeline) -> tuple[Task, tuple[InferredOption, ...]]:
    """Returns the task with net, sizes, batch size and epochs, and the options
    inferred."""
    decided: list[InferredOption] = []

    def settle(task: Task, inferred_options: Iterable[InferredOption]) -> Task:
        fresh = tuple(option for option in inferred_options if not is_written(task, option.place))
        decided.extend(fresh)
        return decide(task, fresh)

    is_named = is_written(task, "process.net")
    task = settle(task, [_net(pipeline)])
    net = str(task.process["net"])
    own = _needed(net, pipeline) if is_named else _suitable(net, pipeline)
    if task.process.get("weights"):  # they already set the initial weights
        own = [option for option in own if option.place != "process.init"]
    task = settle(task, own)
    task = settle(task, _normalization(task, net, pipeline))
    if task.process.get("algorithm") in (None, "supervised") and net not in (
        "q_table",
        "playground",
    ):
        task = settle(task, _fit_options(task, pipeline))
    return task, tuple(decided)


def _net(pipeline: Pipeline) -> InferredOption:
    specs = [codec.spec for codec in pipeline.codecs]
    if pipeline.answers[0].WORD == "actions":
        return InferredOption("process.net", "q_table", "the states and actions are finite")
    if pipeline.answers[0].WORD == "mask":
        return InferredOption("process.net", "unet", "every pixel gets a prediction")
    if isinstance(pipeline.codecs[0], Board):
        return InferredOption(
            "process.net",
            "cnn",
            "a board is like an image: a filter recognizes a shape at every position",
        )
    if any(spec.axes[:1] == ("channel",) for spec in specs):
        return InferredOption("process.net", "cnn", "the input is an image")
    if any(spec.axes[:1] == ("time",) and spec.vocab_size for spec in specs):
        return InferredOption("process.net", "recurrent", "the input is a text")
    answer: Any = pipeline.answers[0]
    if answer.WORD == "anomaly" and answer.options.method == "reconstruction":
        return InferredOption(
            "process.net", "autoencoder", "it reconstructs normal windows well and anomalies badly"
        )
    if any(spec.axes[:1] == ("time",) for spec in specs):
        return InferredOption(
            "process.net", "ffn", "the best of the small nets on windows of a few seasons"
        )
    return InferredOption("process.net", "ffn", "the input is a row of features")


def _needed(net: str, pipeline: Pipeline) -> list[InferredOption]:
    """Returns the options that the data require of a named net, whatever its sizes
    are."""
    if net == "playground":
        return [InferredOption("process.num_points", len(pipeline.splits["train"]))]
    if net == "q_table":
        return [
            InferredOption("process.episodes", 20_000, "enough episodes to visit rare states often")
        ]
    if net == "cnn" and isinstance(pipeline.codecs[0], Board):
        return _for_boards()
    if _looks_ahead(pipeline) and net in ("ffn", "linear", "recurrent"):
        return [InferredOption("process.subtract_last", True, _BLIND)]
    return []


def _normalization(task: Task, net: str, pipeline: Pipeline) -> list[InferredOption]:
    """Returns the color normalization that pretrained weights were trained with."""
    start = task.process.get("weights")
    if not isinstance(start, str) or "normalize" not in option_infos(options_of(NETS, net)):
        return []
    run = run_of(Path(start))
    if run is not None:
        normalize = task_of(run).process.get("normalize")
        return (
            []
            if normalize is None
            else [
                InferredOption("process.normalize", normalize, "as in the run that it starts from")
            ]
        )
    spec = pipeline.codecs[0].spec
    is_color = spec.axes[:1] == ("channel",) and spec.shape[0] == 3
    return (
        [InferredOption("process.normalize", True, "pretrained weights expect normalized colors")]
        if is_color
        else []
    )


def _looks_ahead(pipeline: Pipeline) -> bool:
    """Returns whether the target is the steps after a window."""
    answer: Any = pipeline.answers[0]
    return answer.WORD == "forecast" or (
        answer.WORD == "anomaly" and answer.options.method == "forecast"
    )


def _suitable(net: str, pipeline: Pipeline) -> list[InferredOption]:
    """Returns the sizes of an inferred net that suit the data."""
    specs, answer = [codec.spec for codec in pipeline.codecs], pipeline.answers[0].WORD
    if _looks_ahead(pipeline):
        sizes = [
            InferredOption("process.units", [64, 64]),
            InferredOption("process.dropout", 0.1),
            InferredOption("process.epochs", 100),
        ]
        return [*_needed(net, pipeline), *sizes]
    if isinstance(pipeline.codecs[0], Board):
        return _for_boards()
    if net == "cnn":
        return _for_images(specs[0])
    if answer == "text":
        reason = "trains in minutes; 256 units and 30 epochs write better but take hours"
        sizes = [
            InferredOption("process.units", 128, reason),
            InferredOption("process.embedding_dim", 64),
            InferredOption("process.epochs", 10),
        ]
        stateful = InferredOption(
            "process.stateful", True, "a window continues the one before it, so the state is kept"
        )
        return [*sizes, InferredOption("process.learning_rate", 3e-3), stateful]
    if net == "recurrent":
        sizes = [
            InferredOption(
                "process.units",
                32,
                "small and regularized: larger models overfit short texts",
            )
        ]
        if any(
            isinstance(codec, Tokens) and codec.unit == "characters" for codec in pipeline.codecs
        ):
            reason = "characters are frequent, so more units can be trained than for words"
            sizes = [
                InferredOption("process.units", 64, reason),
                InferredOption("process.learning_rate", 3e-3),
            ]
        sizes += [
            InferredOption("process.embedding_dim", 32),
            InferredOption("process.dropout", 0.3),
        ]
        return [*sizes, _pool(specs), InferredOption("process.epochs", 15)]
    if net == "ffn":
        return _for_tables(pipeline, sum(spec.size for spec in specs))
    return _needed(net, pipeline)


def _pool(specs: list[TensorSpec]) -> InferredOption:
    """Chooses the maximum for short texts, where one word may decide, else the mean."""
    longest = max(spec.shape[0] for spec in specs if spec.axes[:1] == ("time",))
    if longest > _PAGE:
        return InferredOption(
            "process.pooling",
            "mean",
            f"texts have up to {longest:,} steps: the mean represents them better than the maximum",
        )
    return InferredOption("process.pooling", "max")


def _for_images(spec: TensorSpec) -> list[InferredOption]:
    height, width = spec.shape[1:]
    filters = [32, 64] if min(height, width) <= 32 else [16, 32, 64]
    return [
        InferredOption("process.filters", filters, f"images of {height}x{width}"),
        InferredOption("process.dropout", 0.3),
    ]


def _for_boards() -> list[InferredOption]:
    decided = [
        InferredOption(
            "process.filters", [16, 16, 16, 16], "each layer adds one line to the receptive field"
        )
    ]
    decided += [
        InferredOption("process.pool_size", 1, "pooling would lose the exact point of a stone"),
        InferredOption("process.norm", True),
    ]
    decided += [
        InferredOption(
            "process.flatten", False, "each point is predicted from the points around it"
        )
    ]
    return [
        *decided,
        InferredOption("process.units", []),
        InferredOption("process.learning_rate", 3e-3),
    ]


def _for_tables(pipeline: Pipeline, features: int) -> list[InferredOption]:
    decided = [InferredOption("process.units", [64, 64]), InferredOption("process.dropout", 0.2)]
    decided += [
        InferredOption("process.optimizer", "adamw"),
        InferredOption("process.schedule", "cosine"),
    ]
    one_answer = len(pipeline.answers) == 1 and len(pipeline.answers[0].spec.shape) == 1
    if (
        one_answer
        and features <= _WIDEST_SKIP
        and all(codec.spec.axes == ("feature",) for codec in pipeline.codecs)
    ):
        reason = "a linear path beside the hidden layers, which model only what is not linear"
        decided += [
            InferredOption("process.wide", True, reason),
            InferredOption("process.init", "linear"),
        ]
    return decided


def _widest(pipeline: Pipeline) -> int:
    """Returns the largest batch of such images, a power of two; other data are
    small."""
    size = sum(codec.spec.size for codec in pipeline.codecs if codec.spec.axes[:1] == ("channel",))
    return 2 ** (max(_SMALLEST, _VALUES // max(1, size)).bit_length() - 1)


def _fit_options(task: Task, pipeline: Pipeline) -> list[InferredOption]:
    """Returns loss, learning rate, batch size and epochs for a few thousand steps."""
    samples = len(pipeline.splits["train"])
    batch = task.input.get("batch_size") or min(
        2 ** max(4, min(9, (samples // 100).bit_length() - 1)), _widest(pipeline)
    )
    epochs = max(5, min(60, round(_STEPS * batch / max(1, samples))))
    optimizer = str(task.process.get("optimizer") or "adam")
    losses = [answer.loss for answer in pipeline.answers]
    suits = "default for " + " and ".join(answer.WORD for answer in pipeline.answers)
    steps = f"about {_STEPS:,} steps of {batch} samples, at least 5 epochs, at most 60"
    return [
        InferredOption("process.loss", losses[0] if len(losses) == 1 else losses, suits),
        InferredOption("process.optimizer", optimizer, "the usual optimizer"),
        InferredOption(
            "process.learning_rate",
            optim.RATES.get(optimizer, 1e-3),
            f"default for {optimizer}",
        ),
        InferredOption("input.batch_size", batch, f"{samples:,} training samples"),
        InferredOption("process.epochs", epochs, steps),
        InferredOption(
            "process.early_stopping",
            {"patience": max(5, int(task.process.get("epochs") or epochs) // 4)},
        ),
    ]
