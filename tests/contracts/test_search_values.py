"""The values that options declare for a search are values that the options take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from kissipo.core.config import to_plain
from kissipo.core.schema import (
    NotSearched,
    OptionInfo,
    Range,
    Values,
    json_schema,
    option_infos,
    read,
)
from kissipo.input import options as input_general
from kissipo.pipeline.parse import options_of
from kissipo.pipeline.registries import ALGORITHMS, NETS, SOURCES


def searched() -> Iterator[tuple[str, type, OptionInfo]]:
    """Yields every option that declares something for a search, with its owner."""
    owners = [("input", input_general.Options)]
    owners += [
        (name, options_of(registry, name))
        for registry in (SOURCES, NETS, ALGORITHMS)
        for name in registry.names()
    ]
    for name, options in owners:
        for info in option_infos(options).values():
            if info.search is not None:
                yield f"{name}.{info.key}", options, info


DECLARED = {name: (options, info) for name, options, info in searched()}


def test_the_usual_options_declare_values() -> None:
    assert {
        *("supervised.learning_rate", "supervised.weight_decay", "input.batch_size"),
        *("ffn.units", "ffn.dropout", "recurrent.units", "recurrent.num_layers"),
        *("transformer.num_heads", "cnn.filters", "text_cnn.embedding_dim", "audio.mel_bands"),
    } <= set(DECLARED)


@pytest.mark.parametrize("name", DECLARED)
def test_declared_values_lie_in_the_schema_of_the_option(name: str) -> None:
    options, info = DECLARED[name]
    if isinstance(info.search, NotSearched):
        assert info.search.reason
        return
    validator: Any = Draft202012Validator(json_schema(options)["properties"][info.key])
    if isinstance(info.search, Range):
        low, high = info.search.low, info.search.high
        assert low < high and (low > 0 or not info.search.log)
        values: list[object] = [low, high]
    else:
        assert isinstance(info.search, Values)
        values = [to_plain(value) for value in info.search.values]
        assert len({str(value) for value in values}) == len(values) > 1
    for value in values:
        validator.validate(value)
        assert vars(read(options, {info.key: value}, place="x"))[info.attribute] is not None
