"""Builds the pipeline of masked text: a corpus as pieces, and pairs of its texts.

The corpus is read as a stream, four times: it is counted, its documents are numbered,
its vocabulary is learned from the training documents, and its pieces are encoded. The
frame has one row per sample, which is decoded when it is shown.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from kissipo.codec._tokenizers import read_model
from kissipo.codec.word_pieces import (
    END,
    FIRST,
    MASK,
    SPECIAL,
    UNKNOWN,
    WordPieces,
    vocabulary_from,
)
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.seeds import derive, drawn, numpy_generator
from kissipo.input.documents import DocumentOptions
from kissipo.input.formats.documents import Unit
from kissipo.input.formats.files import existing_path, open_text, path_of
from kissipo.input.pair_dataset import PairColumn, RowMaker, piece_texts
from kissipo.input.passages import PassageCounts, Passages, likely_documents
from kissipo.input.piece_corpus import PieceCorpus, encode_pieces
from kissipo.input.sentence_pairs import PairMaker, Table
from kissipo.input.source import O, Source
from kissipo.input.split import Positions, consecutive, split_rows
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.output.answer import Answer
from kissipo.output.masked_text import MaskedText
from kissipo.pipeline.parse import Component, ResolvedTask
from kissipo.pipeline.pipeline import Pipeline

UNUSED_OPTIONS = (DocumentOptions, "window", "min_count", "questions")
OTHER_DEFAULTS = ("tokenizer", "vocab_size")
_COLUMN = "text"
_VOCAB_SIZE, _LENGTH = 8_000, 128
_MIN_SENTENCES = 20
_MAX_EVALUATED = 10_000  # texts of a split
_MAX_SENTENCES = 200  # of a document; a longer one is cut, so that the splits are mixed
_SPECIAL = re.compile("|".join(map(re.escape, SPECIAL)))
_BEGINS, _ENDS = re.compile(r"^\s*\[CLS\]\s*"), re.compile(r"\s*\[SEP\]\s*$")
_ANY_MASK = re.compile(re.escape(MASK), re.IGNORECASE)


@dataclass(frozen=True)
class _Documents:
    """How a corpus is cut into documents, and the documents of each split.

    limit:   the maximum number of sentences of a document
    number:  the number of documents
    """

    passages: Passages
    unit: Unit
    limit: int
    number: int
    splits: Mapping[str, Positions]

    def sentences(self) -> Iterator[tuple[int, str]]:
        """Yields every sentence with the number of its document."""
        return self.passages.sentences(self.unit, self.limit)

    def is_in(self, split: str) -> NDArray[np.bool_]:
        """Returns for each document whether it is in a split."""
        members = np.zeros(self.number, dtype=bool)
        members[self.splits[split]] = True
        return members

    def training_texts(self) -> Iterator[str]:
        """Yields the sentences of the training documents."""
        is_train = self.is_in("train")
        return (_without_special(text) for number, text in self.sentences() if is_train[number])


def read(source: Source[O], value: object, options: O) -> Passages:
    """Returns the documents of the source."""
    return source.passages(value, options)


def parse_values(
    source: Source[O], values: Sequence[object], options: O, codecs: Sequence[Codec]
) -> Frame:
    """Returns the texts with [MASK]; [CLS] at the start and [SEP] at the end are
    removed."""
    texts: list[str] = []
    for value in values:
        if isinstance(value, Path):
            with open_text(value, "utf-8") as file:
                texts += [line.strip() for line in file if line.strip()]
        else:
            texts.append(str(value))
    bare = [_ENDS.sub("", _BEGINS.sub("", text)) for text in texts]
    return Frame(
        (strings(_COLUMN, [_ANY_MASK.sub(MASK, text) for text in bare]),), origin="the text"
    )


def build(
    reading: Passages, resolved: ResolvedTask, *, seed: int, strict: bool = False
) -> Pipeline:
    """Returns a pipeline; other pieces of its training samples are hidden in every
    step.

    Raises:   DataError for a text that is too short; TaskError for options that do not
              suit.
    """
    _refuse_unsuitable(resolved)
    options, written = resolved.source.options, resolved.source.written
    length = options.max_length or _LENGTH
    has_pairs = resolved.answers[0].options.next_sentence is not False
    counts = reading.counts()
    _refuse_short(reading, counts)
    likely = likely_documents(counts)
    documents = _documents(
        reading, options.documents or cast(Unit, likely.value), counts, resolved, seed
    )
    wanted = options.vocab_size if "vocab_size" in written else _VOCAB_SIZE
    codec = _codec(documents, resolved.source, wanted, length)
    corpus = encode_pieces(
        documents.sentences(),
        lambda texts: codec.ids_of([_without_special(text) for text in texts]),
        vocab_size=codec.spec.vocab_size,
    )
    loss = resolved.losses[0] if resolved.losses else None
    answer = MaskedText(codec, next_sentence=has_pairs, loss=loss)
    maker = RowMaker(
        corpus, answer.mask_rule, codec.special[FIRST], codec.special[END], codec.spec.shape[0]
    )
    tables, left_out = _tables(corpus, documents, maker, has_pairs=has_pairs, seed=seed)
    tables, findings = _limited(tables)
    findings += _findings(
        counts,
        documents,
        corpus,
        codec,
        left_out=left_out,
        is_published=options.tokenizer_file is not None,
    )
    refuse_failures(findings, strict=strict)
    every = piece_texts(_COLUMN, np.concatenate(list(tables.values())), maker, codec.spec.labels)
    inferred: tuple[InferredOption, ...] = (
        InferredOption("input.tokenizer", "wordpieces", "masked text is made of word pieces"),
        likely,
        InferredOption("input.max_length", _LENGTH, "as in the first phase of BERT"),
    )
    if options.tokenizer_file is None:
        size = InferredOption("input.vocab_size", _VOCAB_SIZE, "enough for a small net")
        inferred = (*inferred, size)
    return Pipeline(
        Frame((every,), origin=reading.origin),
        consecutive({name: len(table) for name, table in tables.items()}),
        (codec,),
        (answer,),
        {name: _dataset(table, maker, name) for name, table in tables.items()},
        tuple(findings),
        inferred_options=inferred,
    )


def encode_new(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, evaluated: bool = False
) -> TensorDataset:
    """Returns texts as ids.

    Raises:   DataError for a text without [MASK].
    """
    ids = codecs[0].encode(frame)
    answer = answers[0]
    assert isinstance(answer, MaskedText)
    has_mask = (ids == answer.codec.special[MASK]).any(dim=1)
    if not has_mask.all():
        number = int((~has_mask).nonzero()[0])
        text = str(frame[_COLUMN].show(number))
        cut = f" in its first {ids.shape[1]} pieces" if MASK in text else ""
        raise DataError(
            f"there is no {MASK}{cut} in text {number + 1}",
            got=f"'{text[:80]}'",
            do=f"Write {MASK} in place of the word to guess, for example 'the cat {MASK} .'",
        )
    return TensorDataset((ids,), ())


def _codec(documents: _Documents, source: Component, vocab_size: int, length: int) -> WordPieces:
    """Returns the codec with a published vocabulary, or with a learned one."""
    options = source.options
    lowercase = options.tokenizer != "cased_wordpieces"
    if options.tokenizer_file is None:
        model = vocabulary_from(documents.training_texts, vocab_size, lowercase=lowercase)
    else:
        path = existing_path(path_of(options.tokenizer_file))
        model = read_model(path, lowercase=lowercase)
    codec = WordPieces(
        (_COLUMN,), length=length, vocab_size=vocab_size, lowercase=lowercase, model=model
    )
    return codec.fit(Frame((strings(_COLUMN, []),)))


def _refuse_unsuitable(resolved: ResolvedTask) -> None:
    """Refuses options that have no meaning for masked text."""
    resolved.answers[0].options.refuse_unsuitable("masked")
    tokenizer = resolved.source.options.tokenizer
    is_written = "tokenizer" in resolved.source.written
    if is_written and tokenizer not in ("wordpieces", "cased_wordpieces"):
        raise TaskError(
            "output.text=masked needs word pieces",
            got=f"input.tokenizer={tokenizer}",
            allowed="input.tokenizer=wordpieces or cased_wordpieces",
        )


def _refuse_short(passages: Passages, counts: PassageCounts) -> None:
    if counts.sentences < _MIN_SENTENCES:
        raise DataError(
            f"{passages.origin} is too short to learn from",
            got=f"{counts.sentences} sentences with {counts.words} words"
            if counts.words
            else "no words",
            allowed=f"at least {_MIN_SENTENCES} sentences",
            do="Give a longer text: even a few hundred thousand words are a small corpus",
        )


def _documents(
    passages: Passages, unit: Unit, counts: PassageCounts, resolved: ResolvedTask, seed: int
) -> _Documents:
    """Returns the documents, and which of them are in which split."""
    limit = max(2, min(_MAX_SENTENCES, counts.sentences // _MIN_SENTENCES))
    last = deque(passages.sentences(unit, limit), maxlen=1)
    number = last[0][0] + 1
    split = resolved.general.split
    method = split.method or "random"
    parts = split_rows(number, replace(split, method=method), seed=seed)
    return _Documents(passages, unit, limit, number, parts)


def _tables(
    corpus: PieceCorpus, documents: _Documents, maker: RowMaker, *, has_pairs: bool, seed: int
) -> tuple[dict[str, Table], int]:
    """Returns the samples of each split, and how many sentences are in none."""
    tables, left_out = {}, 0
    room = maker.length - (3 if has_pairs else 2)
    for name in documents.splits:
        sentences = np.flatnonzero(documents.is_in(name)[corpus.documents])
        pairs = PairMaker(corpus, room, numpy_generator(seed, "pairs", name), sentences)
        tables[name] = maker.hashed(pairs.pairs() if has_pairs else pairs.texts())
        left_out += pairs.left_out
    return tables, left_out


def _limited(tables: dict[str, Table]) -> tuple[dict[str, Table], list[Finding]]:
    """Returns the samples, and of large splits for evaluation only some."""
    findings = []
    for name in ("validation", "test"):
        size = len(tables[name])
        tables[name] = tables[name][drawn(size, _MAX_EVALUATED, f"evaluated {name}")]
        if size > _MAX_EVALUATED:
            text = f"{_MAX_EVALUATED:,} of {size:,} texts of the {name} split are evaluated"
            findings.append(Finding("PASS", f"{name} split", text, "set input.split lower"))
    return tables, findings


def _dataset(table: Table, maker: RowMaker, split: str) -> TensorDataset:
    """Returns the samples: without [MASK] for training, with it for evaluation."""
    if split == "train":
        plain = PairColumn(maker, table, "plain")
        return TensorDataset((plain,), (replace(plain, part="targets"),))
    hidden = PairColumn(maker, table, "hidden", seed=derive(0, "evaluated masks"))
    return TensorDataset((hidden,), (replace(hidden, part="hidden_targets"),))


def _findings(
    counts: PassageCounts,
    documents: _Documents,
    corpus: PieceCorpus,
    codec: WordPieces,
    *,
    left_out: int,
    is_published: bool,
) -> list[Finding]:
    """Returns what was read, and what was left out."""
    pieces, vocab_size = len(corpus.pieces), codec.spec.vocab_size
    message = (
        f"{counts.words:,} words in {counts.sentences:,} sentences of {documents.number:,} "
        f"documents; {pieces:,} pieces of {vocab_size:,} different ones"
    )
    findings = [Finding("PASS", "corpus", message)]
    unknown = _count_of(corpus, codec.special[UNKNOWN])
    if unknown:
        text = f"{unknown:,} of {pieces:,} pieces ({unknown / pieces:.2%}) are unknown"
        findings.append(Finding("WARN", "unknown pieces", text))
    if vocab_size < codec.vocab_size and not is_published:
        text = (
            f"the training documents have only {vocab_size:,} pieces, "
            f"not {codec.vocab_size:,}: pieces that occur only once are not learned"
        )
        findings.append(Finding("WARN", "vocabulary", text))
    if counts.words < 100_000:
        text = (
            f"{counts.words:,} words are a small corpus: a net learns little more than frequencies"
        )
        findings.append(Finding("WARN", "small corpus", text))
    if left_out:
        text = f"{left_out:,} short sentences are alone in their document, and are left out"
        findings.append(Finding("WARN", "sentences", text))
    alone = [name for name, part in documents.splits.items() if len(part) == 1]
    if alone:
        text = (
            f"the split {' and '.join(alone)} is one document: a text B that does not follow A "
            "is taken from another place of the same document"
        )
        findings.append(Finding("WARN", "documents", text))
    return findings


def _count_of(corpus: PieceCorpus, piece: int) -> int:
    size = 1 << 22
    starts = range(0, len(corpus.pieces), size)
    return sum(int((corpus.pieces[start : start + size] == piece).sum()) for start in starts)


def _without_special(text: str) -> str:
    """Returns a text of the corpus without the names of special pieces."""
    return _SPECIAL.sub(" ", text) if "[" in text else text
