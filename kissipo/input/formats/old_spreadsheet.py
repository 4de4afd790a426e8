"""Old spreadsheets (.xls), tried in a process of their own first.

A damaged file can make the library ask for more memory than there is, which ends the
whole process. The trial has a limit of memory, and only its end is looked at.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from kissipo.core.errors import DataError

SIGNATURE = b"\xd0\xcf\x11\xe0"
_SECONDS = 120
_MEMORY, _MEMORY_PER_BYTE = 1 << 30, 60
_TRIAL = """
import io, sys
try:
    import resource
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), hard))
except (ImportError, ValueError, OSError):  # no limits on this system
    pass
try:
    import python_calamine
except ImportError:
    sys.exit()
try:
    book = python_calamine.load_workbook(io.BytesIO(sys.stdin.buffer.read()))
    for name in book.sheet_names:
        book.get_sheet_by_name(name).to_python(skip_empty_area=False)
except python_calamine.CalamineError:  # the reader itself reports it
    pass
"""


def refuse_damaged(path: Path, content: bytes) -> None:
    """Raises DataError for an old spreadsheet that cannot be read in bounded memory."""
    if not content.startswith(SIGNATURE):
        return
    memory = _MEMORY + _MEMORY_PER_BYTE * len(content)
    arguments = [sys.executable, "-P", "-c", _TRIAL, str(memory)]
    try:
        trial = subprocess.run(  # noqa: S603
            arguments, input=content, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        reason = f"it takes more than {_SECONDS} seconds"
    else:
        if not trial.returncode:
            return
        reason = f"it needs more than {memory >> 20} MB of memory, or its bytes are damaged"
    raise DataError(
        f"{path} is not a readable spreadsheet: {reason}",
        do="Open it in the program that made it, delete stray cells beside the table, "
        "and save it as .xlsx or as CSV (UTF-8)",
    )
