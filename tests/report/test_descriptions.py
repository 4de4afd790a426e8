"""What answers describe of their results, and how report and terminal render it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from kissipo.cli import tables
from kissipo.codec.numbers import Numbers
from kissipo.core.description import Cell, Gallery, Image, Line, Section, Table
from kissipo.core.frame import Frame, image_column, numbers, strings
from kissipo.output.answer import Answer, Evaluation, EvaluationData
from kissipo.output.answers.anomaly import Anomaly
from kissipo.output.answers.anomaly import Options as AnomalyOptions
from kissipo.output.answers.category import Category
from kissipo.output.answers.forecast import Forecast
from kissipo.output.answers.forecast import Options as ForecastOptions
from kissipo.output.answers.mask import Mask
from kissipo.output.answers.number import Number
from kissipo.output.answers.text import NextToken
from kissipo.report import render

GENERATOR = np.random.default_rng(4)
ROWS = 40
IMAGES = (255 * (GENERATOR.random((ROWS, 6, 5)) > 0.4)).astype(np.uint8)
TABLE = Frame((
    strings("kind", GENERATOR.choice(["<b>", "dear", "fair"], ROWS).tolist()),
    numbers("price", GENERATOR.normal(size=ROWS) * 9 + 70),
    numbers("labels", np.arange(ROWS) == 35),
    strings("text", GENERATOR.choice(["a", "b"], ROWS).tolist()),
    image_column("mask", IMAGES),
))  # fmt: skip


class Foreign(Number):
    """An answer of somebody else, which defines no hook of the report."""

    summary = Answer.summary
    sections = Answer.sections


def described(answer: Answer, frame: Frame = TABLE) -> tuple[EvaluationData, list[Section]]:
    """Returns what an answer describes of random outputs."""
    targets = answer.fit(frame).codec.encode(frame)
    outputs = torch.from_numpy(GENERATOR.normal(size=(len(targets), *answer.spec.shape))).float()
    scores, truth = answer.gather(outputs, targets)
    errors = np.abs(GENERATOR.normal(size=ROWS))
    evaluation = answer.evaluate(scores, truth)
    alarms = {
        "alarms": [{"from": "step 36", "to": "step 37", "error": 3.0, "labeled": True}],
        "windows": [{"from": "step 36", "to": "step 36", "first_alarm": None, "evaluated": False}],
    }
    alarms |= {"judged_from": "step 30", "threshold": 1.5, "false_alarm_rate": 0.01}
    evaluation = replace(
        evaluation,
        details={**evaluation.details, **alarms},
        arrays={"errors": errors, "first": 0},
    )

    def inputs(samples: NDArray[np.int64]) -> list[Tensor]:
        return [torch.from_numpy(IMAGES[samples, None] / 255)]

    def heat_maps(images: Tensor, classes: Any) -> tuple[Tensor, str]:
        return images[:, 0], f"{len(classes)} maps"

    codec = Numbers(("price",)).fit(frame)
    rows = np.arange(ROWS)
    data = EvaluationData(evaluation, frame, rows, (codec,), scores, truth, 12, inputs, heat_maps)
    return data, list(answer.sections(data))


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        (Category("kind"), ["Confusion matrix", "Precision and recall", "Worst predictions"]),
        (Number("price"), ["Predictions and targets", "Worst predictions"]),
        (
            Forecast("price", ForecastOptions(3)),
            ["Trend and season", "Forecasts and observations", "Worst predictions"],
        ),
        (
            Anomaly("price", AnomalyOptions(method="forecast", anomaly_labels="labels")),
            ["Trend and season", "Alarms"],
        ),
        (NextToken(window=5), []),
        (Foreign("price"), ["Worst predictions"]),
    ],
)
def test_answers_describe_their_results(answer: Answer, titles: list[str]) -> None:
    _, sections = described(answer)
    assert [section.title for section in sections] == titles
    pages = render.sections(*sections)
    assert [page.title for page in pages if page.content] == titles
    assert "<b><b>" not in "".join(page.content for page in pages)


def test_worst_predictions_are_the_largest_errors() -> None:
    data, (section,) = described(Foreign("price"))
    (table,) = section.content
    assert isinstance(table, Table) and table.titles == ["row", "target", "prediction", "price"]
    worst = np.argsort(-np.abs(data.scores - data.truth), kind="stable")[:12]
    assert [row[0] for row in table.rows] == [str(TABLE.rows[index]) for index in worst]
    assert [float(row[1]) for row in table.rows] == pytest.approx(data.truth[worst], rel=1e-5)


def test_wrong_images_are_drawn_beside_their_heat_maps() -> None:
    frame = Frame((*TABLE.columns, image_column("image", IMAGES)))
    answer = Category("kind")
    data, sections = described(answer, frame)
    gallery, line = sections[-1].content
    wrong = answer.choose(data.scores) != data.truth
    assert isinstance(gallery, Gallery) and isinstance(line, Line)
    assert len(gallery.groups) == min(12, wrong.sum())
    assert all(len(group) == 2 and group[1].heat is not None for group in gallery.groups)  # type: ignore[union-attr]
    assert f"{len(gallery.groups)} maps" in line.text


def test_masks_are_drawn_beside_the_image() -> None:
    frame = Frame((*TABLE.columns, image_column("image", IMAGES)))
    _, (section,) = described(Mask("defect", size=(6, 5)), frame)
    worst, best = section.content[-2:]
    assert isinstance(worst, Section) and isinstance(best, Section)
    assert (worst.title, best.title) == ("Worst masks", "Best masks")
    page = render.html(section)
    assert page.count("<img") == 2 * 6 * 3 and page.count("■") == 1 and "overlap 0." in page


def test_examples_of_a_category_are_wrong_and_right() -> None:
    answer = Category("kind")
    data, _ = described(answer)
    assert data.evaluation.per_sample is not None
    examples = answer.examples(data.scores, data.truth, data.evaluation.per_sample)
    assert [kind for _, kind in examples] == ["wrong", "wrong", "right", "right"]
    predicted = answer.choose(data.scores)
    assert all(
        (predicted[index] == data.truth[index]) == (kind == "right") for index, kind in examples
    )


def test_summary_of_alarms_names_missed_windows_and_false_alarms() -> None:
    answer = Anomaly("price", AnomalyOptions(method="forecast"))
    data, _ = described(answer)
    (table,) = answer.summary(data.evaluation)
    assert isinstance(table, Table)
    assert list(table.rows) == [["labeled", "step 36", "step 36", "missed (not evaluated)"]]
    details = {**data.evaluation.details, "alarms": [], "windows": []}
    assert answer.summary(Evaluation({}, details)) == [Line("No alarms from step 30 on.")]


def test_table_is_rendered_with_its_highlighted_cells() -> None:
    table = Table(
        ["name", "[x]"], [[Cell("<i>", "good"), "[b]"], ["plain", Cell("9", "dim")]], (1,)
    )
    assert render.html(table) == (
        '<div class="wide"><table><tr><th>name</th><th class="n">[x]</th></tr>'
        '<tr><td class="good">&lt;i&gt;</td><td class="n">[b]</td></tr>'
        '<tr><td>plain</td><td class="n dim">9</td></tr></table></div>'
    )
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, color_system="standard", width=40)
    console.print(tables.render(table))
    assert "\x1b[32m<i>" in printed.getvalue() and "[b]" in printed.getvalue()


def test_lines_and_sections_are_escaped_and_empty_ones_are_left_out() -> None:
    part = Section("a → <b>", [Line("text", "dim")], note="2 of 3")
    side = Section("", [part], side_by_side=True)
    assert render.html(side) == (
        '<div class="parts"><div class="part"><p><b>a → &lt;b&gt;</b> '
        '<span class="dim">2 of 3</span></p><p class="dim">text</p></div></div>'
    )
    assert render.html(Section("nothing", [Section("", []), Line("")])) == ""
    assert render.html(Line("a < b", "code")) == "<pre>a &lt; b</pre>"
    assert render.html(Line("best", "better")) == '<div class="verdict better">best</div>'


def test_gallery_draws_masks_with_their_legend() -> None:
    image, mask = torch.full((1, 4, 4), 0.5), np.zeros((4, 4), dtype=np.uint8)
    mask[1:, 1:] = 1
    groups = [[Image(image), Image(image, mask=mask), Image(image, heat=torch.zeros(4, 4))]]
    page = render.html(Gallery(groups, ["<1>"], ["a.png"], classes=("nothing", "<crack>")))
    addresses = {part.split('"')[0] for part in page.split('src="')[1:]}
    assert len(addresses) == 3 and page.count('title="a.png"') == 3
    assert "■</span> &lt;crack&gt;" in page and "nothing" not in page and "&lt;1&gt;" in page
