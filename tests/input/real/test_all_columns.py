"""A text beside columns of numbers and categories: baselines see them all."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki

Row = dict[str, Any]
NAMES = ("Noll", "Hahn", "Ebel", "Lang", "Berg", "Gray", "Jana", "Anna", "Hana", "Pia", "Eve")
GOOD, BAD = ("great", "lovely", "superb", "happy"), ("poor", "awful", "broken", "sad")
FILLING = ("the", "room", "was", "with", "table", "and", "house", "there", "saw")


def words(generator: np.random.Generator, some: tuple[str, ...], count: int) -> str:
    return " ".join(generator.choice(some, count))


def passengers(generator: np.random.Generator) -> Row:
    """Names say nothing; sex and class decide nearly all."""
    sex, rank = generator.choice(["male", "female"]), int(generator.integers(1, 4))
    chance = {"male": 0.1, "female": 0.97}[str(sex)] - 0.05 * rank + 0.1
    survived = "yes" if generator.random() < chance else "no"
    name = words(generator, NAMES, 4)
    return {"name": name, "sex": sex, "rank": rank, "age": generator.normal(), "answer": survived}


def complaints(generator: np.random.Generator) -> Row:
    """The text decides half, a number the other half."""
    mood, delay = generator.choice([-1, 1]), generator.normal()
    some = GOOD if mood > 0 else BAD
    text = words(generator, FILLING, 5) + " " + words(generator, some, 2)
    answer = "keeps" if mood - 1.5 * delay + 0.3 * generator.normal() > 0 else "leaves"
    return {"text": text, "delay": delay, "shop": generator.choice(list("abc")), "answer": answer}


def two_notes(generator: np.random.Generator) -> Row:
    """Two texts that say nothing, and an interaction that no linear model sees."""
    x, z = generator.normal(size=2)
    first, second = words(generator, FILLING, 5), words(generator, NAMES, 3)
    answer = "same" if x * z > 0 else "other"
    return {"first": first, "second": second, "x": x, "z": z, "answer": answer}


def codes(generator: np.random.Generator) -> Row:
    """A code per row beside a category of three classes that decides."""
    kind = generator.choice(["cube", "ball", "cone"])
    code = f"{generator.choice(list('KLMN'))}{generator.integers(250)}"
    answer = {"cube": "rolls not", "ball": "rolls", "cone": "tips"}[str(kind)]
    return {"code": code, "kind": kind, "size": generator.normal(), "answer": answer}


def flats(generator: np.random.Generator) -> Row:
    """A price from the size, the city and one word of the advertisement."""
    size, city = generator.uniform(20, 120), generator.choice(["Brno", "Oslo"])
    new = generator.choice(["new", "old"])
    text = words(generator, FILLING, 4) + f" {new} flat"
    price = 30 * size + 900 * (city == "Oslo") + 800 * (new == "new") + 50 * generator.normal()
    return {"size": size, "city": city, "text": text, "answer": float(price)}


def many_users(generator: np.random.Generator) -> Row:
    """A category of thousands of classes beside a number that decides."""
    points = generator.normal()
    user = f"user{int(generator.integers(1_500))} {int(generator.integers(2))}"
    return {"user": user, "points": points, "answer": "won" if points > 0 else "lost"}


# the score that a model on all columns must reach, and one that the texts alone cannot
CASES: list[tuple[Callable[[np.random.Generator], Row], float, float]] = [
    (passengers, 0.8, 0.65),
    (complaints, 0.85, 0.8),
    (two_notes, 0.85, 0.65),
    (codes, 0.97, 0.6),
    (many_users, 0.97, 0.65),
]
MIXED = {
    "logistic regression on all columns",
    "gradient boosting on all columns",
    "support vector machine on all columns",
}


def table(make: Callable[[np.random.Generator], Row], rows: int = 500) -> str:
    generator = np.random.default_rng(1)
    samples = [make(generator) for _ in range(rows)]
    path = Path(f"{make.__name__}.csv")
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, samples[0])
        writer.writeheader()
        writer.writerows(samples)
    return str(path)


def answer_of(run: Any) -> Any:
    return run.metrics["answers"][0]


@pytest.mark.parametrize(
    ("make", "reached", "by_text"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_baselines_of_classes_see_all_columns(make: Any, reached: float, by_text: float) -> None:
    more = {"categorical": ["user"]} if make is many_users else {}
    rows = 6_000 if make is many_users else 500
    task = ki.Task(
        input={"table": table(make, rows), **more},
        process={"epochs": 1},
        output={"category": "answer"},
    )
    answer = answer_of(task.fit(out="run"))
    scores = {name: metrics["accuracy"] for name, metrics in answer["baselines"].items()}
    assert scores.keys() >= (
        MIXED if rows <= 2_000 else MIXED - {"support vector machine on all columns"}
    )
    best = max(scores.values())
    assert best >= reached
    assert all(score <= by_text for name, score in scores.items() if name not in MIXED)
    # one epoch is not enough to be better, and the verdict says so
    assert answer["metrics"]["accuracy"] <= best and answer["verdict"]["better"] <= 0


def test_baselines_of_numbers_see_all_columns() -> None:
    task = ki.Task(
        input={"table": table(flats)}, process={"epochs": 1}, output={"number": "answer"}
    )
    answer = answer_of(task.fit(out="run"))
    scores = {name: metrics["r2"] for name, metrics in answer["baselines"].items()}
    assert scores.pop("ridge regression on all columns") > 0.97
    assert scores.pop("gradient boosting on all columns") > 0.9
    assert scores.pop("support vector machine on all columns") > 0.9
    assert all(score < 0.5 for score in scores.values())


def test_table_without_text_has_the_baselines_of_before() -> None:
    task = ki.Task(
        input={"table": table(passengers), "drop": ["name"]},
        process={"epochs": 1},
        output={"category": "answer"},
    )
    assert list(answer_of(task.fit(out="run"))["baselines"]) == [
        "majority class",
        "logistic regression",
        "5 nearest neighbors",
        "random forest",
    ]


def test_net_is_not_worse_for_a_text_that_says_nothing() -> None:
    file = table(passengers)

    def accuracy(**more: Any) -> float:
        task = ki.Task(
            input={"table": file, **more}, output={"category": "answer", "baselines": []}
        )
        run = task.fit(out="run" + "".join(more))
        return float(answer_of(run)["metrics"]["accuracy"])

    assert accuracy() >= accuracy(drop=["name"]) - 0.04  # four of 100 test samples
