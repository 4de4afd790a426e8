"""Merge: the outputs of both directions of a bidirectional layer become one.

concat: [f, b]        sum: f + b        mul: f · b, unit by unit        ave: (f + b) / 2

Shapes:   (..., 2 · unit), the forward direction first, as in torch.nn
          -> (..., 2 · unit) for concat, (..., unit) for the others
Source:   Keras, Bidirectional(merge_mode); both directions Schuster and Paliwal 1997.
Example:  >>> import torch
          >>> x = torch.tensor([3.0, 5.0])
          >>> [Merge(how)(x).tolist() for how in ("concat", "sum", "mul", "ave")]
          [[3.0, 5.0], [8.0], [15.0], [4.0]]
"""

from typing import Literal

from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source

How = Literal["concat", "sum", "mul", "ave"]


class Merge(nn.Module):
    """Both directions of one layer, merged at every step."""

    def __init__(self, how: How) -> None:
        super().__init__()
        self.how: How = how

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802
        return {
            "concat": "both directions concatenated",
            "sum": "both directions summed",
            "mul": "both directions multiplied",
            "ave": "both directions averaged",
        }[self.how]

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "concat":
            return x
        forward, backward = x.chunk(2, dim=-1)
        if self.how == "mul":
            return forward * backward
        return (forward + backward) / (2 if self.how == "ave" else 1)

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the unit of each direction."""
        places = (
            [index]
            if self.how == "concat"
            else [index, (*index[:-1], index[-1] + x.shape[-1] // 2)]
        )
        weight = 0.5 if self.how == "ave" else 1.0
        sources = [Source("input", place, x[place], weight) for place in places]
        return sources, "product" if self.how == "mul" else "sum"
