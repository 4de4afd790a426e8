"""Download: finds the files of a data set, and downloads and verifies missing ones."""

import hashlib
import os
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from kissipo.core.errors import DataError, MachineError


@dataclass(frozen=True)
class File:
    """One published file: its name, its URL and its SHA-256.

    member:  the path of the file in the zip archive at this URL; empty for the file
             itself
    """

    name: str
    url: str
    sha256: str
    member: str = ""


def files_at(address: str, sha256: Mapping[str, str]) -> tuple[File, ...]:
    """Returns the files at one address, from the SHA-256 of each name.

    Example:  >>> files_at("https://example.org", {"a.csv": "01"})[0].url
              'https://example.org/a.csv'
    """
    return tuple(File(name, f"{address}/{name}", digest) for name, digest in sha256.items())


def cache_folder() -> Path:
    """Returns the folder of downloaded files."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kissipo"


def look_for(folder: str, name: str) -> Path | None:
    """Returns the path of a file in `$KISSIPO_DATA` or in the cache, or None."""
    roots = [Path(root).resolve() for root in [os.environ.get("KISSIPO_DATA", "")] if root] + [
        cache_folder()
    ]
    for root in roots:
        if (root / folder / name).exists():
            return root / folder / name
    return None


def get(folder: str, file: File) -> Path:
    """Returns the path of a file (plain or .gz) and downloads it when it is missing.

    Raises:   DataError when the download fails or is not the published file.
    """
    path = look_for(folder, file.name) or look_for(folder, f"{file.name}.gz")
    return path if path is not None else _download(folder, file)


def folder_only(folder: str, home: str) -> Path:
    """Returns the folder of a data set that must be downloaded by the user.

    Raises:   DataError with the address of the data and the folder for it.
    """
    path = look_for(folder, "")
    if path is not None:
        return path
    raise DataError(
        f"the data set '{folder}' is not on this machine",
        do=f"Download it from {home} and put its folder at {cache_folder() / folder}, "
        f"or set KISSIPO_DATA to the folder that contains '{folder}'",
    )


def _download(folder: str, file: File) -> Path:
    target = cache_folder() / folder / file.name
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            urllib.request.urlopen(file.url, timeout=30) as response,  # noqa: S310
            part.open("wb") as out,
        ):
            while block := response.read(1 << 20):
                out.write(block)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        part.unlink(missing_ok=True)
        raise DataError(
            f"the data set '{folder}' is not on this machine and cannot be downloaded "
            f"from {file.url}: {getattr(error, 'reason', error)}",
            do=f"Put the file at {target}, "
            f"or set KISSIPO_DATA to a folder that contains {folder}/{file.name}",
        ) from None
    except OSError as error:
        raise MachineError(
            f"{target} cannot be written: {error.strerror}",
            do="Set XDG_CACHE_HOME to a folder with free space",
        ) from None
    if file.member:
        _keep_member(part, file)
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    if digest != file.sha256:
        part.unlink()
        raise DataError(
            f"the download from {file.url} is not the published file",
            got=f"sha256 {digest}",
            allowed=file.sha256,
        )
    part.replace(target)
    return target


def _keep_member(archive: Path, file: File) -> None:
    """Replaces a downloaded archive by its member.

    Raises:   DataError when it is not a zip archive, or lacks this member.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            content = packed.read(file.member)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        archive.unlink()
        raise DataError(
            f"the download from {file.url} is not the published archive: {error}",
            allowed=f"a zip archive with {file.member}",
        ) from None
    archive.write_bytes(content)
