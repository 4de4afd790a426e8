"""Writing a file where a person wants it, whole or not at all."""

import os
from pathlib import Path

from kissipo.core.errors import MachineError


def write_text(path: Path | str, text: str) -> Path:
    """Writes a text file; gives its path. What was there stays when it cannot be written; a link or a device is written through.

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
    """Writes a file so that at any moment either the old or the new one is there, never half of one.

    keep:     where the file that was there before is moved to
    Raises:   OSError when the machine refuses.
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
