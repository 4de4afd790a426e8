"""On a series: the ways in which any net can be put on windows, one inside the other: every variable by itself, relative to the
last value, one step ahead again and again.

Shapes:   a window (batch, time, variable), perhaps with what is known ahead (batch, ahead, feature)
          -> (batch, horizon, answered variable)
Raises:   ShapeError when the net is not from a window to a forecast, or does not see a variable that it must.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import word
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.autoregressive import AutoregressiveRollout
from kissipo.process.layers.channel_independent import ChannelIndependent
from kissipo.process.layers.subtract_last import RelativeToLastValue

TensorSpecs = tuple[TensorSpec, ...]


@dataclass(frozen=True, kw_only=True)
class SeriesWords:
    """The options of every net that can be put on a series."""

    subtract_last: bool | None = word(
        None,
        "time series: subtract the last value of the window from it, and add it to the forecast",
    )
    channel_independent: bool = word(
        False, "time series: forecast every variable from its own past only, with shared weights"
    )
    autoregressive: bool = word(
        False,
        "time series: predict one step at a time and feed it back as input, up to the horizon",
    )


def on_series(
    build: Callable[[TensorSpecs, TensorSpecs], nn.Module],
    inputs: TensorSpecs,
    outputs: TensorSpecs,
    words: SeriesWords,
) -> nn.Module:
    """The net that `build` makes for these ports, put on the series as the words say; itself where they say nothing."""
    asked = [
        name
        for name in ("subtract_last", "channel_independent", "autoregressive")
        if getattr(words, name)
    ]
    if not asked:
        return build(inputs, outputs)
    answered = _answered(inputs, outputs, asked[0])
    (window, *known), forecast = inputs, outputs[0]
    if words.autoregressive:
        _refuse_what_is_not_answered(window, forecast)
        forecast = replace(forecast, shape=(1, *forecast.shape[1:]))
        known = [replace(spec, shape=(1, *spec.shape[1:])) for spec in known]
    if words.channel_independent:
        window = replace(window, shape=(window.shape[0], 1), words=window.words[:1])
        forecast = replace(forecast, shape=(forecast.shape[0], 1), words=forecast.words[:1])
    net = build((window, *known), (forecast,))
    net = ChannelIndependent(net, answered) if words.channel_independent else net
    net = RelativeToLastValue(net, answered) if words.subtract_last else net
    return AutoregressiveRollout(net, outputs[0].shape[0]) if words.autoregressive else net


def _answered(inputs: TensorSpecs, outputs: TensorSpecs, asked: str) -> tuple[int, ...]:
    """The places of the answered variables among those of the window."""
    fits = (
        len(outputs) == 1
        and inputs[0].axes == ("time", "variable")
        and outputs[0].axes == ("horizon", "variable")
        and all(spec.axes[:1] == ("ahead",) for spec in inputs[1:])
    )
    if not fits:
        raise ShapeError(
            f"process.{asked} suits a forecast from one window of a series", do="Leave it out"
        )
    seen = inputs[0].words
    unseen = [name for name in outputs[0].words if name not in seen]
    if unseen:
        raise ShapeError(
            f"process.{asked} needs '{unseen[0]}' among the input.features",
            do=f"Add it, or say process.{asked}=false",
        )
    return tuple(seen.index(name) for name in outputs[0].words)


def _refuse_what_is_not_answered(window: TensorSpec, forecast: TensorSpec) -> None:
    rest = [name for name in window.words if name not in forecast.words]
    if rest or window.words != forecast.words:
        raise ShapeError(
            "process.autoregressive takes its answers as the newest step, and needs all that the net sees among them",
            given=f"sees {', '.join(window.words)}, answers {', '.join(forecast.words)}",
            do="Forecast every column of input.features, in the same order, or leave process.autoregressive out",
        )
