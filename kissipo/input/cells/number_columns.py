"""Columns of texts that are numbers: the notation is decided per file, from all cells.

A column is one of numbers where nine tenths of its cells are. Its own cells decide
its decimal separator (`7,5` has a decimal comma, `1,234.5` a decimal point). Where
they leave it open (`1,234` in every cell), the other columns of the file decide; where
these do, too, the file is refused, with both readings. A mark such as % or kg is left
out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kissipo.core.finding import Finding, counted, first_rows, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.text import list_some
from kissipo.input.cells.code_cells import has_codes, stray_codes
from kissipo.input.cells.money import SCALED, has_currency, is_currency, plain_mark, short_power
from kissipo.input.cells.number_texts import (
    NumberText,
    is_known_mark,
    split_number,
    value,
)
from kissipo.input.cells.odd_texts import odd_texts
from kissipo.input.cells.sixties import RESULTS, all_sixties, split_sixties

_DIGITS = r"-?\d[\d.,]*(?:e[-+]?\d+)?"
_NEARLY = re.compile(
    rf"(?:(?:[<>]=?|[~≈≤≥±]|ca\.?|approx\.?|about|=\"|') ?{_DIGITS}[\"']?"
    rf"|{_DIGITS} ?(?:±|\+/-|\+-) ?{_DIGITS}|\d+ \d+/\d+|\d+ ?['′’] ?\d*(?: ?(?:\"|″|''))?"
    rf"|0x[0-9a-f]+|{_DIGITS} (?:Mio|Mrd|Tsd|million|billion|thousand)\.?(?: ?[^\W\d]+| ?[€$£])?)",
    re.IGNORECASE,
)
_BODY = re.compile(r"\d(?:[\d.,' ]*\d)?")
_PARTED = re.compile(r"(?<![\d.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+[.,]\d+)(?![\d.,])")
_VERSION = re.compile(r"[^\W\d_]*[.-]?#")
_FEW_FORMS = 3
ODD_SHARE = 0.1
_SAMPLE = 200
_MAX_ODD = 1000
_FEW_TEXTS = 5
_MANY_TEXTS = 10_000
_MISSING = (
    "unknown none missing - -- --- – — . .. ... * ** n.a. n.a n/k nd n.d. nil void undefined"
    " blank (blank) (null) empty unbekannt k.a. inconnu desconocido nieznane s/d tbd tba"
    " 未知 无 無 不详 不詳 缺失 неизвестно #value! #ref! #div/0! #num! #name?"
)
MISSING_WORDS = frozenset(_MISSING.split()) | {
    "not available",
    "not known",
    "not applicable",
    "no data",
    "keine angabe",
    "нет данных",
}


@dataclass(frozen=True)
class CellOptions:
    """What a person says about the cells of a table; None is decided from the cells.

    units:           the mark of the numbers, by column
    missing_values:  further texts that mean a missing value
    numbers, texts:  columns that a person names as numbers, and as something else
    not_missing:     columns in which NA and the like are values
    """

    decimal: str | None = None
    thousands: str | None = None
    units: tuple[tuple[str, str], ...] = ()
    missing_values: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    not_missing: frozenset[str] = frozenset()

    @property
    def prior(self) -> str | None:
        """The decimal separator that the options say."""
        if self.decimal is not None:
            return self.decimal
        return {",": ".", "'": ".", ".": ","}.get(self.thousands or "")


PLAIN_CELLS = CellOptions()


class TypedCells(NamedTuple):
    """A frame with its numbers, the findings, and the options that were decided."""

    frame: Frame
    findings: list[Finding]
    inferred: list[InferredOption]


@dataclass(frozen=True)
class NumberTexts:
    """The distinct texts of a column, as numbers where they are.

    counts:   rows per text
    mark:     the mark of most cells, or ''
    """

    column: Column
    parts: tuple[NumberText | None, ...]
    counts: NDArray[np.int64]
    mark: str = ""
    words: frozenset[str] = field(default_factory=frozenset)

    def rows(self, *evidence: str) -> int:
        """Returns the number of rows whose texts show one of these notations."""
        return sum(
            int(count)
            for part, count in zip(self.parts, self.counts, strict=True)
            if part is not None and part.evidence in evidence
        )


def type_cells(
    frame: Frame,
    options: CellOptions,
    *,
    separator: str = "",
    plain: Mapping[str, Sequence[str]] | None = None,
    numbers: Mapping[str, NumberTexts] | None = None,
) -> TypedCells:
    """Returns the frame with numbers in place of texts that are numbers.

    separator:  the character between the cells of the file, if there is one
    plain:      some cells of the columns that were read as plain numbers
    numbers:    the result of `find_numbers`, if it is known
    """
    number_columns = find_numbers(frame, options) if numbers is None else numbers
    decimal = _decide_decimal(number_columns.values(), options, plain or {})
    findings: list[Finding] = []
    columns = [
        _converted(number_columns[column.name], decimal, options, separator, frame, findings)
        if column.name in number_columns
        else without_declared(column, options)
        for column in frame.columns
    ]
    for column in frame.columns:
        named = column.name in options.texts | options.numbers
        if column.kind == "string" and not named and _may_be_numbers(column):
            findings += stray_codes(column, frame)
    for column in columns:
        if column.kind == "string" and column.name not in options.texts:
            findings += _unread(column, frame) or _nearly_numbers(column) or odd_texts(column)
    plain = plain or {}
    if decimal is None:
        findings += _two_notations(number_columns, plain)
        findings += _open_points(plain.items()) if separator == ";" else []
    inferred = _inferred(list(number_columns.values()), decimal, options)
    return TypedCells(replace(frame, columns=tuple(columns)), findings, inferred)


def has_open_points(cells: Iterable[str]) -> bool:
    """Whether the points of plain numbers may separate thousands: 12.345 beside 980."""
    is_open = False
    for part in map(split_number, cells):
        evidence = "" if part is None else part.evidence
        if evidence == "point":
            return False
        is_open |= evidence == "point?"
    return is_open


def texts_decimal(numbers: Mapping[str, NumberTexts], options: CellOptions) -> str | None:
    """Returns the decimal separator of the file that its columns of texts show."""
    return _decide_decimal(numbers.values(), options, {})


def find_numbers(frame: Frame, options: CellOptions) -> dict[str, NumberTexts]:
    """Returns the columns of texts that are numbers."""
    return {
        column.name: numbers
        for column in frame.columns
        if column.kind == "string"
        and column.name not in options.texts
        and (numbers := _numbers_of(column, options)) is not None
    }


def _decide_decimal(
    columns: Iterable[NumberTexts], options: CellOptions, plain: Mapping[str, Sequence[str]]
) -> str | None:
    """Returns the decimal separator of the file; None where its cells do not agree, or
    leave it open."""
    if options.prior is not None:
        return options.prior
    votes = {_own_decimal(column) for column in columns} | {
        "." for cells in plain.values() if _shows_point(cells)
    }
    votes -= {None}
    return votes.pop() if len(votes) == 1 else None


def _numbers_of(column: Column, options: CellOptions) -> NumberTexts | None:
    """Returns the numbers of a column, or None for a column of texts."""
    texts = column.categories
    forced = column.name in options.numbers
    if not forced and not _may_be_numbers(column):
        return None
    counts = column.code_counts()
    parts = all_sixties(texts, MISSING_WORDS | set(options.missing_values))
    parts = parts or tuple(map(split_number, texts))
    if not any(parts) or (not forced and has_codes(texts, counts)):
        return None
    words = frozenset(
        text
        for text, part in zip(texts, parts, strict=True)
        if part is None and _is_missing_word(text, options)
    )
    mark = plain_mark(dict(options.units).get(column.name, ""))
    if mark == SCALED or (not mark and _have_scales(parts)):
        parts, mark = tuple(map(scaled, parts)), SCALED
    mark = mark or _common_mark(parts, counts)
    fits = np.array([part is not None and part.mark in ("", mark) for part in parts])
    present = np.array([text not in words for text in texts])
    numbers = NumberTexts(column, parts, counts, mark, words)
    if forced:
        return numbers
    has_unit = np.array([part is not None and is_known_mark(part.mark) for part in parts])
    enough = counts[fits | has_unit].sum() >= (1 - ODD_SHARE) * max(1, counts[present].sum())
    if not enough or counts[fits | has_unit].sum() < 0.5 * counts.sum() or _is_phone(parts):
        return None
    return numbers


def _may_be_numbers(column: Column) -> bool:
    """Whether a column has few texts, or half of its most frequent ones are numbers."""
    sample = column.frequent_texts
    if len(column.categories) <= _SAMPLE or not sample:
        return True
    return 2 * sum(split_number(text) is not None for text in sample) >= len(sample) or bool(
        split_sixties(sample[0])
    )


def _have_scales(parts: Iterable[NumberText | None]) -> bool:
    """Whether numbers have letters of different size, as 950, 1.2K and 3M. K alone may
    be a temperature."""
    units = {part.mark for part in parts if part is not None}
    letters = units - {""}
    return (
        len(units) > 1
        and letters != {"K"}
        and letters != {"B"}
        and all(short_power(mark) for mark in letters)
    )


def scaled(part: NumberText | None) -> NumberText | None:
    """Returns a number such as 1.2K as 1.2e3."""
    power = None if part is None else short_power(part.mark)
    if part is None or power is None or "e" in part.digits.lower():
        return part
    digits = part.digits + (f"e{power}" if power else "")
    return part._replace(digits=digits, mark=SCALED, scale=power)


def _is_missing_word(text: str, options: CellOptions) -> bool:
    text = text.strip()
    if text in options.missing_values or text.lower() in MISSING_WORDS:
        return True
    inner = text.rstrip(" -–—")  # $ - is nothing, or zero
    return inner != text and is_currency(inner)


def _common_mark(parts: Sequence[NumberText | None], counts: NDArray[np.int64]) -> str:
    """Returns the mark of at least half of the numbers, or ''."""
    rows: Counter[str] = Counter()
    for part, count in zip(parts, counts.tolist(), strict=True):
        if part is not None:
            rows[part.mark] += count
    mark, count = rows.most_common(1)[0]
    return mark if mark and 2 * count >= rows.total() else ""


def _is_phone(parts: Sequence[NumberText | None]) -> bool:
    """Whether all numbers have as many digits, in groups, and nothing else."""
    bodies = [part.digits for part in parts if part is not None]
    lengths = {sum(map(str.isdigit, body)) for body in bodies}
    grouped = all(body.count(" ") + body.count(".") >= 2 for body in bodies)
    return grouped and len(bodies) > 1 and len(lengths) == 1 and min(lengths) >= 9


def _own_decimal(numbers: NumberTexts) -> str | None:
    """Returns the decimal separator that the cells of a column show, if they do."""
    points, commas = numbers.rows("point"), numbers.rows("comma")
    if not points and not commas:
        return None
    return "." if points >= commas else ","


def _converted(
    numbers: NumberTexts,
    decimal: str | None,
    options: CellOptions,
    separator: str,
    frame: Frame,
    findings: list[Finding],
) -> Column:
    """Returns a column of numbers; it reports what cannot be read."""
    column = numbers.column
    own = _own_decimal(numbers) or decimal
    if own is None:
        if numbers.rows("comma?") > ODD_SHARE * numbers.counts.sum():
            findings.append(_ambiguous(column.name, column.categories, ","))
        elif separator == ";":
            findings += _open_points([(column.name, column.categories)])
        own = "."
        if numbers.rows("comma?"):
            numbers = _without(numbers, "comma?")
    table = np.full(len(column.categories) + 1, np.nan)
    wrong: list[int] = []
    units: Counter[str] = Counter()
    for code, (text, part) in enumerate(zip(column.categories, numbers.parts, strict=True)):
        if text in numbers.words:
            continue
        try:
            if part is None or part.mark not in ("", numbers.mark):
                raise ValueError(text)
            table[code] = value(part, own)
        except ValueError:
            wrong.append(code)
            if part is not None:
                units[part.mark] += int(numbers.counts[code])
    values = table[column.values]
    if options.missing_values:
        values[np.isin(values, declared_numbers(options.missing_values))] = np.nan
    findings += _missing_words(numbers, frame, options)
    findings += _other_units(numbers, units, frame)
    rows = np.flatnonzero(np.isin(column.values, wrong))
    odd = tuple(
        (int(frame.rows[row]), column.categories[column.values[row]])
        for row in rows[:_MAX_ODD].tolist()
    )
    return Column(column.name, "number", values, odd=odd, odd_count=len(rows), unit=numbers.mark)


def _without(numbers: NumberTexts, evidence: str) -> NumberTexts:
    """Returns the numbers without the texts of a notation, which are not read."""
    parts = (part if part is None or part.evidence != evidence else None for part in numbers.parts)
    return replace(numbers, parts=tuple(parts))


def declared_numbers(texts: Iterable[str]) -> list[float]:
    """Returns the declared missing values that are numbers."""
    parts = (split_number(text) for text in texts)
    return [value(part, ".") for part in parts if part is not None and part.evidence != "comma"]


def without_declared(column: Column, options: CellOptions) -> Column:
    """Returns a column in which the declared missing values are missing."""
    if not options.missing_values or column.kind not in ("number", "string"):
        return column
    if column.kind == "number":
        declared = np.isin(column.values, declared_numbers(options.missing_values))
        odd = tuple(cell for cell in column.odd if cell[1].strip() not in options.missing_values)
        return replace(
            column,
            values=np.where(declared, np.nan, column.values),
            odd=odd,
            odd_count=column.odd_count - len(column.odd) + len(odd),
        )
    codes = [
        code
        for code, text in enumerate(column.categories)
        if text.strip() in options.missing_values
    ]
    values = np.where(np.isin(column.values, codes), -1, column.values).astype(np.int32)
    return replace(column, values=values)


def _ambiguous(name: str, cells: Iterable[str], mark: str) -> Finding:
    """Reports numbers that can be read in two ways: commas are refused, points are
    decimal points."""
    text, part = next(
        (text, part)
        for text in cells
        if (part := split_number(text)) is not None and part.evidence in ("point?", "comma?")
    )
    thousands, decimal = (
        f"{value(part, which):.12g}" for which in ("," if mark == "." else ".", mark)
    )
    message = (
        f"'{text}' in '{name}' is {thousands} or {decimal}: "
        f"no cell of the file shows whether '{mark}' separates thousands or decimals"
    )
    if mark == ",":
        action = f"set input.thousands=, (it is {thousands}) or input.decimal=, (it is {decimal})"
        return Finding("FAIL", "number notation", message, action)
    action = f"read as {decimal}; set input.thousands=. if it is {thousands}"
    return Finding("WARN", "number notation", message, action)


def _open_points(columns: Iterable[tuple[str, Sequence[str]]]) -> list[Finding]:
    """Reports columns whose points may separate thousands."""
    return [
        _ambiguous(name, cells, ".")
        for name, cells in columns
        if has_open_points(cells) and len({cell for cell in cells if "." in cell}) >= _FEW_TEXTS
    ]


def _two_notations(
    number_columns: Mapping[str, NumberTexts], plain: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """Reports a file with decimal commas in some columns and points in others."""
    commas = [name for name, numbers in number_columns.items() if _own_decimal(numbers) == ","]
    points = [name for name, numbers in number_columns.items() if _own_decimal(numbers) == "."]
    points += [name for name, cells in plain.items() if _shows_point(cells)]
    if not commas or not points:
        return []
    return [
        Finding(
            "WARN",
            "number notation",
            f"{list_some(commas, 4)} {'has' if len(commas) == 1 else 'have'} decimal commas, "
            f"{list_some(points, 4)} decimal points",
            "each column is read as its own cells show",
        )
    ]


def _shows_point(cells: Sequence[str]) -> bool:
    """Whether plain numbers have a decimal point for certain."""
    return any("." in cell for cell in cells) and not has_open_points(cells)


def _missing_words(numbers: NumberTexts, frame: Frame, options: CellOptions) -> list[Finding]:
    """Reports words such as 'unknown' among numbers, unless they are declared."""
    column = numbers.column
    words = [text for text in numbers.words if text.strip() not in options.missing_values]
    if not words:
        return []
    words.sort()
    codes = [column.categories.index(text) for text in words]
    rows = frame.rows[np.isin(column.values, codes)]
    if not len(rows):
        return []
    listed = list_some([f"'{text}'" for text in words], 5)
    return [
        Finding(
            "WARN",
            "missing values in words",
            f"{listed} among the numbers of '{column.name}' "
            f"({counted(len(rows), 'cell')}: {format_rows(rows)})",
            "read as missing values; confirm it with "
            f"input.missing_values=[{', '.join(words)}], or read the column as classes with "
            f"input.categorical=[{column.name}]",
            first_rows(rows),
        )
    ]


def _other_units(numbers: NumberTexts, units: Counter[str], frame: Frame) -> list[Finding]:
    """Refuses numbers with several units, and reports cells without the unit."""
    column = numbers.column
    own = f"'{numbers.mark}'" if numbers.mark else "none"
    others = [mark for mark in units if mark and mark != numbers.mark]
    if others:
        listed = list_some([f"'{mark}' in {units[mark]}" for mark in others], 5)
        return [
            Finding(
                "FAIL",
                "units",
                f"the numbers of '{column.name}' have different marks: "
                f"{own} in most cells, {listed}",
                "write all numbers in one unit, or read the column as classes with "
                f"input.categorical=[{column.name}]",
            )
        ]
    if not numbers.mark:
        return []
    bare = [
        code
        for code, part in enumerate(numbers.parts)
        if part is not None and not part.mark and part.digits.strip("-0.,")
    ]
    rows = frame.rows[np.isin(column.values, bare)] if bare else frame.rows[:0]
    if not len(rows):
        return []
    return [
        Finding(
            "WARN",
            "units",
            f"{counted(len(rows), 'number')} of '{column.name}' "
            f"({format_rows(rows)}) lack the mark {own} of the others",
            "read as if they had it",
            first_rows(rows),
        )
    ]


def _unread(column: Column, frame: Frame) -> list[Finding]:
    """Reports a column of texts of which most cells are numbers, beside a few words."""
    if len(column.categories) > _MANY_TEXTS:
        return []
    counts = column.counts()
    words = list(islice((text for text in counts if split_number(text) is None), _FEW_TEXTS + 1))
    total = sum(counts.values())
    wordy = sum(counts[text] for text in words)
    if (
        not 0 < len(words) <= _FEW_TEXTS
        or 2 * wordy > total
        or len(counts) - len(words) < 2 * _FEW_TEXTS
    ):
        return []
    listed = list_some([f"'{text}'" for text in words], 5)
    return [
        Finding(
            "WARN",
            "numbers among texts",
            f"'{column.name}' has numbers in {total - wordy} of {total} cells, "
            f"and {listed} in the others",
            "read as texts; to read it as numbers, say which texts mean a missing value: "
            f"input.missing_values=[{', '.join(words)}]",
        )
    ]


def _nearly_numbers(column: Column) -> list[Finding]:
    """Reports texts that are numbers but for a sign or a second number: ~64, <0.5,
    5 ± 0.1, ="064", 27 1/2, 5'4"."""
    sample = column.frequent_texts
    plain = [text for text in sample if split_number(text) is not None]
    nearly = [text for text in sample if text not in plain and _NEARLY.fullmatch(text.strip())]
    nearly = nearly or _beside_words(sample)
    if len(nearly) < _FEW_TEXTS or len(plain) + len(nearly) < (1 - ODD_SHARE) * len(sample):
        return []
    listed = list_some([f"'{text}'" for text in nearly], 3)
    message = f"'{column.name}' has numbers with something beside them: {listed}"
    action = "read as texts; write the numbers alone to read them as numbers"
    return [Finding("WARN", "numbers among texts", message, action)]


def _beside_words(sample: Sequence[str]) -> list[str]:
    """Returns the texts with an amount beside the same few words, as $5 per night."""
    forms = [_BODY.sub("#", text) for text in sample]
    usual = {
        form: has_currency(form)
        for form, _ in Counter(forms).most_common(_FEW_FORMS)
        if not _VERSION.fullmatch(form) and (has_currency(form) or form.count("#") == 1)
    }
    return [
        text
        for text, form in zip(sample, forms, strict=True)
        if form in usual and (usual[form] or _PARTED.search(text) is not None)
    ]


def _inferred(
    read: Sequence[NumberTexts], decimal: str | None, options: CellOptions
) -> list[InferredOption]:
    """Returns the options that were decided, with the cells that show them."""
    inferred = []
    if decimal == "," and options.decimal is None:
        inferred.append(InferredOption("input.decimal", ",", _examples(read, ",")))
    group = _thousands(read, decimal)
    if group and options.thousands is None:
        inferred.append(InferredOption("input.thousands", group, _examples(read, decimal or ".")))
    return inferred + _units(read, options)


def _thousands(read: Sequence[NumberTexts], decimal: str | None) -> str:
    """Returns the separator of thousands that occurs in the file, or ''."""
    separators = " '" + {",": ".", ".": ","}.get(decimal or "", "")
    digits = "".join(part.digits for numbers in read for part in numbers.parts if part)
    return next((mark for mark in reversed(separators) if mark in digits), "")


def _examples(read: Sequence[NumberTexts], decimal: str) -> str:
    """Returns up to three cells with the numbers that they are."""
    examples = []
    for numbers in read:
        best = max(
            (
                (text, part)
                for text, part in zip(numbers.column.categories, numbers.parts, strict=True)
                if part is not None and set(part.digits) & set(",.' ")
            ),
            key=lambda pair: len(set(pair[1].digits) & set(",.' ")),
            default=None,
        )
        if best is not None:
            try:
                number = f"{value(best[1], _own_decimal(numbers) or decimal):.12g}"
            except ValueError:
                continue
            examples.append(f"{numbers.column.name}: '{best[0]}' is {number}")
    return list_some(examples, 3, separator="; ")


def _units(read: Sequence[NumberTexts], options: CellOptions) -> list[InferredOption]:
    """Returns the marks of the columns that have one, as one option."""
    options_units = dict(options.units)
    units = {
        numbers.column.name: numbers.mark
        for numbers in read
        if numbers.mark and numbers.column.name not in options_units
    }
    if not units:
        return []
    examples = [_example_of_mark(numbers) for numbers in read if numbers.column.name in units]
    return [
        InferredOption(
            "input.number_units", {**options_units, **units}, list_some(examples, 4, separator="; ")
        )
    ]


def _example_of_mark(numbers: NumberTexts) -> str:
    """Returns the first cell with the mark of a column, and how it is read."""
    cells = [
        (text, part)
        for text, part in zip(numbers.column.categories, numbers.parts, strict=True)
        if part is not None and part.mark == numbers.mark
    ]
    text, part = next((cell for cell in cells if cell[1].digits.strip("0")), cells[0])
    text, part = next((cell for cell in cells if cell[1].scale), (text, part))
    is_what = f"a number with the mark {numbers.mark}"
    if part.scale:
        is_what = f"{value(part, _own_decimal(numbers) or '.'):.12g} with the mark {numbers.mark}"
    if numbers.mark in RESULTS:
        is_what = f"{value(part, '.'):.9g} {RESULTS[numbers.mark]}"
    return f"{numbers.column.name}: '{text}' is {is_what}"
