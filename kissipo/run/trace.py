"""Trace: the way of one sample through all steps, with shape, cost and values; what `show`, the report and the pages read.

The steps of the net are recorded by hooks on its layers while it answers one sample; the steps before and after are told by
the codecs and the answers. A layer around others that adds something of its own to what they give (a sum, a mean) says so as
its `TELL`, and is a step too. Values are copied at once, because later layers may write over them.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.finding import counted
from kissipo.run.chain import Chain
from kissipo.run.costs import multiplications, parameters
from kissipo.run.evaluate import as_tuple
from kissipo.run.explained import Explained
from kissipo.run.through_time import ThroughTime
from kissipo.run.unchanged import answering

Stage = Literal["input", "process", "output"]
_LIST_MOST = 12


@dataclass(frozen=True)
class Step:
    """One step of the way.

    shape:            of one sample, without the batch axis
    parameters:       weights that belong to this step
    multiplications:  by weights, of attention also of scores, for one sample
    memory:           bytes of what the step gives, for one sample
    value:            what it gives: an array, a text, a number
    """

    stage: Stage
    name: str
    tell: str
    shape: tuple[int, ...] = ()
    parameters: int = 0
    multiplications: int = 0
    memory: int = 0
    value: Any = None

    def to_json(self) -> dict[str, Any]:
        """The step with at most a dozen of its values."""
        content = {key: value for key, value in vars(self).items() if key != "value"}
        return {**content, "shape": list(self.shape), "value": show_value(self.value)}


@dataclass(frozen=True)
class Trace:
    """All steps in the order in which the data pass."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    chains: tuple[Chain, ...] = ()
    through_time: tuple[ThroughTime, ...] = ()
    explained: tuple[Explained, ...] = ()
    version: int = field(default=1)

    def of(self, stage: Stage) -> list[Step]:
        """The steps of one stage."""
        return [step for step in self.steps if step.stage == stage]

    @property
    def parameters(self) -> int:
        """Weights of the whole net."""
        return sum(step.parameters for step in self.steps)

    @property
    def multiplications(self) -> int:
        """Multiplications by weights for one sample."""
        return sum(step.multiplications for step in self.steps)

    @property
    def memory(self) -> int:
        """Bytes that all steps of the net give, for one sample."""
        return sum(step.memory for step in self.of("process"))

    def to_json(self) -> dict[str, Any]:
        """The documented form: version, totals, steps."""
        return {
            "version": self.version,
            "parameters": self.parameters,
            "multiplications": self.multiplications,
            "memory": self.memory,
            "notes": list(self.notes),
            "chains": [chain.to_json() for chain in self.chains],
            "through_time": [each.to_json() for each in self.through_time],
            "explained": [each.to_json() for each in self.explained],
            "steps": [step.to_json() for step in self.steps],
        }


def trace_net(net: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[list[Step], tuple[Tensor, ...]]:
    """The steps of a net for one sample (a batch of one), and what it answers."""
    steps: list[Step] = []
    handles = [
        layer.register_forward_hook(_record(name, steps), with_kwargs=True)
        for name, layer in net.named_modules()
        if is_step(layer)
    ]
    try:
        with answering(net):
            outputs = net(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return steps, tuple(output.clone() for output in as_tuple(outputs))


def is_step(layer: nn.Module) -> bool:
    """A layer that does something when answering, and is not only a frame around other layers."""
    silent = isinstance(layer, nn.Identity | nn.ParameterList | nn.ParameterDict)
    return hasattr(layer, "TELL") or not (is_frame(layer) or silent)


def is_frame(layer: nn.Module) -> bool:
    """A layer with layers in it; attention is none: it reads the weights of what it holds, and never calls it."""
    if isinstance(layer, nn.MultiheadAttention):
        return False
    return any(not isinstance(each, nn.ParameterList | nn.ParameterDict) for each in layer.children())


def given_to(layer: nn.Module, given: tuple[Any, ...], words: dict[str, Any]) -> tuple[Any, ...]:
    """What a layer was called with, in the order of its forward, with what it takes of itself where nothing was said."""
    found = inspect.signature(layer.forward).bind(*given, **words)
    found.apply_defaults()
    return tuple(filled(each) if isinstance(each, Tensor) else each for each in found.args)


def _record(name: str, steps: list[Step]) -> Any:
    def hook(layer: nn.Module, given: Any, words: Any, gives: Any) -> None:
        output, frame = tensor_of(gives), is_frame(layer)
        first, *more = given_to(layer, given, words) or (None,)
        again = any(
            step.name == name for step in steps
        )  # a layer may be gone through more than once, its weights count once
        one = (
            output if len(output) > 1 else output[0]
        )  # a net on each variable by itself goes through several rows for one sample
        value = one.detach().clone().numpy()
        if frame and steps and np.array_equal(steps[-1].value, value):
            return
        steps.append(
            Step(
                stage="process",
                name=name or type(layer).__name__.lower(),
                tell=tell_layer(layer),
                shape=value.shape,
                parameters=0 if frame or again else parameters(layer),
                multiplications=multiplications(layer, first, output, *more),
                memory=output.numel() * output.element_size(),
                value=value,
            )
        )

    return hook


def tensor_of(gives: Any) -> Tensor:
    """The output of a layer; of a recurrent one the states of all steps, of a packed or nested one filled up."""
    first = gives[0] if isinstance(gives, tuple) else gives
    if isinstance(first, nn.utils.rnn.PackedSequence):
        return nn.utils.rnn.pad_packed_sequence(first, batch_first=True)[0]
    assert isinstance(first, Tensor), type(first)
    return filled(first)


def filled(x: Tensor) -> Tensor:
    """A nested tensor (torch's encoder makes them of padded sequences) with zeros behind its sequences; others as they are."""
    return torch.nested.to_padded_tensor(x, 0.0) if x.is_nested else x


def tell_layer(layer: nn.Module) -> str:
    """What a layer does, in a few words."""
    if hasattr(layer, "TELL"):
        return str(layer.TELL)
    kind = type(layer).__name__
    if isinstance(layer, nn.Linear):
        return f"linear {layer.in_features} -> {layer.out_features}" + ("" if layer.bias is not None else ", no bias")
    if isinstance(layer, nn.Conv2d):
        size = "x".join(str(side) for side in layer.kernel_size)
        padding = layer.padding if isinstance(layer.padding, str) else layer.padding[0]
        return f"{counted(layer.out_channels, 'filter')} of {size}, padding {padding}, stride {layer.stride[0]}"
    if isinstance(layer, nn.ConvTranspose2d):
        size = "x".join(str(side) for side in layer.kernel_size)
        return f"{counted(layer.out_channels, 'filter')} of {size}, each place becomes {size}"
    if isinstance(layer, nn.RNNBase):
        layers = f", {layer.num_layers} layers" if layer.num_layers > 1 else ""
        ways = ", both directions" if layer.bidirectional else ""
        kernel = f" ({layer.used})" if getattr(layer, "used", "") else ""
        return f"{layer.mode.split('_')[0].lower()} of {layer.hidden_size} units{layers}{ways}{kernel}"
    if isinstance(layer, nn.MultiheadAttention):
        return f"attention of {counted(layer.num_heads, 'head')} over {counted(layer.embed_dim, 'feature')}"
    if isinstance(layer, nn.Embedding):
        return f"embedding of {layer.num_embeddings} ids in {layer.embedding_dim} features"
    if isinstance(layer, nn.MaxPool2d):
        stride = f", stride {layer.stride}" if layer.stride != layer.kernel_size else ""
        return f"greatest of each {layer.kernel_size}x{layer.kernel_size}{stride}"
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return (
            "mean of all places"
            if layer.output_size == 1
            else f"means of {layer.output_size}x{layer.output_size} parts"
        )
    if isinstance(layer, nn.LocalResponseNorm):
        return f"local response normalisation over {layer.size} channels"
    if isinstance(layer, nn.Dropout):
        return f"dropout {layer.p:g} (only while learning)"
    return kind.lower()


def show_value(value: Any) -> Any:
    """A value as JSON can hold it: short arrays whole, long ones by their first entries."""
    if isinstance(value, np.ndarray):
        flat = value.reshape(-1)
        return [_plain(each) for each in flat[:_LIST_MOST]] + (["..."] if len(flat) > _LIST_MOST else [])
    return _plain(value)


def tell_array(value: NDArray[Any], *, most: int = 5) -> str:
    """An array in a few words.

    Example:  >>> tell_array(np.array([0.5, 1.0, -2.25]))
              '[0.5 1 -2.25]'
    """
    flat = np.asarray(value).reshape(-1)
    if not len(flat):
        return "[]"
    shown = " ".join(f"{each:.3g}" if isinstance(each, np.floating) else str(each) for each in flat[:most])
    return f"[{shown}{' ...' if len(flat) > most else ''}]"


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
