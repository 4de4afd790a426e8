"""Recommender: an embedding per user and per item, and a bias for each (S43).

matrix factorization (`units: []`):    y = b_user + b_item + p_user · q_item
the lecture's net (hidden layers):     y = b_user + b_item + Dense([p_user, q_item])
biases alone (`embedding_dim: 0`):     y = b_user + b_item

Side features x of users and items change the vectors and the biases: p = P[id] + W x,
b = B[id] + w · x. In units of the scaled rating, 0 is the mean of all ratings.

A new user or item has the id 0, whose row is zero and is not trained. So it is answered
by the biases alone: a net with hidden layers leaves them out for it, unless there are
side features.

Shapes:   user (batch), item (batch), features (batch, feature) -> (batch, 1)
Choices:  the penalties are Funk's: every sample adds the squares of the rows that it
          looks up, so rare users and items shrink as much per sample as frequent ones.
Source:   Koren, Bell and Volinsky 2009; He et al. 2017 (hidden layers); Kula 2015
          (features, as in LightFM).
Raises:   ShapeError for inputs that are not users and items.
Example:  >>> user = TensorSpec("user", (), (), vocab_size=9)
          >>> item = TensorSpec("film", (), (), vocab_size=9)
          >>> stars = TensorSpec("stars", ("answer",), (1,))
          >>> net = build((user, item), (stars,), Options(embedding_dim=4))
          >>> net(torch.tensor([3, 0]), torch.tensor([5, 5])).shape
          torch.Size([2, 1])
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.codec.side_features import ITEM_FEATURES, USER_FEATURES
from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import Combined, Source
from kissipo.core.schema import Values, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.activation import Activation, activation
from kissipo.process.layers.dot_product import DotProduct
from kissipo.process.layers.embedding import embedding

ALGORITHMS = ("supervised", "bpr")
_Side = tuple[str, Tensor, Tensor | None]  # user or item, its ids, its features


@dataclass(frozen=True)
class Options:
    """The options of a recommender."""

    embedding_dim: int = option(
        32,
        "size of the vector of a user and of an item; 0: biases alone",
        minimum=0,
        search=Values((8, 16, 32, 64, 128)),
    )
    units: tuple[int, ...] = option(
        (), "number of units of each hidden layer; none: the dot product", minimum=1
    )
    activation: Activation = option("relu", "activation of each hidden layer")
    dropout: float = option(0.0, "dropout rate of the hidden layers", minimum=0, below=1)
    biases: bool = option(True, "a bias per user and per item")
    embedding_l2: float | None = option(
        None, "coefficient of the L2 penalty on the two vectors that a sample looks up", minimum=0
    )
    bias_l2: float | None = option(
        None, "coefficient of the L2 penalty on the two biases that a sample looks up", minimum=0
    )


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the penalties, and steps that suit rows which are looked up.

    The validation split of MovieLens 100k chose them.
    """
    if facts.losses == ("bpr",):
        reason = "the best of 0.001 to 0.1 on MovieLens, by NDCG"
        return (
            InferredOption("process.embedding_l2", 0.01, reason),
            InferredOption("process.bias_l2", 0.01, reason),
        )
    is_deep = bool(facts.process.get("units"))
    reason = "suits embeddings, which a batch changes in a few rows"
    penalty = "the best of 0.02 to 0.12 on MovieLens; without it, the vectors overfit"
    dropout = "the best of 0, 0.3 and 0.5 on MovieLens"
    deep = (InferredOption("process.dropout", 0.5, dropout),) if is_deep else ()
    return (
        *deep,
        InferredOption("process.embedding_l2", 0.1, penalty),
        InferredOption("process.bias_l2", 0.02, "the best of 0.005 to 0.1 on MovieLens"),
        InferredOption("process.learning_rate", 0.002 if is_deep else 0.005, reason),
        InferredOption("input.batch_size", 512, reason),
        InferredOption("process.epochs", 15, "early stopping ends before"),
        InferredOption("process.early_stopping", {"patience": 3}),
    )


class Recommender(nn.Module):
    """Biases, and the dot product or hidden layers over two vectors."""

    def __init__(self, users: int, items: int, features: tuple[int, int], options: Options) -> None:
        super().__init__()
        self.embedding_l2, self.bias_l2 = options.embedding_l2 or 0.0, options.bias_l2 or 0.0
        dim = options.embedding_dim
        self.has_vectors = dim > 0
        sizes = dict(zip(("user", "item"), features, strict=True))
        self.described = tuple(name for name, size in sizes.items() if size)  # with features
        if self.has_vectors:
            self.user = embedding(users, dim, padded=True)
            self.item = embedding(items, dim, padded=True)
        if options.biases:
            self.user_bias = _zeros(users)
            self.item_bias = _zeros(items)
        self.has_biases = options.biases
        for name in self.described:
            if self.has_vectors:
                self.add_module(f"{name}_feature_vector", _from_zero(sizes[name], dim))
            if options.biases:
                self.add_module(f"{name}_feature_bias", _from_zero(sizes[name], 1))
        self.is_deep = bool(options.units) and self.has_vectors
        if self.is_deep:
            self.dense = _hidden(2 * dim, options)
        elif self.has_vectors:
            self.dot = DotProduct()

    def forward(self, user: Tensor, item: Tensor, *features: Tensor) -> Tensor:
        sides = self._sides(user, item, *features)
        terms = [self._bias(*side) for side in sides if self.has_biases]
        if self.has_vectors:
            terms.append(self._interaction(*sides))
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def penalty(self, user: Tensor, item: Tensor, *features: Tensor) -> Tensor:
        """Returns the L2 penalty of the vectors and biases, as a mean over samples."""
        total = torch.zeros((), device=user.device)
        for side in self._sides(user, item, *features):
            if self.has_vectors:
                total = total + self.embedding_l2 * self._vector(*side).square().sum()
            if self.has_biases:
                total = total + self.bias_l2 * self._bias(*side).square().sum()
        return total / len(user)

    @property
    def item_vectors(self) -> Tensor | None:
        """The vectors (item, feature) by id; None for biases alone."""
        return self.item.weight.detach() if self.has_vectors else None

    @property
    def item_places(self) -> tuple[int, ...]:
        """The positions of the inputs that belong to the item."""
        return (1, *(2 + place for place, name in enumerate(self.described) if name == "item"))

    def explain(
        self, index: tuple[int, int], user: Tensor, item: Tensor, *features: Tensor
    ) -> tuple[list[Source], Combined]:
        """Returns the biases and the dot product, or what the hidden layers add."""
        sides = self._sides(user, item, *features)
        sources = []
        for name, ids, row in sides if self.has_biases else ():
            table = self.get_submodule(f"{name}_bias")(ids)
            sources.append(Source(f"{name}_bias", index, table[index]))
            if row is not None:
                linear = self.get_submodule(f"{name}_feature_bias")(row)
                sources.append(Source(f"{name}_feature_bias", index, linear[index]))
        if self.has_vectors:
            value = self._interaction(*sides)[index]
            sources.append(Source("dense" if self.is_deep else "dot", index, value))
        return sources, "sum"

    def _sides(self, user: Tensor, item: Tensor, *features: Tensor) -> tuple[_Side, _Side]:
        """Returns the names, the ids and the features of users and of items."""
        rows = dict(zip(self.described, features, strict=True))
        return (
            ("user", user.clamp(min=0), rows.get("user")),
            ("item", item.clamp(min=0), rows.get("item")),
        )

    def _bias(self, name: str, ids: Tensor, features: Tensor | None) -> Tensor:
        bias: Tensor = self.get_submodule(f"{name}_bias")(ids)
        if features is None:
            return bias
        return bias + self.get_submodule(f"{name}_feature_bias")(features)

    def _vector(self, name: str, ids: Tensor, features: Tensor | None) -> Tensor:
        vector: Tensor = self.get_submodule(name)(ids)
        if features is None:
            return vector
        return vector + self.get_submodule(f"{name}_feature_vector")(features)

    def _interaction(self, user: _Side, item: _Side) -> Tensor:
        """Returns the dot product, or what the hidden layers add."""
        p, q = self._vector(*user), self._vector(*item)
        if not self.is_deep:
            product: Tensor = self.dot(p, q)
            return product
        hidden: Tensor = self.dense(torch.cat([p, q], dim=1))
        if self.described:
            return hidden
        return hidden * ((user[1] != 0) & (item[1] != 0)).unsqueeze(1)


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for these users, items and features."""
    ids, others = inputs[:2], inputs[2:]
    if len(ids) < 2 or any(spec.axes or not spec.vocab_size for spec in ids):
        got = " and ".join(f"'{spec.name}' {spec.describe()}" for spec in inputs)
        raise ShapeError(
            "process step 'recommender' takes the ids of users and items",
            got=f"input step {got}",
            do="Use input: {ratings: FILE, user: COLUMN, item: COLUMN}",
        )
    if len(outputs) != 1 or outputs[0].size != 1:
        raise ShapeError(
            "process step 'recommender' gives one number per user and item",
            got="the output " + " and ".join(spec.describe() for spec in outputs),
            do="Use output: {rating: COLUMN}",
        )
    if not options.biases and not options.embedding_dim:
        raise TaskError(
            "process.biases=false and process.embedding_dim=0 leave nothing to train",
            do="Leave one of them out",
        )
    if options.units and not options.embedding_dim:
        raise TaskError(
            "process.units are hidden layers over embeddings, and process.embedding_dim is 0",
            do="Set process.embedding_dim, or leave process.units out",
        )
    sizes = {spec.name: spec.size for spec in others}
    features = sizes.get(USER_FEATURES, 0), sizes.get(ITEM_FEATURES, 0)
    return Recommender(ids[0].vocab_size, ids[1].vocab_size, features, options)


def _zeros(count: int) -> nn.Embedding:
    """Returns a table of biases, which begin at zero."""
    table = nn.Embedding(count, 1, padding_idx=0)
    nn.init.zeros_(table.weight)
    return table


def _from_zero(features: int, size: int) -> nn.Linear:
    """Returns weights of features, which change nothing at first."""
    linear = nn.Linear(features, size, bias=False)
    nn.init.zeros_(linear.weight)
    return linear


def _hidden(width: int, options: Options) -> nn.Sequential:
    layers: list[nn.Module] = []
    for units in options.units:
        layers += [nn.Linear(width, units), activation(options.activation)]
        layers += [nn.Dropout(options.dropout)] if options.dropout else []
        width = units
    return nn.Sequential(*layers, nn.Linear(width, 1))
