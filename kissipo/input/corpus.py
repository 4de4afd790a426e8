"""Corpus: the lines of large texts as words, counted and encoded line by line.

A word is a run of letters and digits in lower case. In scripts without blanks between
words, such as Chinese, each character is a word, and so is each emoji; punctuation is
left out. A line is a sentence.

Example:  >>> list(split_line("Don't STOP, 北京!"))
          ["don't", 'stop', '北', '京']
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kissipo.core.errors import DataError, MachineError
from kissipo.input.formats.compressed import content_name
from kissipo.input.formats.files import existing
from kissipo.input.lazy_dataset import LazyColumn
from kissipo.input.scripts import WITHOUT_BLANKS

BLOCK = 2_000
SENTENCE_END = -1
MAX_LINE = 10_000  # words; a longer line is cut into parts
_MAX_DIFFERENT = 2_000_000
_TOKENS_IN_MEMORY = 20_000_000
_TEXTS = (".txt", ".text", "")
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf"
_WORD = re.compile(f"[{WITHOUT_BLANKS}{_EMOJI}]|[^\\W{WITHOUT_BLANKS}_]+(?:['’][^\\W_]+)*")
_WHOLE_WORD = re.compile(f"[{_EMOJI}]|[^\\W_]+(?:['’][^\\W_]+)*")


@dataclass(frozen=True)
class Corpus:
    """Lines of text that can be read several times.

    lines:   returns all lines, from the first one
    origin:  the file or the folder, for messages
    whole:   whether blanks alone divide words, also in scripts without blanks
    """

    lines: Callable[[], Iterable[str]]
    origin: str
    whole: bool = False

    def sentences(self) -> Iterator[list[str]]:
        """Yields each line with words as a list of them; long lines come in parts."""
        for line in self.lines():
            words = split_line(line, whole=self.whole)
            for start in range(0, len(words), MAX_LINE):
                yield words[start : start + MAX_LINE]


@dataclass
class WordCounts:
    """How often each word occurs.

    lines, cut:  the number of sentences, and of lines that were cut
    forgotten:   words that were too rare to be counted to the end, as a bound
    """

    counts: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    cut: int = 0
    forgotten: int = 0

    @property
    def total(self) -> int:
        """The number of words, each as often as it occurs."""
        return sum(self.counts.values())


def split_line(line: str, *, whole: bool = False) -> list[str]:
    """Splits a line into words; `whole` keeps words of scripts without blanks."""
    lower = line.lower()
    if lower.isascii() and lower.replace(" ", "").isalnum():
        return lower.split()
    words: list[str] = (_WHOLE_WORD if whole else _WORD).findall(lower)
    return words


def text_files(path: Path) -> list[Path]:
    """Returns the file, or all text files of a folder and of the folders inside.

    Raises:   DataError when there is none.
    """
    if not path.is_dir():
        return [existing(path)]
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and Path(content_name(file)).suffix in _TEXTS and file.name[0] != "."
    )
    if not files:
        raise DataError(
            f"{path} has no text files",
            allowed="files .txt or .text, or without a suffix, also compressed (.gz)",
        )
    return files


def count_words(corpus: Corpus) -> WordCounts:
    """Counts all words; of a huge number of different ones the rarest are forgotten.

    As in the program word2vec: where the table is full, the words that occurred least
    often so far leave it.
    """
    result, floor = WordCounts(), 1
    for sentence in corpus.sentences():
        result.counts.update(sentence)
        result.lines += 1
        result.cut += len(sentence) == MAX_LINE
        if len(result.counts) > _MAX_DIFFERENT:
            rare = [word for word, count in result.counts.items() if count <= floor]
            for word in rare:
                del result.counts[word]
            result.forgotten, floor = max(result.forgotten, floor), floor + 1
    return result


class TokenBlocks(LazyColumn):
    """The ids of a corpus in blocks of equal length, the last one filled with ends.

    Ids are int32 in memory, or in a temporary file where there are many: it is read
    block by block, so that no more than a batch is in memory.
    """

    def __init__(self, tokens: NDArray[np.int32] | BinaryIO, count: int, block: int) -> None:
        self.tokens, self.count, self.block = tokens, count, block
        self.positions = np.arange(-(-count // block))

    def __len__(self) -> int:
        return len(self.positions)

    def read(self, index: Tensor | slice) -> Tensor:
        """Reads the blocks at these positions: (block, token), int32."""
        positions = self.take(index).positions
        rows = np.full((len(positions), self.block), SENTENCE_END, np.int32)
        for row, position in zip(rows, positions.tolist(), strict=True):
            part = self._read(position * self.block)
            row[: len(part)] = part
        return torch.from_numpy(rows)

    def take(self, index: Tensor | slice) -> TokenBlocks:
        """Selects blocks without reading them."""
        blocks = TokenBlocks(self.tokens, self.count, self.block)
        blocks.positions = self.positions[index if isinstance(index, slice) else index.numpy()]
        return blocks

    def _read(self, start: int) -> NDArray[np.int32]:
        if isinstance(self.tokens, np.ndarray):
            return self.tokens[start : start + self.block]
        data = os.pread(self.tokens.fileno(), 4 * self.block, 4 * start)
        return np.frombuffer(data, np.int32)


def encode_corpus(corpus: Corpus, words: Iterable[str], *, block: int = BLOCK) -> TokenBlocks:
    """Returns the ids of all known words, with an end after each sentence.

    words:    the vocabulary; the position of a word is its id
    Raises:   MachineError when the temporary file cannot be written.
    """
    ids = {word: number for number, word in enumerate(words)}
    parts: list[NDArray[np.int32]] = []
    file, count = None, 0
    for part in _encoded(corpus, ids):
        count += len(part)
        if file is None and count > _TOKENS_IN_MEMORY:
            file = tempfile.TemporaryFile(prefix="kissipo-tokens-")
            for earlier in parts:
                _write(file, earlier)
            parts = []
        if file is None:
            parts.append(part)
        else:
            _write(file, part)
    if file is not None:
        file.flush()
        return TokenBlocks(file, count, block)
    tokens = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    return TokenBlocks(tokens, count, min(block, max(1, count)))


def _encoded(corpus: Corpus, ids: dict[str, int]) -> Iterator[NDArray[np.int32]]:
    """Yields the ids of many sentences at once."""
    batch: list[int] = []
    for sentence in corpus.sentences():
        sentence_ids = [ids[word] for word in sentence if word in ids]
        if len(sentence_ids) > 1:  # a word alone has no context
            batch += sentence_ids
            batch.append(SENTENCE_END)
        if len(batch) > 1_000_000:
            yield np.array(batch, np.int32)
            batch = []
    yield np.array(batch, np.int32)


def _write(file: BinaryIO, part: NDArray[np.int32]) -> None:
    try:
        file.write(part.tobytes())
    except OSError as error:
        raise MachineError(
            f"the words of the corpus cannot be written to a temporary file: {error.strerror}",
            do="Set TMPDIR to a folder with free space: 4 bytes per word are needed",
        ) from None
