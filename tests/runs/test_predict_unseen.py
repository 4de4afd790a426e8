"""Asking a run about what training never showed: it answers, and says what it did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

import kissipo as ki
from kissipo.cli.main import main

WORDS = ["good", "bad", "fine", "poor"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ki.Run:
    """A run on a number, a number with gaps, a category and a text of four words."""
    draw = np.random.default_rng(0)
    table = pandas.DataFrame(
        {
            "age": np.arange(240) % 60 + 20.0,
            "fare": np.where(draw.random(240) < 0.2, np.nan, 7.0),
            "city": draw.choice(["Brno", "Praha"], 240),
            "remark": [" ".join(draw.permutation(WORDS)) for _ in range(240)],
            "kind": draw.choice(["yes", "no"], 240),
        }
    )
    table.loc[0, "fare"] = 8.0
    words = {
        "input": {"table": table, "text": ["remark"]},
        "process": {"epochs": 1},
        "output": {"category": "kind"},
    }
    return ki.load(words).fit(out=tmp_path_factory.mktemp("unseen") / "run")


CASES = {"age": 30, "fare": 7, "city": "Brno", "remark": "bad good"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        (
            {"city": "Oslo"},
            ["1 value of 'city' never seen in training ('Oslo'), read as all zeros"],
        ),
        (
            {"city": None},
            ["1 missing 'city', but never missing in training, read as all zeros"],
        ),
        (
            {"age": 1e6},
            ["1 'age' far outside the training range (20 to 79), such as 1e+06, unchanged"],
        ),
        ({"age": None}, ["1 missing 'age' filled with the training median "]),
        ({"fare": None}, ["1 missing 'fare' filled with the training median 7 and flagged"]),
        (
            {"remark": "good bad fine poor good"},
            ["1 of 1 'remark' longer than 4 words, truncated"],
        ),
        (
            {"remark": "good zebra"},
            ["1 words of 'remark' rare or never seen in training ('zebra'), read as unknown"],
        ),
        ({"remark": ""}, ["1 empty 'remark', read as no words"]),
    ],
)
def test_predict_remarks_on_unknown_values(
    run: ki.Run, changed: dict[str, object], expected: list[str]
) -> None:
    answers, remarks = ki.open(run.folder).predict_all([CASES | changed])
    assert answers[0][0].value in ("yes", "no") and 0.5 <= answers[0][0].confidence <= 1
    assert len(remarks) == len(expected), remarks
    assert all(remark.startswith(start) for remark, start in zip(remarks, expected, strict=True)), (
        remarks
    )


def test_predict_ignores_truncated_and_unknown_values(run: ki.Run) -> None:
    def values(**changed: object) -> float:
        return run.predict_all([CASES | changed])[0][0][0].confidence

    assert values(remark="good bad fine poor") == values(remark="good bad fine poor good good")
    assert values(remark="good zebra") == values(remark="good lion") != values(remark="good bad")
    assert values(city="Oslo") == values(city="London") != values(city="Praha")


def test_predict_remarks_are_warnings_and_notes(
    run: ki.Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.warns(
        UserWarning,
        match=r"1 value of 'city' never seen in training \('Oslo'\), read as all zeros",
    ):
        run.predict(CASES | {"city": "Oslo"})
    question = [f"{name}={value}" for name, value in (CASES | {"city": "Oslo"}).items()]
    assert main(["predict", str(run.folder), *question]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert (
        " ".join(err.split())
        == "note: 1 value of 'city' never seen in training ('Oslo'), read as all zeros"
    )


def test_predict_remarks_count_the_rows_of_a_file(run: ki.Run) -> None:
    Path("new.csv").write_text(
        "age,fare,city,remark\n30,7,Oslo,bad\n31,7,Rome,bad\n32,7,Brno,bad\n"
    )
    answers, remarks = run.predict_all(["new.csv"])
    assert len(answers) == 3
    assert remarks == [
        "2 values of 'city' never seen in training ('Oslo', 'Rome'), read as all zeros"
    ]


def test_predict_remarks_on_image_size_and_color() -> None:
    for number in range(24):
        path = Path("photos") / ("good" if number % 2 else "bad") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 10 * number, np.uint8)).save(path)
    run = ki.load("photos").fit(epochs=1)
    Image.new("RGB", (20, 10), (200, 10, 10)).save("wide.png")
    assert run.predict_all(["wide.png"])[1] == [
        "1 of 1 images resized to 8x8 (from 10x20)",
        "1 of 1 images converted to grayscale",
    ]
    assert run.predict_all(["photos/good/1.png"])[1] == []


def test_evaluate_on_other_data_takes_a_number_as_the_target(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    table = pandas.DataFrame({"x": draw.normal(size=60), "y": 100 + draw.normal(size=60)})
    words = {
        "input": {"table": table},
        "process": {"epochs": 1},
        "output": {"number": "y", "baselines": []},
    }
    trained = ki.load(words).fit(out=tmp_path / "run")
    other = pandas.DataFrame({"x": draw.normal(size=30), "y": 100 + draw.normal(size=30)})
    predictions, _ = trained.predict_all([other])
    values = np.array([answer.value for (answer,) in predictions])
    expected = float(np.sqrt(np.mean((values - other["y"].to_numpy()) ** 2)))
    assert trained.evaluate(other)[0].net.metrics["rmse"] == pytest.approx(expected)
