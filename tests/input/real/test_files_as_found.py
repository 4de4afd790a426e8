"""Files as people have them: lines above the header, compressed, in other encodings."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pytest

import kissipo as ki
from kissipo.core.errors import DataError
from kissipo.input.formats.encodings import guess_encoding
from kissipo.input.formats.tables import FileWords, is_table_file, read_table

ROWS = ["day,rain", "1,2.5", "2,0", "3,1.5"]


def names(*lines: str, **words: Any) -> tuple[list[str], int, list[str]]:
    """Returns the columns, the number of rows, and the checks with a finding."""
    Path("a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    frame, findings = read_table("a.csv", FileWords(**words))
    return frame.names, len(frame), [finding.check for finding in findings]


@pytest.mark.parametrize(
    "above",
    [
        ["Station: Praha"],
        ["Station: Praha", "Unit: mm", ""],
        ["# made by the logger 3.1", "# unit, mm, each day"],
        ["Monthly report"] * 12,
        ["\ufeffsep"],
    ],
)
def test_lines_above_the_header_are_left_out_and_reported(above: list[str]) -> None:
    assert names(*above, *ROWS) == (["day", "rain"], 3, ["lines above the header"])


def test_title_with_empty_cells_is_above_the_header() -> None:
    lines = ["Report 2024;;", ";;", "day;rain;wind", "1;2,5;3", "2;0,5;4", "3;1,5;1"]
    assert names(*lines)[:2] == (["day", "rain", "wind"], 3)


def test_lines_above_the_header_are_named_with_the_option() -> None:
    Path("a.csv").write_text("\n".join(["Station: Praha", *ROWS]))
    assert [finding.describe() for finding in read_table("a.csv", FileWords())[1]] == [
        "WARN  a.csv has 1 line above its header: 'Station: Praha' -> left out; the header is "
        "line 2; set input.skip_lines=0 if the first line is the header"
    ]
    assert names("x", "y", *ROWS, skip_lines=2) == (["day", "rain"], 3, [])


def test_line_of_a_wrong_row_counts_the_lines_above_the_header() -> None:
    lines = ["Station: Praha", "day,rain", *(f"{day},1" for day in range(80)), "1,2,3"]
    with pytest.raises(DataError, match=r"line 83 of a.csv has 3 cells"):
        names(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        ["name", "Ada", "Bob", "Cy"],
        ["a,b", "1,2", "3,4", "5,6"],
        ["a,b", "", "3,4", "5,6"],
        ["city,note", "Brno,", "Praha,x", "Oslo,y"],
    ],
)
def test_ordinary_headers_stay(lines: list[str]) -> None:
    assert names(*lines)[0] == lines[0].split(",")


@pytest.mark.parametrize("lines", [["a,b", "1,2,3", "4,5,6", "7,8,9"], ["a", "1,2", "3,4", "5,6"]])
def test_header_with_too_few_names_is_refused(lines: list[str]) -> None:
    with pytest.raises(DataError, match=r"line 2 of a\.csv has"):
        names(*lines)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zip"])
def test_compressed_table_is_read(suffix: str) -> None:
    content, path = "\n".join(ROWS).encode(), Path(f"rain.csv.{suffix}")
    if suffix == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data/rain.csv", content)
            archive.writestr("__MACOSX/._rain.csv", b"x")
    else:
        pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[suffix]
        path.write_bytes(pack(content))
    assert is_table_file(path)
    assert read_table(path, FileWords())[0]["rain"].values.tolist() == [2.5, 0, 1.5]


def test_zip_with_several_files_is_refused_with_their_names() -> None:
    with zipfile.ZipFile("rain.zip", "w") as archive:
        archive.writestr("a.csv", b"x")
        archive.writestr("b.csv", b"x")
    with pytest.raises(DataError, match=r"has 2 files inside; got 'a.csv', 'b.csv'"):
        read_table("rain.zip", FileWords())


@pytest.mark.parametrize("name", ["a.tar.gz", "a.csv.zst", "a.csv.7z", "a.rar", "photos.zip"])
def test_archive_is_refused_with_what_to_do(name: str) -> None:
    Path(name).write_bytes(b"packed")
    for output in (None, "kind"):
        with pytest.raises(DataError, match="Unpack it, and name the file"):
            ki.load(name, output=output).check()


@pytest.mark.parametrize("suffix", ["bz2", "xz", "zip"])
def test_damaged_compressed_file_is_refused(suffix: str) -> None:
    path = Path(f"rain.csv.{suffix}")
    path.write_bytes(
        {"bz2": bz2.compress, "xz": lzma.compress, "zip": bytes}[suffix](b"a" * 99)[:40]
    )
    with pytest.raises(DataError):
        read_table(path, FileWords())


TEXTS = {
    "gbk": "评论,情感\n质量很好，快递太慢了，下次还会买,正\n颜色偏深，客服不好,负\n",
    "big5": "評論,情感\n質量很好，快遞太慢了，下次還會買,正\n顏色偏深，客服不好,負\n",
    "shift_jis": "レビュー,評価\nとても良いカメラです,良\n配送が遅いので残念,悪\n",
    "euc_jp": "レビュー,評価\nとても良いカメラです,良\n配送が遅いので残念,悪\n",
    "euc_kr": "리뷰,평가\n배송이 빠르고 좋아요,긍정\n색이 이상해요,부정\n",
    "cp1251": "отзыв,оценка\nочень хорошо,да\nслишком дорого,нет\n",
    "cp1252": "avis,note\ntrès bien café,1\nça ne marche pas à côté,0\n",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_encoding_is_named_in_the_refusal_and_reads_the_file(encoding: str) -> None:
    path = Path("a.csv")
    path.write_bytes(TEXTS[encoding].encode(encoding))
    with pytest.raises(DataError) as refused:
        read_table(path, FileWords())
    assert f"input.encoding={encoding}." in str(refused.value)
    read = read_table(path, FileWords(encoding=encoding))[0]
    assert read.names == TEXTS[encoding].split("\n")[0].split(",")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_encoding_without_a_mark_is_named(encoding: str) -> None:
    Path("a.csv").write_bytes("\n".join(ROWS).encode(encoding))
    with pytest.raises(DataError, match=f"input.encoding={encoding}"):
        read_table("a.csv", FileWords())


def test_plain_bytes_have_no_likely_encoding() -> None:
    assert guess_encoding(b"a,b\n1,2\n") is None
