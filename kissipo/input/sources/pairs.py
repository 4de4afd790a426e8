"""Pairs of texts: sentences and their translations, texts and their headings.

A table with a column per side; two files whose lines belong together; or a folder of
such files (`train.en`, `train.de`). `output.text` names the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._tokenizers import read_model
from kissipo.codec.labels import as_strings
from kissipo.codec.subwords import Subwords
from kissipo.codec.tokens import Tokens
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.input.check.pairs import equal_sides, seen_sources, swapped_sides, unknown_tokens
from kissipo.input.datasets import find_data
from kissipo.input.formats.aligned_lines import language_of, read_aligned, read_folder
from kissipo.input.formats.files import existing
from kissipo.input.formats.tables import FileWords, table_reading
from kissipo.input.infer_types import guess_kinds
from kissipo.input.scripts import is_without_blanks
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

if TYPE_CHECKING:
    from kissipo.input.question import Question

Tokenizer = Literal["characters", "words", "bpe", "wordpieces"]
_WORDS, _SUBWORDS = 20_000, 8_000


@dataclass(frozen=True)
class Options(FileWords):
    """Options of pairs of texts."""

    source: str | None = option(
        None, "column, or extension of the file, of the texts that are read"
    )
    target: str | None = option(
        None, "column, or extension of the file, of the texts that are written; as output.text"
    )
    tokenizer: Tokenizer | None = option(
        None, "how texts are split into tokens: characters, words, bpe, wordpieces"
    )
    vocab_size: int | None = option(
        None,
        f"maximum size of each vocabulary; {_WORDS:,} words or {_SUBWORDS:,} subwords when omitted",
        minimum=1,
    )
    shared_vocabulary: bool = option(
        False, "one vocabulary of subwords for both sides, learned from both"
    )
    lowercase: bool | None = option(
        None, "whether subwords are learned from texts in lower case; words always are"
    )
    tokenizer_file: str | None = option(
        None, "tokenizer.json or vocab.txt of a published model, instead of a learned vocabulary"
    )
    min_count: int | None = option(
        None, "minimum count of a word or character in the training split", minimum=1
    )
    max_length: int | None = option(
        None, "maximum number of tokens per text; longer texts are truncated", minimum=1
    )
    bucketing: bool = option(True, "training batches of texts of similar length: less padding")

    def text_columns(self) -> frozenset[str]:
        """Returns the columns that are texts, also where they look like numbers."""
        return frozenset(name for name in (self.source, self.target) if name is not None)


class Pairs(Source[Options]):
    """Two texts per sample."""

    answers = ("text",)
    order = 45
    formats = "pairs of texts (.tsv .csv .jsonl, or two files)"

    def read(self, value: object, options: Options) -> Reading:
        """Reads a table, two aligned files, a folder of them, or a named data set."""
        _refuse_equal_names(options)
        if isinstance(value, list | tuple):
            return _two_files([str(path) for path in value], options)
        if isinstance(value, str | Path):
            reading = find_data(str(value), "pairs")
            if reading is None and Path(value).is_dir():
                reading = _folder(Path(value), options)
            if reading is not None:
                return _checked(reading, options)
        reading = table_reading(value, options)
        columns = [as_strings(column) for column in reading.frame.columns]
        frame = reading.frame.replaced(*columns)
        return _checked(
            Reading(frame, reading.findings, inferred_options=reading.inferred_options), options
        )

    def infer(self, question: Question) -> Task | None:
        """Takes a table of two columns of sentences, one of which is named as the
        answer."""
        target = question.output
        if question.data_set is not None:
            reading: Reading = question.data_set.read()
            target = target or reading.answer
            return question.task({"pairs": question.value}, {"text": target})
        if question.answer not in (None, "text") or not isinstance(target, str):
            return None
        if {"text", "characters"} & question.words.keys():
            return None  # the columns of a table are named
        if not question.is_table or question.time is not None:
            return None
        names = question.table.names
        if len(names) != 2 or any(column.kind != "string" for column in question.table.columns):
            return None
        guesses = {guess.column: guess for guess in guess_kinds(question.table, names)}
        if any(guess.kind != "text" and not guess.without_blanks for guess in guesses.values()):
            return None
        (source,) = (name for name in names if name != target)
        reason = f"{guesses[target].reason}; '{source}' has {guesses[source].reason}"
        return question.task(
            {"pairs": question.value, "source": source},
            {"text": target},
            (InferredOption("output.text", target, reason),),
        )

    def usable_rows(self, frame: Frame, options: Options, findings: list[Finding]) -> Frame:
        """Leaves out the rows with an empty side."""
        named = [name for name in (options.source, options.target) if name is not None]
        names = frame.names if len(frame.names) == 2 else named
        for name in names:
            empty = np.array([not (text or "").strip() for text in frame[name].texts()], dtype=bool)
            if empty.all():
                raise DataError(
                    f"every '{name}' is empty", do="Name two columns of texts: input.source"
                )
            if empty.any():
                rows = frame.rows[empty]
                message = (
                    f"{len(rows):,} of {len(frame):,} '{name}' are empty ({format_rows(rows)})"
                )
                findings.append(
                    Finding("WARN", "empty texts", message, "left out", first_rows(rows))
                )
                frame = frame.take(~empty)
        return frame

    def input_codecs(
        self,
        frame: Frame,
        options: Options,
        *,
        reserved: Sequence[str],
        per_pixel: bool,
        findings: list[Finding],
        inferred_options: list[InferredOption],
    ) -> tuple[Codec, ...]:
        """Returns the codec of the source; its tokenizer is also that of the target."""
        target = reserved[0]
        source = _source_name(frame, target, options)
        findings += equal_sides(frame, source, target)
        findings += swapped_sides(frame, source, target)
        tokenizer = options.tokenizer
        if tokenizer is None and options.tokenizer_file is not None:
            tokenizer = "bpe"
        if tokenizer is None:
            tokenizer, reason = _suitable_tokenizer([frame[source], frame[target]])
            inferred_options.append(InferredOption("input.tokenizer", tokenizer, reason))
        if tokenizer == "bpe" or tokenizer == "wordpieces":
            return (
                Subwords(
                    source,
                    algorithm=tokenizer,
                    length=options.max_length,
                    vocab_size=options.vocab_size or _SUBWORDS,
                    lowercase=bool(options.lowercase),
                    vocabulary_of=(source, target) if options.shared_vocabulary else (),
                    model=_given_vocabulary(options),
                ),
            )
        _refuse_subword_options(options, tokenizer)
        return (
            Tokens(
                source,
                unit=tokenizer,
                length=options.max_length,
                vocab_size=options.vocab_size or _WORDS,
                min_count=options.min_count,
                whole=True,
            ),
        )

    def target_codec(self, codecs: Sequence[Codec], column: str, options: Options) -> Codec | None:
        """Returns the codec of the target, with the tokenizer of the source."""
        return codecs[0].for_target(column)

    def compared_columns(self, names: Sequence[str], options: Options) -> Sequence[str]:
        """Returns the source: a text is not to be tested that was learned."""
        return names[:1]

    def groups_by_length(self, options: Options) -> bool:
        return options.bucketing

    def fitted_findings(
        self,
        frame: Frame,
        codecs: Sequence[Codec],
        targets: Sequence[Codec],
        splits: Mapping[str, NDArray[np.int64]],
    ) -> list[Finding]:
        """Reports truncated texts, unknown tokens, and sources seen in training."""
        sides = cast(list[Tokens], [*codecs, *targets])
        others = np.concatenate([splits["validation"], splits["test"]])
        findings = [
            Finding("WARN", f"{name} texts", remark)
            for name, side in zip(("source", "target"), sides, strict=True)
            for remark in (side.size_remarks(frame) if len(others) else side.remarks(frame))
        ]
        if len(others):
            outside = frame.take(others)
            findings += [unknown_tokens(outside, side) for side in sides]
            findings += seen_sources(frame, sides[0].column, splits)
        return findings


def _refuse_equal_names(options: Options) -> None:
    if options.source is not None and options.source == options.target:
        raise TaskError(
            f"input.source and input.target both name '{options.source}'",
            do="Name two columns with different texts",
        )


def _two_files(values: Sequence[str], options: Options) -> Reading:
    """Returns the texts of two files, in columns named after their extensions."""
    paths = [existing(Path(value)) for value in values]
    if len(paths) != 2:
        raise TaskError(
            "input.pairs takes a table, a folder, or two files",
            got=f"{len(paths)} files",
            do="Name two files: input.pairs=[train.en,train.de]",
        )
    names = [language_of(path) for path in paths]
    if names[0] == names[1] or not all(names):
        names = ["source", "target"]
    wanted = options.source, options.target
    if None not in wanted and set(wanted) != set(names):
        names = [str(name) for name in wanted]
    return _checked(Reading(read_aligned(paths, names, options.encoding)), options)


def _folder(folder: Path, options: Options) -> Reading:
    """Returns the texts of the two languages in a folder."""
    names = [name for name in (options.source, options.target) if name is not None]
    extensions = sorted({language_of(path) for path in folder.iterdir() if path.is_file()} - {""})
    if len(names) < 2 and len(extensions) == 2:
        names = extensions
    if len(names) < 2:
        raise TaskError(
            f"which two files of {folder} belong together?",
            got="the extensions " + ", ".join(extensions),
            do="Name the extensions: input.source=en input.target=de",
        )
    return read_folder(folder, names, options.encoding)


def _checked(reading: Reading, options: Options) -> Reading:
    """Returns the reading after a check of the names of the columns."""
    names = reading.frame.names
    for name in (options.source, options.target):
        if name is not None:
            reading.frame[name]  # raises a DataError for a missing column
    if len(names) < 2:
        raise DataError(
            f"{reading.frame.origin} has one column",
            got=", ".join(names),
            allowed="a column per side",
            do="Set input.separator if the columns are not separated",
        )
    return reading


def _source_name(frame: Frame, target: str, options: Options) -> str:
    """Returns the column of the source.

    Raises:   TaskError when it is the target, or not named among several.
    """
    if options.source == target or options.target not in (None, target):
        raise TaskError(
            "input.source, input.target and output.text do not fit together",
            got=f"source {options.source}, target {options.target}, output.text {target}",
            allowed="output.text names the target, and another column is the source",
            do=f"Set input.target={target}, and input.source to the other column",
        )
    others = [name for name in frame.names if name != target]
    if options.source is None and len(others) != 1:
        raise TaskError(
            "input names no source among several columns",
            got=", ".join(others),
            do="Set input.source=COLUMN",
        )
    return options.source or others[0]


def _suitable_tokenizer(sides: Sequence[Column]) -> tuple[Literal["words", "characters"], str]:
    """Returns words, or characters where there are no blanks between words."""
    for side in sides:
        texts = list(side.counts())[:1000]
        if is_without_blanks(texts):
            return "characters", f"the script of '{side.name}' has no blanks between words"
        if sum(len(text.split()) for text in texts) < 2 * len(texts):
            return "characters", f"'{side.name}' has one word per row"
    return "words", "both sides are sentences; bpe learns pieces of words"


def _given_vocabulary(options: Options) -> JsonObject | None:
    if options.tokenizer_file is None:
        return None
    return read_model(existing(Path(options.tokenizer_file)), lowercase=bool(options.lowercase))


def _refuse_subword_options(options: Options, tokenizer: str) -> None:
    """Refuses options that words and characters do not have."""
    named = {
        "shared_vocabulary": options.shared_vocabulary,
        "tokenizer_file": options.tokenizer_file,
        "lowercase": options.lowercase is not None,
    }
    for name, value in named.items():
        if value:
            raise TaskError(
                f"input.{name} is for subwords, and input.tokenizer is {tokenizer}",
                allowed="input.tokenizer=bpe or input.tokenizer=wordpieces",
                do="Words are in lower case, and characters stay as they are"
                if name == "lowercase"
                else f"Leave input.{name} out",
            )


SOURCE = Pairs()
