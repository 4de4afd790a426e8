"""Further files as found: joined files, pixels in columns, dates of birth, CUB-200."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kissipo as ki
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame, strings
from kissipo.core.time.timestamps import read_time
from kissipo.input.formats.images.pixel_cells import images_to_predict
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.series_order import TimeOptions, order_rows
from kissipo.input.sources.images import SOURCE as IMAGES
from kissipo.input.sources.images import Options
from kissipo.output.target_checks import check_classes
from kissipo.runs.check_data import check_data


def read(lines: list[str], **words: str) -> tuple[Frame, list[Finding]]:
    Path("a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_table("a.csv", FileWords(**words))  # type: ignore[arg-type]


def messages(findings: list[Finding]) -> str:
    return " ".join(finding.describe() for finding in findings)


@pytest.mark.parametrize("columns", ["x,kind", "city,kind", "x,count"])
def test_headers_of_joined_files_are_left_out(columns: str) -> None:
    cells = {
        "x": lambda n: f"{n / 4}",
        "city": lambda n: f"c{n % 3}",
        "kind": lambda n: "ab"[n % 2],
    }
    cells["count"] = lambda n: str(n)
    names = columns.split(",")
    part = [",".join(cells[name](row) for name in names) for row in range(20)]
    frame, findings = read([columns, *part, columns, *part, columns, *part])
    assert len(frame) == 60 and frame.rows[20] == 22
    assert "2 rows (rows 21, 42) repeat the header" in messages(findings)
    if "x" in names:
        assert frame["x"].values.tolist() == [row / 4 for row in range(20)] * 3
    every_row = read([columns, *part, columns, *part], extra_rows="keep")[0]
    assert len(every_row) == 41


@pytest.mark.parametrize("name", ["pixel{}", "px_{}", "Pixel.{}"])
def test_pixels_in_columns_are_images(name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 8, 8))
    header = ",".join(["label", *(name.format(place) for place in range(64))])
    lines = [",".join(map(str, [row % 3, *image.ravel()])) for row, image in enumerate(pixels)]
    read([header, *lines])
    assert ki.load("a.csv", output="label").output == {"category": "label"}
    assert "images" in ki.load("a.csv", output="label").input
    reading = IMAGES.read("a.csv", Options())
    np.testing.assert_array_equal(np.stack(reading.frame["image"].values), pixels)
    assert reading.frame["label"].texts() == [str(row % 3) for row in range(24)]
    assert "read as a gray image of 8x8" in " ".join(x.describe() for x in check_data("a.csv"))
    read([header.removeprefix("label,"), *(line.partition(",")[2] for line in lines)])
    np.testing.assert_array_equal(images_to_predict(Path("a.csv")), pixels)


def test_no_date_of_birth_lies_ahead() -> None:
    texts = ["31.12.34", "01.02.89", "15.06.03"]
    years = {
        name: [str(day)[:4] for day in reading.column.values.tolist()]
        for name in ("born", "date of birth", "sold")
        if (reading := read_time(strings(name, texts))) is not None
    }
    assert years == {
        "born": ["1934", "1989", "2003"],
        "date of birth": ["1934", "1989", "2003"],
        "sold": ["2034", "1989", "2003"],
    }


def test_texts_that_programs_made_are_said() -> None:
    genes = ["TP53", "2-Sep", "EGFR", "MYC"]
    lines = [f"{genes[n % 4]};{{'w': {n}}};0x{n + 10:02X}" for n in range(40)]
    frame, findings = read(["gene;size;code", *(line.replace("'", '"') for line in lines)])
    text = messages(findings)
    assert "'2-Sep' in 'gene' may be a name that a spreadsheet turned into dates" in text
    assert "'size' has objects of JSON in its cells, such as '{\"w\": 0}'" in text
    assert "'code' has numbers with something beside them: '0x0A'" in text
    assert frame["gene"].texts()[:4] == genes


def test_classes_with_a_point_at_their_end_are_said() -> None:
    findings = check_classes(strings("income", ["<=50K", ">50K", "<=50K.", ">50K."] * 5))
    assert "differ only in the last character: <=50K/<=50K., >50K/>50K." in messages(findings)


def test_serial_dates_with_hours_in_a_column_called_time() -> None:
    frame = read(["time,x", *(f"{44197 + hour / 24:.6f},{hour % 7}" for hour in range(60))])[0]
    times = read_time(frame["time"])
    assert times is not None
    expected = np.datetime64("2021-01-01T00", "s") + np.arange(60) * np.timedelta64(3600, "s")
    np.testing.assert_array_equal(times.column.values.astype("datetime64[s]"), expected)
    seconds = read(["time,x", *(f"{30_000 + row * 0.013:.3f},{row % 7}" for row in range(60))])[0]
    assert read_time(seconds["time"]) is None


@pytest.mark.parametrize("in_turn", [False, True])
@pytest.mark.parametrize("name", ["ds", "cycle", "time_idx"])
def test_series_that_are_counted_in_steps(name: str, in_turn: bool) -> None:
    rows = [(unit, step) for unit in ("M1", "M2", "M3") for step in range(1, 31)]
    rows.sort(key=lambda row: row[1] if in_turn else 0)
    lines = [f"{unit},{step},{int(unit[1]) * 100 + step}" for unit, step in rows]
    ordered = order_rows(
        read([f"unit,{name},y", *lines])[0], TimeOptions(None, None, None), targets=["y"]
    )
    assert ordered.time == name and ordered.series_id == "unit"
    assert ordered.starts == (0, 30, 60, 90)
    expected = [unit * 100 + step for unit in (1, 2, 3) for step in range(1, 31)]
    assert ordered.frame["y"].values.tolist() == expected


def birds(folder: Path) -> None:
    for number in range(12):
        path = folder / "images" / f"{number % 3 + 1:03}.Bird" / f"b{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), 20 * number, np.uint8)).save(path)
    paths = [f"{n + 1} {n % 3 + 1:03}.Bird/b{n}.png" for n in range(12)]
    (folder / "images.txt").write_text("\n".join(paths))
    split = "\n".join(f"{n + 1} {int(n < 9)}" for n in range(12))
    (folder / "train_test_split.txt").write_text(split)


def test_the_split_of_cub_200() -> None:
    birds(Path("cub"))
    reading = IMAGES.read("cub", Options())
    assert reading.parts is not None
    paths = [Path(path).name for path in reading.frame["image"].values]
    names = {part: {paths[row] for row in rows} for part, rows in reading.parts.items()}
    assert names == {
        "train": {f"b{n}.png" for n in range(9)},
        "test": {f"b{n}.png" for n in range(9, 12)},
    }
    assert "train_test_split.txt is the split (train 9, test 3 images)" in messages(
        list(reading.findings)
    )


def test_a_folder_of_tables_is_no_folder_of_images() -> None:
    for kind in ("idle", "walk"):
        Path("motion", kind).mkdir(parents=True)
        Path("motion", kind, "1.csv").write_text("t,x\n0,1\n1,2\n")
    texts = " ".join(finding.describe() for finding in check_data("motion"))
    assert "motion has folders of tables, and no images; got 1.csv, 1.csv" in texts
