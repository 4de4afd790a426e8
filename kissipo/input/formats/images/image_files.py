"""The files of an image folder: images, real images that cannot be read, and others.

Files and folders that systems leave behind, such as `__MACOSX`, `Thumbs.db` and all
hidden ones, are skipped at every depth.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from kissipo.codec._image_kinds import (
    SUFFIXES,
    ImageKind,
    is_readable_content,
    kind_by_content,
    kind_by_ending,
)
from kissipo.core.finding import Finding, Level, counted
from kissipo.core.text import list_some
from kissipo.input.formats.files import readable

_MAX_SHARE = 0.05  # of images that cannot be read; more is a FAIL
_SYSTEM = frozenset(
    (
        *("__macosx", "@eadir", "@tmp", "#recycle", "$recycle.bin", "lost+found", "__pycache__"),
        *("system volume information", "found.000", "thumbs.db", "ehthumbs.db"),
        *("ehthumbs_vista.db", "desktop.ini", "icon\r", "picasa.ini", "zbthumbnail.info"),
    )
)


@dataclass(frozen=True)
class FolderFiles:
    """The files of a folder, sorted by path.

    images:      images that can be decoded, by their ending or else by their content
    unreadable:  real images of a kind that cannot be decoded
    misnamed:    images by their content whose ending says something else
    others:      files that are not images
    system:      files and folders that systems leave behind
    """

    images: tuple[Path, ...] = ()
    unreadable: tuple[tuple[Path, ImageKind], ...] = ()
    misnamed: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    system: tuple[Path, ...] = ()

    @property
    def has_images(self) -> bool:
        """Whether there are images, those that cannot be read included."""
        return bool(self.images or self.unreadable)


@dataclass(frozen=True)
class _Listing:
    """What is directly in a folder: its folders without those of the system, its
    files."""

    folders: tuple[Path, ...]
    files: FolderFiles


_LISTED: ContextVar[dict[Path, _Listing] | None] = ContextVar("_LISTED", default=None)


@contextmanager
def listed_once() -> Iterator[None]:
    """Reads each folder once, however often its files are asked for in this block."""
    listings = _LISTED.get()
    token = _LISTED.set({} if listings is None else listings)
    try:
        yield
    finally:
        _LISTED.reset(token)


def is_system(path: Path) -> bool:
    """Whether a name is one that systems leave behind.

    Example:  >>> [is_system(Path(name)) for name in ("._a.jpg", "Thumbs.db", "thumbs")]
              [True, True, False]
    """
    return path.name.startswith(".") or path.name.lower() in _SYSTEM


def subfolders(folder: Path) -> list[Path]:
    """Returns the folders directly in a folder, without those of the system."""
    return list(_listing(folder).folders)


def files_in(folder: Path) -> FolderFiles:
    """Returns the files directly in a folder."""
    return _listing(folder).files


def files_below(folder: Path) -> FolderFiles:
    """Returns the files of a folder and of its subfolders."""
    listing = _listing(folder)
    inside = [path for path in listing.folders if not path.is_symlink()]
    if not inside:
        return listing.files
    files = together([listing.files, *map(files_below, inside)])
    return FolderFiles(
        tuple(sorted(files.images)),
        tuple(sorted(files.unreadable, key=lambda pair: pair[0])),
        tuple(sorted(files.misnamed)),
        tuple(sorted(files.others)),
        tuple(sorted(files.system)),
    )


def together(members: Sequence[FolderFiles]) -> FolderFiles:
    """Returns the files of several folders."""
    return FolderFiles(
        tuple(path for files in members for path in files.images),
        tuple(pair for files in members for pair in files.unreadable),
        tuple(path for files in members for path in files.misnamed),
        tuple(path for files in members for path in files.others),
        tuple(path for files in members for path in files.system),
    )


def file_findings(files: FolderFiles, *, skip: bool) -> list[Finding]:
    """Reports the files that are left out.

    skip:     whether images that cannot be read are left out, however many they are
    """
    findings = _unreadable_findings(files, skip=skip)
    if files.misnamed:
        message = (
            f"{counted(len(files.misnamed), 'file')} in the class folders "
            f"{'is an image' if len(files.misnamed) == 1 else 'are images'} by content "
            f"but not by ending: {list_some(files.misnamed, 1)}"
        )
        findings.append(
            Finding("WARN", "other files", message, "left out; rename them to use them")
        )
    if files.others:
        verb = "is not an image" if len(files.others) == 1 else "are not images"
        message = f"{counted(len(files.others), 'file')} in the class folders {verb}"
        findings.append(Finding("WARN", "other files", message, "left out"))
    if files.system:
        names = list_some(dict.fromkeys(path.name for path in files.system), 5)
        what = "files and folders" if len(files.system) > 1 else "file or folder"
        message = f"{len(files.system)} hidden or system {what}: {names}"
        findings.append(Finding("PASS", "system files", message, "skipped"))
    return findings


def _listing(folder: Path) -> _Listing:
    listings = _LISTED.get()
    if listings is None:
        return _list(folder)
    if folder not in listings:
        listings[folder] = _list(folder)
    return listings[folder]


def _list(folder: Path) -> _Listing:
    with readable(folder), os.scandir(folder) as iterator:
        entries = sorted(iterator, key=lambda entry: entry.name)
    system = [folder / entry.name for entry in entries if is_system(Path(entry.name))]
    own = [entry for entry in entries if not is_system(Path(entry.name))]
    files = [folder / entry.name for entry in own if entry.is_file()]
    folders = tuple(folder / entry.name for entry in own if entry.is_dir())
    return _Listing(folders, _sorted_files(files, system))


def _sorted_files(files: Sequence[Path], system: Sequence[Path]) -> FolderFiles:
    images: list[Path] = []
    unreadable: list[tuple[Path, ImageKind]] = []
    misnamed: list[Path] = []
    others: list[Path] = []
    for path in files:
        kind = kind_by_ending(path)
        if path.suffix.lower() in SUFFIXES:
            images.append(path)
        elif kind is not None:
            unreadable.append((path, kind))
        elif is_readable_content(path):
            (misnamed if path.suffix else images).append(path)
        elif (content := kind_by_content(path)) is not None:
            unreadable.append((path, content))
        else:
            others.append(path)
    return FolderFiles(
        tuple(images), tuple(unreadable), tuple(misnamed), tuple(others), tuple(system)
    )


def _unreadable_findings(files: FolderFiles, *, skip: bool) -> list[Finding]:
    """Reports per kind the real images that cannot be read, and how to convert them."""
    total = len(files.images) + len(files.unreadable)
    level: Level = "WARN" if skip or len(files.unreadable) <= _MAX_SHARE * total else "FAIL"
    findings = []
    for kind in dict.fromkeys(kind for _, kind in files.unreadable):
        paths = [path for path, other in files.unreadable if other is kind]
        endings = list_some(dict.fromkeys(path.suffix.lower() or "no ending" for path in paths), 3)
        message = (
            f"{len(paths)} of {counted(total, 'image')} are {kind.name} ({endings}), "
            f"which cannot be read here, such as {paths[0]}"
        )
        action = (
            f"left out; {kind.remedy}"
            if level == "WARN"
            else f"{kind.remedy}; or set input.skip_corrupt=true to leave them out"
        )
        findings.append(Finding(level, "unreadable images", message, action))
    return findings
