"""One signal per row with its class, as the UCR, UEA and UCI archives give them."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import arff as scipy_arff

import kissipo as ki
from kissipo.cli.main import main
from kissipo.codec.signals import Signals
from kissipo.core.errors import DataError, UserError
from kissipo.core.frame import Frame, array_column
from kissipo.input.formats.arff import read_arff, split_cells
from kissipo.input.source_data import Reading
from kissipo.input.sources.signals import SOURCE, Options
from kissipo.runs.check_data import check_data

Out = pytest.CaptureFixture[str]
COUNT, STEPS = 40, 24
RANDOM = np.random.default_rng(3)
CLASSES = np.where(np.arange(COUNT) % 2, 1, -1)
ANGLES = np.arange(STEPS) * (0.3 + 0.3 * (CLASSES[:, None] > 0)) + RANDOM.uniform(0, 6, (COUNT, 1))
WAVES = (np.sin(ANGLES) + RANDOM.normal(0, 0.1, ANGLES.shape)).round(5)
ROWS = np.c_[CLASSES, WAVES]
NAMES = [f"v{step}" for step in range(1, STEPS + 1)]


def plain(rows: np.ndarray, separator: str, number: str = "%.5f") -> str:
    lines = StringIO()
    np.savetxt(lines, rows, delimiter=separator, fmt=number)
    return lines.getvalue()


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(WAVES, columns=NAMES).assign(**columns)


def arff_text(rows: np.ndarray) -> str:
    head = "".join(f"@attribute att{step} numeric\n" for step in range(STEPS))
    lines = [",".join(f"{cell:.5f}" for cell in row[1:]) + f",{row[0]:.0f}" for row in rows]
    return f"% UCR\n@relation Coffee\n{head}@attribute target {{-1,1}}\n@data\n" + "\n".join(lines)


def ts_text(rows: np.ndarray, *, target: str = "@classLabel true -1 1") -> str:
    head = "#made\n@problemName Coffee\n@timeStamps false\n@missing false\n"
    lines = [",".join(f"{cell:.5f}" for cell in row[1:]) + f":{row[0]:g}" for row in rows]
    return f"{head}{target}\n@data\n" + "\n".join(lines)


FILES: dict[str, str] = {
    "A_TRAIN.tsv": plain(ROWS, "\t"),
    "first.csv": plain(ROWS, ","),
    "last.csv": plain(np.c_[WAVES, CLASSES], ",", "%.18e"),
    "blanks.txt": plain(ROWS, "   ", "%16.7e"),
    "commas.txt": plain(ROWS, ","),
    "names.csv": table(label=CLASSES).to_csv(index=False),
    "numbered.csv": pd.DataFrame(ROWS).to_csv(index=False),
    "id.csv": table(y=CLASSES, id=[f"chunk{row}" for row in range(COUNT)]).to_csv(index=False),
    "excel.csv": table(class_=CLASSES).to_csv(index=False, sep=";", decimal=","),
    "a.arff": arff_text(ROWS),
    "a.ts": ts_text(ROWS),
}


def read(value: object, **words: object) -> Reading:
    return SOURCE.read(value, Options(**words))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FILES)
def test_each_row_is_a_signal_with_its_class(name: str) -> None:
    Path(name).write_text(FILES[name])
    task = ki.load(name)
    assert task.input["signals"] == name and task.output == {"category": "class"}
    frame = read(name).frame
    np.testing.assert_allclose(frame["signal"].values[..., 0], WAVES, atol=1e-9)
    assert frame["class"].texts() == [str(value) for value in CLASSES]


def test_what_was_read_is_said_with_the_option_that_changes_it() -> None:
    Path("a.tsv").write_text(FILES["A_TRAIN.tsv"])
    texts = [item.describe() for item in check_data("a.tsv")]
    assert any(
        "each of 40 rows is one signal of 24 steps, in the columns 'column2' to 'column25'; "
        "'column1' is its class; there is no header -> --output column1 input.drop=[] reads" in text
        for text in texts
    )
    assert not any(text.startswith("WARN") for text in texts)
    words = {"input.drop": []}
    assert "table" in ki.load("a.tsv", output="column1", words=words).input


SPLITS: dict[str, Callable[[np.ndarray], str]] = {
    "Coffee_{}.txt": lambda rows: plain(rows, "  ", "%16.7e"),
    "Coffee_{}.tsv": lambda rows: plain(rows, "\t"),
    "Coffee_{}.arff": arff_text,
    "Coffee_{}.ts": ts_text,
}


@pytest.mark.parametrize("name", SPLITS)
def test_two_files_are_the_published_split(name: str) -> None:
    folder = Path("Coffee")
    folder.mkdir()
    (folder / name.format("TRAIN")).write_text(SPLITS[name](ROWS[:28]))
    (folder / name.format("TEST")).write_text(SPLITS[name](ROWS[28:]))
    (folder / "Coffee.md").write_text("About coffee.")
    assert "signals" in ki.load("Coffee").input
    reading = read("Coffee")
    assert reading.parts is not None
    np.testing.assert_array_equal(reading.parts["test"], np.arange(28, 40))
    np.testing.assert_allclose(reading.frame["signal"].values[28:, :, 0], WAVES[28:], atol=1e-7)
    texts = [item.describe() for item in reading.findings]
    assert any("(train 28, test 12 signals) -> not read: Coffee.md" in text for text in texts)


def activity() -> Path:
    """Returns a folder as the UCI archive gives it: a file per channel."""
    for part, rows in (("train", slice(0, 30)), ("test", slice(30, 40))):
        inside = Path("HAR", part, "Inertial Signals")
        inside.mkdir(parents=True)
        (inside / f"acc_x_{part}.txt").write_text(plain(WAVES[rows], " ", "%16.7e"))
        (inside / f"gyro_{part}.txt").write_text(plain(-2 * WAVES[rows], " ", "%16.7e"))
        above = inside.parent
        (above / f"X_{part}.txt").write_text(plain(WAVES[rows, :5], " "))
        (above / f"y_{part}.txt").write_text(plain((CLASSES[rows, None] + 3) / 2, " ", "%d"))
        (above / f"subject_{part}.txt").write_text(plain(np.arange(40)[rows, None] // 4, " ", "%d"))
    Path("HAR/activity_labels.txt").write_text("1 SITTING\n2 WALKING\n")
    Path("HAR/features.txt").write_text("1 mean()\n2 std()\n")
    return Path("HAR")


def test_a_file_per_channel_beside_the_classes() -> None:
    folder = activity()
    assert "signals" in ki.load("HAR").input
    reading = read(folder)
    expected = np.stack([WAVES, -2 * WAVES], axis=2)
    np.testing.assert_allclose(reading.frame["signal"].values, expected, atol=1e-7)
    names = ["WALKING" if value > 0 else "SITTING" for value in CLASSES]
    assert reading.frame["class"].texts() == names
    assert reading.frame["subject"].texts() == [str(row // 4) for row in range(COUNT)]
    texts = [item.describe() for item in reading.findings]
    assert any("2 files in Inertial Signals is one signal of 24 steps" in text for text in texts)
    assert any("not read: X_train.txt" in text for text in texts)


def test_features_without_signals_are_features() -> None:
    folder = activity()
    for path in folder.glob("*/Inertial Signals/*"):
        path.unlink()
    for path in folder.glob("*/Inertial Signals"):
        path.rmdir()
    np.testing.assert_allclose(read(folder).frame["signal"].values, WAVES[:, :5], atol=1e-5)


def test_a_channel_with_fewer_rows_is_refused() -> None:
    path = activity() / "train/Inertial Signals/gyro_train.txt"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match=r"gyro_train\.txt does not fit.*\(29, 24\) and \(30, 24\)"):
        read("HAR")


def test_fit_and_predict_with_and_without_classes(capsys: Out) -> None:
    Path("a.tsv").write_text(FILES["A_TRAIN.tsv"])
    assert main(["fit", "a.tsv", "epochs=30", "--out", "run"]) == 0
    Path("new.tsv").write_text(plain(WAVES[:3], "\t"))
    Path("named.csv").write_text(FILES["names.csv"])
    capsys.readouterr()
    printed = []
    for arguments in (["--file", "new.tsv"], ["--file", "named.csv"], ["--", *map(str, WAVES[0])]):
        assert main(["predict", "run", *arguments]) == 0
        printed.append(capsys.readouterr().out.splitlines())
    assert printed[0] == printed[1][:3] and printed[0][:1] == printed[2]
    run = ki.open("run")
    assert run.predict(WAVES[:3]) == [int(line.split("\t")[0]) for line in printed[0]]
    frame = run.predict(table(label=CLASSES).head(2))
    assert frame["prediction"].tolist() == run.predict(WAVES[:2])
    assert main(["predict", "run", "--", *map(str, WAVES[0, :20])]) == 2
    expected = (
        "a signal has fewer steps than those of the training; got 20 steps. Allowed: 24 steps"
    )
    assert expected in " ".join(capsys.readouterr().err.split())
    with pytest.raises(UserError, match=r"another shape.*\(1, 30\).*\(24, 1\)"):
        run.predict(np.ones((1, 30)))


def test_shorter_signals_and_missing_values_are_warned_of() -> None:
    rows = ROWS.copy()
    rows[3, 20:] = np.nan
    rows[5, 4] = np.nan
    Path("a.tsv").write_text(plain(rows, "\t").replace("nan", "NaN"))
    texts = [item.describe() for item in check_data("a.tsv")]
    assert any("1 of 40 signals is shorter than the longest one (19 to 24" in t for t in texts)
    assert any("1 signal of 40 has missing values, first in signal 6" in text for text in texts)
    codec = Signals("signal").fit(read("a.tsv").frame)
    assert float(codec.encode(read("a.tsv").frame)[5, 3, 0]) == 0.0


def test_channels_and_lengths_of_a_ts_file() -> None:
    Path("a.ts").write_text("@problemName x\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n7,?:8,9:b")
    frame = read("a.ts").frame
    expected = [[[1, 4], [2, 5], [3, 6]], [[7, 8], [np.nan, 9], [np.nan, np.nan]]]
    np.testing.assert_array_equal(frame["signal"].values, expected)
    assert frame["class"].texts() == ["a", "b"]


def test_numbers_as_targets_of_a_ts_file() -> None:
    Path("a.ts").write_text(ts_text(np.c_[WAVES[:, 0] / 3, WAVES], target="@targetLabel true"))
    assert ki.load("a.ts").output == {"number": "class"}
    np.testing.assert_allclose(read("a.ts").frame["class"].values, WAVES[:, 0] / 3, rtol=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@problemName x\n@timeStamps true\n@data\n(0,1):a", r"timestamps.*even steps"),
        ("@problemName x\n@classLabel true\n@data\n1,2:a\n1,2:3,4:b", r"line 5.*2 channels"),
        ("@problemName x\n@classLabel true\n@data\n1,x:a", r"line 4.*not a number"),
        ("@problemName x\n@data\n", "no signals below @data"),
    ],
)
def test_other_ts_files_are_refused(text: str, message: str) -> None:
    Path("a.ts").write_text(text)
    with pytest.raises(DataError, match=message):
        read("a.ts")


def test_the_codec_scales_each_channel_as_numpy_does() -> None:
    values = RANDOM.normal(5, 3, (10, 4, 2))
    codec = Signals("x").fit(Frame((array_column("x", values),)))
    flat = values.reshape(-1, 2)
    expected = (values - flat.mean(0)) / flat.std(0)
    frame = Frame((array_column("x", values),))
    np.testing.assert_allclose(codec.encode(frame).numpy(), expected, rtol=1e-5, atol=1e-6)


OTHERS: dict[str, pd.DataFrame] = {
    "pixels": pd.DataFrame(np.c_[CLASSES, (WAVES.repeat(2, 1)[:, :36] * 100 + 120).round()]).astype(
        int
    ),
    "genes": pd.DataFrame(RANDOM.normal(size=(COUNT, 30))).add_prefix("g").assign(y=CLASSES),
    "noise": pd.DataFrame(RANDOM.normal(size=(COUNT, 30))).add_prefix("v").assign(y=CLASSES),
    "small counts": pd.DataFrame(np.repeat(np.arange(COUNT)[:, None] % 5, 30, 1))
    .add_prefix("d_")
    .assign(item=[f"i{row}" for row in range(COUNT)]),
    "years": pd.DataFrame(
        WAVES.cumsum(1), columns=[str(2000 + step) for step in range(STEPS)]
    ).assign(region=["a", "b"] * 20, country=[f"c{row}" for row in range(COUNT)]),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_tables_stay_what_they_were(case: str) -> None:
    OTHERS[case].to_csv("a.csv", index=False)
    texts = [item.describe() for item in check_data("a.csv")]
    assert not any("is one signal" in text for text in texts)


def test_a_named_column_of_classes_leaves_signals_signals() -> None:
    Path("beats.csv").write_text(table(kind=CLASSES).to_csv(index=False))
    task = ki.load("beats.csv", output="kind")
    assert task.input == {"signals": "beats.csv", "label": "kind"}
    assert task.output == {"category": "class"}
    reading = read("beats.csv", label="kind")
    assert reading.frame["class"].texts() == [str(kind) for kind in CLASSES]
    np.testing.assert_allclose(reading.frame["signal"].values[:, :, 0], WAVES)


@pytest.mark.parametrize(
    ("output", "words"), [("v9", {}), ("number", {}), ("kind", {"drop": ["v1"]})]
)
def test_another_answer_or_options_of_a_table_are_those_of_a_table(
    output: str, words: dict[str, object]
) -> None:
    frame = table(kind=CLASSES, number=RANDOM.normal(0, 1, COUNT).round(3))
    columns = ["kind"] if output == "number" else ["number"]
    frame.drop(columns=columns).to_csv("beats.csv", index=False)
    options = {f"input.{name}": value for name, value in words.items()}
    assert "table" in ki.load("beats.csv", output=output, words=options).input


def test_a_novel_and_a_program_are_no_signals() -> None:
    Path("novel.txt").write_text("It was a dark and stormy night. " * 40)
    Path("code.ts").write_text("export const x: number = 1;\n")
    assert "text" in ki.load("novel.txt").input
    with pytest.raises(DataError, match=r"format that kissipo does not read.*'\.ts'"):
        ki.load("code.ts")


IRIS = """% iris
@RELATION iris
@ATTRIBUTE 'sepal length' REAL
@ATTRIBUTE width	NUMERIC
@ATTRIBUTE class {'Iris setosa',virginica}
@DATA
5.1,3.5,'Iris setosa'
4.9, ?,virginica
% between
6.2,2.5,virginica
"""


def test_a_table_of_weka_is_read_as_scipy_reads_it() -> None:
    Path("iris.arff").write_text(IRIS)
    frame, answer = read_arff(Path("iris.arff"), "utf-8")
    rows, meta = scipy_arff.loadarff("iris.arff")
    assert answer == "class" and frame.names == list(meta.names())
    for name in ("sepal length", "width"):
        np.testing.assert_array_equal(frame[name].values, rows[name])
    assert frame["class"].texts() == [value.decode() for value in rows["class"]]


def test_the_answer_of_a_table_of_weka_is_its_last_attribute() -> None:
    rows = "".join(f"{4 + row % 5},{row},{'ab'[row % 2]}\n" for row in range(60))
    head = "@relation x\n@attribute p real\n@attribute q real\n@attribute kind {a,b}\n@data\n"
    Path("x.arff").write_text(head + rows)
    task = ki.load("x.arff")
    assert task.output == {"category": "kind"} and "table" in task.input
    assert ki.load("x.arff", output="p").output != task.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@relation x\n@attribute a real\n1\n", "no line @data"),
        ("@relation x\n@data\n1\n", "no line @attribute"),
        ("@attribute a real\n@data\n{0 1}\n", r"line 3.*sparse row.*SparseToNonSparse"),
        ("@attribute a real\n@data\n1,2\n", r"line 3.*2 cells.*1 columns"),
        ("@attribute a real\n@data\nx\n", r"row 1.*not a number.*'x'"),
        ("@attribute a {b,c}\n@data\nd\n", r"row 1.*does not list.*'d'.*b, c"),
        ("@attribute a relational\n@data\nd\n", r"unknown type.*\.ts"),
        ("@attribute a real\n@data\n", "no rows below @data"),
    ],
)
def test_other_tables_of_weka_are_refused(text: str, message: str) -> None:
    Path("a.arff").write_text(text)
    with pytest.raises(DataError, match=message):
        read_arff(Path("a.arff"), "utf-8")


def test_quotes_and_commas_in_cells() -> None:
    assert split_cells(r"'it\'s, so',?,\"x\" , y".replace('\\"', '"')) == [
        "it's, so",
        None,
        "x",
        "y",
    ]
