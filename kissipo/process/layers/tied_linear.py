"""Tied linear layer: an output layer that has the weights of an embedding.

y = E x + b        E: the rows of the embedding, one per class

The layer has no weights of its own but b, so a run stores the embedding once.

Shapes:   x (..., feature) -> (..., class)
Source:   Press and Wolf 2017; Inan, Khosravi and Socher 2017.
Example:  >>> layer = TiedLinear(nn.Embedding(9, 4))
          >>> layer(torch.zeros(2, 4)).shape, list(layer.state_dict())
          (torch.Size([2, 9]), ['bias'])
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class TiedLinear(nn.Module):
    """A linear layer whose weight is that of an embedding."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self._embedding = (embedding,)  # in a tuple, so that its weight is counted once
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))

    @property
    def weight(self) -> Tensor:
        """The weights of the embedding (class, feature)."""
        return self._embedding[0].weight

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def activation_products(self, output: Tensor, x: Tensor) -> int:
        """Returns the products with the weights, which belong to the embedding."""
        return output.numel() * self.weight.shape[1]

    def extra_repr(self) -> str:
        """Returns the sizes, as torch.nn.Linear does."""
        classes, features = self.weight.shape
        return f"in_features={features}, out_features={classes}, tied"
