"""Sensible defaults: the net and its way of learning for these data, each with its reason; written words stay as they are.

Measured on the sets of docs/log.md: what stands here won there, on two cores, against the other small nets.
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
_BLIND = "the net learns how the series moves, and a new level does not disturb it"


def with_defaults(task: Task, pipeline: Pipeline) -> tuple[Task, tuple[InferredOption, ...]]:
    """The task with net, sizes, batch and epochs decided, and what was decided."""
    decided: list[InferredOption] = []

    def settle(task: Task, decisions: Iterable[InferredOption]) -> Task:
        fresh = tuple(each for each in decisions if not is_written(task, each.place))
        decided.extend(fresh)
        return decide(task, fresh)

    asked = is_written(task, "process.net")
    task = settle(task, [_net(pipeline)])
    net = str(task.process["net"])
    own = _needed(net, pipeline) if asked else _suitable(net, pipeline)
    if task.process.get("weights"):  # which says where the weights start
        own = [each for each in own if each.place != "process.init"]
    task = settle(task, own)
    task = settle(task, _as_it_began(task, net, pipeline))
    if task.process.get("algorithm") in (None, "supervised") and net not in (
        "q_table",
        "playground",
    ):
        task = settle(task, _course(task, pipeline))
    return task, tuple(decided)


def _net(pipeline: Pipeline) -> InferredOption:
    specs = [codec.spec for codec in pipeline.codecs]
    if pipeline.answers[0].WORD == "actions":
        return InferredOption("process.net", "q_table", "states and actions can be counted")
    if pipeline.answers[0].WORD == "mask":
        return InferredOption("process.net", "unet", "every pixel is answered")
    if isinstance(pipeline.codecs[0], Board):
        return InferredOption(
            "process.net",
            "cnn",
            "a board is seen as an image, and a filter knows a shape wherever it stands",
        )
    if any(spec.axes[:1] == ("channel",) for spec in specs):
        return InferredOption("process.net", "cnn", "the input is an image")
    if any(spec.axes[:1] == ("time",) and spec.vocabulary for spec in specs):
        return InferredOption("process.net", "recurrent", "the input is a text")
    answer: Any = pipeline.answers[0]
    if answer.WORD == "anomaly" and answer.options.method == "reconstruction":
        return InferredOption(
            "process.net", "autoencoder", "what is ordinary comes out of it whole"
        )
    if any(spec.axes[:1] == ("time",) for spec in specs):
        return InferredOption(
            "process.net", "ffn", "on windows of a few seasons the best of the small nets"
        )
    return InferredOption("process.net", "ffn", "the input is a row of features")


def _needed(net: str, pipeline: Pipeline) -> list[InferredOption]:
    """For a net that was asked for by name: only what the data make advisable whatever its sizes are."""
    if net == "playground":
        return [InferredOption("process.num_points", len(pipeline.parts["train"]))]
    if net == "q_table":
        return [InferredOption("process.episodes", 20_000, "enough to see rare ways often")]
    if net == "cnn" and isinstance(pipeline.codecs[0], Board):
        return _for_boards()
    if _looks_ahead(pipeline) and net in ("ffn", "linear", "recurrent"):
        return [InferredOption("process.subtract_last", True, _BLIND)]
    return []


def _as_it_began(task: Task, net: str, pipeline: Pipeline) -> list[InferredOption]:
    """Where weights come from elsewhere: colors as they saw them."""
    start = task.process.get("weights")
    if not isinstance(start, str) or "normalize" not in option_infos(options_of(NETS, net)):
        return []
    run = run_of(Path(start))
    if run is not None:
        said = task_of(run).process.get("normalize")
        return (
            []
            if said is None
            else [InferredOption("process.normalize", said, "as the run that it starts from")]
        )
    spec = pipeline.codecs[0].spec
    is_color = spec.axes[:1] == ("channel",) and spec.shape[0] == 3
    return (
        [InferredOption("process.normalize", True, "published weights saw colors about zero")]
        if is_color
        else []
    )


def _looks_ahead(pipeline: Pipeline) -> bool:
    """Whether steps after a window are answered."""
    answer: Any = pipeline.answers[0]
    return answer.WORD == "forecast" or (
        answer.WORD == "anomaly" and answer.options.method == "forecast"
    )


def _suitable(net: str, pipeline: Pipeline) -> list[InferredOption]:
    """Sizes of an inferred net that suit the data."""
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
        reason = "minutes, not hours; 256 units and 30 epochs write better"
        sizes = [
            InferredOption("process.units", 128, reason),
            InferredOption("process.embedding_dim", 64),
            InferredOption("process.epochs", 10),
        ]
        goes_on = InferredOption(
            "process.stateful", True, "a piece goes on where the one before ended"
        )
        return [*sizes, InferredOption("process.learning_rate", 3e-3), goes_on]
    if net == "recurrent":
        sizes = [
            InferredOption(
                "process.units",
                32,
                "small and well fenced in: larger ones learn short texts by heart",
            )
        ]
        if any(
            isinstance(codec, Tokens) and codec.unit == "characters" for codec in pipeline.codecs
        ):
            reason = "characters come often enough to teach more than words do"
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
    """What stands out in a message may be one word; a page is more than its strongest words."""
    longest = max(spec.shape[0] for spec in specs if spec.axes[:1] == ("time",))
    if longest > _PAGE:
        return InferredOption(
            "process.pooling",
            "mean",
            f"texts of up to {longest:,} steps: the mean over them, not the greatest",
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
            "process.filters", [16, 16, 16, 16], "each sees a line farther than the one before"
        )
    ]
    decided += [
        InferredOption("process.pool_size", 1, "a stone one line off is another one"),
        InferredOption("process.norm", True),
    ]
    decided += [
        InferredOption("process.flatten", False, "each point is answered from what lies around it")
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
        reason = "a linear path beside the hidden layers, which add only what it cannot say"
        decided += [
            InferredOption("process.wide", True, reason),
            InferredOption("process.init", "linear"),
        ]
    return decided


def _widest(pipeline: Pipeline) -> int:
    """The largest batch of such images, a power of two; other data are never so large that it matters."""
    size = sum(codec.spec.size for codec in pipeline.codecs if codec.spec.axes[:1] == ("channel",))
    return 2 ** (max(_SMALLEST, _VALUES // max(1, size)).bit_length() - 1)


def _course(task: Task, pipeline: Pipeline) -> list[InferredOption]:
    """Loss, rate, batch and epochs, so that training takes a few thousand steps."""
    samples = len(pipeline.parts["train"])
    batch = task.input.get("batch_size") or min(
        2 ** max(4, min(9, (samples // 100).bit_length() - 1)), _widest(pipeline)
    )
    epochs = max(5, min(60, round(_STEPS * batch / max(1, samples))))
    optimizer = str(task.process.get("optimizer") or "adam")
    losses = [answer.loss for answer in pipeline.answers]
    suits = "it suits the answer " + " and ".join(answer.WORD for answer in pipeline.answers)
    steps = f"about {_STEPS:,} steps of {batch} samples, at least 5 epochs, at most 60"
    return [
        InferredOption("process.loss", losses[0] if len(losses) == 1 else losses, suits),
        InferredOption("process.optimizer", optimizer, "the usual one"),
        InferredOption(
            "process.learning_rate",
            optim.RATES.get(optimizer, 1e-3),
            f"the usual one of {optimizer}",
        ),
        InferredOption("input.batch_size", batch, f"{samples:,} training samples"),
        InferredOption("process.epochs", epochs, steps),
        InferredOption(
            "process.early_stopping",
            {"patience": max(5, int(task.process.get("epochs") or epochs) // 4)},
        ),
    ]
