"""S25: a text, character by character: learned, judged beside pairs of characters, and written on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random

import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import ShapeError, TaskError
from kissipo.input.datasets.tiny_shakespeare import read


@pytest.fixture
def novel() -> Path:
    """A text in which the next character is certain but at the start of a word."""
    words = ["once ", "upon ", "a ", "time "]
    path = Path("novel.txt")
    dice = Random(0)
    path.write_text("".join(dice.choice(words) for _ in range(3000)), encoding="utf-8")
    return path


def test_a_text_is_learned_and_written_on(novel: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", str(novel), "units=32", "epochs=40", "input.window=30", "--out", "run", "--quiet"]) == 0
    run = ki.open("run")
    assert dict(run.task.process)["stateful"] is True
    metrics = run.metrics["answers"][0]
    assert metrics["metrics"]["nats"] < 0.9 * metrics["baselines"]["pairs of units"]["nats"]
    text = run.generate("once upon ", length=400, temperature=0.7, seed=3)
    assert text == run.generate("once upon ", length=400, temperature=0.7, seed=3)
    assert text != run.generate("once upon ", length=400, temperature=0.7, seed=4)
    written = re.findall(r"\S+", "once upon " + text)[:-1]
    assert sum(word in ("once", "upon", "a", "time") for word in written) > 0.9 * len(written)
    capsys.readouterr()
    assert main(["generate", "run", "--start", "once ", "--length", "30", "--temperature", "0"]) == 0
    out = capsys.readouterr().out
    assert out == "once " + run.generate("once ", length=30, temperature=0) + "\n"
    assert main(["generate", "run", "--start", "日é once ", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["text"]) == 500
    assert told["notes"] == ["2 values of 'text' never seen in training ('日', 'é'), read as unknown (id 0)"]
    for wrong, text in (
        ("--length=0", "length says"),
        ("--temperature=-1", "temperature says"),
        ("--top-k=0", "top_k"),
    ):
        assert main(["generate", "run", wrong]) == 2
        captured = capsys.readouterr()
        assert text in captured.err and not captured.out


def test_words_are_written_with_blanks(novel: Path) -> None:
    run = ki.load(str(novel), words={"input.as": "words", "input.window": 20, "process.epochs": 1}).fit()
    assert set(run.generate("once upon", length=10).split()) <= {"once", "upon", "a", "time"}


def test_what_does_not_write_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "backprop", "epochs=1", "--out", "run", "--quiet"]) == 0
    assert main(["generate", "run"]) == 2
    assert "does not write" in capsys.readouterr().err


def test_what_would_see_the_answer_is_refused(novel: Path) -> None:
    with pytest.raises(TaskError, match="would see what it is asked to find"):
        ki.load(str(novel), words={"process.bidirectional": True}).fit()


def test_a_state_needs_pieces_that_follow_each_other() -> None:
    with pytest.raises((TaskError, ShapeError), match="needs pieces that follow each other"):
        ki.load("sunspots", words={"process.net": "recurrent", "process.units": 8, "process.stateful": True}).fit()


def test_tiny_shakespeare_is_read_whole(data: Path) -> None:
    text = read().frame["text"].texts()[0]
    assert text is not None and len(text) == 1_115_394 and len(set(text)) == 65
