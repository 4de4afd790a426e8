"""Pair dataset: samples of a piece corpus as ids, read batch by batch.

a row            [CLS] A [SEP] B [SEP], or [CLS] A [SEP], then padding
training         the row as it is; the algorithm hides pieces, others at every step
evaluation       the row with [MASK] in place of some pieces, always the same ones
targets          the pieces to guess, 0 elsewhere; in training all pieces. In place of
                 [CLS], which is never hidden, stands the label: 2 where B follows A, 1
                 where it does not, 0 without a B

Shapes:   rows and targets (row, time)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.codec._masking import MaskRule
from kissipo.codec._tokenizers import joined
from kissipo.core.frame import Column
from kissipo.input.lazy_dataset import LazyColumn
from kissipo.input.piece_corpus import PieceCorpus
from kissipo.input.sentence_pairs import COLUMNS, Table

Part = Literal["plain", "targets", "hidden", "hidden_targets"]
_HASH = len(COLUMNS)


@dataclass(frozen=True)
class RowMaker:
    """Makes rows of ids of a table of samples.

    first, end:  the ids of [CLS] and [SEP]
    length:      the pieces of a row
    """

    corpus: PieceCorpus
    rule: MaskRule
    first: int
    end: int
    length: int

    def rows(self, table: Table) -> NDArray[np.int64]:
        """Returns the ids of samples."""
        rows = np.zeros((len(table), self.length), np.int64)
        pieces = self.corpus.pieces
        for row, (a, a_size, b, b_size) in zip(rows, table[:, :4].tolist(), strict=True):
            row[0], row[1 + a_size] = self.first, self.end
            row[1 : 1 + a_size] = pieces[a : a + a_size]
            if b_size:
                row[2 + a_size : 2 + a_size + b_size] = pieces[b : b + b_size]
                row[2 + a_size + b_size] = self.end
        return rows

    def hashed(self, table: Table) -> Table:
        """Returns the table with a hash of the pieces of each sample, as a last
        column."""
        hashes = (crc32(row.tobytes()) for some in _portions(table) for row in self.rows(some))
        return np.column_stack([table, np.fromiter(hashes, np.int64, len(table))])


@dataclass(frozen=True)
class PairColumn(LazyColumn):
    """The rows of samples, or their targets.

    part:  plain rows and their targets, or rows with hidden pieces and their targets
    seed:  what hides the pieces; with the hash of a sample it decides which ones
    """

    maker: RowMaker
    table: Table
    part: Part
    seed: int = 0

    def __len__(self) -> int:
        return len(self.table)

    def read(self, index: Tensor | slice) -> Tensor:
        table = self.table[_positions(index)]
        ids = torch.from_numpy(self.maker.rows(table))
        if self.part == "plain":
            return ids
        labels = torch.from_numpy(table[:, COLUMNS.index("label")])
        targets = torch.cat([labels[:, None], ids[:, 1:]], dim=1)
        if self.part == "targets":
            return targets
        hashes = torch.from_numpy(table[:, _HASH])
        hidden, is_hidden = self.maker.rule.hide_all(ids, hashes, seed=self.seed)
        if self.part == "hidden":
            return hidden
        is_hidden[:, 0] = True  # the place of the label
        return torch.where(is_hidden, targets, 0)

    def take(self, index: Tensor | slice) -> PairColumn:
        return replace(self, table=self.table[_positions(index)])


@dataclass(frozen=True)
class PieceTexts(Column):
    """The texts of samples, which are decoded when they are shown.

    values:  (sample, 6) the table of the pairs with the hashes
    """

    maker: RowMaker | None = None
    labels: Sequence[str] = ()

    def show(self, position: int) -> object:
        """Returns a text, or both texts with [SEP] between them."""
        assert self.maker is not None
        (row,) = self.maker.rows(self.values[position : position + 1])
        pieces = [self.labels[number] for number in row.tolist() if number]
        return joined(pieces[1:-1])


def piece_texts(name: str, table: Table, maker: RowMaker, labels: Sequence[str]) -> PieceTexts:
    """Returns the column of a table of samples."""
    return PieceTexts(name, "document", table, maker=maker, labels=labels)


def _positions(index: Tensor | slice) -> slice | NDArray[np.int64]:
    return index if isinstance(index, slice) else index.numpy()


def _portions(table: Table) -> list[Table]:
    return np.array_split(table, max(1, len(table) // 10_000))
