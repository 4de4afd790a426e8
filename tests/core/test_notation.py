"""Notation: the dialect of YAML executes nothing; errors have line and column."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.core.errors import TaskError
from kissipo.core.notation import read, read_value, write, write_value

SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


@settings(max_examples=100, deadline=None)
@given(VALUE)
def test_write_and_read_are_inverse(value: Any) -> None:
    assert repr(read(write(value))) == repr(value)
    assert repr(read_value(write_value(value))) == repr(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", "True"),
        ("true", True),
        ("2e-5", 2e-5),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("010", "010"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("null", None),
        ("~", None),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.inf", float("-inf")),
        ("1e3", 1000.0),
        ("'5'", "5"),
        ("[a, 1]", ["a", 1]),
    ],
)
def test_dialect_of_yaml(text: str, value: Any) -> None:
    assert repr(read_value(text)) == repr(value)
    assert repr(read(text)) == repr(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("input: {table: a.csv", "task.yaml is not readable YAML in line 1, column 21: "),
        ("input: a\n  process: b", "task.yaml is not readable YAML in line 2, column 10: "),
        ("input: {a: 1, a: 2}", "in line 1, column 15: the key 'a' appears twice"),
        ("\tinput: a", "in line 1, column 1: "),
        (
            "input: !!python/object/apply:os.system ['touch hacked']",
            "could not determine a constructor for the tag",
        ),
        ("input: !!python/name:os.system", "could not determine a constructor for the tag"),
        ("a: \x00", "task.yaml is not readable YAML: "),
    ],
)
def test_invalid_yaml_is_refused_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(TaskError) as refused:
        read(text, origin="task.yaml")
    assert message in str(refused.value)


def test_tag_on_the_command_line_is_text() -> None:
    assert read_value("!!python/object/apply:os.getcwd []") == "!!python/object/apply:os.getcwd []"
