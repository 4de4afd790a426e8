"""Candidates for forecasts, signals and images: their nets are built."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kissipo.core.config import FrozenConfig
from kissipo.core.inferred_option import DataFacts
from kissipo.core.schema import read
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.registries import NETS

WINDOW = TensorSpec("w", ("time", "variable"), (14, 2), labels=("a", "b"))
AHEAD = TensorSpec("y", ("horizon", "variable"), (3, 1), labels=("b",))
SIGNAL = TensorSpec("signal", ("time", "feature"), (40, 1))
IMAGE = TensorSpec("image", ("channel", "height", "width"), (1, 16, 20))
SMALL = TensorSpec("image", ("channel", "height", "width"), (1, 8, 8))
ROW = TensorSpec("row", ("feature",), (6,))
CLASSES = TensorSpec("kind", ("class",), (4,))


def facts(inputs: TensorSpec, outputs: TensorSpec, samples: int = 500) -> DataFacts:
    return DataFacts(
        inputs=(inputs,),
        outputs=(outputs,),
        samples=samples,
        forecasts=outputs.axes[0] == "horizon",
        losses=("mean_squared_error",),
        answers=("forecast",),
        batch=None,
        process=FrozenConfig({}),  # type: ignore[arg-type]
    )


def candidates_of(of_data: DataFacts) -> list[tuple[str, dict[str, Any]]]:
    """The title and the options of all candidates of the nets of this test."""
    return [
        (candidate.title, {option.place: option.value for option in candidate.options})
        for name in ("ffn", "recurrent", "cnn", "signal_cnn", "random_forest", "small_resnet")
        for candidate in NETS.find(name, place="net").candidates(of_data)
    ]


@pytest.mark.parametrize(
    ("inputs", "outputs", "nets"),
    [
        (WINDOW, AHEAD, ["ffn", "ffn", "recurrent"]),
        (SIGNAL, CLASSES, ["ffn", "recurrent", "signal_cnn", "signal_cnn"]),
        (IMAGE, CLASSES, ["ffn", "cnn", "cnn", "random_forest", "small_resnet"]),
        (SMALL, CLASSES, ["cnn", "cnn", "small_resnet"]),
    ],
)
def test_candidates_are_built_for_their_data(
    inputs: TensorSpec, outputs: TensorSpec, nets: list[str]
) -> None:
    candidates = candidates_of(facts(inputs, outputs))
    assert [words["process.net"] for _, words in candidates] == nets
    assert len({title for title, _ in candidates}) == len(candidates)
    for _, words in candidates:
        module = NETS.find(words["process.net"], place="net")
        own = {
            place.removeprefix("process."): value
            for place, value in words.items()
            if place.startswith("process.") and hasattr(module.Options(), place[8:])
        }
        options = read(module.Options, own, place="process")
        net = module.build((inputs,), (outputs,), options).eval()
        assert net(torch.zeros(2, *inputs.shape)).shape == (2, *outputs.shape)


def test_long_windows_are_not_read_by_a_recurrent_net() -> None:
    nets = [words["process.net"] for _, words in candidates_of(facts(WINDOW, AHEAD, 100_000))]
    assert nets == ["ffn", "ffn"]


def test_a_row_of_a_table_has_no_candidates_here() -> None:
    for name in ("recurrent", "cnn", "signal_cnn", "small_resnet"):
        assert NETS.find(name, place="net").candidates(facts(ROW, CLASSES)) == ()
