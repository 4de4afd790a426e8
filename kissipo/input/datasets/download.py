"""Finding the files of a named data set, and fetching them once, whole and checked, when they are not there."""

import hashlib
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from kissipo.core.errors import DataError, MachineError


@dataclass(frozen=True)
class File:
    """One published file: its name, where it lies on the web, its sha256."""

    name: str
    url: str
    sha256: str


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kissipo"


def look_for(folder: str, name: str) -> Path | None:
    """The path of a file of a set, in `$KISSIPO_DATA` or in the cache; None when it is in neither."""
    places = [Path(each).resolve() for each in [os.environ.get("KISSIPO_DATA", "")] if each] + [
        cache_folder()
    ]
    for place in places:
        if (place / folder / name).exists():
            return place / folder / name
    return None


def get(folder: str, file: File) -> Path:
    """The path of a file of a set, downloaded when needed; it may lie there packed (.gz).

    Raises:   DataError when it cannot be had, or when what came is not what was published.
    """
    found = look_for(folder, file.name) or look_for(folder, f"{file.name}.gz")
    return found if found is not None else _download(folder, file)


def folder_only(folder: str, home: str) -> Path:
    """The folder of a set of many files, which is not downloaded file by file.

    Raises:   DataError that says where to get it and where to put it.
    """
    found = look_for(folder, "")
    if found is not None:
        return found
    raise DataError(
        f"the data set '{folder}' is not on this machine",
        do=f"Get it from {home} and put its folder at {cache_folder() / folder}, or set KISSIPO_DATA to the folder that holds '{folder}'",
    )


def _download(folder: str, file: File) -> Path:
    target = cache_folder() / folder / file.name
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(file.url, timeout=30) as answer, part.open("wb") as out:  # noqa: S310
            while block := answer.read(1 << 20):
                out.write(block)
    except (urllib.error.URLError, TimeoutError, ConnectionError, HTTPException) as error:
        part.unlink(missing_ok=True)
        raise DataError(
            f"the data set '{folder}' is not on this machine and cannot be downloaded from {file.url}: {getattr(error, 'reason', error)}",
            do=f"Put the file at {target}, or set KISSIPO_DATA to a folder that holds {folder}/{file.name}",
        ) from None
    except OSError as error:
        raise MachineError(
            f"{target} cannot be written: {error.strerror}",
            do="Set XDG_CACHE_HOME to a folder with room",
        ) from None
    digest = hashlib.sha256(part.read_bytes()).hexdigest()
    if digest != file.sha256:
        part.unlink()
        raise DataError(
            f"what came from {file.url} is not the published file",
            given=f"sha256 {digest}",
            allowed=file.sha256,
        )
    part.replace(target)
    return target
