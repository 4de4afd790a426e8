"""N-BEATS: blocks that each explain a part of a window and add to the forecast.

x_1 = window        x_{k+1} = x_k - backcast_k(x_k)        y = sum of forecast_k(x_k)

A block is four linear layers with relu, and two learned bases
(`layers/doubly_residual.py`). The first residual removes from the window what is
explained, so that the next block sees the rest. The second adds up the forecasts. This
is the generic form: no basis of trend or season is given, and no weights are shared.

Shapes:   a window (batch, time, 1) -> (batch, horizon, 1): one column from its own
          past; several columns with process.channel_independent
Choices:  Three blocks of 64 units instead of 30 of 512, as a person has one series, not
          the 100,000 of the paper; and one net, where the paper takes the median of
          180. The last block has no backcast.
Source:   Oreshkin, Carpov, Chapados and Bengio, N-BEATS: Neural Basis Expansion
          Analysis for Interpretable Time Series Forecasting, ICLR 2020.
Raises:   ShapeError for a window of several columns, and for what is known ahead.
Example:  >>> import torch
          >>> window = TensorSpec("w", ("time", "variable"), (24, 1), labels=("y",))
          >>> ahead = TensorSpec("y", ("horizon", "variable"), (12, 1), labels=("y",))
          >>> build((window,), (ahead,), Options())(torch.zeros(5, 24, 1)).shape
          torch.Size([5, 12, 1])
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import Candidate, DataFacts
from kissipo.core.protocols import Combined, Source
from kissipo.core.schema import Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.doubly_residual import DoublyResidualBlock
from kissipo.process.layers.series_wrapper import (
    SeriesWords,
    TensorSpecs,
    is_forecast,
    on_series,
    required_options,
)
from kissipo.process.nets._series_candidates import n_beats_candidates

__all__ = ["ALGORITHMS", "Options", "build", "candidates", "required_options"]
ALGORITHMS = ("supervised",)


@dataclass(frozen=True)
class Options(SeriesWords):
    """The options of N-BEATS."""

    num_blocks: int = option(3, "number of blocks", minimum=1, search=Values((2, 3, 6)))
    num_layers: int = option(4, "number of hidden layers of each block", minimum=1)
    units: int = option(
        64, "number of units of each hidden layer", minimum=1, search=Values((32, 64, 128))
    )
    theta_dim: int = option(
        8,
        "number of coefficients of each learned basis",
        minimum=1,
        search=Values((4, 8, 16)),
    )
    wide: bool | None = option(None, "a linear autoregression beside the blocks")


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns N-BEATS for a forecast of one column from its own past."""
    return n_beats_candidates(facts)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and outputs."""

    def plain(inputs: TensorSpecs, outputs: TensorSpecs) -> nn.Module:
        _refuse_others(inputs, outputs)
        blocks = [
            DoublyResidualBlock(
                inputs[0].shape[0],
                outputs[0].shape[0],
                units=options.units,
                num_layers=options.num_layers,
                theta_dim=options.theta_dim,
                is_last=number == options.num_blocks,
            )
            for number in range(1, options.num_blocks + 1)
        ]
        return NBeats(blocks)

    return on_series(plain, inputs, outputs, options, wide=bool(options.wide))


class NBeats(nn.Module):
    """Blocks, each on what the blocks before it have not explained."""

    DESCRIPTION = "sum of the forecasts of all blocks"

    def __init__(self, blocks: list[DoublyResidualBlock]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack(self.forecasts(x)).sum(dim=0).unsqueeze(2)

    def forecasts(self, x: Tensor) -> list[Tensor]:
        """Returns the forecast (batch, horizon) of each block."""
        rest, forecasts = x.squeeze(2), []
        for block in self.blocks:
            forecast, backcast = block(rest)
            forecasts.append(forecast)
            rest = rest if backcast is None else rest - backcast
        return forecasts

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns what each block adds."""
        row, step, _ = index
        sources = [
            Source(f"blocks.{number}.head", (row, step), forecast[row, step])
            for number, forecast in enumerate(self.forecasts(x))
        ]
        return sources, "sum"


def _refuse_others(inputs: TensorSpecs, outputs: TensorSpecs) -> None:
    """Refuses all but a forecast of one column from its own past."""
    if not is_forecast(inputs, outputs) or outputs[0].shape[1] != 1:
        described = ", ".join(spec.describe() for spec in (*inputs, *outputs))
        many = is_forecast(inputs, outputs)
        raise ShapeError(
            "process.net=n_beats forecasts one column of a series from its own past",
            got=described,
            do="Set process.channel_independent=true" if many else "Use process.net=ffn",
        )
    if len(inputs) > 1:
        raise ShapeError(
            "process.net=n_beats does not read what is known of the steps ahead",
            got=inputs[1].describe(),
            do="Use process.net=ffn, or leave input.future_covariates and time_features out",
        )
    if inputs[0].labels != outputs[0].labels:
        raise ShapeError(
            "process.net=n_beats forecasts one column of a series from its own past",
            got=f"windows of {', '.join(inputs[0].labels)} for {', '.join(outputs[0].labels)}",
            do="Leave input.features out, or set process.channel_independent=true",
        )
