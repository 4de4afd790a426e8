"""Term weights: how much each term of a text counts: TF, IDF, their product, its norm.

tf    = count                     or  count / length of the text   (term_frequency)
        or  1 + ln count          (sublinear_tf)
idf   = ln((1 + N) / (1 + df)) + 1  with smooth_idf  or  ln(N / df) + 1  without it
w     = tf · idf                    divided by its length (norm)

N is the number of documents, df the number of those that have the term. The 1 that is
added to the logarithm keeps terms that every document has; `offset` 0 leaves it out.

Shapes:   text (batch, term, 2), ids and counts, padded with 0 -> weights (batch, term)
Source:   Spärck Jones 1972 for IDF; scikit-learn's TfidfTransformer for the variants.
Example:  >>> text = torch.tensor([[[1, 4], [2, 1], [0, 0]]])
          >>> TermFrequency()(text).tolist()
          [[4.0, 1.0, 0.0]]
          >>> TermFrequency(relative=True)(text).round(decimals=2)
          tensor([[0.8000, 0.2000, 0.0000]])
          >>> idf = InverseDocumentFrequency(3)
          >>> idf.fit(torch.tensor([0, 2, 1]), 2, smooth=False, offset=0.0)
          >>> [round(value, 4) for value in idf(text)[0, :2].tolist()]
          [0.0, 0.6931]
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source

Norm = Literal["l1", "l2", "none"]
Index = tuple[int, ...]
_ORDERS = {"l1": 1, "l2": 2}


class TermFrequency(nn.Module):
    """The frequency of each term in its text."""

    _one: Tensor

    def __init__(self, *, sublinear: bool = False, relative: bool = False) -> None:
        super().__init__()
        self.sublinear, self.relative = sublinear, relative
        self.register_buffer("_one", torch.ones(()), persistent=False)  # has the dtype

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        by = "count / length" if self.relative else "1 + ln count" if self.sublinear else "count"
        return f"term frequency, {by}"

    def forward(self, text: Tensor) -> Tensor:
        counts = text[..., 1].to(self._one.dtype)
        if self.relative:
            counts = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
        if self.sublinear:
            counts = torch.where(counts > 0, 1 + counts.clamp(min=1).log(), 0)
        return counts

    def explain(self, index: Index, text: Tensor) -> tuple[list[Source], Combined]:
        """Returns the count, with the factor that makes it the frequency."""
        row, term = index
        count = float(text[row, term, 1])
        value = float(self(text)[row, term])
        factor = value / count if count else 0.0
        return [Source("input", (row, term, 1), count, factor)], "sum"


class InverseDocumentFrequency(nn.Module):
    """One weight per term of the vocabulary: rare terms weigh more."""

    DESCRIPTION = "inverse document frequency"
    document_frequency: Tensor
    num_documents: Tensor

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(vocab_size))
        self.register_buffer("document_frequency", torch.zeros(vocab_size, dtype=torch.int64))
        self.register_buffer("num_documents", torch.zeros((), dtype=torch.int64))

    def fit(self, frequency: Tensor, documents: int, *, smooth: bool, offset: float) -> None:
        """Sets the weights from the number of documents of each term, and of all."""
        counts, extra = frequency.double(), int(smooth)
        safe = torch.where(counts > 0, counts, 1)
        idf = ((documents + extra) / (safe + extra)).log() + offset
        self.weight.data = torch.where(counts > 0, idf, 0).to(self.weight.dtype)
        self.document_frequency, self.num_documents = frequency, torch.tensor(documents)

    def forward(self, text: Tensor) -> Tensor:
        return nn.functional.embedding(text[..., 0], self.weight[:, None])[..., 0]

    def explain(self, index: Index, text: Tensor) -> tuple[list[Source], Combined]:
        """Returns the weight of the term."""
        term = int(text[(*index, 0)])
        return [Source("weight", (term,), self.weight[term].detach())], "sum"


class TermProduct(nn.Module):
    """The product of TF and IDF."""

    DESCRIPTION = "tf · idf"

    def forward(self, frequency: Tensor, idf: Tensor) -> Tensor:
        return frequency * idf

    def explain(
        self, index: Index, frequency: Tensor, idf: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns both factors."""
        return [Source("tf", index, frequency[index]), Source("idf", index, idf[index])], "product"


class TermNorm(nn.Module):
    """Divides the weights of a text by their norm; a text without terms stays 0."""

    def __init__(self, norm: Norm) -> None:
        super().__init__()
        self.norm = norm

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return "no norm" if self.norm == "none" else f"divided by the {self.norm} norm"

    def forward(self, weights: Tensor) -> Tensor:
        return weights if self.norm == "none" else weights / self._size(weights)

    def _size(self, weights: Tensor) -> Tensor:
        size = torch.linalg.vector_norm(weights, _ORDERS[self.norm], dim=1, keepdim=True)
        return torch.where(size > 0, size, 1)

    def explain(self, index: Index, weights: Tensor) -> tuple[list[Source], Combined]:
        """Returns the weight, divided by the norm."""
        size = 1.0 if self.norm == "none" else float(self._size(weights)[index[0], 0])
        return [Source("input", index, weights[index], 1 / size)], "sum"
