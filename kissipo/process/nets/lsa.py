"""LSA: latent semantic analysis: TF-IDF weights on the strongest axes of all documents.

X = U S V'   (document, term), cut to n_components axes    z = V' w    cos(z_q, z_d)

An axis groups terms that occur in the same documents, so that a text also finds
documents that have none of its words. The axes are those of scikit-learn's
TruncatedSVD, with the seed of the run; they are not centered, so the first axis is what
all documents share.

Shapes:   text (batch, term, 2), ids and counts -> cosines (batch, document)
Source:   Deerwester, Dumais, Furnas, Landauer and Harshman 1990.
Example:  >>> text = TensorSpec("text", ("term", "count"), (3, 2), vocab_size=9)
          >>> documents = TensorSpec("document", ("document",), (5,))
          >>> net = build((text,), (documents,), Options(n_components=2))
          >>> net(torch.tensor([[[1, 3], [2, 4], [0, 0]]])).shape
          torch.Size([1, 5])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.description import Chart, Detail, Line, Section, Table
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.document_cosine import AxisCosine, TermProjection
from kissipo.process.nets._documents import (
    CountMatrix,
    TermWeights,
    WeightOptions,
    check_specs,
    vocabulary_detail,
)

ALGORITHMS = ("closed_form",)
_AXES, _ROWS, _WORDS = 100, 4_096, 8


@dataclass(frozen=True)
class Options(WeightOptions):
    """The options of LSA."""

    n_components: int | None = option(None, "number of axes", minimum=1)
    svd_solver: Literal["randomized", "arpack"] = option(
        "randomized", "how the axes are computed: fast and nearly exact, or exact"
    )
    power_iterations: int = option(
        5, "power iterations of the randomized solver; n_iter of scikit-learn", minimum=0
    )


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the number of axes: 100, or fewer for few documents or terms."""
    limit = _max_axes(facts.inputs[0].vocab_size - 1, facts.samples)
    reason = "usual for LSA" if limit >= _AXES else f"{facts.samples:,} documents have no more"
    return (InferredOption("process.n_components", min(_AXES, limit), reason),)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for so many terms and documents.

    Raises:   ShapeError, TaskError as `check_specs`, and for too many axes.
    """
    vocab_size, documents = check_specs("lsa", inputs, outputs, options)
    limit = _max_axes(vocab_size - 1, documents)
    axes = options.n_components or min(_AXES, limit)
    if axes > limit:
        raise TaskError(
            "process.n_components is larger than the number of axes of these documents",
            got=str(axes),
            allowed=f"1 to {limit}: {documents:,} documents of {vocab_size - 1:,} terms",
        )
    return Lsa(vocab_size, documents, axes, options)


def details(net: nn.Module, labels: Sequence[str]) -> dict[str, Detail]:
    """Returns the axes with their strongest terms, and what the vocabulary is like."""
    if not isinstance(net, Lsa):
        return {}
    return {"axes": net.describe_axes(labels), **vocabulary_detail(net.weights, labels)}


class Lsa(nn.Module):
    """Weighs the terms of a text, projects it, and compares it with all documents."""

    explained_variance: Tensor
    singular_values: Tensor

    def __init__(self, vocab_size: int, documents: int, axes: int, options: Options) -> None:
        super().__init__()
        self.options = options
        self.weights = TermWeights(vocab_size, options)
        self.project = TermProjection(vocab_size, axes)
        self.cosine = AxisCosine(axes, documents)
        self.register_buffer("explained_variance", torch.zeros(axes))
        self.register_buffer("singular_values", torch.zeros(axes))

    def forward(self, text: Tensor) -> Tensor:
        cosines: Tensor = self.cosine(self.project(self.weights(text), text))
        return cosines

    def terms(self, text: Tensor) -> Tensor:
        """Returns the ids of the terms (batch, term)."""
        return text[..., 0]

    def parts(self, text: Tensor, documents: Tensor) -> Tensor:
        """Returns the part of each term in the cosine with some documents.

        A term can have a part without being in the document, as it lies on the axes.
        """
        weights = self.weights(text)
        vector = self.project(weights, text)
        length = torch.linalg.vector_norm(vector, dim=1)[:, None, None]
        others = self.cosine.vectors[documents]
        rows = [
            (terms[None] @ other.T)[0].T
            for terms, other in zip(self.project.weight[text[..., 0]], others, strict=True)
        ]
        parts = torch.stack(rows) * weights[:, None]
        return parts / torch.where(length > 0, length, 1)

    def vectors(self) -> NDArray[np.float32]:
        """Returns the vectors of all documents (document, axis)."""
        vectors: NDArray[np.float32] = (self.cosine.vectors * self.cosine.lengths[:, None]).numpy()
        return vectors

    def solve(self, samples: Iterable[Batch], seed: int) -> str:
        """Computes the axes of all documents, and the documents on them."""
        from sklearn.decomposition import TruncatedSVD

        counts = CountMatrix(samples, len(self.project.weight))
        weights = self.weights.fit(counts)[:, 1:]
        svd = TruncatedSVD(
            len(self.singular_values),
            algorithm=self.options.svd_solver,
            n_iter=self.options.power_iterations,
            random_state=seed,
        ).fit(weights)
        vectors = [
            svd.transform(weights[first : first + _ROWS]).astype(np.float32)
            for first in range(0, len(counts), _ROWS)
        ]
        self.cosine.set(torch.from_numpy(np.concatenate(vectors)))
        axes = torch.from_numpy(svd.components_.T.astype(np.float32))
        self.project.weight.data = torch.cat([torch.zeros(1, axes.shape[1]), axes])
        self.explained_variance = torch.from_numpy(svd.explained_variance_ratio_).float()
        self.singular_values = torch.from_numpy(svd.singular_values_).float()
        share = float(svd.explained_variance_ratio_.sum())
        return (
            f"solved in one pass: {len(svd.singular_values_)} axes of {len(counts):,} documents "
            f"explain {share:.1%} of the variance of their {counts.width - 1:,} term weights"
        )

    def describe_axes(self, labels: Sequence[str]) -> Detail:
        """Returns the share of the variance of each axis, and its strongest terms."""
        shares, weight = self.explained_variance.tolist(), self.project.weight.detach()
        rows = []
        for axis, share in enumerate(shares):
            order = weight[1:, axis].argsort() + 1
            high, low = order.flip(0)[:_WORDS].tolist(), order[:_WORDS].tolist()
            rows.append(
                [
                    str(axis + 1),
                    f"{self.singular_values[axis]:.3f}",
                    f"{share:.2%}",
                    ", ".join(f"{labels[term]} {weight[term, axis]:.2f}" for term in high),
                    ", ".join(f"{labels[term]} {weight[term, axis]:.2f}" for term in low),
                ]
            )
        total = float(self.explained_variance.sum())
        sums = np.cumsum(shares).tolist()
        titles = ["axis", "singular value", "variance", "largest values", "smallest values"]
        sentence = f"{len(shares)} axes explain {total:.1%} of the variance of the term weights."
        return Detail(
            {"explained_variance": total, "by_axis": shares},
            summary=[Line(sentence)],
            sections=[
                Section(
                    "Axes and their terms",
                    [
                        Line(sentence),
                        Chart(
                            {"variance of the first axes": list(enumerate(sums, 1))},
                            "axes",
                            "share of the variance",
                            height=180,
                        ),
                        Table(titles, rows, numbers=(0, 1, 2)),
                    ],
                )
            ],
        )


def _max_axes(terms: int, documents: int) -> int:
    """Returns the largest number of axes; the exact solver needs one less."""
    return max(1, min(terms, documents) - 1)
