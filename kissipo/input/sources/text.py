"""Plain text: one sequence of characters or words, split into windows, or documents.

Documents are the files of a folder, or the paragraphs or lines of a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.schema import option
from kissipo.core.task import Task
from kissipo.input.corpus import Corpus, text_files
from kissipo.input.datasets import find_data
from kissipo.input.documents import DocumentOptions, add_queries, read_documents
from kissipo.input.formats.dataframe import from_dataframe, is_dataframe
from kissipo.input.formats.documents import Unit, is_document_folder
from kissipo.input.formats.drawn_tables import refuse_table
from kissipo.input.formats.files import open_text, path_of
from kissipo.input.passages import Passages
from kissipo.input.source import Source
from kissipo.input.source_data import Reading

if TYPE_CHECKING:
    from kissipo.input.question import Question


@dataclass(frozen=True)
class Options(DocumentOptions):
    """Options of a plain text."""

    tokenizer: Literal["characters", "words", "wordpieces", "cased_wordpieces"] = option(
        "characters",
        "how the text is split into tokens; wordpieces, in lower case, or cased_wordpieces, for a "
        "net such as BERT",
    )
    tokenizer_file: str | None = option(
        None,
        "for word pieces: vocab.txt or tokenizer.json of a published model, its folder, or that of "
        "a run",
    )
    window: int = option(100, "number of tokens per sample", minimum=1)
    vocab_size: int = option(20_000, "maximum size of the vocabulary", minimum=1)
    encoding: str = option("utf-8", "character encoding of the file")
    documents: Unit | None = option(
        None, "what one document is: a file, a paragraph or a line; inferred when omitted"
    )
    max_length: int | None = option(
        None,
        "for word pieces: maximum number of pieces per text; longer texts are truncated",
        minimum=3,
        maximum=512,
    )
    min_count: int | None = option(
        None, "for output.vectors=words: rarer words are left out", minimum=1
    )
    questions: str | None = option(
        None,
        "for output.vectors=words: a file of similarities or analogies, or a folder of them",
    )


class Text(Source[Options]):
    """One sequence of tokens."""

    builder = "text"
    independent = False
    order = 60
    formats = "a text (.txt), a folder of texts"
    answers = ("text", "vectors")
    data_options = ("queries", "questions")

    def read(self, value: object, options: Options) -> Reading:
        """Reads a file or a named data set; the column 'text' has one token per row.

        Raises:   DataError when the file is missing, empty, not text, or too short for
                  the windows.
        """
        if not isinstance(value, str | Path):
            raise DataError(
                "input.text must be the path of a file",
                got=type(value).__name__,
                allowed="the path of a plain text file",
            )
        reading = find_data(str(value), "text")
        if Path(value).is_dir() or (reading is not None and len(reading.frame) > 1):
            raise DataError(
                f"{value} has several documents, not one running text",
                allowed="the path of a plain text file",
                do="Use output.vectors=documents to search them",
            )
        content = (
            _content(Path(value), options)
            if reading is None
            else str(reading.frame["text"].texts()[0])
        )
        if not content.strip():
            raise DataError(f"{value} is empty", do="Give a text of at least a few pages")
        tokens = _tokens(content, options)
        if len(tokens) < 10 * (options.window + 1):
            raise DataError(
                f"{value} is too short for windows of {options.window} {options.tokenizer}",
                got=f"{len(tokens)} {options.tokenizer}",
                allowed=f"at least {10 * (options.window + 1)}",
                do="Give a longer text or a smaller input.window",
            )
        return Reading(Frame((strings("text", tokens),), origin=str(value)), answer="text")

    def corpus(self, value: object, options: Options) -> Corpus:
        """Returns the lines of a file, of all text files in a folder, or of a data set.

        A file is not held in memory: it is read again where it is needed.

        Raises:   DataError when there is no text.
        """
        whole = options.tokenizer == "words"
        reading = find_data(value, "text")
        if reading is not None:
            lines = str(reading.frame["text"].texts()[0]).splitlines()
            return Corpus(lambda: lines, str(value), whole)
        files = text_files(path_of(str(value)))
        return Corpus(lambda: _lines(files, options.encoding), str(value), whole)

    def passages(self, value: object, options: Options) -> Passages:
        """Returns the documents of a file, of all text files in a folder, or of a data
        set; files are read again where they are needed.

        Raises:   DataError when there is no text.
        """
        reading = find_data(value, "text")
        if reading is not None:
            lines = [str(text or "").splitlines() for text in reading.frame["text"].texts()]
            return Passages(lambda: lines, str(value))
        files = text_files(path_of(str(value)))
        return Passages(lambda: (_lines([file], options.encoding) for file in files), str(value))

    def documents(self, value: object, options: Options) -> Reading:
        """Reads documents, with the queries that are known, if any."""
        if not isinstance(value, str | Path):
            raise DataError(
                "input.text must be the path of a folder or of a file",
                got=type(value).__name__,
                allowed="a folder of text files, or a text file",
            )
        reading = find_data(str(value), "text")
        if reading is None:
            reading, inferred = read_documents(path_of(value), options.encoding, options.documents)
            reading = replace(reading, inferred_options=inferred)
        elif len(reading.frame) == 1:
            raise DataError(
                f"{value} is one running text, not several documents",
                do="Save it as a file, and set input.documents=paragraph",
            )
        return add_queries(reading, options.queries)

    def infer(self, question: Question) -> Task | None:
        """Takes plain text, of which the next token is predicted, and a folder of
        texts, which are documents."""
        path, data_set = question.path, question.data_set
        if question.answer == "text" and not question.names_column:
            return question.task({"text": question.value}, {"text": "masked"})
        of_documents: object = {"vectors": "documents"}
        if question.answer is not None and question.answer not in self.answers:
            of_documents = question.answer
        if data_set is None and path is not None and path.is_dir():
            if not is_document_folder(path):
                return None
            return question.task({"text": question.value}, of_documents)
        if data_set is not None and data_set.DOCUMENTS:
            return question.task({"text": question.value}, of_documents)
        if question.data_set is None and not (
            question.path is not None
            and question.path.is_file()
            and question.path.suffix.lower() in (".txt", ".md", "")
        ):
            return None
        if question.answer is None and question.path is not None:
            refuse_table(question.path)
        answer = of_documents if question.answer not in (None, "text") else {"text": "next"}
        return question.task({"text": question.value}, answer)

    def parse_values(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns the tokens of the first text, or of the file at this path."""
        first = values[0]
        if is_dataframe(first):
            return from_dataframe(first, origin="the data frame")
        content = _content(first, options) if isinstance(first, Path) else str(first)
        return Frame((strings("text", _tokens(content, options)),), origin="the text")

    def parse_documents(
        self, values: Sequence[object], options: Options, codecs: Sequence[Codec]
    ) -> Frame:
        """Returns one text per value, or one per document of a file."""
        if is_dataframe(values[0]):
            return from_dataframe(values[0], origin="the data frame")
        if isinstance(values[0], Path):
            return read_documents(values[0], options.encoding, options.documents)[0].frame
        return Frame((strings("text", [str(value) for value in values]),), origin="the input")


def _lines(files: Sequence[Path], encoding: str) -> Iterator[str]:
    for path in files:
        with open_text(path, encoding) as file:
            yield from file


def _content(path: Path, options: Options) -> str:
    with open_text(path, options.encoding) as file:
        return file.read()


def _tokens(content: str, options: Options) -> list[str]:
    return list(content) if options.tokenizer == "characters" else content.split()


SOURCE = Text()
