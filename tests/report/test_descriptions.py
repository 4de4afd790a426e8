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
from kissipo.core.description import Cell, Chart, ColoredText, Gallery, Image, Line, Section, Table
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
from kissipo.report.plain import plain_page
from kissipo.report.record_json import is_shown, record_json

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
        (Number("price"), ["Predictions and targets", "Residuals", "Worst predictions"]),
        (
            Forecast("price", ForecastOptions(3)),
            ["Forecasts and observations", "Trend and season", "Worst predictions"],
        ),
        (
            Anomaly("price", AnomalyOptions(method="forecast", anomaly_labels="labels")),
            ["Trend and season", "Alarms"],
        ),
        (NextToken(window=5), ["Generated text"]),
        (Foreign("price"), ["Worst predictions"]),
    ],
)
def test_answers_describe_their_results(answer: Answer, titles: list[str]) -> None:
    _, sections = described(answer)
    assert [section.title for section in sections] == titles
    titles_of_page = [section.title for section in sections if is_shown(section)]
    assert titles_of_page == [title for title in titles if title != "Generated text"]
    assert all(record_json(section)["records"] for section in sections if is_shown(section))
    assert "<b><b>" not in plain_page("", "", sections)


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
    galleries = [record_json(part.content[0]) for part in (worst, best)]
    assert [len(group) for item in galleries for group in item["groups"]] == [3] * 12
    legend = record_json(section.content[-3])["classes"]
    assert [item["name"] for item in legend] == list(Mask("defect").fit(frame).classes[1:])
    assert "overlap 0." in galleries[0]["captions"][0]


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


def test_table_keeps_its_highlighted_cells_on_every_screen() -> None:
    table = Table(
        ["name", "[x]"], [[Cell("<i>", "good"), "[b]"], ["plain", Cell("9", "dim")]], (1,)
    )
    assert record_json(table) == {
        "kind": "table",
        "titles": ["name", "[x]"],
        "rows": [
            [{"text": "<i>", "style": "good"}, "[b]"],
            ["plain", {"text": "9", "style": "dim"}],
        ],
        "numbers": [1],
    }
    assert (
        '<div class="wide"><table><tr><th>name</th><th class="n">[x]</th></tr>'
        '<tr><td class="good">&lt;i&gt;</td><td class="n">[b]</td></tr>'
        '<tr><td>plain</td><td class="n dim">9</td></tr></table></div>'
    ) in plain_page("", "", [Section("", [table])])
    printed = io.StringIO()
    console = Console(file=printed, force_terminal=True, color_system="standard", width=40)
    console.print(tables.render(table))
    assert "\x1b[32m<i>" in printed.getvalue() and "[b]" in printed.getvalue()


def test_lines_and_sections_are_escaped_and_empty_ones_are_left_out() -> None:
    part = Section("a → <b>", [Line("text", "dim")], note="2 of 3")
    section = Section("all", [part, Section("nothing", [Section("", []), Line("")])])
    assert plain_page("", "", [section]).split("</p>", 1)[1].strip() == (
        '<section><h2>all</h2><h3>a → &lt;b&gt;</h3><p class="dim">text</p></section>'
    )
    assert [item["title"] for item in record_json(section)["records"]] == ["a → <b>"]
    code = plain_page("", "", [Section("x", [Line("a < b", "code"), Line("best", "better")])])
    assert '<pre>a &lt; b</pre><p class="better">best</p>' in code


def test_gallery_draws_masks_with_their_legend() -> None:
    image, mask = torch.full((1, 4, 4), 0.5), np.zeros((4, 4), dtype=np.uint8)
    mask[1:, 1:] = 1
    groups = [[Image(image), Image(image, mask=mask), Image(image, heat=torch.zeros(4, 4))]]
    gallery = record_json(Gallery(groups, ["<1>"], ["a.png"], classes=("nothing", "<crack>")))
    assert len({item["image"] for item in gallery["groups"][0]}) == 3
    assert gallery["captions"] == ["<1>"] and gallery["files"] == ["a.png"]
    assert [item["name"] for item in gallery["classes"]] == ["<crack>"]


def test_a_point_that_is_not_a_number_is_a_gap() -> None:
    chart = Chart({"loss": [(0, 1.0), (1, float("nan"))]}, "epoch", "loss")
    assert record_json(chart)["series"][0]["points"] == [[0.0, 1.0], [1.0, None]]


def test_colored_text_is_shown_by_page_plain_page_and_terminal() -> None:
    text = ColoredText(("who", "<b>"), (1.0, -0.5), " ", "for 'human'")
    section = Section("N-grams", [text, Table(["n-gram"], [["who"]])])
    assert record_json(text) == {
        "kind": "colored_text", "tokens": ("who", "<b>"), "values": (1.0, -0.5),
        "separator": " ", "caption": "for 'human'",
    }  # fmt: skip
    plain = plain_page("title", "", [section])
    assert "<blockquote>who &lt;b&gt;</blockquote><p>for &#x27;human&#x27;</p>" in plain
    screen = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=60)
    for record in tables.render_sections([Section("all", [section])]):
        screen.print(record)
    output = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "N-grams" in output and "for 'human'" in output
    assert "48;2;240;72;62m" in output  # red, at full strength
    assert "48;2;58;87;142m" in output  # half of the blue on the dark ground
