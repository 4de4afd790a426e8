"""Baskets: sets of items that occur together, such as those of one purchase.

    line: item     a row per item, with the name of its basket     42,bread
    line: basket   a line per basket, with a separator             bread,butter,salt

Lines with different numbers of items are baskets; a file whose lines have all the same
number of cells is a table of rows. Items are counted once per basket.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, counted, first_rows
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.input.datasets import find_data
from kissipo.input.formats.files import existing, open_text
from kissipo.input.formats.split_tables import reading_of
from kissipo.input.formats.tables import FileWords
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

if TYPE_CHECKING:
    from kissipo.input.question import Question

BASKET, ITEMS, SEPARATOR = "basket", "items", "|"
_SEPARATORS = (",", ";", "\t", "|")
_BASKET_NAMES = (
    *("basket", "transaction", "order", "invoice", "purchase", "cart", "session"),
    *("user", "customer", "id"),
)
_ITEM_NAMES = ("item", "items", "product", "article", "film", "title", "name", "description")
_LOOKED_AT = 200  # lines


@dataclass(frozen=True)
class Options(FileWords):
    """Options of baskets."""

    line: Literal["item", "basket"] | None = option(
        None, "what a line of the file is: an item with the name of its basket, or a whole basket"
    )
    basket: str | None = option(None, "column that names the basket of a row")
    item: str | None = option(None, "column that names the item of a row")
    rating: str | None = option(None, "column of ratings, of which input.min_rating is needed")
    min_rating: float | None = option(None, "rows with a smaller rating are left out")


class Baskets(Source[Options]):
    """Sets of items."""

    builder = "baskets"
    answers = ("rules",)
    order = 3
    formats = ""

    def read(self, value: object, options: Options) -> Reading:
        """Returns one row per basket: its name, and its items as a text.

        Raises:   DataError for data without items; TaskError for options that do
                  not fit.
        """
        line, inferred = options.line, []
        if line is None:
            line, reason = _line(value, options)
            inferred.append(InferredOption("input.line", line, reason))
        is_basket = line == "basket"
        reading = (
            _read_lines(Path(str(value)), options) if is_basket else _read_rows(value, options)
        )
        return replace(
            reading, inferred_options=(*inferred, *reading.inferred_options), answer=ITEMS
        )

    def infer(self, question: Question) -> Task | None:
        """Takes data for which rules are asked, or whose column of baskets is named."""
        if question.answer != "rules" and (question.answer or "basket" not in question.words):
            return None
        return question.task({"baskets": question.value}, "rules")

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns the baskets: each value is a list of items, or a text with | between
        them; a file has the layout of the training data."""
        if len(values) == 1 and isinstance(values[0], Path):
            return self.read(str(values[0]), options).frame
        texts = []
        for value in values:
            if isinstance(value, str):
                texts.append(value)
            elif isinstance(value, Iterable):
                texts.append(SEPARATOR.join(map(str, value)))
            else:
                raise TaskError("a basket is a list of items", got=repr(value)[:60])
        return Frame((strings(ITEMS, texts),), origin="the input")

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns how baskets are given."""
        names = codecs[0].spec.labels[:2] or ("a", "b")
        return f'Give baskets: kissipo predict RUN "{SEPARATOR.join(names)}"'


def _line(value: object, options: Options) -> tuple[Literal["item", "basket"], str]:
    """Returns what a line of the data is, and the reason."""
    named = [name for name in ("basket", "item", "rating") if vars(options)[name] is not None]
    if named:
        return "item", f"input.{named[0]} names a column"
    if not isinstance(value, str | Path) or find_data(str(value), "table") is not None:
        return "item", "the data are a table"
    with open_text(existing(Path(str(value))), options.encoding) as file:
        lines = [line for _, line in zip(range(_LOOKED_AT), file, strict=False) if line.strip()]
    mark = _separator(lines, options)
    counts = {line.count(mark) for line in lines}
    if len(counts) > 1:
        return "basket", "the lines have different numbers of items"
    return "item", f"every line has {next(iter(counts), 0) + 1} cells"


def _separator(lines: Sequence[str], options: Options) -> str:
    """Returns the separator that most lines have."""
    uses = {mark: sum(mark in line for line in lines) for mark in _SEPARATORS}
    return options.separator or max(uses, key=lambda mark: uses[mark])


def _read_lines(path: Path, options: Options) -> Reading:
    for name in ("basket", "item", "rating", "min_rating"):
        if vars(options)[name] is not None:
            raise TaskError(
                f"input.{name} is for lines with one item, and input.line is basket",
                do="Leave one of them out",
            )
    with open_text(existing(path), options.encoding) as file:
        lines = [line.strip() for line in file]
    mark = _separator(lines[:_LOOKED_AT], options)
    sets = [_different(line.split(mark)) for line in lines]
    filled = [number for number, items in enumerate(sets) if items]
    if not filled:
        raise DataError(f"{path} is empty", allowed="one line per basket, with its items")
    findings = []
    if len(filled) < len(sets):
        message = f"{counted(len(sets) - len(filled), 'line')} without an item"
        findings.append(Finding("WARN", "empty baskets", message, "left out"))
    names = [f"line {number + 1}" for number in filled]
    return _reading(names, [sets[number] for number in filled], str(path), findings)


def _read_rows(value: object, options: Options) -> Reading:
    reading = find_data(value, "table") or reading_of(value, options)
    frame, inferred = reading.frame, []
    columns: dict[str, str] = {}
    for option_name, usual in (("basket", _BASKET_NAMES), ("item", _ITEM_NAMES)):
        name = vars(options)[option_name]
        if name is None:
            name, reason = _likely(frame, usual, list(columns.values()))
            inferred.append(InferredOption(f"input.{option_name}", name, reason))
        columns[option_name] = frame[name].name
    if columns["basket"] == columns["item"]:
        raise TaskError(
            "input.basket and input.item name one column",
            got=f"'{columns['item']}'",
            do="Name two columns",
        )
    findings = list(reading.findings)
    frame = _rated(frame, options, findings)
    baskets, items = (as_strings(frame[columns[name]]) for name in ("basket", "item"))
    absent = baskets.missing | items.missing
    if absent.any():
        message = f"{counted(int(absent.sum()), 'row')} without a basket or an item"
        rows = first_rows(frame.rows[absent])
        findings.append(Finding("WARN", "missing values", message, "left out", rows))
        frame = frame.take(np.flatnonzero(~absent))
        baskets, items = baskets.take(~absent), items.take(~absent)
    if not len(frame):
        raise DataError(f"{frame.origin} has no row with a basket and an item")
    names, sets = _grouped(baskets, items)
    read = _reading(names, sets, frame.origin, findings)
    return replace(read, inferred_options=tuple(inferred))


def _rated(frame: Frame, options: Options, findings: list[Finding]) -> Frame:
    """Returns the rows with a rating that is high enough."""
    if options.rating is None and options.min_rating is None:
        return frame
    if options.rating is None or options.min_rating is None:
        raise TaskError(
            "input.rating and input.min_rating belong together",
            do="Name the column of ratings, and the smallest one that counts",
        )
    column = frame[options.rating]
    if column.kind != "number":
        raise DataError(f"'{column.name}' is not a column of numbers", do="Leave input.rating out")
    rated = np.flatnonzero(column.values >= options.min_rating)
    if not len(rated):
        raise DataError(
            f"no row has a '{column.name}' of at least {options.min_rating:g}",
            got=f"at most {np.nanmax(column.values):g}",
        )
    message = (
        f"{len(rated):,} of {len(frame):,} rows have a '{column.name}' of at least "
        f"{options.min_rating:g}"
    )
    findings.append(Finding("PASS", "ratings", message, "the others are left out"))
    return frame.take(rated)


def _likely(frame: Frame, usual: Sequence[str], taken: Sequence[str]) -> tuple[str, str]:
    """Returns the column with a usual name, or the first one, and the reason.

    taken:   columns that have another use
    Raises:  DataError for a table with a single column.
    """
    free = [name for name in frame.names if name not in taken]
    if len(frame.names) < 2 or not free:
        raise DataError(
            f"{frame.origin} has one column, and rows of baskets need two",
            got="the columns " + ", ".join(frame.names),
            allowed="a column of baskets and one of items; or input.line=basket",
        )
    names = {name.lower().removesuffix("_id").removesuffix("id") or name: name for name in free}
    match = next((names[word] for word in usual if word in names), None)
    if match is not None:
        return match, "the column is called so"
    return free[0], "the first other column" if taken else "the first column"


def _grouped(baskets: Column, items: Column) -> tuple[list[str], list[list[str]]]:
    """Returns the names of the baskets in order, and the different items of each."""
    sets: dict[str, dict[str, None]] = {}
    for name, item in zip(baskets.texts(), items.texts(), strict=True):
        sets.setdefault(str(name), {})[str(item).strip()] = None
    return list(sets), [list(items) for items in sets.values()]


def _different(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, (item.strip().strip('"') for item in items))))


def _reading(
    names: Sequence[str], sets: Sequence[Sequence[str]], origin: str, findings: list[Finding]
) -> Reading:
    """Returns the baskets as rows, with what was counted.

    Raises:   DataError where no basket has two items.
    """
    sets = [[item.replace(SEPARATOR, "/") for item in items] for items in sets]
    sizes = np.array([len(items) for items in sets])
    if sizes.max(initial=0) < 2:
        raise DataError(
            f"no basket of {origin} has two items, so that there are no rules",
            got=f"{len(sets):,} baskets of one item",
            do="Name other columns with input.basket and input.item",
        )
    count = len({item for items in sets for item in items})
    message = (
        f"{len(sets):,} baskets with {count:,} different items, {sizes.mean():.1f} per basket "
        f"({sizes.min()} to {sizes.max()})"
    )
    findings.append(Finding("PASS", "baskets", message))
    single = int((sizes == 1).sum())
    if single:
        message = f"{counted(single, 'basket')} with a single item"
        action = "kept: they count for the support, and are not part of the test"
        findings.append(Finding("PASS", "single items", message, action))
    frame = Frame(
        (strings(BASKET, list(names)), strings(ITEMS, [SEPARATOR.join(items) for items in sets])),
        origin,
    )
    return Reading(frame, tuple(findings))


SOURCE = Baskets()
