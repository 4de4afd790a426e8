"""Parses the inputs of a prediction (texts, paths, dicts, files) into a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kissipo.codec.labels import as_strings
from kissipo.core.codec import Codec, columns_of
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import refuse_failures
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.number_cells import infinities, mixed_types
from kissipo.core.suggest import nearest
from kissipo.input.cells.money import SCALED
from kissipo.input.cells.number_columns import PLAIN_CELLS, CellOptions, scaled, without_declared
from kissipo.input.cells.number_texts import NumberText, split_number, value
from kissipo.input.cells.sixties import RESULTS, split_sixties
from kissipo.input.cells.text_column import is_missing
from kissipo.input.formats.tables import FileWords
from kissipo.input.source import Source
from kissipo.pipeline.parse import ResolvedTask, builder_of

_WIDE = (0.0, 100.0)  # percent


def frame_of(values: Sequence[object], resolved: ResolvedTask, codecs: Sequence[Codec]) -> Frame:
    """Returns a frame of the values.

    Raises:   TaskError when the source does not accept the values.
    """
    builder = builder_of(resolved)
    own: Frame | None = builder.own_values(resolved.source, values, codecs)
    if own is not None:
        return own
    component = builder.value_source(resolved)
    source: Source[Any] = component.module.SOURCE
    if not values:
        raise TaskError("there is no value to predict", do=source.usage(codecs))
    if isinstance(values[0], Frame):
        return values[0]
    frame: Frame = builder.parse_values(source, values, component.options, codecs)
    return frame


def fit_to(
    frame: Frame,
    codecs: Sequence[Codec],
    cells: CellOptions = PLAIN_CELLS,
    extra: Sequence[str] = (),
) -> Frame:
    """Returns the columns of the codecs, in the types of the training data.

    cells:    how the cells of the training data were written
    extra:    further columns, which stay as they are
    Raises:   DataError for a column that is missing or renamed, or that holds texts
              where the training data had numbers.
    """
    needed = columns_of(codecs)
    absent = [name for name in needed if name not in frame]
    if absent:
        spare = [name for name in frame.names if name not in needed]
        close = nearest(absent[0], spare)
        hint = (
            f"Was '{close[0]}' meant? Rename it to '{absent[0]}'"
            if close
            else f"Add the column '{absent[0]}'"
        )
        raise DataError(
            f"{frame.origin} has no column '{absent[0]}', which this run was trained with",
            got="the columns " + ", ".join(frame.names),
            allowed="all of " + ", ".join(needed),
            do=hint,
        )
    wanted_numbers = [
        name for name in needed if any(name in codec.number_columns for codec in codecs)
    ]
    trained_texts = {name: texts for codec in codecs for name, texts in codec.known_texts().items()}
    ranges = {name: ends for codec in codecs for name, ends in codec.known_range().items()}
    columns = []
    for name in needed:
        column = without_declared(frame[name], cells)
        trained = dict(cells.units).get(name, "")
        if name in wanted_numbers and column.unit and column.unit != trained:
            raise _other_mark(name, "a column", column.unit, trained)
        if name in wanted_numbers and trained == "%" and max(map(abs, ranges.get(name, _WIDE))) > 1:
            _refuse_share(column)
        if name in wanted_numbers and column.kind == "string":
            column = without_declared(_as_numbers(column, cells), cells)
        elif name not in wanted_numbers and column.kind == "number":
            column = as_strings(column)
        columns.append(_as_trained(column, trained_texts.get(name, ())))
    columns += [frame[name] for name in dict.fromkeys(extra) if name not in needed]
    fitted = Frame(tuple(columns), frame.origin, frame.rows)
    refuse_failures(mixed_types(fitted, wanted_numbers) + infinities(fitted, wanted_numbers))
    return fitted


def cell_options(resolved: ResolvedTask) -> CellOptions:
    """Returns how the cells of the training data were written."""
    options = resolved.source.options
    return options.cells() if isinstance(options, FileWords) else PLAIN_CELLS


def _as_trained(column: Column, classes: Sequence[str]) -> Column:
    """Returns a column whose texts are those of the training data, where they are equal
    but for blanks around them."""
    if column.kind != "string" or not classes or set(column.categories) <= set(classes):
        return column
    stripped = {text.strip(): text for text in classes}
    texts = [
        text if text in classes else stripped.get(text.strip(), text) for text in column.categories
    ]
    joined = strings(column.name, texts)
    codes = np.append(joined.values, -1)[column.values].astype(np.int32)
    return Column(column.name, "string", codes, joined.categories)


def _as_numbers(column: Column, cells: CellOptions) -> Column:
    """Returns the numbers of texts, which are written as in the training data, or
    plainly."""
    table, invalid = np.full(len(column.categories) + 1, np.nan), set()
    mark = dict(cells.units).get(column.name, "")
    for code, text in enumerate(column.categories):
        if is_missing(text) or text.strip() in cells.missing_values:
            continue
        number = split_sixties(text) if mark in RESULTS else None
        number = number or split_number(text)
        number = scaled(number) if mark == SCALED else number
        if number is None:
            invalid.add(code)
            continue
        if number.mark not in ("", mark):
            raise _other_mark(column.name, f"'{text}'", number.mark, mark)
        table[code] = _value(column.name, text, number, cells)
    odd = tuple(
        (row, column.categories[code])
        for row, code in enumerate(column.values.tolist(), 1)
        if code in invalid
    )
    return Column(column.name, "number", table[column.values], odd=odd, odd_count=len(odd))


def _value(name: str, text: str, number: NumberText, cells: CellOptions) -> float:
    """Returns the number of a text that shows its notation, or has one in the training
    data; a plain number such as 12.5 is always read.

    Raises:   DataError where it can be two numbers.
    """
    if number.evidence in ("", "point", "comma"):
        return value(number, "," if number.evidence == "comma" else ".")
    prior, mark = cells.prior or ".", number.evidence[:5]
    if mark == "point" and prior == ".":
        return value(number, ".")
    if mark == "comma" and (prior == "," or cells.thousands == ","):
        return value(number, prior)
    thousands, decimal = (f"{value(number, mark):.12g}" for mark in _readings(number))
    raise DataError(
        f"'{text}' for '{name}' is {thousands} or {decimal}",
        do=f"Write {thousands}, or {decimal}0 for the other one",
    )


def _readings(number: NumberText) -> tuple[str, str]:
    """Returns the decimal separators for thousands, and for decimals."""
    return (",", ".") if number.evidence == "point?" else (".", ",")


def _refuse_share(column: Column) -> None:
    """Refuses 0.25 for a column that was trained with 25%, which programs turn into a
    share.

    Raises:   DataError where all numbers lie in -1 to 1, and one is not whole.
    """
    if column.kind != "number" or column.unit or column.missing.all():
        return
    values = column.values[~column.missing]
    if np.abs(values).max() <= 1 and np.any(values != np.floor(values)):
        example = float(values[values != np.floor(values)][0])
        raise DataError(
            f"the numbers of '{column.name}' have no mark and lie in -1 to 1, the training "
            "data have the mark '%'",
            got=f"{example:.12g}, which is {example:.12g}% or {100 * example:.12g}%",
            do=f"Write {100 * example:.12g}%, or {example:.12g}% for the smaller one",
        )


def _other_mark(name: str, text: str, mark: str, trained: str) -> DataError:
    expected = f"the mark '{trained}'" if trained else "no mark"
    return DataError(
        f"{text} for '{name}' has the mark '{mark}', the training data have {expected}",
        do="Convert it, and write the number alone",
    )
