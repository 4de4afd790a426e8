"""The validator of words: conversions, bounds and the texts of its errors; the JSON schema says the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jsonschema
import pytest

from kissipo.core.errors import TaskError
from kissipo.core.schema import json_schema, read, word, written


@dataclass(frozen=True)
class Stop:
    SHORT: ClassVar[str] = "patience"
    patience: int = word(10, "epochs", at_least=0)
    quiet: bool = word(False)


@dataclass(frozen=True)
class Options:
    units: tuple[int, ...] = word((128,), "width", at_least=1)
    rate: float | None = word(None, "step", above=0)
    share: float = word(0.5, "share", at_least=0, below=1)
    cell: Literal["rnn", "lstm"] = word("lstm", "cell")
    stop: Stop = word(Stop(), "when")
    cross: tuple[tuple[str, ...], ...] | None = word(None, "pairs")
    rates: dict[str, float] | None = word(None, "by name")
    source: str | None = word(None, "where", key="from")
    anything: Any = word(None, "whatever")


FITS = [
    ({}, {}),
    ({"units": 64}, {"units": (64,)}),
    ({"units": [64.0, 2]}, {"units": (64, 2)}),
    ({"units": []}, {"units": ()}),
    ({"rate": 1}, {"rate": 1.0}),
    ({"rate": None}, {"rate": None}),
    ({"share": 0}, {"share": 0.0}),
    ({"stop": 3}, {"stop": Stop(3)}),
    ({"stop": {"quiet": True}}, {"stop": Stop(quiet=True)}),
    ({"cross": [["a", "b"], ["c"]]}, {"cross": (("a", "b"), ("c",))}),
    ({"rates": {"sgd": 1}}, {"rates": {"sgd": 1.0}}),
    ({"from": "x"}, {"source": "x"}),
    ({"anything": [{"deep": 1}]}, {"anything": ({"deep": 1},)}),
]
UNITS = "process.units must be an integer of at least 1, or a list of them; got "
STOP = "process.stop.patience must be an integer of at least 0; got "
SLIPS = [
    ({"units": "many"}, UNITS + "'many'."),
    ({"units": 0}, UNITS + "0."),
    ({"units": [64, "x"]}, UNITS + "[64, 'x']."),
    ({"units": 1.5}, UNITS + "1.5."),
    ({"units": True}, UNITS + "True."),
    ({"units": None}, UNITS + "None."),
    ({"units": {"a": 1}}, UNITS + "{'a': 1}."),
    ({"rate": 0}, "process.rate must be a number above 0; got 0."),
    ({"rate": "2e-5x"}, "process.rate must be a number above 0; got '2e-5x'."),
    ({"share": 1}, "process.share must be a number of at least 0 and below 1; got 1."),
    ({"share": -0.1}, "process.share must be a number of at least 0 and below 1; got -0.1."),
    ({"cell": "gru"}, "process.cell must be one of rnn, lstm; got 'gru'."),
    ({"stop": "soon"}, STOP + "'soon'."),
    ({"stop": {"patience": -1}}, STOP + "-1."),
    (
        {"stop": {"patienc": 1}},
        "process.stop.patienc is not a word known here. Did you mean 'patience'?",
    ),
    ({"cross": ["hour", "place"]}, "process.cross must be a list of lists; got ['hour', 'place']."),
    ({"cross": "hour"}, "process.cross must be a list of lists; got 'hour'."),
    ({"rates": 3}, "process.rates must be a mapping; got 3."),
    ({"from": 3}, "process.from must be text; got 3."),
    ({"unit": 3}, "process.unit is not a word known here. Did you mean 'units'?"),
    ({"source": "x"}, "process.source is not a word known here."),
    ({"units": "x" * 200}, "xxx...."),
]


@pytest.mark.parametrize(("content", "means"), FITS)
def test_what_fits_is_read(content: dict[str, Any], means: dict[str, Any]) -> None:
    assert read(Options, content, place="process") == Options(**means)
    jsonschema.validate(content, json_schema(Options))


@pytest.mark.parametrize(("content", "told"), SLIPS)
def test_what_does_not_fit_is_told_with_its_place(content: dict[str, Any], told: str) -> None:
    with pytest.raises(TaskError) as refused:
        read(Options, content, place="process")
    assert told in str(refused.value)
    if content != {"units": "x" * 200}:
        assert str(refused.value).startswith(told.rstrip("."))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, json_schema(Options))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_finite_number_is_no_share(value: float) -> None:
    with pytest.raises(
        TaskError, match=r"process\.share must be a number of at least 0 and below 1"
    ):
        read(Options, {"share": value}, place="process")


def test_written_is_the_inverse_of_read() -> None:
    options = read(
        Options, {"units": [1, 2], "stop": 4, "from": "x", "rates": {"a": 2}}, place="process"
    )
    assert read(Options, written(options), place="process") == options


def test_a_word_without_a_default_is_needed() -> None:
    @dataclass(frozen=True)
    class Strict:
        file: str = word(doc="Name the file")

    with pytest.raises(TaskError, match=r"input needs the word 'file'. Name the file."):
        read(Strict, {}, place="input")
    assert json_schema(Strict)["required"] == ["file"]
