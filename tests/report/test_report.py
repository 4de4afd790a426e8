"""The numbers of a report are those of metrics.json and history.csv."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.core.text import format_score
from kissipo.report.glossary import term_sentences
from kissipo.report.loss_curves import describe_curves

ContentOf = Callable[[Path], dict[str, Any]]
ROOT = Path(__file__).parents[2]


def records(content: dict[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Yields all records of a kind, of all sections."""
    waiting = list(content["sections"])
    while waiting:
        record = waiting.pop(0)
        if record["kind"] == kind:
            yield record
        waiting = record.get("records", []) + waiting


def section(content: dict[str, Any], title: str) -> dict[str, Any]:
    return next(item for item in content["sections"] if item["title"] == title)


def test_sections_follow_the_data_from_input_to_output(runs: Path, content_of: ContentOf) -> None:
    stages = [item["stage"] for item in content_of(runs / "digits" / "report.html")["sections"]]
    assert [stages[0], stages[-1]] == ["", ""]
    assert list(dict.fromkeys(stages[1:-1])) == ["input", "process", "output"]


@pytest.mark.parametrize("name", ["digits", "sunspots", "racing", "kinds", "lengths", "text"])
def test_figures_and_scores_are_those_of_metrics_json(
    name: str, runs: Path, content_of: ContentOf
) -> None:
    content = content_of(runs / name / "report.html")
    answer = ki.open(runs / name).metrics["answers"][0]
    main = answer["main"]
    model, baseline, count = content["figures"]
    assert model["value"] == format_score(answer["metrics"][main])
    best = answer["baselines"][baseline["note"]][main]
    others = [values[main] for values in answer["baselines"].values()]
    assert best == (max(others) if answer["higher_is_better"] else min(others))
    assert baseline["value"] == format_score(best) and int(count["value"].replace(",", "")) > 0
    (verdict,) = content["verdicts"]
    assert answer["verdict"]["sentence"] in verdict["text"]
    table = next(records({"sections": [content["sections"][0]]}, "table"))
    assert [cell["text"] for cell in table["rows"][0][1:]] == [
        format_score(np.nan if value is None else value) for value in answer["metrics"].values()
    ]
    bars = dict(next(records(content, "bars"))["values"])
    assert bars["model"] == pytest.approx(answer["metrics"][main])


def test_confusion_matrix_has_the_counts_and_examples_of_its_cells(
    runs: Path, content_of: ContentOf
) -> None:
    (matrix,) = records(content_of(runs / "digits" / "report.html"), "matrix")
    run = ki.open(runs / "digits")
    assert matrix["counts"] == run.metrics["answers"][0]["details"]["confusion"]
    pipeline = run.pipeline()
    part = pipeline.splits["test"]
    targets = pipeline.frame["digit"].take(part).texts()
    images = list(pipeline.frame["image"].values[part])
    predicted = [str(row[0].value) for row in run.predict_all(images)[0]]
    for key, examples in matrix["examples"].items():
        target, other = (matrix["labels"][int(place)] for place in key.split(","))
        assert 1 <= len(examples) <= 4
        for example in examples:
            position = example["position"]
            assert (targets[position], predicted[position]) == (target, other)
            assert example["target"] == target and example["prediction"].startswith(other)
            assert example["row"] == pipeline.frame.rows[part[position]]
            assert example["image"]["image"].startswith("data:image/png;base64,")
    wrong = {
        f"{row},{column}"
        for row, counts in enumerate(matrix["counts"])
        for column, count in enumerate(counts)
        if count and row != column
    }
    assert wrong <= set(matrix["examples"])


def test_threshold_counts_what_metrics_json_counts(runs: Path, content_of: ContentOf) -> None:
    (record,) = records(content_of(runs / "kinds" / "report.html"), "threshold")
    answer = ki.open(runs / "kinds").metrics["answers"][0]
    chance = np.array(record["probabilities"])
    is_positive = np.array([flag == "1" for flag in record["targets"]])
    predicted = chance >= record["threshold"]
    matrix = [
        [int((~predicted & ~is_positive).sum()), int((predicted & ~is_positive).sum())],
        [int((~predicted & is_positive).sum()), int((predicted & is_positive).sum())],
    ]
    assert matrix == answer["details"]["confusion"]
    assert record["positive"] == answer["details"]["positive"]
    assert record["total"] == len(chance) == answer["details"]["count"][0] + is_positive.sum()


def test_forecasts_stand_on_dates_with_the_weeks_before_and_the_best_baseline(
    runs: Path, content_of: ContentOf
) -> None:
    content = content_of(runs / "sunspots" / "report.html")
    chart = next(records({"sections": [section(content, "Forecasts and observations")]}, "chart"))
    series = {line["name"]: line["points"] for line in chart["series"]}
    best = content["figures"][1]["note"]
    assert {"observed", "forecast", best} <= series.keys() and best in chart["dashed"]
    run = ki.open(runs / "sunspots")
    pipeline = run.pipeline()
    window = pipeline.codecs[0].spec.shape[0]
    start = int(pipeline.splits["test"][0]) + window
    values = pipeline.frame[run.answers[0].name].values
    observed = [value for _, value in series["observed"]]
    before = min(window, 200)
    np.testing.assert_allclose(observed, values[start - before :][: len(observed)], rtol=1e-4)
    assert series["forecast"][0][0] == series["observed"][before][0] == chart["marker"]
    errors = np.abs(
        np.array([value for _, value in series[best]])
        - np.array([value for _, value in series["observed"]][before:])[: len(series[best])]
    )
    answer = run.metrics["answers"][0]
    if run.answers[0].spec.shape[0] == 1:
        assert errors.mean() == pytest.approx(answer["baselines"][best]["mae"], rel=1e-4)
    assert chart["is_time"] == any(column.kind == "time" for column in pipeline.frame.columns)


def test_residuals_are_counted_once_each(runs: Path, content_of: ContentOf) -> None:
    content = content_of(runs / "lengths" / "report.html")
    (histogram,) = records(content, "histogram")
    edges = histogram["edges"]
    assert str(sum(histogram["counts"])) == content["figures"][2]["value"]
    assert len(edges) == len(histogram["counts"]) + 1 and edges == sorted(edges)


def test_a_language_model_shows_what_it_writes(runs: Path, content_of: ContentOf) -> None:
    content = content_of(runs / "text" / "report.html")
    generated = section(content, "Generated text")
    texts = [record["text"] for record in records({"sections": [generated]}, "line")]
    assert len(texts[1]) == 32 and texts[1] in "the cat sat on the mat. " * 3
    assert [len(text) for text in texts[2:4]] == [240, 240]
    assert set(texts[3]) <= set("the cat sat on the mat. ")


def test_examples_say_why_they_are_shown(runs: Path, content_of: ContentOf) -> None:
    content = content_of(runs / "kinds" / "report.html")
    (listed,) = records(content, "examples")
    for example in listed["examples"]:
        is_right = example["prediction"].startswith(f"{example['target']} (")
        assert example["kind"] == ("right" if is_right else "wrong")
        assert example["text"].startswith("length ") and example["row"] >= 1
    assert content["run"] == str(runs / "kinds")


def test_the_example_of_the_report_is_that_of_the_command(
    runs: Path, content_of: ContentOf, capsys: pytest.CaptureFixture[str]
) -> None:
    from kissipo.cli.main import main

    (listed,) = records(content_of(runs / "lengths" / "report.html"), "examples")
    example = listed["examples"][0]
    number = str(example["position"] + 1)
    assert main(["xray", str(runs / "lengths"), "--example", number]) == 0
    printed = capsys.readouterr().out
    assert f"target: {float(example['target']):.6g}"[:12] in printed
    assert main(["xray", str(runs / "lengths"), "--example", "0"]) == 2
    assert main(["xray", str(runs / "lengths"), "--example", "999"]) == 2
    assert "number 999" in capsys.readouterr().err


def test_the_training_curve_names_the_kept_epoch(runs: Path, content_of: ContentOf) -> None:
    chart = next(
        records(
            {"sections": [section(content_of(runs / "digits" / "report.html"), "Training")]},
            "chart",
        )
    )
    run = ki.open(runs / "digits")
    assert chart["marker"] == run.metrics["best_epoch"]
    validation = next(line for line in chart["series"] if line["name"] == "validation")
    assert validation["points"] == [
        [row["epoch"], pytest.approx(row["validation_loss"])] for row in run.history
    ]


def test_q_values_stand_beside_value_iteration(runs: Path) -> None:
    page = (runs / "racing" / "report.html").read_text(encoding="utf-8")
    assert "value iteration" in page and "agrees" in page and "random policy" in page


def test_names_of_classes_are_escaped_everywhere(runs: Path) -> None:
    page = (runs / "kinds" / "report.html").read_text(encoding="utf-8")
    body = page.split("</head>")[1]
    assert "<b>long</b>" not in body and "&lt;b&gt;long&lt;/b&gt;" in body


def test_a_term_has_the_sentence_of_the_glossary() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$",
        (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    with (ROOT / "kissipo" / "report" / "glossary.tsv").open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert table[0] == ["english", "zh_tw", "meaning"]
    assert [tuple(row) for row in table[1:]] == [row for row in rows if row[0] != "English"]
    meanings = {row[0]: row[2] for row in rows}
    words = term_sentences("MAE and the balanced accuracy of recalls, not a rememberance")
    assert words == {
        "mae": meanings["mean absolute error (MAE)"],
        "balanced accuracy": meanings["balanced accuracy"],
        "recall": meanings["recall"],
    }


def test_tensorboard_reads_the_history(runs: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(runs / "digits")).Reload()
    with (runs / "digits" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in ("loss", "validation_loss", "validation_accuracy"):
        expected = [
            (int(row["epoch"]), float(row[name]))
            for row in rows
            if row[name] and row["epoch"] != "0"
        ]
        assert [
            (event.step, pytest.approx(event.value, rel=1e-6)) for event in events.Scalars(name)
        ] == expected


@pytest.mark.parametrize(
    ("losses", "best", "epochs", "says"),
    [
        (
            [(1.0, 1.0), (0.5, 0.6), (0.4, 0.5)],
            3,
            3,
            "still falling at the end (0.5 after epoch 3)",
        ),
        (
            [(1.0, 1.0), (0.5, 0.6), (0.1, 0.9), (0.05, 1.2)],
            2,
            4,
            "lowest after epoch 2 (0.6) and rose to 1.2",
        ),
        ([(1.0, 1.0), (0.5, 0.6), (0.5, 0.6), (0.49, 0.61)], 2, 4, "settled at 0.6 after epoch 2"),
        ([(1.0, 1.0), (0.999, 1.0)], 2, 2, "The training loss hardly fell"),
        ([(1.0, 1.0), (0.5, 0.6)], 2, 9, "Training stopped early, after 2 of 9 epochs"),
        ([(1.0, 2.0), (0.1, 0.5)], 2, 2, "the validation loss is 5.0 times the training loss"),
    ],
)
def test_curve_reading_matches_the_losses(
    losses: list[tuple[float, float]], best: int, epochs: int, says: str
) -> None:
    rows = [
        {"epoch": epoch, "loss": loss, "validation_loss": other}
        for epoch, (loss, other) in enumerate(losses, 1)
    ]
    assert says in " ".join(describe_curves(rows, best_epoch=best, max_epochs=epochs))


def test_without_javascript_the_verdict_and_the_tables_remain(runs: Path) -> None:
    page = (runs / "digits" / "report.html").read_text(encoding="utf-8")
    plain = html.unescape(page.split('<main id="page">')[1].split("</main>")[0])
    answer = ki.open(runs / "digits").metrics["answers"][0]
    assert answer["verdict"]["sentence"] in plain
    for values in answer["baselines"].values():
        assert format_score(values["accuracy"]) in plain
    assert plain.count("<table>") >= 5 and plain.count("<img") == 1 and "style=" not in plain
