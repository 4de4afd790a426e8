"""Tests of `kissipo xray RUN [VALUE]`: terminal, page, files, Python and report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.inspect.tracing.trace_file import read_trace
from kissipo.runs.xray.examples import example_traces

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
    texts = ("see you at the bar", "win a free prize", "win a free prize")
    lines = "".join(f"{texts[number % 3]} {number},{'ab'[number % 2]}\n" for number in range(90))
    (folder / "texts.csv").write_text("message,kind\n" + lines)
    for name, (words, _) in COMMANDS.items():
        words = [str(folder / item) if item.endswith((".txt", ".csv")) else item for item in words]
        assert main(["fit", *words, "--out", str(folder / name), "--quiet"]) == 0
    return folder


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("is_given", [True, False])
def test_every_kind_of_run_has_a_page(
    name: str, is_given: bool, runs: Path, capsys: Out, content_of: Callable[[str], Any]
) -> None:
    values = (
        [str(runs / item) if item.endswith(".png") else item for item in COMMANDS[name][1]]
        if is_given
        else []
    )
    capsys.readouterr()
    assert main(["xray", str(runs / name), *values, "--out", "page.html", "--trace", "trace"]) == 0
    out, err = capsys.readouterr()
    assert "written to page.html" in err and "written to trace" in err and out
    page, (content, tensor) = content_of("page.html"), read_trace("trace")
    page_trace = page["trace"]
    for part in ("operations", "expanded", "labels", "answer", "truth", "top", "notes"):
        assert page_trace[part] == content[part]
    steps = [step for step in content["steps"] if step["stage"] != "process"]
    assert [step["name"] for step in page_trace["steps"]] == [step["name"] for step in steps]
    layers = [item for item in content["layers"] if item["step"]]
    assert [item["name"] for item in page_trace["layers"]] == [item["name"] for item in layers]
    assert all(item["output"] in page_trace["tensors"] for item in page_trace["layers"])
    gradients = [item["gradient"] for item in page_trace["layers"]]
    assert any(gradients) == (not values or name == "novel")  # whose truth is known
    assert ("images" in page) == (name == "images") and ("neurons" in page) == (name == "novel")
    assert Path("page.html").stat().st_size < 1_000_000
    for key, about in content["tensors"].items():
        if about["file"]:
            assert list(tensor(key).shape) == about["shape"]


@pytest.mark.parametrize("name", ["table", "texts", "number", "series"])
def test_xray_prints_data_flow_prediction_and_target(name: str, runs: Path, capsys: Out) -> None:
    assert main(["xray", str(runs / name)]) == 0
    out, err = capsys.readouterr()
    assert "what happens" in out and "MACs and" in out and "first example of the test split" in err
    matches = re.search(r"prediction: (.*)", out)
    trace = ki.open(runs / name).trace()
    assert bool(matches) == bool(trace.answer)
    if matches:
        assert matches[1].startswith(trace.answer) and (", target: " in matches[1]) == bool(
            trace.truth
        )
    assert main(["xray", str(runs / name), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["run"] == str(runs / name) and all(
        item["file"] is None for item in content["tensors"].values()
    )
    assert [item["name"] for item in content["steps"]] == [item.name for item in trace.steps]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("table", ["size=3", "--neuron", "1"], "--neuron needs a recurrent language model"),
        ("table", ["size"], "size"),
        ("images", ["nowhere.png"], "nowhere.png"),
        ("images", ["a.png", "b.png"], "takes one image; got 2"),
        ("table", ["--out", "no/where.html"], "no/where.html cannot be written"),
        ("table", ["--trace", "/proc/no/where"], "the trace cannot be written to /proc/no/where"),
        (
            "table",
            ["--layer", "1", "--index", "0", "--trace", "x"],
            "--trace cannot be combined with --layer",
        ),
        ("nowhere", [], "nowhere"),
    ],
)
def test_xray_refuses_wrong_arguments(
    name: str, values: list[str], message: str, runs: Path, capsys: Out
) -> None:
    capsys.readouterr()
    assert main(["xray", str(runs / name), *values]) == 2
    printed = capsys.readouterr()
    assert message in " ".join(printed.err.split()) and not printed.err.startswith("Traceback")


def test_xray_in_python_is_the_same(runs: Path, content_of: Callable[[Path], Any]) -> None:
    run = ki.open(runs / "table")
    result = run.xray({"size": 3, "color": "g"})
    page_trace = content_of(result.save("page.html"))["trace"]
    assert page_trace["answer"] == result.to_json()["answer"]
    assert page_trace["raw_inputs"][0]["columns"] == {"size": ["3"], "color": ["g"]}
    value = run.predict({"size": 3, "color": "g"})  # type: ignore[union-attr]
    assert result.to_json()["answer"].startswith(str(value))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_report_lists_examples_with_their_commands(
    name: str,
    runs: Path,
    capsys: Out,
    content_of: Callable[[Path], Any],
    records_of: Callable[..., Any],
) -> None:
    page = runs / name / "report.html"
    content = content_of(page)
    (record,) = records_of(content, "examples", "Examples")
    examples = record["examples"]
    assert 1 <= len(examples) <= 4 and page.stat().st_size < 1_000_000
    if name in ("table", "texts", "images"):
        for example in examples:
            is_right = example["prediction"].startswith(f"{example['target']} (")
            assert example["kind"] == ("right" if is_right else "wrong")
    if name == "number":
        assert examples[0]["kind"] == "worst"
    position = examples[0]["position"]
    if content["run"]:
        capsys.readouterr()
        assert main(["xray", content["run"], "--example", str(position + 1), "--json"]) == 0
        notes = json.loads(capsys.readouterr().out)["notes"]
        number = f" {position + 1} " if position else " first "
        assert any(number in note for note in notes)


def test_traces_of_examples_skip_large_and_slow_nets(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ki.open(runs / "table")
    run.pipeline()
    from kissipo.runs.train import evaluate_test_split

    experiment: Any = run._experiment
    test_result, trace = evaluate_test_split(experiment, seed=0), run.trace()
    traces = list(example_traces(experiment, test_result, trace))
    assert len(traces) >= 2
    for item in traces:
        target = item.trace.truth
        assert (item.kind == "right") == item.trace.answer.startswith(f"{target} (")
    monkeypatch.setattr("kissipo.runs.xray.examples.MAX_SECONDS", 0.0)
    assert len(list(example_traces(experiment, test_result, trace))) == 1
    monkeypatch.setattr("kissipo.runs.xray.examples.MAX_MACS", 1)
    assert list(example_traces(experiment, test_result, trace)) == []
    assert np.isfinite(trace.multiplications)
