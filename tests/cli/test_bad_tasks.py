"""Unreadable tasks: one paragraph on standard error, exit code 2, no side effects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Refusal = Callable[..., str]
NO_YAML = "task.yaml is not readable YAML in line "
NO_PARTS = "task.yaml must be a mapping of the parts input, process and output; got "
FILES = [
    (
        "input: {images: digits}\nproces: {net: ffn}",
        "task.yaml has an unknown part 'proces'. Allowed: input, process, output. Did you mean",
    ),
    (
        "input: {images: digits}\n1: {net: ffn}",
        "task.yaml has an unknown part '1'. Allowed: input, process, output.",
    ),
    (
        "input: {images: digits}\nprocess: {net: fnn}",
        "process.net names no net of kissipo; got 'fnn'. Did you mean 'cnn' or 'ffn'?",
    ),
    (
        "input: {images: digits}\nprocess: {net: ffn, unit: [3]}",
        "process.unit is not a known option. Did you mean 'units' or 'init'?",
    ),
    (
        "input: {images: digits}\nprocess: {epochs: many}",
        "process.epochs must be an integer of at least 1; got 'many'.",
    ),
    (
        "input: {imges: digits}",
        "input names no source; got imges. Allowed: one of audio, baskets, environment, events,",
    ),
    (
        "input: {images: digits\nprocess: {net: ffn}",
        NO_YAML + "2, column 8: expected ',' or '}', but got ':'.",
    ),
    (
        "input:\n\timages: digits",
        NO_YAML + "2, column 1: found character '\\t' that cannot start any token.",
    ),
    (
        "input: {images: digits}\ninput: {images: mnist}",
        NO_YAML + "2, column 1: the key 'input' appears twice.",
    ),
    ("? [a, b]\n: c", NO_YAML + "1, column 3: a key must be text."),
    ("input: a\n---\ninput: b", NO_YAML + "2, column 1: but found another document."),
    ("input: &a [*a]", NO_YAML + "1, column 8: found unconstructable recursive node."),
    ("", NO_PARTS + "nothing. Write for example input: {table: sms.csv}."),
    ("# only a remark", NO_PARTS + "nothing."),
    ("- input\n- output", NO_PARTS + "a list."),
    ("fit my data", NO_PARTS + "text."),
    ("input: [table, sms.csv]", "the part 'input' must be a mapping of options; got a list."),
    ("input: 3", "the part 'input' must be a mapping of options; got a number."),
    (
        "input: {images: digits}\noutput: []",
        "the part 'output' must be a mapping of options; got a list.",
    ),
    ("input: {table: nowhere.csv}\noutput: {category: kind}", "there is no file nowhere.csv."),
]
TAGS = [
    'input: !!python/object/apply:os.mkdir ["hacked"]',
    'input: {images: !!python/object/new:os.mkdir ["hacked"]}',
    "process: {net: !!python/name:os.mkdir }",
    "input: !!python/module:os",
]
COMMANDS = [
    (["digts"], "'digts' is not a built-in task or a file. Did you mean 'digits'?"),
    (["zzzz"], "'zzzz' is not a built-in task or a file. Built-in tasks: acceptability"),
    (["folder.yaml"], "folder.yaml is a folder. Allowed: a file."),
    (["tsk.yaml"], "there is no file tsk.yaml. Did you mean 'task.yaml'?"),
    (["gym:Zzz-v0"], "there is no environment 'Zzz-v0'"),
    (
        ["digits", "process.units=many"],
        "process.units must be an integer of at least 1, or a list of them; got 'many'.",
    ),
    (
        ["digits", "process.unit=3"],
        "process.unit is not a known option. Did you mean 'units' or 'init'?",
    ),
    (["digits", "epoch=3"], "'epoch' is not an option of a task. Did you mean 'epochs'?"),
    (
        ["digits", "epochs"],
        (
            "'epochs' is not an option of a task. Allowed: key=value, such as process.epochs=5 "
            "or epochs=5."
        ),
    ),
    (
        ["digits", "process.units.9=3"],
        "'process.units.9' is not an item of the list; got '9'. Allowed: 0 to 0.",
    ),
    (
        ["digits", "process.epochs.x=3"],
        "'process.epochs.x' cannot be set: process.epochs is a single value; got 80.",
    ),
    (
        ["digits", "net=!!python/name:os.mkdir"],
        "process.net names no net of kissipo; got '!!python/name:os.mkdir'.",
    ),
    (["digits", "net=rbm"], "process.net: the net 'rbm' (S37) is not built yet."),
    (
        ["digits", "loss=mse"],
        "process.loss=mean_squared_error does not suit the answer category 'digit'.",
    ),
    (["digits", "--output", "digit"], "'digits' is a built-in task with its own output."),
    (["digits", "--epochs", "0"], "process.epochs must be an integer of at least 1; got 0."),
    (
        ["digits", "--epochs", "many"],
        "argument --epochs: invalid int value: 'many'. See kissipo fit --help.",
    ),
    (
        ["digits", "--epoch", "3"],
        "--epoch is not an option of kissipo fit. Did you mean '--epochs'?",
    ),
    (["digits", "--seed", "-1"], "the seed must be an integer of at least 0; got -1."),
    ([], "the following arguments are required: TASK. See kissipo fit --help."),
]


@pytest.mark.parametrize(("text", "message"), FILES)
def test_a_broken_task_file_is_refused(text: str, message: str, refusal: Refusal) -> None:
    Path("task.yaml").write_text(text, encoding="utf-8")
    assert message in refusal("fit", "task.yaml")


@pytest.mark.parametrize("text", TAGS)
def test_a_tag_executes_nothing(text: str, refusal: Refusal) -> None:
    Path("task.yaml").write_text(text, encoding="utf-8")
    assert "could not determine a constructor for the tag" in refusal("fit", "task.yaml")
    assert not Path("hacked").exists()


@pytest.mark.parametrize(("arguments", "message"), COMMANDS)
def test_a_broken_command_is_refused(arguments: list[str], message: str, refusal: Refusal) -> None:
    Path("folder.yaml").mkdir()
    Path("task.yaml").write_text("input: {images: digits}", encoding="utf-8")
    assert message in refusal("fit", *arguments)


def test_a_task_file_that_is_no_text_is_refused(refusal: Refusal) -> None:
    Path("task.yaml").write_bytes(b"\xff\xfe\x00input")
    assert "task.yaml is not UTF-8 text. Save it as UTF-8." in refusal("fit", "task.yaml")
