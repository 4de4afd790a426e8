"""Word vectors: one vector per word, looked up (S32).

y_t = vectors[|id_t|], and zeros where the id is 0

The net is a table. The words that it predicts in training have weights of their own,
`outputs`, which are kept as the algorithm word2vec needs them to go on.

Shapes:   ids (batch, term), negative for a word that is subtracted
          -> vectors (batch, term, dimension)
Choices:  vectors begin between -1/2 and 1/2, divided by their dimension, and outputs as
          zeros, as in the program word2vec.
Source:   Mikolov et al., Efficient Estimation of Word Representations, 2013.
Raises:   ShapeError for an input that is not words, and another output than vectors.
Example:  >>> import torch
          >>> words = TensorSpec("words", ("term",), (2,), vocab_size=4, padded=True)
          >>> vectors = TensorSpec("vectors", ("term", "dimension"), (2, 0))
          >>> net = build((words,), (vectors,), Options(embedding_dim=3))
          >>> net(torch.tensor([[3, 0]])).shape
          torch.Size([1, 2, 3])
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec

ALGORITHMS = ("word2vec",)


@dataclass(frozen=True)
class Options:
    """The options of word vectors."""

    embedding_dim: int = option(100, "size of a word vector", minimum=1)


class WordVectors(nn.Module):
    """A table of vectors; row 0 stands for no word.

    outputs:  (word, dimension) the weights of the words that are predicted, or of the
              inner nodes of the Huffman tree
    counts:   (word) how often each word occurs in the corpus, the most frequent first
    """

    outputs: Tensor
    counts: Tensor

    def __init__(self, words: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words + 1, dim, padding_idx=0)
        with torch.no_grad():
            self.embedding.weight.uniform_(-0.5 / dim, 0.5 / dim)
            self.embedding.weight[0] = 0
        self.register_buffer("outputs", torch.zeros(words, dim))
        self.register_buffer("counts", torch.zeros(words, dtype=torch.int64))

    @property
    def vectors(self) -> Tensor:
        """The vectors (word, dimension), a part of the table."""
        return self.embedding.weight.detach()[1:]

    def forward(self, ids: Tensor) -> Tensor:
        """Returns the vector of each term; the sign of an id is left to the answer."""
        vectors: Tensor = self.embedding(ids.abs())
        return vectors


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the table for this vocabulary."""
    if len(inputs) != 1 or inputs[0].axes != ("term",) or not inputs[0].vocab_size:
        raise ShapeError(
            "process step 'word_vectors' takes words",
            got="input step " + " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs),
            do="Use input.text=FILE with output.vectors=words",
        )
    if len(outputs) != 1 or outputs[0].axes != ("term", "dimension"):
        raise ShapeError(
            "process step 'word_vectors' gives vectors of words",
            got="the output " + " and ".join(spec.describe() for spec in outputs),
            do="Use output.vectors=words",
        )
    return WordVectors(inputs[0].vocab_size - 1, options.embedding_dim)
