"""Output files: a file is written completely, or not at all."""

import os
from pathlib import Path

from kissipo.core.errors import MachineError


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


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
