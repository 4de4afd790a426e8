"""Pairs of texts of a corpus: what follows, what does not, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from kissipo.codec._masking import MaskRule
from kissipo.input import piece_corpus
from kissipo.input.pair_dataset import PairColumn, RowMaker, piece_texts
from kissipo.input.passages import PassageCounts, Passages, likely_documents
from kissipo.input.piece_corpus import PieceCorpus, encode_pieces
from kissipo.input.sentence_pairs import ALONE, NEXT, OTHER, PairMaker

ROOM = 24


def corpus(sizes: Sequence[Sequence[int]], *, vocab_size: int = 60_000) -> PieceCorpus:
    """A corpus whose pieces are 5, 6, 7 ...; the sizes are those of its sentences."""
    numbers = iter(range(5, 60_000))
    sentences = [
        (document, " ".join(str(next(numbers)) for _ in range(size)))
        for document, some in enumerate(sizes)
        for size in some
    ]
    encode = lambda texts: [[int(piece) for piece in text.split()] for text in texts]  # noqa: E731
    return encode_pieces(sentences, encode, vocab_size=vocab_size)


def maker(pieces: PieceCorpus, seed: int = 0, documents: Sequence[int] = ()) -> PairMaker:
    some = np.isin(pieces.documents, documents) if documents else np.ones(len(pieces.documents))
    generator = np.random.default_rng(seed)
    return PairMaker(pieces, ROOM, generator, np.flatnonzero(some))


def random_corpus() -> PieceCorpus:
    generator = np.random.default_rng(2)
    return corpus([generator.integers(1, 12, generator.integers(2, 30)) for _ in range(60)])


def document_of(pieces: PieceCorpus, piece: int) -> int:
    sentence = int(np.searchsorted(pieces.sentences, piece, side="right")) - 1
    return int(pieces.documents[sentence])


def test_pairs_follow_or_are_of_another_document() -> None:
    pieces = random_corpus()
    starts = pieces.sentences
    last = np.flatnonzero(np.diff(pieces.documents, append=-1))  # it may be alone, and divided
    borders = {*starts.tolist(), *(starts[last] + np.diff(starts)[last] // 2).tolist()}
    sizes = dict(zip(starts[last].tolist(), np.diff(starts)[last].tolist(), strict=True))
    table = maker(pieces).pairs()
    assert len(table) > 200
    for first, length, second, second_length, label in table.tolist():
        assert length > 0 < second_length and length + second_length <= ROOM
        assert {first, first + length, second} <= borders
        same = document_of(pieces, first) == document_of(pieces, second)
        if label == NEXT:
            assert second == first + length and same
        else:
            assert label == OTHER and not same
        is_full = length + second_length == ROOM
        ends = second + second_length in starts[last + 1]
        assert is_full or ends or length + second_length == sizes.get(first)


def test_half_of_the_pairs_follow_and_no_length_gives_it_away() -> None:
    tables = [maker(random_corpus(), seed).pairs() for seed in range(8)]
    table = np.concatenate(tables)
    follows = table[:, 4] == NEXT
    assert follows.mean() == pytest.approx(0.5, abs=0.04)
    for column in (1, 3):
        means = [table[some, column].mean() for some in (follows, ~follows)]
        assert means[0] == pytest.approx(means[1], rel=0.1)


def test_every_sentence_of_the_split_is_read_and_no_other() -> None:
    pieces = random_corpus()
    some = (3, 7, 20, 21)
    table = maker(pieces, documents=some).pairs()
    read = {
        document_of(pieces, piece)
        for first, length, second, second_length, _ in table.tolist()
        for piece in (*range(first, first + length), *range(second, second + second_length))
    }
    assert read == {*some}
    places = {p for row in table.tolist() for p in range(row[0], row[0] + row[1])}
    places |= {p for row in table.tolist() for p in range(row[2], row[2] + row[3])}
    starts = pieces.sentences
    whole = [
        p
        for d in some
        for s in np.flatnonzero(pieces.documents == d)
        for p in range(*starts[s : s + 2])
    ]
    assert len(places & {*whole}) > 0.9 * len(whole)


def test_a_lonely_sentence_is_divided_and_a_short_one_is_counted() -> None:
    pairs = maker(corpus([[9], [3], [8], [7]]))
    table = pairs.pairs()
    assert len(table) == 3 and pairs.left_out == 1
    first, length, second, second_length, label = table[0].tolist()
    assert (first, length) == (0, 4)
    if label == NEXT:
        assert (second, second_length) == (4, 5)


def test_a_long_sentence_is_cut() -> None:
    for seed in range(6):
        table = maker(corpus([[100, 90], [80, 5, 70], [3, 200]]), seed).pairs()
        assert ((table[:, 1] + table[:, 3] <= ROOM) & (table[:, [1, 3]] > 0).all(axis=1)).all()


def test_texts_alone_fill_their_rows() -> None:
    table = maker(corpus([[10, 10, 10, 10], [30, 4]])).texts()
    assert table.tolist() == [
        [0, 24, 0, 0, ALONE],
        [24, 16, 0, 0, ALONE],
        [40, 24, 0, 0, ALONE],
        [64, 10, 0, 0, ALONE],
    ]


def test_one_document_takes_other_places_of_itself() -> None:
    table = maker(corpus([[5] * 40])).pairs()
    assert {*table[:, 4].tolist()} == {NEXT, OTHER}


def test_many_pieces_are_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = random_corpus()
    monkeypatch.setattr(piece_corpus, "_BYTES_IN_MEMORY", 100)
    monkeypatch.setattr(piece_corpus, "_TEXTS", 7)
    on_disk = random_corpus()
    assert isinstance(on_disk.pieces, np.memmap) and on_disk.pieces.dtype == np.uint16
    assert np.array_equal(in_memory.pieces, on_disk.pieces)
    assert np.array_equal(in_memory.sentences, on_disk.sentences)
    assert corpus([[4]], vocab_size=1 << 17).pieces.dtype == np.int32


def test_rows_targets_and_texts() -> None:
    pieces = corpus([[3, 2], [4]])
    rows = RowMaker(pieces, MaskRule((0, 1, 2, 3, 4), 4, 99), first=2, end=3, length=10)
    table = rows.hashed(np.array([[0, 3, 3, 2, NEXT], [5, 4, 0, 0, ALONE]]))
    plain = PairColumn(rows, table, "plain")
    whole = [[2, 5, 6, 7, 3, 8, 9, 3, 0, 0], [2, 10, 11, 12, 13, 3, 0, 0, 0, 0]]
    assert plain.read(slice(0, 2)).tolist() == whole
    targets = PairColumn(rows, table, "targets").read(torch.tensor([1, 0])).tolist()
    assert targets == [[0, *whole[1][1:]], [2, *whole[0][1:]]]
    hidden = PairColumn(rows, table, "hidden", seed=3)
    read = hidden.read(slice(0, 2))
    truth = replace(hidden, part="hidden_targets").read(slice(0, 2))
    assert truth[:, 0].tolist() == [2, 0] and (truth[:, 1:] > 0).sum(dim=1).tolist() == [1, 1]
    for row, line in enumerate(whole):
        for place in range(1, 10):
            is_hidden = int(read[row, place]) == 4
            assert int(truth[row, place]) == (line[place] if is_hidden else 0)
            assert is_hidden or int(read[row, place]) == line[place]
    # the hidden pieces are a function of the sample, wherever it stands
    assert torch.equal(hidden.take(torch.tensor([1])).read(slice(0, 1))[0], read[1])
    labels = ["[PAD]", "", "[CLS]", "[SEP]", "[MASK]", *"abc", "##d", *"efghij"]
    texts = piece_texts("text", table, rows, labels)
    assert [texts.show(0), texts.show(1)] == ["a b c [SEP]d e", "f g h i"]


LINES = ["A b. C d!", "", "E f?", "g", "", "", "H."]


@pytest.mark.parametrize(
    ("unit", "limit", "numbers"),
    [
        ("file", 9, [0, 0, 0, 0, 0, 1]),
        ("paragraph", 9, [0, 0, 1, 1, 2, 3]),
        ("line", 9, [0, 0, 1, 2, 3, 4]),
        ("file", 2, [0, 0, 1, 1, 2, 3]),
    ],
)
def test_documents_are_files_paragraphs_or_lines(unit: str, limit: int, numbers: list[int]) -> None:
    passages = Passages(lambda: [LINES, [], ["  "], ["I"]], "two files")
    sentences = list(passages.sentences(unit, limit))  # type: ignore[arg-type]
    assert [number for number, _ in sentences] == numbers
    assert [text for _, text in sentences] == ["A b.", "C d!", "E f?", "g", "H.", "I"]
    assert passages.counts() == PassageCounts(2, 4, 5, 6, 9)


def test_documents_are_inferred() -> None:
    cases = [
        (PassageCounts(1, 40, 40, 400, 8_000), "paragraph"),
        (PassageCounts(1, 4_000, 4_000, 8_000, 80_000), "file"),
        (PassageCounts(1, 1, 4_000, 8_000, 80_000), "file"),
        (PassageCounts(30, 30, 300, 900, 9_000), "file"),
    ]
    for counts, unit in cases:
        assert likely_documents(counts).value == unit
