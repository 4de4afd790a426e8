"""Playground: a net with one point per sample, whose coordinates are its weights (S11).

The inputs are the surface and the starting position of each point. The output is the
height of the surface at the point.

Shapes:   surface ids (point), optimizer ids (point), starts (point, 3)
          -> heights (point, 1)
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.surfaces import SURFACES, height

ALGORITHMS = ("gradient_descent",)


@dataclass(frozen=True)
class Options:
    """The options of the playground."""

    num_points: int = option(1, "number of points", minimum=1)


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns one point per sample."""
    return (InferredOption("process.num_points", facts.samples),)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the points.

    Raises:   ShapeError when the inputs are not surface, optimizer and start.
    """
    if [spec.name for spec in inputs[:2]] != ["surface", "optimizer"] or len(inputs) != 3:
        raise ShapeError(
            "process step 'playground' takes surface, optimizer and start",
            do="Use input.make=surfaces",
        )
    unknown = [name for name in inputs[0].labels if name not in SURFACES]
    if unknown:
        raise ShapeError(
            f"process step 'playground' has no surface '{unknown[0]}'",
            allowed=", ".join(SURFACES),
        )
    return Playground(inputs[0].labels, inputs[1].labels, options.num_points)


class Playground(nn.Module):
    """One point per sample, in the same order."""

    def __init__(
        self, surfaces: tuple[str, ...], optimizers: tuple[str, ...], num_points: int
    ) -> None:
        super().__init__()
        self.surfaces, self.optimizers = surfaces, optimizers
        self.points = nn.ParameterList([nn.Parameter(torch.zeros(3)) for _ in range(num_points)])

    def forward(self, surface: Tensor, optimizer: Tensor, start: Tensor) -> Tensor:
        positions = torch.stack(list(self.points)[: len(surface)])
        heights = torch.zeros(len(surface), device=surface.device)
        for number, name in enumerate(self.surfaces):
            selected = surface == number
            heights = heights.masked_scatter(selected, height(name, positions[selected]))
        return heights.unsqueeze(1)
