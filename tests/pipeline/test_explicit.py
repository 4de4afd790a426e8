"""Written options are never changed, and `task.yaml` contains every option of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from kissipo.core.config import to_frozen
from kissipo.core.schema import OptionInfo, option_infos, written
from kissipo.core.task import Task as Sentence
from kissipo.pipeline.experiment import build_experiment
from kissipo.pipeline.parse import read_task, unused_options
from kissipo.pipeline.recipes import all_recipes, data_are_installed
from kissipo.pipeline.registries import SHORT_LOSSES
from kissipo.runs.load import load
from kissipo.runs.task import Task


def numbers_and_classes() -> Task:
    load_wine(as_frame=True).frame.iloc[::2].to_csv("wine.csv", index=False)
    return load("wine.csv", output="target")


def numbers() -> Task:
    load_diabetes(as_frame=True).frame.iloc[::4].to_csv("diabetes.csv", index=False)
    return load("diabetes.csv", output="target")


def series() -> Task:
    rows = [
        f"{1949 + row // 12}-{row % 12 + 1:02},{100 + row + 20 * np.sin(row * np.pi / 6):.3f}"
        for row in range(144)
    ]
    Path("air.csv").write_text("\n".join(["Month,Passengers", *rows]), encoding="utf-8")
    return load("air.csv", output="Passengers", horizon=3)


def one_step() -> Task:
    """Returns a task with the options of the lecture's first predictor."""
    words = dict(all_recipes())["airline-dense-step"].task.process
    return series().with_words({f"process.{key}": value for key, value in words.items()})


def prose() -> Task:
    Path("novel.txt").write_text(load_wine().DESCR + load_breast_cancer().DESCR, encoding="utf-8")
    return load("novel.txt")


def messages() -> Task:
    rows = [
        f"{'win a prize now' if row % 3 else 'see you at home'} number {row},"
        f"{'ham' if row % 3 else 'spam'}"
        for row in range(90)
    ]
    Path("sms.csv").write_text("\n".join(["message,kind", *rows]), encoding="utf-8")
    return load("sms.csv", output="kind", words={"input.text": ["message"]})


def images() -> Task:
    digits = load_digits()
    for index in range(60):
        folder = Path("photos", f"class{digits.target[index] % 2}")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.kron(digits.images[index] * 15, np.ones((2, 2))).astype(np.uint8)).save(
            folder / f"{index}.png"
        )
    return load("photos")


def built_in(name: str) -> Callable[[], Task]:
    """Returns how a built-in task is loaded; that of go with few games."""
    games = "num_games" in dict(all_recipes())[name].task.input
    return lambda: load(name, words={"input.num_games": 12} if games else {})


OWN = {
    build.__name__: build
    for build in (numbers_and_classes, numbers, series, prose, messages, images)
}
QUESTIONS = OWN | {
    name: built_in(name) for name, recipe in all_recipes() if data_are_installed(recipe)
}
every_question = pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())


def another(info: OptionInfo, value: Any) -> Any:
    """Returns another value that the option accepts."""
    kind = next((member for member in get_args(info.type) if member is not NoneType), info.type)
    kind = info.type if get_origin(info.type) in (Literal, tuple) else kind
    if get_origin(kind) is Literal:
        return next(choice for choice in get_args(kind) if choice != value)
    if is_dataclass(kind) and isinstance(kind, type):
        return {
            key: another(inner, getattr(value, inner.attribute))
            for key, inner in option_infos(kind).items()
        }
    if get_origin(kind) is tuple:
        return [number + 1 for number in value]
    if kind is bool:
        return not value
    return (value or 2) + 1 if kind is int else (value or 0.5) / 2


def process_words(task: Sentence) -> dict[str, tuple[OptionInfo, Any]]:
    """Returns every option of net and algorithm with its inferred value."""
    resolved = read_task(task)
    assert resolved.net is not None
    assert resolved.algorithm is not None
    values = {}
    for options in (resolved.algorithm.options, resolved.net.options):
        values |= {
            key: (info, getattr(options, info.attribute))
            for key, info in option_infos(type(options)).items()
        }
    return values


@every_question
def test_written_options_of_the_process_are_not_changed(question: Callable[[], Task]) -> None:
    task = question()
    decided, answer = process_words(task.complete()), next(iter(task.answers[0]))
    of_a_net = (
        "loss",
        "learning_rates",
        "weights",
        "freeze",
        "backbone_learning_rate_scale",
        "anchors",
        "image_features",
    )  # their values depend on more than their type
    words = {
        key: another(info, value) for key, (info, value) in decided.items() if key not in of_a_net
    }
    if "bidirectional" in words and answer == "text":
        words["bidirectional"] = False  # a bidirectional net would see the next token
        words.pop("merge", None)
    if len(words.get("filters", ())) > 3:
        words["filters"] = words["filters"][
            :2
        ]  # more filters of 4x4 with pooling would reduce a board to nothing
    if "tied_embedding" in words:
        words["readout"] = "linear"  # its width is that of the embedding
    if "stateful" in words and answer != "text":
        words["stateful"] = False
    if "patch_length" in words and answer != "forecast":
        words["patch_length"] = 1
    if "subtract_last" in words and answer != "forecast":
        words["subtract_last"] = False
    for key in ("label_smoothing", "class_weights", "mixup"):
        if key in words and answer != "category":
            words[key] = decided[key][1]
    if "games" in task.input:
        words |= {
            "label_smoothing": 0.0,
            "mixup": 0.0,
        }  # soft targets would include illegal moves
    if "environment" in task.input and "dropout" in words:
        words["dropout"] = 0.0  # its own values are the targets of deep Q-learning
    if "mixup" in words and any(
        codec.spec.vocab_size for codec in build_experiment(task).pipeline.codecs
    ):
        words["mixup"] = 0.0  # ids of words cannot be mixed
    for key in ("channel_independent", "autoregressive"):
        if key in words and answer != "forecast":
            words[key] = False
    if words.get("features") == "statistics":
        words["features"] = "values"  # images of 8x8 are too small for statistics
    if "wide" in words and (answer != "forecast" or words.get("autoregressive")):
        words["wide"] = False
    if "loss" in decided and answer in ("forecast", "number"):
        words["loss"] = "huber"
    wished = {f"process.{key}": value for key, value in words.items()}
    if "batch_size" not in unused_options(read_task(task)):  # a map reads all samples at once
        wished["input.batch_size"] = 7
    wished["process.net"] = read_task(task.complete()).net.name  # type: ignore[union-attr]
    complete = task.with_words(wished).complete()
    assert {
        place: complete.parts()[place.split(".")[0]][place.split(".")[1]] for place in wished
    } == {  # type: ignore[index]
        place: to_frozen(value) for place, value in wished.items()
    }


@pytest.mark.parametrize(
    ("question", "loss"),
    [
        (numbers, "huber"),
        (series, "mae"),
        (numbers_and_classes, "kl"),
        (one_step, "mae"),
        (built_in("go"), "kl"),
    ],
)
def test_written_loss_without_a_net_is_used(question: Callable[[], Task], loss: str) -> None:
    wished = question().with_words({"process.loss": loss})
    wished = wished.with_words({"process.net": None}) if "net" in wished.process else wished
    algorithm: Any = build_experiment(wished).algorithm
    assert [loss.__module__.split(".")[-1] for loss in algorithm.losses] == [
        SHORT_LOSSES.get(loss, loss)
    ]


@every_question
def test_complete_task_keeps_written_options(question: Callable[[], Task]) -> None:
    task = question()
    complete = task.complete()
    for part in ("input", "process"):
        for key, value in getattr(task, part).items():
            value_now = getattr(complete, part)[key]
            assert (
                {**value_now, **value} == dict(value_now)
                if isinstance(value, Mapping)
                else value_now == value
            ), key
    assert complete.complete() == complete


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (built_in("equations"), {"epochs": 3}),
        (built_in("racing"), {"process.episodes": 200, "output.episodes": 50}),
        (built_in("sunspots"), {"epochs": 2}),
        (numbers_and_classes, {"epochs": 2}),
        (numbers, {"epochs": 2, "loss": "mae"}),
        (prose, {"epochs": 1, "units": 8}),
        (messages, {"epochs": 2}),
        (images, {"epochs": 1}),
    ],
    ids=["equations", "racing", "sunspots", "classes", "numbers", "prose", "messages", "images"],
)
def test_task_yaml_has_every_option_and_repeats_the_metrics(
    question: Callable[[], Task], words: dict[str, Any]
) -> None:
    first = load(question(), words=words).fit(seed=3)
    stored = load(str(first.folder / "task.yaml"))
    resolved = read_task(stored)
    for part, component in (
        ("input", resolved.source),
        ("process", resolved.net),
        ("process", resolved.algorithm),
    ):
        assert component is not None
        for key, value in written(component.options).items():
            assert value is None or key in getattr(stored, part), f"{part}.{key}"
    assert stored.fit(seed=3).metrics == first.metrics


def test_several_answers_have_separate_options_and_baselines() -> None:
    rows = [f"{row},{row % 7},{'ab'[row % 2]},{2 * row}" for row in range(80)]
    Path("both.csv").write_text("\n".join(["x,y,kind,size", *rows]), encoding="utf-8")
    output = [
        {"category": "kind", "baselines": ["majority"]},
        {"number": "size", "baselines": ["mean"]},
    ]
    run = Task(
        input={"table": "both.csv"}, process={"net": "ffn", "epochs": 1}, output=output
    ).fit()
    assert [list(answer["baselines"]) for answer in run.metrics["answers"]] == [
        ["majority class"],
        ["mean"],
    ]
    first = {**output[0], "decode": {"threshold": 0.5, "top_k": 3}}
    assert run.task.plain()["output"] == [first, output[1]]
