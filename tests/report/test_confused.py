"""The confused images of the report, and the precision-recall curves."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score

import kissipo as ki
from kissipo.core.description import Section, Table
from kissipo.core.frame import Frame, image_column
from kissipo.output.answer import Evaluation, EvaluationData
from kissipo.output.classification_sections import (
    MAX_IMAGES,
    MAX_PAIRS,
    confused_images,
    confused_pairs,
    precision_recall_section,
    read_precision_recall,
)
from kissipo.report.plain import plain_page
from kissipo.report.record_json import record_json


def test_misclassified_examples_have_one_kind_and_are_sorted_by_confidence() -> None:
    generator = np.random.default_rng(3)
    truth, scores = generator.integers(4, size=200), generator.dirichlet(np.ones(4), size=200)
    predicted = scores.argmax(axis=1)
    mistakes = confused_pairs(truth, predicted, scores)
    counts = [len(samples) for _, _, samples in mistakes]
    assert sum(counts) == int((truth != predicted).sum())
    assert counts == sorted(counts, reverse=True)
    for target, other, samples in mistakes:
        mine = [
            index for index in range(200) if (truth[index], predicted[index]) == (target, other)
        ]
        assert samples.tolist() == sorted(mine, key=lambda index: -scores[index, other])


def test_kinds_beyond_the_maximum_are_counted() -> None:
    truth = np.repeat(np.arange(5), 4)
    predicted = (truth + np.tile([1, 2, 3, 4], 5)) % 5
    scores = np.eye(5)[predicted]
    classes = ["<b>", "a", "c", "d", "e"]
    requests = []

    def inputs(samples: np.ndarray) -> list[torch.Tensor]:
        requests.append(samples)
        return [torch.zeros(len(samples), 1, 2, 2)]

    data = EvaluationData(
        Evaluation({}),
        Frame((image_column("image", np.zeros((20, 2, 2), dtype=np.uint8)),)),
        np.arange(20),
        (),
        scores,
        truth,
        0,
        inputs,
        lambda images, classes: (images, ""),
    )
    section = Section("", confused_images(data, predicted, classes))
    page = plain_page("", "", [section])
    assert [len(samples) for samples in requests] == [1] * MAX_PAIRS
    assert f"And {20 - MAX_PAIRS} rarer kinds of mistakes." in page
    assert any("<b>" in part["title"] for part in record_json(section)["records"][1]["records"])
    assert confused_images(data, truth, classes) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "digits"
    task = ki.Task(
        input={"images": "digits"},
        process={"net": "linear", "epochs": 2},
        output={"category": "digit"},
    )
    task.fit(out=folder)
    return folder


def test_the_report_shows_the_images_that_were_confused(
    run: Path, content_of: Callable[[Path], dict[str, Any]]
) -> None:
    content = content_of(run / "report.html")
    loaded = ki.open(run)
    pipeline = loaded.pipeline()
    part = pipeline.splits["test"]
    truth = pipeline.frame["digit"].take(part).texts()
    predictions = [
        row[0] for row in loaded.predict_all(list(pipeline.frame["image"].values[part]))[0]
    ]
    wrong = [
        (real, prediction.value)
        for real, prediction in zip(truth, predictions, strict=True)
        if real != prediction.value
    ]
    (section,) = (item for item in content["sections"] if item["title"] == "Confusion matrix")
    parts = next(item for item in section["records"][1:] if item["kind"] == "section")["records"]
    assert len(parts) == min(MAX_PAIRS, len(set(wrong)))
    for pair_section in parts:
        real, predicted = pair_section["title"].split(" → ")
        count, of = (int(number) for number in pair_section["note"].split(" of "))
        assert (count, of) == (wrong.count((real, predicted)), truth.count(real))
        assert len(pair_section["records"][0]["groups"]) == min(MAX_IMAGES, count)
    first = parts[0]["records"][0]
    pair = tuple(parts[0]["title"].split(" → "))
    sure = max(
        (prediction.confidence or 0, index)
        for index, prediction in enumerate(predictions)
        if (truth[index], prediction.value) == pair
    )
    address = first["groups"][0][0]["image"].removeprefix("data:image/png;base64,")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(address))))
    np.testing.assert_allclose(pixels, load_digits().images[part[sure[1]]] * 255 / 16, atol=1)
    assert first["captions"][0] == f"{round(100 * sure[0])}% sure"


def test_precision_recall_curves_equal_those_of_sklearn(
    run: Path, content_of: Callable[[Path], dict[str, Any]]
) -> None:
    loaded = ki.open(run)
    pipeline = loaded.pipeline()
    outputs = loaded.net(
        pipeline.datasets["test"].batch(torch.arange(len(pipeline.splits["test"]))).inputs[0]
    )
    shares, truth = (
        outputs.softmax(dim=1).detach().double().numpy(),
        pipeline.datasets["test"].targets[0].numpy(),
    )
    details = loaded.metrics["answers"][0]["details"]
    expected = [average_precision_score(truth == digit, shares[:, digit]) for digit in range(10)]
    assert details["by_class"]["average_precision"] == pytest.approx(expected, abs=1e-4)
    titled = content_of(run / "report.html")["sections"]
    (section,) = (item for item in titled if item["title"] == "Precision and recall")
    drawn = {part["title"]: part["note"] for part in section["records"][0]["records"]}
    listed = {row[0]: row[1] for row in section["records"][-1]["rows"]}
    assert len(drawn) == 3 and len(listed) == 7
    for digit, average in enumerate(expected):
        assert f"{average:.2f}" in (drawn | listed)[str(digit)]


def test_only_the_worst_three_curves_are_drawn_and_the_others_are_listed() -> None:
    curve = {"recall": [0.5, 1.0], "precision": [1.0, 0.5]}
    averages = [0.9, 0.2, 1.0, 0.5, 0.7]
    details: dict[str, Any] = {
        "classes": list("abcde"),
        "count": [2] * 5,
        "by_class": {"average_precision": averages},
        "precision_recall": [curve] * 5,
    }
    parts, *_, table = precision_recall_section(details).content
    assert isinstance(parts, Section) and isinstance(table, Table)
    assert [part.title for part in parts.content if isinstance(part, Section)] == ["b", "d", "e"]
    assert table.rows == [["a", "0.90", "0.20"], ["c", "1.00", "0.20"]]


def test_reading_names_the_worst_class_and_its_false_positives() -> None:
    best = {"recall": [0.5, 1.0], "precision": [1.0, 1.0]}
    worst = {"recall": [0.25, 0.5, 0.75, 1.0], "precision": [1.0, 0.2, 0.25, 0.1]}
    details: dict[str, Any] = {
        "classes": ["a", "b", "c"],
        "count": [2, 4, 0],
        "by_class": {"average_precision": [1.0, 0.3, float("nan")]},
        "precision_recall": [best, worst, best],
    }
    (sentence,) = read_precision_recall(details)
    assert sentence == (
        "The best class is 'a' (average precision 1.00), the worst 'b' (0.30; chance 0.67): "
        "a recall of 0.5 for 'b' costs 3 false positives per true positive, "
        "a recall of 1 costs 9 false positives per true positive."
    )
    assert read_precision_recall(details | {"count": [2, 0, 0]}) == []
