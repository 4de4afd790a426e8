"""Wrappers of any net for windows of a series.

channel_independent:  each variable separately
subtract_last:        relative to the last value
autoregressive:       one step ahead, repeated on its own predictions
wide:                 beside a linear autoregression, which begins as its solution

They can be combined, `wide` with all but `autoregressive`; the last one is the
outermost. Beside a linear path, the net only sees the changes since the last value, and
nothing is added to its forecast.

Shapes:   a window (batch, time, variable), with future covariates (batch, ahead,
          feature) if there are any -> (batch, horizon, target variable)
Raises:   ShapeError when the task is not a forecast from a window, or the net does not
          see a variable that it needs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import nn

from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.autoregressive import AutoregressiveRollout
from kissipo.process.layers.channel_independent import ChannelIndependent
from kissipo.process.layers.linear_autoregression import LinearAutoregression
from kissipo.process.layers.subtract_last import ChangesSinceLastValue, RelativeToLastValue
from kissipo.process.layers.wide_series import WideSeries

TensorSpecs = tuple[TensorSpec, ...]


@dataclass(frozen=True, kw_only=True)
class SeriesWords:
    """The options of every net that suits a series."""

    subtract_last: bool | None = option(
        None,
        "time series: subtract the last value of the window from it, and add it to the forecast",
    )
    channel_independent: bool = option(
        False, "time series: forecast every variable from its own past only, with shared weights"
    )
    autoregressive: bool = option(
        False,
        "time series: predict one step at a time and use it as the next input, up to the horizon",
    )


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns what every net needs that forecasts from a window."""
    reason = "the net predicts changes, so a new level of the series does not disturb it"
    relative = InferredOption("process.subtract_last", True, reason)
    return (relative,) if facts.forecasts else ()


def beside_autoregression(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the options of a net that learns what a linear autoregression leaves."""
    if not facts.forecasts or not is_forecast(facts.inputs, facts.outputs):
        return ()
    if len(facts.inputs) > 1:  # the linear path does not see what is known of the future
        return ()
    reason = "a linear autoregression beside the net, which learns only the rest"
    return (
        InferredOption("process.wide", True, reason),
        InferredOption("process.init", "linear"),
    )


def on_series(
    build: Callable[[TensorSpecs, TensorSpecs], nn.Module],
    inputs: TensorSpecs,
    outputs: TensorSpecs,
    options: SeriesWords,
    *,
    wide: bool = False,
) -> nn.Module:
    """Builds a net and wraps it as the options require.

    wide:     whether the net stands beside a linear autoregression
    """
    active = [
        name
        for name in ("subtract_last", "channel_independent", "autoregressive")
        if getattr(options, name)
    ] + ["wide"] * wide
    if not active:
        return build(inputs, outputs)
    targets = target_columns(inputs, outputs, active[0])
    if wide and options.autoregressive:
        raise ShapeError(
            "process.wide forecasts all steps at once, and process.autoregressive one by one",
            do="Leave one of both out",
        )
    (window, *covariates), forecast = inputs, outputs[0]
    if options.autoregressive:
        _refuse_other_columns(window, forecast)
        forecast = replace(forecast, shape=(1, *forecast.shape[1:]))
        covariates = [replace(spec, shape=(1, *spec.shape[1:])) for spec in covariates]
    if options.channel_independent:
        window = replace(window, shape=(window.shape[0], 1), labels=window.labels[:1])
        forecast = replace(forecast, shape=(forecast.shape[0], 1), labels=forecast.labels[:1])
    net = build((window, *covariates), (forecast,))
    if wide and options.subtract_last:
        net = ChangesSinceLastValue(net)
    net = ChannelIndependent(net, targets) if options.channel_independent else net
    if wide:
        return WideSeries(LinearAutoregression(targets, *_sizes(inputs, outputs)), net)
    net = RelativeToLastValue(net, targets) if options.subtract_last else net
    return AutoregressiveRollout(net, outputs[0].shape[0]) if options.autoregressive else net


def is_forecast(inputs: TensorSpecs, outputs: TensorSpecs) -> bool:
    """Returns whether the task is a forecast from one window of a series."""
    return (
        len(outputs) == 1
        and inputs[0].axes == ("time", "variable")
        and outputs[0].axes == ("horizon", "variable")
        and all(spec.axes[:1] == ("ahead",) for spec in inputs[1:])
    )


def _sizes(inputs: TensorSpecs, outputs: TensorSpecs) -> tuple[int, int]:
    """Returns the length of the window, and the horizon."""
    return inputs[0].shape[0], outputs[0].shape[0]


def target_columns(inputs: TensorSpecs, outputs: TensorSpecs, option: str) -> tuple[int, ...]:
    """Returns the positions of the target variables in the window."""
    if not is_forecast(inputs, outputs):
        raise ShapeError(
            f"process.{option} needs a forecast from one window of a series", do="Leave it out"
        )
    columns = inputs[0].labels
    missing = [name for name in outputs[0].labels if name not in columns]
    if missing:
        raise ShapeError(
            f"process.{option} needs '{missing[0]}' among the input.features",
            do=f"Add it, or set process.{option}=false",
        )
    return tuple(columns.index(name) for name in outputs[0].labels)


def _refuse_other_columns(window: TensorSpec, forecast: TensorSpec) -> None:
    if window.labels != forecast.labels:
        raise ShapeError(
            "process.autoregressive uses predictions as inputs, so it must predict every input",
            got=f"inputs {', '.join(window.labels)}, outputs {', '.join(forecast.labels)}",
            do="Forecast every column of input.features, in the same order, "
            "or leave process.autoregressive out",
        )
