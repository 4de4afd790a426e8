"""Documents: what nets share that weigh the terms of texts and compare them.

The counts of all documents are kept as a sparse matrix: 12 bytes per distinct term of a
document. The texts themselves are read once, batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Detail, Section, Table
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.term_weights import (
    InverseDocumentFrequency,
    Norm,
    TermFrequency,
    TermNorm,
    TermProduct,
)

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_ROWS, _MAX_TERMS = 256, 25


@dataclass(frozen=True)
class WeightOptions:
    """How terms are weighted; the names and defaults are those of scikit-learn."""

    term_frequency: Literal["count", "relative"] = option(
        "count", "frequency of a term: its count, or the count divided by the length of the text"
    )
    sublinear_tf: bool = option(False, "1 + ln count in place of the count")
    use_idf: bool = option(True, "weight each term by its inverse document frequency")
    smooth_idf: bool = option(
        True, "ln((1 + N) / (1 + df)) as if one more document had every term; false: ln(N / df)"
    )
    idf_offset: float = option(1.0, "added to the logarithm of the IDF; 0 leaves it alone")
    norm: Norm = option("l2", "norm by which the weights of a text are divided")


class TermWeights(nn.Module):
    """TF, IDF, their product and its norm.

    Shapes:   text (batch, term, 2) -> weights (batch, term)
    """

    def __init__(self, vocab_size: int, options: WeightOptions) -> None:
        super().__init__()
        self.options = options
        self.tf = TermFrequency(
            sublinear=options.sublinear_tf, relative=options.term_frequency == "relative"
        )
        self.idf = InverseDocumentFrequency(vocab_size) if options.use_idf else None
        self.product = TermProduct() if options.use_idf else None
        self.norm = TermNorm(options.norm)

    def forward(self, text: Tensor) -> Tensor:
        weights: Tensor = self.tf(text)
        if self.idf is not None and self.product is not None:
            weights = self.product(weights, self.idf(text))
        normed: Tensor = self.norm(weights)
        return normed

    def fit(self, counts: CountMatrix) -> csr_matrix:
        """Sets the IDF and returns the weights of all documents, in double precision.

        Returns:  a sparse matrix (document, term id), whose first column is padding
        """
        from scipy.sparse import csr_matrix

        if self.idf is not None:
            frequency = np.bincount(counts.ids, minlength=counts.width)
            self.idf.fit(
                torch.from_numpy(frequency.astype(np.int64)),
                len(counts),
                smooth=self.options.smooth_idf,
                offset=self.options.idf_offset,
            )
        exact, values = deepcopy(self).double(), []
        with torch.no_grad():
            for text in counts.texts():
                values.append(exact(text)[text[..., 1] > 0].numpy())
        weights = np.concatenate(values) if values else np.zeros(0)
        shape = (len(counts), counts.width)
        return csr_matrix((weights, counts.ids, counts.starts), shape=shape)


class CountMatrix:
    """The term counts of all documents, row after row.

    ids, counts:  (value) the term and its count
    starts:       (document + 1) the first value of each document
    width:        the number of term ids, with that of the padding
    """

    def __init__(self, samples: Iterable[Batch], width: int) -> None:
        ids, counts, sizes = [], [], []
        for batch in samples:
            text = batch.inputs[0].numpy()
            is_term = text[..., 1] > 0
            ids.append(text[..., 0][is_term].astype(np.int32))
            counts.append(text[..., 1][is_term].astype(np.int32))
            sizes.append(is_term.sum(axis=1))
        self.width = width
        self.ids: NDArray[np.int32] = np.concatenate(ids)
        self.counts: NDArray[np.int32] = np.concatenate(counts)
        self.starts: NDArray[np.int64] = np.concatenate([[0], *sizes]).cumsum()

    def __len__(self) -> int:
        return len(self.starts) - 1

    def texts(self) -> Iterator[Tensor]:
        """Yields the documents in batches (document, term, 2), padded with 0."""
        for first in range(0, len(self), _ROWS):
            starts = self.starts[first : first + _ROWS + 1]
            sizes = np.diff(starts)
            text = np.zeros((len(sizes), max(1, sizes.max(initial=0)), 2), dtype=np.int64)
            is_term = np.arange(text.shape[1])[None] < sizes[:, None]
            some = slice(starts[0], starts[-1])
            text[is_term] = np.stack([self.ids[some], self.counts[some]], axis=1)
            yield torch.from_numpy(text)


def check_specs(
    name: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], options: WeightOptions
) -> tuple[int, int]:
    """Returns the number of term ids and of documents.

    Raises:   ShapeError when the input is not one text of counted terms, or the output
              not one number per document; TaskError for two forms of the TF.
    """
    if len(inputs) != 1 or inputs[0].axes != ("term", "count"):
        raise ShapeError(
            f"process step '{name}' takes the term counts of one text",
            got=" and ".join(spec.describe() for spec in inputs),
            do="Use output.vectors=documents",
        )
    if len(outputs) != 1 or outputs[0].axes != ("document",):
        raise ShapeError(
            f"process step '{name}' compares texts with documents",
            got=f"the output {' and '.join(spec.describe() for spec in outputs)}",
            do="Use output.vectors=documents",
        )
    if options.sublinear_tf and options.term_frequency == "relative":
        raise TaskError(
            "process.sublinear_tf takes the logarithm of counts, not of relative frequencies",
            do="Leave process.term_frequency or process.sublinear_tf out",
        )
    return inputs[0].vocab_size, outputs[0].shape[0]


def vocabulary_detail(weights: TermWeights, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns the terms of the most and of the fewest documents, with their IDF."""
    idf = weights.idf
    if idf is None:
        return {}
    frequency, values = idf.document_frequency.numpy(), idf.weight.detach().numpy()
    count = int(idf.num_documents)
    order = np.argsort(-frequency[1:], kind="stable") + 1

    def rows(numbers: NDArray[np.int64]) -> list[list[str]]:
        return [
            [labels[number], f"{frequency[number]:,}", f"{values[number]:.4f}"]
            for number in numbers.tolist()
        ]

    titles = ("term", f"df, of {count:,} documents", "idf")
    once = int((frequency[1:] == 1).sum())
    return {
        "vocabulary": Detail(
            {"terms": len(labels) - 1, "terms_of_one_document": once},
            sections=[
                Section(
                    "Terms of the most documents",
                    [Table(titles, rows(order[:_MAX_TERMS]), numbers=(1, 2))],
                    note=f"{len(labels) - 1:,} terms, {once:,} of them in one document only",
                ),
                Section(
                    "Terms of the fewest documents",
                    [Table(titles, rows(order[-_MAX_TERMS:]), numbers=(1, 2))],
                ),
            ],
        )
    }
