"""Files: opens files, with errors that say what was there instead."""

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from kissipo.core.errors import DataError, MachineError
from kissipo.core.suggest import nearest
from kissipo.input.formats.compressed import DAMAGED, open_binary
from kissipo.input.formats.encodings import guess_encoding, wide_encoding

_NOT_TEXT = {
    b"PK\x03\x04": "a zip file (an Excel or ODS sheet?)",
    b"\x89PNG": "a PNG image",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
}


def existing(path: Path, *, kind: str = "file") -> Path:
    """Returns the path if a file (or a folder, with kind='folder') exists there.

    Raises:   DataError with similar names.
    """
    if kind == "file" and path.is_dir():
        raise DataError(
            f"{path} is a folder",
            allowed="a file",
            do="Name a file inside it, or use it as images with one folder per class",
        )
    if kind == "folder" and path.is_file():
        raise DataError(f"{path} is a file", allowed="a folder")
    try:
        exists = path.exists()
    except OSError:
        exists = False
    if not exists:
        raise DataError(f"there is no {kind} {path}", do=_neighbors(path))
    return path


def _neighbors(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {folder} does not exist either"
    stems = {entry.stem: entry.name for entry in folder.iterdir()}
    close = nearest(path.stem, stems)
    if close:
        return "Did you mean " + " or ".join(f"'{folder / stems[stem]}'" for stem in close) + "?"
    return f"Look into {folder.resolve()}"


def read_bytes(path: Path) -> bytes:
    """Reads a whole file and decompresses it when its name says so."""
    with readable(path), open_binary(existing(path)) as file:
        return file.read()


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """Opens a text file; decompresses it and skips a byte order mark.

    Raises:   DataError for a missing file, a wrong encoding (with line and byte) and a
              file that is not text.
    """
    existing(path)
    with readable(path), open_binary(path) as raw:
        _refuse_other_files(path, raw.read(4096), encoding)
        raw.seek(0)
        try:
            codec = (
                "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
            )
            text = io.TextIOWrapper(raw, encoding=codec, newline="")
        except LookupError:
            raise DataError(
                "input.encoding is not a known encoding",
                got=f"'{encoding}'",
                do="Try utf-8, latin-1, cp1252 or utf-16",
            ) from None
        try:
            yield text
        except UnicodeDecodeError as error:
            raise _wrong_encoding(path, encoding, error) from None


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Converts errors of the operating system into errors that name the file."""
    try:
        yield
    except PermissionError:
        raise MachineError(
            f"{path} cannot be read: permission denied", do="Check its permissions"
        ) from None
    except (*DAMAGED, zlib.error):
        kind = {".gz": "gzip", ".bz2": "bzip2"}.get(path.suffix, path.suffix.lstrip("."))
        raise DataError(
            f"{path} is not a complete {kind} file", do="Download or compress it again"
        ) from None


def _refuse_other_files(path: Path, first: bytes, encoding: str) -> None:
    wide = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    for signature, what in _NOT_TEXT.items():
        if first.startswith(signature):
            raise DataError(
                f"{path} is not a text file but {what}", do="Save it as CSV (UTF-8) first"
            )
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) and not wide:
        raise DataError(
            f"{path} is written in UTF-16, not in {encoding}",
            do="Set input.encoding=utf-16, or save it as UTF-8",
        )
    likely = wide_encoding(first)
    if likely and not wide:
        raise DataError(
            f"{path} looks like {likely.upper()}, not {encoding}",
            do=f"Set input.encoding={likely}, or save it as UTF-8",
        )
    if b"\0" in first and not wide:
        raise DataError(
            f"{path} is not a text file: it contains zero bytes",
            do="Is it the right file? Save it as CSV (UTF-8) first",
        )


def _wrong_encoding(path: Path, encoding: str, error: UnicodeDecodeError) -> DataError:
    data = read_bytes(path)
    codec = "utf-8" if encoding.lower().startswith("utf-8") else encoding
    try:
        data.decode(codec)
        line, wrong = 0, error.object[error.start : error.start + 1]
    except UnicodeDecodeError as exact:
        line = data.count(b"\n", 0, exact.start) + 1
        wrong = data[exact.start : exact.start + 1]
    likely = guess_encoding(data[: 1 << 20]) if codec == "utf-8" else None
    likely = None if likely == "cp1252" else likely  # any byte is valid there
    looks = f" (the file looks like {likely.upper()})" if likely else ""
    advice = (
        f"set input.encoding={likely}"
        if likely
        else "set its encoding, for example input.encoding=latin-1 or input.encoding=cp1252"
    )
    return DataError(
        f"line {line} of {path} is not valid {encoding}: the byte 0x{wrong.hex()}{looks}",
        do=f"Save the file as UTF-8, or {advice}",
    )
