"""Output files: a file is written completely, or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kissipo.core.errors import MachineError, TaskError


def write_text(path: Path | str, text: str) -> Path:
    """Writes a text file and returns its path; a failure keeps the former file.

    A symbolic link is followed, and a device is written directly.

    Raises:   MachineError when it cannot be written.
    """
    real = Path(os.path.realpath(path))
    try:
        if real.exists() and not real.is_file():
            real.write_text(text, encoding="utf-8")
        else:
            replace_whole(real, text.encode())
    except OSError as error:
        raise MachineError(f"{path} cannot be written: {error.strerror}") from None
    return Path(path)


def replace_whole(path: Path, data: bytes, *, keep: Path | None = None) -> None:
    """Replaces a file atomically: it has the old or the new content, never a part.

    keep:     the path to which the former file is moved
    Raises:   OSError when the operating system refuses.
    """
    aside = path.with_name(path.name + ".part")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            path.replace(keep)
        aside.replace(path)
        _flush_folder(path.parent)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(folder: Path | str) -> Iterator[Path]:
    """Makes a folder, in which the block writes.

    Raises:   TaskError when the folder is not empty; MachineError when it cannot be
              written.
    """
    folder = Path(folder)
    refuse_existing(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise refusal(folder, error) from None


def refuse_existing(folder: Path) -> None:
    """Raises TaskError when a folder exists and is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TaskError(
            f"{folder} exists already", do="Name another folder with --out, or remove it"
        )


def refusal(path: Path, error: OSError) -> MachineError:
    """Returns the error that explains why a file cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return MachineError(
            f"there is no space left to write {path}",
            do="Free some space, then resume with --resume: the earlier checkpoints are whole",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return MachineError(
            f"{path} may not be written",
            do="Choose another folder with --out, or change its permissions",
        )
    return MachineError(
        f"{path} cannot be written: {error.strerror}", do="Choose another folder with --out"
    )


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
