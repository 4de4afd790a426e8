"""The data check: each finding on a small file, with its level, its rows and what is done about it; `kissipo data check`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kissipo.cli.main import main
from kissipo.runs.check_data import check_data

Rows = list[list[str]]
HEADER = ["income", "city", "code", "kind"]


def people(count: int = 60) -> Rows:
    """Rows in which nothing is wrong: an income, a city, a code, and a kind that none of them tells."""
    draw = np.random.default_rng(0)
    return [
        [
            f"{1000 + 200 * draw.normal():.2f}",
            draw.choice(["Brno", "Praha"]),
            f"{draw.normal():.4f}",
            "ham" if row % 2 else "spam",
        ]
        for row in range(count)
    ]


def write(rows: Rows, header: list[str] = HEADER) -> None:
    """The rows as some.csv."""
    lines = [header, *rows]
    Path("some.csv").write_text(
        "".join(
            ",".join(f'"{cell}"' if "," in cell else cell for cell in line) + "\n" for line in lines
        )
    )


def set_cells(column: int, cells: dict[int, str]) -> Callable[[Rows], None]:
    def spoil(rows: Rows) -> None:
        for row, cell in cells.items():
            rows[row - 1][column] = cell

    return spoil


def set_all(column: int, cell: Callable[[int, list[str]], str]) -> Callable[[Rows], None]:
    def spoil(rows: Rows) -> None:
        for number, row in enumerate(rows):
            row[column] = cell(number, row)

    return spoil


def repeat_rows(rows: Rows) -> None:
    rows += [list(rows[1]), list(rows[4])]


SPOILT: list[tuple[Callable[[Rows], None], str, tuple[int, ...]]] = [
    (set_cells(0, {7: "12,000"}), "FAIL  '12,000' in row 7 of 'income' is not a number, most other cells there are -> "
     "write 12000 instead of 12,000, or say input.thousands=,", (7,)),
    (set_cells(0, {7: "1,5", 9: "2,5"}), "FAIL  '1,5' in row 7 of 'income' is not a number, most other cells there are "
     "(2 such cells: rows 7, 9) -> write it with a point as decimal mark, or say input.decimal=,", (7, 9)),
    (set_cells(0, {3: "unknown"}), "FAIL  'unknown' in row 3 of 'income' is not a number, most other cells there are -> "
     "correct or empty the cell, or read the column as levels with input.categorical=[income]", (3,)),
    (set_cells(2, {5: "inf", 8: "-inf"}), "FAIL  'code' is infinite in rows 5, 8 -> write a number, or leave the cell empty", (5, 8)),
    (set_cells(0, {2: "", 4: "NA"}), "WARN  'income' has no value in 2 of 60 rows (rows 2, 4) -> filled with the training median, "
     "and flagged in a column of its own", (2, 4)),
    (set_cells(1, {2: "?"}), "WARN  'city' has no value in 1 of 60 rows (row 2) -> missing is a level of its own", (2,)),
    (set_cells(3, {6: "", 60: ""}), "WARN  the answer 'kind' is missing in 2 of 60 rows (rows 6, 60) -> these rows are left out", (6, 60)),
    (set_all(2, lambda number, row: "3.5"), "WARN  'code' holds the same value, or none, in every row -> left out", ()),
    (set_all(2, lambda number, row: str(number + 100)), "WARN  'code' holds nothing but a name for each row, like an id -> left out", ()),
    (set_all(1, lambda number, row: f"id{number:03d}"), "WARN  'city' holds nothing but a name for each row, like an id -> left out", ()),
    (repeat_rows, "WARN  2 of 62 rows repeat an earlier one (rows 61, 62) -> "
     "kept, each on the same side of the split as its twin", (61, 62)),
    (set_all(1, lambda number, row: row[3].upper()), "WARN  'city' alone tells the answer 'kind' in 100 % of the rows -> "
     "used as it is; if it is known only afterwards, leave it out with input.drop=[city]", ()),
    (set_all(2, lambda number, row: "0.25" if row[3] == "ham" else "7"),
     "WARN  'code' alone tells the answer 'kind' in 100 % of the rows", ()),
    (set_all(3, lambda number, row: "spam" if number % 15 == 0 else "ham"),
     "WARN  the classes of 'kind' are uneven: 'ham' 56 rows, 'spam' 4 -> read recall and F1, not accuracy alone; parts keep the", ()),
    (set_all(3, lambda number, row: "ham"),
     "FAIL  the answer column 'kind' has only one class: 'ham' in all 60 rows -> Is it the right column?", ()),
    (set_all(3, lambda number, row: ""),
     "FAIL  the answer column 'kind' of some.csv has no value in any of its 60 rows -> Fill it, or name ", ()),
    (set_cells(3, {8: "egg"}),
     "FAIL  1 of the 3 classes of 'kind' have a single row: 'egg' -> Add rows of that class, merge it with another", ()),
    (lambda rows: rows.append(["1"]),
     "FAIL  line 62 of some.csv has 1 cells where the header has 4 columns; there is nothing for 'city'; got '1' -> Add or", ()),
]  # fmt: skip


def test_clean_data_pass_every_check() -> None:
    write(people())
    assert [each.describe() for each in check_data("some.csv", output="kind")] == [
        "PASS  2 classes of 'kind', the rarest with 30 of 60 rows",
        "PASS  no missing values in 3 columns",
        "PASS  no duplicates among 60 rows",
        "PASS  no column alone determines the answer",
    ]


@pytest.mark.parametrize(("spoil", "told", "rows"), SPOILT)
def test_what_is_wrong_is_found_with_its_rows(
    spoil: Callable[[Rows], None], told: str, rows: tuple[int, ...]
) -> None:
    table = people()
    spoil(table)
    write(table)
    wrong = [each for each in check_data("some.csv", output="kind") if each.level != "PASS"]
    assert [each.rows for each in wrong if each.describe().startswith(told)] == [rows], [
        each.describe() for each in wrong
    ]
    assert len(wrong) == 1


def test_a_number_that_is_another_one_in_other_words_gives_it_away() -> None:
    table = [[row[0], row[1], f"{float(row[0]) / 25.4:.6f}", row[2]] for row in people()]
    write(table, ["millimetres", "city", "inches", "score"])
    found = [
        each.describe()
        for each in check_data("some.csv", output="millimetres")
        if each.level == "WARN"
    ]
    assert len(found) == 1 and found[0].startswith(
        "WARN  'inches' alone tells the answer 'millimetres' in 100 % of the rows"
    )


def test_few_combinations_are_no_copies() -> None:
    write([[row[1], row[3]] for row in people()], ["city", "kind"])
    assert [
        each.describe()
        for each in check_data("some.csv", output="kind")
        if each.check == "duplicate rows"
    ] == [
        "WARN  56 of 60 rows repeat another one: few combinations of values are possible -> equal rows may stand in training and in test"
    ]


MONTHS = [f"{1990 + month // 12}-{month % 12 + 1:02d}" for month in range(96)]


def write_series(timestamps: list[str], values: list[str] | None = None) -> None:
    values = values or [
        f"{10 + 5 * np.sin(at / 12 * 2 * np.pi) + at / 10:.3f}" for at in range(len(timestamps))
    ]
    write(
        [[timestamp, value] for timestamp, value in zip(timestamps, values, strict=True)],
        ["Month", "sold"],
    )


@pytest.mark.parametrize(
    ("timestamps", "told"),
    [
        (MONTHS, "PASS  'Month' rises evenly over 96 steps"),
        ([*MONTHS[:40], *MONTHS[44:]], "WARN  1 of 91 steps of 'Month' are not the usual one, the longest between 1993-04-01T00:00:00 and "
         "1993-09-01T00:00:00 -> taken as if evenly spaced"),
        ([*MONTHS[:5], MONTHS[6], MONTHS[5], *MONTHS[7:]], "WARN  'Month' goes back in time at row 7 -> sorted by time"),
        (MONTHS[::-1], "WARN  'Month' goes back in time at rows 2, 3, 4, 5, 6 and 90 more -> sorted by time"),
        ([*MONTHS[:40], MONTHS[39], *MONTHS[41:]],
         "FAIL  the moment 1993-04-01T00:00:00 stands 2 times in 'Month' (rows 40, 41)"
         " -> Say what they become: input.duplicate_timestamps=mean"),
        ([*MONTHS[:40], "", *MONTHS[41:]],
         "FAIL  the time column 'Month' has no readable moment in row 41 -> Fill it, or remove these rows"),
        ([*MONTHS[:40], "soon", *MONTHS[41:]],
         "FAIL  the time column 'Month' cannot be read as timestamps; got 'soon' in row 41 -> "
         "Say how it is written, as in strptime: input.date_format=%d/%m/%Y"),
        ([f"{1 + day % 9:02d}/0{1 + day // 9}/2024" for day in range(81)],
         "FAIL  the dates of 'Month' can be read in two ways; got '01/01/2024'"
         " -> Say which: input.date_format=%d/%m/%Y (day first) or input.date_format=%m/%d/%Y (month first)"),
        ([*MONTHS[:94], "2910-01", "2911-01"],
         "WARN  2 moments of 'Month' are yet to come (rows 95, 96), the last 2911-01-01T00:00:00 -> taken as measured: "
         "leave them out if they are not"),
        ([f"2024-10-27T{hour:02d}:{minute:02d}" for hour in range(24) for minute in (0, 20, 40)][:8]
         + [f"2024-10-27T02:{minute:02d}" for minute in (0, 20)] + [f"2024-10-27T{hour:02d}:00" for hour in range(4, 24)],
         "FAIL  the moment 2024-10-27T02:00:00 stands 2 times in 'Month' (rows 7, 9)"
         " -> Say what they become: input.duplicate_timestamps=mean (or sum, "
         "last); several series in one file must be separated (were clocks set back? Then write the time zone, as in 02:30+01:00)"),
        ([f"2024-10-27T{hour:02d}:30+02:00" for hour in range(3)] + [f"2024-10-27T{hour:02d}:30+01:00" for hour in range(2, 24)],
         "PASS  'Month' has time zones -> converted to UTC"),
        ([f"2024-10-27T{hour:02d}:30+02:00" for hour in range(3)] + [f"2024-10-27T{hour:02d}:30+01:00" for hour in range(2, 24)],
         "PASS  'Month' rises evenly over 25 steps"),
        ([f"2024-10-27T{hour:02d}:30Z" for hour in range(12)] + [f"2024-10-27T{hour:02d}:30" for hour in range(12, 24)],
         "FAIL  some moments of 'Month' have a time zone and some have none; got '2024-10-27T00:30Z' and '2024-10-27T12:30' -> Write"),
    ],
)  # fmt: skip
def test_gaps_and_disorder_in_time(timestamps: list[str], told: str) -> None:
    write_series(timestamps)
    found = [each.describe() for each in check_data("some.csv", output="sold", time="Month")]
    assert any(each.startswith(told) for each in found), found


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["3"] * 40 + [""] + ["4"] * 55, "FAIL  'sold' has no value in 1 of 96 rows (row 41); "),
        (["3"] * 40 + ["3,5"] + ["4"] * 55, "FAIL  '3,5' in row 41 of 'sold' is not a number"),
        (
            ["3"] * 96,
            "FAIL  'sold' has the same value at every step, so there is nothing to forecast -> Is it the right column?",
        ),
    ],
)
def test_values_of_a_series_that_cannot_be_forecast(values: list[str], told: str) -> None:
    write_series(MONTHS, values)
    found = [
        each.describe().replace(" -> Fill", "; Fill")
        for each in check_data("some.csv", output="sold", time="Month")
    ]
    assert any(each.startswith(told) for each in found), found


def save_images() -> None:
    draw = np.random.default_rng(0)
    for number in range(24):
        path = Path("photos") / ("good" if number % 2 else "bad") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)


def test_images_of_one_size_pass() -> None:
    save_images()
    assert [each.describe() for each in check_data("photos")] == [
        "PASS  all 24 images can be decoded",
        "PASS  2 classes of 'class', the rarest with 12 of 24 rows",
        "PASS  no duplicates among 24 rows",
        "PASS  all images are 8x8",
    ]


def test_images_of_other_sizes_and_copies_are_counted() -> None:
    save_images()
    Image.new("L", (6, 12)).save("photos/bad/0.png")
    Path("photos/good/1.png").write_bytes(Path("photos/good/3.png").read_bytes())
    assert [each.describe() for each in check_data("photos") if each.level != "PASS"] == [
        "WARN  1 of 24 rows repeat an earlier one (row 21) -> kept, each on the same side of the split as its twin",
        "WARN  2 sizes of images, from 8x8 to 12x6 -> 1 resized to 8x8",
    ]


@pytest.mark.parametrize("content", [b"no image", b"", "half"])
def test_a_damaged_image_fails_and_can_be_skipped(
    content: bytes | str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_images()
    path = Path("photos/bad/0.png")
    path.write_bytes(path.read_bytes()[:-40] if isinstance(content, str) else content)
    found = check_data("photos")
    assert [(each.level, each.check) for each in found] == [("FAIL", "damaged images")]
    assert found[0].message.startswith("the image photos/bad/0.png is damaged or no image: ")
    assert found[0].action == "remove or save them again, or say input.skip_corrupt=true" and found[
        0
    ].rows == (1,)
    assert main(["fit", "photos", "epochs=1", "input.skip_corrupt=true"]) == 0
    assert "-> 1 left out" in " ".join("".join(capsys.readouterr()).split())


def test_the_verb_tells_levels_rows_and_the_worst(capsys: pytest.CaptureFixture[str]) -> None:
    table = people()
    set_cells(0, {2: ""})(table)
    write(table)
    assert main(["data", "check", "some.csv", "--output", "kind"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "WARN: 0 failures, 1 warning"
    assert main(["data", "check", "some.csv", "--output", "kind", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["data"], told["result"]) == ("some.csv", "WARN")
    assert [each["rows"] for each in told["findings"] if each["level"] == "WARN"] == [[2]]
    assert set(told["findings"][0]) == {"level", "check", "message", "action", "rows"}


def test_strict_stops_at_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    table = people()
    set_cells(0, {2: ""})(table)
    write(table)
    assert main(["data", "check", "some.csv", "--output", "kind", "--strict"]) == 2
    capsys.readouterr()
    assert main(["fit", "some.csv", "--output", "kind", "--strict"]) == 2
    assert capsys.readouterr().err.endswith(
        "kissipo: --strict stops at this warning: 'income' has no value in 1 of 60 rows (row 2). "
        "Filled with the training median, and flagged in a column of its own.\n"
    )
    assert not Path("runs").exists()


def test_a_failure_is_code_2_and_what_was_found_before_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = people()
    set_cells(0, {2: "", 7: "12,000"})(table)
    write(table)
    assert main(["data", "check", "some.csv", "--output", "kind", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["result"] == "FAIL"
    assert [(each["level"], each["check"]) for each in told["findings"]] == [
        ("PASS", "class imbalance"),
        ("FAIL", "mixed types"),
        ("WARN", "missing values"),
    ]


def test_a_table_without_a_question_has_its_columns_and_rows_checked() -> None:
    table = people()
    set_cells(0, {7: "12,000"})(table)
    repeat_rows(table)
    write(table)
    found = [(each.level, each.check) for each in check_data("some.csv")]
    assert found == [
        ("FAIL", "mixed types"),
        ("PASS", "missing values"),
        ("WARN", "duplicate rows"),
    ]
