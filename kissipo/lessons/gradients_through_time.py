"""Gradients through time (S10): how far a loss reaches back in an RNN, an LSTM and a
GRU.

Input     yearly sunspots, standardized
Process   five untrained nets: RNNs with small and with large weights, an LSTM, an LSTM
                               with an open forget gate, a GRU
Output    half the squared error of the forecast of the next year, and |dL/dh_t|: how
          much a change of the state at step t changes the loss

Command   kissipo show gradients-through-time
          kissipo show gradients-through-time steps=200 scale=1.1 forget=5

Where the factor per step is below one, the gradient vanishes; above one, it explodes.
Clipping the norm helps against explosion. Gates that pass the cell state on help
against vanishing.

Source:   Bengio, Simard and Frasconi 1994; Hochreiter and Schmidhuber 1997; Pascanu,
          Mikolov and Bengio 2013.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from kissipo.core.schema import option
from kissipo.core.seeds import derive
from kissipo.input.datasets.sunspots import read
from kissipo.inspect.explanation import Cell, Explanation
from kissipo.inspect.gradients_through_time import ThroughTime, through_time
from kissipo.inspect.trace import Step, Trace

SYSTEM = "S10"
ABOUT = "vanishing and exploding gradients of RNN, LSTM and GRU, step by step"
_LOSS = "last step"


@dataclass(frozen=True)
class Options:
    """The options of the lesson."""

    steps: int = option(60, "time steps before the forecast", minimum=2, maximum=300)
    units: int = option(32, "units of each net", minimum=1, maximum=256)
    scale: float = option(
        1.3, "factor by which the RNN with large weights scales its state per step", above=0
    )
    forget: float = option(3.0, "bias of the open forget gate")
    clip_norm: float = option(1.0, "maximum norm for clipped gradients", above=0)


class Forecaster(nn.Module):
    """A recurrent layer and a linear forecast from its last state."""

    def __init__(self, cell: nn.RNNBase) -> None:
        super().__init__()
        self.cell, self.head = cell, nn.Linear(cell.hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, 1) -> (batch, 1)."""
        forecast: Tensor = self.head(self.cell(x)[0][:, -1])
        return forecast


def explain(options: Options) -> Trace:
    """Returns the trace with the gradients of all five nets."""
    series = read().frame["SUNACTIVITY"].values
    scaled = torch.from_numpy((series - series.mean()) / series.std()).float()
    x, target = scaled[: options.steps].reshape(1, -1, 1), scaled[options.steps].reshape(1, 1)

    def loss(forecast: Tensor) -> Tensor:
        return (forecast - target).square().sum() / 2

    gradients: list[ThroughTime] = []
    steps = [
        Step("input", "SUNACTIVITY", "as it came", (options.steps,), value=series[: options.steps]),
        Step(
            "input",
            "numbers",
            "mean 0, std 1",
            tuple(x.shape[1:]),
            memory=4 * x.numel(),
            value=x[0].numpy(),
        ),
    ]
    for name, build in _NETS.items():
        torch.manual_seed(derive(0, "weights"))
        net = build(options)
        (gradient,) = through_time(net, (x,), {_LOSS: loss})
        gradients.append(replace(gradient, layer=name))
        count = sum(weight.numel() for weight in net.parameters())
        description = f"{options.units} units, |dL/dh_t| at each step"
        steps.append(
            Step(
                "process",
                name,
                description,
                (options.steps,),
                parameters=count,
                value=torch.tensor(gradient.norms).numpy(),
            )
        )
    description = "steps back until 1 % of the gradient is left"
    steps.append(
        Step("output", "the reach", description, (len(gradients),), value=_reaches(gradients))
    )
    return Trace(
        tuple(steps),
        through_time=tuple(gradients),
        explanation=(_side_by_side(gradients, options.clip_norm),),
    )


def _small(options: Options) -> Forecaster:
    return Forecaster(nn.RNN(1, options.units, batch_first=True))


def _large(options: Options) -> Forecaster:
    """Returns an RNN whose matrix rotates and scales the state; relu lets it grow."""
    cell = nn.RNN(1, options.units, nonlinearity="relu", batch_first=True)
    # relu halves the squared length on average
    nn.init.orthogonal_(cell.get_parameter("weight_hh_l0"), gain=options.scale * 2**0.5)
    return Forecaster(cell)


def _lstm(options: Options) -> Forecaster:
    return Forecaster(nn.LSTM(1, options.units, batch_first=True))


def _open(options: Options) -> Forecaster:
    net = _lstm(options)
    with torch.no_grad():
        net.cell.get_parameter("bias_ih_l0")[options.units : 2 * options.units] = options.forget
    return net


def _gru(options: Options) -> Forecaster:
    return Forecaster(nn.GRU(1, options.units, batch_first=True))


_NETS: dict[str, Callable[[Options], Forecaster]] = {
    "RNN": _small,
    "RNN, large weights": _large,
    "LSTM": _lstm,
    "LSTM, forget gate open": _open,
    "GRU": _gru,
}


def _reaches(gradients: list[ThroughTime]) -> str:
    return ", ".join(f"{gradient.layer} {gradient.reach}" for gradient in gradients)


def _side_by_side(gradients: list[ThroughTime], clip: float) -> Explanation:
    rows: list[tuple[Cell, ...]] = []
    for gradient in gradients:
        norms = gradient.norms
        last, first, steps = norms[-1], norms[0], len(norms) - 1
        factor = (first / last) ** (1 / steps) if first and last else 0.0
        verdict = (
            "explodes"
            if factor > 1
            else "vanishes"
            if first < last / 100
            else "reaches the first step"
        )
        clipped = f"{clip / max(norms):.3g} times" if max(norms) > clip else "unchanged"
        rows.append(
            (
                gradient.layer,
                f"{last:.3g}",
                f"{first:.3g}",
                f"{factor:.3f}",
                gradient.reach,
                verdict,
                clipped,
            )
        )
    titles = (
        "net",
        "|dL/dh| at the last step",
        "at the first",
        "factor per step",
        "reach",
        "result",
        f"clipped to {clip:g}",
    )
    description = (
        "the mean factor per step, to the power of the number of steps, "
        "is the part of the gradient that reaches the first step"
    )
    return Explanation("Side by side", description, titles=titles, rows=tuple(rows))
