"""Builds the pipeline of documents: all of them are trained on, queries are the test.

The terms are counted in all documents, which are read from disk each time. With
`input.tokenizer=wordpieces` they are the pieces of a published vocabulary, in their
order. Without queries some documents are compared with the others in place of a test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kissipo.codec._tokenizers import max_length_in, read_model
from kissipo.codec.term_counts import TermCounts, TermOptions
from kissipo.codec.word_pieces import MAX_LENGTH, WordPieces
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.seeds import drawn
from kissipo.input.documents import DocumentTokenizer
from kissipo.input.formats.files import existing_path
from kissipo.input.lazy_dataset import EncodedColumn
from kissipo.input.scripts import is_without_blanks
from kissipo.input.source import O, Source
from kissipo.input.source_data import Reading
from kissipo.input.split import Positions
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.vectors.document_vectors import DocumentVectors
from kissipo.pipeline.parse import ResolvedTask
from kissipo.pipeline.pipeline import Pipeline

UNUSED_OPTIONS = (
    DocumentTokenizer,
    *("window", "vocab_size", "min_count", "split", "scale"),
    *("missing_indicator", "batch_size", "sample_weight", "questions"),
)
EVALUATED_OPTION = "queries"
_MAX_COMPARED, _MAX_COSINES, _LOOKED_AT = 200, 20_000_000, 200


def read(source: Source[O], value: object, options: O) -> Reading:
    """Returns the documents of the source."""
    return source.documents(value, options)


def parse_values(
    source: Source[O], values: Sequence[object], options: O, codecs: Sequence[Codec]
) -> Frame:
    """Returns the texts for which documents are searched."""
    return source.parse_documents(values, options, codecs)


def build(reading: Reading, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline whose terms are those of all documents.

    Raises:   DataError for a single document, and for texts without terms.
    """
    frame, parts = reading.frame, reading.parts or {}
    documents = parts.get("train", np.arange(len(frame)))
    queries = parts.get("test")
    if len(documents) < 2:
        raise DataError(
            f"{frame.origin} is a single document, and has no other to compare it with",
            allowed="two documents or more",
            do="Add documents, or set input.documents=paragraph or line. The path of the file "
            "itself trains a net that writes such texts",
        )
    train = frame.take(documents)
    texts = frame.take(documents[:0] if queries is None else queries)
    read_as = _pieces if resolved.source.options.has_pieces else _terms
    codec, inferred, counted = read_as(resolved, train, texts)
    options = resolved.answers[0].options
    answer = DocumentVectors(top_k=options.decode.top_k, has_queries=queries is not None)
    answer.fit_inputs([codec.spec]).fit(train)
    compared = min(_MAX_COMPARED, max(2, _MAX_COSINES // len(documents)))
    test = drawn(len(documents), compared, "documents") if queries is None else queries
    splits = {"train": documents, "validation": documents[:0], "test": test}
    findings = [
        *reading.findings,
        *counted,
        _count_queries(splits, has_queries=queries is not None),
    ]
    refuse_failures(findings, strict=strict)
    datasets = {name: _dataset(frame.take(part), codec, answer) for name, part in splits.items()}
    return Pipeline(
        frame,
        splits,
        (codec,),
        (answer,),
        datasets,
        tuple(findings),
        inferred_options=(*reading.inferred_options, *inferred),
    )


def encode_new(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, evaluated: bool = False
) -> TensorDataset:
    """Returns texts to search for; with the right documents if evaluated."""
    if not len(frame):
        raise DataError("there is no text to search for", do="Give at least one word")
    if evaluated:
        return _dataset(frame, codecs[0], answers[0])
    return TensorDataset((codecs[0].encode(frame),), ())


def _dataset(frame: Frame, codec: Codec, answer: Answer) -> TensorDataset:
    """Returns texts that are read by batches, and the numbers of their documents."""
    return TensorDataset((EncodedColumn(codec, frame),), (answer.codec.encode(frame),))


def _terms(
    resolved: ResolvedTask, train: Frame, queries: Frame
) -> tuple[Codec, list[InferredOption], list[Finding]]:
    """Returns the codec of counted terms, fitted, what of it is inferred, and how many
    documents and terms there are."""
    options, inferred = _term_options(resolved, train)
    codec = TermCounts("text", options=options).fit(train)
    terms = len(codec.vocabulary or ())
    left = f" of {codec.num_unlimited:,}" if terms < codec.num_unlimited else ""
    message = f"{len(train):,} documents with {terms:,}{left} different terms"
    return codec, inferred, [Finding("PASS", "documents", message)]


def _pieces(
    resolved: ResolvedTask, train: Frame, queries: Frame
) -> tuple[Codec, list[InferredOption], list[Finding]]:
    """Returns the codec of a published vocabulary of word pieces, the length that it
    implies, and what of the texts is not read.

    Raises:   TaskError when none is named; DataError for another file.
    """
    options = resolved.source.options
    if options.tokenizer_file is None:
        raise TaskError(
            "word pieces of documents are those of a published model",
            do="Set process.weights=FOLDER, or leave input.tokenizer out to search by words",
        )
    path, length, inferred = Path(options.tokenizer_file), options.max_length, []
    if length is None:
        length, origin = max_length_in(path) or (MAX_LENGTH, "BERT")
        reason = f"as {origin} says; longer texts are truncated"
        inferred.append(InferredOption("input.max_length", length, reason))
    lowercase = options.tokenizer == "wordpieces"
    model = read_model(existing_path(path), lowercase=lowercase)
    codec = WordPieces(("text",), length=length, lowercase=lowercase, model=model)
    codec.fit(Frame((strings("text", []),)))
    findings = [Finding("PASS", "documents", f"{len(train):,} documents")]
    for name, frame in (("documents", train), ("queries", queries)):
        findings += [Finding("WARN", name, remark) for remark in codec.remarks(frame)]
    return codec, inferred, findings


def _term_options(resolved: ResolvedTask, train: Frame) -> tuple[TermOptions, list[InferredOption]]:
    """Returns how texts are split into terms, and what of it is inferred."""
    written: TermOptions = resolved.source.options.term_options()
    some = drawn(len(train), _LOOKED_AT, "analyzer")
    texts = [str(train["text"].show(row)) for row in some.tolist()]
    analyzer, inferred = written.analyzer, []
    if analyzer is None:
        by_character = is_without_blanks(texts)
        analyzer = "char" if by_character else "word"
        reason = "the texts have no blanks between words" if by_character else "as scikit-learn"
        inferred.append(InferredOption("input.analyzer", analyzer, reason))
    sizes = written.ngram_range
    if sizes is None:
        sizes = (1, 1) if analyzer == "word" else (1, 2) if analyzer == "char" else (2, 4)
        reason = "single words" if analyzer == "word" else "characters alone say little"
        inferred.append(InferredOption("input.ngram_range", list(sizes), reason))
    return replace(written, analyzer=analyzer, ngram_range=sizes), inferred


def _count_queries(splits: Mapping[str, Positions], *, has_queries: bool) -> Finding:
    """Returns how many queries there are."""
    if has_queries:
        message = f"{len(splits['test']):,} queries whose document is known"
        return Finding("PASS", "queries", message, "they are the test split")
    message = "no query says which document is right, so a search cannot be evaluated"
    action = "input.queries=FILE with the columns query and document does that"
    return Finding("PASS", "queries", message, action)
