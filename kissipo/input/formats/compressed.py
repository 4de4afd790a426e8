"""Compressed files: .gz, .bz2, .xz, and .zip with one file inside."""

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from kissipo.core.errors import DataError
from kissipo.core.text import list_some

_STREAMS = (".gz", ".bz2", ".xz")
_ARCHIVES = (".zip", ".tar", ".tgz", ".7z", ".rar", ".zst", ".lz4", ".br", ".z")
DAMAGED = (gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile, EOFError)


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


def open_binary(path: Path) -> BinaryIO:
    """Opens a file, decompressed.

    Raises:   DataError for a zip file that is empty, encrypted, or has several files.
    """
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return cast(BinaryIO, gzip.open(path))
    if suffix == ".bz2":
        return cast(BinaryIO, bz2.open(path))
    if suffix == ".xz":
        return cast(BinaryIO, lzma.open(path))
    if suffix != ".zip":
        return path.open("rb")
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
    with zipfile.ZipFile(path) as archive:
        return [
            member
            for member in archive.infolist()
            if not member.is_dir()
            and not member.filename.startswith("__MACOSX")
            and not PurePosixPath(member.filename).name.startswith(".")
        ]
