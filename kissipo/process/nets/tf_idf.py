"""TF-IDF: a weight per term of a text, and the cosine of the text with each document.

w = tf · idf, divided by its length      cos(q, d) = sum over shared terms of w_q w_d

The weights equal those of scikit-learn's TfidfVectorizer. The variants of lectures are
options: `term_frequency: relative, smooth_idf: false, idf_offset: 0, norm: none` is
count / length · ln(N / df).

Shapes:   text (batch, term, 2), ids and counts -> cosines (batch, document)
Source:   Spärck Jones 1972; Salton and Buckley 1988.
Example:  >>> text = TensorSpec("text", ("term", "count"), (3, 2), vocab_size=9)
          >>> documents = TensorSpec("document", ("document",), (2,))
          >>> net = build((text,), (documents,), Options())
          >>> net(torch.tensor([[[1, 3], [2, 4], [0, 0]]])).tolist()
          [[0.6000000238418579, 0.800000011920929]]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Detail
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.document_cosine import TermCosine
from kissipo.process.nets._documents import (
    CountMatrix,
    TermWeights,
    WeightOptions,
    check_specs,
    vocabulary_detail,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ALGORITHMS = ("closed_form",)


@dataclass(frozen=True)
class Options(WeightOptions):
    """The options of TF-IDF."""


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for so many terms and documents.

    Raises:   ShapeError, TaskError as `check_specs`.
    """
    return TfIdf(*check_specs("tf_idf", inputs, outputs, options), options)


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns what the vocabulary is like."""
    return vocabulary_detail(net.weights, labels) if isinstance(net, TfIdf) else {}


class TfIdf(nn.Module):
    """Weighs the terms of a text, and compares it with all documents."""

    def __init__(self, vocab_size: int, documents: int, options: WeightOptions) -> None:
        super().__init__()
        self.weights = TermWeights(vocab_size, options)
        self.cosine = TermCosine(vocab_size, documents)

    def forward(self, text: Tensor) -> Tensor:
        cosines: Tensor = self.cosine(self.weights(text), text)
        return cosines

    def terms(self, text: Tensor) -> Tensor:
        """Returns the ids of the terms (batch, term)."""
        return text[..., 0]

    def parts(self, text: Tensor, documents: Tensor) -> Tensor:
        """Returns the part of each term in the cosine with some documents."""
        return self.cosine.parts(self.weights(text), text, documents)

    def vectors(self) -> csr_matrix:
        """Returns the vectors of all documents, sparse (document, term).

        Column 0 is the first term of the vocabulary, as in scikit-learn.
        """
        from scipy.sparse import csc_matrix

        cosine = self.cosine
        shape = (cosine.count, len(cosine.starts) - 1)
        arrays = (cosine.weights.numpy(), cosine.postings.numpy(), cosine.starts.numpy())
        units = csc_matrix(arrays, shape=shape)[:, 1:].tocsr()
        return units.multiply(cosine.lengths.numpy()[:, None]).tocsr()

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Counts the documents of each term, and keeps the weights of all documents."""
        counts = CountMatrix(samples, len(self.cosine.starts) - 1)
        weights = self.weights.fit(counts)
        squares = np.add.reduceat(np.append(weights.data, 0) ** 2, weights.indptr[:-1])
        lengths = np.sqrt(np.where(np.diff(weights.indptr) > 0, squares, 0))
        safe = np.where(lengths > 0, lengths, 1)
        weights.data /= np.repeat(safe, np.diff(weights.indptr))
        columns = weights.astype(np.float32).tocsc()
        self.cosine.set(
            torch.from_numpy(columns.indptr.astype(np.int64)),
            torch.from_numpy(columns.indices.astype(np.int32)),
            torch.from_numpy(columns.data),
            torch.from_numpy(safe.astype(np.float32)),
        )
        return (
            f"solved in one pass: {len(counts):,} documents, {len(counts.ids):,} weights of "
            f"{counts.width - 1:,} terms"
        )
