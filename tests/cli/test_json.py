"""The output of `--json` matches docs/json.md and is alone on standard output."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kissipo as ki
from kissipo.cli.main import main
from kissipo.runs import scores

PAGE = Path(__file__).parents[2] / "docs" / "json.md"
COMMANDS = {
    "list": [["list"]],
    "show": [
        ["show", "digits"],
        ["show", "backprop"],
        ["show", "text"],
        ["show", "convolution"],
        ["show", "image-basics"],
        ["show", "inception"],
    ],
    "fit": [
        ["fit", "racing", "--out", "one"],
        ["fit", "backprop", "epochs=2", "--out", "many", "--seeds", "2"],
        ["fit", "digits", "epochs=1", "baselines=[majority]", "--out", "cv", "--folds", "2"],
        ["fit", "sunspots", "epochs=1", "--out", "folds", "--backtest", "2"],
    ],
    "evaluate": [["evaluate", "run"], ["evaluate", "boxes"], ["evaluate", "names"]],
    "predict": [
        ["predict", "run", "image.png"],
        ["predict", "run", "new"],
        ["predict", "marks", "new/a.png"],
        ["predict", "boxes", "new/a.png"],
        ["predict", "dcgan", "7"],
        ["predict", "power", "--file", "power.csv"],
        ["predict", "steps", "--file", "steps.csv"],
        ["predict", "search", "salt of the sea"],
        ["predict", "paragraphs", '{"question": "Who?", "context": "Ada was in Oslo."}'],
        ["predict", "names", "Anna slept in Oslo"],
        ["predict", "films", "u2"],
    ],
    "generate": [["generate", "text", "--start", "Ü"]],
    "xray": [
        ["xray", "text", "Über, a b " * 20],
        ["xray", "text", "data", "--neuron", "1"],
        ["xray", "text", "Über, a b ", "--layer", "cell", "--index", "3,1"],
        ["xray", "run", "image.png"],
        ["xray", "run"],
        ["xray", "backprop", "x1=0.5", "x2=1"],
        ["xray", "backprop"],
        ["xray", "run", "image.png", "--layer", "1", "--index", "0"],
        ["xray", "questions", "who was it ?"],
    ],
    "compare": [
        ["compare", "backprop", "epochs=2", "--vary", "process.learning_rate=0.1,0.2"],
        ["compare", "inception-naive", "inception"],
    ],
    "tune": [
        [
            *("tune", "digits", "epochs=1", "--trials", "2", "--sampler", "random"),
            *("--search", "units=[8],[8,8]", "--search", "dropout=0..0.5"),
        ]
    ],
    "data check": [["data", "check", "table.csv"]],
    "data list": [["data", "list"]],
    "data get": [["data", "get", "digits"]],
    "doctor": [["doctor"]],
}


def documented(verb: str) -> list[re.Pattern[str]]:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {verb}\n")[1].split("\n## ")[0]
    lines = [
        line
        for line in re.split("With `(?:--resume TASK|weights:NAME)`", section)[0].splitlines()
        if line.startswith("- ")
    ]
    places = [place for line in lines for place in re.findall(r"`([^`]+)`", line.split(":")[0])]
    assert places
    return [_pattern(place) for place in places]


def _pattern(place: str) -> re.Pattern[str]:
    return re.compile(
        "^" + re.escape(place).replace(r"\.\.\.", ".*").replace(r"\*", r"[^.\[\]]+") + "$"
    )


def places_of(value: Any, position: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places_of(item, f"{position}.{key.replace('.', '')}" if position else key)
    elif isinstance(value, list):
        yield from (place for item in value for place in places_of(item, f"{position}[]"))
        if not value:
            yield f"{position}[]"
    else:
        yield position


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs on digits, masks and a text; images, one of them truncated; a table."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _train_and_draw()
    return folder


def _train_and_draw() -> None:
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    assert main(["fit", "digits", "epochs=1", "--out", "run", "--quiet"]) == 0
    Image.fromarray((load_digits().images[0] * 255 / 16).astype("uint8")).save("image.png")
    Path("table.csv").write_text(
        "size,kind\n" + "".join(f"{number},{'ab'[number % 2]}\n" for number in range(40))
    )
    Path("novel.txt").write_text(load_digits().DESCR, encoding="utf-8")
    assert (
        main(["fit", "novel.txt", "epochs=1", "units=4", "window=20", "--out", "text", "--quiet"])
        == 0
    )
    mask = np.zeros((20, 8, 8), dtype=bool)
    mask[:, 2:5, 3:6] = True
    task = ki.Task(
        input={"images": (mask * 200).astype("uint8"), "masks": mask},
        process={"net": "unet", "filters": [4], "epochs": 20, "learning_rate": 0.05},
        output={"mask": "dot"},
    )
    task.fit(out="marks")
    Path("dots").mkdir()
    for number, image in enumerate(mask):
        Image.fromarray((image * 200).astype("uint8")).save(f"dots/{number}.png")
    rows = [f"{number}.png,dot,3,2,6,5" for number in range(20)]
    Path("dots/boxes.csv").write_text("file,label,x_min,y_min,x_max,y_max\n" + "\n".join(rows))
    task = ki.Task(
        input={"images": "dots"},
        process={"net": "grid_detector", "filters": [8], "epochs": 40, "learning_rate": 0.05},
        output={"boxes": "label", "decode": {"threshold": 0.05}},
    )
    task.fit(out="boxes")
    Path("new").mkdir()
    Image.fromarray((mask[0] * 200).astype("uint8")).save("new/a.png")
    Path("new/b.png").write_bytes(Path("new/a.png").read_bytes()[:30])
    assert main(["fit", "backprop", "epochs=1", "--out", "backprop", "--quiet"]) == 0
    assert main(["fit", "dcgan", "epochs=1", "--out", "dcgan", "--quiet"]) == 0
    Path("notes").mkdir()
    for name, text in {"sea": "salt and sea", "bread": "salt and flour"}.items():
        Path(f"notes/{name}.txt").write_text(text)
    assert main(["fit", "notes", "--out", "search", "--quiet"]) == 0
    _train_on_series()
    _train_on_questions()
    _train_on_paragraphs()
    _train_on_names()
    _train_on_ratings()


def _train_on_paragraphs() -> None:
    """Questions about paragraphs, in the format of SQuAD."""
    articles = []
    for name in ("Ada", "Bob", "Eve", "Kim", "Max"):
        answers = [{"text": name, "answer_start": 0}]
        question = {"id": name, "question": "Who was there?", "answers": answers}
        paragraph = {"context": f"{name} was in Oslo.", "qas": [question]}
        articles.append({"title": name, "paragraphs": [paragraph]})
    Path("squad.json").write_text(json.dumps({"data": articles}))
    words = ["process.num_layers=1", "units=8", "process.num_heads=2", "epochs=1", "--quiet"]
    assert main(["fit", "squad.json", *words, "--out", "paragraphs"]) == 0


def _train_on_ratings() -> None:
    """Every user has rated two of three films."""
    rows = [f"u{user},f{film},{1 + film}" for user in range(20) for film in {user % 3, 1, 2}]
    Path("films.csv").write_text("user,film,stars\n" + "\n".join(rows))
    words = ["output.rating=stars", "epochs=1", "--quiet"]
    assert main(["fit", "films.csv", *words, "--out", "films"]) == 0


def _train_on_names() -> None:
    """Names of two kinds, one of them in a text that is truncated."""
    rows = ["Anna B-person\nslept O\nin O\nOslo B-place\n", "Oslo B-place\nrains O\n"] * 20
    Path("names.conll").write_text("\n".join([*rows, "in O\n" * 9 + "Oslo B-place\n"] * 2))
    words = ["max_length=6", "learning_rate=0.03", "input.split.test=0.5", "--quiet"]
    assert main(["fit", "names.conll", *words, "--out", "names"]) == 0


def _train_on_questions() -> None:
    """Two kinds of questions, for the text CNN."""
    rows = ["who was it ?,human", "where is it ?,place"] * 20
    Path("questions.csv").write_text("\n".join(["question,kind", *rows]))
    words = ["input.text=[question]", "net=text_cnn", "filters=4", "epochs=1", "--quiet"]
    assert main(["fit", "questions.csv", "--output", "kind", *words, "--out", "questions"]) == 0


def _train_on_series() -> None:
    """Two series with timestamps, and one without."""
    times = [f"2024-01-{day:02d}" for day in range(1, 32)]
    rows = [f"{time},{name},{number % 7}" for name in "ab" for number, time in enumerate(times)]
    Path("power.csv").write_text("time,name,power\n" + "\n".join(rows) + "\n")
    words = ["--output", "power", "--horizon", "2", "epochs=1", "window=4", "--quiet"]
    assert main(["fit", "power.csv", "--time", "time", *words, "--out", "power"]) == 0
    Path("steps.csv").write_text("power\n" + "".join(f"{row[-1]}\n" for row in rows))
    assert main(["fit", "steps.csv", *words, "--out", "steps"]) == 0


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_place_is_documented_and_every_documented_place_is_there(
    verb: str,
    runs: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(runs, ".", dirs_exist_ok=True)
    monkeypatch.setattr(scores, "MAX_PREDICTED", 20)  # so that baselines predict a part
    capsys.readouterr()
    patterns, result = documented(verb), set()
    for command in COMMANDS[verb]:
        assert main([*command, "--json"]) == 0
        result |= set(places_of(json.loads(capsys.readouterr().out)))
    unknown = [place for place in result if not any(pattern.match(place) for pattern in patterns)]
    absent = [
        pattern.pattern for pattern in patterns if not any(pattern.match(place) for place in result)
    ]
    assert not unknown and not absent


def test_the_page_knows_every_verb() -> None:
    from kissipo.cli.main import VERBS

    titles = {
        line[3:].split()[0]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    }
    assert titles == set(VERBS.names())
