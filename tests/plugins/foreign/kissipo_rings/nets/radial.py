"""Radial basis functions: h_k = exp(-|x - c_k|²), then a linear layer."""

from dataclasses import dataclass

import torch
from torch import nn

from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option
from kissipo.process.layers.heads import head

ALGORITHMS = ("sign_sgd", "supervised")


@dataclass(frozen=True)
class Options:
    """The options of radial basis functions."""

    centers: int = option(8, "number of centers", minimum=1)


def suggested_options(facts):
    return (InferredOption("process.centers", 16, "the rings are wide"),)


class Centers(nn.Module):
    """The distance to each center."""

    def __init__(self, features: int, centers: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(centers, features))

    def forward(self, x):
        return torch.exp(-torch.cdist(x, self.places).square())


def build(inputs, outputs, options):
    (spec,) = inputs
    return nn.Sequential(Centers(spec.size, options.centers), head(options.centers, outputs))
