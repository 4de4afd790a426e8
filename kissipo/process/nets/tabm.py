"""TabM: many feed-forward nets for tables that share their weights and are averaged.

h_i = f(s_i · (W (r_i · x)) + b_i)  ...          y_i = V_i h_i + c_i        for member i
the mean of the probabilities of all y_i, or of the numbers

Members share W, and each has its own scales r and s, biases and output layer. In
training each member has a loss of its own. So they make different errors, which the
mean cancels; the shared weights keep each of them from overfitting.

Shapes:   any inputs -> (batch, feature), flattened -> (batch, member, unit) ...
          -> one row per output
Choices:  relu; the first scales are random signs, all others start at 1. In the paper
          the loss is the mean of those of the members. Here that of the mean, which is
          reported, counts as well, as much as those of three members.
Source:   Gorishniy, Kotelnikov and Babenko, TabM: Advancing Tabular Deep Learning with
          Parameter-Efficient Ensembling, ICLR 2025.
Example:  >>> from kissipo.core.tensor_spec import TensorSpec
          >>> x = TensorSpec("x", ("feature",), (6,))
          >>> y = TensorSpec("y", ("class",), (3,))
          >>> net = build((x,), (y,), Options(num_members=4, units=(8,)))
          >>> mean, members = net.with_auxiliary(torch.zeros(5, 6))
          >>> mean.shape, len(members)
          (torch.Size([5, 3]), 4)
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import Candidate, DataFacts, InferredOption
from kissipo.core.protocols import Combined, Source
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import Activation, activation
from kissipo.process.layers.concat_features import ConcatFeatures
from kissipo.process.layers.member_scale import member_linear
from kissipo.process.layers.number_embedding import NumberEmbedding

_TINY, _RATE = 1e-12, 2e-3


@dataclass(frozen=True)
class Options:
    """The options of TabM."""

    units: tuple[int, ...] = option((128, 128), "number of units of each hidden layer", minimum=1)
    num_members: int = option(32, "number of members that are averaged", minimum=2)
    activation: Activation = option("relu", "activation of each hidden layer")
    dropout: float = option(0.1, "dropout rate of the hidden layers", minimum=0, below=1)
    embedding_dim: int | None = option(
        None, "size of each embedding of categories or tokens", minimum=1
    )
    number_embedding: NumberEmbedding | None = option(
        None, "embedding of each column of numbers of a table"
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the training; sizes are those of the options."""
    return (
        InferredOption("process.optimizer", "adamw"),
        InferredOption("process.learning_rate", _RATE),
    )


def candidates(facts: DataFacts) -> tuple[Candidate, ...]:
    """Returns the net for a table of numbers and categories with one answer."""
    has_one_answer = len(facts.outputs) == 1 and len(facts.outputs[0].shape) == 1
    if not facts.is_table or not has_one_answer:
        return ()
    reason = "the mean of many nets that share their weights"
    return (
        Candidate(
            "TabM", (InferredOption("process.net", "tabm", reason), *suggested_options(facts))
        ),
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these inputs and a single output of one row.

    Raises:   ShapeError for several outputs, and for an output of more than one axis.
    """
    if len(outputs) != 1 or len(outputs[0].shape) != 1:
        raise ShapeError(
            "process step 'tabm' has one answer, a category, labels or a number",
            got=", ".join(f"'{spec.name}' {spec.describe()}" for spec in outputs),
            do="Use process.net=ffn",
        )
    join = ConcatFeatures(inputs, embed=options.embedding_dim, numbers=options.number_embedding)
    return TabM(join, outputs[0], options)


class TabM(nn.Module):
    """Members with shared weights; their mean is the output."""

    DESCRIPTION = "mean of all members"

    def __init__(self, join: ConcatFeatures, output: TensorSpec, options: Options) -> None:
        super().__init__()
        self.join = join
        self.members = Members(join.width, output.size, options)
        self.mean = MemberMean(output)

    def forward(self, *inputs: Tensor) -> Tensor:
        mean: Tensor = self.mean(self.members(self.join(*inputs)))
        return mean

    def with_auxiliary(self, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the mean, and the outputs (member, batch, output) of the members,
        which have losses of their own."""
        outputs = self.members(self.join(*inputs))
        return self.mean(outputs), outputs.transpose(0, 1)


class Members(nn.Sequential):
    """The hidden layers and output layers of all members."""

    def __init__(self, features: int, outputs: int, options: Options) -> None:
        members, width = options.num_members, features
        layers: list[nn.Module] = [ForEachMember(members)]
        for number, units in enumerate(options.units):
            layers += [member_linear(width, units, members=members, signs=number == 0)]
            layers += [activation(options.activation)]
            layers += [nn.Dropout(options.dropout)] if options.dropout else []
            width = units
        super().__init__(*layers, MemberHeads(members, width, outputs))


class ForEachMember(nn.Module):
    """Repeats a row for each member, (batch, feature) -> (batch, member, feature)."""

    DESCRIPTION = "the same row for each member"

    def __init__(self, members: int) -> None:
        super().__init__()
        self.members = members

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1).expand(-1, self.members, -1)

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the feature of the row."""
        place = (index[0], index[2])
        return [Source("input", place, x[place])], "sum"


class MemberHeads(nn.Module):
    """An output layer for each member; the outputs of all are computed at once.

    Shapes:   (batch, member, feature) -> (batch, member, output)
    """

    DESCRIPTION = "output layer per member"

    def __init__(self, members: int, features: int, outputs: int) -> None:
        super().__init__()
        layers = [nn.Linear(features, outputs) for _ in range(members)]
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        products = x.transpose(0, 1) @ self.weight.transpose(1, 2)  # (member, batch, output)
        return products.transpose(0, 1) + self.bias

    def activation_products(self, output: Tensor, x: Tensor) -> int:
        """Returns the products with the weights of all members."""
        return output.numel() * self.weight.shape[2]

    def explain(self, index: tuple[int, ...], x: Tensor) -> tuple[list[Source], Combined]:
        """Returns the features of the member with its weights, and its bias."""
        row, member, unit = index
        weights, values = self.weight[member, unit].tolist(), x[row, member].detach()
        sources = [
            Source("input", (row, member, place), value, weight)
            for place, (value, weight) in enumerate(zip(values, weights, strict=True))
        ]
        bias = self.bias.detach()[member, unit]
        return [*sources, Source("bias", (member, unit), bias)], "sum"


class MemberMean(nn.Module):
    """The mean of the members: of probabilities, as logits, or of numbers."""

    DESCRIPTION = "mean over the members"

    def __init__(self, output: TensorSpec) -> None:
        super().__init__()
        is_class = output.axes == ("class",)
        self.is_softmax = is_class and output.size > 1
        self.is_sigmoid = output.axes == ("label",) or (is_class and output.size == 1)

    def forward(self, outputs: Tensor) -> Tensor:
        if self.is_softmax:
            size = outputs.logsumexp(dim=2, keepdim=True)  # of no account for the softmax
            return (outputs - size).exp().mean(dim=1).clamp(min=_TINY).log() + size.mean(dim=1)
        if self.is_sigmoid:
            return outputs.sigmoid().mean(dim=1).clamp(_TINY, 1 - 1e-6).logit()
        return outputs.mean(dim=1)
