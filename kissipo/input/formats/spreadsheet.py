"""Spreadsheets: refused, with their sheets and what to do."""

import re
import zipfile
from html import unescape
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.text import list_some

SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
_OLD = b"\xd0\xcf\x11\xe0"


def refusal(path: Path) -> DataError:
    """Returns the error for a spreadsheet, which names its sheets."""
    sheets = _sheets(path)
    what = f"{path} is a spreadsheet"
    if sheets:
        names = list_some([f"'{name}'" for name in sheets], 5)
        what += f" with the sheets {names}"
    with path.open("rb") as file:
        is_encrypted = file.read(4) == _OLD and path.suffix.lower() != ".xls"
    if is_encrypted:
        what += ", protected by a password"
    return DataError(
        what,
        allowed="a text file such as CSV, or a data frame",
        do="Save the sheet as CSV (UTF-8), or pass pandas.read_excel(...) to kissipo in Python",
    )


def _sheets(path: Path) -> list[str]:
    """Returns the names of the sheets, as far as the file shows them."""
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "xl/workbook.xml" in names:
            text = archive.read("xl/workbook.xml").decode("utf-8", "replace")
            return [unescape(name) for name in re.findall(r'<sheet [^>]*?name="([^"]*)"', text)]
        if "content.xml" in names:
            text = archive.read("content.xml").decode("utf-8", "replace")
            pattern = r'<table:table [^>]*?table:name="([^"]*)"'
            return [unescape(name) for name in re.findall(pattern, text)]
    return []
