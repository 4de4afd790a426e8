"""Names of columns that are parts of the time, in several languages, and their values.

Example:  >>> [time_part(name) for name in ("Jahr", "obs_month", "Hour (UTC)", "x")]
          ['year', 'month', 'hour', '']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.core.frame import Column
from kissipo.core.time.month_names import month_number

_NAMES = {
    "year": "year yr yyyy yy jahr annee an ano anno rok jaar ar aar god год года vuosi yil tahun"
    " ev iyear 年 年份 연도 년",
    "quarter": "quarter qtr qrtr quartal trimestre trimester kwartal kwartaal ctvrtleti квартал"
    " 季度",
    "month": "month mo mon mm mnth mth monat mois mes mese maand maned manad mesic miesiac месяц"
    " kuukausi ay bulan honap imonth 月 月份 월",
    "week": "week wk isoweek weekofyear weekyear woche kw kalenderwoche semaine semana settimana"
    " tydzien tyden uge vecka epiweek неделя 周 週",
    "dayofyear": "dayofyear dayyear doy yday yearday julianday julian jday jd daynum ddd jahrestag",
    "day": "day dd dy dayofmonth daymonth mday tag jour dia giorno den dzien dag день gun hari"
    " paiva nap iday 日 일",
    "hour": "hour hr hrs hh stunde heure hora ora uur timme hodina godzina час saat jam"
    " tunti ihour hourofday hourday hourending hourend hrending endhour he 时 時 小时 시",
    "minute": "minute min mi mn minutes minuten minuto minuta minuut minut минута 分 분",
    "second": "second sec ss seconds sekunde segundo secondo seconde секунда 秒 초",
    "hhmm": "hhmm hrmn hrmin hourmin hourminute",
    "clock": "time starttime begintime from von ab horainicio heuredebut clock"
    " timeofday uhrzeit uhr zeit heures orario horario godz tid tijd 时间 時間",
    "period": "period halfhour quarterhour interval settlementperiod tradingperiod",
    "weekday": "weekday dayofweek dayweek dow wday wochentag 星期",
    "date": "date datum fecha data dato datetag 日期 дата",
}
_PARTS = {name: part for part, names in _NAMES.items() for name in names.split()}
_LETTERS = {"y": "year", "m": "month", "d": "day", "h": "hour", "s": "second"}
_NEUTRAL_WORDS = (
    "obs observation observed local lst utc gmt cet time date tm start begin sample sampling"
    " measurement measured meas record dt ts no nr num number index of the in calendar cal"
    " settlement trading"
)
_NEUTRAL = frozenset(_NEUTRAL_WORDS.split())
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+")
_PREFIX = re.compile(r"[^\W\d]*\W?(\d{1,2})\W?[^\W\d]*")


def time_part(name: str) -> str:
    """Returns the part of the time that a name says: year, month, hour ...; else ''."""
    return _part_and_exactness(name)[0]


def parts_of(names: Sequence[str]) -> dict[str, str]:
    """Returns the column of each part of the time, by the names of the columns.

    A name that says nothing else wins. MM is the month and a later mm the minute. The
    letters Y, M, D, H are parts where all of year, month and day are letters.
    """
    columns: dict[str, str] = {}
    vague: dict[str, str] = {}
    for name in names:
        part, is_exact = _part_and_exactness(name)
        if part == "month" and _plain(name) == "mm" and "mm" in map(_plain, columns.values()):
            part = "minute"
        if part:
            (columns if is_exact else vague)[part] = name
    columns = {**vague, **columns}
    letters = [name for name in names if _plain(name) in _LETTERS]
    if {"y", "m", "d"} <= set(map(_plain, letters)):
        by_letter: dict[str, str] = {}
        for name in letters:
            part = _LETTERS[_plain(name)]
            by_letter.setdefault("minute" if part in by_letter else part, name)
        columns = {**columns, **by_letter}
    return columns


def parts_without_year(names: Sequence[str]) -> list[str]:
    """Returns the columns of month, day and hour where there is no year."""
    columns = parts_of(names)
    if "year" in columns or "month" not in columns or "day" not in columns:
        return []
    return [columns[part] for part in ("month", "day", "hour", "minute") if part in columns]


def part_values(part: str, column: Column) -> NDArray[np.float64] | None:
    """Returns the numbers of a part of the time, also of names of months, Q1 or KW07;
    None for other values."""
    if column.missing.any() or not len(column):
        return None
    if column.kind == "number":
        return np.asarray(column.values, dtype=np.float64)
    if column.kind != "string":
        return None
    values = np.array([_cell(part, text) for text in column.categories])[column.values]
    return None if np.isnan(values).any() else values


def _part_and_exactness(name: str) -> tuple[str, bool]:
    words = _words(name)
    exact = _PARTS.get("".join(words), "")
    if exact:
        return exact, True
    rest = "".join(word for word in words if word not in _NEUTRAL)
    return _PARTS.get(rest, ""), False


def _words(name: str) -> list[str]:
    """Splits a name into words in lower case, without accents, without a note in
    parentheses."""
    name = re.sub(r"[(\[].*?[)\]]", " ", name)
    letters = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    plain = unicodedata.normalize("NFC", plain.replace("ł", "l").replace("ı", "i"))
    return [word.lower() for word in _WORD.findall(plain)]


def _plain(name: str) -> str:
    return "".join(_words(name))


def _cell(part: str, text: str) -> float:
    text = text.strip().lower()
    if part == "month" and (month := month_number(text)) is not None:
        return float(month)
    if text.isdigit():
        return float(text)
    match = _PREFIX.fullmatch(text) if part in ("quarter", "week", "month", "hour") else None
    return float(match[1]) if match and not text.endswith("m") else float("nan")
