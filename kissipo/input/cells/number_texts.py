"""Numbers as people write them: 12.345,6 and 1,234.50, 12.5%, $5, 3 kg, (120), 45-.

A text is split into a sign, digits with separators, and a mark (%, a currency, a unit).
`Notation` says how separators are read. A text decides it itself (1.234,5), leaves it
open (1,234), or has no separator.

Example:  >>> split_number("$1,234.50"), split_number("(3,5 kg)")
          (NumberText('1,234.50', 'point', '$'), NumberText('-3,5', 'comma', 'kg'))
          >>> split_number("PC 17599"), split_number("1.2.3"), split_number("2024-01")
          (None, None, None)
          >>> value(split_number("12.345,6"), ","), value(split_number("1,234"), ".")
          (12345.6, 1234.0)
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress, count, repeat
from typing import Literal, NamedTuple

from kissipo.input.cells.money import (
    CURRENCIES,
    MARK,
    SCALED,
    SCALED_MARK,
    has_no_cents,
    is_currency,
    needs_separator,
    plain_mark,
    power_of,
)

_SIGNS_AND_BLANKS = "+-" + "".join(filter(str.isspace, map(chr, range(0x3001))))
Evidence = Literal["", "point", "comma", "point?", "comma?"]
_BLANK = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f\u3000\t"), " ")
_PLAIN = {
    **_BLANK,
    **{ord(mark): "'" for mark in "’‘´`"},
    **{ord(mark): "-" for mark in "−–—﹣"},
    **dict(zip(map(ord, "￠￡￥￦"), "¢£¥₩", strict=True)),
    0x066B: ".",
    0x066C: ",",
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
}
_UNIT_TEXT = (
    "% ‰ °C °F ° mm cm m km in ft mi nm µm um mg g kg t lb lbs oz ml cl dl l L gal s ms min h d"
    " Hz kHz MHz GHz W kW MW GW Wh kWh MWh V mV kV A mA Ah mAh J kJ MJ cal kcal Pa hPa kPa bar"
    " psi m² m2 m³ m3 km² km2 ha cm² cm2 cm³ cm3 cc km/h kmh mph m/s kmpl km/kg mpg hp bhp PS nM"
    " KB kB MB GB TB B k K M Mio Mio. Mrd Mrd. bn mn Mb Gb px dB kN N Nm ppm pp ct € $ £ ¥ ₹ 万 亿"
    " kg/m³ kg/m3 g/l mg/l mg/dl µg/m³ ug/m3 mmol/l"
)
_UNITS = {*_UNIT_TEXT.split(), *CURRENCIES}
_NOT_UNITS = {"年", "月", "日", "时", "時", "am", "pm", "a.m.", "p.m.", "uhr", "st", "nd", "rd"}
_NUMBER = re.compile(
    rf"(?P<sign>[-+]?) ?(?:(?P<before>{MARK})(?P<blank> *))?(?P<inner>[-+]?) ?"
    r"(?P<body>\d(?:[\d.,' ]*\d)?|[.,]\d+)(?P<power>[eE][-+]?\d+)?(?P<whole>[.,]--?|/-)?"
    rf"(?: ?(?:{SCALED_MARK})"
    rf"| ?(?P<after>%|‰|\+|°[CFK]?|{MARK}|[^\W\d_²³¹][^\s,()'+]{{0,7}}"
    r"|sq\.? ft|fl oz|per cent|million|billion|thousand))?"
    r"(?: ?(?P<behind>-))?"
)
_PARENTHESES = re.compile(r"([^\d()]*)\(([^()]+)\)([^\d()]*)")
_GROUPS = {
    mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+|\d{{1,2}}(?:,\d\d)+,\d{{3}}")
    if mark == ","
    else re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+")
    for mark in ".,' "
}


_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]+")
_FORTRAN = re.compile(r"([+-]?\d*\.\d*|[+-]?\d+)[dD]([+-]\d{1,3})")  # 1.5D+02


class NumberText(NamedTuple):
    """A text that is a number: signed digits with separators and a power, the evidence
    for its notation, and its mark.

    evidence:  'point' or 'comma': the decimal separator; 'point?' or 'comma?': this
               separator stands once before three digits, so it may also part thousands
    scale:     the power of ten of a word beside a currency: 6 for $1.2M
    """

    digits: str
    evidence: Evidence
    mark: str = ""
    scale: int = 0

    def __repr__(self) -> str:
        return f"NumberText{tuple(self) if self.scale else tuple(self)[:3]}"


@lru_cache(maxsize=1 << 12)  # several rules ask for the same frequent texts
def split_number(text: str) -> NumberText | None:
    """Returns the parts of a number, or None for a text that is not a number."""
    if not text.isascii():
        text = "".join(map(_ascii_digit, text.translate(_PLAIN)))
    negative = _PARENTHESES.fullmatch(text.strip())
    match = _NUMBER.fullmatch("".join(negative.groups()) if negative else text.strip())
    if match is None or (match["after"] or "")[:1] in ("d", "D"):
        fortran = _FORTRAN.fullmatch(text.strip())
        if fortran is not None:
            return split_number(f"{fortran[1]}E{fortran[2]}")
    if match is None:
        return None
    evidence = _evidence(match["body"])
    if match["power"] and evidence in ("point?", "comma?"):
        evidence = _NAMES["," if "," in match["body"] else "."]  # 6,406E+01
    signs = [sign for sign in (match["sign"], match["inner"], match["behind"]) if sign]
    if evidence is None or len(signs) > 1 or (negative and signs):
        return None
    behind = match["symbol"] or match["code"] or match["name"]
    mark, power = plain_mark(match["before"] or behind or match["after"] or ""), None
    scale = match["scale"] or match["letter"] or match["word"]
    scale = scale or (match["after"] if match["before"] else None)
    if scale:
        power = power_of(scale)
        if power is None and not is_currency(scale):
            return None
    if not power and has_no_cents(mark) and evidence in ("point?", "comma?"):
        evidence = "point" if evidence == "comma?" else "comma"
    if match["whole"] and set(match["body"]) & set(".,"):
        if match["whole"][0] in match["body"]:
            return None
        evidence = _NAMES.get(match["whole"][0], evidence)
    if needs_separator(mark) and match["before"] and not (evidence or match["blank"]):
        return None
    if _HEXADECIMAL.fullmatch(text.strip()):
        return None
    if mark.lower() in _NOT_UNITS or (mark and _is_code(match["body"])):
        return None
    if match["behind"] and len(match["body"]) < 2:
        return None  # a school grade: 2-
    minus = "-" if "-" in signs or negative else ""
    exponent = f"e{power}" if power else match["power"] or ""
    return NumberText(minus + match["body"] + exponent, evidence, mark, power or 0)


def value(number: NumberText, decimal: str) -> float:
    """Returns the number, read with this decimal separator.

    Raises:   ValueError when the text itself shows that it has the other one.
    """
    if number.evidence == ("comma" if decimal == "." else "point"):
        raise ValueError(number.digits)
    digits = number.digits.replace(" ", "").replace("'", "")
    digits = digits.replace("," if decimal == "." else ".", "")
    return float(digits.replace(",", "."))


def is_code(text: str) -> bool:
    """Whether a text of digits is a code: it has a leading zero, such as 007, or more
    digits than a float can hold."""
    digits = text.strip().lstrip("+-")
    return digits.isdigit() and (
        (len(digits) > 1 and digits[0] == "0")
        or (15 < len(digits) < 300 and int(float(digits)) != int(digits))
    )


def find_codes(texts: Sequence[str]) -> list[int]:
    """Returns the positions of the codes, which are texts of digits alone."""
    inner = map(str.strip, texts, repeat(_SIGNS_AND_BLANKS))
    return [place for place in compress(count(), map(str.isdigit, inner)) if is_code(texts[place])]


def is_known_mark(mark: str) -> bool:
    """Whether a mark is a currency or a unit of measurement."""
    return mark in _UNITS or mark == SCALED or is_currency(mark)


def _is_code(body: str) -> bool:
    return len(body) > 1 and body[0] == "0" and body.isdigit()


def _ascii_digit(letter: str) -> str:
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)


def _evidence(body: str) -> Evidence | None:
    """Returns which decimal separator a body shows; None where it is not a number."""
    group = next((mark for mark in " '" if mark in body), "")
    if group:
        last = max(body.rfind(","), body.rfind("."))
        whole, mark, rest = (
            (body[:last], body[last], body[last + 1 :])
            if last >= 0
            else (
                body,
                "",
                "",
            )
        )
        if not _GROUPS[group].fullmatch(whole) or (mark and not rest.isdigit()):
            return None
        return _NAMES[mark]
    points, commas = body.count("."), body.count(",")
    if not points and not commas:
        return ""
    if points and commas:
        decimal, other = (".", ",") if body.rfind(".") > body.rfind(",") else (",", ".")
        whole, _, rest = body.rpartition(decimal)
        valid = rest.isdigit() and _GROUPS[other].fullmatch(whole)
        return _NAMES[decimal] if valid else None
    mark = "." if points else ","
    if points + commas > 1:
        return _NAMES["," if points else "."] if _GROUPS[mark].fullmatch(body) else None
    whole, _, rest = body.partition(mark)
    is_open = len(rest) == 3 and 1 <= len(whole) <= 3 and whole[0] != "0"
    if is_open:
        return "point?" if points else "comma?"
    return _NAMES[mark]


_NAMES: dict[str, Evidence] = {"": "", ".": "point", ",": "comma"}
