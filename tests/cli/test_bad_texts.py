"""Texts of any script on the command line, and texts that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import kissipo as ki
from kissipo.cli.main import main

Out = pytest.CaptureFixture[str]
GLAD = [
    "😀 great day, see you 🎉",
    "אני שמח מאוד היום",
    "今天 我 很 高兴 ！",
    "أنا سعيد جدا اليوم",
    "👨‍👩‍👧 lovely family",
]
SAD = [
    "😢 bad day, not well",
    "אני עצוב מאוד היום",
    "今天 我 很 难过 。",
    "أنا حزين جدا اليوم",
    "💔 lost it all again",
]


def write(name: str, texts: list[str], moods: tuple[str, ...] = ("glad", "sad")) -> None:
    rows = [f'"{text}",{moods[number % len(moods)]}' for number, text in enumerate(texts)]
    Path(name).write_text("\n".join(["message,mood", *rows]) + "\n", encoding="utf-8")


def messages() -> list[str]:
    """160 of them, glad and sad in turn, most of them distinct."""
    return [
        f"{(SAD if index % 2 else GLAD)[index // 2 % 5]} "
        f"{'一二三四五六七'[index % 7]}{'αβγδε'[index % 9 % 5]} {index % 11}"
        for index in range(160)
    ]


def fit(capsys: Out, name: str, *more: str) -> str:
    assert main(["fit", name, "--output", "mood", "learning_rate=0.01", *more, "--out", "run"]) == 0
    return " ".join("".join(capsys.readouterr()).split())


def predicted(capsys: Out, *values: str) -> tuple[list[str], list[str]]:
    """The answers, and the notes about what was asked."""
    assert main(["predict", "run", *values, "--json"]) == 0
    message = json.loads(capsys.readouterr().out)
    return [text["mood"]["answer"] for text in message["predictions"]], message["notes"]


@pytest.mark.parametrize("unit", ["text", "characters"])
def test_unicode_texts_can_be_trained_on_and_predicted(unit: str, capsys: Out) -> None:
    write("world.csv", messages())
    fit(capsys, "world.csv", f"input.{unit}=[message]")
    run = ki.open("run")
    assert run.metrics["answers"][0]["metrics"]["accuracy"] >= 0.9
    codec = run.codecs[0]
    values = ["😀 שמח", "今天 难过 !", "سعيد جدا", "💔 again"]
    assert {"😀", "שמח", "难过", "سعيد", "💔"} <= set(codec.spec.labels) or unit == "characters"
    assert {"😀", "ש", "难", "س", "💔", "\u200d"} <= set(codec.spec.labels) or unit == "text"
    assert predicted(capsys, *values)[0] == ["glad", "sad", "glad", "sad"]
    report = (Path("run") / "report.html").read_text(encoding="utf-8")
    assert '<meta charset="utf-8">' in report


def test_chinese_without_blanks_is_read_character_by_character(capsys: Out) -> None:
    ends = [a + b for a in "天地玄黄宇宙洪荒日月" for b in "甲乙丙丁戊己庚辛"]
    write(
        "chinese.csv",
        [f"今天我很{'难过' if index % 2 else '高兴'}{end}。" for index, end in enumerate(ends)],
    )
    assert (
        "input.characters=message message: its script has no blanks between words, 80 different"
        in fit(capsys, "chinese.csv")
    )
    assert predicted(capsys, "我很高兴", "他难过")[0] == ["glad", "sad"]


def test_empty_text_is_read_and_reported(capsys: Out) -> None:
    texts = messages()
    texts[3], texts[10], texts[20] = "", "   ", "!!!"
    write("gap.csv", texts)
    message = fit(capsys, "gap.csv")
    assert (
        "WARN 'message' has no value in 2 of 160 rows (rows 4, 11) -> read as a text without a word"
        in message
    )
    answers, notes = predicted(capsys, "", "  ", "😢 not well")
    assert len(answers) == 3 and answers[2] == "sad"
    assert notes == ["2 empty 'message', read as no words"]


@pytest.mark.parametrize(
    ("arguments", "content", "message"),
    [
        (
            "one.csv --output mood",
            None,
            "the target column 'mood' has only one class: 'sad' in all 160 rows. Allowed: at least",
        ),
        ("zero.txt", "", "zero.txt is empty. Give a text of at least a few pages."),
        ("blank.txt", " \n\n ", "blank.txt is empty. Give a text of at least a few pages."),
        (
            "short.txt",
            "這是一個黑暗的夜晚。",
            "short.txt is too short for windows of 100 characters; got 10 characters. Allowed: at",
        ),
        (
            "short.txt input.tokenizer=words",
            "a night " * 99,
            "short.txt is too short for windows of 100 words; got 198 words. Allowed: at",
        ),
    ],
)
def test_fit_refuses_texts_without_information(
    arguments: str, content: str | None, message: str, capsys: Out
) -> None:
    write("one.csv", messages(), ("sad",))
    if content is not None:
        Path(arguments.split()[0]).write_text(content, encoding="utf-8")
    assert main(["fit", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith(f"kissipo: {message}") and err.count("\n") == 1
    assert not Path("runs").exists()
