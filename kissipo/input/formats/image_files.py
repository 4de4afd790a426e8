"""The files of an image folder: images, real images that cannot be read, and others.

Files and folders that systems leave behind, such as `__MACOSX`, `Thumbs.db` and all
hidden ones, are skipped at every depth.
"""

import os
from collections.abc import Sequence
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


def is_system(path: Path) -> bool:
    """Whether a name is one that systems leave behind.

    Example:  >>> [is_system(Path(name)) for name in ("._a.jpg", "Thumbs.db", "thumbs")]
              [True, True, False]
    """
    return path.name.startswith(".") or path.name.lower() in _SYSTEM


def subfolders(folder: Path) -> list[Path]:
    """Returns the folders directly in a folder, without those of the system."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_system(path))


def files_in(folder: Path) -> FolderFiles:
    """Returns the files directly in a folder."""
    entries = sorted(folder.iterdir())
    system = [path for path in entries if is_system(path)]
    files = [path for path in entries if not is_system(path) and path.is_file()]
    return _sorted_files(files, system)


def files_below(folder: Path) -> FolderFiles:
    """Returns the files of a folder and of its subfolders."""
    files: list[Path] = []
    system: list[Path] = []
    for place, folders, names in os.walk(folder):
        entries = [Path(place, name) for name in (*folders, *names)]
        system += [path for path in entries if is_system(path)]
        folders[:] = [name for name in folders if not is_system(Path(name))]
        inside = [Path(place, name) for name in names]
        files += [path for path in inside if not is_system(path) and path.is_file()]
    return _sorted_files(sorted(files), sorted(system))


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
