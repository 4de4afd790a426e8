"""Playground: the simplest net there is: a point for each sample, whose coordinates are its weights (S11).

What is fed is where each walk starts and on which surface; what comes out is the height of the point where it stands.

Shapes:   surface ids (walk), optimizer ids (walk), starts (walk, 3) -> heights (walk, 1)
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import word
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.surfaces import SURFACES, height

ALGORITHM = "gradient_descent"


@dataclass(frozen=True)
class Options:
    """The options of the playground."""

    num_points: int = word(1, "number of points", at_least=1)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Points for these walks.

    Raises:   ShapeError when the inputs are not surface, optimizer and start.
    """
    if [spec.name for spec in inputs[:2]] != ["surface", "optimizer"] or len(inputs) != 3:
        raise ShapeError(
            "process step 'playground' takes surface, optimizer and start",
            do="Use input.make=surfaces",
        )
    unknown = [name for name in inputs[0].words if name not in SURFACES]
    if unknown:
        raise ShapeError(
            f"process step 'playground' knows no surface '{unknown[0]}'",
            allowed=", ".join(SURFACES),
        )
    return Playground(inputs[0].words, inputs[1].words, options.num_points)


class Playground(nn.Module):
    """One point a walk, in the order of the samples."""

    def __init__(self, surfaces: tuple[str, ...], optimizers: tuple[str, ...], walks: int) -> None:
        super().__init__()
        self.surfaces, self.optimizers = surfaces, optimizers
        self.points = nn.ParameterList([nn.Parameter(torch.zeros(3)) for _ in range(walks)])

    def forward(self, surface: Tensor, optimizer: Tensor, start: Tensor) -> Tensor:
        where = torch.stack(list(self.points)[: len(surface)])
        heights = torch.zeros(len(surface))
        for number, name in enumerate(self.surfaces):
            here = surface == number
            heights = heights.masked_scatter(here, height(name, where[here]))
        return heights.unsqueeze(1)
