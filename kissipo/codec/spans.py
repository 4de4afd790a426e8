"""Spans: an answer that stands in a paragraph <-> its first and its last piece.

The paragraph is one of the texts that a codec of word pieces reads. A target is

start, end    the steps of the first and the last piece of the answer; 0 and 0, the mark
              before the texts, where the paragraph does not answer the question, or
              where the answer was truncated
first, last   the first and the last step of the paragraph; 1 and 0 where the whole
              paragraph was truncated
key           the number of the row, a hash of its texts

The codec remembers the rows that it encoded. So `decode` returns an answer as it stands
in its paragraph, in whole pieces, and `passages` what an evaluation needs.

Shapes:   columns (row) -> (row, 5)
Raises:   DataError before `fit`, and for a key of a row that it never read.
Example:  >>> from kissipo.codec.word_pieces import WordPieces
          >>> from kissipo.core.frame import Frame, strings
          >>> texts = ["Who wrote?"], ["Ada wrote it."], ["Ada"]
          >>> names = "question", "context", "answer"
          >>> frame = Frame(tuple(map(strings, names, texts)))
          >>> codec = Spans("answer", pieces=WordPieces(names[:2])).fit(frame)
          >>> target = codec.encode(frame)
          >>> bool(target[0, 0] == target[0, 2]), codec.decode(target)["answer"].texts()
          (True, ['Ada'])
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import ClassVar, NamedTuple, Protocol, Self, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec._tokenizers import INSIDE
from kissipo.codec.word_pieces import END as END_PIECE
from kissipo.codec.word_pieces import PADDING
from kissipo.core.codec import Codec, refuse_unfitted
from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, numbers, strings
from kissipo.core.tensor_spec import TensorSpec

WIDTH = 5  # numbers of a target
START, END, FIRST, LAST, KEY = range(WIDTH)
_CHUNK = 1_000  # rows whose pieces are in memory at the same time
_KEY_BYTES = 7  # so that a key is a positive number of 64 bits
Steps = NDArray[np.int64]


class Pieces(Protocol):
    """The pieces of a row; characters are counted in its own text."""

    @property
    def starts(self) -> Sequence[int]:
        """The first character of each piece."""
        ...

    @property
    def ends(self) -> Sequence[int]:
        """The character after each piece."""
        ...

    @property
    def sides(self) -> Sequence[int]:
        """The number of the text of each piece; -1 for a mark."""
        ...


@runtime_checkable
class SplitsPieces(Protocol):
    """A codec of one or two texts that knows the places of their pieces."""

    def split_frame(self, frame: Frame) -> Sequence[Pieces]:
        """Returns the pieces of each row, truncated as `encode` does it."""
        ...


def splits_pieces(codec: Codec) -> bool:
    """Returns whether a codec knows the places of the pieces of its texts."""
    return issubclass(type(codec), SplitsPieces)


class Offsets(NamedTuple):
    """The steps of the pieces of a paragraph, and their characters in it."""

    steps: Steps
    starts: Steps
    ends: Steps


@dataclass(frozen=True)
class Passage:
    """A paragraph as it was read, and the answers to one question about it.

    accepted:  all accepted answers; none where the paragraph does not answer
    """

    context: str
    accepted: tuple[str, ...]
    offsets: Offsets

    def characters(self, start: int, end: int) -> tuple[int, int]:
        """Returns the first character of a span of steps, and the one after it."""
        steps, starts, ends = self.offsets
        if not len(steps):
            return 0, 0
        first, last = np.searchsorted(steps, [start, end]).clip(max=len(steps) - 1)
        return int(starts[first]), int(ends[last])

    def text(self, start: int, end: int) -> str:
        """Returns the text of a span of steps; it is empty at step 0."""
        return self.context[slice(*self.characters(start, end))] if start else ""


class Spans(Codec):
    """Encodes answers as places among the pieces of their paragraphs.

    context:   the column of the paragraphs
    start:     the column of the first character of each answer; the answer is searched
               where it is missing
    accepted:  the column of all accepted answers, as a JSON list, if there is one
    pieces:    the codec of the question and the paragraph
    """

    KIND: ClassVar[str] = "spans"
    FIELDS = ("column", "context", "start", "accepted", "pieces")

    def __init__(
        self,
        column: str,
        *,
        context: str = "context",
        start: str | None = None,
        accepted: str | None = None,
        pieces: Codec | None = None,
    ) -> None:
        self.column, self.context = column, context
        self.start, self.accepted = start, accepted
        self.pieces = pieces
        self._rows: dict[int, tuple[Frame, int]] = {}
        self._passages: dict[int, Passage] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(name for name in (self.column, self.start, self.accepted) if name)

    @property
    def number_columns(self) -> tuple[str, ...]:
        return (self.start,) if self.start else ()

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(self.column, ("number",), (WIDTH,))

    @property
    def pieces_spec(self) -> TensorSpec:
        """The spec of the input that the net reads."""
        return TensorSpec("", ("time",), (0,)) if self.pieces is None else self.pieces.spec

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns of the texts that the net reads."""
        return () if self.pieces is None else self.pieces.columns

    @property
    def length(self) -> int:
        """The number of steps that the net reads."""
        return self.pieces_spec.shape[0]

    def is_context(self, ids: Tensor) -> Tensor:
        """Returns which ids (row, time) are those of the paragraph."""
        labels, number = self.pieces_spec.labels, self.text_columns.index(self.context)
        is_end = ids == labels.index(END_PIECE)
        texts_before = is_end.cumsum(dim=1) - is_end.long()
        inside = (texts_before == number) & ~is_end & (ids != labels.index(PADDING))
        inside[:, 0] = False
        return inside

    def edges(self, ids: Tensor) -> Tensor:
        """Returns at which ids (row, time) of the paragraph a word starts, and at which
        one ends: (row, time, 2)."""
        is_inside = torch.tensor([label.startswith(INSIDE) for label in self.pieces_spec.labels])
        continues = is_inside.to(ids.device)[ids]
        is_last = torch.ones_like(continues)
        is_last[:, :-1] = ~continues[:, 1:]
        return torch.stack([~continues, is_last], dim=-1) & self.is_context(ids).unsqueeze(-1)

    def _splitter(self) -> SplitsPieces:
        refuse_unfitted(self.pieces_spec.labels or None, self)
        return cast(SplitsPieces, self.pieces)

    def fit(self, frame: Frame) -> Self:
        """Fits the codec of the texts."""
        if self.pieces is not None:
            self.pieces.fit(frame)
        return self

    def encode(self, frame: Frame) -> Tensor:
        keys = self.remember(frame)
        targets = np.zeros((len(frame), WIDTH), dtype=np.int64)
        targets[:, KEY] = keys
        answers = frame[self.column].texts()
        places = frame[self.start].values if self.start else np.full(len(frame), np.nan)
        contexts = frame[self.context].texts()
        for row, offsets in enumerate(self._offsets(frame)):
            context, answer = contexts[row] or "", answers[row] or ""
            place = context.find(answer) if np.isnan(places[row]) else int(places[row])
            targets[row, START:KEY] = _target(offsets, context, place, answer)
        return torch.from_numpy(targets)

    def decode(self, tensor: Tensor) -> Frame:
        self._splitter()
        targets = tensor.numpy()
        passages = self.passages(targets[..., KEY])
        pairs = list(
            zip(passages, targets[:, START].tolist(), targets[:, END].tolist(), strict=True)
        )
        columns = [strings(self.column, [item.text(start, end) for item, start, end in pairs])]
        if self.start:
            places = [
                item.characters(start, end)[0] if start else None for item, start, end in pairs
            ]
            columns.append(numbers(self.start, places))
        if self.accepted:
            lists = [json.dumps(item.accepted, ensure_ascii=False) for item in passages]
            columns.append(strings(self.accepted, lists))
        return Frame(tuple(columns))

    def remember(self, frame: Frame) -> NDArray[np.int64]:
        """Returns the keys of rows, whose passages are known from now on."""
        self._splitter()
        names = dict.fromkeys((*self.text_columns, self.context, *self.columns))
        cells = [[frame[name].show(row) for row in range(len(frame))] for name in names]
        keys = [_key(texts) for texts in zip(*cells, strict=True)]
        for row, key in enumerate(keys):
            self._rows.setdefault(key, (frame, row))
        return np.array(keys, dtype=np.int64)

    def passages(self, keys: NDArray[np.int64]) -> list[Passage]:
        """Returns the passages of rows that were encoded or remembered.

        Raises:   DataError for other rows.
        """
        wanted = [key for key in dict.fromkeys(keys.tolist()) if key not in self._passages]
        if any(key not in self._rows for key in wanted):
            raise DataError(
                "an answer is evaluated on rows that were not read",
                do="Encode them with this codec first",
            )
        by_frame: dict[int, list[int]] = {}
        for key in wanted:
            by_frame.setdefault(id(self._rows[key][0]), []).append(key)
        for some in by_frame.values():
            rows = np.array([self._rows[key][1] for key in some])
            frame = self._rows[some[0]][0].take(rows)
            self._passages |= zip(some, self.passages_of(frame), strict=True)
        return [self._passages[key] for key in keys.tolist()]

    def passages_of(self, frame: Frame) -> Iterator[Passage]:
        """Yields the passages of rows, which need no answer."""
        contexts = frame[self.context].texts()
        nothing = [None] * len(frame)
        answers = frame[self.column].texts() if self.column in frame else nothing
        is_listed = self.accepted and self.accepted in frame
        lists = frame[self.accepted].texts() if self.accepted and is_listed else nothing
        for context, answer, accepted, offsets in zip(
            contexts, answers, lists, self._offsets(frame), strict=True
        ):
            yield Passage(context or "", accepted_answers(answer, accepted), offsets)

    def describe(self) -> str:
        return "answer -> its first and its last piece in the paragraph"

    def _offsets(self, frame: Frame) -> Iterator[Offsets]:
        """Yields where the pieces of each paragraph stand."""
        splitter, side = self._splitter(), self.text_columns.index(self.context)
        for first in range(0, len(frame), _CHUNK):
            some = frame.take(slice(first, first + _CHUNK))
            for pieces in splitter.split_frame(some):
                steps = np.flatnonzero(np.asarray(pieces.sides) == side)
                starts, ends = np.asarray(pieces.starts), np.asarray(pieces.ends)
                yield Offsets(steps, starts[steps], ends[steps])


def accepted_answers(answer: str | None, accepted: str | None) -> tuple[str, ...]:
    """Returns all accepted answers of a row, the answer itself where no list is given.

    Example:  >>> accepted_answers("a", '["a", "b"]'), accepted_answers("a", None)
              (('a', 'b'), ('a',))
              >>> accepted_answers("", None)
              ()
    """
    if not answer:
        return ()
    if accepted:
        listed: list[object] = json.loads(accepted)
        return tuple(dict.fromkeys(map(str, listed))) or (answer,)
    return (answer,)


def _target(offsets: Offsets, context: str, place: int, answer: str) -> tuple[int, int, int, int]:
    """Returns start, end, first and last of a row."""
    steps, starts, ends = offsets
    if not len(steps):
        return 0, 0, 1, 0
    first, last = int(steps[0]), int(steps[-1])
    stop = place + len(answer)
    if not answer or place < 0 or context[ends[-1] : stop].strip():
        return 0, 0, first, last
    start = int(np.searchsorted(ends, place, side="right"))
    end = int(np.searchsorted(starts, stop, side="left")) - 1
    if start > end:
        return 0, 0, first, last
    return int(steps[start]), int(steps[end]), first, last


def _key(texts: Sequence[object]) -> int:
    content = repr(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(content, digest_size=_KEY_BYTES).digest(), "big")


CODEC = Spans
