"""Damaged files of every format that is read, each a function of a seed and a number.

As a program it reads such files through `kissipo data check`, and a part of them up to
the first batch of a fit. It prints one line of JSON per file:

    python tests/input/mutated_files.py SEED FIRST LAST [NAME OF AN EXTREME FILE ...]
    python tests/input/mutated_files.py SEED NUMBER      writes that file, and names it
"""

from __future__ import annotations

import bz2
import csv
import faulthandler
import gzip
import importlib
import io
import json
import lzma
import math
import os
import pkgutil
import random
import re
import shutil
import signal
import struct
import sys
import time
import traceback
import warnings
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

SECONDS, GIGABYTE = 10, 1 << 30
FIT_EVERY = 7  # files; for these the start of a fit is tried, too
CITIES = ("Brno", "Praha", "Plzeň", "Opava", "Zlín", "東京", "São Paulo", "O'Hara", 'The "Inn"')
SIGNS = (
    *("", " ", "\0", "NaN", "nan", "-Infinity", "1e999", "-1e-999", "9" * 400, "0x1F", "1_000"),
    *("12.345,6", "1.234,5", "$1,234.50", "12,5%", "(3)", "50 kg", "½", "１２３", "٣", "−5", "1e3"),
    *("2024-02-30", "31.12.2024", "2024-01-01T25:00", "0000-00-00", "9999-12-31", "20240131"),
    *("1700000000", "1700000000000000", "10:61 PM", "-9999", "00123", "3.10.12", "+420 777 123"),
    *('"', '""', '"a', 'a"b', "'", "\\", "\\n", "\r", "\r\n", "\t", ";", ",", "|", "#", "=1+1"),
    *("\ufeff", "\u200b", "\u202e", "\ue000", "\ue003", "\x1b[31m", "\x07", "\x85", "\u2028"),
    *("true", "null", "None", "?", "N/A", "<b>", "[red]", "[/]", "%s", "{0}", "a" * 5000, "é" * 9),
    *("9223372036854775808", "18446744073709551616", "-0", ".", "-", "e5", "1e", "inf"),
)
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "gbk", "shift_jis", "utf-8-sig")
NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 60_000)


@dataclass(frozen=True)
class Damaged:
    """A damaged file, or a folder of files of which one is damaged.

    files:      contents by their names below the folder
    path:       what a person names: a file, or the folder
    arguments:  further arguments of the data check
    """

    kind: str
    files: dict[str, bytes]
    path: str
    arguments: tuple[str, ...] = ()


def damaged(seed: int, number: int) -> Damaged:
    """Returns a damaged file."""
    rng = random.Random(f"{seed} {number}")
    return KINDS[number % len(KINDS)](rng)


# --- bytes ---------------------------------------------------------------------------


def _flip(rng: random.Random, data: bytes) -> bytes:
    result = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        result[rng.randrange(len(result))] ^= 1 << rng.randrange(8)
    return bytes(result)


def _truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(len(data))]


def _block(rng: random.Random, data: bytes) -> tuple[int, int]:
    begin = rng.randrange(len(data))
    return begin, min(len(data), begin + rng.choice((1, 4, 16, 100, 1000)))


def _delete(rng: random.Random, data: bytes) -> bytes:
    begin, end = _block(rng, data)
    return data[:begin] + data[end:]


def _repeat(rng: random.Random, data: bytes) -> bytes:
    begin, end = _block(rng, data)
    return data[:end] + data[begin:end] * rng.choice((1, 1, 5, 50)) + data[end:]


def _move(rng: random.Random, data: bytes) -> bytes:
    begin, end = _block(rng, data)
    rest = data[:begin] + data[end:]
    place = rng.randrange(len(rest) + 1)
    return rest[:place] + data[begin:end] + rest[place:]


def _insert(rng: random.Random, data: bytes) -> bytes:
    place = rng.randrange(len(data) + 1)
    some = rng.choice((b"\0", b"\0" * 50, rng.randbytes(8), b"\xff\xfe", b"\xef\xbb\xbf", b"\r"))
    return data[:place] + some + data[place:]


def _number(rng: random.Random, data: bytes) -> bytes:
    """Overwrites bytes with a number, mostly in the header."""
    place = rng.randrange(min(len(data), rng.choice((16, 32, 64, len(data)))))
    number = struct.pack(rng.choice((">I", "<I")), rng.choice(NUMBERS))
    return data[:place] + number + data[place + 4 :]


BYTES = (_flip, _flip, _truncate, _delete, _repeat, _move, _insert, _number)


def _mutated(
    rng: random.Random,
    data: bytes,
    *changes: Callable[[random.Random, bytes], bytes],
) -> bytes:
    """Changes a file once to three times, and sometimes not at all."""
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        if data:
            data = rng.choice((*BYTES, *changes))(rng, data)
    return data


# --- texts ---------------------------------------------------------------------------


def _sign(rng: random.Random, data: bytes) -> bytes:
    """Replaces a cell, or a part of it, by an unusual text."""
    ends = [0, *(place for place, byte in enumerate(data) if byte in b',;\t\n:"[]() ')]
    begin = rng.choice(ends)
    end = rng.choice((begin, *[place for place in ends if place > begin][:2]))
    text = rng.choice(SIGNS).encode("utf-8", "surrogatepass")
    return data[: begin + 1] + text + data[end + (begin == end) :]


def _encoded(rng: random.Random, data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode(rng.choice(ENCODINGS), "replace")


def _line_ends(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    return b"".join(line + rng.choice((b"\n", b"\r\n", b"\r", b"\n\n", b"\n\r")) for line in lines)


def _lines(rng: random.Random, data: bytes) -> bytes:
    """Drops, shuffles or repeats lines, the header among them."""
    lines = data.splitlines(keepends=True)
    change = rng.randrange(5)
    if change == 0:
        return b"".join(lines[: rng.choice((1, 2, 3))])
    if change == 1:
        rng.shuffle(lines)
    elif change == 2:
        del lines[0]
    elif change == 3:
        lines *= rng.choice((2, 20))
    else:
        lines.insert(rng.randrange(len(lines) + 1), rng.choice((b"\n", b"Station: x\n", b",,\n")))
    return b"".join(lines)


def _wide(rng: random.Random, data: bytes) -> bytes:
    """Makes a very long cell, or a line of very many cells."""
    lines = data.split(b"\n")
    line = rng.randrange(len(lines))
    count = rng.choice((1000, 20_000))
    lines[line] += rng.choice((b"x" * count, b"," * count, b'"' * count, b"1," * count))
    return b"\n".join(lines)


TEXTS = (_sign, _sign, _sign, _encoded, _line_ends, _lines, _lines, _wide)


def _rows(rng: random.Random) -> list[dict[str, object]]:
    """Returns the rows of a small table with numbers, texts and timestamps."""
    count = rng.choice((1, 3, 30, 60, 60, 60))
    rows: list[dict[str, object]] = [
        {
            "id": row,
            "day": f"2024-{1 + row // 28 % 12:02}-{1 + row % 28:02}",
            "price": round(rng.gauss(100, 20), 2),
            "rooms": rng.choice((1, 2, 3, None)),
            "city": rng.choice(CITIES),
            "note": rng.choice(("quiet street", "near the park, sunny", "", "a\nb")),
            "sold": rng.choice(("yes", "no")),
        }
        for row in range(count)
    ]
    if rng.random() < 0.5:
        _put_odd_cells(rng, rows)
    return rows


def _put_odd_cells(rng: random.Random, rows: list[dict[str, object]]) -> None:
    """Puts unusual texts into a few cells, into most of a column, or into its name."""
    name, odd = rng.choice(list(rows[0])), rng.choice(SIGNS)
    share = rng.choice((1 / len(rows), 0.1, 0.9))
    if rng.random() < 0.2:
        for row in rows:
            row[odd] = row.pop(name)
        return
    for row in rows:
        if rng.random() < share:
            row[name] = rng.choice((odd, rng.choice(SIGNS)))


def _columns(rng: random.Random) -> tuple[str, ...]:
    """Returns arguments that name a target, or none."""
    return rng.choice(
        (
            *((), (), ("--output", "sold"), ("--output", "price"), ("--output", "rooms")),
            *(("--time", "day", "--output", "price"), ("--output", "city"), ("--output", "day")),
        )
    )


def _csv(rng: random.Random) -> Damaged:
    rows, separator = _rows(rng), rng.choice((",", ",", ";", "\t", "|"))
    text = io.StringIO()
    writer = csv.DictWriter(
        text, rows[0], delimiter=separator, lineterminator=rng.choice(("\n", "\r\n"))
    )
    if rng.random() < 0.9:
        writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue()
    if rng.random() < 0.2:
        content = content.replace(".", ",")
    if rng.random() < 0.1:
        header = ",".join(f"c{column}" for column in range(rng.choice((300, 3000))))
        content = "\n".join([header] + [",".join("7" * header.count(",")) + ",1"] * 4)
    name = rng.choice(("a.csv", "a.csv", "a.csv", "a.tsv", "a.txt", "a.data", "a.CSV"))
    data = _mutated(rng, content.encode("utf-8", "surrogatepass"), *TEXTS)
    return Damaged("csv", {name: data}, name, _columns(rng))


def _compressed(rng: random.Random) -> Damaged:
    """A table in a compressed file; the inner or the outer one is damaged."""
    inner = rng.choice((_csv, _json))(rng)
    ((name, data),) = inner.files.items()
    suffix = rng.choice((".gz", ".bz2", ".xz", ".zip"))
    packed = {
        ".gz": gzip.compress,
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zip": lambda data: _zipped({name: data, **({"b.csv": b"a\n1\n"} if more else {})}),
    }
    more = rng.random() < 0.1
    data = _mutated(rng, packed[suffix](data))
    return Damaged("compressed", {name + suffix: data}, name + suffix, inner.arguments)


def _zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


# --- JSON ----------------------------------------------------------------------------


def _odd_json(rng: random.Random, data: bytes) -> bytes:
    """Replaces a value by one that JSON, or Python's reader of it, allows."""
    depth, digits = rng.choice((3, 2000, 100_000)), rng.choice((20, 400, 5000))
    odd = rng.choice(
        (
            *(
                b"NaN",
                b"-Infinity",
                b"1e999",
                b"1" * digits,
                b"-" + b"9" * digits,
                b"true",
                b"null",
            ),
            *(b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth),
            *(
                b'"\\ud800"',
                b'"\\udcff\\ud83d"',
                b'"\\u0000"',
                b"[]",
                b"{}",
                b'{"a": 1}',
                b"[1, 2]",
            ),
            *(b'1, "price": 2', b'1, "price": "x"', b'"2024-01-01"', b'""', b"0.1e-400", b"-0"),
        )
    )
    places = [place for place, byte in enumerate(data) if byte in b":["]
    if not places:
        return odd
    begin = rng.choice(places) + 1
    end = min((place for mark in b",}]" if (place := data.find(mark, begin)) >= 0), default=begin)
    return data[:begin] + odd + data[end:]


def _json(rng: random.Random) -> Damaged:
    rows = _rows(rng)
    lines = rng.random() < 0.7
    if rng.random() < 0.1:
        rows = [{str(column): 1 for column in range(3000)}] * 3
    ascii_only = rng.random() < 0.5
    for row in rows if rng.random() < 0.2 else ():
        odd = (math.nan, -math.inf, 10**400, 2**63, 2**64 + 1, -(10**20), 1e308, 5e-324, True)
        row["price"] = rng.choice((*odd, "\ud83d", "x\udcff", 0, 1.5))
    if lines:
        text = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    else:
        text = json.dumps(rows, ensure_ascii=ascii_only, indent=rng.choice((None, 1)))
    name = rng.choice(("a.jsonl", "a.ndjson") if lines else ("a.json", "a.json", "a.jsonl"))
    data = _mutated(rng, text.encode("utf-8", "surrogatepass"), *TEXTS, *[_odd_json] * 8)
    return Damaged("json", {name: data}, name, _columns(rng))


def _nested_json(rng: random.Random) -> Damaged:
    """Arrays as nested lists of JSON."""
    x = np.random.default_rng(rng.randrange(99)).integers(0, 256, (rng.choice((1, 6)), 4, 4))
    y = [number % 2 for number in range(len(x))]
    content: object = rng.choice(
        ({"images": x.tolist(), "labels": y}, x.tolist(), {"x": x.tolist(), "y": y})
    )
    name = "a.json"
    if rng.random() < 0.3:
        name, content = "a.jsonl", [{"x": row.tolist(), "y": 1} for row in x]
        text = "\n".join(map(json.dumps, content))
    else:
        text = json.dumps(content)
    data = _mutated(rng, text.encode(), *[_odd_json] * 8, _encoded, _lines)
    return Damaged("nested json", {name: data}, name)


# --- arrays --------------------------------------------------------------------------


def _odd_header(rng: random.Random, data: bytes) -> bytes:
    """Changes the dictionary in the header of an .npy file."""
    old, new = rng.choice(
        (
            *((b"(6,", b"(2147483648,"), (b"(6, 8, 8)", b"(99999, 99999, 99999)"), (b"(6", b"(-6")),
            *((b"|u1", b"|O"), (b"|u1", b"<M8[us]"), (b"|u1", b"<U9"), (b"|u1", b"V3")),
            *((b"'descr'", b"'dscr'"), (b"(", b"(" * 2000), (b"False", b"Fals"), (b"{", b"[")),
            *((b"|u1", b"<c16"), (b"|u1", b"<f2"), (b"(6, 8, 8)", b"()"), (b"8)", b"8, 0)")),
            *(
                (b"(6", b"(6.5"),
                (b"(6", b"('a'"),
                (b"(6", b"(1" + b"0" * 40),
                (b"|u1", b"[('a','u1')]"),
            ),
        )
    )
    return data.replace(old, new, 1)


def _arrays(rng: random.Random) -> Damaged:
    generator = np.random.default_rng(rng.randrange(99))
    x = generator.integers(0, 256, (6, 8, 8))
    kind = rng.choice(("u1", "u1", "u1", "f4", "f8", "i8", "u2"))
    x = x.astype(kind) / (1 if kind[0] != "f" else 255)
    y = np.arange(6) % 2
    x = x.astype(kind)
    file = io.BytesIO()
    if rng.random() < 0.4:
        np.save(file, x)
        data = _mutated(rng, file.getvalue(), *[_odd_header] * 8)
        return Damaged("npy", {"a.npy": data}, "a.npy")
    pairs = {"x_train": x, "y_train": y, "x_test": x[:2], "y_test": y[:2]}
    members = rng.choice(({"images": x, "labels": y}, pairs, {"x": x, "y": y}, {"a": x, "b": y}))
    if rng.random() < 0.5:
        save = rng.choice((np.savez, np.savez_compressed))
        save(file, **members)  # type: ignore[arg-type]
        return Damaged("npz", {"a.npz": _mutated(rng, file.getvalue())}, "a.npz")
    packed = {}
    for name, array in members.items():
        file = io.BytesIO()
        np.save(file, array)
        packed[f"{name}.npy"] = _mutated(rng, file.getvalue(), *[_odd_header] * 8)
    return Damaged("npz", {"a.npz": _zipped(packed)}, "a.npz")


def _idx_file(values: np.ndarray) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def _idx(rng: random.Random) -> Damaged:
    generator = np.random.default_rng(rng.randrange(99))
    count = rng.choice((4, 20))
    images = generator.integers(0, 256, (count, 8, 8), dtype=np.uint8)
    labels = (np.arange(count) % 2).astype(np.uint8)
    parts = ("train", "t10k") if rng.random() < 0.5 else ("train",)
    packed = rng.random() < 0.5
    files = {
        f"{part}-{name}": _idx_file(values)
        for part in parts
        for name, values in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels))
    }
    name = rng.choice(sorted(files))
    inner = rng.random() < 0.7
    if inner:
        files[name] = _mutated(rng, files[name], *[_number] * 8)
    if packed:
        files = {f"{name}.gz": gzip.compress(data) for name, data in files.items()}
        name += ".gz"
    if not inner:
        files[name] = _mutated(rng, files[name])
    return Damaged("idx", {f"digits/{name}": data for name, data in files.items()}, "digits")


# --- images, sounds, games, other files ----------------------------------------------


def _png_header(rng: random.Random, data: bytes) -> bytes:
    """Changes the size, the depth or the color type of a PNG, with a right checksum."""
    if not data.startswith(b"\x89PNG") or len(data) < 33:
        return data
    width, height, depth, color = struct.unpack(">IIBB", data[16:26])
    sizes = (0, 1, 9, 1000, 14_000, 60_000, 0x7FFFFFFF, 0xFFFFFFFF)
    if rng.random() < 0.7:
        width = rng.choice((width, *sizes))
        height = rng.choice((height, *sizes))
    else:
        depth, color = rng.choice((1, 2, 4, 8, 16, 3)), rng.choice((0, 2, 3, 4, 6, 5))
    header = b"IHDR" + struct.pack(">IIBB", width, height, depth, color) + data[26:29]
    return data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]


def _images(rng: random.Random) -> Damaged:
    generator = np.random.default_rng(rng.randrange(99))
    suffix = rng.choice((*(".png",) * 9, ".jpg", ".jpg", ".gif", ".bmp", ".webp", ".tif", ".ppm"))
    suffix = rng.choice((suffix, suffix, suffix, ".tga", ".ico", ".pcx", ".jp2"))
    files = {}
    for number in range(6):
        file = io.BytesIO()
        array = generator.integers(0, 256, (12, 10, 3), dtype=np.uint8)
        image = Image.fromarray(array)
        if suffix == ".png":
            mode = rng.choice(("RGB", "L", "P", "RGBA", "1", "I;16", "LA"))
            deep = Image.fromarray(array[..., 0].astype(np.uint16) * 256)
            image = deep if mode == "I;16" else image.convert(mode)
        Image.init()
        image.save(file, Image.EXTENSION[suffix])
        files[f"photos/{'ab'[number % 2]}/{number}{suffix}"] = file.getvalue()
    for name in rng.sample(sorted(files), rng.choice((1, 1, 3))):
        files[name] = _mutated(rng, files[name], *[_png_header] * (8 if suffix == ".png" else 0))
    if rng.random() < 0.1:
        files["photos/a/x.heic"] = rng.randbytes(200)
    if rng.random() < 0.1:
        table = b"file,label,x_min,y_min,x_max,y_max\n0.png,cat,1,1,5,5\n3.png,dog,2,2,6,7\n"
        flat = {f"photos/{Path(name).name}": data for name, data in files.items()}
        files = {**flat, "photos/boxes.csv": _mutated(rng, table, *TEXTS)}
        return Damaged(
            "boxes", files, "photos", ("input.missing_boxes=empty", "input.skip_corrupt=true")
        )
    skip = rng.choice(((), ("input.skip_corrupt=true",)))
    return Damaged("images", files, "photos", skip)


def _wav(rng: random.Random) -> Damaged:
    """A sound, which is not read: alone, with an output, or in a folder per class."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(rng.randbytes(400))
    data = _mutated(rng, file.getvalue())
    if rng.random() < 0.3:
        files = {f"sounds/{'ab'[number % 2]}/{number}.wav": data for number in range(4)}
        return Damaged("wav", files, "sounds")
    name = rng.choice(("a.wav", "a.wav", "a.wave", "a.csv", "a.txt"))
    return Damaged("wav", {name: data}, name, rng.choice(((), ("--output", "label"))))


def _sgf(rng: random.Random) -> Damaged:
    points = rng.sample([a + b for a in "abcdefghijklmnopqrs" for b in "abcdefghijklmnopqrs"], 40)
    moves = "".join(f";{'BW'[turn % 2]}[{point}]" for turn, point in enumerate(points))
    size = rng.choice(("19", "19", "19", "13", "19:19", "99999999999"))
    text = f"(;GM[1]FF[4]CA[UTF-8]SZ[{size}]PB[Žofie]AB[aa][bb:cc]{moves}(;B[])(;B[tt];W[aa]))"
    text *= rng.choice((1, 1, 2))
    if rng.random() < 0.1:
        depth = rng.choice((1000, 50_000))
        text = "(;B[aa]" * depth + ")" * depth
    data = _mutated(rng, text.encode(), *TEXTS)
    other = f"(;GM[1]FF[4]SZ[19]{moves})".encode()
    if rng.random() < 0.3:
        files = {f"games/{game}.sgf": other for game in range(12)} | {"games/a.sgf": data}
        return Damaged("sgf", files, "games", ("input.skip_corrupt=true",))
    return Damaged("sgf", {"a.sgf": data}, "a.sgf")


def _text(rng: random.Random) -> Damaged:
    text = "\n".join(f"Chapter {line}: {rng.choice(CITIES)} at night." for line in range(60))
    name = rng.choice(("novel.txt", "novel.md", "novel"))
    return Damaged("text", {name: _mutated(rng, text.encode(), *TEXTS)}, name)


def _parquet(rng: random.Random) -> Damaged:
    import polars

    file = io.BytesIO()
    polars.DataFrame(_rows(rng), infer_schema_length=None, strict=False).write_parquet(
        file, compression=rng.choice(("zstd", "snappy", "uncompressed", "gzip"))
    )
    return Damaged(
        "parquet", {"a.parquet": _mutated(rng, file.getvalue())}, "a.parquet", _columns(rng)
    )


def _spreadsheet(rng: random.Random) -> Damaged:
    members = {
        "xl/workbook.xml": b'<workbook><sheets><sheet name="One &amp; two"/></sheets></workbook>',
        "content.xml": b'<office><table:table a="1" table:name="Sheet1"/></office>',
    }
    files = {name: _mutated(rng, data, _sign) for name, data in members.items()}
    if rng.random() < 0.5:
        del files["xl/workbook.xml"]
    name = rng.choice(("a.xlsx", "a.ods", "a.xls", "a.xlsm"))
    return Damaged("spreadsheet", {name: _mutated(rng, _zipped(files))}, name, _columns(rng))


KINDS: tuple[Callable[[random.Random], Damaged], ...] = (
    *(_csv, _json, _idx, _images, _sgf, _csv, _wav, _arrays, _json, _csv),
    *(_images, _sgf, _csv, _nested_json, _idx, _json, _compressed, _parquet, _spreadsheet, _text),
)


# --- extremes ------------------------------------------------------------------------


def _bomb(begin: bytes, part: bytes, count: int) -> bytes:
    """Returns a small gzip file of `count` times 16 MB."""
    return gzip.compress(begin) + gzip.compress(part * (1 << 24)) * count


def _zip_bomb(name: str) -> bytes:
    file = io.BytesIO()
    archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open(name, "w", force_zip64=True) as member:
        for _ in range(24):
            member.write(b"a" * (1 << 24))
    return file.getvalue()


def _png_of(width: int, height: int) -> bytes:
    """Returns a PNG whose header asks for more pixels than the file holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1 + 3 * width) * 10)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _photo_of(data: bytes, suffix: str) -> Damaged:
    small = io.BytesIO()
    Image.new("RGB", (9, 9)).save(small, "PNG")
    files = {f"photos/{'ab'[n % 2]}/{n}.png": small.getvalue() for n in range(8)}
    return Damaged(
        "images", {**files, f"photos/a/big{suffix}": data}, "photos", ("input.skip_corrupt=true",)
    )


def _frames(count: int) -> bytes:
    file = io.BytesIO()
    images = [Image.new("L", (2, 2), number % 256) for number in range(count)]
    images[0].save(file, "GIF", save_all=True, append_images=images[1:])
    return file.getvalue()


def _column(cell: str, *, count: int = 60) -> Damaged:
    """A table with a column of one long cell, which differs in its last character."""
    rows = "".join(f"{cell}{row % 10},{row % 3},{row}\n" for row in range(count))
    return Damaged("csv", {"a.csv": f"x,y,z\n{rows}".encode()}, "a.csv", ("--output", "y"))


def _one(name: str, data: bytes, *arguments: str) -> Damaged:
    return Damaged(Path(name).suffix[1:], {name: data}, name, arguments)


WIDE = 100_000
EXTREMES: dict[str, Callable[[], Damaged]] = {
    "many columns": lambda: _one(
        "a.csv",
        (
            ",".join(f"c{n}" for n in range(WIDE)) + "\n" + (",".join("7" * WIDE) + "\n") * 4
        ).encode(),
    ),
    "many text columns": lambda: _one(
        "a.csv",
        (
            ",".join(f"c{n}" for n in range(WIDE)) + "\n" + (",".join("x" * WIDE) + "\n") * 4
        ).encode(),
        *("--output", "c7000x"),
    ),
    "many columns without a header": lambda: _one("a.csv", b",".join([b"7"] * WIDE) + b"\n"),
    "many equal names": lambda: _one("a.csv", b",".join([b"a"] * WIDE) + b"\n1,2\n"),
    "many names in an object": lambda: _one(
        "a.jsonl", (json.dumps({f"c{n}": n for n in range(WIDE)}) + "\n").encode() * 3
    ),
    "other names in every object": lambda: _one(
        "a.jsonl", "".join(json.dumps({f"c{n}": n}) + "\n" for n in range(5000)).encode()
    ),
    "a long cell": lambda: _one("a.csv", b"a,b\n1," + b"x" * 10_000_000 + b"\n2,y\n"),
    "a long name": lambda: _one(
        "a.csv", b"a," + b"x" * 1_000_000 + b"\n2,y\n3,z\n", "--output", "b"
    ),
    "a line without an end": lambda: _one("a.csv.gz", _bomb(b"a,b\n1,2\n", b"a", 128)),
    "a quote without an end": lambda: _one("a.csv.gz", _bomb(b'a,b\n1,"', b"ab\ncde\n,", 24)),
    "a json line without an end": lambda: _one("a.jsonl.gz", _bomb(b'{"a": "', b"a", 128)),
    "json without an end": lambda: _one("a.json.gz", _bomb(b"[", b" ", 128)),
    "a text without an end": lambda: _one("a.txt", b"x" * 5_000_000),
    "a zip bomb": lambda: _one("a.csv.zip", _zip_bomb("a.csv")),
    "a bomb as a spreadsheet": lambda: _one("a.ods", _zip_bomb("content.xml")),
    "bzip2 in bzip2": lambda: _one("a.csv.bz2", bz2.compress(bz2.compress(b"a,b\n1,2\n" * 100))),
    "only zeros": lambda: _one("a.csv.gz", _bomb(b"", b"\0", 64)),
    "only line ends": lambda: _one("a.csv", b"\n" * 5_000_000),
    "only quotes": lambda: _one("a.csv", b'"' * 1_000_001),
    "lines of a quote": lambda: _one("a.csv", b"a,b\n" + b'"x\n' * 200_000),
    "only separators": lambda: _one("a.csv", b"," * 1_000_000 + b"\n" + b"," * 1_000_000),
    "nested lists": lambda: _one("a.json", b"[" * 1_000_000 + b"]" * 1_000_000),
    "nested lists in a line": lambda: _one("a.jsonl", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "nested lists of numbers": lambda: _one("a.json", b"[" * 70 + b"1" + b"]" * 70),
    "a huge integer": lambda: _one("a.jsonl", b'{"a": ' + b"9" * 1_000_000 + b"}\n"),
    "digits": lambda: _column("1" * 100_000),
    "points": lambda: _column("1." * 50_000),
    "semicolons": lambda: _column("1;" * 50_000),
    "blanks": lambda: _column("x" + " " * 100_000 + "x"),
    "brackets": lambda: _column("(" * 100_000),
    "minus signs": lambda: _column("-" * 100_000),
    "dates": lambda: _column("2024-01-01 " * 10_000),
    "clocks": lambda: _column("10:" * 30_000),
    "labels in a cell": lambda: _column("a;b;" * 30_000),
    "an idx header of 2^31 images": lambda: Damaged(
        "idx",
        {
            "digits/train-images-idx3-ubyte": struct.pack(">4I", 0x803, 1 << 31, 28, 28)
            + bytes(999),
            "digits/train-labels-idx1-ubyte": struct.pack(">2I", 0x801, 1 << 31) + bytes(999),
        },
        "digits",
    ),
    "an idx file that does not end": lambda: Damaged(
        "idx",
        {
            "digits/train-images-idx3-ubyte.gz": _bomb(
                struct.pack(">4I", 0x803, 9, 2, 2), b"\0", 128
            ),
            "digits/train-labels-idx1-ubyte.gz": gzip.compress(
                struct.pack(">2I", 0x801, 9) + bytes(9)
            ),
        },
        "digits",
    ),
    "an npy header of 2^40 numbers": lambda: _one(
        "a.npy",
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", 118)
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 4, 4), }".ljust(117)
        + b"\n"
        + bytes(999),
    ),
    "a png of 60,000 x 60,000": lambda: _photo_of(_png_of(60_000, 60_000), ".png"),
    "a png of 14,000 x 14,000": lambda: _photo_of(_png_of(14_000, 14_000), ".png"),
    "a gif of 2,000 frames": lambda: _photo_of(_frames(2000), ".gif"),
    "a portable pixmap of 14,000 x 14,000": lambda: _photo_of(
        b"P6 14000 14000 255\n" + bytes(999), ".ppm"
    ),
    "nested variations": lambda: _one("a.sgf", b"(;B[aa]" * 100_000 + b")" * 100_000),
    "a value without an end": lambda: _one("a.sgf", b"(;C[" + b"\\]" * 1_000_000),
    "many values": lambda: _one("a.sgf", b"(;AB" + b"[aa]" * 50_000 + b";B[bb])"),
    "a rectangle of stones": lambda: _one("a.sgf", b"(;SZ[19]" + b"AB[aa:ss]" * 5000 + b";B[bb])"),
    "a huge board": lambda: _one("a.sgf", b"(;SZ[" + b"9" * 10_000 + b"];B[bb])"),
    "many games": lambda: _one("a.sgf", b"(;SZ[19];B[bb];W[cc])" * 20_000),
}


# --- reading -------------------------------------------------------------------------


def write(file: Damaged, folder: Path) -> Path:
    """Writes a damaged file below a folder; returns the path that a person names."""
    for name, data in file.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder / file.path


@contextmanager
def _captured() -> Iterator[list[io.TextIOWrapper]]:
    """Captures what is printed, as the strict UTF-8 of a terminal."""
    before = sys.stdout, sys.stderr
    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in before]
    sys.stdout, sys.stderr = streams
    try:
        yield streams
        for stream in streams:
            stream.seek(0)
    finally:
        sys.stdout, sys.stderr = before


def _command(arguments: list[str]) -> tuple[int, str]:
    """Runs a command; returns its exit code, and what is wrong with its behavior."""
    from kissipo.cli.main import main

    with _captured() as streams:
        code = main(arguments)
    printed, errors = (stream.read() for stream in streams)
    if code == 1:
        try:
            with _captured():
                main([*arguments, "--debug"])
        except Exception:
            return code, traceback.format_exc()
    if code not in (0, 2):
        return code, f"exit code {code}: {errors}"
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in re.sub(r"[\n\t]", "", printed + errors)):
        return code, f"control characters are printed: {printed + errors!r}"
    if errors and (code != 2 or not errors.startswith("kissipo: ") or errors.count("\n") != 1):
        return code, f"more than one paragraph: {errors!r}"
    return code, "" if code == 0 or errors or "FAIL" in printed else f"no reason: {printed!r}"


def _start_of_fit(path: str, arguments: tuple[str, ...]) -> str:
    """Builds the experiment of a fit: split, encoders, net, first batch."""
    from kissipo.core.errors import UserError
    from kissipo.pipeline.experiment import build_experiment
    from kissipo.runs.load import load

    names = dict(zip(arguments[::2], arguments[1::2], strict=False))
    words = dict(word.split("=") for word in arguments if "=" in word)
    try:
        task = load(path, output=names.get("--output"), time=names.get("--time"), words=words)
        experiment = build_experiment(task)
        experiment.pipeline.datasets["train"].batch(slice(0, 8))
    except UserError as error:
        return "" if str(error).endswith((".", "?", "`", "...")) else f"no sentence: {error}"
    except Exception:
        return traceback.format_exc()
    return ""


def _limit_time(seconds: int) -> None:
    """Ends this process, with its stack, after so many seconds of the processor, or
    six times as many on the clock; 0 lifts the limit."""
    faulthandler.register(signal.SIGPROF, all_threads=False, chain=True)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    if seconds:
        faulthandler.dump_traceback_later(6 * seconds, exit=True)
    else:
        faulthandler.cancel_dump_traceback_later()


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Returns the highest resident memory of this process since the last reset."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) * 1024


def read(file: Damaged, folder: Path, *, fit: bool) -> dict[str, object]:
    """Reads a file as the command line does; returns its record."""
    path = str(write(file, folder))
    begin, size = time.process_time(), os.fstat(2).st_size
    _reset_peak()
    _limit_time(SECONDS)
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always", append=True)
        code, wrong = _command(["data", "check", path, *file.arguments])
        if fit and not wrong:
            wrong = _start_of_fit(path, file.arguments)
    _limit_time(0)
    if remarks and not wrong:
        wrong = "a warning is printed: " + "; ".join(
            f"{remark.category.__name__}: {remark.message} ({remark.filename}:{remark.lineno})"
            for remark in remarks[:3]
        )
    # polars' parser of Parquet prints where it panics, before that can be caught
    if os.fstat(2).st_size > size and not wrong and file.kind != "parquet":
        wrong = "a library prints to standard error"
    peak = _peak()
    if peak > GIGABYTE and not wrong:
        wrong = f"{peak / GIGABYTE:.2f} GB of memory"
    return {
        "kind": file.kind,
        "code": code,
        "seconds": round(time.process_time() - begin, 3),
        "megabytes": peak >> 20,
        "wrong": wrong,
    }


def _import_all() -> None:
    """Imports what is imported on first use, which takes seconds."""
    import kissipo

    for module in pkgutil.walk_packages(kissipo.__path__, "kissipo."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(module.name)
    for name in ("polars", "sklearn.ensemble", "sklearn.linear_model", "rich.table"):
        with suppress(ImportError):
            importlib.import_module(name)
    Image.init()


def main(seed: int, first: int, last: int, names: list[str]) -> None:
    """Reads damaged files, and those of EXTREMES by their names,
    with a limit on the memory."""
    import resource

    import torch

    torch.set_num_threads(1)
    _import_all()
    folder = Path.cwd() / "file"
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + 4 * GIGABYTE
    for number in (*range(first, last), *names):
        print(json.dumps({"number": number}), flush=True)
        file = EXTREMES[number]() if isinstance(number, str) else damaged(seed, number)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        record = read(file, folder, fit=isinstance(number, str) or number % FIT_EVERY == 0)
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(json.dumps({"number": number, **record}), flush=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:4] if argument.isdecimal()]
    if len(numbers) == 3:
        main(*numbers, names=sys.argv[4:])
    else:
        one = damaged(*numbers)
        print(one.kind, write(one, Path("file")), *one.arguments)
