"""Builds an experiment from a task: data, fitted codecs, net and training algorithm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kissipo.core.algorithm import Agent, Algorithm, Monitor
from kissipo.core.devices import find_device
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.inferred_option import InferredOption
from kissipo.core.module_state import preserve_state
from kissipo.core.seeds import derive
from kissipo.core.task import Task
from kissipo.engine.evaluate import as_tuple
from kissipo.input.source_data import Reading
from kissipo.output.answer import Answer, output_specs
from kissipo.pipeline.defaults import with_defaults
from kissipo.pipeline.init_weights import init_weights, with_implied
from kissipo.pipeline.parse import ResolvedTask, builder_of, read_task, without_auto
from kissipo.pipeline.pipeline import Pipeline, decide, is_written
from kissipo.pipeline.registries import LOSSES
from kissipo.pipeline.resolve import spell_out
from kissipo.process.channels_last import to_channels_last
from kissipo.process.cross_entropy import Loss, weighted
from kissipo.process.loss_object import LossObject

_SEEDS = 2**32


@dataclass(frozen=True)
class Experiment:
    """A task with all of its options, and the objects that were built from it."""

    task: Task
    resolved: ResolvedTask
    pipeline: Pipeline
    net: nn.Module
    algorithm: Algorithm
    inferred_options: tuple[InferredOption, ...]

    @property
    def agent(self) -> Agent:
        """The training algorithm of an environment."""
        assert isinstance(self.algorithm, Agent)
        return self.algorithm

    @property
    def config(self) -> Any:
        """The options of the training algorithm."""
        assert self.resolved.algorithm is not None
        return self.resolved.algorithm.options


def read_data(resolved: ResolvedTask) -> Any:
    """Returns what the source reads for the builder: a Reading, or an environment."""
    source = resolved.source
    return builder_of(resolved).read(source.module.SOURCE, source.value, source.options)


def findings_of(task: Task) -> list[Finding]:
    """Returns the options that were inferred with the task, as findings."""
    return [
        Finding(
            "WARN" if option.doubtful else "PASS",
            "answer",
            f"read with {option.place}={option.value}: {option.reason}",
        )
        for option in task.inferred
    ]


def build_pipeline(
    reading: object, resolved: ResolvedTask, *, seed: int, strict: bool = False
) -> Pipeline:
    """Builds the input and the output of the task for these data."""
    pipeline: Pipeline = builder_of(resolved).build(reading, resolved, seed=seed, strict=strict)
    return pipeline


def build_experiment(
    task: Task,
    *,
    seed: int = 0,
    strict: bool = False,
    reading: Reading | None = None,
    start: bool = True,
    device: str = "cpu",
) -> Experiment:
    """Reads and checks the data and builds net and algorithm; nothing is trained.

    start:    whether the net is to be trained: its outputs are checked, and the weights
              of `process.weights` are loaded
    device:   where the net is trained, as in `find_device`
    Raises:   TaskError, DataError, ShapeError that say where and what to do.
    """
    encoded = encode_task(task, seed=seed, strict=strict, reading=reading)
    return assemble(encoded.task, encoded.pipeline, seed=seed, start=start, device=device)


@dataclass(frozen=True)
class EncodedTask:
    """A task with its data, read and encoded; what is left to infer is inferred later.

    reading:  what the source read, from which another pipeline can be built
    """

    task: Task
    reading: object
    pipeline: Pipeline


def encode_task(
    task: Task, *, seed: int = 0, strict: bool = False, reading: object = None
) -> EncodedTask:
    """Reads and checks the data of a task, and builds its pipeline.

    reading:  what the source read before, if it did
    Raises:   TaskError, DataError that say where and what to do.
    """
    if not 0 <= seed < _SEEDS:
        raise TaskError(
            "the seed must be an integer of at least 0",
            got=str(seed),
            allowed=f"0 to {_SEEDS - 1}",
        )
    if isinstance(task.output, tuple) and len(task.output) == 1:
        task = task.with_words({"output": task.output[0]})
    task = with_implied(without_auto(task))
    resolved = read_task(task)
    reading = reading or read_data(resolved)
    doubts = [finding for finding in findings_of(task) if finding.level == "WARN"]
    refuse_failures(doubts, strict=strict)
    pipeline = build_pipeline(reading, resolved, seed=seed, strict=strict)
    pipeline = replace(pipeline, findings=(*doubts, *pipeline.findings))
    _check_validation(pipeline)
    return EncodedTask(task, reading, pipeline)


def assemble(
    task: Task, pipeline: Pipeline, *, seed: int = 0, start: bool = True, device: str = "cpu"
) -> Experiment:
    """Builds net and algorithm for a pipeline; nothing is trained.

    start, device:  as for `build_experiment`
    Raises:         TaskError, ShapeError that say where and what to do.
    """
    task, inferred_options = with_inferred(task, pipeline)
    resolved = read_task(task)
    pipeline = _with_losses(resolved, pipeline)
    task = spell_out(task, resolved)
    assert resolved.net is not None and resolved.algorithm is not None
    torch.manual_seed(derive(seed, "weights"))
    net = build_net(resolved, pipeline)
    if start:
        check_outputs(net, pipeline)
        targets = [answer.codec for answer in pipeline.answers]
        loaded = init_weights(net, resolved, pipeline.codecs, targets)
        pipeline = replace(pipeline, findings=(*pipeline.findings, *loaded))
    net.to(_training_device(resolved, device))
    algorithm = build_algorithm(resolved, pipeline, net)
    return Experiment(task, resolved, pipeline, net, algorithm, inferred_options)


def with_inferred(task: Task, pipeline: Pipeline) -> tuple[Task, tuple[InferredOption, ...]]:
    """Returns the task with every inferred option, and these options with their
    reasons, as they are printed."""
    from_data = tuple(
        option for option in pipeline.inferred_options if not is_written(task, option.place)
    )
    task, defaults = with_defaults(decide(task, from_data), pipeline)
    return task, (*task.inferred, *from_data, *defaults)


def _training_device(resolved: ResolvedTask, name: str) -> torch.device:
    """Returns the device of this name, or the CPU for an algorithm that needs it.

    Raises:   MachineError when the device is missing; TaskError when the algorithm does
              not use the one that was named.
    """
    assert resolved.algorithm is not None
    device = find_device(name)
    if device.type == "cpu" or not resolved.algorithm.module.ALGORITHM.cpu_only:
        return device
    if name != "auto":
        raise TaskError(
            f"process.algorithm={resolved.algorithm.name} trains on the CPU only",
            got=f"--device {name}",
            allowed="--device cpu",
        )
    return torch.device("cpu")


def build_net(resolved: ResolvedTask, pipeline: Pipeline) -> nn.Module:
    """Builds the net for the inputs and answers of a pipeline, with random weights."""
    assert resolved.net is not None
    builder = builder_of(resolved)
    front = builder.front_net(resolved)
    inputs = tuple(codec.spec for codec in pipeline.codecs) if front is None else (front.spec,)
    outputs = output_specs(pipeline.answers)
    net: nn.Module = resolved.net.module.build(inputs, outputs, resolved.net.options)
    if front is not None:
        net.front = front
    wrapped: nn.Module = builder.wrap_net(to_channels_last(net))
    return wrapped


def check_outputs(net: nn.Module, pipeline: Pipeline) -> None:
    """Runs one sample through the net and compares its outputs with the answers.

    Raises:   ShapeError when the inputs do not fit the net, or its outputs the answers.
    """
    inputs = pipeline.datasets[pipeline.shown_split].batch(slice(0, 1)).inputs
    kind, described = type(net).__name__, " and ".join(str(tuple(x.shape)) for x in inputs)
    with preserve_state(net), torch.no_grad():
        try:
            outputs = as_tuple(net(*inputs))
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            raise ShapeError(
                f"the net {kind} does not take the inputs of the task: "
                f"{str(error).splitlines()[0]}",
                got=f"inputs of the shape {described}, batch first",
            ) from error
    wanted = [(len(inputs[0]), *answer.spec.shape) for answer in pipeline.answers]
    shapes = [
        tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        for output in outputs
    ]
    if not _fit(shapes, wanted):
        raise ShapeError(
            f"the outputs of the net {kind} do not fit the output of the task",
            got=" and ".join(map(str, shapes)),
            allowed=" and ".join(map(str, wanted))
            + f" for inputs of the shape {described}, batch first",
        )


def _fit(shapes: Sequence[tuple[int, ...] | str], wanted: Sequence[tuple[int, ...]]) -> bool:
    """Returns whether shapes are the wanted ones; 0 is a size that the net sets."""
    return len(shapes) == len(wanted) and all(
        len(shape) == len(sizes)
        and all(actual and size in (0, actual) for size, actual in zip(sizes, shape, strict=True))
        for shape, sizes in zip(shapes, wanted, strict=True)
    )


def build_algorithm(resolved: ResolvedTask, pipeline: Pipeline, net: nn.Module) -> Algorithm:
    """Builds the algorithm that trains a net."""
    assert resolved.algorithm is not None
    module, options = resolved.algorithm.module, resolved.algorithm.options
    if pipeline.datasets["train"].weights is not None:
        _refuse_weights(resolved, pipeline)
    if not module.NEEDS_LOSSES:
        alone: Algorithm = module.ALGORITHM(net, (), options)
        return alone
    _refuse_improper(pipeline)
    _refuse_soft_targets(options, builder_of(resolved).NO_SOFT_TARGETS)
    if vars(options).get("mixup"):
        _refuse_ids(pipeline)
    losses = _losses(resolved, pipeline)
    if vars(options).get("class_weights"):
        losses = _balanced(losses, pipeline)
    batch = resolved.general.batch_size or 1
    steps = -(-len(pipeline.datasets["train"]) // batch) * (vars(options).get("epochs") or 1)
    algorithm: Algorithm = module.ALGORITHM(net, losses, options, total_steps=steps)
    answer = pipeline.answers[0]
    if answer.MONITORS_METRIC and algorithm.monitor is not None:
        best: Literal["min", "max"] = "max" if answer.HIGHER_IS_BETTER else "min"
        algorithm.monitor = Monitor(f"validation_{answer.monitor}", best)
    return algorithm


def _with_losses(resolved: ResolvedTask, pipeline: Pipeline) -> Pipeline:
    """Returns the pipeline with the losses that were inferred with the net."""
    answers = [
        answer.with_loss(loss) if isinstance(loss, str) and loss != answer.loss else answer
        for answer, loss in zip(pipeline.answers, _written_losses(resolved, pipeline), strict=True)
    ]
    return replace(pipeline, answers=tuple(answers))


def _losses(resolved: ResolvedTask, pipeline: Pipeline) -> tuple[Loss, ...]:
    """Returns one loss per answer: an object of the task, or the one that it names."""
    assert resolved.net is not None
    arguments = resolved.net.module.loss_options(resolved.net.options)
    named = (_named_loss(answer.loss, arguments.get(answer.loss)) for answer in pipeline.answers)
    written = _written_losses(resolved, pipeline)
    return tuple(
        loss if written_loss is None or isinstance(written_loss, str) else LossObject(written_loss)
        for loss, written_loss in zip(named, written, strict=True)
    )


def _written_losses(resolved: ResolvedTask, pipeline: Pipeline) -> tuple[Loss | str | None, ...]:
    return resolved.losses or (None,) * len(pipeline.answers)


def _named_loss(name: str, arguments: Mapping[str, object] | None) -> Loss:
    """Returns the loss of this name, with the arguments that the net gives it."""
    loss: Loss = LOSSES.find(name, place="process.loss").loss
    return loss if arguments is None else partial(loss, **arguments)


def _check_validation(pipeline: Pipeline) -> None:
    """Lets every answer check the samples by which it is calibrated."""
    dataset = pipeline.datasets["validation"]
    for number, answer in enumerate(pipeline.answers if len(dataset) else ()):
        answer.check_validation(dataset.truth(number))


def _balanced(losses: tuple[Loss, ...], pipeline: Pipeline) -> tuple[Loss, ...]:
    """Weights the loss of every category by its class counts in the training split."""
    class_counts = [answer.class_count for answer in pipeline.answers]
    if not any(class_counts):
        raise TaskError("process.class_weights needs an answer of classes", do="Leave it out")
    train = pipeline.datasets["train"]
    return tuple(
        weighted(loss, train.truth(number), count) if count else loss
        for number, (loss, count) in enumerate(zip(losses, class_counts, strict=True))
    )


def _refuse_weights(resolved: ResolvedTask, pipeline: Pipeline) -> None:
    """Refuses sample weights where neither a loss nor a solved net uses them."""
    assert resolved.algorithm is not None and resolved.net is not None
    component, net = resolved.algorithm, resolved.net.module
    reasons = [
        f"process.{name} also weights the losses"
        for name in ("class_weights", "mixup")
        if vars(component.options).get(name)
    ]
    if not (component.module.ALGORITHM.takes_sample_weights or net.TAKES_SAMPLE_WEIGHTS):
        reasons.append(f"process.algorithm={component.name} does not use them")
    if any(answer.IN_IMAGE == "mask" for answer in pipeline.answers):
        reasons.append("the losses of masks are means over pixels")
    if reasons:
        raise TaskError(
            f"input.sample_weight does not suit this task: {reasons[0]}",
            do="Leave one of both out",
        )


def _refuse_ids(pipeline: Pipeline) -> None:
    reasons = [
        f"process.mixup mixes whole images, but each {answer.IN_IMAGE} belongs to one image"
        for answer in pipeline.answers
        if answer.IN_IMAGE
    ]
    reasons += [
        f"process.mixup mixes numbers, and '{codec.spec.name}' is encoded as ids"
        for codec in pipeline.codecs
        if codec.spec.vocab_size
    ]
    if reasons:
        raise ShapeError(reasons[0], do="Leave process.mixup out")


def _refuse_soft_targets(options: object, reason: str) -> None:
    """Refuses options that give other targets than the sample's a probability."""
    soft = [name for name in ("mixup", "label_smoothing") if vars(options).get(name)]
    if soft and reason:
        raise TaskError(f"process.{soft[0]} {reason}", do=f"Leave process.{soft[0]} out")


def _refuse_improper(pipeline: Pipeline) -> None:
    for answer in pipeline.answers:
        if not _suits(answer.loss, answer):
            raise ShapeError(
                f"process.loss={answer.loss} does not suit "
                f"the answer {answer.title()} '{answer.name}'",
                allowed=", ".join(name for name in LOSSES.names() if _suits(name, answer)),
            )


def _suits(loss: str, answer: Answer) -> bool:
    return loss in answer.LOSSES or (
        loss in LOSSES.names()
        and answer.WORD in LOSSES.find(loss, place="process.loss").SUITABLE_ANSWERS
    )
