"""A written value is never overridden by an automatic one, and `task.yaml` holds every word that a run was made of."""

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
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.recipes import all_recipes, data_are_fetched
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
        f"{1949 + at // 12}-{at % 12 + 1:02},{100 + at + 20 * np.sin(at * np.pi / 6):.3f}"
        for at in range(144)
    ]
    Path("air.csv").write_text("\n".join(["Month,Passengers", *rows]), encoding="utf-8")
    return load("air.csv", output="Passengers", horizon=3)


def one_step() -> Task:
    """The words of the lecture's first predictor about a series that is made here."""
    words = dict(all_recipes())["airline-dense-step"].task.process
    return series().with_words({f"process.{key}": value for key, value in words.items()})


def prose() -> Task:
    Path("novel.txt").write_text(load_wine().DESCR + load_breast_cancer().DESCR, encoding="utf-8")
    return load("novel.txt")


def messages() -> Task:
    rows = [
        f"{'win a prize now' if at % 3 else 'see you at home'} number {at},{'ham' if at % 3 else 'spam'}"
        for at in range(90)
    ]
    Path("sms.csv").write_text("\n".join(["message,kind", *rows]), encoding="utf-8")
    return load("sms.csv", output="kind", words={"input.text": ["message"]})


def images() -> Task:
    digits = load_digits()
    for at in range(60):
        folder = Path("photos", f"class{digits.target[at] % 2}")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.kron(digits.images[at] * 15, np.ones((2, 2))).astype(np.uint8)).save(
            folder / f"{at}.png"
        )
    return load("photos")


def built_in(name: str) -> Callable[[], Task]:
    return lambda: load(name)


OWN = {
    each.__name__: each for each in (numbers_and_classes, numbers, series, prose, messages, images)
}
QUESTIONS = OWN | {
    name: built_in(name) for name, recipe in all_recipes() if not data_are_fetched(recipe)
}
every_question = pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())


def another(info: OptionInfo, value: Any) -> Any:
    """Another value that the word takes."""
    kind = next((each for each in get_args(info.type) if each is not NoneType), info.type)
    kind = info.type if get_origin(info.type) in (Literal, tuple) else kind
    if get_origin(kind) is Literal:
        return next(choice for choice in get_args(kind) if choice != value)
    if is_dataclass(kind) and isinstance(kind, type):
        return {
            key: another(each, getattr(value, each.attribute))
            for key, each in option_infos(kind).items()
        }
    if get_origin(kind) is tuple:
        return [each + 1 for each in value]
    if kind is bool:
        return not value
    return (value or 2) + 1 if kind is int else (value or 0.5) / 2


def process_words(task: Sentence) -> dict[str, tuple[OptionInfo, Any]]:
    """Every word of the net and of its way of learning, with what is decided for it."""
    resolved = read_task(task)
    assert resolved.net is not None
    assert resolved.algorithm is not None
    found = {}
    for options in (resolved.algorithm.options, resolved.net.options):
        found |= {
            key: (info, getattr(options, info.attribute))
            for key, info in option_infos(type(options)).items()
        }
    return found


@every_question
def test_no_written_word_of_the_process_is_overridden(question: Callable[[], Task]) -> None:
    task = question()
    decided, answer = process_words(task.complete()), next(iter(task.answers[0]))
    of_a_net = (
        "loss",
        "rates",
        "from",
        "freeze",
        "backbone_rate",
    )  # what they may say depends on more than their type
    words = {
        key: another(info, value) for key, (info, value) in decided.items() if key not in of_a_net
    }
    if "bidirectional" in words and answer == "text":
        words["bidirectional"] = False  # what comes next is not asked of a net that has read it
        words.pop("merge", None)
    if len(words.get("filters", ())) > 3:
        words["filters"] = words["filters"][
            :2
        ]  # after more of 4x4, each pooled by 2, nothing is left of a board
    if "stateful" in words and answer != "text":
        words["stateful"] = False
    if "patch" in words and answer != "forecast":
        words["patch"] = 1
    if "relative" in words and answer != "forecast":
        words["relative"] = False
    for each in ("smoothing", "class_weights", "mixup"):
        if each in words and answer != "category":
            words[each] = decided[each][1]
    if "games" in task.input:
        words |= {
            "label_smoothing": 0.0,
            "mixup": 0.0,
        }  # a share of the truth would stand on points that are taken
    if "mixup" in words and any(
        codec.spec.vocab_size for codec in build_experiment(task).pipeline.codecs
    ):
        words["mixup"] = 0.0  # ids of words cannot be mixed
    for each in ("independent", "recursive"):
        if each in words and answer != "forecast":
            words[each] = False
    if "loss" in decided and answer in ("forecast", "number"):
        words["loss"] = "huber"
    wished = {"input.batch_size": 7, **{f"process.{key}": value for key, value in words.items()}}
    wished["process.net"] = read_task(task.complete()).net.name  # type: ignore[union-attr]
    kept = task.with_words(wished).complete()
    assert {place: kept.parts()[place.split(".")[0]][place.split(".")[1]] for place in wished} == {  # type: ignore[index]
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
def test_a_loss_that_is_written_without_a_net_is_the_one_that_is_learned_by(
    question: Callable[[], Task], loss: str
) -> None:
    wished = question().with_words({"process.loss": loss})
    wished = wished.with_words({"process.net": None}) if "net" in wished.process else wished
    algorithm: Any = build_experiment(wished).algorithm
    assert [each.__module__.split(".")[-1] for each in algorithm.losses] == [
        SHORT_LOSSES.get(loss, loss)
    ]


@every_question
def test_a_complete_task_keeps_every_word_that_was_written(question: Callable[[], Task]) -> None:
    task = question()
    complete = task.complete()
    for part in ("input", "process"):
        for key, value in getattr(task, part).items():
            held = getattr(complete, part)[key]
            assert (
                {**held, **value} == dict(held) if isinstance(value, Mapping) else held == value
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
def test_task_yaml_holds_every_word_and_refits_to_the_same_metrics(
    question: Callable[[], Task], words: dict[str, Any]
) -> None:
    first = load(question(), words=words).fit(seed=3)
    kept = load(str(first.folder / "task.yaml"))
    resolved = read_task(kept)
    for part, chosen in (
        ("input", resolved.source),
        ("process", resolved.net),
        ("process", resolved.algorithm),
    ):
        assert chosen is not None
        for key, value in written(chosen.options).items():
            assert value is None or key in getattr(kept, part), f"{part}.{key}"
    assert kept.fit(seed=3).metrics == first.metrics


def test_each_of_several_answers_has_its_own_words_and_baselines() -> None:
    rows = [f"{at},{at % 7},{'ab'[at % 2]},{2 * at}" for at in range(80)]
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
    first = {**output[0], "decode": {"threshold": 0.5, "top": 3}}
    assert run.task.plain()["output"] == [first, output[1]]
