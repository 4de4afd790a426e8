"""The parser refuses mistakes with place and suggestion; the JSON schema agrees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kissipo.core.errors import DataError, NotBuiltError, TaskError, UserError
from kissipo.core.task import Task
from kissipo.pipeline.json_schema import task_schema
from kissipo.pipeline.parse import full_place, read_task
from kissipo.pipeline.recipes import data_are_installed
from kissipo.runs.load import load, recipe, recipe_names

SCHEMA = jsonschema.Draft202012Validator(task_schema())
EXPORTED = Path(__file__).parents[2] / "docs" / "task.schema.json"
TABLE = "input: {table: sms.csv}"
DIGITS = "input: {images: digits}"
WRONG = [
    # a part
    (
        "process: {net: ffn}",
        "input names no source; got nothing. Allowed: one of audio, baskets, environment, events",
    ),
    (
        "input: {tabel: a.csv}",
        "input names no source; got tabel. Allowed: one of audio, baskets, environment",
    ),
    ("input: {batch_size: 3}", "Name the source of the data, for example input: {table: sms.csv}"),
    (
        "input: {table: a.csv, series: b.csv}",
        "input names two sources; got table and series. Allowed: one.",
    ),
    ("input: tabel", "Did you mean 'table'?"),
    # an option
    (
        f"{TABLE}\nprocess: {{net: ffn, unit: 3}}",
        "process.unit is not a known option. Did you mean 'units' or 'init'?",
    ),
    (
        f"{TABLE}\nprocess: {{net: ffn, epoch: 3}}",
        "process.epoch is not a known option. Did you mean 'epochs'?",
    ),
    (
        f"{TABLE}\nprocess: {{epoch: 3}}",
        "process.epoch is not a known option. Did you mean 'epochs'?",
    ),
    (f"{TABLE}\nprocess: ffn", "process.ffn is not a known option."),
    (f"{TABLE}\nprocess: {{net: cnn, cell: gru}}", "process.cell is not a known option."),
    (
        f"{TABLE}\noutput: {{categry: kind}}",
        "output.categry is not a known option. Did you mean 'category'?",
    ),
    (
        f"{TABLE}\noutput: {{category: kind, horizon: 3}}",
        (
            "output.horizon is not a known option. Known here: positive_class, decode, "
            "eval_metric, negative_class"
        ),
    ),
    (
        f"{TABLE}\noutput: [{{category: a}}, {{numbr: b}}]",
        "output.1.numbr is not a known option. Did you mean 'number'",
    ),
    (
        "input: {table: sms.csv, txt: message}",
        "input.txt is not a known option. Did you mean 'text'?",
    ),
    (
        "input: {table: sms.csv, split: {tset: 0.1}}",
        "input.split.tset is not a known option. Did you mean 'test'?",
    ),
    (
        f"{TABLE}\nprocess: {{algorithm: q_learning, dropout: 0.1, optimizer: adam}}",
        "process.optimizer is not a known option.",
    ),
    # a name
    (
        f"{TABLE}\nprocess: {{net: recurent}}",
        "process.net names no net of kissipo; got 'recurent'. Did you mean 'recurrent'?",
    ),
    (f"{TABLE}\nprocess: {{net: [ffn]}}", "process.net must be a name; got ['ffn']."),
    (
        f"{TABLE}\nprocess: {{algorithm: supervized}}",
        "process.algorithm names no algorithm of kissipo; got 'supervized'. Did you",
    ),
    (
        f"{TABLE}\nprocess: {{loss: msee}}",
        "process.loss names no loss of kissipo; got 'msee'. Did you mean 'mse'?",
    ),
    (
        f"{TABLE}\noutput: {{category: a, baselines: [majorty]}}",
        "no baseline for category; got 'majorty'. Did you mean 'majority'?",
    ),
    (
        f"{TABLE}\noutput: {{number: a, baselines: majority}}",
        "names no baseline for number; got 'majority'. Known here: mean",
    ),
    (
        f"{TABLE}\noutput: {{baselines: majorty}}",
        "output.baselines names no baseline of kissipo; got 'majorty'. Did you mean 'majority'?",
    ),
    # a value
    (
        f"{TABLE}\nprocess: {{net: ffn, units: many}}",
        "process.units must be an integer of at least 1, or a list of them; got 'many'.",
    ),
    (f"{TABLE}\nprocess: {{units: many}}", "process.units must be an integer of at least 1"),
    (
        f"{TABLE}\nprocess: {{net: recurrent, units: [64, 64]}}",
        "process.units must be an integer of at least 1; got [64, 64].",
    ),
    (
        f"{TABLE}\nprocess: {{net: recurrent, cell: lstn}}",
        "process.cell must be one of rnn, lstm, gru, bilstm; got 'lstn'.",
    ),
    (
        f"{TABLE}\nprocess: {{net: ffn, dropout: 1}}",
        "process.dropout must be a number of at least 0 and below 1; got 1.",
    ),
    (f"{TABLE}\nprocess: {{epochs: 0}}", "process.epochs must be an integer of at least 1; got 0."),
    (
        f"{TABLE}\nprocess: {{epochs: 2.5}}",
        "process.epochs must be an integer of at least 1; got 2.5.",
    ),
    (f"{TABLE}\nprocess: {{learning_rate: -1}}", "process.learning_rate must be a number above 0"),
    (
        f"{TABLE}\nprocess: {{optimizer: adm}}",
        "process.optimizer must be one of sgd, momentum, adagrad, rmsprop, adam, adamw; got 'adm'.",
    ),
    (
        f"{TABLE}\nprocess: {{early_stopping: soon}}",
        "process.early_stopping.patience must be an integer of at least 0; got 'soon'.",
    ),
    (
        "input: {table: sms.csv, split: 2}",
        "input.split.test must be a number of at least 0 and below 1; got 2.",
    ),
    (
        "input: {table: sms.csv, split: {method: place}}",
        "input.split.method must be one of random, time, leave_last_out; got 'place'.",
    ),
    (
        "input: {table: sms.csv, batch_size: half}",
        "input.batch_size must be an integer of at least 1; got 'half'.",
    ),
    (
        "input: {table: sms.csv, cross: [hour, place]}",
        "input.cross must be a list of lists; got ['hour', 'place'].",
    ),
    (
        "input: {images: digits, size: [0, 8]}",
        "input.size must be an integer of at least 1, or a list of them; got [0, 8].",
    ),
    (
        "input: {images: digits, color: blue}",
        "input.color must be one of grayscale, rgb; got 'blue'.",
    ),
    (
        "input: {series: air.csv}\noutput: {forecast: y, horizon: 0}",
        "output.horizon must be an integer of at least 1; got 0.",
    ),
    (
        f"{TABLE}\noutput: {{category: a, decode: 2}}",
        "output.decode.threshold must be a number above 0 and below 1; got 2.",
    ),
    # options that exclude each other
    (
        f"{TABLE}\noutput: {{category: a, number: b}}",
        "output names two answers; got category and number. Allowed: one, or a list",
    ),
]
# the schema has no rule about the options of a source that an answer does not use
UNUSED = [
    (
        f"{TABLE[:-1]}, min_df: 2}}\noutput: {{category: kind}}",
        "input.min_df (number of documents that a term needs; below 1 a fraction of them) has no "
        "meaning for output.category. Leave it out.",
    ),
    (f"{TABLE[:-1]}, lowercase: true}}\noutput: {{category: a}}", "has no meaning for output.cat"),
    (f"{TABLE[:-1]}, title: a}}", "has no meaning for this task"),
    (
        "input: {text: a.txt, questions: some}\noutput: {text: next}",
        "input.questions (for output.vectors=words: a file of similarities",
    ),
    (
        "input: {text: a.txt, window: 5}\noutput: {vectors: words}",
        "input.window (number of tokens per sample) has no meaning for output.vectors=words.",
    ),
    (
        "input: {text: a, split: 0.3}\noutput: {vectors: documents}",
        "has no meaning for output.vectors=documents.",
    ),
    (
        "input: {text: a}\noutput: [{text: next}, {vectors: documents}]",
        "output.vectors=documents stands alone; got a list of answers.",
    ),
]
LATER = [
    (
        f"{DIGITS}\nprocess: {{net: ffn, algorithm: q_learning}}",
        "'q_learning' for the net 'ffn' is not built yet. Allowed",
    ),
    (f"{DIGITS}\noutput: {{image: same}}", "output.image=same (S37) is not built yet."),
    ("input: {images: digits, captions: a.tsv}", "input.captions (S38) is not built yet."),
]
# the schema has no rule about the source of an algorithm
UNSUITABLE = [
    (
        f"{DIGITS}\nprocess: {{net: ffn, algorithm: dqn}}",
        "'dqn' for the net 'ffn' from samples is not built yet. Allowed: 'supervised'",
    ),
    (
        "input: {environment: CartPole-v1}\nprocess: {net: ffn, algorithm: supervised}",
        "for the net 'ffn' in an environment is not built yet. Allowed: 'dqn'",
    ),
    (
        "input: {environment: CartPole-v1}\nprocess: {net: unet}",
        "'supervised' for the net 'unet' in an environment is not built yet. Allowed: another",
    ),
]
RIGHT = [
    TABLE,
    "input: images",
    f"{TABLE}\nprocess:\noutput:",
    f"{TABLE}\nprocess: {{}}\noutput: {{baselines: [majority, mean]}}",
    "input: {table: sms.csv, text: message, split: 0.3, batch_size: 16}\noutput: {category: kind}",
    (
        "input: {table: sms.csv, split: {test: 0.1, method: time, group: user, seed: 3}, cross: "
        "[[a, b], [c, d]]}"
    ),
    f"{TABLE}\nprocess: {{units: 64, cell: gru, filters: [8], episodes: 5}}",
    (
        f"{TABLE}\nprocess: "
        f"{{net: ffn, algorithm: supervised, units: [], loss: [mse, bce], "
        f"early_stopping: 3, schedule: cosine}}"
    ),
    f"{TABLE}\nprocess: {{net: null, algorithm: null, learning_rate: null, epochs: 5.0}}",
    f"{TABLE}\nprocess: {{algorithm: q_learning, epsilon_start: 0.5}}",
    (
        f"{DIGITS}\nprocess: "
        f"{{net: resnet50, weights: resnet50.safetensors, freeze: [conv1, all but head]}}"
    ),
    f"{DIGITS}\nprocess: {{weights: runs/digits-1, freeze: all but head}}",
    f"{TABLE}\noutput: [{{category: a, positive_class: yes}}, {{number: b, scale: range}}, number]",
    f"{TABLE}\noutput: {{category: kind, decode: 0.3, baselines: majority}}",
    (
        "input: {environment: FrozenLake-v1, settings: {is_slippery: false}, "
        "max_episode_steps: 50}\noutput: {actions: null, episodes: 9}"
    ),
    "input: {text: a.txt, tokenizer: words, window: 20}\noutput: {text: next}",
    "input: {text: a.txt, tokenizer: words, vocab_size: 9}\noutput: {vectors: words}",
    "input: {text: a, documents: line, lowercase: false}\noutput: {vectors: documents}",
    "input: {pairs: a.tsv, lowercase: true}\noutput: {text: de}",
    (
        "input: {series: air.csv, features: [a, b], season_length: 0}\n"
        "output: {forecast: [a, b], horizon: 3}"
    ),
    "input: {make: surfaces}\nprocess: {net: playground, learning_rates: {sgd: 0.1}}",
]


@pytest.mark.parametrize(("text", "message"), WRONG + UNUSED)
def test_mistake_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(TaskError) as refused:
        read_task(Task.from_yaml(text))
    assert message in str(refused.value)


@pytest.mark.parametrize(("text", "message"), LATER + UNSUITABLE)
def test_planned_option_is_refused_as_not_built(text: str, message: str) -> None:
    with pytest.raises(NotBuiltError) as refused:
        read_task(Task.from_yaml(text))
    assert message in str(refused.value)


@pytest.mark.parametrize("text", RIGHT)
def test_valid_task_passes_parser_and_schema(text: str) -> None:
    task = Task.from_yaml(text)
    assert read_task(task).source.name == next(iter(task.input))
    assert SCHEMA.is_valid(task.plain())


@pytest.mark.parametrize("text", [text for text, _ in WRONG + LATER])
def test_schema_refuses_what_the_parser_refuses(text: str) -> None:
    assert not SCHEMA.is_valid(Task.from_yaml(text).plain())


@pytest.mark.parametrize("name", recipe_names())
def test_built_in_task_fits_the_schema_as_written_and_resolved(name: str) -> None:
    assert SCHEMA.is_valid(recipe(name).task.plain())
    if data_are_installed(recipe(name)):
        assert SCHEMA.is_valid(load(name).complete().plain())


def test_exported_schema_is_current() -> None:
    """When it differs: `python -m kissipo.pipeline.json_schema >
    docs/task.schema.json`."""
    SCHEMA.check_schema(task_schema())
    assert json.loads(EXPORTED.read_text(encoding="utf-8")) == task_schema()


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("epochs", "process.epochs"),
        ("split.test", "input.split.test"),
        ("horizon", "output.horizon"),
        ("units", "process.units"),
        ("output.decode", "output.decode"),
        ("freeze", "process.freeze"),
    ],
)
def test_option_without_part_finds_its_part(key: str, place: str) -> None:
    assert full_place(key, Task(input="make")) == place


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("epoch", "'epoch' is not an option of a task. Did you mean 'epochs'"),
        (
            "zzz",
            "'zzz' is not an option of a task. Known here: audio, baskets, environment",
        ),
        ("scale", "'scale' is an option of several parts. Allowed: input.scale or output.scale."),
        ("episodes", "Allowed: process.episodes or output.episodes."),
    ],
)
def test_option_of_no_part_or_several_is_refused(key: str, message: str) -> None:
    with pytest.raises(TaskError) as refused:
        full_place(key, Task(input="make"))
    assert message in str(refused.value)


def test_option_of_several_parts_means_the_part_that_has_it() -> None:
    assert (
        full_place("scale", Task(input="make", output={"number": "y", "scale": "none"}))
        == "output.scale"
    )


def test_option_of_several_parts_means_the_part_whose_net_or_source_has_it() -> None:
    data = {"table": "flowers.csv"}
    assert full_place("grid", Task(input=data, process={"net": "som"})) == "process.grid"


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("digts", DataError, "'digts' is not a built-in task or a file. Did you mean 'digits'?"),
        ("zzz", DataError, "Built-in tasks: acceptability"),
        ("sms.cvs", DataError, "there is no file sms.cvs. Did you mean 'sms.csv'?"),
        ("other.yaml", DataError, "there is no file other.yaml"),
        ("gym:FrozenLak-v1", DataError, "there is no environment 'FrozenLak-v1'"),
    ],
)
def test_misspelled_name_or_file_gets_a_suggestion(
    name: str, kind: type[UserError], message: str
) -> None:
    Path("sms.csv").write_text("kind,message\nham,hello\n", encoding="utf-8")
    with pytest.raises(kind) as refused:
        load(name, output="kind" if name.endswith("cvs") else None).show()
    assert message in str(refused.value)


ROWS = "\n".join(
    ["hour,place,fare", *(f"{row % 24},{'AB'[row % 2]},{row * 7 % 50}" for row in range(60))]
)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"output": {"number": "fair"}}, "has no column 'fair'. Did you mean 'fare'?"),
        ({"input.numeric": ["huor"]}, "has no column 'huor'. Did you mean 'hour'?"),
        ({"input.cross": [["hour", "plce"]]}, "has no column 'plce'. Did you mean 'place'?"),
        ({"input.split": {"group": "plac"}}, "has no column 'plac'. Did you mean 'place'?"),
        (
            {"input.drop": ["fare"], "input.numeric": ["fare"]},
            "input.numeric names 'fare', which is the answer.",
        ),
        (
            {"input.text": ["hour"]},
            "'hour' is not a column of text; got a column of numbers. Use input.numeric=[hour].",
        ),
        (
            {"input.numeric": ["place"]},
            "'place' is not a column of numbers; got texts such as 'A'.",
        ),
    ],
)
def test_misspelled_column_gets_a_suggestion(words: dict[str, Any], message: str) -> None:
    Path("trips.csv").write_text(ROWS, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        load("trips.csv", output="fare", words=words).complete()
    assert message in str(refused.value)
