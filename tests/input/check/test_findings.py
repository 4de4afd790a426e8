"""The data check: finding finding on a small file, with its level, rows and action.

The command `kissipo data check` reports the same findings.
"""

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
    """Returns correct rows; none of income, city and code determines the kind."""
    generator = np.random.default_rng(0)
    return [
        [
            f"{1000 + 200 * generator.normal():.2f}",
            generator.choice(["Brno", "Praha"]),
            f"{generator.normal():.4f}",
            "ham" if row % 2 else "spam",
        ]
        for row in range(count)
    ]


def write(rows: Rows, header: list[str] = HEADER) -> None:
    """Writes the rows as some.csv."""
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


SPOILED: list[tuple[Callable[[Rows], None], str, tuple[int, ...]]] = [
    (
        set_cells(0, {7: "12,00,0"}),
        "FAIL  '12,00,0' in row 7 of 'income' is not a number, most "
        "other cells there are -> write it with a decimal point, or set input.decimal=,",
        (7,),
    ),
    (
        set_cells(0, {7: "1,5", 9: "2,5"}),
        "FAIL  '1,5' in row 7 of 'income' is not a number, most "
        "other cells there are "
        "(2 such cells: rows 7, 9) -> write it with a decimal point, or set input.decimal=,",
        (7, 9),
    ),
    (
        set_cells(0, {3: "much"}),
        "FAIL  'much' in row 3 of 'income' is not a number, most "
        "other cells there are -> "
        "correct or empty the cell, or read the column as classes with "
        "input.categorical=[income]",
        (3,),
    ),
    (
        set_cells(2, {5: "inf", 8: "-inf"}),
        "FAIL  'code' is infinite in rows 5, 8 -> write a number, or leave the cell empty",
        (5, 8),
    ),
    (
        set_cells(0, {2: "", 4: "NA"}),
        "WARN  'income' has no value in 2 of 60 rows (rows 2, 4) -> filled with the training "
        "median, "
        "and flagged in a column of its own",
        (2, 4),
    ),
    (
        set_cells(1, {2: "?"}),
        "WARN  'city' has no value in 1 of 60 rows (row 2) -> "
        "a missing cell is a category of its own",
        (2,),
    ),
    (
        set_cells(3, {6: "", 60: ""}),
        "WARN  the target 'kind' is missing in 2 of 60 rows "
        "(rows 6, 60) -> these rows are left out",
        (6, 60),
    ),
    (
        set_all(2, lambda number, row: "3.5"),
        "WARN  'code' holds the same value, or none, in every row -> left out",
        (),
    ),
    (
        set_all(2, lambda number, row: str(number + 100)),
        "WARN  'code' holds nothing but a name for each row, like an id -> left out",
        (),
    ),
    (
        set_all(1, lambda number, row: f"id{number:03d}"),
        "WARN  'city' holds nothing but a name for each row, like an id -> left out",
        (),
    ),
    (
        repeat_rows,
        "WARN  2 of 62 rows repeat an earlier one (rows 61, 62) -> "
        "kept; duplicates stay in the same split",
        (61, 62),
    ),
    (
        set_all(1, lambda number, row: row[3].upper()),
        "WARN  'city' alone determines the target 'kind' in 100 % of the rows -> "
        "used as an input; if it is known only afterwards, leave it out with input.drop=[city]",
        (),
    ),
    (
        set_all(2, lambda number, row: "0.25" if row[3] == "ham" else "7"),
        "WARN  'code' alone determines the target 'kind' in 100 % of the rows",
        (),
    ),
    (
        set_all(3, lambda number, row: "spam" if number % 15 == 0 else "ham"),
        "WARN  the classes of 'kind' are imbalanced: 'ham' 56 rows, 'spam' 4 -> "
        "read recall and F1, not accuracy alone; every split keeps the",
        (),
    ),
    (
        set_all(3, lambda number, row: "ham"),
        "FAIL  the target column 'kind' has only one class: 'ham' in all 60 rows -> "
        "Is it the right column?",
        (),
    ),
    (
        set_all(3, lambda number, row: ""),
        "FAIL  the target column 'kind' of some.csv has no value in any of its 60 rows -> "
        "Fill it, or name ",
        (),
    ),
    (
        set_cells(3, {8: "egg"}),
        "FAIL  1 of the 3 classes of 'kind' have a single row: 'egg' -> "
        "Add rows of that class, merge it with another",
        (),
    ),
    (
        lambda rows: rows.append(["1"]),
        "FAIL  line 62 of some.csv has 1 cells where the header has 4 columns; "
        "there is no cell for 'city'; got '1' -> Add or",
        (),
    ),
]


def test_data_check_passes_clean_data() -> None:
    write(people())
    assert [finding.describe() for finding in check_data("some.csv", output="kind")] == [
        "PASS  read with output.category=kind: 2 different texts",
        "PASS  2 classes of 'kind', the rarest with 30 of 60 rows",
        "PASS  no missing values in 3 columns",
        "PASS  no duplicates among 60 rows",
        "PASS  no column alone determines the answer",
    ]


@pytest.mark.parametrize(("spoil", "expected", "rows"), SPOILED)
def test_data_check_reports_each_problem_with_its_rows(
    spoil: Callable[[Rows], None], expected: str, rows: tuple[int, ...]
) -> None:
    table = people()
    spoil(table)
    write(table)
    wrong = [
        finding for finding in check_data("some.csv", output="kind") if finding.level != "PASS"
    ]
    assert [finding.rows for finding in wrong if finding.describe().startswith(expected)] == [
        rows
    ], [finding.describe() for finding in wrong]
    assert len(wrong) == 1


def test_leakage_finds_a_rescaled_target() -> None:
    table = [[row[0], row[1], f"{float(row[0]) / 25.4:.6f}", row[2]] for row in people()]
    write(table, ["millimetres", "city", "inches", "score"])
    findings = [
        finding.describe()
        for finding in check_data("some.csv", output="millimetres")
        if finding.level == "WARN"
    ]
    assert len(findings) == 1 and findings[0].startswith(
        "WARN  'inches' alone determines the target 'millimetres' in 100 % of the rows"
    )


def test_duplicates_of_few_combinations_are_counted_only() -> None:
    write([[row[1], row[3]] for row in people()], ["city", "kind"])
    assert [
        finding.describe()
        for finding in check_data("some.csv", output="kind")
        if finding.check == "duplicate rows"
    ] == [
        "WARN  56 of 60 rows repeat another one: few combinations of values are possible "
        "-> equal rows may be in both train and test"
    ]


MONTHS = [f"{1990 + month // 12}-{month % 12 + 1:02d}" for month in range(96)]


def write_series(timestamps: list[str], values: list[str] | None = None) -> None:
    values = values or [
        f"{10 + 5 * np.sin(month / 12 * 2 * np.pi) + month / 10:.3f}"
        for month in range(len(timestamps))
    ]
    write(
        [[timestamp, value] for timestamp, value in zip(timestamps, values, strict=True)],
        ["Month", "sold"],
    )


@pytest.mark.parametrize(
    ("timestamps", "expected"),
    [
        (MONTHS, "PASS  'Month' is evenly spaced over 96 steps"),
        (
            [*MONTHS[:40], *MONTHS[44:]],
            "WARN  1 of 91 steps of 'Month' are not the usual one, the longest between "
            "1993-04-01T00:00:00 and "
            "1993-09-01T00:00:00 -> used as if they were evenly spaced",
        ),
        (
            [*MONTHS[:5], MONTHS[6], MONTHS[5], *MONTHS[7:]],
            "WARN  'Month' goes back in time at row 7 -> sorted by time",
        ),
        (
            MONTHS[::-1],
            "WARN  'Month' goes back in time at rows 2, 3, 4, 5, 6 and 90 more -> sorted by time",
        ),
        (
            [*MONTHS[:40], MONTHS[39], *MONTHS[41:]],
            "FAIL  the timestamp 1993-04-01T00:00:00 occurs 2 times in 'Month' (rows 40, 41)"
            " -> Set input.duplicate_timestamps=mean",
        ),
        (
            [*MONTHS[:40], "", *MONTHS[41:]],
            "FAIL  the time column 'Month' has no readable timestamp in row 41 -> "
            "Fill it, or remove these rows",
        ),
        (
            [*MONTHS[:40], "soon", *MONTHS[41:]],
            "FAIL  the time column 'Month' cannot be read as timestamps; got 'soon' in row 41 -> "
            "Say how it is written, as in strptime: input.date_format=%d/%m/%Y",
        ),
        (
            [f"{1 + day % 9:02d}/0{1 + day // 9}/2024" for day in range(81)],
            "FAIL  the dates of 'Month' can be read in two ways; got '01/01/2024'"
            " -> Choose input.date_format=%d/%m/%Y (day first) or "
            "input.date_format=%m/%d/%Y",
        ),
        (
            [*MONTHS[:94], "2910-01", "2911-01"],
            "WARN  2 timestamps of 'Month' are in the future (rows 95, 96), "
            "the last 2911-01-01T00:00:00 -> used as measured values; "
            "remove them if they are not",
        ),
        (
            [f"2024-10-27T{hour:02d}:{minute:02d}" for hour in range(24) for minute in (0, 20, 40)][
                :8
            ]
            + [f"2024-10-27T02:{minute:02d}" for minute in (0, 20)]
            + [f"2024-10-27T{hour:02d}:00" for hour in range(4, 24)],
            "FAIL  the timestamp 2024-10-27T02:00:00 occurs 2 times in 'Month' (rows 7, 9)"
            " -> Set input.duplicate_timestamps=mean (or sum, "
            "last); name the column of several series with input.series_id=COLUMN "
            "(were the clocks set back? Then write the time zone, as in 02:30+01:00)",
        ),
        (
            [f"2024-10-27T{hour:02d}:30+02:00" for hour in range(3)]
            + [f"2024-10-27T{hour:02d}:30+01:00" for hour in range(2, 24)],
            "PASS  'Month' has time zones -> converted to UTC",
        ),
        (
            [f"2024-10-27T{hour:02d}:30+02:00" for hour in range(3)]
            + [f"2024-10-27T{hour:02d}:30+01:00" for hour in range(2, 24)],
            "PASS  'Month' is evenly spaced over 25 steps",
        ),
        (
            [f"2024-10-27T{hour:02d}:30Z" for hour in range(12)]
            + [f"2024-10-27T{hour:02d}:30" for hour in range(12, 24)],
            (
                "FAIL  some timestamps of 'Month' have a time zone and some have none; got "
                "'2024-10-27T00:30Z' and '2024-10-27T12:30' -> Write"
            ),
        ),
    ],
)
def test_timestamps_gaps_and_wrong_order_are_reported(timestamps: list[str], expected: str) -> None:
    write_series(timestamps)
    findings = [
        finding.describe() for finding in check_data("some.csv", output="sold", time="Month")
    ]
    assert any(text.startswith(expected) for text in findings), findings


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["3"] * 40 + [""] + ["4"] * 55, "FAIL  'sold' has no value in 1 of 96 rows (row 41); "),
        (["3"] * 40 + ["3,5,5"] + ["4"] * 55, "FAIL  '3,5,5' in row 41 of 'sold' is not a number"),
        (
            ["3"] * 96,
            (
                "FAIL  'sold' has the same value at every step, so there is nothing to forecast "
                "-> Is it the right column?"
            ),
        ),
    ],
)
def test_series_values_that_cannot_be_forecast_are_refused(
    values: list[str], expected: str
) -> None:
    write_series(MONTHS, values)
    findings = [
        finding.describe().replace(" -> Fill", "; Fill")
        for finding in check_data("some.csv", output="sold", time="Month")
    ]
    assert any(text.startswith(expected) for text in findings), findings


def save_images() -> None:
    generator = np.random.default_rng(0)
    for number in range(24):
        path = Path("photos") / ("good" if number % 2 else "bad") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)


def test_image_sizes_pass_when_equal() -> None:
    save_images()
    assert [finding.describe() for finding in check_data("photos")] == [
        "PASS  all 24 images can be decoded",
        "PASS  2 classes of 'class', the rarest with 12 of 24 rows",
        "PASS  no duplicates among 24 rows",
        "PASS  all images are 8x8",
    ]


def test_images_of_one_size_that_are_resized_have_no_range_of_sizes() -> None:
    save_images()
    lines = [finding.describe() for finding in check_data("photos", words={"input.size": 16})]
    assert lines[-1] == "PASS  all images are 8x8 -> 24 resized to 16x16"


def test_image_sizes_and_duplicates_are_counted() -> None:
    save_images()
    Image.new("L", (6, 12)).save("photos/bad/0.png")
    Path("photos/good/1.png").write_bytes(Path("photos/good/3.png").read_bytes())
    assert [finding.describe() for finding in check_data("photos") if finding.level != "PASS"] == [
        "WARN  1 of 24 rows repeat an earlier one (row 21) "
        "-> kept; duplicates stay in the same split",
        "WARN  2 sizes of images, from 8x8 to 12x6 -> 1 resized to 8x8",
    ]


@pytest.mark.parametrize("content", [b"no image", b"", "half"])
def test_damaged_image_fails_and_can_be_skipped(
    content: bytes | str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_images()
    path = Path("photos/bad/0.png")
    path.write_bytes(path.read_bytes()[:-40] if isinstance(content, str) else content)
    findings = check_data("photos")
    assert [(finding.level, finding.check) for finding in findings] == [("FAIL", "damaged images")]
    assert findings[0].message.startswith("the image photos/bad/0.png is corrupt or not an image: ")
    assert findings[
        0
    ].action == "remove them or save them again, or set input.skip_corrupt=true" and findings[
        0
    ].rows == (1,)
    assert main(["fit", "photos", "epochs=1", "input.skip_corrupt=true"]) == 0
    assert "-> 1 left out" in " ".join("".join(capsys.readouterr()).split())


def test_data_check_command_reports_levels_rows_and_the_worst_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = people()
    set_cells(0, {2: ""})(table)
    write(table)
    assert main(["data", "check", "some.csv", "--output", "kind"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "WARN: 0 failures, 1 warning"
    assert main(["data", "check", "some.csv", "--output", "kind", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["data"], report["result"]) == ("some.csv", "WARN")
    assert [finding["rows"] for finding in report["findings"] if finding["level"] == "WARN"] == [
        [2]
    ]
    assert set(report["findings"][0]) == {"level", "check", "message", "action", "rows"}


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


def test_data_check_failure_exits_with_2_and_keeps_earlier_findings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = people()
    set_cells(0, {2: "", 7: "12,00,0"})(table)
    write(table)
    assert main(["data", "check", "some.csv", "--output", "kind", "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["result"] == "FAIL"
    assert [(finding["level"], finding["check"]) for finding in report["findings"]] == [
        ("PASS", "answer"),
        ("PASS", "class imbalance"),
        ("FAIL", "mixed types"),
        ("WARN", "missing values"),
    ]


def test_data_check_without_a_target_checks_columns_and_rows() -> None:
    table = people()
    set_cells(0, {7: "12,00,0"})(table)
    repeat_rows(table)
    write(table)
    findings = [(finding.level, finding.check) for finding in check_data("some.csv")]
    assert findings == [
        ("FAIL", "mixed types"),
        ("PASS", "missing values"),
        ("WARN", "duplicate rows"),
    ]
