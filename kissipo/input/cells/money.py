"""Currencies and large amounts in cells: US$ 5, 5 EUR, $1.2M, 3,5 Mio. €, ₹ 2 crore.

Example:  >>> power_of("Mio."), power_of("crore"), power_of("kg")
          (6, 7, None)
          >>> plain_mark("US $"), plain_mark("usd"), plain_mark("kg")
          ('US$', 'USD', 'kg')
"""

import re

_CODE_TEXT = (
    "USD EUR GBP JPY CNY RMB CHF INR AUD CAD SEK NOK DKK PLN CZK HUF RUB TRY BRL MXN ZAR KRW SGD"
    " HKD NZD THB VND IDR MYR PHP UAH RON BGN ILS AED SAR TWD ARS CLP COP PEN EGP NGN KES PKR BDT"
)
_NAME_TEXT = (
    "Rs. Rs kr. kr Fr. Fr zł Kč Kčs Ft руб. руб р. 元 円 圓 원 lei Lei Lt Rp. Rp RM TL Php Euro S/."
    " S/ R"
)
_USUAL = ("USD", "EUR", "GBP", "CHF", "INR", "CNY", "JPY")  # in small letters, too
_CODES, _NAMES = _CODE_TEXT.split(), _NAME_TEXT.split()
_SYMBOL = "[$¢£¤¥֏؋৳฿៛\u20a0-\u20c0﷼]"
CURRENCIES = frozenset([*_CODES, *_NAMES])
MARK = "|".join(
    [
        rf"(?:[A-Z]{{1,3}} ?)?{_SYMBOL}",
        rf"{_SYMBOL}[A-Z]{{2}}",
        "|".join(_CODES),
        rf"(?i:{'|'.join(_USUAL)})",
        *(re.escape(name) for name in sorted(_NAMES, key=len, reverse=True)),
    ]
)
_POWERS = {
    3: "k thousand tsd",
    4: "万 萬 만",
    5: "lakh lakhs lac",
    6: "m mm mn mio mln million millions",
    7: "cr crore crores",
    8: "亿 億 억",
    9: "b bn bln mrd mld billion billions",
    12: "tn trillion trillions",
}
_SCALES = {word: power for power, words in _POWERS.items() for word in words.split()}
SCALE = rf"(?i:{'|'.join(sorted(_SCALES, key=len, reverse=True))})\.?"
SCALED = "K=1000"  # the mark of a column of 950, 1.2K and 3M
_SHORT_SCALES = {"k": 3, "K": 3, "M": 6, "B": 9}
_SIGN = rf"(?:[A-Z]{{1,3}} ?)?{_SYMBOL}|[元円圓원]"
SCALED_MARK = (
    rf"(?P<scale>{SCALE}) ?(?P<symbol>{_SIGN})"
    rf"|(?P<letter>[kKmM])(?P<code>{'|'.join(_CODES)})"
    rf"|(?P<word>{SCALE}) (?P<name>{MARK})"
)
_LETTERS = {"R", "RM", "TL"}
_WITHOUT_CENTS = {"¥", "円", "₩", "원", "₫", "JPY", "KRW", "VND", "IDR", "Rp", "Rp."}


def power_of(scale: str) -> int | None:
    """Returns the power of ten that a word such as Mio. stands for, None for others."""
    return _SCALES.get(scale.lower().rstrip("."))


def short_power(mark: str) -> int | None:
    """Returns the power of ten of a letter behind a number, as in 1.2K; 0 for none."""
    return _SHORT_SCALES.get(mark) if mark else 0


def is_currency(mark: str) -> bool:
    """Whether a mark is a currency."""
    return mark in CURRENCIES or bool(re.fullmatch(MARK, mark))


def has_currency(text: str) -> bool:
    """Whether the sign of a currency stands in a text."""
    return re.search(_SYMBOL, text) is not None


def plain_mark(mark: str) -> str:
    """Returns a mark without blanks, and a usual code in capital letters."""
    mark = mark.replace(" ", "") if has_currency(mark) else mark
    return mark.upper() if mark.upper() in _USUAL else mark


def needs_separator(mark: str) -> bool:
    """Whether a mark before a number is also a usual beginning of a code: R5, RM12."""
    return mark in _LETTERS


def has_no_cents(mark: str) -> bool:
    """Whether amounts of a currency have no decimals: a separator in ¥1,234 parts
    thousands."""
    return mark in _WITHOUT_CENTS
