"""Which feed-forward nets are compared on a table."""

from __future__ import annotations

import pytest

from kissipo.core.inferred_option import DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.nets import ffn

NUMBERS = TensorSpec("row", ("feature",), (5,))
CITY = TensorSpec("city", (), (), vocab_size=9)
PRICE = TensorSpec("price", ("answer",), (1,))


@pytest.mark.parametrize(
    ("inputs", "samples", "embeds"),
    [
        ((NUMBERS,), 500, True),
        ((CITY, NUMBERS), 20_000, True),
        ((NUMBERS,), 499, False),
        ((CITY,), 20_000, False),
    ],
)
def test_numbers_of_a_large_table_are_embedded(
    inputs: tuple[TensorSpec, ...], samples: int, embeds: bool
) -> None:
    facts = DataFacts(inputs, (PRICE,), samples, False, ("mse",), ("number",), 32, {})
    options = [
        {option.place: option.value for option in candidate.options}
        for candidate in ffn.candidates(facts)
    ]
    embedded = [one for one in options if "process.number_embedding" in one]
    assert [one["process.number_embedding"] for one in embedded] == ["periodic"] * embeds
    assert len(options) == 2 + embeds
