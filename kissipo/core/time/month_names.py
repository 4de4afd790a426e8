"""Names of months in several languages, in full and short.

Example:  >>> month_number("März"), month_number("sept."), month_number("июля")
          (3, 9, 7)
          >>> month_number("mayhem") is None
          True
"""

import re

_NAMES = (
    "january jan januar januari jänner janvier janv enero ene gennaio gen janeiro января stycznia",
    "february feb februar februari février fevrier févr fevr fév fev febrero febbraio fevereiro"
    " февраля lutego",
    "march mar märz maerz mär mrz mars marzo março marco maart mrt марта marca",
    "april apr avril avr abril abr aprile апреля kwietnia",
    "may mai mayo maggio mag maio mei maj мая maja",
    "june jun juni juin junio giugno giu junho июня czerwca",
    "july jul juli juillet juil julio luglio lug julho июля lipca",
    "august aug août aout agosto ago augustus augusti августа sierpnia",
    "september sep sept septembre septiembre setiembre settembre set setembro сентября września",
    "october oct oktober okt octobre octubre ottobre ott outubro out октября października",
    "november nov novembre noviembre novembro ноября listopada",
    "december dec dezember dez décembre déc decembre diciembre dic dicembre dezembro декабря"
    " grudnia",
)
_NUMBERS = {name: number for number, names in enumerate(_NAMES, 1) for name in names.split()}
PATTERN = "|".join(sorted(_NUMBERS, key=len, reverse=True))


def month_number(name: str) -> int | None:
    """Returns the number of a month, or None for another word."""
    return _NUMBERS.get(re.sub(r"\.$", "", name.strip().lower()))
