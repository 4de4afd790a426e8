"""Word pieces: the ids of published models, places of pieces, the same vocabulary."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import BertWordPieceTokenizer

from kissipo.codec._tokenizers import read_model
from kissipo.codec.word_pieces import SPECIAL, WordPieces, vocabulary_from
from kissipo.core.codec import restore, save
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings

WORDS = ["un", "##aff", "##able", "the", "dog", "##s", "run", "!", "'", "don", "t", "東", "京"]
TEXTS = ["the unaffable dogs run !", "Don't run, DOGS", "", "東京 dogs"] * 3


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    pieces = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    path.write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return path


def column(*texts: str | None, name: str = "text") -> Frame:
    return Frame((strings(name, texts),))


def pair(first: list[str], second: list[str]) -> Frame:
    return Frame((strings("a", first), strings("b", second)))


def published(path: Path, *names: str, length: int | None = None) -> WordPieces:
    model = read_model(path, lowercase=True)
    frame = Frame(tuple(strings(name, TEXTS) for name in names))
    return WordPieces(names, length=length, model=model).fit(frame)


def test_ids_are_those_of_the_published_tokenizer(vocabulary: Path) -> None:
    theirs = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    codec = published(vocabulary, "text")
    for row, text in zip(codec.encode(column(*TEXTS)).tolist(), TEXTS, strict=True):
        assert [number for number in row if number] == theirs.encode(text).ids


def test_pairs_are_those_of_the_published_tokenizer(vocabulary: Path) -> None:
    theirs = BertWordPieceTokenizer(str(vocabulary), lowercase=True)
    codec = published(vocabulary, "a", "b")
    (row,) = codec.encode(pair(["the dogs"], ["run!"])).tolist()
    assert [number for number in row if number] == theirs.encode("the dogs", "run!").ids


def test_every_piece_has_its_word_and_its_characters(vocabulary: Path) -> None:
    codec = published(vocabulary, "text")
    text = "  the Dogs don't run"
    (pieces,) = codec.split_frame(column(text))
    assert codec.tokens_of([text]) == [
        "[CLS]",
        "the",
        "dog",
        "##s",
        "don",
        "'",
        "t",
        "run",
        "[SEP]",
    ]
    assert pieces.words == (-1, 0, 1, 1, 2, 2, 2, 3, -1)
    spans = list(zip(pieces.starts, pieces.ends, strict=True))[1:-1]
    assert [text[start:end] for start, end in spans] == ["the", "Dog", "s", "don", "'", "t", "run"]
    assert pieces.sides == (-1, *[0] * 7, -1)


def test_only_the_longer_text_is_truncated(vocabulary: Path) -> None:
    codec = published(vocabulary, "a", "b", length=8)
    frame = pair(["the dog"], ["run " * 9])
    assert codec.tokens_of(["the dog", "run " * 9]) == [
        *("[CLS]", "the", "dog", "[SEP]", "run", "run", "run", "[SEP]")
    ]
    assert codec.split_frame(frame)[0].sides == (-1, 0, 0, -1, 1, 1, 1, -1)
    assert codec.remarks(frame) == ["1 of 1 'a and b' longer than 5 word pieces, truncated"]


def test_unknown_pieces_and_empty_texts_are_counted(vocabulary: Path) -> None:
    codec = published(vocabulary, "text")
    assert codec.remarks(column("the cat", "", None)) == [
        "1 of 2 word pieces of 'text' (50.0%) are not in the vocabulary, read as unknown",
        "2 empty 'text', read as no word pieces",
    ]


def test_a_mask_in_a_text_is_the_masked_word(vocabulary: Path) -> None:
    codec = published(vocabulary, "text")
    assert codec.tokens_of(["the [MASK] run"])[2] == "[MASK]"


def test_saved_codec_encodes_the_same() -> None:
    codec = WordPieces(("text",), vocab_size=80).fit(column(*TEXTS))
    again = restore(json.loads(json.dumps(save(codec))))
    assert again.encode(column(*TEXTS)).equal(codec.encode(column(*TEXTS)))
    assert codec.spec.labels[:5] == SPECIAL and codec.spec == again.spec


def test_learned_pieces_are_the_same_in_every_process() -> None:
    program = (
        "import json; from kissipo.codec.word_pieces import vocabulary_from; "
        f"texts = {TEXTS!r} + ['🤔🤔 ೂಡ', 'ab ba'] * 9; "
        "print(json.dumps(vocabulary_from(lambda: texts, 70, lowercase=True)))"
    )
    models = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
        for _ in range(3)
    }
    assert len(models) == 1


def test_learned_pieces_are_frequent_words() -> None:
    model = vocabulary_from(lambda: ["flying high"] * 9 + ["fly"], 60, lowercase=True)
    assert {"fly", "flying", "high"} <= {*model["model"]["vocab"]}


def test_a_vocabulary_that_is_not_that_of_bert_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("[UNK]\nthe\ndog\n")
    with pytest.raises(DataError, match="not that of a BERT") as error:
        published(path, "text")
    assert "without [PAD], [CLS], [SEP], [MASK]" in str(error.value.got)


def test_a_folder_needs_a_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no vocabulary"):
        read_model(tmp_path, lowercase=True)


def test_a_folder_says_whether_it_reads_lower_case(vocabulary: Path) -> None:
    (vocabulary.parent / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    codec = published(vocabulary.parent, "text")
    assert codec.tokens_of(["The dog"]) == ["[CLS]", "[UNK]", "dog", "[SEP]"]


def test_more_than_two_texts_are_refused() -> None:
    with pytest.raises(DataError, match="one or two texts"):
        WordPieces(("a", "b", "c"))
