"""JSON as files hold it, with errors that say where and what.

Python's reader takes what JSON does not allow or leaves open: a name that stands twice
in an object (it keeps the last), and half of a character. Both are refused here.
"""

import json
import re
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.core.text import shorten

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_HALF = re.compile("[\ud800-\udfff]")


class _RepeatedNameError(ValueError):
    """An error for an object in which a name stands twice."""


def parse_json(text: str, path: Path, *, line: int | None = None) -> object:
    """Parses a JSON text.

    line:     the number of the line, where the text is one line of the file
    Raises:   DataError for a text that is not JSON, or cannot be read without a loss.
    """
    where = f"line {line} of {path}" if line else str(path)
    got = "" if line is None else f"'{shorten(text.strip(), 60)}'"
    do = "Write it with json.dump" if line is None else "Write one object per line"
    try:
        content: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = where if line else f"line {error.lineno} of {path}"
        raise DataError(f"{place} is not JSON: {error.msg}", got=got, do=do) from None
    except _RepeatedNameError as error:
        raise DataError(
            f"{where} has an object with the name '{shorten(str(error), 60)}' twice",
            got=got,
            do="Give every value its own name",
        ) from None
    except RecursionError:
        raise DataError(f"{where} is nested too deeply", do="Flatten it first") from None
    except ValueError:  # Python's limit on the digits of an integer
        raise DataError(
            f"{where} has an integer of several thousand digits", got=got, do="Correct it"
        ) from None
    if _SURROGATE.search(text):
        _refuse_half_characters(content, where)
    return content


def _refuse_half_characters(content: object, where: str) -> None:
    half = _HALF.search(json.dumps(content, ensure_ascii=False))
    if half:
        code = f"\\u{ord(half[0]):04x}"
        raise DataError(
            f"{where} has half of a character, {code}",
            do=f"A text was cut inside a character, such as an emoji: remove {code} from it",
        )


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedNameError(next(name for name in names if names.count(name) > 1))
    return result


_DECODER = json.JSONDecoder(object_pairs_hook=_object)
