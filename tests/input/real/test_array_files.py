"""Arrays on disk: .npy, .npz and nested JSON, in fit, evaluate and predict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import DataError
from kissipo.input.formats.arrays import is_array_file, read_array_file

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1, 0, 1])
SHORT = {"process.epochs": 1, "output.baselines": ["majority"]}


def digits() -> tuple[Any, Any]:
    data = load_digits()
    return np.round(data.images * (255 / 16)).astype(np.uint8)[:120], data.target[:120] % 3


NAMES = [
    ("images", "labels"),
    ("x", "y"),
    ("X", "Y"),
    ("data", "target"),
    ("features", "classes"),
    ("arr_0", "arr_1"),
    ("pixels", "digit"),
]


@pytest.mark.parametrize(("x_name", "y_name"), NAMES)
def test_arrays_are_found_by_their_names(x_name: str, y_name: str) -> None:
    np.savez("some.npz", **{y_name: LABELS, x_name: PIXELS})
    file = read_array_file(Path("some.npz"))
    assert np.array_equal(file.x, PIXELS)
    assert np.array_equal(file.y, LABELS) and file.is_images
    frame = ki.load("some.npz").check()
    assert not [item for item in frame if item.level == "FAIL"]


JSON = {
    "object.json": lambda: json.dumps({"x": PIXELS.tolist(), "y": LABELS.tolist()}),
    "records.json": lambda: json.dumps(
        [{"pixels": x.tolist(), "kind": int(y)} for x, y in zip(PIXELS, LABELS, strict=True)]
    ),
    "lines.jsonl": lambda: "\n".join(
        json.dumps({"kind": int(y), "pixels": x.tolist()})
        for x, y in zip(PIXELS, LABELS, strict=True)
    ),
    "vectors.ndjson": lambda: "\n".join(
        json.dumps({"x": x.ravel().tolist(), "y": int(y)})
        for x, y in zip(PIXELS, LABELS, strict=True)
    ),
}


@pytest.mark.parametrize("name", JSON)
def test_nested_json_gives_the_same_arrays(name: str) -> None:
    Path(name).write_text(JSON[name](), encoding="utf-8")
    assert is_array_file(Path(name))
    file = read_array_file(Path(name))
    assert np.array_equal(file.x.reshape(PIXELS.shape), PIXELS)
    assert np.array_equal(file.y, LABELS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.json", '[{"age": 31, "city": "Brno"}, {"age": 32, "city": "[1]"}]'),
        ("rows.jsonl", '{"age": 31, "note": "a: [x]"}\n{"age": 32, "note": "b"}\n'),
    ],
)
def test_records_without_lists_stay_tables(name: str, text: str) -> None:
    Path(name).write_text(text, encoding="utf-8")
    assert not is_array_file(Path(name))


def test_fit_and_predict_read_arrays_from_the_command_line(capsys: Any) -> None:
    x, y = digits()
    np.savez("digits.npz", x=x, y=y)
    words = ["epochs=1", "output.baselines=[majority]", "--out", "run", "--quiet"]
    assert main(["fit", "digits.npz", "--output", "y", *words]) == 0
    np.save("one.npy", x[0])
    np.save("five.npy", x[:5])
    Path("one.json").write_text(json.dumps(x[0].tolist()))
    run = ki.open("run")
    values = run.predict_proba(list(x[:5])).max(axis=1)
    capsys.readouterr()
    for name, count in (("one.npy", 1), ("one.json", 1), ("five.npy", 5)):
        assert main(["predict", "run", name, "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["predictions"]
        assert len(rows) == count
        printed = [row[run.answers[0].name] for row in rows]
        assert [item["confidence"] for item in printed] == pytest.approx(values[:count], abs=1e-6)
    assert run.evaluate("digits.npz")[0].net.metrics["accuracy"] >= 0
    assert main(["data", "check", "digits.npz"]) == 0


def test_published_parts_are_the_split() -> None:
    x, y = digits()
    np.savez("mnist.npz", x_train=x[:90], y_train=y[:90], x_test=x[90:], y_test=y[90:])
    run = ki.load("mnist.npz", words=SHORT).fit(out="run")
    splits = run.pipeline().splits
    assert splits["test"].tolist() == list(range(90, 120))
    assert len(splits["train"]) + len(splits["validation"]) == 90


def test_features_and_windows_are_tensors_and_numbers_are_quantities() -> None:
    x, y = load_wine(return_X_y=True)
    np.savez("wine.npz", x=(x - x.mean(axis=0)) / x.std(axis=0), y=y)
    task = ki.load("wine.npz", words=SHORT)
    assert dict(task.output) == {"category": "y"} | {
        key: value for key, value in task.output.items() if key != "category"
    }
    run = task.fit(out="run")
    np.save("one.npy", ((x - x.mean(axis=0)) / x.std(axis=0))[:1])
    assert run.predict("one.npy") == run.predict(((x - x.mean(0)) / x.std(0))[0])
    np.savez("windows.npz", windows=RNG.normal(size=(40, 8, 2)), target=RNG.normal(size=40))
    windows = ki.load("windows.npz", words=SHORT | {"output.baselines": ["mean"]})
    assert "number" in windows.output
    assert windows.fit(out="windows").codecs[0].spec.describe() == "(batch, time 8, feature 2)"


def test_channels_first_are_moved_last_in_fit_and_predict() -> None:
    color = RNG.integers(0, 256, (12, 3, 6, 5), dtype=np.uint8)
    np.savez("color.npz", images=color, labels=np.arange(12) % 2)
    frame = ki.load("color.npz", words=SHORT).fit(out="run").pipeline().frame
    assert np.array_equal(frame["image"].values, color.transpose(0, 2, 3, 1))
    np.save("one.npy", color[:1])
    x = ki.open("run").encode(["one.npy"])[1].everything().inputs[0]
    np.testing.assert_allclose(x[0].numpy(), color[0] / 255, atol=1e-6)


def test_microscope_arrays_of_16_bits_are_scaled() -> None:
    deep = RNG.integers(0, 4096, (12, 6, 5)).astype(np.uint16)
    deep[0, 0, 0] = deep[1, 0, 0] = 4095
    np.savez("deep.npz", images=deep, labels=np.arange(12) % 2)
    codec = ki.load("deep.npz", words=SHORT).fit(out="run").codecs[0]
    np.save("one.npy", deep[3])
    x = ki.open("run").encode(["one.npy"])[1].everything().inputs[0]
    np.testing.assert_allclose(x[0, 0].numpy(), deep[3] / 4095, atol=1e-6)
    assert "0..4095 -> 0..1" in codec.describe()


@pytest.mark.parametrize(("maximum", "limits"), [(1, (0, 1)), (16, (0, 16)), (200, None)])
def test_arrays_that_use_few_values_are_scaled_by_their_maximum(
    maximum: int, limits: tuple[int, int] | None
) -> None:
    values = RNG.integers(0, maximum + 1, (24, 6, 5)).astype(np.uint8)
    values[:, 0, 0] = maximum
    np.savez("few.npz", images=values, labels=np.arange(24) % 2)
    run = ki.load("few.npz", words=SHORT).fit(out="run")
    np.save("one.npy", values[2])
    x = run.encode(["one.npy"])[1].everything().inputs[0]
    assert run.task.input.get("value_range") == limits
    np.testing.assert_allclose(x[0, 0].numpy(), values[2] / (maximum if limits else 255), atol=1e-6)


def save_record() -> None:
    np.save("bad.npy", np.array([(1, 2.0)], dtype=[("age", int), ("income", float)]))


def save_objects() -> None:
    np.save("bad.npy", np.array([{"a": 1}], dtype=object))


REFUSED = [
    ("bad.npy", save_record, "is a table with the columns age, income"),
    ("bad.npy", save_objects, "is not a readable .npy file of numbers"),
    ("bad.npy", lambda: np.save("bad.npy", PIXELS), "has samples and no targets"),
    (
        "bad.npz",
        lambda: np.savez("bad.npz", left=PIXELS, right=PIXELS),
        r"has no array of images or other samples; got the arrays left \(6, 5, 4\), right",
    ),
    (
        "bad.json",
        lambda: Path("bad.json").write_text('{"x": [[1, 2], [3]], "y": [0, 1]}'),
        "the entries of 'x' in bad.json have different shapes",
    ),
    ("bad.json", lambda: Path("bad.json").write_text("[[1, 2], [3, 4]"), "is not JSON"),
    (
        "bad.npz",
        lambda: np.savez("bad.npz", x=PIXELS, y=LABELS[:3]),
        "differ in number; got 6 images, 3 labels",
    ),
]


@pytest.mark.parametrize(("name", "make", "message"), REFUSED, ids=[row[2][:30] for row in REFUSED])
def test_arrays_that_cannot_be_read_are_refused(name: str, make: Any, message: str) -> None:
    make()
    with pytest.raises(DataError, match=message):
        ki.load(name, words=SHORT).fit()


def test_a_missing_target_is_named_with_the_arrays() -> None:
    np.savez("some.npz", x=PIXELS, y=LABELS)
    with pytest.raises(DataError, match=r"has no array 'digit'; got the arrays x \(6, 5, 4\), y"):
        ki.load("some.npz", output="digit")
