"""Word pieces: one or two texts <-> ids of pieces of words, as BERT reads them.

one text    [CLS] a [SEP]
two texts   [CLS] a [SEP] b [SEP]

A word is split from the left into the longest pieces of the vocabulary; `##` marks a
piece inside a word. The vocabulary is learned from the training split, or that of a
published model (`model`, the JSON of a tokenizer), whose ids stay as they are. `[MASK]`
in a text is the masked word. Case and accents are lost with `lowercase`, and blanks
around punctuation marks.

Shapes:   column (row) -> ids (row, time); two columns -> the same
Choices:  Where two texts are too long together, the longer one is truncated. The length
          is that of the longest training text, without a few that are much longer, and
          a quarter more, since words that are new have more pieces; at most 512.
Source:   Devlin et al. 2019; Wu et al. 2016. The library is `tokenizers`.
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> texts = ["sing the song", "they sang"], ["we sing", "a song"]
          >>> frame = Frame((strings("a", texts[0]), strings("b", texts[1])))
          >>> codec = WordPieces(("a", "b"), vocab_size=60).fit(frame)
          >>> codec.tokens_of(["the song", "we sing"])
          ['[CLS]', 'the', 'song', '[SEP]', 'w', '##e', 'sing', '[SEP]']
          >>> codec.decode(codec.encode(frame))["a"].texts()
          ['sing the song', 'they sang']
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar, Self
from unicodedata import category

import numpy as np
import torch
from torch import Tensor

from kissipo.codec._text_remarks import text_remarks, unknown_pieces
from kissipo.codec._tokenizers import INSIDE, as_json, bert_tokenizer, library, load, pieces_of
from kissipo.codec.tokens import longest
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.tensor_spec import TensorSpec

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

PADDING, UNKNOWN, FIRST, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = (PADDING, UNKNOWN, FIRST, END, MASK)
UNIT = "word pieces"
MAX_LENGTH = 512  # of published models
_ROOM = 1.25  # words that are new have more pieces
_CHUNK = 10_000  # texts that are split at the same time


@dataclass(frozen=True)
class Pieces:
    """The pieces of a row, with their places in the texts.

    ids:            the ids, as `encode` returns them without padding
    words:          the number of the word, between blanks, that a piece is part of
    starts, ends:   the first character of a piece, and the one after its last
    sides:          the number of its text, 0 or 1

    A special piece has -1 in all of them but ids.
    """

    ids: tuple[int, ...]
    words: tuple[int, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    sides: tuple[int, ...]


class WordPieces(Codec):
    """Encodes one or two texts per row as ids of word pieces.

    texts:       the columns of the texts
    lowercase:   whether a learned vocabulary is in lower case, without accents
    model:       the JSON of a tokenizer, instead of a vocabulary that is learned
    """

    KIND: ClassVar[str] = "word_pieces"
    FIELDS: ClassVar[tuple[str, ...]] = ("texts", "length", "vocab_size", "lowercase", "model")

    def __init__(
        self,
        texts: tuple[str, ...],
        *,
        length: int | None = None,
        vocab_size: int = 8_000,
        lowercase: bool = True,
        model: JsonObject | None = None,
    ) -> None:
        if not 1 <= len(texts) <= 2:
            raise DataError(
                "word pieces are those of one or two texts",
                got=f"{len(texts)} columns: {', '.join(texts)}",
                do="Name one or two columns with input.text",
            )
        self.texts, self.length, self.vocab_size = texts, length, vocab_size
        self.lowercase, self.model = lowercase, model
        self._tokenizer: Tokenizer | None = None
        self._vocabulary: tuple[str, ...] = ()
        self._ids: dict[str, int] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        return self.texts

    @property
    def spec(self) -> TensorSpec:
        name = " and ".join(self.texts)
        labels = self._vocabulary
        return TensorSpec(name, ("time",), (self.length or 0,), len(labels), labels, True, UNIT)

    @property
    def special(self) -> dict[str, int]:
        """The id of each special piece."""
        return {name: self._ids[name] for name in SPECIAL}

    def fit(self, frame: Frame) -> Self:
        if self.model is None:
            texts = [text or "" for name in self.texts for text in frame[name].texts()]
            self.model = vocabulary_from(lambda: texts, self.vocab_size, lowercase=self.lowercase)
        self._load(self.model)
        if self.length is None:
            sizes = [sum(map(len, sides)) for sides in self._sides(frame)]
            pieces = math.ceil(_ROOM * longest(np.array(sizes)))
            self.length = min(MAX_LENGTH, pieces + self._num_special)
        return self

    def encode(self, frame: Frame) -> Tensor:
        refuse_unfitted(self._tokenizer, self)
        table = np.zeros((len(frame), self.length or 0), dtype=np.int64)
        for row, sides in enumerate(self._sides(frame)):
            ids = self._with_special([encoding.ids for encoding in sides])
            table[row, : len(ids)] = ids
        return torch.from_numpy(table)

    def ids_of(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of whole texts, without special pieces around them."""
        refuse_unfitted(self._tokenizer, self)
        assert self._tokenizer is not None
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def split_frame(self, frame: Frame) -> list[Pieces]:
        """Returns the pieces of each row with their places in the texts."""
        refuse_unfitted(self._tokenizer, self)
        rows = []
        for row, sides in enumerate(self._sides(frame)):
            words = [
                _words(frame[name].show(row), [start for start, _ in encoding.offsets])
                for name, encoding in zip(self.texts, sides, strict=True)
            ]
            starts, ends = (
                [[places[end] for places in encoding.offsets] for encoding in sides]
                for end in (0, 1)
            )
            numbers = [[side] * len(encoding.ids) for side, encoding in enumerate(sides)]
            rows.append(
                Pieces(
                    tuple(self._with_special([encoding.ids for encoding in sides])),
                    *(
                        tuple(self._with_special(values, first=-1, end=-1))
                        for values in (words, starts, ends, numbers)
                    ),
                )
            )
        return rows

    def word_steps(self, frame: Frame) -> list[list[int]] | None:
        if len(self.texts) > 1:
            return None
        rows = []
        for pieces, text in zip(self.split_frame(frame), frame[self.texts[0]].texts(), strict=True):
            steps = [-1] * len((text or "").split())
            for step, word in reversed(list(enumerate(pieces.words))):
                if word >= 0:
                    steps[word] = step
            rows.append(steps)
        return rows

    def decode(self, tensor: Tensor) -> Frame:
        refuse_unfitted(self._tokenizer, self)
        assert self._tokenizer is not None
        special, columns = set(self.special.values()), []
        is_end = tensor == self._ids[END]
        before = is_end.cumsum(dim=1) - is_end.long()  # ends before each piece
        for side, name in enumerate(self.texts):
            last = side == len(self.texts) - 1
            inside = before >= side if last else before == side
            rows = [
                [number for number in row if number not in special]
                for row in torch.where(inside, tensor, 0).tolist()
            ]
            columns.append(strings(name, self._tokenizer.decode_batch(rows)))
        return Frame(tuple(columns))

    def tokens_of(self, texts: Sequence[str]) -> list[str]:
        if not texts:
            return []
        frame = Frame(
            tuple(strings(name, [text]) for name, text in zip(self.texts, texts, strict=True))
        )
        (sides,) = self._sides(frame)
        return [self._vocabulary[number] for number in self._with_special([x.ids for x in sides])]

    def remarks(self, frame: Frame) -> list[str]:
        refuse_unfitted(self._tokenizer, self)
        total = unknown = truncated = empty = 0
        for sides in self._sides(frame):
            ids = [encoding.ids for encoding in sides]
            sizes = [len(side) for side in ids]
            truncated += sum(sizes) > self._room
            empty += not all(sizes)
            total += sum(sizes)
            unknown += sum(side.count(self._ids[UNKNOWN]) for side in ids)
        name = self.spec.name
        return text_remarks(
            name,
            UNIT,
            texts=len(frame),
            length=self._room,
            truncated=truncated,
            empty=empty,
            unknown=unknown_pieces(name, UNIT, unknown=unknown, pieces=total),
        )

    def fitted_options(self) -> tuple[InferredOption, ...]:
        reason = (
            "the longest training text, without a few that are much longer, and a quarter more "
            "for new words"
        )
        return (InferredOption("input.max_length", self.length, reason),)

    @classmethod
    def from_state(cls, state: JsonObject) -> Self:
        """Builds the codec with its vocabulary, from the JSON of the tokenizer."""
        values = dict(state)
        codec = cls(tuple(values.pop("texts")), **values)
        if codec.model is not None:
            codec._load(codec.model)
        return codec

    def state(self) -> JsonObject:
        return {**super().state(), "model": self.model}

    def suggested_net(self) -> InferredOption | None:
        return InferredOption("process.net", "bert", "the input is word pieces")

    def describe(self) -> str:
        texts = "[CLS] a [SEP] b [SEP]" if len(self.texts) == 2 else "[CLS] a [SEP]"
        size = f"{len(self._vocabulary):,} known, {self.length} per row"
        return f"word pieces -> ids {texts}, {size}"

    @property
    def _num_special(self) -> int:
        return 1 + len(self.texts)

    @property
    def _room(self) -> int:
        """The number of pieces of a row that are not special."""
        return max(0, (self.length or 0) - self._num_special)

    def _load(self, model: JsonObject) -> None:
        """Sets the tokenizer and the vocabulary.

        Raises:   DataError for a vocabulary without the special pieces of BERT.
        """
        tokenizer = load(model, self.texts[0])
        self._vocabulary = pieces_of(tokenizer)
        self._ids = {name: number for number, name in enumerate(self._vocabulary)}
        missing = [name for name in SPECIAL if name not in self._ids]
        if missing or self._ids[PADDING] != 0:
            raise DataError(
                "the vocabulary is not that of a BERT",
                got="without " + ", ".join(missing) if missing else "another id 0 than [PAD]",
                allowed="[PAD] with id 0, [UNK], [CLS], [SEP] and [MASK]",
            )
        tokenizer.add_special_tokens(list(SPECIAL))
        self._tokenizer = tokenizer

    def _sides(self, frame: Frame) -> Iterator[list[Encoding]]:
        """Yields the encodings of the texts of each row, not truncated."""
        assert self._tokenizer is not None
        columns = [frame[name] for name in self.texts]
        for start in range(0, len(frame), _CHUNK):
            rows = range(start, min(start + _CHUNK, len(frame)))
            texts = [[str(column.show(row) or "") for row in rows] for column in columns]
            encoded = [
                self._tokenizer.encode_batch(some, add_special_tokens=False) for some in texts
            ]
            yield from (list(sides) for sides in zip(*encoded, strict=True))

    def _with_special(
        self, sides: Sequence[Sequence[int]], first: int | None = None, end: int | None = None
    ) -> list[int]:
        """Returns the values of a row, truncated, with those of the special pieces."""
        first = self._ids[FIRST] if first is None else first
        end = self._ids[END] if end is None else end
        row = [first]
        for side, size in zip(
            sides, _truncated_sizes([len(side) for side in sides], self._room), strict=True
        ):
            row += [*side[:size], end]
        return row[: self.length]


def _truncated_sizes(sizes: Sequence[int], room: int) -> tuple[int, ...]:
    """Returns how many pieces of each text are kept; only the longer text is truncated.

    Example:  >>> _truncated_sizes([3, 90], 50), _truncated_sizes([80, 90], 50)
              ((3, 47), (25, 25))
    """
    if sum(sizes) <= room:
        return tuple(sizes)
    if len(sizes) == 1:
        return (room,)
    shorter = min(*sizes, room // 2)
    return (shorter, room - shorter) if sizes[0] <= sizes[1] else (room - shorter, shorter)


def _words(text: object, starts: Sequence[int]) -> list[int]:
    """Returns the number of the word, between blanks, that starts at or before each
    place.

    Example:  >>> _words("don't stop", [0, 3, 4, 6])
              [0, 0, 0, 1]
    """
    characters = str(text or "")
    is_start = (
        not here.isspace() and (not place or characters[place - 1].isspace())
        for place, here in enumerate(characters)
    )
    counts = list(
        accumulate(is_start, lambda count, starts_here: count + int(starts_here), initial=-1)
    )
    return [counts[place + 1] for place in starts]


def vocabulary_from(
    texts: Callable[[], Iterable[str]], vocab_size: int, *, lowercase: bool
) -> JsonObject:
    """Returns the JSON of a tokenizer that is learned from texts, the same every time.

    The library numbers characters as it meets them in parallel, and numbers decide
    between equally frequent pairs. So the characters are numbered before.

    texts:    returns the texts, from the first one on; it is called twice
    """
    tokenizers = library()
    tokenizer = bert_tokenizer(tokenizers.models.WordPiece(unk_token=UNKNOWN), lowercase=lowercase)
    normalize = tokenizer.normalizer.normalize_str
    alphabet = _alphabet(lambda: map(normalize, texts()), vocab_size // 4)
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        limit_alphabet=0,
        special_tokens=[*SPECIAL, *alphabet],
        continuing_subword_prefix=INSIDE,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    ids = tokenizer.get_vocab()
    model = tokenizers.models.WordPiece(
        {piece: number for number, piece in enumerate(sorted(ids, key=ids.__getitem__))},
        unk_token=UNKNOWN,
    )
    return as_json(bert_tokenizer(model, lowercase=lowercase))


def _alphabet(texts: Callable[[], Iterable[str]], size: int) -> list[str]:
    """Returns the most frequent characters as pieces, and those inside words.

    Punctuation marks are words, as in BERT.

    size:     the maximum number of characters
    Example:  >>> _alphabet(lambda: ["ab, b.", "b"], 9)
              ['b', ',', '.', 'a', '##b']
    """
    words: Counter[str] = Counter()
    for text in texts():
        words.update(text.split())
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for here in word:
            counts[here] += count
    punctuation = "".join(re.escape(here) for here in counts if _is_punctuation(here))
    inside_words = re.compile(
        rf"(?<=[^{punctuation}])[^{punctuation}]" if punctuation else "(?<=.)."
    )
    inside = {here for word in words for here in inside_words.findall(word)}
    characters = sorted(counts, key=lambda here: (-counts[here], here))[:size]
    return [*characters, *(INSIDE + here for here in characters if here in inside)]


def _is_punctuation(character: str) -> bool:
    return character in string.punctuation or category(character).startswith("P")


CODEC = WordPieces
