"""Task: Python, YAML and arguments are equivalent, and a task is immutable."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.core.config import FrozenConfig, to_frozen, to_plain
from kissipo.core.errors import TaskError
from kissipo.core.task import Task, split_argument

SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PART = st.dictionaries(st.text(), VALUE, max_size=4)
TASK = st.builds(
    Task, input=PART, process=PART, output=PART | st.lists(PART, min_size=1, max_size=3)
)


def alike(one: Task, other: Task) -> bool:
    """Equal, and of the same types: 1, 1.0 and true are three different values."""
    return one == other and hash(one) == hash(other) and repr(one) == repr(other)


@settings(deadline=None)
@given(TASK)
def test_yaml_restores_the_task(task: Task) -> None:
    assert alike(Task.from_yaml(task.to_yaml() or "{}"), task)


@settings(deadline=None)
@given(TASK)
def test_arguments_restore_the_task(task: Task) -> None:
    assert alike(Task.from_arguments(task.to_arguments()), task)


@given(TASK)
def test_dicts_and_pickles_restore_the_task(task: Task) -> None:
    assert alike(Task.from_plain(task.plain()), task)
    assert alike(pickle.loads(pickle.dumps(task)), task)


@given(VALUE)
def test_to_frozen_and_to_plain_are_inverse(value: Any) -> None:
    assert to_plain(to_frozen(value)) == value
    assert hash(to_frozen({"value": value})) == hash(to_frozen({"value": value}))


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ({"output": "category"}, {"output": {"category": None}}),
        (
            {"output": [{"category": "a"}, "number"]},
            {"output": [{"category": "a"}, {"number": None}]},
        ),
        ({"process": {"units": (64, 64)}}, {"process": {"units": [64, 64]}}),
    ],
)
def test_short_forms_are_equivalent(written: dict[str, Any], means: dict[str, Any]) -> None:
    assert Task(**written) == Task(**means)


def test_task_and_its_options_are_immutable() -> None:
    units = [64]
    task = Task(process={"units": units})
    units.append(1)
    assert task.process.units == (64,)
    for change in (
        lambda: setattr(task, "input", FrozenConfig()),
        lambda: setattr(task.process, "units", (1,)),
        lambda: task.process.__setitem__("units", (1,)),
    ):
        with pytest.raises((AttributeError, TypeError)):
            change()


def test_with_words_returns_another_task() -> None:
    task = Task(
        input="make",
        process={"early_stopping": {"patience": 3}, "units": [1, 2]},
        output=[{"a": 1}, {"b": 2}],
    )
    changed = task.with_words(
        {"process.early_stopping.other": 1, "process.units.1": 5, "output.1.b": 3, "output.0": "c"}
    )
    assert changed.plain() == {
        "input": "make",
        "process": {"early_stopping": {"patience": 3, "other": 1}, "units": [1, 5]},
        "output": ["c", {"b": 3}],
    }
    assert task.process.units == (1, 2)


@pytest.mark.parametrize(
    ("argument", "place", "value"),
    [
        ("epochs=5", "epochs", 5),
        ("process.learning_rate=2e-5", "process.learning_rate", 2e-5),
        ("input.table=a=b.csv", "input.table", "a=b.csv"),
        ('input."a=b.c"=3', 'input."a=b.c"', 3),
        ("output.category=no", "output.category", "no"),
        ("units=[64, 64]", "units", [64, 64]),
        ("early_stopping={patience: 3}", "early_stopping", {"patience": 3}),
        ("name=", "name", ""),
        ("broken=[1, 2", "broken", "[1, 2"),
    ],
)
def test_argument_is_split_into_option_and_value(argument: str, place: str, value: Any) -> None:
    assert split_argument(argument) == (place, value)


LISTED = Task(input="make", process={"units": [64, 64], "split": 0.3})


@pytest.mark.parametrize(
    ("slip", "message"),
    [
        (
            lambda: split_argument("epochs"),
            "'epochs' is not an option of a task. Allowed: key=value, such as process.epochs=5",
        ),
        (lambda: split_argument("=5"), "'=5' is not an option of a task."),
        (
            lambda: Task.from_arguments(["epochs=5"]),
            "'epochs' does not begin with a part of the task. Allowed: input, process",
        ),
        (lambda: Task.from_arguments([".=5"]), "'.' does not begin with a part of the task."),
        (
            lambda: LISTED.with_words({"process.units.x": 5}),
            "'process.units.x' is not an item of the list; got 'x'. Allowed: 0 to 1.",
        ),
        (
            lambda: LISTED.with_words({"process.units.2": 5}),
            "'process.units.2' is not an item of the list; got '2'.",
        ),
        (
            lambda: LISTED.with_words({"process.split.validation": 0.1}),
            "'process.split.validation' cannot be set: "
            "process.split is a single value; got 0.3. "
            "Write process.split as a mapping with both: process.split={...}.",
        ),
        (
            lambda: Task.from_plain([1]),
            "the task must be a mapping of the parts input, process and output; got a list.",
        ),
        (lambda: Task.from_plain(None), "got nothing. Write for example input: {table: sms.csv}."),
        (
            lambda: Task.from_plain({"proces": {}}),
            (
                "the task has an unknown part 'proces'. Allowed: input, process, output. Did you "
                "mean 'process'?"
            ),
        ),
        (
            lambda: Task(process=[1]),
            (
                "the part 'process' must be a mapping of options; got a list. Allowed: a mapping "
                "of options, a single option."
            ),
        ),
        (
            lambda: Task(output=[3]),
            "the part 'an answer' must be a mapping of options; got a number.",
        ),
        (
            lambda: Task(input={"table": object()}).to_yaml(),
            "input.table is a Python object (object), not text.",
        ),
        (
            lambda: Task(input={"table": object()}).to_arguments(),
            "Save the data to a file and name the file.",
        ),
    ],
)
def test_invalid_tasks_are_refused_with_their_option(slip: Any, message: str) -> None:
    with pytest.raises(TaskError) as refused:
        slip()
    assert message in str(refused.value)
