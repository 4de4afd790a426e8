"""Files: opens files, with errors that say what was there instead."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from kissipo.core.errors import DataError, MachineError
from kissipo.core.suggest import nearest
from kissipo.core.text import shorten
from kissipo.input.formats.compressed import DAMAGED, damaged, open_binary
from kissipo.input.formats.encodings import guess_encoding, wide_encoding
from kissipo.input.formats.other_programs import SIGNATURES, is_page

MAX_COLUMNS, _LONGEST_LINE = 50_000, 1 << 25
_NOT_TEXT = {
    **SIGNATURES,
    b"PK\x03\x04": "a zip file (an Excel or ODS sheet?)",
    b"\x89PNG": "a PNG image",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
}


def path_of(name: str | Path) -> Path:
    """Returns the path of this name, whether or not there is a file.

    Raises:   DataError for a name that no file can have.
    """
    if not str(name):
        raise DataError("the name of the data is empty", do="Name a file, a folder or a task")
    try:
        Path(name, "x").exists()
    except OSError as error:
        raise DataError(
            f"'{shorten(str(name), 60)}' cannot be looked up: {error.strerror}", do="Name a file"
        ) from None
    return Path(name)


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
    if not exists and path.is_symlink():
        raise DataError(
            f"{path} is a link to {path.readlink()}, where there is no {kind}",
            do="Name the file itself, or correct the link",
        )
    if not exists:
        raise DataError(f"there is no {kind} {path}", do=_neighbors(path))
    if not path.is_file() and not path.is_dir():
        raise DataError(
            f"{path} is a device or a pipe", allowed=f"a {kind}", do="Save the data to a file first"
        )
    return path


def existing_path(path: Path) -> Path:
    """Returns the path if a file or a folder exists there.

    Raises:   DataError as `existing` does for a missing file.
    """
    return path if path.is_dir() else existing(path)


def _neighbors(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {folder} does not exist either"
    stems = {entry.stem: entry.name for entry in folder.iterdir()}
    close = nearest(path.stem, stems)
    if close:
        return "Did you mean " + " or ".join(f"'{folder / stems[stem]}'" for stem in close) + "?"
    return f"Look into {folder.resolve()}"


def refuse_many_columns(path: Path, count: int) -> None:
    """Refuses a table with so many columns that each of them would be a sample."""
    if count > MAX_COLUMNS:
        raise DataError(
            f"{path} has {count:,} columns",
            allowed=f"at most {MAX_COLUMNS:,}",
            do="If each row is one signal or one image, save the rows as a file .npy; "
            "if each column is one sample, transpose the table",
        )


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
            text = io.TextIOWrapper(_ShortLines(path, raw), encoding=codec, newline="")
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


class _ShortLines(io.BufferedIOBase):
    """The bytes of a text file. A line that does not end is refused, unless the whole
    text is read at once: it would fill the memory."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self._path, self._raw, self._length = path, cast(io.BufferedReader, raw), 0

    @property
    def name(self) -> str:
        return str(self._path)

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        return self._raw.read(size)

    def read1(self, size: int = -1) -> bytes:
        data = self._raw.read1(size)
        is_inside = b"\n" not in data and b"\r" not in data
        self._length = self._length + len(data) if is_inside else 0
        if self._length > _LONGEST_LINE:
            raise DataError(
                f"{self._path} has a line of more than {_LONGEST_LINE >> 20} MB",
                do="Is it the right file? Each row must end with a line break",
            )
        return data


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Converts errors of the operating system into errors that name the file."""
    try:
        yield
    except PermissionError:
        raise MachineError(
            f"{path} cannot be read: permission denied", do="Check its permissions"
        ) from None
    except DAMAGED:
        raise damaged(path) from None
    except NotImplementedError as error:  # of zipfile
        raise DataError(f"{path} cannot be decompressed: {error}", do="Unpack it first") from None
    except OSError as error:
        if error.errno is None:  # bz2
            raise damaged(path) from None
        raise MachineError(f"{path} cannot be read: {error.strerror}") from None


def _refuse_other_files(path: Path, first: bytes, encoding: str) -> None:
    wide = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    for signature, what in _NOT_TEXT.items():
        if first.startswith(signature):
            what, _, do = what.partition("; ")
            raise DataError(
                f"{path} is not a text file but {what}",
                do=do[:1].upper() + do[1:] or "Save it as CSV (UTF-8) first",
            )
    if is_page(first) and path.suffix.lower() in (".csv", ".tsv"):
        raise DataError(
            f"{path} is a page of HTML, and no table",
            do="Download the file itself: perhaps the page around it was saved",
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
