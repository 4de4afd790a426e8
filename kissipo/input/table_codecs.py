"""Codecs for the columns of a table, by their kind, which is set or inferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kissipo.codec._tokenizers import read_model
from kissipo.codec.concat import Concat
from kissipo.codec.cross import Cross
from kissipo.codec.datetime import Calendar
from kissipo.codec.index import Index
from kissipo.codec.labels import as_strings
from kissipo.codec.ngrams import VOCAB_SIZE, Ngrams
from kissipo.codec.numbers import Numbers
from kissipo.codec.one_hot import OneHot
from kissipo.codec.tokens import Tokens, Unit
from kissipo.codec.word_pieces import WordPieces
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.number_cells import infinities, mixed_types, placeholders
from kissipo.core.schema import option
from kissipo.core.text import list_some
from kissipo.core.time.timestamps import DATE_FORMAT, decided_style
from kissipo.input.check import columns as checks
from kissipo.input.formats.files import existing_path
from kissipo.input.infer_types import Guess, Kind, guess_kinds
from kissipo.input.time_columns import cycle_findings

WORDS: dict[Kind, str] = {
    "number": "numeric",
    "category": "categorical",
    "text": "text",
    "characters": "characters",
    "datetime": "datetime",
    "drop": "drop",
}
_WORDS, _PIECES = 20_000, 8_000
_ONE_HOT_UP_TO, _ALWAYS_ONE_HOT = 100, 20
_ONE_HOT_CELLS = 50_000_000


@dataclass(frozen=True)
class ColumnOptions:
    """Options of the columns of a table.

    The type of a column that is in none of the lists is inferred from its values.
    """

    numeric: tuple[str, ...] | None = option(None, "numeric columns")
    categorical: tuple[str, ...] | None = option(None, "categorical columns")
    text: tuple[str, ...] | None = option(None, "text columns, tokenized into words")
    characters: tuple[str, ...] | None = option(None, "text columns, tokenized into characters")
    datetime: tuple[str, ...] | None = option(
        None, "columns of dates or times, encoded as month, weekday and hour"
    )
    cross: tuple[tuple[str, ...], ...] | None = option(
        None, "feature crosses: lists of categorical columns to combine"
    )
    drop: tuple[str, ...] | None = option(None, "columns to ignore")
    sample_weight: str | None = option(
        None,
        "column of weights of the samples in the losses, numbers of at least 0; "
        "metrics stay unweighted",
    )
    max_length: int | None = option(
        None, "maximum number of tokens per text; longer texts are truncated", minimum=1
    )
    vocab_size: int | None = option(
        None,
        "maximum size of the vocabulary; the most frequent tokens are kept: "
        f"{_WORDS:,} words, {_PIECES:,} word pieces, or {VOCAB_SIZE:,} n-grams, when omitted",
        minimum=1,
    )
    tokenizer: Literal["words", "wordpieces", "cased_wordpieces", "ngrams"] = option(
        "words",
        "tokens of text columns: words; wordpieces, in lower case; cased_wordpieces; or ngrams, "
        "the TF-IDF weights of words, pairs of words and pieces, without their order. Word pieces "
        "read one or two columns as one text",
    )
    tokenizer_file: str | None = option(
        None,
        "for word pieces: vocab.txt or tokenizer.json of a published model, or its folder, instead "
        "of a learned vocabulary",
    )
    bucketing: bool = option(
        True,
        "with word pieces: each training batch has texts of similar length, so it has less padding",
    )
    scale: Literal["standard", "range", "none"] = option("standard", "scaling of numeric columns")
    min_count: int | None = option(
        None, "minimum count of a token in the training split", minimum=1
    )
    missing_indicator: bool = option(True, "add an indicator column for imputed missing values")
    date_format: str | None = option(None, DATE_FORMAT)

    def named_columns(self) -> tuple[str, ...]:
        """Returns the columns whose kind is set."""
        lists = (self.numeric, self.categorical, self.text, self.characters, self.datetime)
        return tuple(name for names in (*lists, self.drop) for name in names or ())

    def text_codec(self, column: str, unit: Unit) -> Codec:
        """Returns the codec of a column of texts.

        Raises:   TaskError for a maximum length of n-grams.
        """
        if self.tokenizer == "ngrams":
            return self._ngrams(column, unit)
        return Tokens(
            column,
            unit=unit,
            length=self.max_length,
            vocab_size=self.vocab_size or _WORDS,
            min_count=self.min_count,
        )

    def _ngrams(self, column: str, unit: Unit) -> Codec:
        if self.max_length is not None:
            raise TaskError(
                "input.max_length truncates texts that are read in order, "
                "and input.tokenizer=ngrams reads all of their terms",
                do="Leave it out",
            )
        size = self.vocab_size or VOCAB_SIZE
        return Ngrams(column, unit=unit, vocab_size=size, min_count=self.min_count)

    def text_codecs(self, names: Sequence[str]) -> list[Codec]:
        """Returns the codecs of the columns of texts: one per column, or one of all."""
        if self.tokenizer in ("words", "ngrams"):
            if self.tokenizer_file is not None:
                raise TaskError(
                    "input.tokenizer_file is the vocabulary of word pieces",
                    do="Set input.tokenizer=wordpieces, or leave it out",
                )
            return [self.text_codec(name, "words") for name in names]
        if not names:
            raise TaskError(
                f"input.tokenizer={self.tokenizer} needs a column of texts",
                do="Name one or two columns with input.text, or leave it out",
            )
        if self.min_count is not None:
            raise TaskError(
                "input.min_count is for words and characters; rare word pieces are not learned",
                do="Leave it out, or set input.vocab_size",
            )
        lowercase, model = self.tokenizer == "wordpieces", None
        if self.tokenizer_file is not None:
            path = existing_path(Path(self.tokenizer_file))
            model = read_model(path, lowercase=lowercase)
        codec = WordPieces(
            tuple(names),
            length=self.max_length,
            vocab_size=self.vocab_size or _PIECES,
            lowercase=lowercase,
            model=model,
        )
        return [codec]


@dataclass(frozen=True)
class SortedColumns:
    """The columns that are not answers, by kind; `guesses` are the inferred kinds."""

    by_kind: dict[Kind, list[str]]
    guesses: list[Guess]

    def inferred_options(self) -> list[InferredOption]:
        """Returns the inferred options, each with up to four of its reasons."""
        inferred = []
        for kind, word in WORDS.items():
            matching = [guess for guess in self.guesses if guess.kind == kind]
            if matching:
                reason = list_some(
                    [f"{guess.column}: {guess.reason}" for guess in matching], 4, separator="; "
                )
                inferred.append(InferredOption(f"input.{word}", list(self.by_kind[kind]), reason))
        return inferred


def sort_columns(frame: Frame, options: ColumnOptions, *, reserved: Sequence[str]) -> SortedColumns:
    """Sorts the columns of a table by kind.

    reserved:   columns that the net must not see: the answers, the group
    Raises:     DataError for a column that is missing or of another kind; TaskError
                when an answer is named as an input.
    """
    by_kind = {kind: list(getattr(options, word) or ()) for kind, word in WORDS.items()}
    for kind, names in by_kind.items():
        for name in names:
            if name in reserved and kind != "drop":
                raise TaskError(
                    f"input.{WORDS[kind]} names '{name}', which is the answer",
                    do="The net must not see its target",
                )
            if name == options.sample_weight and kind != "drop":
                raise TaskError(
                    f"input.{WORDS[kind]} names '{name}', which is the weight of a sample",
                    do=f"Leave it out of input.{WORDS[kind]}",
                )
            if kind == "number" and frame[name].kind != "number":
                raise DataError(
                    f"'{name}' is not a column of numbers",
                    got=f"texts such as '{next(iter(frame[name].categories), '')}'",
                )
            if kind in ("text", "characters") and frame[name].kind != "string":
                raise DataError(
                    f"'{name}' is not a column of text",
                    got=f"a column of {frame[name].kind}s",
                    do=f"Use input.numeric=[{name}]",
                )
            frame[name]  # raises a DataError for a missing column
    taken = {name for names in by_kind.values() for name in names} | {
        *reserved,
        options.sample_weight,
    }
    guesses = guess_kinds(frame, [name for name in frame.names if name not in taken])
    for guess in guesses:
        by_kind[guess.kind].append(guess.column)
    return SortedColumns(by_kind, guesses)


def codecs_for(frame: Frame, columns: SortedColumns, options: ColumnOptions) -> tuple[Codec, ...]:
    """Returns the codecs: features in one tensor first, then ids of classes, then
    texts.

    Raises:   DataError when no column is left to learn from.
    """
    by_kind = columns.by_kind
    max_classes = min(_ONE_HOT_UP_TO, _ONE_HOT_CELLS // max(1, len(frame)))
    with_ids = [
        name
        for name in by_kind["category"]
        if len(as_strings(frame[name]).counts()) > max(max_classes, _ALWAYS_ONE_HOT)
    ]
    vectors: list[Codec] = (
        [
            Numbers(
                tuple(by_kind["number"]),
                scale=options.scale,
                missing_indicator=options.missing_indicator,
            )
        ]
        if by_kind["number"]
        else []
    )
    vectors += [OneHot(name) for name in by_kind["category"] if name not in with_ids]
    vectors += [
        Calendar(name, style=options.date_format or decided_style(frame[name]))
        for name in by_kind["datetime"]
    ]
    vectors += [Cross(names) for names in options.cross or ()]
    codecs: list[Codec] = [Concat(tuple(vectors))] if len(vectors) > 1 else vectors
    codecs = codecs + [Index(name) for name in with_ids]
    codecs += options.text_codecs(by_kind["text"])
    codecs += [options.text_codec(name, "characters") for name in by_kind["characters"]]
    if not codecs:
        raise DataError(
            f"no column of {frame.origin} is left for the net to learn from",
            got="; ".join(guess.describe() for guess in columns.guesses)
            or "every column is the answer or dropped",
            do="Name columns with input.numeric, input.categorical or input.text",
        )
    return tuple(codecs)


def check_columns(frame: Frame, columns: SortedColumns) -> list[Finding]:
    """Reports problems of the columns that the net sees, and the columns that it does
    not see."""
    by_kind = columns.by_kind
    numbers = by_kind["number"]
    actions = dict.fromkeys(
        numbers, "filled with the training median, and flagged in a column of its own"
    )
    own_category = "a missing cell is a category of its own"
    actions |= dict.fromkeys(by_kind["category"], own_category)
    actions |= dict.fromkeys(
        [*by_kind["text"], *by_kind["characters"]], "read as a text without a word"
    )
    used = [*numbers, *by_kind["category"], *by_kind["text"], *by_kind["characters"]]
    findings = mixed_types(frame, numbers) + infinities(frame, numbers)
    findings += placeholders(frame, numbers)
    findings += checks.missing_values(frame, used, imputation=actions)
    findings += [
        Finding(
            "PASS",
            "characters",
            f"'{guess.column}' is read character by character: {guess.reason}",
            f"input.text=[{guess.column}] reads it as words",
        )
        for guess in columns.guesses
        if guess.without_blanks
    ]
    findings += cycle_findings(frame, numbers)
    findings += checks.image_names(frame, [name for some in by_kind.values() for name in some])
    dropped = [guess for guess in columns.guesses if guess.kind == "drop"]
    return findings + [
        Finding("WARN", "columns left out", f"'{guess.column}' holds {guess.reason}", "left out")
        for guess in dropped
    ]
