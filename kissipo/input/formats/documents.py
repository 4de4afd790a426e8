"""Documents: a folder of text files, or the paragraphs or lines of a text file.

A column of documents holds the place of each one: its file, its first and its last
byte. A document is read from disk when it is encoded, so that texts need not fit in
memory. Compressed files and wide encodings are read at once.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from kissipo.core.errors import DataError
from kissipo.core.finding import Finding
from kissipo.core.frame import Column, Frame, strings
from kissipo.core.text import list_some, shorten
from kissipo.input.formats.compressed import is_compressed
from kissipo.input.formats.files import existing, open_text, readable

Unit = Literal["file", "paragraph", "line"]
TEXT, NAME, START, COPY_OF = "text", "document", "start", "copy_of"
_SUFFIXES = (".txt", ".text", ".md", ".rst", "")
_FIRST_BYTES = 4_096  # of a file without an ending, to see whether it is a text
_MAX_START, _HEAD = 80, 600
_MANY = 10  # texts in a folder, from which on its name may be a class
_NEARLY_ALL = 0.9
_LOOKED_AT = 1_000_000  # characters, to see whether there are paragraphs
_EMPTY_LINE = re.compile(r"\n[ \t\r]*\n")
_INLINE = -1  # in place of a file: the text itself is kept


@dataclass(frozen=True)
class DocumentColumn(Column):
    """Documents, one per row.

    values:  (document, 4) the number of the file, the first byte, the byte after the
             last one, and a hash of the text; file -1 is the text of that number
    """

    files: tuple[str, ...] = ()
    encoding: str = "utf-8"
    texts_in_memory: tuple[str, ...] = ()

    def show(self, position: int) -> object:
        """Reads the text of a document."""
        file, first, end, _ = self.values[position].tolist()
        if file == _INLINE:
            return self.texts_in_memory[first]
        path = Path(self.files[file])
        with readable(path), path.open("rb") as raw:
            raw.seek(first)
            return _decoded(raw.read(end - first), self.encoding)


class Document(NamedTuple):
    """One document: its name, its place and its text."""

    name: str
    file: int
    first: int
    end: int
    text: str


def is_document_folder(path: Path) -> bool:
    """Returns whether nearly all files of a folder are text files, by their endings; a
    file without an ending is one if it has no zero byte."""
    files = list(_visible(path))
    count = sum(_looks_like_text(file) for file in files)
    return count > 2 * (len(files) - count)


def _looks_like_text(file: Path) -> bool:
    if file.suffix:
        return file.suffix.lower() in _SUFFIXES
    try:
        with file.open("rb") as content:
            return b"\0" not in content.read(_FIRST_BYTES)
    except OSError:
        return False


def folder_documents(path: Path, encoding: str, unit: Unit = "file") -> tuple[Frame, list[Finding]]:
    """Returns the text files of a folder and of the folders in it, one document each.

    Raises:   DataError for a folder without texts, and for a file that is not text.
    """
    existing(path, kind="folder")
    files = list(_visible(path))
    texts = [file for file in files if file.suffix.lower() in _SUFFIXES]
    if not texts:
        others = [str(file.relative_to(path)) for file in files]
        raise DataError(
            f"{path} has no text files",
            got=list_some(others, 3) if others else "an empty folder",
            allowed="files that end with .txt, .md or .rst, or have no ending",
            do="Name the folder of the texts",
        )
    findings = []
    if len(texts) < len(files):
        others = [str(file.relative_to(path)) for file in sorted({*files} - {*texts})]
        message = f"{len(others):,} files of {path} are no text files: {list_some(others, 3)}"
        findings.append(Finding("WARN", "other files", message, "they are not read"))
    findings += _class_folders(path, texts)
    documents = (
        document
        for number, file in enumerate(texts)
        for document in _documents(file, number, file.relative_to(path).as_posix(), encoding, unit)
    )
    return _frame(documents, findings, [*map(str, texts)], encoding, str(path)), findings


def _class_folders(path: Path, texts: Sequence[Path]) -> list[Finding]:
    """Reports folders of many texts each, whose names may be classes: pos/1.txt."""
    counts = Counter(file.parent for file in texts if file.parent != path)
    folders = {folder: count for folder, count in counts.items() if count >= _MANY}
    names = sorted({folder.name for folder in folders})
    if len(names) < 2 or sum(folders.values()) < _NEARLY_ALL * len(texts):
        return []
    message = f"the texts lie in {len(folders)} folders of several texts: {list_some(names, 3)}"
    action = "the folders are not used; to learn them as classes, write a table with the "
    return [Finding("WARN", "folders", message, action + "columns text and class")]


def file_documents(path: Path, encoding: str, unit: Unit) -> tuple[Frame, list[Finding]]:
    """Returns the paragraphs or the lines of a text file, or the whole file.

    Raises:   DataError for a file that is missing, or not text.
    """
    if is_compressed(path) or _is_wide(encoding):
        with open_text(path, encoding) as file:
            lines = file.read().encode().splitlines(keepends=True)
        parts = [(name, text.decode()) for name, _, _, text in _cut(lines, unit)]
        return in_memory([name for name, _ in parts], [text for _, text in parts], str(path))
    findings: list[Finding] = []
    documents = _documents(path, 0, "", encoding, unit)
    return _frame(documents, findings, [str(path)], encoding, str(path)), findings


def likely_unit(path: Path, encoding: str) -> tuple[Unit, str]:
    """Returns how a text file is cut into documents, and why.

    Example:  >>> from tempfile import NamedTemporaryFile
              >>> with NamedTemporaryFile("w", suffix=".txt") as file:
              ...     _ = file.write("one\\ntwo\\n"), file.flush()
              ...     likely_unit(Path(file.name), "utf-8")
              ('line', 'no empty line parts the lines of the file')
    """
    with open_text(path, encoding) as file:
        head = file.read(_LOOKED_AT)
    if _EMPTY_LINE.search(head.strip()):
        return "paragraph", "empty lines part the paragraphs of the file"
    return "line", "no empty line parts the lines of the file"


def in_memory(
    names: Sequence[str], texts: Sequence[str], origin: str
) -> tuple[Frame, list[Finding]]:
    """Returns documents that are in memory already."""
    findings: list[Finding] = []
    documents = (
        Document(name, _INLINE, number, 0, text)
        for number, (name, text) in enumerate(zip(names, texts, strict=True))
    )
    return _frame(documents, findings, [], "utf-8", origin, tuple(texts)), findings


def with_queries(frame: Frame, queries: Sequence[str], answers: Sequence[str | None]) -> Frame:
    """Returns the frame with a row per query after the documents.

    answers:  the name of the right document of each query
    """
    column = frame[TEXT]
    assert isinstance(column, DocumentColumn)
    count = len(column.texts_in_memory)
    rows = [[_INLINE, count + number, 0, _hash(text)] for number, text in enumerate(queries)]
    values = np.array(rows, dtype=np.int64).reshape(-1, 4)
    texts = DocumentColumn(
        TEXT,
        "document",
        np.concatenate([column.values, values]),
        files=column.files,
        encoding=column.encoding,
        texts_in_memory=(*column.texts_in_memory, *queries),
    )
    nothing: list[str | None] = [None] * len(queries)
    return Frame(
        (
            texts,
            strings(NAME, [*frame[NAME].texts(), *answers]),
            strings(START, [*frame[START].texts(), *map(first_words, queries)]),
            strings(COPY_OF, [*frame[COPY_OF].texts(), *nothing]),
        ),
        frame.origin,
    )


def first_words(text: str) -> str:
    """Returns the beginning of a text in one line.

    Example:  >>> first_words("A title\\n\\nand more")
              'A title and more'
    """
    return shorten(" ".join(text[:_HEAD].split()), _MAX_START)


def _documents(path: Path, number: int, name: str, encoding: str, unit: Unit) -> Iterator[Document]:
    """Yields the documents of one file.

    Raises:   DataError for a file that is not text in this encoding.
    """
    if unit == "file":
        with open_text(path, encoding) as file:
            content = file.read()
        yield Document(name or path.name, number, 0, path.stat().st_size, content)
        return
    with open_text(path, encoding) as file:
        file.read(1)  # refuses other files
    with readable(path), path.open("rb") as raw:
        for part, first, end, text in _cut(raw, unit):
            try:
                content = _decoded(text, encoding)
            except UnicodeDecodeError:
                _refuse_encoding(path, encoding)
            yield Document(", ".join(filter(None, (name, part))), number, first, end, content)


def _refuse_encoding(path: Path, encoding: str) -> None:
    """Reads the file as one text, whose error names the line."""
    with open_text(path, encoding) as file:
        for _ in file:
            pass


def _is_wide(encoding: str) -> bool:
    return encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))


def _visible(path: Path) -> Iterator[Path]:
    """Yields the files of a folder and of those in it, in the order of their names."""
    for file in sorted(path.rglob("*")):
        parts = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith(".") for part in parts):
            yield file


def _frame(
    documents: Iterator[Document],
    findings: list[Finding],
    files: Sequence[str],
    encoding: str,
    origin: str,
    texts: tuple[str, ...] = (),
) -> Frame:
    """Returns the documents that have a text, and reports the others and copies."""
    values: list[list[int]] = []
    names: list[str] = []
    starts: list[str] = []
    copies: list[str] = []
    empty: list[str] = []
    by_hash: dict[int, str] = {}
    for document in documents:
        if not document.text.strip():
            empty.append(document.name)
            continue
        content = _hash(document.text)
        values.append([document.file, document.first, document.end, content])
        names.append(document.name)
        starts.append(first_words(document.text))
        copies.append(by_hash.setdefault(content, document.name))
    if not values:
        raise DataError(
            f"no document of {origin} has a text",
            got=f"{len(empty):,} empty documents" if empty else "an empty file",
            do="Name a folder of text files, or a text file",
        )
    if empty:
        message = f"{len(empty):,} documents are empty: {list_some(empty, 3)}"
        findings.append(Finding("WARN", "empty documents", message, "they are left out"))
    pairs = [f"{name} is {copy}" for name, copy in zip(names, copies, strict=True) if name != copy]
    if pairs:
        message = f"{len(pairs):,} documents have the text of another one: {list_some(pairs, 3)}"
        action = "all are kept; where one is found, its copies are named beside it"
        findings.append(Finding("WARN", "identical documents", message, action))
    column = DocumentColumn(
        TEXT,
        "document",
        np.array(values, dtype=np.int64),
        files=tuple(files),
        encoding=encoding,
        texts_in_memory=texts,
    )
    own = (strings(NAME, names), strings(START, starts), strings(COPY_OF, copies))
    return Frame((column, *own), origin)


def _cut(
    lines: Iterator[bytes] | Sequence[bytes], unit: Unit
) -> Iterator[tuple[str, int, int, bytes]]:
    """Yields the name, the first byte, the end and the bytes of each part."""
    place, number, first = 0, 0, 0
    part: list[bytes] = []
    for count, line in enumerate(lines, 1):
        if unit == "line" and line.strip():
            yield f"line {count}", place, place + len(line), line
        elif unit == "paragraph" and not line.strip():
            if part:
                number += 1
                yield f"paragraph {number}", first, place, b"".join(part)
            part = []
        elif unit != "line":
            first = first if part else place
            part.append(line)
        place += len(line)
    if part:
        name = "the file" if unit == "file" else f"paragraph {number + 1}"
        yield name, first, place, b"".join(part)


def _decoded(raw: bytes, encoding: str) -> str:
    return raw.decode(encoding).removeprefix("\ufeff")


def _hash(text: str) -> int:
    content = text.strip().encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(content, digest_size=7).digest(), "big")
