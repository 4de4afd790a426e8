"""Subwords: exact round trips of any text, published vocabularies, the same pieces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from kissipo.codec._tokenizers import read_model
from kissipo.codec.subwords import Subwords
from kissipo.codec.target_tokens import END
from kissipo.core.codec import restore, save
from kissipo.core.errors import DataError, MissingExtraError
from kissipo.core.frame import Frame, strings

TEXTS = ["low lower lowest", "new newer newest", "wide wider widest", "low new wide"] * 3
ODD = [
    "",
    " a",
    "a  b ",
    "##a #b ###",
    "👩‍👩‍👧 ok",
    "\x00\t\nx",
    "繁體 mixed",
    "x" * 3000,
    "Ġ ##Ġ",
    "e\u0301",
]
BOTH = pytest.mark.parametrize("algorithm", ["bpe", "wordpieces"])


def column(*texts: str | None) -> Frame:
    return Frame((strings("text", texts),))


def fitted(algorithm: str, **options: Any) -> Subwords:
    words: dict[str, Any] = {"algorithm": algorithm, "vocab_size": 620, "length": 4000}
    codec = Subwords("text", **words, **options)
    return codec.fit(column(*TEXTS))


CODECS = {name: fitted(name, ends=True) for name in ("bpe", "wordpieces")}


@BOTH
def test_odd_texts_come_back_exactly(algorithm: str) -> None:
    codec = CODECS[algorithm]
    assert codec.decode(codec.encode(column(*ODD)))["text"].texts() == ODD


@BOTH
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_any_text_comes_back_exactly(algorithm: str, texts: list[str]) -> None:
    codec = CODECS[algorithm]
    assert codec.decode(codec.encode(column(*texts)))["text"].texts() == texts


@BOTH
def test_ids_are_those_of_the_saved_tokenizer(algorithm: str) -> None:
    """Three ids come first: padding, unknown and end."""
    codec = CODECS[algorithm]
    witness = Tokenizer.from_str(json.dumps(codec.state()["model"]))
    for text in ("low newest", "unseen #words"):
        ids = codec.encode(column(text))[0]
        pieces = [int(number) for number in ids if number]
        assert pieces[-1] == END
        assert [number - 3 for number in pieces[:-1]] == witness.encode(text).ids
        readable = [decoders.ByteLevel().decode([piece]) for piece in witness.encode(text).tokens]
        assert codec.split_tokens(text) == readable


def test_bpe_merges_the_most_frequent_pair_first() -> None:
    """By hand: " low", " new" and " wide" are in all twelve texts, and so merged."""
    assert CODECS["bpe"].split_tokens("low new wide") == [" low", " new", " wide"]
    small = Subwords("text", vocab_size=257).fit(column("ab ab", "ab ac"))
    assert small.vocabulary is not None and small.vocabulary[-1] == "Ġa"


@BOTH
def test_saved_codec_is_equal_and_readable(algorithm: str) -> None:
    codec = CODECS[algorithm]
    text = json.dumps(save(codec))
    assert '"vocab"' in text and ("merges" in text) == (algorithm == "bpe")
    again = restore(json.loads(text))
    assert again.spec == codec.spec
    assert again.encode(column(*ODD)).equal(codec.encode(column(*ODD)))
    assert again.state() == codec.state()


def test_vocabulary_does_not_depend_on_the_process() -> None:
    code = (
        "from tests.codec.test_subwords import CODECS\n"
        "import hashlib, json\n"
        "print([hashlib.sha256(json.dumps(c.state()['model']).encode()).hexdigest()"
        " for c in CODECS.values()])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    import hashlib

    here = [
        hashlib.sha256(json.dumps(codec.state()["model"]).encode()).hexdigest()
        for codec in CODECS.values()
    ]
    assert done.stdout.strip() == str(here)


def test_lower_case_and_shared_vocabularies() -> None:
    codec = fitted("bpe", lowercase=True)
    assert codec.decode(codec.encode(column("LOW Ünï")))["text"].texts() == ["low ünï"]
    frame = Frame((strings("en", ["aaaa bbbb"] * 4), strings("de", ["cccc dddd"] * 4)))
    source = Subwords("en", vocab_size=270, vocabulary_of=("en", "de")).fit(frame)
    target = source.for_target("de").fit(frame)
    assert source.spec.labels == target.spec.labels
    assert "Ġcccc" in source.spec.labels
    alone = Subwords("en", vocab_size=270).for_target("de").fit(frame)
    assert "Ġaaaa" not in alone.spec.labels and "Ġcccc" in alone.spec.labels


def test_only_much_longer_texts_are_cut_and_counted() -> None:
    texts = ["low new"] * 500 + ["low " * 10_000]
    codec = Subwords("text", vocab_size=300, ends=True).fit(column(*texts))
    assert codec.spec.shape == (257,)
    assert codec.remarks(column(*texts)) == ["1 of 501 'text' longer than 256 subwords, truncated"]
    assert codec.decode(codec.encode(column(texts[-1])))["text"].texts() == [
        " ".join(["low"] * 257).strip()[: 257 * 4 - 1]
    ]


def test_published_vocabularies_are_read(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\nlow\n##er\nnew\n", "utf-8")
    codec = Subwords("text", length=3, model=read_model(path, lowercase=True))
    codec.fit(column("low"))
    assert codec.split_tokens("Lower new") == ["low", "##er", "new"]
    assert codec.encode(column("low odd"))[0].tolist() == [5, 1, 0]
    assert codec.remarks(column("low odd")) == [
        "1 of 2 subwords of 'text' (50.0%) are not in the vocabulary, read as unknown",
    ]
    json_path = tmp_path / "tokenizer.json"
    json_path.write_text(json.dumps(CODECS["bpe"].state()["model"]), "utf-8")
    again = Subwords("text", model=read_model(json_path, lowercase=False)).fit(column("low"))
    assert again.vocabulary == CODECS["bpe"].vocabulary


def test_the_joiner_is_what_the_library_writes_between_pieces() -> None:
    vocabulary = {"[UNK]": 0, "S": 1, "T": 2}
    kinds = {" ": [None, decoders.WordPiece("##")], "": [decoders.ByteLevel(), decoders.Fuse()]}
    for joiner, several in kinds.items():
        for decoder in several:
            tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
            tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
            if decoder is not None:
                tokenizer.decoder = decoder
            codec = Subwords("text", ends=True, model=json.loads(tokenizer.to_str()))
            codec.fit(column("S T S"))
            written = codec.joiner.join(codec.split_tokens("S T S"))
            assert written == joiner.join("STS")
            assert codec.decode(codec.encode(column("S T S")))["text"].texts() == [written]
    assert [codec.joiner for codec in CODECS.values()] == ["", ""]


def test_readable_labels_are_computed_once() -> None:
    codec = CODECS["bpe"]
    assert " low" in codec.readable_labels
    assert codec.readable_labels is codec.readable_labels


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer.json", "{}", "is not the file of a tokenizer"),
        ("tokenizer.json", "{", "is not JSON"),
        ("vocab.txt", "a\na\n", "is not a vocabulary of word pieces"),
    ],
    ids=["no model", "no JSON", "repeated"],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(DataError, match=message):
        read_model(tmp_path / name, lowercase=False)


def test_refusals_name_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="too small for wordpieces"):
        Subwords("text", algorithm="wordpieces", vocab_size=300).fit(column("a"))
    with pytest.raises(DataError, match="was not fitted"):
        Subwords("text").encode(column("a"))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError, match=r"kissipo\[language\]"):
        Subwords("text").fit(column("a"))
