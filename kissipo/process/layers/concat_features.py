"""Concatenation of several inputs to one row of features.

Numbers are flattened; of sequences of different lengths the mean over the steps is
taken. Ids of classes are looked up in an embedding. Ids of tokens are
looked up and averaged over the tokens of the text; id 0 is padding and does not count.
Embeddings of terms with weights are added up, times their weights.
With `statistics`, an image is described by statistics of its brightness and edges.
With `numbers`, each column of numbers of a table is embedded.

Shapes:   one tensor per input (batch, ...) -> (batch, feature)
Example:  >>> import torch
          >>> from kissipo.core.tensor_spec import TensorSpec
          >>> age = TensorSpec("age", ("feature",), (1,))
          >>> film = TensorSpec("film", (), (), vocab_size=9)
          >>> join = ConcatFeatures((age, film))
          >>> join(torch.zeros(2, 1), torch.tensor([3, 0])).shape
          torch.Size([2, 6])
"""

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.embedding import BOUND, embedding, width
from kissipo.process.layers.image_statistics import WIDTH as STATISTICS
from kissipo.process.layers.image_statistics import ImageStatistics
from kissipo.process.layers.number_embedding import (
    NumberEmbedding,
    embedded_width,
    number_embedding,
)
from kissipo.process.layers.over_time import MeanOverSteps
from kissipo.process.layers.sparse_linear import SparseLinear
from kissipo.process.layers.stacked import stacked


class ConcatFeatures(nn.Module):
    """One branch per input; their features are concatenated."""

    DESCRIPTION = "concatenation"

    def __init__(
        self,
        specs: tuple[TensorSpec, ...],
        *,
        embed: int | None = None,
        statistics: bool = False,
        numbers: NumberEmbedding | None = None,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList()
        self.width = 0
        for spec in specs:
            if statistics and spec.is_image:
                self.branches.append(ImageStatistics(*spec.shape[1:]))
                self.width += STATISTICS
            elif numbers and spec.axes == ("feature",) and not spec.vocab_size:
                self.branches.append(number_embedding(numbers, spec.size))
                self.width += embedded_width(numbers, spec.size)
            else:
                self.branches.append(_branch(spec, embed))
                self.width += _width(spec, embed)

    def forward(self, *inputs: Tensor) -> Tensor:
        rows = [branch(x) for branch, x in zip(self.branches, inputs, strict=True)]
        return rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)

    def explain(self, index: tuple[int, ...], *inputs: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value in the branch that it comes from."""
        rows = {f"branch {number}": self.branches[number](x) for number, x in enumerate(inputs)}
        return [stacked(rows, index)], "sum"


class MeanEmbedding(nn.Module):
    """The mean of the embeddings of all ids but 0.

    Shapes:   ids (batch, time) -> (batch, feature)
    """

    DESCRIPTION = "mean over the tokens"

    def __init__(self, vocabulary: int, features: int) -> None:
        super().__init__()
        self.embedding = embedding(vocabulary, features, padded=True)

    def forward(self, ids: Tensor) -> Tensor:
        mask = (ids != 0).unsqueeze(-1)
        return (self.embedding(ids) * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)

    def explain(self, index: tuple[int, int], ids: Tensor) -> tuple[list[Source], Combined]:
        """Returns the embeddings of the tokens that count."""
        row, feature = index
        steps = ids[row].nonzero()[:, 0].tolist()
        rows = self.embedding(ids[row])
        return [
            Source("embedding", (row, step, feature), rows[step, feature], 1 / len(steps))
            for step in steps
        ], "sum"


def _branch(spec: TensorSpec, embed: int | None) -> nn.Module:
    if spec.is_padded_sequence:
        return MeanOverSteps()
    if not spec.vocab_size:
        return nn.Flatten()
    features = width(spec.vocab_size, embed)
    if spec.is_weighted_bag:
        return SparseLinear(spec.vocab_size, features, bound=BOUND)
    if spec.axes == ("time",):
        return MeanEmbedding(spec.vocab_size, features)
    layer = embedding(spec.vocab_size, features)
    return layer if not spec.axes else nn.Sequential(layer, nn.Flatten())


def _width(spec: TensorSpec, embed: int | None) -> int:
    if spec.is_padded_sequence:
        return spec.shape[-1]
    if not spec.vocab_size:
        return spec.size
    features = width(spec.vocab_size, embed)
    is_text = spec.axes == ("time",) or spec.is_weighted_bag
    return features if is_text else features * spec.size
