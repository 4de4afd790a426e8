"""Compressed files: .gz, .bz2, .xz, and .zip with one file inside."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from kissipo.core.errors import DataError
from kissipo.core.text import list_some

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_STREAMS = (".gz", ".bz2", ".xz")
_ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar", ".zst", ".lz4", ".br", ".z")
_PACKED = (*_STREAMS, ".zip")
_ALWAYS_ALLOWED = 1 << 26  # bytes of content
_MAX_RATIO = 200  # of the content to the compressed file
DAMAGED = (gzip.BadGzipFile, lzma.LZMAError, zlib.error, zipfile.BadZipFile, EOFError)


def content_name(path: Path) -> str:
    """Returns the name of the file that a compressed file holds, in lower case."""
    suffix = path.suffix.lower()
    if suffix == ".zip" and path.is_file():
        members = _members(path)
        return PurePosixPath(members[0].filename).name.lower() if len(members) == 1 else path.name
    return path.name.lower().removesuffix(suffix) if suffix in _STREAMS else path.name.lower()


def unpack_first(path: Path) -> str:
    """Returns what to do with an archive that cannot be read; else an empty text."""
    is_archive = any(suffix.lower() in _ARCHIVES for suffix in path.suffixes[-2:])
    return "Unpack it, and name the file or folder inside" if is_archive else ""


def is_compressed(path: Path) -> bool:
    """Returns whether a file is decompressed when it is opened."""
    return path.suffix.lower() in _PACKED


def open_binary(path: Path) -> BinaryIO:
    """Opens a file, decompressed.

    Raises:   DataError for a zip file that is empty, encrypted, or has several files.
    """
    suffix = path.suffix.lower()
    if suffix not in _PACKED:
        return path.open("rb")
    return cast(BinaryIO, io.BufferedReader(_Content(path, _open_packed(path, suffix))))


class _Content(io.RawIOBase):
    """The content of a compressed file; one that is too large for its file is refused.

    A file of a few kilobytes can hold gigabytes of one character.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file, self._count = path, file, 0
        self._limit = max(_ALWAYS_ALLOWED, _MAX_RATIO * path.stat().st_size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._count = self._file.seek(offset, whence)
        return self._count

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._file.read(len(view))
        self._count += len(data)
        if self._count > self._limit:
            raise DataError(
                f"{self._path} holds more than {_MAX_RATIO} times its own size",
                do="Is it damaged, or made to fill the memory? "
                "If it is right, unpack it and name the file inside",
            )
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def _open_packed(path: Path, suffix: str) -> BinaryIO:
    if suffix == ".gz":
        return cast(BinaryIO, gzip.open(path))
    if suffix == ".bz2":
        return cast(BinaryIO, bz2.open(path))
    if suffix == ".xz":
        return cast(BinaryIO, lzma.open(path))
    members = _members(path)
    if len(members) != 1:
        names = list_some([f"'{member.filename}'" for member in members], 5)
        raise DataError(
            f"{path} has {len(members)} files inside",
            got=names if members else "",
            allowed="a zip file with one file",
            do="Unpack it, and name the file that you mean",
        )
    if members[0].flag_bits & 1:
        raise DataError(f"{path} is protected by a password", do="Unpack it first")
    return cast(BinaryIO, zipfile.ZipFile(path).open(members[0]))


def _members(path: Path) -> list[zipfile.ZipInfo]:
    """Returns the files inside a zip file, without folders and those of systems."""
    if not zipfile.is_zipfile(path):
        return []
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (*DAMAGED, OSError, ValueError, NotImplementedError):
        raise damaged(path) from None
    return [
        member
        for member in members
        if not member.is_dir()
        and not member.filename.startswith("__MACOSX")
        and not PurePosixPath(member.filename).name.startswith(".")
    ]


def damaged(path: Path) -> DataError:
    """Returns the error for a compressed file that cannot be decompressed."""
    kind = {".gz": "gzip", ".bz2": "bzip2"}.get(path.suffix, path.suffix.lstrip("."))
    return DataError(f"{path} is not a complete {kind} file", do="Download or compress it again")
