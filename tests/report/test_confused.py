"""The confused images of the report, and the precision-recall curves."""

from __future__ import annotations

import base64
import html
import io
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score

import kissipo as ki
from kissipo.core.description import Chart, Section
from kissipo.core.frame import Frame, image_column
from kissipo.output.answer import Evaluation, EvaluationData
from kissipo.output.classification_sections import (
    MAX_IMAGES,
    MAX_PAIRS,
    confused_images,
    confused_pairs,
    read_precision_recall,
)
from kissipo.report import render
from kissipo.report.drawing import lines


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
    page = render.html(Section("", confused_images(data, predicted, classes)))
    assert [len(samples) for samples in requests] == [1] * MAX_PAIRS
    assert f"And {20 - MAX_PAIRS} rarer kinds of mistakes." in page
    assert "&lt;b&gt;" in page and "<b><b>" not in page
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


def test_the_report_shows_the_images_that_were_confused(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
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
    captions = re.findall(
        r'<div class="part"><p><b>(\d) → (\d)</b> <span class="dim">(\d+) of (\d+)</span>', page
    )
    assert len(captions) == min(MAX_PAIRS, len(set(wrong)))
    for real, predicted, count, of in captions:
        assert (int(count), int(of)) == (wrong.count((real, predicted)), truth.count(real))
    parts = page.split("<h2>Confusion matrix</h2>")[1].split("</section>")[0]
    images = [part.count("<img") for part in parts.split('<div class="part">')[1:]]
    assert images == [min(MAX_IMAGES, int(count)) for _, _, count, _ in captions]
    first = re.search(
        r'class="part">.*?src="data:image/png;base64,([^"]+)".*?<figcaption>(\d+)% sure',
        page,
        re.DOTALL,
    )
    assert first
    sure = max(
        (prediction.confidence or 0, index)
        for index, prediction in enumerate(predictions)
        if (truth[index], prediction.value) == (captions[0][0], captions[0][1])
    )
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(first[1]))))
    np.testing.assert_allclose(pixels, load_digits().images[part[sure[1]]] * 255 / 16, atol=1)
    assert int(first[2]) == round(100 * sure[0])


def test_precision_recall_curves_equal_those_of_sklearn(run: Path) -> None:
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
    page = html.unescape((run / "report.html").read_text(encoding="utf-8"))
    for digit, average in enumerate(expected):
        assert re.search(rf'<b>{digit}</b> <span class="dim">{average:.2f} ', page)


def test_a_curve_is_drawn_where_its_points_are() -> None:
    curve = [(0.0, 1.0), (0.5, 0.5), (1.0, 0.25)]
    limits = ((0.0, 1.0), (0.0, 1.0))
    drawn = ElementTree.fromstring(
        lines(Chart({"": curve}, width=190, height=166, level=0.25, area=True, limits=limits))
    )
    line = next(element for element in drawn.iter() if element.tag.endswith("polyline"))
    points = [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]
    # the square begins 56 from the left and 24 from above, 122 wide and 102 high
    assert points == [(56.0, 24.0), (117.0, 75.0), (178.0, 100.5)]
    area = next(element for element in drawn.iter() if element.tag.endswith("polygon"))
    assert area.get("points", "").split()[-2:] == ["178.0,126", "56.0,126"]
    chance = next(element for element in drawn.iter() if element.get("class") == "mark")
    assert float(chance.get("y1", "")) == 100.5


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
