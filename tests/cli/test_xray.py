"""`kissipo xray RUN [VALUE]`: a sample of any kind of run from the inside, in the terminal, as one page, as files, in the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.inspect.tracing.trace_file import read_trace
from kissipo.runs.xray.examples import examples_inside

Out = pytest.CaptureFixture[str]
COMMANDS = {
    "table": (["table.csv", "--output", "kind", "epochs=2"], ["size=3", "color=g"]),
    "texts": (["texts.csv", "--output", "kind", "epochs=1", "units=5"], ["free <b>prize</b>"]),
    "number": (["backprop", "epochs=1"], ["x1=0.5", "x2=1"]),
    "images": (["digits", "net=cnn", "units=[20]", "epochs=1"], ["image.png"]),
    "series": (["sunspots", "net=recurrent", "cell=gru", "units=4", "epochs=1"], []),
    "novel": (["novel.txt", "units=8", "input.window=20", "epochs=1"], ['He said "it']),
}


@pytest.fixture(scope="module")
def runs(own_data: Path) -> Path:
    folder = own_data
    lines = "".join(
        f"{'win a free prize' if number % 3 else 'see you at the bar'} {number},{'ab'[number % 2]}\n"
        for number in range(90)
    )
    (folder / "texts.csv").write_text("message,kind\n" + lines)
    for name, (words, _) in COMMANDS.items():
        words = [str(folder / each) if each.endswith((".txt", ".csv")) else each for each in words]
        assert main(["fit", *words, "--out", str(folder / name), "--quiet"]) == 0
    return folder


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("is_given", [True, False])
def test_every_kind_of_run_has_a_page(name: str, is_given: bool, runs: Path, capsys: Out) -> None:
    values = (
        [str(runs / each) if each.endswith(".png") else each for each in COMMANDS[name][1]]
        if is_given
        else []
    )
    capsys.readouterr()
    assert main(["xray", str(runs / name), *values, "--out", "page.html", "--trace", "trace"]) == 0
    out, err = capsys.readouterr()
    assert "written to page.html" in err and "written to trace" in err and out
    page = Path("page.html").read_text(encoding="utf-8")
    content, tensor = read_trace("trace")
    for title in ("The way", "Layer by layer", "One number opened", "Operations"):
        assert f"<h2>{title}</h2>" in page
    assert ("<h2>Time</h2>" in page) == bool(content["expanded"]) and page.count("<script") == 2
    assert all(f"<b>{each['name']}</b>" in page for each in content["layers"] if each["step"])
    assert ("<h2>Gradients</h2>" in page) == (not values or name == "novel")  # whose truth is known
    assert ("<h2>Where it looked</h2>" in page) == (name == "images")
    assert len(page.encode()) < 1_000_000
    for key, about in content["tensors"].items():
        if about["file"]:
            assert list(tensor(key).shape) == about["shape"]


@pytest.mark.parametrize("name", ["table", "texts", "number", "series"])
def test_the_terminal_shows_the_way_and_the_answer_beside_the_truth(
    name: str, runs: Path, capsys: Out
) -> None:
    assert main(["xray", str(runs / name)]) == 0
    out, err = capsys.readouterr()
    assert (
        "what happens" in out
        and "multiplications and" in out
        and "first example of the test split" in err
    )
    found = re.search(r"answer: (.*)", out)
    trace = ki.open(runs / name).trace()
    assert bool(found) == bool(trace.answer)
    if found:
        assert found[1].startswith(trace.answer) and (", target: " in found[1]) == bool(
            trace.truth
        )
    assert main(["xray", str(runs / name), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["run"] == str(runs / name) and all(
        each["file"] is None for each in told["tensors"].values()
    )
    assert [each["name"] for each in told["steps"]] == [each.name for each in trace.steps]


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("table", ["size=3", "--neuron", "1"], "a neuron colors a text that is read on and on"),
        ("table", ["size"], "size"),
        ("images", ["nowhere.png"], "nowhere.png"),
        ("images", ["a.png", "b.png"], "takes one image; got 2"),
        ("table", ["--out", "no/where.html"], "no/where.html cannot be written"),
        ("table", ["--trace", "/proc/no/where"], "the trace cannot be written to /proc/no/where"),
        (
            "table",
            ["--layer", "1", "--index", "0", "--trace", "x"],
            "--trace belong to a whole sample",
        ),
        ("nowhere", [], "nowhere"),
    ],
)
def test_slips_are_told_in_a_paragraph(
    name: str, values: list[str], told: str, runs: Path, capsys: Out
) -> None:
    capsys.readouterr()
    assert main(["xray", str(runs / name), *values]) == 2
    said = capsys.readouterr()
    assert told in " ".join(said.err.split()) and not said.err.startswith("Traceback")


def test_in_python_the_same(runs: Path) -> None:
    run = ki.open(runs / "table")
    seen = run.xray({"size": 3, "color": "g"})
    assert "<h2>The way</h2>" in seen.save("page.html").read_text(encoding="utf-8")
    assert seen.to_json()["answer"].startswith(str(run.predict({"size": 3, "color": "g"}).value))  # type: ignore[union-attr]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_report_shows_examples_from_the_inside(name: str, runs: Path) -> None:
    report = (runs / name / "report.html").read_text(encoding="utf-8")
    shown = report.split("<h2>Examples from the inside</h2>")[1].split("</section>")[0]
    assert (
        1 <= shown.count('<details class="example"') <= 4
        and "<script" not in report
        and len(shown) < 500_000
    )
    titles = re.findall(r'<details class="example"><summary>(.*?)</summary>', shown)
    if name in ("table", "texts", "images"):
        truths = [
            re.fullmatch(r".*, (right|wrong): (.*) \([\d.]+%\), target (.*)", title)
            for title in titles
        ]
        assert all(truths) and all(
            (found[1] == "right") == (found[2] == found[3]) for found in truths if found
        )
    if name == "number":
        assert "worst" in titles[0]


def test_large_nets_and_long_looks_are_left_out(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ki.open(runs / "table")
    run.pipeline()
    from kissipo.runs.train import evaluate

    experiment: Any = run._prepared
    judged, way = evaluate(experiment, seed=0), run.trace()
    (section,) = examples_inside(experiment, judged, way)
    assert section.content.count('class="example"') >= 2
    monkeypatch.setattr("kissipo.runs.xray.examples.MOST_SECONDS", 0.0)
    assert examples_inside(experiment, judged, way)[0].content.count('class="example"') == 1
    monkeypatch.setattr("kissipo.runs.xray.examples.MOST_MULTIPLICATIONS", 1)
    assert examples_inside(experiment, judged, way) == []
    assert np.isfinite(way.multiplications)
