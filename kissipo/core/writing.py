"""Writing a file where a person wants it."""

from __future__ import annotations

from pathlib import Path

from kissipo.core.errors import MachineError


def write_text(path: Path | str, text: str) -> Path:
    """Writes a text file; gives its path.

    Raises:   MachineError when it cannot be written.
    """
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise MachineError(f"{path} cannot be written: {error.strerror}") from None
    return Path(path)
