"""How the text of a column is searched: greedy, with a beam, or drawn.

greedy    each token is the most probable one; equal to a beam of 1
beam      the best of `beam` beginnings, step by step (`decode/beam_search.py`)
sampling  tokens are drawn from the probabilities (`decode/sampling.py`)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from kissipo.codec.target_tokens import END
from kissipo.core.errors import TaskError
from kissipo.core.protocols import SequenceDecoder
from kissipo.core.schema import option
from kissipo.core.seeds import torch_generator
from kissipo.output.decode.beam_search import Watch, beam_search
from kissipo.output.decode.sampling import sample


@dataclass(frozen=True)
class TextSearch:
    """The options of the search for the text of a column."""

    SHORT: ClassVar[str] = "beam"
    beam: int = option(
        1,
        "number of beginnings that the search keeps; 1 is the greedy search, which takes the "
        "most probable token",
        minimum=1,
    )
    length_penalty: float | None = option(
        None,
        "of a beam: log p is divided by ((5 + tokens) / 6) to this power, so that longer texts "
        "are not worse (GNMT; 0.6 to 1 is usual)",
        minimum=0,
        maximum=5,
    )
    n_best: int | None = option(
        None, "number of texts per answer, all that the beam keeps when omitted", minimum=1
    )
    temperature: float | None = option(
        None, "draws the tokens: 1 from the probabilities of the net, below 1 the probable ones",
        above=0,
    )  # fmt: skip
    top_k: int | None = option(
        None, "draws from the k most probable tokens only, with temperature", minimum=1
    )
    no_repeat: int | None = option(
        None, "a text never has the same n tokens in a row twice", minimum=1
    )

    @property
    def is_greedy(self) -> bool:
        """Whether the greedy text of the net is the answer."""
        return self.beam == 1 and self.temperature is None and self.no_repeat is None

    @property
    def count(self) -> int:
        """The number of texts per answer."""
        return self.n_best or (1 if self.temperature is not None else self.beam)

    def refuse_contradictions(self) -> None:
        """Refuses options that do not belong together.

        Raises:   TaskError.
        """
        draws, reason = self.temperature is not None, ""
        if draws and (self.beam > 1 or self.no_repeat is not None):
            other = "beam" if self.beam > 1 else "no_repeat"
            reason = f"temperature draws the tokens, and {other} searches them"
        elif self.top_k is not None and not draws:
            reason = "top_k is a limit for tokens that are drawn, which needs temperature"
        elif self.length_penalty is not None and self.beam == 1:
            reason = "length_penalty compares the texts of a beam, which needs a beam above 1"
        elif not draws and self.n_best is not None and self.n_best > self.beam:
            reason = f"n_best={self.n_best} asks for more texts than the beam of {self.beam} keeps"
        if reason:
            raise TaskError(f"output.decode: {reason}", do="Leave one of both out, or change it")

    def run(
        self,
        decoder: SequenceDecoder,
        inputs: Sequence[Tensor],
        *,
        length: int,
        watch: Watch | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Returns texts (batch, text, time) and the log probabilities of their tokens.

        watch:  is called with the beginnings that each step of a beam keeps
        """
        state = decoder.begin(*inputs)
        if self.temperature is not None:
            generators = [
                torch_generator(0, "sample", *row)
                for row in zip(*(x.flatten(1).tolist() for x in inputs), strict=True)
            ]
            return sample(
                decoder.step,
                state,
                generators,
                count=self.count,
                length=length,
                end=END,
                temperature=self.temperature,
                top_k=self.top_k,
            )
        tokens, shares = beam_search(
            decoder.step,
            state,
            beam=self.beam,
            length=length,
            end=END,
            length_penalty=self.length_penalty or 0.0,
            no_repeat=self.no_repeat,
            watch=watch,
        )
        return tokens[:, : self.count], shares[:, : self.count]

    def describe(self) -> str:
        """Returns the search in a few words.

        Example:  >>> TextSearch(beam=4, length_penalty=0.6).describe()
                  'a search that keeps 4 texts, length penalty 0.6'
        """
        if self.temperature is not None:
            limit = f", of the {self.top_k} most probable" if self.top_k else ""
            return f"tokens drawn at temperature {self.temperature:g}{limit}"
        parts = ["greedy" if self.beam == 1 else f"a search that keeps {self.beam} texts"]
        parts += [f"length penalty {self.length_penalty:g}"] if self.length_penalty else []
        parts += [f"no {self.no_repeat} tokens twice"] if self.no_repeat else []
        return ", ".join(parts)


GREEDY = TextSearch()
