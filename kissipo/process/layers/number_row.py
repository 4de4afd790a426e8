"""Number row: several inputs of numbers and ids, flattened to one row of numbers.

Numbers are flattened; of sequences of different lengths the mean over the steps is
taken. An id becomes the means of the targets of its category, or stands in the row as a
number that a net reads as a category. With `statistics`, an image is described by
statistics of its brightness and edges.

Shapes:   one tensor per input (batch, ...) -> (batch, feature)
Raises:   ShapeError for an input of ids with several places, such as a text.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> age = TensorSpec("age", ("feature",), (1,))
          >>> film = TensorSpec("film", (), (), vocab_size=9)
          >>> row = NumberRow((age, film), net="random_forest")
          >>> row(torch.tensor([[0.5]]), torch.tensor([3])).tolist()
          [[0.5, 3.0]]
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.protocols import Combined, Source
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.category_means import CategoryMeans
from kissipo.process.layers.image_statistics import NAMES, ImageStatistics
from kissipo.process.layers.over_time import MeanOverSteps
from kissipo.process.layers.stacked import stacked


class NumberRow(nn.Module):
    """One branch per input; their numbers stand side by side.

    net:         the name of the net, for messages
    dtype:       of the row
    means:       the number of means per id; 0: an id stays a number
    statistics:  whether an image becomes its statistics
    specs:       what stands in the row for each input
    """

    DESCRIPTION = "one row of numbers"

    def __init__(
        self,
        specs: tuple[TensorSpec, ...],
        *,
        net: str,
        dtype: torch.dtype = torch.float32,
        means: int = 0,
        statistics: bool = False,
    ) -> None:
        super().__init__()
        self.dtype = dtype
        images = [statistics and spec.is_image for spec in specs]
        self.branches = nn.ModuleList(
            [
                ImageStatistics(*spec.shape[1:]) if is_image else _branch(spec, net, means)
                for spec, is_image in zip(specs, images, strict=True)
            ]
        )
        self.specs = tuple(
            _statistics_of(spec) if is_image else spec
            for spec, is_image in zip(specs, images, strict=True)
        )
        self.width = sum(width_of(spec, means) for spec in self.specs)

    def forward(self, *inputs: Tensor) -> Tensor:
        rows = [branch(x).to(self.dtype) for branch, x in zip(self.branches, inputs, strict=True)]
        return rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)

    def fit(self, batches: Sequence[Sequence[Tensor]], targets: Tensor) -> None:
        """Sets the means of the categories from targets (sample, output)."""
        for place, branch in enumerate(self.branches):
            if isinstance(branch, CategoryMeans):
                branch.fit(torch.cat([inputs[place] for inputs in batches]), targets)

    def explain(self, index: tuple[int, ...], *inputs: Tensor) -> tuple[list[Source], Combined]:
        """Returns the value in the branch that it comes from."""
        rows = {f"branch {number}": self.branches[number](x) for number, x in enumerate(inputs)}
        return [stacked(rows, index)], "sum"


class IdColumn(nn.Module):
    """An id of each sample as a column.

    Shapes:   ids (batch) -> (batch, 1)
    Example:  >>> IdColumn()(torch.tensor([3, 0])).tolist()
              [[3], [0]]
    """

    DESCRIPTION = "the id as a number"

    def forward(self, ids: Tensor) -> Tensor:
        return ids.unsqueeze(1)

    def explain(self, index: tuple[int, ...], ids: Tensor) -> tuple[list[Source], Combined]:
        """Returns the id."""
        return [Source("input", index[:1], ids[index[0]])], "sum"


def width_of(spec: TensorSpec, means: int = 0) -> int:
    """Returns the width of an input in the row."""
    if spec.vocab_size:
        return means or 1
    return spec.shape[-1] if spec.is_padded_sequence else spec.size


def _statistics_of(image: TensorSpec) -> TensorSpec:
    return TensorSpec(image.name, ("feature",), (len(NAMES),), labels=NAMES)


def _branch(spec: TensorSpec, net: str, means: int) -> nn.Module:
    if spec.is_padded_sequence:
        return MeanOverSteps()
    if not spec.vocab_size:
        return nn.Flatten()
    if spec.axes:
        raise ShapeError(
            f"process step '{net}' reads numbers and categories, and '{spec.name}' is a text or "
            "a sequence of ids",
            got=spec.describe(),
            do=f"Leave the column out with input.drop=[{spec.name}], or use another process.net",
        )
    return CategoryMeans(spec.vocab_size, means) if means else IdColumn()
