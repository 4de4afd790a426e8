"""Schema: conversions, bounds and error messages; the JSON schema is equivalent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jsonschema
import pytest

from kissipo.core.errors import TaskError
from kissipo.core.schema import json_schema, option, read, written


@dataclass(frozen=True)
class Stop:
    SHORT: ClassVar[str] = "patience"
    patience: int = option(10, "epochs", minimum=0)
    quiet: bool = option(False)


@dataclass(frozen=True)
class Options:
    units: tuple[int, ...] = option((128,), "width", minimum=1)
    rate: float | None = option(None, "step", above=0)
    share: float = option(0.5, "share", minimum=0, below=1)
    cell: Literal["rnn", "lstm"] = option("lstm", "cell")
    halt: Stop = option(Stop(), "when")
    cross: tuple[tuple[str, ...], ...] | None = option(None, "pairs")
    rates: dict[str, float] | None = option(None, "by name")
    source: str | None = option(None, "where", key="from")
    anything: Any = option(None, "whatever")


FITS = [
    ({}, {}),
    ({"units": 64}, {"units": (64,)}),
    ({"units": [64.0, 2]}, {"units": (64, 2)}),
    ({"units": []}, {"units": ()}),
    ({"rate": 1}, {"rate": 1.0}),
    ({"rate": None}, {"rate": None}),
    ({"share": 0}, {"share": 0.0}),
    ({"halt": 3}, {"halt": Stop(3)}),
    ({"halt": {"quiet": True}}, {"halt": Stop(quiet=True)}),
    ({"cross": [["a", "b"], ["c"]]}, {"cross": (("a", "b"), ("c",))}),
    ({"rates": {"sgd": 1}}, {"rates": {"sgd": 1.0}}),
    ({"from": "x"}, {"source": "x"}),
    ({"anything": [{"deep": 1}]}, {"anything": ({"deep": 1},)}),
]
UNITS = "train.units must be an integer of at least 1, or a list of them; got "
STOP = "train.halt.patience must be an integer of at least 0; got "
SLIPS = [
    ({"units": "many"}, UNITS + "'many'."),
    ({"units": 0}, UNITS + "0."),
    ({"units": [64, "x"]}, UNITS + "[64, 'x']."),
    ({"units": 1.5}, UNITS + "1.5."),
    ({"units": True}, UNITS + "True."),
    ({"units": None}, UNITS + "None."),
    ({"units": {"a": 1}}, UNITS + "{'a': 1}."),
    ({"rate": 0}, "train.rate must be a number above 0; got 0."),
    ({"rate": "2e-5x"}, "train.rate must be a number above 0; got '2e-5x'."),
    ({"share": 1}, "train.share must be a number of at least 0 and below 1; got 1."),
    ({"share": -0.1}, "train.share must be a number of at least 0 and below 1; got -0.1."),
    ({"cell": "gru"}, "train.cell must be one of rnn, lstm; got 'gru'."),
    ({"halt": "soon"}, STOP + "'soon'."),
    ({"halt": {"patience": -1}}, STOP + "-1."),
    (
        {"halt": {"patienc": 1}},
        "train.halt.patienc is not a known option. Did you mean 'patience'?",
    ),
    ({"cross": ["hour", "place"]}, "train.cross must be a list of lists; got ['hour', 'place']."),
    ({"cross": "hour"}, "train.cross must be a list of lists; got 'hour'."),
    ({"rates": 3}, "train.rates must be a mapping; got 3."),
    ({"from": 3}, "train.from must be text; got 3."),
    ({"unit": 3}, "train.unit is not a known option. Did you mean 'units'?"),
    ({"source": "x"}, "train.source is not a known option."),
    ({"units": "x" * 200}, "xxx...."),
]


@pytest.mark.parametrize(("content", "means"), FITS)
def test_valid_values_are_read(content: dict[str, Any], means: dict[str, Any]) -> None:
    assert read(Options, content, place="train") == Options(**means)
    jsonschema.validate(content, json_schema(Options))


@pytest.mark.parametrize(("content", "message"), SLIPS)
def test_invalid_values_are_refused_with_their_option(
    content: dict[str, Any], message: str
) -> None:
    with pytest.raises(TaskError) as refused:
        read(Options, content, place="train")
    assert message in str(refused.value)
    if content != {"units": "x" * 200}:
        assert str(refused.value).startswith(message.rstrip("."))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, json_schema(Options))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(TaskError, match=r"train\.share must be a number of at least 0 and below 1"):
        read(Options, {"share": value}, place="train")


def test_written_is_the_inverse_of_read() -> None:
    options = read(
        Options, {"units": [1, 2], "halt": 4, "from": "x", "rates": {"a": 2}}, place="train"
    )
    assert read(Options, written(options), place="train") == options


def test_option_without_a_default_is_required() -> None:
    @dataclass(frozen=True)
    class Strict:
        file: str = option(doc="Name the file")

    with pytest.raises(TaskError, match=r"input needs the option 'file'. Name the file."):
        read(Strict, {}, place="input")
    assert json_schema(Strict)["required"] == ["file"]
