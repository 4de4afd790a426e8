"""Gradients through time (S10): how far back a loss reaches into an RNN, an LSTM and a GRU, side by side on the same series.

Input     the yearly numbers of sunspots, so many steps of them, scaled
Process   five nets with fresh weights: RNNs with small and with large ones, an LSTM, one whose forget gate begins open, a GRU
Output    half the squared error of the forecast of the next year, and |dL/dh_t|: what a change of the state at step t would do to it

Command   kissipo show gradients-through-time
          kissipo show gradients-through-time steps=200 scale=1.1 forget=5

Where the factor from step to step is below one the gradient vanishes, above one it explodes: clipping its norm helps against the one,
gates that let the cell's state through against the other.

Source:   Bengio, Simard and Frasconi 1994; Hochreiter and Schmidhuber 1997; Pascanu, Mikolov and Bengio 2013.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from kissipo.core.schema import word
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
    """What can be changed."""

    steps: int = word(60, "steps that are read before the forecast", at_least=2, at_most=300)
    units: int = word(32, "units of each net", at_least=1, at_most=256)
    scale: float = word(
        1.3, "by how much a recurrent step of the RNN with large weights lengthens a state", above=0
    )
    forget: float = word(3.0, "the bias of the forget gate that begins open")
    clip_norm: float = word(1.0, "the norm to which gradients would be clipped", above=0)


class Forecaster(nn.Module):
    """A recurrent layer, and a forecast from its last state."""

    def __init__(self, cell: nn.RNNBase) -> None:
        super().__init__()
        self.cell, self.head = cell, nn.Linear(cell.hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, time, 1) -> (batch, 1)."""
        answer: Tensor = self.head(self.cell(x)[0][:, -1])
        return answer


def explain(options: Options) -> Trace:
    """The gradients of all five."""
    series = read().frame["SUNACTIVITY"].values
    scaled = torch.from_numpy((series - series.mean()) / series.std()).float()
    x, truth = scaled[: options.steps].reshape(1, -1, 1), scaled[options.steps].reshape(1, 1)

    def loss(answer: Tensor) -> Tensor:
        return (answer - truth).square().sum() / 2

    found: list[ThroughTime] = []
    steps = [
        Step("input", "SUNACTIVITY", "as it came", (options.steps,), value=series[: options.steps]),
        Step(
            "input",
            "numbers",
            "mean 0, deviation 1",
            tuple(x.shape[1:]),
            memory=4 * x.numel(),
            value=x[0].numpy(),
        ),
    ]
    for name, build in _NETS.items():
        torch.manual_seed(derive(0, "weights"))
        net = build(options)
        (back,) = through_time(net, (x,), {_LOSS: loss})
        found.append(replace(back, layer=name))
        count = sum(weight.numel() for weight in net.parameters())
        told = f"{options.units} units, |dL/dh_t| at each step"
        steps.append(
            Step(
                "process",
                name,
                told,
                (options.steps,),
                parameters=count,
                value=torch.tensor(back.norms).numpy(),
            )
        )
    told = "how many steps back a hundredth of the gradient is left"
    steps.append(Step("output", "the reach", told, (len(found),), value=_reaches(found)))
    return Trace(
        tuple(steps), through_time=tuple(found), explanation=(_beside(found, options.clip_norm),)
    )


def _small(options: Options) -> Forecaster:
    return Forecaster(nn.RNN(1, options.units, batch_first=True))


def _large(options: Options) -> Forecaster:
    """With a matrix that turns a state and lengthens it; relu lets it grow."""
    cell = nn.RNN(1, options.units, nonlinearity="relu", batch_first=True)
    nn.init.orthogonal_(
        cell.get_parameter("weight_hh_l0"), gain=options.scale * 2**0.5
    )  # relu takes half of the squared length
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


def _reaches(found: list[ThroughTime]) -> str:
    return ", ".join(f"{each.layer} {each.reach}" for each in found)


def _beside(found: list[ThroughTime], clip: float) -> Explanation:
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        last, first, steps = each.norms[-1], each.norms[0], len(each.norms) - 1
        factor = (first / last) ** (1 / steps) if first and last else 0.0
        verdict = (
            "explodes"
            if factor > 1
            else "vanishes"
            if first < last / 100
            else "reaches the first step"
        )
        clipped = f"{clip / max(each.norms):.3g} times" if max(each.norms) > clip else "as it is"
        rows.append(
            (
                each.layer,
                f"{last:.3g}",
                f"{first:.3g}",
                f"{factor:.3f}",
                each.reach,
                verdict,
                clipped,
            )
        )
    titles = (
        "net",
        "|dL/dh| at the last step",
        "at the first",
        "factor a step",
        "reach",
        "so it",
        f"clipped to {clip:g}",
    )
    description = "the mean factor from step to step decides: to the power of the number of steps it is what arrives at the first one"
    return Explanation("Side by side", description, titles=titles, rows=tuple(rows))
