"""Tags stand at the first token of each word, whatever the tokens are."""

from __future__ import annotations

import pytest

from kissipo.codec.tags import Tags
from kissipo.codec.tokens import Tokens
from kissipo.codec.word_features import WordFeatures, features
from kissipo.codec.word_pieces import WordPieces
from kissipo.core.codec import Codec
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings


def frame(*rows: tuple[str, str]) -> Frame:
    texts, tags = zip(*rows, strict=True)
    return Frame((strings("text", texts), strings("tags", tags)), origin="names.csv")


ROWS = frame(("Ann's in Rio, ok", "B-a O B-b O"), ("Rio", "B-b"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WordFeatures("text", length=5), [[4, 1, 2, 1, 0], [2, 0, 0, 0, 0]]),
        # ann's in rio , ok
        (Tokens("text", length=6), [[4, 1, 2, 0, 1, 0], [2, 0, 0, 0, 0, 0]]),
        # A n n ' s _ i n _ R i o , _ o k
        (
            Tokens("text", unit="characters"),
            [[4, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 1, 0], [2] + [0] * 15],
        ),
    ],
)
def test_the_first_token_of_a_word_has_its_tag(text: Codec, expected: list[list[int]]) -> None:
    codec = Tags("tags", text.fit(ROWS)).fit(ROWS)
    assert codec.labels == ("(padding)", "O", "B-b", "I-b", "B-a", "I-a")
    assert codec.encode(ROWS).tolist() == expected
    assert codec.decode(codec.encode(ROWS)).fingerprint() == ROWS.only(["tags"]).fingerprint()


def test_word_pieces_have_the_tag_at_the_first_piece_of_each_word() -> None:
    text = WordPieces(("text",), vocab_size=40).fit(ROWS)
    codec = Tags("tags", text).fit(ROWS)
    ids = codec.encode(ROWS)
    assert ids.shape == text.encode(ROWS).shape
    for row, pieces in enumerate(text.split_frame(ROWS)):
        starts = [
            step
            for step, word in enumerate(pieces.words)
            if word >= 0 and word != pieces.words[step - 1]
        ]
        assert ids[row].nonzero().flatten().tolist() == starts
    assert ids[0, 0] == 0 and [number for number in ids[0].tolist() if number] == [4, 1, 2, 1]


def test_a_name_that_is_truncated_or_of_another_kind_is_lost() -> None:
    codec = Tags("tags", WordFeatures("text", length=3).fit(ROWS)).fit(ROWS)
    rows = frame(
        ("a Rio Rio Rio", "O B-b B-b I-b"),  # the second name is cut
        ("one two three four", "O O O B-a"),
        ("two", "B-c"),
    )
    assert codec.encode(rows).tolist() == [[1, 2, 0], [1, 1, 1], [0, 0, 0]]
    assert codec.lost(rows) == [["b"], ["a"], ["c"]]


def test_unequal_numbers_of_words_and_tags_are_refused() -> None:
    with pytest.raises(
        DataError,
        match=r"row 2 of names.csv has 2 words and 1 tags in 'tags'; got 'a b' and 'O'. Allowed: ",
    ):
        Tags("tags", WordFeatures("text").fit(ROWS)).fit(frame(("a", "B-x"), ("a b", "O")))


def test_punctuation_is_separated_if_the_training_texts_separate_it() -> None:
    for text, expected in (("a , b", True), ("a, b c", False)):
        rows = frame((text, "O B-x O"))
        assert Tags("tags", WordFeatures("text").fit(rows)).fit(rows).is_separated is expected


def test_a_word_that_was_never_seen_keeps_its_beginning_end_and_shape() -> None:
    codec = WordFeatures("text").fit(frame(("Berlin Madrid", "O O")))
    ids = codec.encode(frame(("Bonnin", "O")))[0, 0].tolist()
    assert [codec.spec.labels[number] for number in ids] == [
        *("(unknown)", "B...", "(unknown)", "shape Xxxx"),
    ]
    assert features("iPhone7") == ("iphone7", "i", "ne7", "xXxxxd")
    (remark,) = codec.remarks(frame(("Bonnin", "O")))
    assert remark.startswith("1 words of 'text' rare or never seen in training ('Bonnin')")
