"""S25: a text by characters: training, comparison with bigrams, and generation."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from rich.cells import cell_len
from rich.console import Console

import kissipo as ki
from kissipo.cli.colored_text import colored
from kissipo.cli.main import main
from kissipo.core.errors import ShapeError, TaskError
from kissipo.input.datasets.tiny_shakespeare import read


def numbers_in(page: str, entry: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Returns a tensor that an x-ray page holds exactly; its bytes stand by planes."""
    packed = re.search(r'id="numbers">(.*?)</script>', Path(page).read_text(encoding="utf-8"))
    assert packed and entry["form"] == "float32"
    block = zlib.decompress(base64.b64decode(packed[1]))
    planes = np.frombuffer(block, np.uint8, entry["bytes"], entry["start"]).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<f4").reshape(entry["shape"])


@pytest.fixture
def novel() -> Path:
    """A text in which the next character is certain but at the start of a word."""
    words = ["once ", "upon ", "a ", "time "]
    path = Path("novel.txt")
    generator = Random(0)
    path.write_text("".join(generator.choice(words) for _ in range(3000)), encoding="utf-8")
    return path


def test_text_model_trains_and_generates(novel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            [
                "fit",
                str(novel),
                "units=32",
                "epochs=40",
                "input.window=30",
                "--out",
                "run",
                "--quiet",
            ]
        )
        == 0
    )
    run = ki.open("run")
    assert dict(run.task.process)["stateful"] is True
    metrics = run.metrics["answers"][0]
    assert metrics["metrics"]["nll"] < 0.9 * metrics["baselines"]["bigram"]["nll"]
    text = run.generate("once upon ", length=400, temperature=0.7, seed=3)
    assert text == run.generate("once upon ", length=400, temperature=0.7, seed=3)
    assert text != run.generate("once upon ", length=400, temperature=0.7, seed=4)
    written = re.findall(r"\S+", "once upon " + text)[:-1]
    assert sum(word in ("once", "upon", "a", "time") for word in written) > 0.9 * len(written)
    capsys.readouterr()
    assert (
        main(["generate", "run", "--start", "once ", "--length", "30", "--temperature", "0"]) == 0
    )
    out = capsys.readouterr().out
    assert out == "once " + run.generate("once ", length=30, temperature=0) + "\n"
    assert main(["generate", "run", "--start", "日é once ", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert len(content["text"]) == 500
    assert content["notes"] == [
        "2 values of 'text' never seen in training ('日', 'é'), read as unknown (id 0)"
    ]
    for wrong, text in (
        ("--length=0", "length is the number"),
        ("--temperature=-1", "temperature scales"),
        ("--top-k=0", "top_k"),
    ):
        assert main(["generate", "run", wrong]) == 2
        captured = capsys.readouterr()
        assert text in captured.err and not captured.out


def test_words_are_written_with_blanks(novel: Path) -> None:
    run = ki.load(
        str(novel), words={"input.tokenizer": "words", "input.window": 20, "process.epochs": 1}
    ).fit()
    assert set(run.generate("once upon", length=10).split()) <= {"once", "upon", "a", "time"}


def test_generate_refuses_other_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "backprop", "epochs=1", "--out", "run", "--quiet"]) == 0
    assert main(["generate", "run"]) == 2
    assert "does not generate text" in capsys.readouterr().err


def test_what_would_see_the_answer_is_refused(novel: Path) -> None:
    with pytest.raises(TaskError, match="would see the next token that it must predict"):
        ki.load(str(novel), words={"process.bidirectional": True}).fit()


def test_a_state_needs_pieces_that_follow_each_other() -> None:
    with pytest.raises((TaskError, ShapeError), match="needs consecutive pieces of a text"):
        ki.load(
            "sunspots",
            words={"process.net": "recurrent", "process.units": 8, "process.stateful": True},
        ).fit()


def test_tiny_shakespeare_is_read_whole(data: Path) -> None:
    text = read().frame["text"].texts()[0]
    assert text is not None and len(text) == 1_115_394 and len(set(text)) == 65


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a small net on lines with quotes."""
    folder = tmp_path_factory.mktemp("reader")
    generator = Random(1)
    names = ["ann", "bob", "eve"]
    lines = [
        f'{generator.choice(names)} said "{generator.choice(names)} '
        f'{generator.choice(names)}" (loud)\n'
        for _ in range(400)
    ]
    (folder / "said.txt").write_text("".join(lines), encoding="utf-8")
    words = {"process.units": 24, "process.epochs": 6, "input.window": 25}
    ki.load(str(folder / "said.txt"), words=words).fit(out=folder / "run")
    return folder / "run"


LINES = 'ann said "bob eve" (loud)\neve said "ann ann" (loud)\n' * 3


def test_xray_colors_the_text_by_the_states_of_the_net(reader: Path) -> None:
    """The x-ray equals torch.nn.LSTM with the same weights, and the head's softmax."""
    run = ki.open(reader)
    xray = run.xray(LINES)
    vocabulary = run.answers[0].vocabulary
    assert vocabulary is not None
    ids = vocabulary.codec.encode(vocabulary.split(LINES)[1])
    words = vocabulary.codec.spec.labels
    assert "".join(words[index] for index in ids) == LINES == "".join(xray.units)
    theirs = torch.nn.LSTM(run.net.cell.input_size, 24, batch_first=True)
    theirs.load_state_dict(run.net.cell.state_dict())
    with torch.no_grad():
        states = theirs(run.net.embedding(ids)[None])[0][0]
        chances = run.net.head(states).softmax(-1)
    np.testing.assert_allclose(xray.states, states.numpy(), atol=1e-5)
    np.testing.assert_array_equal(xray.activity, xray.states[:, xray.neuron])
    for row, ranking in zip(chances, xray.top, strict=True):
        best = row.topk(5)
        assert [unit for unit, _ in ranking] == [words[index] for index in best.indices]
        assert [p for _, p in ranking] == pytest.approx(best.values.tolist(), abs=1e-5)
    by_topic = {item.about: item for item in xray.interpretable_neurons}
    assert (
        xray.why.startswith("it correlates with ")
        and abs(by_topic["inside brackets"].correlation) > 0.6
    )
    assert run.xray(LINES, neuron=7).neuron == 7


def test_xray_on_the_command_line(
    reader: Path, capsys: pytest.CaptureFixture[str], content_of: Callable[[str], Any]
) -> None:
    Path("lines.txt").write_text(LINES, encoding="utf-8")
    assert main(["xray", str(reader), "--file", "lines.txt"]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out and not err
    first = out.splitlines()[:7]
    assert first[0] == 'ann said "bob eve" (loud)↵' and set(first[1]) <= set("▁▂▃▄▅▆▇█")
    xray = ki.open(reader).xray(LINES)
    assert first[2] == "".join(row[0][0] for row in xray.top[:26]).replace(" ", "␣").replace(
        "\n", "↵"
    )
    assert f"neuron {xray.neuron} (0 to 23): {xray.why}" in " ".join(out.split())
    assert main(["xray", str(reader), LINES, "--neuron", "3", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == json.loads(
        json.dumps({**ki.open(reader).xray(LINES, neuron=3).to_json(), "run": str(reader)})
    )
    assert (
        content["activity"] == pytest.approx(xray.states[:, 3].tolist())
        and content["why"] == "selected by --neuron"
    )
    assert main(["xray", str(reader), "日 said", "--out", "seen.html"]) == 0
    out, err = capsys.readouterr()
    assert (
        "neuron" in out and "written to seen.html" in err and "never seen in training ('日')" in err
    )
    page = content_of("seen.html")
    assert page["trace"]["labels"]["time"] == list("日 said")
    assert any("never seen in training ('日')" in note for note in page["trace"]["notes"])
    assert page["neurons"]["why"] != xray.why
    assert main(["xray", str(reader), LINES, "--out", "lines.html", "--trace", "lines"]) == 0
    page = content_of("lines.html")
    neurons, trace = page["neurons"], page["trace"]
    assert (neurons["unit"], neurons["why"]) == (xray.neuron, xray.why)
    assert "".join(trace["labels"]["time"]) == LINES
    assert [item["unit"] for item in neurons["others"]] == [
        item.neuron for item in xray.interpretable_neurons
    ]
    (expanded,) = (item for item in trace["expanded"] if item.get("unrolled"))
    (unrolled,) = expanded["unrolled"]
    states = numbers_in("lines.html", trace["tensors"][unrolled["gates"]["h"]])
    np.testing.assert_allclose(states[:, 0], xray.states, atol=1e-6)
    assert json.loads(Path("lines/trace.json").read_text(encoding="utf-8"))["labels"][
        "time"
    ] == list(LINES)


def test_xray_without_a_text_reads_the_test_split(
    reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["xray", str(reader), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    run = ki.open(reader)
    assert content["units"] == list(run.trace().labels["time"]) and len(content["units"]) == 25
    assert "this is the first window of the test split" in content["notes"]


def test_a_terminal_shows_colors(reader: Path) -> None:
    xray = ki.open(reader).xray(LINES)
    text = colored(xray, width=40, bars=False)
    assert text.plain.split("\n")[0] == 'ann said "bob eve" (loud)↵'
    grounds = [
        str(text.get_style_at_offset(Console(), index).bgcolor.triplet) for index in range(26)
    ]  # type: ignore[union-attr]
    green = [
        tuple(map(int, re.findall(r"\d+", ground)))[1]
        > tuple(map(int, re.findall(r"\d+", ground)))[2]
        for ground in grounds
    ]
    sure = [index for index in range(26) if abs(xray.activity[index]) > 0.1]
    assert [green[index] for index in sure] == [xray.activity[index] > 0 for index in sure]
    wide = colored(xray, width=10, bars=False).split("\n")
    assert max(cell_len(line.plain) for line in wide) <= 10


def test_words_are_colored_too(novel: Path, content_of: Callable[[Path], Any]) -> None:
    words = {
        "input.tokenizer": "words",
        "input.window": 20,
        "process.epochs": 1,
        "process.cell": "gru",
        "process.units": 5,
    }
    xray = ki.load(str(novel), words=words).fit().xray("once upon a  time")
    assert (
        xray.units == ("once", "upon", "a", "time")
        and xray.cell == "gru"
        and xray.states.shape == (4, 5)
    )
    line = colored(xray, width=60, bars=True).split("\n")[0].plain
    assert line.split() == ["once", "upon", "a", "time"] and cell_len(line) <= 60
    page = content_of(xray.save("words.html"))
    assert page["subtitle"] == "GRU of 5 neurons, 4 words read"
    assert page["trace"]["labels"]["time"] == ["once", "upon", "a", "time"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a", "--file", "b"], "needs either a value or --file"),
        (["a", "b"], "kissipo xray takes one text; got 2. Quote it."),
        ([""], "the text is empty"),
        (
            ["a" * 20_001],
            "the text is too long; got 20,001 characters. Allowed: 1 to 20,000 characters.",
        ),
        (["a", "--neuron", "24"], "there is no such neuron; got 24. Allowed: 0 to 23."),
        (["a", "--neuron", "-1"], "there is no such neuron"),
        (["--file", "nowhere.txt"], "nowhere.txt"),
        (["a", "--out", "no/where.html"], "no/where.html cannot be written"),
    ],
)
def test_xray_reports_wrong_arguments(
    arguments: list[str], message: str, reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["xray", str(reader), *arguments]) == 2
    assert message in capsys.readouterr().err
