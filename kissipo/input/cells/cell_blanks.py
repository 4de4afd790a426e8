"""Blanks around the cells of delimited text: those inside double quotes are kept.

The reader strips the blanks of every cell. The outermost blanks of a quoted cell are
replaced by letters of the private area first, which `restored` turns back.

Example:  >>> list(protect_quoted(['a, "b " ,c\\n'], ","))[0].replace(PROTECTED[0], "_")
          'a,"b_",c\\n'
"""

from collections.abc import Iterable, Iterator

BLANKS = " \t\u00a0\u2007\u2009\u202f\u3000"
PROTECTED = "".join(chr(0xE000 + position) for position in range(len(BLANKS)))
_TO_PROTECTED = str.maketrans(BLANKS, PROTECTED)
_RESTORED = str.maketrans(PROTECTED, BLANKS)


def restored(cell: str) -> str:
    """Returns a cell with the blanks that were protected inside its quotes."""
    return cell if cell.isascii() else cell.translate(_RESTORED)


def blanks_beside(separator: str) -> str:
    """Returns the blanks that do not belong to a cell in a file with this separator."""
    return BLANKS.replace(separator, "")


def protect_quoted(lines: Iterable[str], separator: str) -> Iterator[str]:
    """Yields the lines with the outer blanks of quoted cells protected, and without
    blanks between a quote and a separator."""
    inside, blanks = False, blanks_beside(separator)
    for line in lines:
        if '"' not in line:
            yield line
            continue
        if _has_blank_beside_quote(line, blanks):
            parts = line.split('"')
            last = len(parts) - 1
            for position, part in enumerate(parts):
                if inside != bool(position % 2):
                    parts[position] = protected(part, blanks)
                elif part:
                    parts[position] = _outside(part, separator, blanks, position, last)
            line = '"'.join(parts)
        inside ^= bool(line.count('"') % 2)
        yield line


def _has_blank_beside_quote(line: str, blanks: str) -> bool:
    if line.isascii():
        blanks = blanks[:2]
    return any(f'"{blank}' in line or f'{blank}"' in line for blank in blanks)


def protected(part: str, blanks: str) -> str:
    """Returns the inside of quotes, with its first and last blank protected."""
    if part[:1] and part[0] in blanks:
        part = part[0].translate(_TO_PROTECTED) + part[1:]
    if part[-1:] and part[-1] in blanks:
        part = part[:-1] + part[-1].translate(_TO_PROTECTED)
    return part


def _outside(part: str, separator: str, blanks: str, position: int, last: int) -> str:
    """Returns the text between two quotes, without blanks beside the quotes."""
    before, behind = part.lstrip(blanks), part.rstrip(blanks)
    if position > 0 and (not before or before[0] in separator + "\r\n"):
        part = before
    if position < last and (not behind or behind[-1] == separator):
        part = part.rstrip(blanks)
    return part
