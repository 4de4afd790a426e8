"""Several labels in one cell are a multi-label answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.label_sets import LabelSets, separator_of
from kissipo.core.frame import Frame, strings

LABELS = {
    "genres": (";", ["action", "comedy", "drama"]),
    "skills": (", ", ["python", "sql", "machine learning"]),
    "tags": ("|", ["c++", "numpy", "torch"]),
    "allergens": ("/", ["nuts", "milk", "egg"]),
    "types": (" ; ", ["sport", "news", "art"]),
}
# columns whose cells only look like sets of labels
OTHERS = {
    "cities": ["Boston, MA", "Salem, MA", "Nashua, NH"] * 20,
    "dates": ["2024/01/31", "2024/01", "2024/02/01"] * 20,
    "sizes": ["12/14", "14/16", "12"] * 20,
    "prose": [f"hello {number}, my friend; well" for number in range(60)],
    "names": ["Meyer, Anna", "Anna", "Berg, Hana"] * 20,
    "classes": ["yes", "no", "n/a"] * 20,
    "media": ["CD", "DVD", "CD"] * 20,
    "one of a kind": [f"tag{number};tag{number + 1}" for number in range(60)],
}


def samples(name: str, count: int = 240) -> list[tuple[float, float, str]]:
    """Two numbers; the first label is there where the first one is high, and so on."""
    separator, (first, second, third) = LABELS[name]
    generator, rows = np.random.default_rng(2), []
    for x, z in generator.normal(size=(count, 2)):
        is_on = {first: x > 0, second: z > 0, third: x + z < 0}
        labels = [label for label, there in is_on.items() if there]
        rows.append((x, z, separator.join(generator.permutation(labels))))
    return rows


def table(name: str) -> str:
    path = Path(f"{name}.csv")
    lines = [f'{x},{z},"{cell}"' for x, z, cell in samples(name)]
    path.write_text("x,z,answer\n" + "\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize("name", LABELS)
def test_separator_is_found(name: str) -> None:
    cells = [cell for _, _, cell in samples(name)]
    assert separator_of(strings("answer", cells)) == LABELS[name][0].strip()


@pytest.mark.parametrize("name", OTHERS)
def test_other_columns_are_not_sets_of_labels(name: str) -> None:
    assert separator_of(strings("answer", OTHERS[name])) is None


def test_labels_are_inferred_learned_and_predicted(
    capsys: pytest.CaptureFixture[str],
    content_of: Callable[[Path | str], Any],
    records_of: Callable[..., Any],
) -> None:
    file = table("genres")
    assert main(["data", "check", file, "--output", "answer"]) == 0
    assert "3 labels of 'answer', separated by ';'" in capsys.readouterr().out
    assert main(["fit", file, "--output", "answer", "epochs=2", "--out", "run"]) == 0
    answer = ki.open("run").metrics["answers"][0]
    assert (answer["answer"], answer["main"]) == ("labels", "samples_f1")
    assert answer["metrics"]["samples_f1"] > 0.9
    assert answer["baselines"].keys() == {"most frequent labels", "one-vs-rest logistic regression"}
    run = ki.open("run")
    assert run.classes == ("action", "comedy", "drama")
    rows = [{"x": 2.0, "z": 2.0}, {"x": -2.0, "z": 0.5}, {"x": 2.0, "z": -2.5}]
    assert run.predict(rows) == ["action;comedy", "comedy;drama", "action;drama"]
    assert run.predict_proba(rows).shape == (3, 3)
    capsys.readouterr()
    assert main(["predict", "run", "x=2", "z=2", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)["predictions"][0]["answer"]
    assert content["answer"] == "action;comedy" and len(content["others"]) == 3
    assert main(["predict", "run", "x=2", "z=2"]) == 0
    assert capsys.readouterr().out == "action;comedy\n"
    assert main(["evaluate", "run"]) == 0
    assert "hamming_loss" in capsys.readouterr().out
    (label_table,) = records_of(content_of("run/report.html"), "table", "Labels")
    assert [row[0] for row in label_table["rows"]] == ["action", "comedy", "drama"]


def test_labels_by_name_and_with_another_separator() -> None:
    cells = ["a+b", "b", "c", "a", "c+a", "b"] * 10
    lines = [f"{number % 6},{cell}" for number, cell in enumerate(cells)]
    Path("table.csv").write_text("x,y\n" + "\n".join(lines) + "\n")
    task = ki.Task(
        input={"table": "table.csv"},
        process={"epochs": 1},
        output={"labels": "y", "separator": "+", "baselines": []},
    )
    assert task.fit(out="run").classes == ("a", "b", "c")


def test_single_label_is_refused_with_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    Path("table.csv").write_text("x,y\n" + "\n".join(f"{number},a" for number in range(40)))
    arguments: list[Any] = ["fit", "table.csv", "output.labels=y"]
    assert main(arguments) == 2
    assert "output.separator" in capsys.readouterr().err


def test_labels_that_the_training_lacks_are_named() -> None:
    codec = LabelSets("genre", separator="|").fit(Frame((strings("genre", ["drama|comedy"]),)))
    assert codec.remarks(Frame((strings("genre", ["drama|opera"]),))) == [
        "unknown in 'genre': 'opera', left out"
    ]
    assert codec.remarks(Frame((strings("genre", ["drama"]),))) == []
