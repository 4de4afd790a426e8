"""Subwords: a text <-> ids of pieces of its words, learned from the training split.

bpe          byte-pair encoding: the most frequent pair of neighbors becomes one piece,
             again and again, until the vocabulary has `vocab_size` pieces
wordpieces   such pieces, too, but a word is split from the left
             into the longest pieces that are known; `##` marks a piece inside a word

Both read bytes, and every byte is a piece. So no text is unknown, and `decode` restores
every text that was not truncated exactly, but for capitals with `lowercase`. `Ġ` stands
for a blank before a word. Ids 0, 1 and 2 are padding, unknown, and the end of a text
that is generated; the pieces follow.

A published vocabulary (`model`, the JSON of a tokenizer) is used as it is: what it does
not know is unknown, and its own decoder writes the text.

Shapes:   column (row) -> ids (row, time)
Choices:  The length is that of the longest training text, without a few that are much
          longer, so that one of 10,000 words costs no memory.
Source:   Sennrich, Haddow and Birch 2016; bytes as in Radford et al. 2019; word pieces
          Schuster and Nakajima 2012. The library is `tokenizers`.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("en", ["low lower", "low lowest"]),))
          >>> codec = Subwords("en", vocab_size=261, ends=True).fit(frame)
          >>> codec.split_tokens("low low")
          [' low', ' low']
          >>> codec.decode(codec.encode(frame))["en"].texts()
          ['low lower', 'low lowest']
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec._text_remarks import text_remarks, unknown_pieces
from kissipo.codec._tokenizers import (
    INSIDE,
    UNKNOWN_NAMES,
    as_json,
    library,
    load,
    pieces_of,
)
from kissipo.codec.target_tokens import END, TargetTokens
from kissipo.codec.tokens import PADDING, UNKNOWN, Tokens, longest
from kissipo.core.codec import refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.tensor_spec import TensorSpec

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.models import Model

Algorithm = Literal["bpe", "wordpieces"]
UNIT = "subwords"
_MAX_PIECE = 64  # bytes; a longer word is cut, so that no word is slow to split
_REMEMBERED = 100_000  # texts


class Subwords(TargetTokens):
    """Encodes texts as ids of learned subwords.

    ends:           whether a text is generated, and has an end
    vocabulary_of:  the columns from which the vocabulary is learned; the own column
                    when omitted
    model:          the JSON of a tokenizer, instead of a vocabulary that is learned
    """

    KIND: ClassVar[str] = "subwords"
    FIELDS = (
        "column",
        "algorithm",
        "length",
        "vocab_size",
        "lowercase",
        "ends",
        "vocabulary_of",
        "model",
    )

    def __init__(
        self,
        column: str,
        *,
        algorithm: Algorithm = "bpe",
        length: int | None = None,
        vocab_size: int = 8_000,
        lowercase: bool = False,
        ends: bool = False,
        vocabulary_of: tuple[str, ...] = (),
        model: JsonObject | None = None,
    ) -> None:
        super().__init__(column, length=length, vocab_size=vocab_size)
        self.unit = UNIT
        self.algorithm, self.lowercase, self.ends = algorithm, lowercase, ends
        self.vocabulary_of, self.model = vocabulary_of or (column,), model
        self._tokenizer: Tokenizer | None = None
        self._readable_labels: tuple[str, ...] = ()
        self._done: dict[str, list[int]] = {}  # ids of the texts that were split last

    @property
    def spec(self) -> TensorSpec:
        labels = (*self.SPECIAL, *(self.vocabulary or ()))
        shape = (self.length or 0,)
        return TensorSpec(self.column, ("time",), shape, len(labels), labels, True, UNIT)

    @property
    def max_tokens(self) -> int:
        return max(1, (self.length or 1) - self.ends)

    def fit(self, frame: Frame) -> Self:
        if self.model is None:
            columns = [frame[name] for name in self.vocabulary_of]
            self.model = _train(
                self.algorithm,
                [
                    text
                    for column in columns
                    for text, count in column.counts().items()
                    for _ in range(count)
                ],
                self.vocab_size,
                lowercase=self.lowercase,
            )
        self._load(self.model)
        if self.length is None:
            counts = frame[self.column].counts()
            pieces = self._encoded(list(counts))
            lengths = np.repeat([len(ids) for ids in pieces], list(counts.values()))
            self.length = longest(lengths) + self.ends
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self.vocabulary, self)
        column, length = frame[self.column], self.length or 1
        used = np.unique(column.values[column.values >= 0])
        table = np.zeros((len(used) + 1, length), dtype=np.int64)
        table_rows = np.full(len(column.categories) + 1, len(used))
        table_rows[used] = np.arange(len(used))
        for row, ids in enumerate(self._encoded([column.categories[code] for code in used])):
            ids = [*ids, END][:length] if self.ends else ids[:length]
            table[row, : len(ids)] = ids
        if self.ends:
            table[len(used), 0] = END
        return torch.from_numpy(table[table_rows[column.values]])

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self.vocabulary, self)
        has_ended = (tensor == END).cumsum(dim=-1) > 0
        first = len(self.SPECIAL)
        rows = [
            [number - first if number >= first else self._unknown for number in row if number]
            for row in torch.where(has_ended, PADDING, tensor).tolist()
        ]
        pieces = [[number for number in row if number is not None] for row in rows]
        texts = self._fitted.decode_batch(pieces, skip_special_tokens=False)
        return Frame((strings(self.column, [text.removeprefix(" ") for text in texts]),))

    def split_tokens(self, text: str) -> list[str]:
        labels = self.readable_labels
        return [labels[number] for number in self._encode_text(text)[: self.max_tokens]]

    @property
    def readable_labels(self) -> tuple[str, ...]:
        return self._readable_labels or self.spec.labels

    @property
    def joiner(self) -> str:
        decoder = self._fitted.decoder  # without one, the library writes blanks
        return " " if decoder is None else str(decoder.decode(["a", "b"])).strip()[1:-1]

    def for_target(self, column: str) -> Tokens:
        is_shared = len(self.vocabulary_of) > 1
        return Subwords(
            column,
            algorithm=self.algorithm,
            length=self.length,
            vocab_size=self.vocab_size,
            lowercase=self.lowercase,
            ends=True,
            vocabulary_of=self.vocabulary_of if is_shared else (),
            model=self.model,
        )

    def _remarks(self, frame: Frame, *, with_unknown: bool) -> list[str]:
        texts = [text or "" for text in frame[self.column].texts()]
        pieces = self._encoded(texts)
        unknown = sum(ids.count(UNKNOWN) for ids in pieces) if with_unknown else 0
        total = sum(map(len, pieces))
        return text_remarks(
            self.column,
            UNIT,
            texts=len(texts),
            length=self.max_tokens,
            truncated=sum(len(ids) > self.max_tokens for ids in pieces),
            empty=sum(not ids for ids in pieces),
            unknown=unknown_pieces(self.column, UNIT, unknown=unknown, pieces=total),
        )

    def fitted_options(self) -> tuple[InferredOption, ...]:
        return ()

    def state(self) -> JsonObject:
        return {**super().state(), "model": self.model}

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        """Builds the codec with its vocabulary, from the JSON of the tokenizer."""
        values = dict(state)
        model = values.pop("model")
        values["vocabulary_of"] = tuple(values["vocabulary_of"])
        codec = cls(**values, model=model)
        if model is not None:
            codec._load(model)
        return codec

    def describe(self) -> str:
        end = " and an end" if self.ends else ""
        count = f"{len(self.vocabulary or ()):,} known"
        return f"{self.algorithm} -> ids{end}, {count}, {self.length} per text"

    @property
    def _fitted(self) -> Tokenizer:
        assert self._tokenizer is not None
        return self._tokenizer

    def _load(self, model: JsonObject) -> None:
        """Sets the tokenizer and the vocabulary."""
        self._tokenizer = load(model, self.column)
        self._done = {}
        ids = self._tokenizer.get_vocab()
        unknown = next((ids[name] for name in UNKNOWN_NAMES if name in ids), None)
        self._unknown: int | None = unknown
        self._set_vocabulary(pieces_of(self._tokenizer))
        self._readable_labels = (*self.SPECIAL, *self._readable(self.vocabulary or ()))

    def _readable(self, pieces: Sequence[str]) -> Sequence[str]:
        """Returns the pieces with their bytes as characters; a part of one stays."""
        if "ByteLevel" not in json.dumps((self.model or {}).get("decoder")):
            return pieces
        bytes_ = library().decoders.ByteLevel()
        texts = [bytes_.decode([piece]) for piece in pieces]
        return [
            piece if "\ufffd" in text else text for text, piece in zip(texts, pieces, strict=True)
        ]

    def _encode_text(self, text: str) -> list[int]:
        return self._encoded([text])[0]

    def _encoded(self, texts: list[str]) -> list[list[int]]:
        """Returns the ids of each text, without an end, before it is truncated."""
        first, unknown = len(self.SPECIAL), self._unknown
        fresh = list(dict.fromkeys(text for text in texts if text not in self._done))
        if len(self._done) + len(fresh) > _REMEMBERED:
            self._done, fresh = {}, list(dict.fromkeys(texts))
        encodings = self._fitted.encode_batch_fast(fresh, add_special_tokens=False)
        for text, encoding in zip(fresh, encodings, strict=True):
            self._done[text] = [
                UNKNOWN if number == unknown else number + first for number in encoding.ids
            ]
        return [self._done[text] for text in texts]


def _train(
    algorithm: Algorithm, texts: list[str], vocab_size: int, *, lowercase: bool
) -> JsonObject:
    """Returns the JSON of a tokenizer that is learned from these texts."""
    tokenizers = library()
    bytes_ = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    inside = [INSIDE + byte for byte in bytes_] if algorithm == "wordpieces" else []
    if vocab_size < len(bytes_) + len(inside):
        raise DataError(
            f"input.vocab_size is too small for {algorithm}, of which every byte is a piece",
            got=str(vocab_size),
            allowed=f"at least {len(bytes_) + len(inside)}",
        )
    models, trainers = tokenizers.models, tokenizers.trainers
    tokenizer = _byte_level(models.BPE() if algorithm == "bpe" else models.WordPiece(), lowercase)
    trainer = trainers.BpeTrainer if algorithm == "bpe" else trainers.WordPieceTrainer
    tokenizer.train_from_iterator(
        texts,
        trainer(
            vocab_size=vocab_size,
            min_frequency=2,
            show_progress=False,
            initial_alphabet=bytes_,
            special_tokens=inside,  # first in the vocabulary, whatever is seen first
        ),
    )
    if algorithm == "bpe":
        return as_json(tokenizer)
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    model = models.WordPiece(
        {piece: number for number, (piece, _) in enumerate(pieces)},
        unk_token=bytes_[0],  # never used: every byte is a piece
        continuing_subword_prefix=INSIDE,
        max_input_chars_per_word=4 * _MAX_PIECE,
    )
    return as_json(_byte_level(model, lowercase))


def _byte_level(model: Model, lowercase: bool) -> Tokenizer:
    """Returns a tokenizer of bytes whose decoder restores every text.

    A blank before the text makes its first word like the others. The character # is a
    piece of its own, so that `##` is always the mark of a piece inside a word.
    """
    tokenizers = library()
    normalizers, pre_tokenizers, decoders = (
        tokenizers.normalizers,
        tokenizers.pre_tokenizers,
        tokenizers.decoders,
    )
    tokenizer = tokenizers.Tokenizer(model)
    changes = [normalizers.Prepend(" ")]
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), *changes] if lowercase else changes
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split("#", "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            pre_tokenizers.FixedLength(_MAX_PIECE),
        ]
    )
    inside = tokenizers.Regex(f"^{INSIDE}")
    tokenizer.decoder = decoders.Sequence([decoders.Replace(inside, ""), decoders.ByteLevel()])
    return tokenizer


CODEC = Subwords
