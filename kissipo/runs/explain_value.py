"""Explains how a value of a layer is computed, for one example."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor, nn

from kissipo.core.errors import NotBuiltError, TaskError
from kissipo.core.finding import counted
from kissipo.core.suggest import did_you_mean
from kissipo.inspect.breakdown import Breakdown, CannotExplainError, explain_value
from kissipo.inspect.breakdown.explain_value import explainable_output
from kissipo.inspect.tracing.record import record
from kissipo.inspect.tracing.recording import Call
from kissipo.runs.example import example_of, stored_example
from kissipo.runs.trained import TrainedModel


def cell_of(
    run: TrainedModel, values: Sequence[object], layer: str, index: Sequence[int]
) -> tuple[Breakdown, list[str]]:
    """Returns the breakdown of a value of a layer, and remarks.

    values:  one example as `predict` takes it; empty for the first of the test split
    layer:   the name of the layer, as `kissipo show` prints it
    index:   the index without the batch axis; for a recurrent layer time and unit, for
             stacked ones also layer, time, unit
    Raises:  TaskError for a layer or an index that does not exist; NotBuiltError for a
             layer that cannot be explained.
    """
    example = example_of(run, values) if values else stored_example(run)
    inputs, notes = (
        example.dataset.batch(slice(0, 1)).inputs,
        [*filter(None, [run.remark]), *example.notes],
    )
    calls = record(run.net, inputs).steps
    names = list(dict.fromkeys(call.name for call in calls))
    matches = [call for call in calls if call.name == layer]
    if not matches:
        raise TaskError(
            f"the net of {run.folder} has no layer '{layer}'", do=did_you_mean(layer, names)
        )
    if len(matches) > 1:
        notes.append(f"'{layer}' is called {len(matches)} times; this is the first call")
    call = matches[0]
    output, number, place = _place(call, tuple(index))
    alone = len(output) == 1
    try:
        breakdown = explain_value(
            call.layer, call.inputs, call.output, place, number=number, name=layer
        )
    except CannotExplainError as error:
        raise NotBuiltError(
            f"the values of layer '{layer}' cannot be explained: {error}",
            do=f"`kissipo show {run.folder}` shows its output",
        ) from None
    breakdown = replace(
        breakdown, description=breakdown.description + _read(run, inputs, call, place)
    )
    return (breakdown.of_one_sample() if alone else breakdown), notes


def _place(call: Call, index: tuple[int, ...]) -> tuple[Tensor, int | None, tuple[int, ...]]:
    """Returns the output of a layer, the stacked layer, and the full index.

    Raises:   TaskError when the index does not exist.
    """
    output, number = explainable_output(call.layer, call.output), None
    stacked = call.layer.num_layers if isinstance(call.layer, nn.RNNBase) else 0
    if not isinstance(output, Tensor):
        raise NotBuiltError(
            f"layer '{call.name}' has several outputs; their values cannot be explained yet"
        )
    shape = tuple(output.shape[1:] if len(output) == 1 else output.shape)
    position, sizes = index, shape
    if stacked > 1 and len(index) == len(shape) + 1:
        position, sizes, number = index[1:], (stacked, *shape), index[0]
    if len(index) != len(sizes) or not all(
        0 <= coordinate < size for coordinate, size in zip(index, sizes, strict=True)
    ):
        what = (
            "time and unit"
            if isinstance(call.layer, nn.RNNBase) and len(shape) == 2
            else counted(len(sizes), "index")
        )
        raise TaskError(
            f"layer '{call.name}' has no such index: its output is "
            f"{'x'.join(map(str, shape))}, {counted(math.prod(shape), 'value')}",
            got=",".join(map(str, index)),
            allowed=f"{what}, " + ", ".join(f"0 to {size - 1}" for size in sizes),
        )
    return output, number, ((0, *position) if len(output) == 1 else position)


def _read(run: TrainedModel, inputs: tuple[Tensor, ...], call: Call, place: tuple[int, ...]) -> str:
    """Names the token that a recurrent layer or an embedding reads at this step."""
    if not isinstance(call.layer, nn.RNNBase | nn.Embedding) or len(place) != 3:
        return ""
    for x, codec in zip(inputs, run.codecs, strict=True):
        words = codec.spec.labels
        if not x.is_floating_point() and x.dim() == 2 and x.shape[1] > place[1] and words:
            token_id = int(x[0, place[1]])
            return (
                f"; step {place[1]} reads {words[token_id]!r}"
                if token_id
                else f"; step {place[1]} reads an unknown token"
            )
    return ""
