"""Unusable data on the command line: one paragraph, exit code 2, no files left."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kissipo.cli.main import main

Refusal = Callable[..., str]
GOOD = "size,city,kind\n" + "".join(
    f"{number % 7}.5,{'Brno' if number % 3 else 'Praha'},{'yes' if number % 2 else 'no'}\n"
    for number in range(60)
)
FILES: dict[str, bytes] = {
    "good.csv": GOOD.encode(),
    "empty.csv": b"",
    "header.csv": b"size,city,kind\n",
    "unanswered.csv": GOOD.replace(",yes", ",").replace(",no", ",NA").encode(),
    "one.csv": GOOD.replace(",no", ",yes").encode(),
    "lonely.csv": (GOOD + "1,Brno,perhaps\n").encode(),
    "ragged.csv": (GOOD + "1,Brno\n").encode(),
    "latin.csv": (GOOD + "1,Plzeň,yes\n").encode("iso8859-2"),
    "infinite.csv": (GOOD + "inf,Brno,yes\n").encode(),
    "thousands.csv": GOOD.replace("6.5,", '"12,00,0",', 1).encode(),
    "quotes.csv": (GOOD + '1,"Brno,yes\n').encode(),
    "image.csv": b"\x89PNG\r\n\x1a\n",
    "bytes.csv": bytes(range(256)),
    "few.csv": "\n".join(GOOD.splitlines()[:4]).encode(),
    "constant.csv": b"size,price\n" + b"".join(b"%d,7\n" % (number % 9) for number in range(40)),
    "price.csv": b"size,price\n"
    + b"".join(b"%d,%d.5\n" % (number % 9, number) for number in range(40)),
    "air.csv": b"month,passengers\n"
    + b"".join(
        b"%d-%02d-28,%d\n" % (2000 + number // 12, number % 12 + 1, 9 * number + number % 12 * 20)
        for number in range(96)
    ),
    "sheet.xlsx": GOOD.encode(),
    "nameless.csv": "".join(GOOD.splitlines(keepends=True)[1:]).encode(),
    "same.csv": b"kind\n" + b"yes\nno\n" * 20,
}
REFUSED = [
    ("god.csv --output kind", "there is no file god.csv. Did you mean 'good.csv'?"),
    (
        "far/good.csv --output kind",
        "there is no file far/good.csv. The folder far does not exist either.",
    ),
    ("empty.csv --output kind", "empty.csv is empty. Give a file with a header and rows of data."),
    (
        "header.csv --output kind",
        "header.csv has a header but no rows; got the columns size, city, kind. Add rows of data "
        "below the",
    ),
    (
        "good.csv",
        "which column of good.csv is the answer? There are the columns size, city, kind. Name it "
        "with --output COLUMN.",
    ),
    ("good.csv --output kin", "good.csv has no column 'kin'. Did you mean 'kind'?"),
    ("good.csv --output zzz", "good.csv has no column 'zzz'. Known here: size, city, kind."),
    (
        "nameless.csv --output kind",
        "there is no column 'kind': nameless.csv seems to have no header: its first line looks "
        "like a row of",
    ),
    (
        "nameless.csv --output kind",
        "got the columns column1, column2, column3. Name the columns with input.header=[name, "
        "name, ...].",
    ),
    (
        "good.csv --output kind input.numeric=[siz]",
        "good.csv has no column 'siz'. Did you mean 'size'?",
    ),
    (
        "good.csv --output kind input.numeric=[city]",
        "'city' is not a column of numbers; got texts such as 'Praha'.",
    ),
    (
        "good.csv --output kind input.text=size",
        "'size' is not a column of text; got a column of numbers. Use input.numeric=[size].",
    ),
    (
        "good.csv --output kind input.categorical=[kind]",
        "input.categorical names 'kind', which is the answer. The net must not see its target",
    ),
    (
        "good.csv output.number=kind",
        "the answer 'kind' must be a number for output.number; got texts such as 'no'. Use",
    ),
    (
        "good.csv --time city --output size",
        "the time column 'city' cannot be read as timestamps; got 'Praha' in row 1. Say how it "
        "is written",
    ),
    (
        "good.csv --output kind input.split.test=0.9 input.split.validation=0.2",
        "input.split leaves nothing to train on; got test 0.9 + ",
    ),
    (
        "unanswered.csv --output kind",
        "'kind' of unanswered.csv has no value in any of its 60 rows. Fill it, or name another "
        "with",
    ),
    (
        "one.csv --output kind",
        "'kind' has only one class: 'yes' in all 60 rows. Allowed: at least two classes. Is it "
        "the right column?",
    ),
    (
        "constant.csv --output price output.number=price",
        "'price' has the same value in all 40 rows; got 7. Is it the right column?",
    ),
    (
        "lonely.csv --output kind",
        "1 of the 3 classes of 'kind' have a single row: 'perhaps'. Allowed: at least two rows "
        "per class, one for",
    ),
    (
        "price.csv output.category=price",
        "40 of the 40 classes of 'price' have a single row: '0.5', '1.5', '2.5', '3.5', '4.5' "
        "and 35",
    ),
    (
        "ragged.csv --output kind",
        "line 62 of ragged.csv has 2 cells where the header has 3 columns; there is no cell for "
        "'kind'; got",
    ),
    (
        "quotes.csv --output kind",
        "the row that begins at line 62: a double quote is opened and never closed. Correct the "
        "quotes of that",
    ),
    (
        "latin.csv --output kind",
        "line 62 of latin.csv is not valid utf-8: the byte 0xf2. Save the file as UTF-8, or set "
        "its encoding",
    ),
    (
        "infinite.csv --output kind",
        "'size' is infinite in row 61. Write a number, or leave the cell empty.",
    ),
    (
        "thousands.csv --output kind",
        "'12,00,0' in row 7 of 'size' is not a number, most other cells there are. Write it "
        "with a decimal point",
    ),
    (
        "image.csv --output kind",
        "image.csv is not a text file but a PNG image. Save it as CSV (UTF-8) first.",
    ),
    (
        "bytes.csv --output kind",
        "bytes.csv is not a text file: it contains zero bytes. Is it the right file?",
    ),
    (
        "sheet.xlsx --output kind",
        "sheet.xlsx is not a spreadsheet but a text file. Give it the ending .csv.",
    ),
    ("few.csv --output kind", "1 of the 2 classes of 'kind' have a single row: 'yes'."),
    (
        "same.csv --output kind",
        "no column of same.csv is left for the net to learn from; got every column is the answer "
        "or dropped.",
    ),
    (
        "folder",
        "folder must contain one folder per class; got no folders. Sort the images into folders "
        "such as folder/good and folder/bad.",
    ),
    ("folder.csv --output kind", "folder.csv must contain one folder per class; got no folders."),
    ("input.table=good.csv", "which column of good.csv is the answer?"),
    (
        "input.table=godo.csv output.category=kind",
        "there is no file godo.csv. Did you mean 'good.csv'?",
    ),
    (
        "input.table=good.csv --output kind",
        "--output needs a TASK that is a file or a name; got input.table=good.csv. Give the data",
    ),
    ("input.tabel=good.csv output.category=kind", "input names no source; got tabel."),
]
QUESTIONS = [
    (
        "--file new.csv",
        "size\n1\n",
        "new.csv has no column 'city', which this run was trained with; got the columns size. "
        "Allowed: all",
    ),
    (
        "--file new.csv",
        "size,City\n1,Brno\n",
        "Allowed: all of size, city. Was 'City' meant? Rename it to 'city'.",
    ),
    ("--file new.csv", "size,city\nlarge,Brno\n", "'large' in row 1 of 'size' is not a number"),
    (
        "--file new.csv",
        "size,city\n1,Brno\n1e999,Brno\n",
        "'size' is infinite in row 2. Write a number, or leave the cell empty.",
    ),
    ("--file new.csv", "", "new.csv is empty. Give a file with a header and rows of data."),
    ("--file nwe.csv", "", "there is no file nwe.csv. Did you mean 'new.csv' or 'one.csv'?"),
    ("--file folder", "", "folder is a folder. Allowed: a file."),
    (
        "size=1",
        "",
        "the input has no column 'city', which this run was trained with; got the columns size.",
    ),
    (
        "1.5",
        "",
        "the values do not name their columns; got '1.5'. Give a file (--file new.csv), or one "
        "row as size=... city=...",
    ),
    ("", "", "there is no value to predict. Give a file (--file new.csv)"),
    ("size=1 --file new.csv", "", "kissipo predict needs either values or --file."),
]


@pytest.fixture(autouse=True)
def _files() -> None:
    for name, content in FILES.items():
        Path(name).write_bytes(content)
    for name in ("folder", "folder.csv"):
        Path(name).mkdir()


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_fit_refuses_unusable_data(arguments: str, message: str, refusal: Refusal) -> None:
    assert message in refusal(*f"fit {arguments} --quiet".split())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("latin.csv input.encoding=iso8859-2", "PASS no missing values in 3 columns"),
        (
            "latin.csv",
            "input.encoding=latin-1 or input.encoding=cp1252 FAIL: 1 failure, 0 warnings",
        ),
        (
            "nameless.csv input.header=[size,city,kind] --output kind",
            "PASS 2 classes of 'kind', the rarest with 30 of 60 rows",
        ),
        (
            "nameless.csv",
            "WARN nameless.csv seems to have no header: its first line looks like a row of data (",
        ),
        (
            "nameless.csv",
            "-> read as row 1; the columns are called column1, column2, column3; set their names "
            "with input",
        ),
        (
            "nameless.csv output.category=column3",
            "PASS 2 classes of 'column3', the rarest with 30 of 60 rows",
        ),
        (
            "good.csv input.numeric=[city]",
            "FAIL 'city' is not a column of numbers; got texts such as 'Praha'",
        ),
        (
            "good.csv input.quotng=false --output kind",
            "FAIL input.quotng is not a known option -> Did you mean 'quoting'?",
        ),
    ],
)
def test_data_check_takes_the_options_that_it_suggests(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(f"data check {words}".split()) == (2 if "FAIL" in message else 0)
    assert message in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "words",
    [
        "good.csv --output kind",
        "good.csv --output kind input.categorical=[size]",
        "price.csv --output price process.net=linear",
        "air.csv --time month --output passengers --horizon 3",
        "air.csv --output passengers --horizon 2 input.window=8",
    ],
)
def test_data_check_lists_the_inferred_settings_of_fit_on_one_screen(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["data", "check", *words.split()])
    checked = capsys.readouterr().out
    assert len(checked.splitlines()) <= 40
    assert main(["fit", *words.split(), "--epochs", "1", "--out", "fitted"]) == 0
    fitted = capsys.readouterr().err

    def settings(text: str) -> list[list[str]]:
        lines = text.split("Inferred settings")[1].splitlines()[1:]
        return [line.split() for line in lines if line.startswith(("input.", "output."))]

    assert settings(checked) == settings(fitted)
    assert settings(checked)


def test_data_check_answers_a_foreign_option_without_an_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["data", "check", "good.csv", "na_values=-9"]) == 2
    assert "na_values is called missing_values" in capsys.readouterr().out


def test_data_get_refuses_options(refusal: Refusal) -> None:
    assert "kissipo data get takes no options of a task; got 'input.quoting=false'." in refusal(
        *["data", "get", "mnist", "input.quoting=false"]
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run on good.csv."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "good.csv").write_text(GOOD)
    assert (
        main(
            [
                "fit",
                str(folder / "good.csv"),
                "--output",
                "kind",
                "epochs=1",
                "--out",
                str(folder / "run"),
                "--quiet",
            ]
        )
        == 0
    )
    return str(folder / "run")


@pytest.mark.parametrize(("arguments", "content", "message"), QUESTIONS)
def test_predict_refuses_inputs_that_do_not_fit(
    run: str, arguments: str, content: str, message: str, refusal: Refusal
) -> None:
    Path("new.csv").write_text(content)
    assert message in refusal(*f"predict {run} {arguments}".split())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "size,city\n1,Brno\n",
            "no column 'kind', which this run was trained with; got the columns size, city. "
            "Allowed: all of size,",
        ),
        ("size,city,kind\n1,Brno,\n", "no row of new.csv has a target to evaluate on."),
        (
            "size,city,kind\n1,Brno,yes\n1,Brno,perhaps\n",
            "'kind' has 'perhaps' in row 2, which is not in the training split. Known",
        ),
    ],
)
def test_evaluate_refuses_data_without_targets(
    run: str, content: str, message: str, refusal: Refusal
) -> None:
    Path("new.csv").write_text(content)
    assert message in refusal(*f"evaluate {run} new.csv".split())


def save_images() -> None:
    for number in range(24):
        path = Path("photos") / ("good" if number % 2 else "bad") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 10 * number, np.uint8)).save(path)


def test_damaged_images_are_refused_by_fit_and_predict(refusal: Refusal) -> None:
    save_images()
    assert main(["fit", "photos", "epochs=1", "--out", "run", "--quiet"]) == 0
    Path("photos/good/damaged.png").write_bytes(Path("photos/good/1.png").read_bytes()[:-40])
    message = refusal(*["fit", "photos", "--quiet"])
    assert "the image photos/good/damaged.png is corrupt or not an image: " in message
    assert message.endswith("Remove them or save them again, or set input.skip_corrupt=true.\n")
    for question, expected in [
        (
            "photos/good/damaged.png",
            "the image photos/good/damaged.png is corrupt or not an image: ",
        ),
        ("good.csv", "the image good.csv is corrupt or not an image: "),
        ("photos/good/absent.png", "there is no image photos/good/absent.png."),
        ("folder", "folder contains no images. Name a folder of .jpg, .png or the like."),
    ]:
        assert expected in refusal(*f"predict run {question}".split())


def test_a_word_where_a_series_has_steps_is_refused(refusal: Refusal) -> None:
    Path("air.csv").write_text(
        "Year,sold\n" + "".join(f"{1900 + year},{year % 5 + year / 9:.3f}\n" for year in range(90))
    )
    assert (
        main(
            [
                "fit",
                "air.csv",
                "--time",
                "Year",
                "--output",
                "sold",
                "epochs=1",
                "--out",
                "run",
                "--quiet",
            ]
        )
        == 0
    )
    assert "'many' in row 2 of 'sold' is not a number" in refusal(*["predict", "run", "1", "many"])
    assert "there are fewer steps than one window needs; got 2 in the values." in refusal(
        *["predict", "run", "1", "2"]
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can be become by root only")
def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not all(folder.stat().st_mode & 0o001 for folder in Path(sys.prefix).parents):
        pytest.skip("another user cannot reach this environment")
    Path("good.csv").chmod(0)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    main(["fit", "empty.csv", "--output", "kind"])  # loads modules while readable
    capsys.readouterr()
    os.seteuid(65534)
    try:
        code = main(["fit", "good.csv", "--output", "kind"])
    finally:
        os.seteuid(0)
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert printed.err == (
        "kissipo: good.csv cannot be read: permission denied. Check its permissions.\n"
    )
