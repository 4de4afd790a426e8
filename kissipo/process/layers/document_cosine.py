"""Document cosine: the cosine of a text with each document, as a layer.

cos(q, d) = q · d / (|q| |d|)

`TermCosine` keeps the documents as postings: for each term the documents that have it,
and its weight in them. A text touches the postings of its own terms alone, so that the
work does not grow with the vocabulary. `AxisCosine` keeps a short vector per document.

The documents have length 1 here; `lengths` holds what they were divided by. A text
without a known term has the cosine 0 with every document.

Shapes:   weights (batch, term), text (batch, term, 2) -> cosines (batch, document)
          vectors (batch, axis) -> cosines (batch, document)
Example:  >>> cosine = TermCosine(vocab_size=4, documents=2)
          >>> text = torch.tensor([[[1, 1], [2, 1]]])
          >>> cosine(torch.tensor([[3.0, 4.0]]), text).tolist()  # document n has term n
          [[0.6000000238418579, 0.800000011920929]]
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source

Index = tuple[int, ...]
_VALUES = 2_000_000  # postings, or products, of a part of a batch


class TermCosine(nn.Module):
    """Cosines by the terms that a text shares with a document.

    Before the net is solved, document n has term n alone.
    """

    starts: Tensor
    postings: Tensor
    weights: Tensor
    lengths: Tensor

    def __init__(self, vocab_size: int, documents: int) -> None:
        super().__init__()
        self.count = documents
        count = min(documents, vocab_size - 1)
        starts = torch.arange(vocab_size + 1).sub(1).clamp(0, count)
        self.set(starts, torch.arange(count), torch.ones(count), torch.ones(documents))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return f"cosine with {self.count:,} documents"

    def set(self, starts: Tensor, postings: Tensor, weights: Tensor, lengths: Tensor) -> None:
        """Sets the documents.

        starts:    (term + 1) the first posting of each term id
        postings:  (posting) the number of a document that has the term
        weights:   (posting) its weight there, in a document of length 1
        lengths:   (document) what the weights were divided by
        """
        tensors = {"starts": starts, "postings": postings, "weights": weights, "lengths": lengths}
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)

    def forward(self, weights: Tensor, text: Tensor) -> Tensor:
        rows = max(1, _VALUES // max(1, weights.shape[1] * self.count))
        some = zip(_unit(weights).split(rows), text.split(rows), strict=True)
        return torch.cat([self._cosines(*part) for part in some])

    def parts(self, weights: Tensor, text: Tensor, documents: Tensor) -> Tensor:
        """Returns the part of each term in the cosine with some documents.

        Shapes:   documents (batch, document) numbers -> (batch, document, term)
        """
        rows = max(1, _VALUES // max(1, weights.shape[1] * documents.shape[1]))
        some = zip(_unit(weights).split(rows), text.split(rows), documents.split(rows), strict=True)
        return torch.cat([self._parts(*part) for part in some])

    def explain(self, index: Index, weights: Tensor, text: Tensor) -> tuple[list[Source], Combined]:
        """Returns the weight of each shared term, times its weight in the document."""
        row, document = index
        some, unit = slice(row, row + 1), _unit(weights)
        parts = self.parts(weights[some], text[some], torch.tensor([[document]]))[0, 0]
        shared = parts.nonzero()[:, 0].tolist() or range(weights.shape[1])
        return [
            Source(
                "input",
                (row, term),
                weights[row, term],
                _ratio(float(parts[term]), float(weights[row, term])),
            )
            for term in shared
            if unit[row, term] != 0 or parts.count_nonzero() == 0
        ], "sum"

    def _parts(self, weights: Tensor, text: Tensor, documents: Tensor) -> Tensor:
        """Looks up each document among the postings of each term, by halving."""
        ids, wanted = text[:, None, :, 0], documents[:, :, None]
        shape = torch.broadcast_shapes(ids.shape, wanted.shape)
        if not len(self.postings):
            return weights.new_zeros(shape)
        low, end = self.starts[ids].expand(shape), self.starts[ids + 1].expand(shape)
        high, last = end, len(self.postings) - 1
        for _ in range(self.count.bit_length()):
            middle = (low + high) // 2
            is_before = (low < high) & (self.postings[middle.clamp(max=last)] < wanted)
            low, high = (
                torch.where(is_before, middle + 1, low),
                torch.where(is_before, high, middle),
            )
        place = low.clamp(max=last)
        is_there = (low < end) & (self.postings[place] == wanted)
        return torch.where(is_there, weights[:, None] * self.weights[place], 0)

    def _cosines(self, weights: Tensor, text: Tensor) -> Tensor:
        slot, document, value = self._products(weights, text)
        place = slot // weights.shape[1] * self.count + document
        empty = torch.zeros(len(weights) * self.count, dtype=value.dtype, device=value.device)
        return empty.index_add(0, place, value).view(len(weights), self.count)

    def _products(self, weights: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns all postings of the terms of texts.

        Returns:  per posting the term of the texts (row · term), the document, and the
                  product of both weights
        """
        ids = text[..., 0].flatten()
        first, count = self.starts[ids], self.starts[ids + 1] - self.starts[ids]
        slot = torch.arange(len(ids), device=ids.device).repeat_interleave(count)
        before = (count.cumsum(0) - count)[slot]
        place = first[slot] + torch.arange(len(slot), device=ids.device) - before
        value = weights.flatten()[slot] * self.weights[place]
        return slot, self.postings[place].long(), value

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Tensor], prefix: str, *rest: object
    ) -> None:
        """Takes as many postings as were saved."""
        for name in ("postings", "weights"):
            saved = state_dict.get(prefix + name)
            if saved is not None:
                self.register_buffer(name, torch.empty_like(saved))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class AxisCosine(nn.Module):
    """Cosines of short vectors."""

    vectors: Tensor
    lengths: Tensor

    def __init__(self, axes: int, documents: int) -> None:
        super().__init__()
        self.count = documents
        self.register_buffer("vectors", _unit(torch.randn(documents, axes)))
        self.register_buffer("lengths", torch.ones(documents))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return f"cosine with {self.count:,} documents"

    def set(self, vectors: Tensor) -> None:
        """Sets the documents by their vectors (document, axis) of any length."""
        self.lengths = _size(vectors.double())[:, 0].float()
        self.vectors = _unit(vectors.double()).float()

    def forward(self, vectors: Tensor) -> Tensor:
        return _unit(vectors) @ self.vectors.T

    def activation_products(self, cosines: Tensor, vectors: Tensor) -> int:
        """Returns the products of the vector with those of all documents."""
        return vectors.shape[1] * cosines.numel()

    def explain(self, index: Index, vectors: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value on each axis, times that of the document."""
        row, document = index
        size = float(_size(vectors)[row, 0])
        return [
            Source(
                "input", (row, axis), vectors[row, axis], float(self.vectors[document, axis]) / size
            )
            for axis in range(vectors.shape[1])
        ], "sum"


class TermProjection(nn.Module):
    """The vector of a text: the sum of the vectors of its terms, each with its weight.

    Shapes:   weights (batch, term), text (batch, term, 2) -> vectors (batch, axis)
    """

    def __init__(self, vocab_size: int, axes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab_size, axes) / axes**0.5)

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        terms, axes = self.weight.shape
        return f"projection of {terms - 1:,} terms on {axes} axes"

    def forward(self, weights: Tensor, text: Tensor) -> Tensor:
        rows = max(1, _VALUES // max(1, weights.shape[1] * self.weight.shape[1]))
        return torch.cat(
            [
                torch.bmm(part.unsqueeze(1), self.weight[ids])[:, 0]
                for part, ids in zip(weights.split(rows), text[..., 0].split(rows), strict=True)
            ]
        )

    def activation_products(self, vectors: Tensor, weights: Tensor, text: Tensor) -> int:
        """Returns the products of the weights with the vectors of the terms."""
        return weights.shape[1] * vectors.numel()

    def explain(self, index: Index, weights: Tensor, text: Tensor) -> tuple[list[Source], Combined]:
        """Returns the weight of each term, times its value on the axis."""
        row, axis = index
        ids = text[row, :, 0]
        return [
            Source("input", (row, term), weights[row, term], float(self.weight[number, axis]))
            for term, number in enumerate(ids.tolist())
        ], "sum"


def _size(vectors: Tensor) -> Tensor:
    """Returns the lengths of vectors (batch, 1); 1 for a vector of zeros."""
    size = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    return torch.where(size > 0, size, 1)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / _size(vectors)


def _ratio(part: float, weight: float) -> float:
    return part / weight if weight else 0.0
