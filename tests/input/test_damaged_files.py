"""Damaged and unusual files, each with what is said about it.

All of them once ended in a crash, a warning of a library, a full memory, or minutes of
waiting.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kissipo.cli.main import main
from kissipo.input.formats.idx import read_idx
from kissipo.input.formats.tables import FileWords, read_table

Out = pytest.CaptureFixture[str]
NPY = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118)


def zipped(name: str, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return file.getvalue()


def npy(header: str) -> bytes:
    return NPY + header.encode().ljust(117) + b"\n" + bytes(99)


def bomb(begin: bytes) -> bytes:
    """Returns 2 MB of gzip that hold 192 MB."""
    return gzip.compress(begin) + gzip.compress(b"a" * (1 << 24)) * 12


SHEET = zipped("xl/workbook.xml", b'<sheets><sheet name="One"/></sheets>')
FILES: list[tuple[str, bytes, str]] = [
    ("a.jsonl", b'{"a": ' + b"9" * 5000 + b"}", "has an integer of several thousand digits"),
    ("a.json", b'[{"a": [' + b"9" * 5000 + b"]}]", "has an integer of several thousand digits"),
    ("a.jsonl", b'{"a": 1, "b": 2, "a": 3}', "an object with the name 'a' twice"),
    ("a.json", b'[{"a": 1, "a": 3}]', "an object with the name 'a' twice"),
    ("a.jsonl", b'{"a": "x\\ud83d"}', "half of a character, \\ud83d"),
    ("a.jsonl", b'{"a":' * 99_999, "is nested too deeply"),
    ("a.json", b'[{"a":' + b"[" * 99_999, "is nested too deeply"),
    ("a.csv.zip", zipped("a.csv", b"a,b\n1,2\n")[:-30], "a.csv.zip"),
    (
        "a.csv.zip",
        zipped("a.csv", b"a,b\n" * 99).replace(b"PK\1\2", b"PK\1\3"),
        "not a complete zip",
    ),
    ("a.csv.bz2", b"BZh9" + b"1AY&SY" * 9, "is not a complete bzip2 file"),
    ("a.csv.gz", bomb(b"a,b\n1,2\n"), "has a line of more than 32 MB"),
    ("a.json.gz", bomb(b'[{"a": "'), "holds more than 200 times its own size"),
    ("a.xlsx", SHEET.replace(b"PK\3\4", b"PK\3\5"), "is not a readable spreadsheet"),
    ("a.xlsx", SHEET.replace(b"PK\1\2", b"PK\1\3"), "is not a complete xlsx file"),
    (
        "a.npy",
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1" + "0" * 40 + ",), }"),
        "npy",
    ),
    (
        "a.npy",
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': ((3, }"),
        "not a readable .npy",
    ),
    ("a.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"), "npy"),
    ("a.npz", zipped("x.txt", b"not an array"), "a.npz"),
    ("a.csv", b",".join([b"c%d" % n for n in range(60_000)]) + b"\n", "has 60,000 columns"),
    ("a.csv", b",".join([b"a"] * 50_000) + b"\n1\n", "has the column 'a' 50000 times"),
    ("a.wav", b"RIFF\x24\0\0\0WAVEfmt ", "a.wav is one recording"),
    ("a.parquet", b"PAR1" + b"\0" * 50 + b"PAR1", "is not a readable Parquet file"),
    ("a.sgf", b"(;B[aa]" * 50_000 + b")" * 50_001, "is outside of a game"),
]


@pytest.mark.parametrize(("name", "data", "message"), FILES, ids=range(len(FILES)))
def test_file_is_refused_in_one_paragraph(
    name: str, data: bytes, message: str, capsys: Out
) -> None:
    Path(name).write_bytes(data)
    assert main(["fit", name, "--output", "b", "--quiet"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("kissipo: ") and printed.count("\n") == 1
    assert message in printed


def test_objects_whose_names_are_data_are_refused(capsys: Out) -> None:
    Path("a.jsonl").write_text("".join(json.dumps({f"user{n}": n}) + "\n" for n in range(3000)))
    assert main(["fit", "a.jsonl", "--output", "b", "--quiet"]) == 2
    assert "few of them stand in more than one object" in capsys.readouterr().err


def test_sparse_objects_are_read() -> None:
    rows = [{"id": n, **{f"c{column}": 1 for column in range(n, n + 3)}} for n in range(500)]
    Path("a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    frame, _ = read_table("a.jsonl", FileWords())
    assert len(frame) == 500 and len(frame.columns) == 503


def test_list_of_objects_in_one_long_line_is_read() -> None:
    Path("a.json").write_text(json.dumps([{"a": "x" * 1000, "b": n} for n in range(34_000)]))
    assert Path("a.json").stat().st_size > 1 << 25
    frame, _ = read_table("a.json", FileWords())
    assert frame["b"].values.tolist() == list(range(34_000))


def test_well_compressed_table_is_read() -> None:
    Path("a.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"0,1\n" * 300_000))
    assert len(read_table("a.csv.gz", FileWords())[0]) == 300_000


@pytest.mark.parametrize("packed", [False, True])
def test_idx_header_that_asks_for_more_than_any_memory(packed: bool, capsys: Out) -> None:
    Path("digits").mkdir()
    pixels = struct.pack(">4I", 0x803, 1 << 31, 28, 28) + bytes(999)
    name, pack = (
        ("train-images-idx3-ubyte.gz", gzip.compress)
        if packed
        else ("train-images-idx3-ubyte", bytes)
    )
    Path("digits", name).write_bytes(pack(pixels))
    assert main(["fit", "digits", "--quiet"]) == 2
    assert "its header requires 1683627180048 bytes; got 1015 bytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((3, 2, 2)), np.zeros((3, 1)), "must have 1 axis; got the shape (3, 1)"),
        (np.zeros(3), np.zeros(3), "must have 3 axes; got the shape (3,)"),
        (np.zeros((3, 2, 2)), np.zeros(()), "must have 1 axis; got the shape ()"),
    ],
)
def test_idx_files_with_other_axes(
    images: np.ndarray, labels: np.ndarray, message: str, capsys: Out
) -> None:
    Path("digits").mkdir()
    for name, values in (("images-idx3", images), ("labels-idx1", labels)):
        head = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        Path(f"digits/train-{name}-ubyte").write_bytes(head + values.astype(np.uint8).tobytes())
    assert main(["fit", "digits", "--quiet"]) == 2
    assert message in capsys.readouterr().err


def test_idx_of_two_sizes_is_refused(capsys: Out) -> None:
    Path("digits").mkdir()
    for part, side in (("train", 4), ("t10k", 5)):
        for name, shape in (("images-idx3", (3, side, side)), ("labels-idx1", (3,))):
            head = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
            file = Path(f"digits/{part}-{name}-ubyte")
            file.write_bytes(head + bytes(int(np.prod(shape))))
            assert read_idx(file).shape == shape
    assert main(["fit", "digits", "--quiet"]) == 2
    assert "differ in size; got 5x5 and 4x4" in capsys.readouterr().err


def test_image_with_damaged_exif_is_used_without_a_warning() -> None:
    for number in range(8):
        file = Path("photos", "ab"[number % 2], f"{number}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        exif = b"Exif\0\0II*\0\x08\0\0\0\xff\0" + b"\x12\x01\x03\0"
        Image.new("RGB", (9, 9), (9 * number, 9, 9)).save(file, exif=exif)
    command = [sys.executable, "-W", "error", "-m", "kissipo", "data", "check", "photos"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == "" and "all 8 images can be decoded" in done.stdout


def test_png_with_fewer_rows_than_its_header_says_is_not_filled_with_black(capsys: Out) -> None:
    for number in range(8):
        file = Path("photos", "ab"[number % 2], f"{number}.png")
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), (9 * number, 9, 9)).save(file)
    data = bytearray(file.read_bytes())
    data[16:24] = struct.pack(">2I", 14_000, 14_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    file.write_bytes(data)
    assert main(["fit", "photos", "--quiet"]) == 2
    assert "the file is too small for 14000x14000 pixels" in capsys.readouterr().err
    Image.new("1", (9000, 9000)).save(file)
    assert main(["data", "check", "photos"]) == 0


def test_numbers_of_400_digits_are_infinite_and_said(capsys: Out) -> None:
    rows = "".join(f"{'9' * 400 if n < 5 else n / 7},{n % 2}\n" for n in range(40))
    Path("a.csv").write_text("x,y\n" + rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["data", "check", "a.csv"]) == 2
    assert "'x' is infinite in rows 1, 2, 3, 4, 5" in capsys.readouterr().out


def test_control_characters_of_a_file_are_written_out(capsys: Out) -> None:
    rows = "".join(f"{n / 7},{n % 2}\n" for n in range(60))
    Path("a.csv").write_text("x,y\n" + rows + "\x1b[2J,1\n")
    main(["data", "check", "a.csv"])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "\\x1b[2J" in printed
    main(["fit", "\x1b[2J.csv", "--output", "y"])
    printed = capsys.readouterr().err
    assert "\x1b" not in printed and "\\x1b[2J.csv" in printed


def test_very_many_findings_are_counted(capsys: Out) -> None:
    Path("a.csv").write_text(
        ",".join(f"c{n}" for n in range(500)) + "\n" + (",".join("7" * 500) + "\n") * 9
    )
    main(["data", "check", "a.csv"])
    printed = capsys.readouterr().out
    assert "columns left out: 470 more findings (--json has all)" in printed
    assert "'c29' holds" in printed and "'c30'" not in printed
    main(["data", "check", "a.csv", "--json"])
    assert len(json.loads(capsys.readouterr().out)["findings"]) > 500


@pytest.mark.parametrize("name", ["pipe.csv", "pipe.yaml", "pipe.sgf", "pipe"])
def test_pipe_is_refused_and_not_waited_for(name: str, capsys: Out) -> None:
    os.mkfifo(name)
    assert main(["fit", name, "--output", "y"]) == 2
    assert f"{name} is a device or a pipe" in capsys.readouterr().err


@pytest.mark.parametrize("rows", ["1e999,5", "7,5"])
def test_series_of_one_step(rows: str, capsys: Out) -> None:
    Path("a.csv").write_text(f"t,y\n{rows}\n")
    assert main(["fit", "a.csv", "--time", "t", "--output", "y"]) == 2
    assert "bug" not in capsys.readouterr().err


def test_link_without_a_file_is_called_so(capsys: Out) -> None:
    Path("a.csv").symlink_to("gone.csv")
    assert main(["fit", "a.csv", "--output", "y"]) == 2
    assert "a.csv is a link to gone.csv, where there is no file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "message"), [("x" * 300 + ".csv", "cannot be looked up"), ("", "is empty")]
)
def test_name_that_no_file_can_have(name: str, message: str, capsys: Out) -> None:
    assert main(["fit", name, "--output", "y"]) == 2
    assert message in capsys.readouterr().err
    assert main(["data", "check", name]) == 2
    assert message in capsys.readouterr().out


def test_sgf_with_very_many_values_of_a_property(capsys: Out) -> None:
    Path("a.sgf").write_bytes(b"(;SZ[19]AB" + b"[aa]" * 100_000 + b")")
    assert main(["fit", "a.sgf", "--quiet"]) == 2
    assert "1 game without a move" in capsys.readouterr().err
