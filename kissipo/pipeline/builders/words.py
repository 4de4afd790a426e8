"""Builds the pipeline of word vectors: a corpus in blocks, and questions about words.

The frame has one row per word of the vocabulary, the most frequent first, and then one
row per question. The training split are the words, the test split the questions;
without questions it is the most frequent words.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.word_terms import WordTerms
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError, TaskError
from kissipo.core.finding import Finding, refuse_failures
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.input.corpus import MAX_LINE, Corpus, WordCounts, count_words, encode_corpus
from kissipo.input.datasets.download import look_for
from kissipo.input.documents import DocumentOptions
from kissipo.input.formats.files import existing, path_of
from kissipo.input.source import Source
from kissipo.input.tensor_dataset import TensorDataset
from kissipo.input.word_questions import WordQuestion, covered, read_word_questions
from kissipo.output.answer import Answer
from kissipo.output.vectors.word_vectors import Kind, QuestionSet, WordVectors
from kissipo.pipeline.parse import Component, ResolvedTask
from kissipo.pipeline.pipeline import Pipeline

UNUSED_OPTIONS = (DocumentOptions, "documents", "window", "split", "tokenizer_file", "max_length")
OTHER_DEFAULTS = ("tokenizer", "vocab_size")
_COLUMN = "words"
_MIN_COUNT = 5
_NUM_FREQUENT = 200  # frequent words that are evaluated where there are no questions
_FEW = 20  # words with which hardly anything can be learned


def read(source: Source[object], value: object, options: object) -> Corpus:
    """Returns the lines of the source."""
    return source.corpus(value, options)


def parse_values(
    source: Source[object], values: Sequence[object], options: object, codecs: Sequence[Codec]
) -> Frame:
    """Returns the words, sums and comparisons to answer."""
    return Frame((strings(_COLUMN, [str(value) for value in values]),), origin="the words")


def build(reading: Corpus, resolved: ResolvedTask, *, seed: int, strict: bool = False) -> Pipeline:
    """Returns a pipeline whose training samples are blocks of the corpus."""
    _refuse_other_tokens(resolved.source)
    options, is_written = resolved.source.options, resolved.source.written
    min_count = options.min_count or _MIN_COUNT
    counted = count_words(reading)
    limit = options.vocab_size if "vocab_size" in is_written else None
    words = _vocabulary(counted, reading, min_count, limit)
    findings = _corpus_findings(counted, words, min_count)
    sets, questions = _questions(options.questions, set(words), findings)
    answer = WordVectors(top_k=resolved.answers[0].options.decode.top_k, sets=sets)
    answer.fit(Frame((strings(answer.name, words),)))
    codec = WordTerms(_COLUMN).fit(Frame((strings(_COLUMN, words),)))
    blocks = encode_corpus(reading, words)
    if not len(blocks):
        raise DataError(
            f"no line of {reading.origin} has two known words, so that no word has a context",
            do="Give a text with sentences, or lower input.min_count",
        )
    refuse_failures(findings, strict=strict)
    rows = [*words, *(question.text for _, question in questions)]
    counts = [*map(counted.counts.__getitem__, words), *[None] * len(questions)]
    frame = Frame((strings(_COLUMN, rows), numbers("count", counts)), origin=reading.origin)
    everything = np.arange(len(words))
    tested = len(words) + np.arange(len(questions)) if questions else everything[:_NUM_FREQUENT]
    test = TensorDataset(
        (codec.encode(frame.take(tested)),), (_targets(questions, words, len(tested)),)
    )
    train = TensorDataset((blocks,), (torch.zeros(len(blocks), 3, dtype=torch.float64),))
    return Pipeline(
        frame,
        {"train": everything, "validation": everything[:0], "test": tested},
        (codec,),
        (answer,),
        {"train": train, "validation": test.take(slice(0, 0)), "test": test},
        tuple(findings),
        inferred_options=(InferredOption("input.min_count", _MIN_COUNT, "as in word2vec"),),
    )


def encode_new(
    frame: Frame, codecs: Sequence[Codec], answers: Sequence[Answer], *, evaluated: bool = False
) -> TensorDataset:
    """Returns questions as ids."""
    return TensorDataset((codecs[0].encode(frame),), ())


def _refuse_other_tokens(source: Component) -> None:
    tokenizer = source.options.tokenizer
    if "tokenizer" in source.written and tokenizer != "words":
        raise TaskError(
            f"output.vectors=words does not take input.tokenizer={tokenizer}",
            allowed="words, which are divided by blanks and punctuation alone",
            do="Leave it out: in scripts without blanks each character is a word",
        )


def _vocabulary(
    counted: WordCounts, corpus: Corpus, min_count: int, vocab_size: int | None
) -> tuple[str, ...]:
    """Returns the frequent words, in alphabetical order where counts are equal.

    Raises:   DataError when fewer than two words are left.
    """
    if not counted.counts:
        raise DataError(
            f"{corpus.origin} has no words",
            got="no letters and no digits",
            allowed="a text with sentences",
        )
    frequent = [(word, count) for word, count in counted.counts.items() if count >= min_count]
    frequent.sort(key=lambda pair: (-pair[1], pair[0]))
    if len(frequent) < 2:
        top, count = counted.counts.most_common(1)[0]
        raise DataError(
            f"{corpus.origin} has too few frequent words: input.min_count={min_count} leaves "
            f"{len(frequent)}",
            got=f"{len(counted.counts):,} different words; the most frequent one, '{top}', "
            f"occurs {count:,} times",
            allowed="at least two words that occur often enough",
            do="Give a longer text" + ("" if min_count == 1 else ", or set input.min_count=1"),
        )
    return tuple(word for word, _ in frequent[:vocab_size])


def _corpus_findings(counted: WordCounts, words: tuple[str, ...], min_count: int) -> list[Finding]:
    """Returns what was read, and what was left out."""
    covered_total = sum(counted.counts[word] for word in words)
    share = covered_total / counted.total
    message = (
        f"{counted.total:,} words in {counted.lines:,} lines; {len(words):,} of "
        f"{len(counted.counts):,} different words are kept (at least {min_count} times), "
        f"which are {share:.1%} of the text"
    )
    findings = [Finding("PASS", "corpus", message)]
    possible = sum(count >= min_count for count in counted.counts.values())
    if possible > len(words):
        text = (
            f"{possible - len(words):,} words that are frequent enough are left out: "
            f"input.vocab_size={len(words)}"
        )
        findings.append(Finding("WARN", "vocabulary", text))
    if len(words) < _FEW:
        text = f"{len(words)} words are hardly enough for vectors"
        findings.append(Finding("WARN", "vocabulary", text))
    if counted.cut:
        text = f"{counted.cut:,} lines were cut into sentences of {MAX_LINE:,} words"
        findings.append(Finding("WARN", "long lines", text))
    if counted.forgotten:
        text = f"too many different words: counts of rare ones are too low by {counted.forgotten}"
        findings.append(Finding("WARN", "vocabulary", text))
    return findings


def _questions(
    path: str | None, vocabulary: set[str], findings: list[Finding]
) -> tuple[list[QuestionSet], list[tuple[int, WordQuestion]]]:
    """Returns the files of questions, and their covered questions with the file."""
    sets: list[QuestionSet] = []
    questions: list[tuple[int, WordQuestion]] = []
    for name, every in (read_word_questions(_question_path(path)) if path else {}).items():
        in_vocabulary = covered(every, vocabulary)
        is_rare = 2 * len(in_vocabulary) < len(every)
        message = (
            f"{name}: {len(in_vocabulary):,} of {len(every):,} have all words in the vocabulary"
        )
        findings.append(Finding("WARN" if is_rare else "PASS", "questions", message))
        if in_vocabulary:
            questions += [(len(sets), question) for question in in_vocabulary]
            kind: Kind = "analogy" if every[0].answer else "similarity"
            sets.append(QuestionSet(name, kind, len(in_vocabulary), len(every)))
    return sets, questions


def _question_path(name: str) -> Path:
    """Returns the path, or the folder of this name among the data sets."""
    path = path_of(name)
    return path if path.exists() else look_for(name, "") or existing(path)


def _targets(
    questions: Sequence[tuple[int, WordQuestion]], words: tuple[str, ...], count: int
) -> Tensor:
    """Returns similarity, id of the answer and file of each question."""
    if not questions:
        return torch.tensor([[float("nan"), 0.0, -1.0]], dtype=torch.float64).repeat(count, 1)
    ids = {word: number for number, word in enumerate(words, 1)}
    rows = [
        [question.human, ids[question.answer] if question.answer else 0, number]
        for number, question in questions
    ]
    return torch.tensor(rows, dtype=torch.float64)
