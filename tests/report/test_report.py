"""The report is one file that opens offline in a real browser."""

from __future__ import annotations

import csv
import html
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import kissipo as ki
from kissipo.core.description import Bars, Chart, Matrix
from kissipo.report.drawing import bars, lines, matrix
from kissipo.report.loss_curves import describe_curves

SVG = "{http://www.w3.org/2000/svg}"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=2000",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    ki.load("digits").fit(epochs=3, out=folder / "digits")
    ki.load("sunspots").fit(epochs=3, out=folder / "sunspots")
    ki.load("racing").fit(out=folder / "racing")
    return folder


def visible_text(page: Path, profile: Path) -> str:
    """The page as a browser builds it, tags left out."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    command = [
        chromium,
        *FLAGS,
        f"--user-data-dir={profile}",
        "--dump-dom",
        page.resolve().as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", " ", dom, flags=re.DOTALL))


def test_a_real_browser_shows_every_part(runs: Path, tmp_path: Path) -> None:
    text = visible_text(runs / "digits" / "report.html", tmp_path / "profile")
    for part in (
        "Verdict", "Score of 'digit'", "majority class", "random forest",
        "Data", "no duplicates among 1797 rows",
        "Data flow",
        "linear 64 -> 256", "Training", "The validation loss was still falling at the end",
        "Confusion",
        "rows: target; columns: prediction", "How to reproduce this run", "kissipo fit",
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("name", ["digits", "sunspots", "racing"])
def test_nothing_is_loaded_from_outside_and_no_script_runs(runs: Path, name: str) -> None:
    text = (runs / name / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|iframe|object|embed)\b", text)
    assert not re.search(r"\b(src|href)\s*=\s*[\"'](?!data:|#)", text) and "@import" not in text
    assert not re.search(r"url\((?!['\"]?data:)", text)


def test_confusion_matrix_shows_the_counts_of_metrics_json(runs: Path) -> None:
    text = (runs / "digits" / "report.html").read_text(encoding="utf-8")
    drawn = re.search(r"<h2>Confusion matrix</h2>(<svg.*?</svg>)", text, re.DOTALL)
    assert drawn
    numbers = [
        int(element.text or "")
        for element in ElementTree.fromstring(drawn[1]).iter()
        if element.get("class") == "number"
    ]
    confusion = ki.open(runs / "digits").metrics["answers"][0]["details"]["confusion"]
    assert numbers == [count for row in confusion for count in row if count]


def test_a_forecast_is_drawn_beside_what_came(runs: Path, tmp_path: Path) -> None:
    text = visible_text(runs / "sunspots" / "report.html", tmp_path / "profile")
    assert "seasonal naive" in text and "linear autoregression" in text
    assert "forecast" in text.lower() and "observed" in text.lower()


def test_q_values_stand_beside_value_iteration(runs: Path, tmp_path: Path) -> None:
    text = visible_text(runs / "racing" / "report.html", tmp_path / "profile")
    assert "value iteration" in text and "agrees" in text and "random policy" in text


def test_names_and_classes_of_the_user_are_escaped(tmp_path: Path) -> None:
    evil = "<script>document.title='taken'</script>"
    rows = "".join(
        f"{number % 7},{'<b>x</b>' if number % 7 > 3 else 'y'}\n" for number in range(80)
    )
    Path("evil.csv").write_text(f'"{evil}",kind\n{rows}')
    run = ki.load("evil.csv", output="kind").fit(epochs=2)
    text = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text and "<b>x</b>" not in text and "&lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>x</b>" in visible_text(run.folder / "report.html", tmp_path / "profile")


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


def test_a_point_is_drawn_where_its_numbers_say() -> None:
    drawn = ElementTree.fromstring(
        lines(Chart({"loss": [(0, 0.0), (5, 1.0), (10, 4.0)]}, "epoch", "loss"))
    )
    points = next(
        element.get("points") for element in drawn.iter() if element.tag.endswith("polyline")
    )
    assert points
    (x0, y0), (x1, y1), (x2, y2) = (
        [float(coordinate) for coordinate in pair.split(",")] for pair in points.split()
    )
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)
    assert (y0 - y1) * 4 == pytest.approx(y0 - y2, abs=0.5) and y2 < y1 < y0


def test_a_longer_bar_is_a_larger_number() -> None:
    drawn = ElementTree.fromstring(
        bars(Bars({"net": 4.0, "naive": 2.0, "lost": float("nan")}, first="net"))
    )
    widths = [
        float(element.get("width") or 0) for element in drawn.iter() if element.tag.endswith("rect")
    ]
    assert len(widths) == 2 and widths[0] == pytest.approx(2 * widths[1], abs=0.2)


def test_a_cell_is_as_dark_as_its_share_of_the_row() -> None:
    drawn = ElementTree.fromstring(matrix(Matrix([[3, 1], [0, 2]], ["a", "b"])))
    shares = [
        float(element.get("fill-opacity") or 0)
        for element in drawn.iter()
        if element.get("class") == "cell"
    ]
    assert shares == [0.75, 0.25, 0.0, 1.0]


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
