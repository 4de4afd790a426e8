"""Gradients through time: how strongly a loss depends on what a recurrent layer held at each step (S10, S21).

dL/dh_t is the total derivative: through what the net gives at step t, and through all later steps. In a vanilla layer

dL/dh_t = dL/dy_t + W_hh' · diag(1 - h_{t+1}²) · dL/dh_{t+1}

so its length falls or grows by about the same factor at every step back: it vanishes or explodes. Fused kernels do not show h_t to
autograd; here a copy of the net walks through every layer step by step, in plain torch and double precision, with the same weights.
What the walk gives must be what the layer gave, to 1e-5.

Shapes:   for each layer and direction one length of a gradient a step (time)
Choices:  projections and sequences of unequal length as in torch.nn; of an LSTM h_t, what it shows, not c_t.
Source:   Bengio, Simard and Frasconi 1994; Pascanu, Mikolov and Bengio 2013.
Raises:   NotToldError when the walk is not the layer's, or too long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from kissipo.inspect.unroll import FAR_OFF, laid_out, walk

_MOST_STEPS = 400
_FADED = 0.01


class UnsupportedNetError(Exception):
    """Why the gradients through time are not told."""


@dataclass(frozen=True)
class ThroughTime:
    """How far back a loss reaches into one layer, in one direction.

    layer:    its name, with its place where several stand on each other
    cell:     rnn, lstm or gru
    forward:  whether the first step is read first
    loss:     which loss
    norms:    |dL/dh_t|, the first step of the sequence first
    """

    layer: str
    cell: str
    forward: bool
    loss: str
    norms: tuple[float, ...]

    @property
    def read(self) -> tuple[float, ...]:
        """The norms in the order in which the cell reads."""
        return self.norms if self.forward else self.norms[::-1]

    @property
    def ratio(self) -> float | None:
        """At the step that is read first, by that at the last one; none where the last one has no gradient."""
        return self.read[0] / self.read[-1] if self.read[-1] else None

    @property
    def reach(self) -> int:
        """How many steps, counted back from the last one, it takes until the norm stays below a hundredth of the greatest."""
        least = _FADED * max(self.norms)
        first = next(
            (at for at, norm in enumerate(self.read) if norm >= least and norm > 0), len(self.read)
        )
        return len(self.read) - first

    def to_json(self) -> dict[str, Any]:
        """For the trace."""
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
    """What one layer held in one direction, as nodes of the graph, the first step of the sequence first."""

    name: str
    cell: str
    forward: bool
    nodes: list[Tensor]


def through_time(
    net: nn.Module, inputs: tuple[Tensor, ...], losses: Mapping[str, Callable[[Any], Tensor]]
) -> list[ThroughTime]:
    """The gradients of each loss at every step of every recurrent layer; nothing of the net is changed.

    losses:  each by its name, from what the net gives to one number
    Raises:  NotToldError when the walk is not the layer's, or too long.
    """
    if not losses or not any(isinstance(layer, nn.RNNBase) for layer in net.modules()):
        return []
    with torch.inference_mode(False), torch.enable_grad():
        twin = deepcopy(net).eval().requires_grad_(True)
        layers = {
            name: layer for name, layer in twin.named_modules() if isinstance(layer, nn.RNNBase)
        }
        gives, walks = iter(_gives(twin, layers.values(), inputs)), list[_States]()
        twin.double()
        for name, layer in layers.items():
            layer.forward = _Walk(layer, name or "recurrent", gives, walks)
        outputs = twin(*(x.double() if x.is_floating_point() else x.clone() for x in inputs))
        return [
            each for name, loss in losses.items() for each in _lengths(name, loss(outputs), walks)
        ]


def _lengths(loss: str, value: Tensor, walks: list[_States]) -> Iterator[ThroughTime]:
    nodes = [node for walk in walks for node in walk.nodes]
    gradients = torch.autograd.grad(
        value, nodes, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    norms = iter([float(gradient.norm()) for gradient in gradients])
    for each in walks:
        yield ThroughTime(
            each.name, each.cell, each.forward, loss, tuple(next(norms) for _ in each.nodes)
        )


def _gives(net: nn.Module, layers: Iterable[nn.Module], inputs: tuple[Tensor, ...]) -> list[Tensor]:
    """What each recurrent layer gives while the net answers, in the order of the calls."""
    gives: list[Tensor] = []
    handles = [
        layer.register_forward_hook(lambda _layer, _x, y: gives.append(_rows(y[0]).clone()))
        for layer in layers
    ]
    with torch.no_grad():
        net(*inputs)
    for handle in handles:
        handle.remove()
    return gives


def _rows(y: Tensor | PackedSequence) -> Tensor:
    return y.data if isinstance(y, PackedSequence) else y


class _Walk:
    """Stands in for the forward of a layer: goes step by step and notes the states on its way."""

    def __init__(
        self, layer: nn.RNNBase, name: str, gives: Iterator[Tensor], walks: list[_States]
    ) -> None:
        self.layer, self.name, self.gives, self.walks = layer, name, gives, walks
        self.calls = self.taken = 0

    def __call__(
        self, input: Any, hx: Any = None, lengths: Any = None, table: Tensor | None = None
    ) -> tuple[Tensor | PackedSequence, Any]:
        self.calls += 1
        x, states, there = laid_out(self.layer, input, hx, lengths, table)
        y: Any
        y, last = self._all(x, states, there)
        if isinstance(input, PackedSequence):
            order = slice(None) if input.sorted_indices is None else input.sorted_indices
            rows = [y[t, order][:count] for t, count in enumerate(input.batch_sizes.tolist())]
            y = input._replace(data=torch.cat(rows))
        elif input.dim() == 2 and table is None:
            y, last = y.squeeze(1), tuple(state.squeeze(1) for state in last)
        else:
            y = y.movedim(0, 1 if self.layer.batch_first else 0)
        self._compare(_rows(y))
        return y, last if self.layer.mode == "LSTM" else last[0]

    def _all(
        self, x: Tensor, states: Any, there: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """All layers and directions over x (time, batch, feature); steps that are not there change no state."""
        self.taken += len(x)
        if self.taken > _MOST_STEPS:
            raise UnsupportedNetError(
                f"it is told for at most {_MOST_STEPS} steps; '{self.name}' takes {self.taken:,}"
            )
        walks, y = walk(self.layer, x, states, there)
        for each in walks:
            self._note(each.number, each.forward, [step["h"] for step in each.steps])
        return y, tuple(
            torch.stack(each) for each in zip(*(each.last for each in walks), strict=True)
        )

    def _note(self, number: int, forward: bool, nodes: list[Tensor]) -> None:
        place = f", layer {number + 1}" if self.layer.num_layers > 1 else ""
        again = f", call {self.calls}" if self.calls > 1 else ""
        cell = self.layer.mode.split("_")[0].lower()
        self.walks.append(_States(self.name + place + again, cell, forward, nodes))

    def _compare(self, y: Tensor) -> None:
        real = next(self.gives)
        off = (
            float((y.detach() - real).abs().max() / real.abs().max().clamp(min=1))
            if real.numel()
            else 0.0
        )
        if not off <= FAR_OFF:
            raise UnsupportedNetError(
                f"'{self.name}' walked step by step in double precision gives other states than the layer itself "
                f"(by {off:.2g}): small differences grow on their way through it"
            )
