"""Ratings: a row says how a user rated an item, or only that the user chose it.

input: {ratings: u.data, user: user, item: film}; the answer is a column of ratings.
Columns that are not named are inferred from their names. A file without a header has
the columns user, item, rating and time, in this order, as MovieLens writes them.

Tables of what is known of items and users, one row per item or user, can stand beside:
`items: films.csv`, `users: users.csv`. Their first column, or the one that is called as
in the ratings, is the id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kissipo.codec.concat import Concat
from kissipo.codec.label_sets import LabelSets, separator_of
from kissipo.codec.labels import as_strings
from kissipo.codec.numbers import Numbers
from kissipo.codec.one_hot import OneHot
from kissipo.codec.side_features import ITEM_FEATURES, USER_FEATURES, SideFeatures
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, format_rows
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option
from kissipo.core.task import Task, split_argument
from kissipo.core.text import list_some
from kissipo.input.datasets import find_data
from kissipo.input.formats.delimited import read_delimited
from kissipo.input.formats.files import existing_path
from kissipo.input.formats.tables import FileWords, is_table_file, table_reading
from kissipo.input.given_rows import column_of, given_table
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

if TYPE_CHECKING:
    from kissipo.input.question import Question

RATING = "rating"
_NAMES = {
    "user": ("user", "userid", "user_id", "uid", "customer", "customer_id", "customerid", "reader"),
    "item": (
        *("item", "itemid", "item_id", "iid", "movie", "movieid", "movie_id", "film", "filmid"),
        *("film_id", "product", "productid", "product_id", "asin", "book", "book_id", "isbn"),
        *("song", "track", "article", "title"),
    ),
    "rating": ("rating", "ratings", "stars", "score", "rate"),
    "time": ("time", "timestamp", "date", "datetime", "at", "rated_at", "unixreviewtime"),
}
_REASON = "the column is called so"


@dataclass(frozen=True)
class Options(FileWords):
    """Options of ratings: the columns of users, items and times; side features."""

    user: str | None = option(None, "column of users")
    item: str | None = option(None, "column of items, such as films or products")
    time: str | None = option(
        None, "column of times; splits by time and repeated ratings need them"
    )
    users: str | None = option(
        None, "a table of the users, one row per user, whose columns are features"
    )
    items: str | None = option(
        None, "a table of the items, one row per item, whose columns are features"
    )
    features: tuple[str, ...] | None = option(
        None,
        "columns of users and items that the net reads beside the ids; none when omitted",
    )


@dataclass(frozen=True)
class Roles:
    """The columns of ratings; rating and time may be absent."""

    user: str
    item: str
    rating: str | None = None
    time: str | None = None


class Ratings(Source[Options]):
    """Ratings: a row is a user, an item and usually a rating."""

    builder = "ratings"
    answers = ("rating",)
    order = 5  # asked first, as it takes data only for an answer of its own
    data_options = ("users", "items")

    def read(self, value: object, options: Options) -> Reading:
        """Reads a file, a data frame or a named data set, with the side features.

        Raises:   DataError when the columns of users and items are not clear.
        """
        reading = find_data(value, "ratings") or _named(table_reading(value, options), options)
        frame = reading.frame
        roles = roles_of(frame, options)
        inferred = [
            InferredOption(f"input.{name}", column, _REASON)
            for name, column in (("user", roles.user), ("item", roles.item), ("time", roles.time))
            if column is not None and getattr(options, name) is None
        ]
        findings = list(reading.findings)
        for key, path in ((roles.user, options.users), (roles.item, options.items)):
            if path is not None:
                frame = _beside(frame, key, path, options, findings)
        answer = reading.answer or roles.rating or ""
        return replace(
            reading,
            frame=frame,
            findings=tuple(findings),
            answer=answer,
            inferred_options=(*reading.inferred_options, *inferred),
        )

    def infer(self, question: Question) -> Task | None:
        """Takes a named data set of ratings, and a table whose answer is a rating or
        whose column of users is named."""
        is_asked = question.answer == "rating" or "user" in question.words
        if question.data_set is None and not is_asked:
            return None
        if question.answer not in (None, "rating"):
            return None
        named = question.data_set.read().answer if question.data_set is not None else None
        column = question.output or named
        output = "rating" if column is None else {"rating": column}
        return question.task({"ratings": question.value}, output)

    def side_codecs(
        self, frame: Frame, roles: Roles, options: Options, findings: list[Finding]
    ) -> tuple[SideFeatures, ...]:
        """Returns the codecs of the features of users, then of items, not fitted yet.

        A column belongs to users if all rows of a user have one value, else to items.

        Raises:   TaskError for a feature of neither; DataError for a missing column.
        """
        names: dict[str, list[str]] = {roles.user: [], roles.item: []}
        for name in options.features or ():
            if name in (roles.user, roles.item, roles.rating):
                raise TaskError(
                    f"input.features names '{name}', which is not a feature",
                    allowed="other columns of users or items",
                )
            key = next((key for key in names if _is_constant(frame, key, name)), None)
            if key is None:
                raise TaskError(
                    f"'{name}' is a feature of neither users nor items",
                    got=f"several values in the rows of one {roles.user} and of one {roles.item}",
                    do="Leave it out of input.features",
                )
            names[key].append(name)
        codecs = []
        for kind, (key, columns) in zip((USER_FEATURES, ITEM_FEATURES), names.items(), strict=True):
            if columns:
                inner = [_feature_codec(frame, name) for name in columns]
                joined = inner[0] if len(inner) == 1 else Concat(tuple(inner))
                codecs.append(SideFeatures(key, kind, joined))
                text = f"{kind}: {', '.join(columns)}"
                findings.append(Finding("PASS", "side features", text))
        return tuple(codecs)

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns users for whom items are searched, or users with items to rate.

        A value alone is a user; user=196 film=Alien asks for one rating.
        """
        user, item = (codec.columns[0] for codec in codecs[:2])
        table = given_table(values, options)
        if table is not None:
            if item not in table:
                table = table.replaced(strings(item, [None] * len(table)))
            return _with_features(_with_users(table, user), codecs)
        rows = _rows(values, user, item)
        texts = [[_text(row.get(name)) for row in rows] for name in (user, item)]
        others = dict.fromkeys(name for row in rows for name in row if name not in (user, item))
        columns = [column_of(name, [row.get(name) for row in rows]) for name in others]
        named = (strings(user, texts[0]), strings(item, texts[1]), *columns)
        return _with_features(_with_users(Frame(named, origin="the input"), user), codecs)

    def usage(self, codecs: Sequence[Codec]) -> str:
        """Returns how users and items are given."""
        user, item = (codec.columns[0] for codec in codecs[:2])
        return f"Give a user: kissipo predict RUN 196, or a user and an item: {user}=196 {item}=..."


def _is_constant(frame: Frame, key: str, name: str) -> bool:
    """Whether all rows of a user, or of an item, have one value of a feature."""
    codes, column = as_strings(frame[key]).values, frame[name]
    values = as_strings(column).values if column.kind in ("number", "string") else column.values
    pairs = np.unique(np.stack([codes, values.astype(np.int64)], axis=1), axis=0)
    return len(pairs) == len(np.unique(codes))


def _feature_codec(frame: Frame, name: str) -> Codec:
    """Returns the codec of a feature: numbers, sets of labels, or categories."""
    column = frame[name]
    if column.kind == "number":
        return Numbers((name,))
    if column.kind != "string":
        raise TaskError(
            f"'{name}' cannot be a feature",
            got=f"a column of {column.kind}s",
            allowed="numbers, categories, sets of labels such as drama|comedy",
        )
    separator = separator_of(column)
    return OneHot(name) if separator is None else LabelSets(name, separator=separator)


def roles_of(frame: Frame, options: Options) -> Roles:
    """Returns the columns of users, items, ratings and times, by option or by name.

    Data to evaluate on may lack the times.

    Raises:   DataError, TaskError when users or items have no column.
    """
    taken: dict[str, str | None] = {}
    for role in ("user", "item", "time"):
        written = getattr(options, role)
        if written is not None and role != "time":
            frame[written]  # raises a DataError for a missing column
        taken[role] = written
    for role, names in _NAMES.items():
        free = {
            name.lower().replace(" ", "_"): name
            for name in frame.names
            if name not in taken.values()
        }
        if taken.get(role) is None:
            taken[role] = next((free[name] for name in names if name in free), None)
    user, item = taken["user"], taken["item"]
    if user is None or item is None:
        role = "user" if user is None else "item"
        raise TaskError(
            f"which column of {frame.origin} has the {role}s?",
            got="the columns " + ", ".join(frame.names),
            do=f"Name it: input.{role}=COLUMN",
        )
    if user == item:
        raise TaskError(
            "input.user and input.item name one column", got=user, allowed="two columns"
        )
    time = taken["time"]
    return Roles(user, item, taken["rating"], time if time in frame else None)


def _named(reading: Reading, options: Options) -> Reading:
    """Returns a file without a header with the columns of MovieLens."""
    frame = reading.frame
    if not any(finding.check == "no header" for finding in reading.findings):
        return reading
    names = [options.user or "user", options.item or "item", RATING, options.time or "time"]
    count = len(frame.columns)
    if not 2 <= count <= len(names):
        return reading
    pairs = zip(frame.columns, names[:count], strict=True)
    columns = tuple(replace(column, name=name) for column, name in pairs)
    findings = tuple(finding for finding in reading.findings if finding.check != "no header")
    header = InferredOption(
        "input.header", names[:count], "the file has no header, and this is the usual order"
    )
    return replace(
        reading,
        frame=replace(frame, columns=columns),
        findings=findings,
        inferred_options=(*reading.inferred_options, header),
    )


def _beside(frame: Frame, key: str, path: str, options: Options, findings: list[Finding]) -> Frame:
    """Returns the ratings with the columns of a table of users or items."""
    table = _side_table(path, options)
    name = key if key in table else table.names[0]
    ids = as_strings(table[name])
    codes = as_strings(frame[key])
    first: dict[str, int] = {}
    repeated = 0
    for row, text in enumerate(ids.texts()):
        if text is not None:
            repeated += text in first
            first.setdefault(text, row)
    rows = np.array([first.get(text, -1) for text in codes.categories] + [-1])[codes.values]
    absent = len({text for text in codes.counts() if text not in first})
    if absent == len(codes.counts()):
        raise DataError(
            f"no value of '{key}' is in the column '{name}' of {path}",
            got=f"such as '{next(iter(codes.counts()))}', there '{next(iter(first), '')}'",
            do=f"The first column, or one that is called '{key}', must have the ids",
        )
    others = [column for column in table.columns if column.name not in (name, *frame.names)]
    message = f"{path}: {len(first):,} rows, the features {list_some([c.name for c in others], 6)}"
    if absent or repeated:
        message += f"; {absent:,} of '{key}' are absent, {repeated:,} rows repeat an id"
    findings.append(
        Finding(
            "WARN" if absent or repeated else "PASS",
            "side features",
            message,
            "a missing feature is a value of its own; the first row of an id counts"
            if absent or repeated
            else "",
        )
    )
    return frame.replaced(*(_joined(column, rows) for column in others))


def _joined(column: Column, rows: np.ndarray) -> Column:
    """Returns the cells of some rows, missing where a row is -1."""
    absent = rows < 0
    values = column.values[np.where(absent, 0, rows)].copy()
    missing: object = np.nan if column.kind == "number" else -1
    if column.kind == "time":
        missing = np.datetime64("NaT")
    values[absent] = missing
    return replace(column, values=values, odd=(), odd_count=0)


def _side_table(path: str, options: Options) -> Frame:
    """Returns a table of users or items, whatever its file is called."""
    file = existing_path(Path(path))
    words = FileWords(encoding=options.encoding)
    if is_table_file(file) or file.suffix == ".txt":
        return table_reading(path, words).frame
    return read_delimited(file, words.layout())[0]


def _with_users(frame: Frame, user: str) -> Frame:
    """Returns rows that all name a user.

    Raises:   TaskError for a row without one.
    """
    if user in frame and frame[user].missing.any():
        rows = frame.rows[frame[user].missing]
        raise TaskError(f"'{user}' is missing in {format_rows(rows)}", do="Name a user per row")
    return frame


def _with_features(frame: Frame, codecs: Sequence[Codec]) -> Frame:
    """Returns rows with the features of their users and items."""
    for codec in codecs:
        frame = codec.filled(frame)
    return frame


def _rows(values: Sequence[object], user: str, item: str) -> list[Mapping[str, object]]:
    """Returns one row per value; name=value pairs together are one row."""
    texts = [value for value in values if isinstance(value, str)]
    is_named = len(texts) == len(values) and all("=" in text for text in texts)
    is_named &= any(text.partition("=")[0].strip() in (user, item) for text in texts)
    if is_named:
        row = dict(_argument(text, (user, item)) for text in texts)
        if user not in row:
            raise TaskError(
                f"the values name no {user}", got=", ".join(texts), do=f"Name it too: {user}=..."
            )
        return [row]
    rows: list[Mapping[str, object]] = []
    for value in values:
        if isinstance(value, Mapping):
            if user not in value:
                names = ", ".join(map(str, value))
                raise TaskError(f"a row names no '{user}'", got=names, allowed=f"{user}, {item}")
            rows.append(value)
        elif isinstance(value, tuple | list) and len(value) == 2:
            rows.append({user: value[0], item: value[1]})
        else:
            rows.append({user: value})
    return rows


def _argument(text: str, ids: tuple[str, str]) -> tuple[str, object]:
    """Returns the column and its value; an id stays a text."""
    name, value = split_argument(text)
    return name, text.partition("=")[2] if name in ids else value


def _text(value: object) -> str | None:
    """Returns an id as text; a whole number has no decimal point."""
    if value is None or value == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


SOURCE = Ratings()
