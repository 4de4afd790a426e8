"""Texts that a program may have made of something else: JSON in cells, and dates that a
spreadsheet made of names.

Example:  >>> from kissipo.core.frame import strings
          >>> odd_texts(strings("size", ['{"w": 3}', '{"w": 4}'] * 9))[0].check
          'JSON in cells'
          >>> odd_texts(strings("gene", ["TP53", "2-Sep", "EGFR"] * 9))[0].check
          'dates among names'
"""

import json
import re

from kissipo.core.finding import Finding
from kissipo.core.frame import Column
from kissipo.core.text import list_some, shorten

_MIN_SHARE = 0.9
_DATE = re.compile(
    r"\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{1,2}"
)


def odd_texts(column: Column) -> list[Finding]:
    """Reports cells with objects of JSON, and dates such as 2-Sep among names."""
    sample = column.frequent_texts
    objects = [text for text in sample if _is_object(text)]
    if objects and len(objects) >= _MIN_SHARE * len(sample):
        message = f"'{column.name}' has objects of JSON in its cells, such as '"
        message += shorten(objects[0], 40) + "'"
        action = "read as texts; write their values as columns of their own, as with "
        action += "pandas.json_normalize"
        return [Finding("WARN", "JSON in cells", message, action)]
    dates = [text for text in sample if _DATE.fullmatch(text)]
    if not dates or 2 * len(dates) > len(sample):
        return []
    listed = list_some([f"'{text}'" for text in dates], 4)
    message = f"{listed} in '{column.name}' may be {'a name' if len(dates) == 1 else 'names'} "
    message += "that a spreadsheet turned into dates, such as SEPT2"
    action = "kept as texts; correct them where they come from"
    return [Finding("WARN", "dates among names", message, action)]


def _is_object(text: str) -> bool:
    if not (text.startswith("{") and text.endswith("}")):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
