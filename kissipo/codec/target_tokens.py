"""Target tokens: a text that is generated <-> ids of its tokens, an end, and padding.

Id 0 is padding, id 1 stands for a token that is not in the vocabulary, and id 2 for the
end of the text. The vocabulary has every token of the training split, of which only
texts that are much longer than the others are truncated (`longest`). A longer text has
no end. Words are lower-cased, characters stay as they
are, as in `tokens`. `decode` stops at the end.

Shapes:   column (row) -> ids (row, time)
Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("reversed", ["ab", "bbb"]),))
          >>> codec = TargetTokens("reversed").fit(frame)
          >>> ids = codec.encode(frame)
          >>> ids.tolist(), codec.decode(ids)["reversed"].texts()
          ([[4, 3, 2, 0], [3, 3, 3, 2]], ['ab', 'bbb'])
"""

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from kissipo.codec.tokens import PADDING, Numbers, Tokens, Unit, longest
from kissipo.core.frame import Frame
from kissipo.core.inferred_option import InferredOption

END = 2  # the first id that can be generated


class TargetTokens(Tokens):
    """Encodes the texts of a target column as ids of tokens, each with an end."""

    KIND: ClassVar[str] = "target_tokens"
    SPECIAL: ClassVar[tuple[str, ...]] = ("(padding)", "(unknown)", "(end)")

    def __init__(
        self,
        column: str,
        *,
        unit: Unit = "characters",
        length: int | None = None,
        vocab_size: int = 20_000,
        min_count: int | None = None,
    ) -> None:
        super().__init__(
            column, unit=unit, length=length, vocab_size=vocab_size, min_count=min_count
        )

    @property
    def max_tokens(self) -> int:
        """The number of tokens of the longest text that is not truncated."""
        return max(1, (self.length or 1) - 1)

    def fit(self, frame: Frame) -> Self:
        if self.length is None:
            texts = [text for text in frame[self.column].counts() if text is not None]
            self.length = 1 + longest(np.array([len(self._split(text)) for text in texts]))
        self.min_count = self.min_count or 1
        return super().fit(frame)

    def decode(self, tensor: Tensor) -> Frame:
        has_ended = (tensor == END).cumsum(dim=-1) > 0
        return super().decode(torch.where(has_ended, PADDING, tensor))

    def fitted_options(self) -> tuple[InferredOption, ...]:
        return ()

    def describe(self) -> str:
        return (
            f"{self.unit} -> ids and an end, {len(self.vocabulary or ())} known, "
            f"{self.length} per text"
        )

    def _with_ends(self, ids: Numbers, sizes: Numbers) -> tuple[Numbers, Numbers]:
        return np.insert(ids, np.cumsum(sizes), END), sizes + 1


CODEC = TargetTokens
