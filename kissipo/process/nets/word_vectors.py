"""Word vectors: one vector per word, looked up (S32).

y_t = vectors[id_t], zeros where the id is 0; id_t + V is the same word, subtracted

The net is a table. The words that it predicts in training have weights of their own,
`outputs`, which are kept as the algorithm word2vec needs them to continue.

Shapes:   ids (batch, term) -> vectors (batch, term, dimension)
Choices:  vectors begin between -1/2 and 1/2, divided by their dimension, and outputs as
          zeros, as in the program word2vec.
Source:   Mikolov et al., Efficient Estimation of Word Representations, 2013.
Raises:   ShapeError for an input that is not words, and another output than vectors.
Example:  >>> import torch
          >>> words = TensorSpec("words", ("term",), (2,), vocab_size=7)
          >>> vectors = TensorSpec("vectors", ("term", "dimension"), (2, 0))
          >>> net = build((words,), (vectors,), Options(embedding_dim=3))
          >>> net(torch.tensor([[3, 0]])).shape
          torch.Size([1, 2, 3])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.json_object import JsonObject
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec

ALGORITHMS = ("word2vec",)
_MIN_MAP, _MAPPED, _SKIPPED = 5, 120, 100
_NEIGHBORS, _NEAREST = 30, 5


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
        """Returns the vector of each term; the answer subtracts."""
        words = len(self.outputs)
        vectors: Tensor = self.embedding(torch.where(ids > words, ids - words, ids))
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
    return WordVectors(inputs[0].vocab_size // 2, options.embedding_dim)


def load_file(net: WordVectors, path: Path, labels: Sequence[str]) -> str | None:
    """Takes over vectors from a file in the text format of the program word2vec.

    labels:   the words by id
    Returns:  how many words have a vector there; None for a file of another format
    Raises:   TaskError where the vectors have another size.
    """
    if path.suffix == ".safetensors":
        return None
    words, dim = net.vectors.shape
    ids = {word: number for number, word in enumerate(labels[: words + 1]) if number}
    count = 0
    with path.open(encoding="utf-8", errors="replace") as file, torch.no_grad():
        for number, line in enumerate(file):
            word, *cells = line.split()
            if number == 0 and len(cells) == 1:
                continue  # the title: how many words, and their size
            if len(cells) != dim:
                raise TaskError(
                    f"{path} does not have vectors of this size",
                    got=f"{len(cells)} numbers in line {number + 1}",
                    allowed=f"lines of a word and a vector of {dim}, or a safetensors file",
                    do=f"Set process.embedding_dim={len(cells)}",
                )
            if word in ids:
                net.embedding.weight[ids[word]] = torch.tensor([float(cell) for cell in cells])
                count += 1
    return f"{count:,} of {words:,} words start with their vector in {path}"


def details(net: WordVectors, labels: Sequence[str]) -> JsonObject:
    """Returns a map of frequent words, and their neighbors, as numbers of words."""
    frequent = _meaningful(len(net.counts))
    if len(frequent) < _MIN_MAP:
        return {}
    units = nn.functional.normalize(net.vectors, dim=1)
    cosines = units[frequent[:_NEIGHBORS]] @ units.T
    cosines[torch.arange(len(cosines)), frequent[:_NEIGHBORS]] = -1
    top = cosines.topk(min(_NEAREST, len(units) - 1), dim=1)
    neighbors = [
        {"word": word, "nearest": nearest, "cosines": near}
        for word, nearest, near in zip(
            frequent, top.indices.tolist(), top.values.tolist(), strict=False
        )
    ]
    return {
        "map": {"words": frequent, "methods": _plane(units[frequent].numpy())},
        "neighbors": neighbors,
    }


def _meaningful(words: int) -> list[int]:
    """Returns frequent words, without the very frequent ones where there are many."""
    first = min(_SKIPPED, words // 10)
    return list(range(first, min(words, first + _MAPPED)))


def _plane(units: np.ndarray) -> dict[str, list[list[float]]]:
    """Returns the places of words in two dimensions, by PCA and by t-SNE."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(units) - 1) / 3)
    methods = {
        "PCA": PCA(2, random_state=0),
        "t-SNE": TSNE(2, perplexity=perplexity, metric="cosine", init="random", random_state=0),
    }
    return {name: method.fit_transform(units).round(4).tolist() for name, method in methods.items()}
