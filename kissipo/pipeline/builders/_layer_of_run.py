"""A layer of a trained run as the beginning of another net, and its samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from kissipo.core.codec import Codec, restore
from kissipo.core.errors import RunError, TaskError
from kissipo.core.json_object import JsonMapping
from kissipo.core.protocols import is_stateful
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.run_folder import CODECS, RunFolder
from kissipo.inspect.trace import steps_of
from kissipo.inspect.tracing.record import record
from kissipo.output.answer import Answer, output_specs
from kissipo.pipeline.builders import rows
from kissipo.pipeline.init_weights import run_of, task_of
from kissipo.pipeline.parse import ResolvedTask, builder_of, read_task
from kissipo.pipeline.registries import ANSWERS


@dataclass(frozen=True)
class TrainedRun:
    """The run of a folder: its task, its codecs and its answers."""

    folder: RunFolder
    resolved: ResolvedTask
    codecs: tuple[Codec, ...]
    answers: tuple[Answer, ...]

    @property
    def target(self) -> str:
        """The first column that the run predicts."""
        return self.answers[0].name

    def net(self) -> nn.Module:
        """Builds the net of the run, and loads its weights."""
        assert self.resolved.net is not None
        inputs = tuple(codec.spec for codec in self.codecs)
        outputs = output_specs(self.answers)
        net: nn.Module = self.resolved.net.module.build(inputs, outputs, self.resolved.net.options)
        net.load_state_dict(self.folder.read_weights())
        return net.eval()


class LayerOfRun(nn.Module):
    """The net of a run up to a layer, which is not trained again.

    Shapes:   the inputs of the run -> (batch, feature), the output of the layer
    """

    def __init__(self, run: TrainedRun, layer: str | int | None) -> None:
        super().__init__()
        self.net = run.net()
        self.net.requires_grad_(requires_grad=False)
        examples = [_example(codec.spec) for codec in run.codecs]
        self.layer = _layer(self.net, examples, layer, run.folder.path)
        with torch.no_grad():
            width = self(*examples).shape[1]
        self.spec = TensorSpec(self.layer, ("feature",), (width,))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return f"the output of {self.layer}"

    def train(self, mode: bool = True) -> LayerOfRun:
        """Keeps the net of the run in evaluation mode."""
        super().train(mode)
        self.net.eval()
        return self

    def forward(self, *inputs: Tensor) -> Tensor:
        outputs: list[Tensor] = []

        def keep(module: nn.Module, inputs: object, output: object) -> None:
            outputs.append(_tensor(output, self.layer))

        handle = self.net.get_submodule(self.layer).register_forward_hook(keep)
        try:
            self.net(*inputs)
        finally:
            handle.remove()
        return outputs[-1].flatten(1).float()


def trained_run(value: object) -> TrainedRun:
    """Returns the run of a folder.

    Raises:   RunError when there is none; TaskError where samples are no rows.
    """
    run = run_of(Path(str(value)))
    if run is None:
        raise RunError(
            f"{value} is not a run folder", do="Name a trained run: input.run=runs/digits-1"
        )
    resolved = read_task(task_of(run))
    saved = run.read_of_this_version(CODECS)
    codecs = tuple(restore(codec) for codec in saved["inputs"])
    answers = tuple(map(_answer, saved["answers"]))
    if builder_of(resolved).build is not rows.build or any(c.window_length for c in codecs):
        raise TaskError(
            f"the samples of {run.path} are not single rows, so that there is no map of a layer",
            allowed="runs on a table, on images or on tensors",
        )
    return TrainedRun(run, resolved, codecs, answers)


def _answer(content: JsonMapping) -> Answer:
    state = dict(content)
    word: type[Answer] = ANSWERS.find(state.pop("answer"), place=CODECS).ANSWER
    return word.variant(state.get("value")).from_state(state)


def _example(spec: TensorSpec) -> Tensor:
    """Returns a sample of zeros, or of the first id."""
    if spec.vocab_size:
        return torch.ones(1, *spec.shape, dtype=torch.int64)
    return torch.zeros(1, *spec.shape)


def _layer(net: nn.Module, inputs: list[Tensor], wanted: str | int | None, path: Path) -> str:
    """Returns the named layer, or the last one before the output.

    Raises:   TaskError for a name that the net does not have, and for a net that
              carries its state from sample to sample.
    """
    if is_stateful(net):
        raise TaskError(f"the net of {path} carries its state from sample to sample")
    steps = [step.name for step in steps_of(record(net, tuple(inputs)))]
    names = [step for step in dict.fromkeys(steps) if step in dict(net.named_modules())]
    name = None if wanted is None else str(wanted)
    if name is None and names:
        return names[-2] if len(names) > 1 else names[-1]
    if name not in names:
        raise TaskError(
            f"the net of {path} has no layer '{name}'",
            allowed=", ".join(names),
            do=did_you_mean(str(name), names),
        )
    return name


def _tensor(output: object, layer: str) -> Tensor:
    """Returns the output of a layer; of a tuple, the first tensor.

    Raises:   TaskError where the layer returns no tensor.
    """
    first = output[0] if isinstance(output, tuple) else output
    if not isinstance(first, Tensor):
        raise TaskError(f"the layer '{layer}' returns no tensor", got=type(first).__name__)
    return first
