"""Join: several inputs into one row of features.

Numbers are laid flat, ids of levels are looked up in an embedding, ids of words are looked up and averaged over the words
that are there (id 0 fills up and does not count).

Shapes:   one tensor a port, the batch axis first -> (batch, feature)
Example:  >>> import torch
          >>> from kissipo.core.tensor_spec import Port
          >>> join = Join((Port("age", ("feature",), (1,)), Port("film", (), (), vocabulary=9)))
          >>> join(torch.zeros(2, 1), torch.tensor([3, 0])).shape
          torch.Size([2, 6])
"""

import torch
from torch import Tensor, nn

from kissipo.core.protocols import Combined, Source
from kissipo.core.tensor_spec import Port
from kissipo.process.layers.embedding import embedding, width
from kissipo.process.layers.stacked import stacked


class Join(nn.Module):
    """One branch a port, side by side."""

    TELL = "side by side"

    def __init__(self, ports: tuple[Port, ...], *, embed: int | None = None) -> None:
        super().__init__()
        self.branches = nn.ModuleList([_branch(port, embed) for port in ports])
        self.width = sum(_width(port, embed) for port in ports)

    def forward(self, *inputs: Tensor) -> Tensor:
        rows = [branch(x) for branch, x in zip(self.branches, inputs, strict=True)]
        return rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)

    def opens(self, index: tuple[int, ...], *inputs: Tensor) -> tuple[list[Source], Combined]:
        """The branch that it comes from."""
        rows = {f"branch {at}": self.branches[at](x) for at, x in enumerate(inputs)}
        return [stacked(rows, index)], "sum"


class MeanEmbedding(nn.Module):
    """The mean of the embeddings of all ids but 0.

    Shapes:   ids (batch, time) -> (batch, feature)
    """

    TELL = "mean over the words"

    def __init__(self, vocabulary: int, features: int) -> None:
        super().__init__()
        self.embedding = embedding(vocabulary, features, fills=True)

    def forward(self, ids: Tensor) -> Tensor:
        there = (ids != 0).unsqueeze(-1)
        return (self.embedding(ids) * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)

    def opens(self, index: tuple[int, int], ids: Tensor) -> tuple[list[Source], Combined]:
        """The words that are there."""
        row, feature = index
        steps = ids[row].nonzero()[:, 0].tolist()
        rows = self.embedding(ids[row])
        return [Source("embedding", (row, step, feature), rows[step, feature], 1 / len(steps)) for step in steps], "sum"


def _branch(port: Port, embed: int | None) -> nn.Module:
    if not port.vocabulary:
        return nn.Flatten()
    features = width(port.vocabulary, embed)
    if port.axes == ("time",):
        return MeanEmbedding(port.vocabulary, features)
    looked_up = embedding(port.vocabulary, features)
    return looked_up if not port.axes else nn.Sequential(looked_up, nn.Flatten())


def _width(port: Port, embed: int | None) -> int:
    if not port.vocabulary:
        return port.size
    features = width(port.vocabulary, embed)
    return features if port.axes == ("time",) else features * port.size
