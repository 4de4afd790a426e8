"""Gradients through time: the gradient of a loss by each state (S10, S21).

dL/dh_t is the total derivative: by way of the output at step t, and of all later steps.
In a vanilla layer

dL/dh_t = dL/dy_t + W_hh' · diag(1 - h_{t+1}²) · dL/dh_{t+1}

so its norm falls or grows by about the same factor at every step back: the gradient
vanishes or explodes. Fused kernels hide h_t from autograd. Therefore a copy of the net
unrolls every layer in plain torch and double precision, with the same weights. Its
outputs must equal the outputs of the layer up to 1e-5.

Shapes:   for each layer and direction one norm per step (time)
Choices:  projections and sequences of unequal length as in torch.nn; for an LSTM h_t,
          not c_t.
Source:   Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013.
Raises:   UnsupportedNetError when the unrolled layer differs, or is too long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from kissipo.core.json_object import JsonObject
from kissipo.inspect.unroll import TOLERANCE, Lengths, State, time_first, unroll_layers

_MAX_STEPS = 400
_VANISHED = 0.01


class UnsupportedNetError(Exception):
    """The reason why there are no gradients through time."""


@dataclass(frozen=True)
class ThroughTime:
    """The gradient norms of one layer in one direction.

    layer:    the name, with the index of the layer if there are several
    cell:     rnn, lstm or gru
    forward:  whether the first step is read first
    loss:     the name of the loss
    norms:    |dL/dh_t|, the first step of the sequence first
    """

    layer: str
    cell: str
    forward: bool
    loss: str
    norms: tuple[float, ...]

    @property
    def read(self) -> tuple[float, ...]:
        """Returns the norms in the order in which the cell reads."""
        return self.norms if self.forward else self.norms[::-1]

    @property
    def ratio(self) -> float | None:
        """Returns the first norm divided by the last; None when the last is 0."""
        return self.read[0] / self.read[-1] if self.read[-1] else None

    @property
    def reach(self) -> int:
        """Returns the steps back until the norm stays below 1 % of the maximum."""
        threshold = _VANISHED * max(self.norms)
        first = next(
            (index for index, norm in enumerate(self.read) if norm >= threshold and norm > 0),
            len(self.read),
        )
        return len(self.read) - first

    def to_json(self) -> JsonObject:
        """Returns the gradients as JSON for the trace."""
        summed = {
            "first": self.read[0],
            "last": self.read[-1],
            "ratio": self.ratio,
            "reach": self.reach,
        }
        return {
            "layer": self.layer,
            "cell": self.cell,
            "direction": "forward" if self.forward else "backward",
            "loss": self.loss,
            **summed,
            "norms": list(self.norms),
        }


@dataclass(frozen=True)
class _States:
    """The states of one layer in one direction, as nodes of the autograd graph."""

    name: str
    cell: str
    forward: bool
    nodes: list[Tensor]


def through_time(
    net: nn.Module, inputs: tuple[Tensor, ...], losses: Mapping[str, Callable[[Any], Tensor]]
) -> list[ThroughTime]:
    """Returns the gradient norms of each loss at every step of every recurrent layer.

    The net is not changed.

    losses:  the losses by name; each computes one number from the outputs of the net
    Raises:  UnsupportedNetError when the unrolled layer differs, or is too long.
    """
    if not losses or not any(isinstance(layer, nn.RNNBase) for layer in net.modules()):
        return []
    with torch.inference_mode(False), torch.enable_grad():
        net_copy = deepcopy(net).eval().requires_grad_(True)
        layers = {
            name: layer for name, layer in net_copy.named_modules() if isinstance(layer, nn.RNNBase)
        }
        expected, records = iter(_gives(net_copy, layers.values(), inputs)), list[_States]()
        net_copy.double()
        for name, layer in layers.items():
            layer.forward = _UnrolledForward(layer, name or "recurrent", expected, records)
        outputs = net_copy(*(x.double() if x.is_floating_point() else x.clone() for x in inputs))
        return [
            norms for name, loss in losses.items() for norms in _norms(name, loss(outputs), records)
        ]


def _norms(loss: str, value: Tensor, records: list[_States]) -> Iterator[ThroughTime]:
    if not value.requires_grad:  # a net that is solved has no loss
        return
    nodes = [node for record in records for node in record.nodes]
    gradients = torch.autograd.grad(
        value, nodes, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    norms = iter([float(gradient.norm()) for gradient in gradients])
    for record in records:
        yield ThroughTime(
            record.name, record.cell, record.forward, loss, tuple(next(norms) for _ in record.nodes)
        )


def _gives(net: nn.Module, layers: Iterable[nn.Module], inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """Returns the outputs of each recurrent layer in eval mode, call by call."""
    expected: list[Tensor] = []
    handles = [
        layer.register_forward_hook(lambda _layer, _x, y: expected.append(_rows(y[0]).clone()))
        for layer in layers
    ]
    with torch.no_grad():
        net(*inputs)
    for handle in handles:
        handle.remove()
    return expected


def _rows(y: Tensor | PackedSequence) -> Tensor:
    return y.data if isinstance(y, PackedSequence) else y


class _UnrolledForward:
    """Replaces the forward of a layer, and records its states."""

    def __init__(
        self, layer: nn.RNNBase, name: str, expected: Iterator[Tensor], records: list[_States]
    ) -> None:
        self.layer, self.name, self.expected, self.records = layer, name, expected, records
        self.calls = self.num_steps = 0

    def __call__(
        self,
        input: Tensor | PackedSequence,
        hx: Tensor | State | None = None,
        lengths: Lengths | None = None,
        table: Tensor | None = None,
    ) -> tuple[Tensor | PackedSequence, object]:
        self.calls += 1
        x, states, there = time_first(self.layer, input, hx, lengths, table)
        states_of_steps, last = self._all(x, states, there)
        y: Tensor | PackedSequence
        if isinstance(input, PackedSequence):
            order = slice(None) if input.sorted_indices is None else input.sorted_indices
            counts = enumerate(input.batch_sizes.tolist())
            rows = [states_of_steps[t, order][:count] for t, count in counts]
            y = input._replace(data=torch.cat(rows))
        elif input.dim() == 2 and table is None:
            y, last = states_of_steps.squeeze(1), tuple(state.squeeze(1) for state in last)
        else:
            y = states_of_steps.movedim(0, 1 if self.layer.batch_first else 0)
        self._compare(_rows(y))
        return y, last if self.layer.mode == "LSTM" else last[0]

    def _all(
        self, x: Tensor, states: State | None, there: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Runs all layers and directions over x (time, batch, feature).

        Padded steps do not change the state.
        """
        self.num_steps += len(x)
        if self.num_steps > _MAX_STEPS:
            raise UnsupportedNetError(
                f"at most {_MAX_STEPS} steps are supported; '{self.name}' takes {self.num_steps:,}"
            )
        layers, y = unroll_layers(self.layer, x, states, there)
        for layer in layers:
            self._note(layer.number, layer.forward, [step["h"] for step in layer.steps])
        return y, tuple(
            torch.stack(state) for state in zip(*(state.last for state in layers), strict=True)
        )

    def _note(self, number: int, forward: bool, nodes: list[Tensor]) -> None:
        place = f", layer {number + 1}" if self.layer.num_layers > 1 else ""
        call = f", call {self.calls}" if self.calls > 1 else ""
        cell = self.layer.mode.split("_")[0].lower()
        self.records.append(_States(self.name + place + call, cell, forward, nodes))

    def _compare(self, y: Tensor) -> None:
        real = next(self.expected)
        max_error = (
            float((y.detach() - real).abs().max() / real.abs().max().clamp(min=1))
            if real.numel()
            else 0.0
        )
        if not max_error <= TOLERANCE:
            raise UnsupportedNetError(
                f"'{self.name}', unrolled in double precision, gives other states than the "
                f"layer itself (by {max_error:.2g}): it amplifies small differences"
            )
