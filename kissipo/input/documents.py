"""Documents: texts of a source, one per row, with queries whose document is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from kissipo.codec.labels import as_strings
from kissipo.codec.term_counts import TermOptions
from kissipo.core.errors import DataError
from kissipo.core.frame import Column, Frame
from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option, option_infos
from kissipo.core.suggest import did_you_mean
from kissipo.input.formats.documents import (
    NAME,
    Unit,
    file_documents,
    folder_documents,
    in_memory,
    likely_unit,
    with_queries,
)
from kissipo.input.formats.files import existing
from kissipo.input.formats.tables import FileWords, read_table
from kissipo.input.source_data import Reading

_QUERY_NAMES = ("query", "question", "text")
_OF_PIECES = ("tokenizer", "tokenizer_file", "max_length")
_TITLE_NAMES = ("title", "name", "headline", "heading", "id")


class DocumentTokenizer:
    """Documents are read as terms, or as the word pieces of a published vocabulary."""

    tokenizer: str

    @property
    def has_pieces(self) -> bool:
        """Whether texts are read as word pieces."""
        return "wordpieces" in self.tokenizer

    def unused(self) -> set[str]:
        """Returns the options that the tokenizer does not use: those of terms, or those
        of word pieces."""
        return set(option_infos(TermOptions)) if self.has_pieces else set(_OF_PIECES)


@dataclass(frozen=True)
class DocumentOptions(TermOptions, DocumentTokenizer):
    """Options of documents, for vectors=documents, and those of terms."""

    queries: str | None = option(
        None, "table with the columns query and document, to evaluate a search of documents"
    )

    @property
    def counts_terms(self) -> bool:
        """Whether answers other than vectors=documents read texts as terms, too."""
        return False

    def unused(self) -> set[str]:
        """Returns the options that answers other than vectors=documents do not use."""
        terms = option_infos(TermOptions).keys() if self.counts_terms else set()
        return set(option_infos(DocumentOptions).keys() - terms)


def read_documents(
    path: Path, encoding: str, unit: Unit | None
) -> tuple[Reading, tuple[InferredOption, ...]]:
    """Reads the documents of a folder or of a file, and returns how it is cut."""
    if path.is_dir():
        frame, findings = folder_documents(path, encoding, unit or "file")
        inferred = InferredOption("input.documents", "file", "each file of the folder is one")
    else:
        existing(path)
        likely, reason = likely_unit(path, encoding) if unit is None else (unit, "")
        frame, findings = file_documents(path, encoding, likely)
        inferred = InferredOption("input.documents", likely, reason)
    options = () if unit else (inferred,)
    return Reading(frame, tuple(findings), answer=NAME), options


def table_documents(frame: Frame, text: str, title: str | None) -> Reading:
    """Returns the rows of a table as documents.

    text, title:  the column of the texts, and that of their names, if there is one
    """
    texts = [value or "" for value in as_strings(frame[text]).texts()]
    rows = [f"row {row}" for row in frame.rows.tolist()]
    names = rows if title is None else _unique(as_strings(frame[title]), rows)
    documents, findings = in_memory(names, texts, frame.origin)
    return Reading(documents, tuple(findings), answer=NAME)


def likely_title(frame: Frame, text: str) -> str | None:
    """Returns the column that names the documents, if one is called so."""
    names = {name.lower(): name for name in frame.names if name != text}
    return next((names[name] for name in _TITLE_NAMES if name in names), None)


def add_queries(reading: Reading, path: str | None) -> Reading:
    """Returns the reading with the queries of a table as its test split.

    Raises:   DataError for a table without queries, and for one that names a document
              that is not there.
    """
    if path is None:
        return reading
    table, findings = read_table(path, FileWords())
    if NAME not in table:
        raise DataError(
            f"{path} has no column 'document', which names the right one of each query",
            got="the columns " + ", ".join(table.names),
            allowed="the columns query and document",
        )
    others = [name for name in table.names if name != NAME]
    column = next((name for name in _QUERY_NAMES if name in others), None)
    if column is None and len(others) != 1:
        raise DataError(
            f"which column of {path} has the queries?",
            got="the columns " + ", ".join(table.names),
            allowed="the columns query and document",
        )
    queries = [value or "" for value in as_strings(table[column or others[0]]).texts()]
    count = len(reading.frame)
    frame = with_queries(reading.frame, queries, _right_documents(reading.frame[NAME], table, path))
    parts = {"train": np.arange(count), "test": np.arange(count, len(frame))}
    return replace(reading, frame=frame, parts=parts, findings=(*reading.findings, *findings))


def _right_documents(names: Column, table: Frame, path: str) -> list[str]:
    """Returns the names of the right documents, also where an ending or a folder was
    left out."""
    all_names = [name or "" for name in names.texts()]
    short: dict[str, list[str]] = {}
    for name in all_names:
        for form in {PurePosixPath(name).name, PurePosixPath(name).stem}:
            short.setdefault(form, []).append(name)
    whole, answers = set(all_names), []
    for row, value in enumerate(as_strings(table[NAME]).texts()):
        matches = [value] if value in whole else short.get(value or "", [])
        if len(matches) != 1:
            raise DataError(
                f"row {table.rows[row]} of {path} names no document, or several",
                got=f"'{value}'" if value else "no name",
                allowed=f"one of {len(all_names):,} names such as '{all_names[0]}'",
                do=did_you_mean(value or "", all_names[:1000]),
            )
        answers.append(str(matches[0]))
    return answers


def _unique(column: Column, rows: Sequence[str]) -> list[str]:
    """Returns the names of a column; one that is empty or not unique gets its row."""
    names = column.texts()
    counts = column.counts()
    return [
        row if name is None else name if counts[name] == 1 else f"{name} ({row})"
        for name, row in zip(names, rows, strict=True)
    ]
