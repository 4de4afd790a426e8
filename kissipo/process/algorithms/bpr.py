"""BPR: Bayesian personalized ranking, which learns from what users chose.

d = y(user, chosen item) - y(user, another item)         loss = mean -log sigmoid(d)
n dloss/dy = sigmoid(d) - 1 for the chosen item, 1 - sigmoid(d) for the other one

Every row is an item that a user chose, whatever its rating. For the other item, some
candidates are drawn from all items with equal probability; each is drawn again, up to
eight times, while the user has chosen it in the training split. The candidate with the
highest score is taken, because a pair that is in order already teaches nothing. The
draws are a function of the seed and of the number of the step, so that a run that was
resumed compares the same pairs.

All other options are those of supervised learning.

Source:   Rendle, Freudenthaler, Gantner and Schmidt-Thieme, BPR: Bayesian Personalized
          Ranking from Implicit Feedback, UAI 2009; Zhang et al., Optimizing Top-N
          Collaborative Filtering via Dynamic Negative Item Sampling, SIGIR 2013.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import Dataset, PairNet, StateDict, compares_items
from kissipo.core.schema import NotSearched, option
from kissipo.core.seeds import torch_generator
from kissipo.process.algorithms import supervised
from kissipo.process.algorithms.supervised import Loss, Supervised

__all__ = ["ALGORITHM", "NEEDS_LOSSES", "Options", "suggested_options"]
NEEDS_LOSSES = True
_BATCH, _EPOCHS, _TURNS = 512, 30, 8


@dataclass(frozen=True)
class Options(supervised.Options):
    """The options of BPR."""

    num_candidates: int = option(
        8,
        "number of items that are drawn per row; the one with the highest score is compared",
        minimum=1,
        search=NotSearched("the validation loss is that against these items"),
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the loss and the size of a step."""
    return (
        InferredOption("process.loss", "bpr", "it compares two items"),
        InferredOption("process.optimizer", "adam", "the usual optimizer"),
        InferredOption("process.learning_rate", 0.005, "suits embeddings"),
        InferredOption("input.batch_size", facts.batch or _BATCH, "pairs of items per step"),
        InferredOption("process.epochs", _EPOCHS, "usual; early stopping may end before"),
        InferredOption("process.early_stopping", {"patience": 5}),
    )


class Bpr(Supervised):
    """Supervised learning of which of two items a user chose."""

    UNSUITABLE = ("mixup", "label_smoothing", "class_weights")
    takes_sample_weights = False
    options: Options

    def __init__(
        self, net: nn.Module, losses: tuple[Loss, ...], options: Options, *, total_steps: int
    ) -> None:
        super().__init__(net, losses, options, total_steps=total_steps)
        if not compares_items(net):
            raise TaskError(
                "process.algorithm=bpr compares two items for a user",
                allowed="process.net=recommender",
                do="Leave process.algorithm out for another net",
            )
        self._pair_net: PairNet = net
        self._pairs = torch.zeros(0, dtype=torch.int64)  # of users and items, sorted
        self._items: tuple[Tensor, ...] = ()  # the inputs of each item, by id

    def begin(self, train: Dataset) -> str:
        """Takes note of what every user chose."""
        note = super().begin(train)
        inputs = train.batch(slice(None)).inputs
        self._items = _by_id(inputs, self._pair_net.item_places)
        self._pairs = self._keys(inputs[0], inputs[1]).unique()
        return note

    def candidates(self, user: Tensor, *purpose: str | int) -> Tensor:
        """Returns items that the users have not chosen, if there are any.

        Shapes:   user (batch) -> (batch, candidate)
        """
        generator = torch_generator(self.seed, "other items", *purpose)
        count, shape = len(self._items[0]), (len(user), self.options.num_candidates)
        item = torch.randint(1, count, shape, generator=generator)
        for _ in range(_TURNS):
            keys = self._keys(user[:, None], item)
            place = torch.searchsorted(self._pairs, keys).clamp(max=len(self._pairs) - 1)
            is_chosen = self._pairs[place] == keys
            if not is_chosen.any():
                break
            again = torch.randint(1, count, shape, generator=generator)
            item = torch.where(is_chosen, again, item)
        return item

    def loss(self, outputs: Tensor, targets: tuple[Tensor, ...]) -> Tensor:
        """Returns the loss of a single example, compared with a score of 0."""
        return self.losses[0](outputs, targets[0])

    def validation_loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the loss of the chosen items against others; all epochs have the same
        candidates, of which the net scores one highest."""
        other = self._with_others(batch, "validation", len(batch))
        return self.losses[0](outputs - self.net(*other.inputs), batch.targets[0])

    def unwritten_options(self) -> list[str]:
        """Returns the algorithm itself: a script would draw other items."""
        return ["algorithm=bpr"]

    def state_dict(self) -> StateDict:
        return {**super().state_dict(), "pairs": self._pairs, "items": list(self._items)}

    def load_state_dict(self, state: StateDict) -> None:
        super().load_state_dict(state)
        self._pairs, self._items = state["pairs"], tuple(state["items"])

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        other = self._with_others(batch, self.steps_done)
        difference = self.net(*batch.inputs) - self.net(*other.inputs)
        loss = self.losses[0](difference, batch.targets[0])
        return loss, self._with_own_penalty(loss, batch, other)

    def _with_others(self, batch: Batch, *purpose: str | int) -> Batch:
        """Returns the batch with another item in each row."""
        items = self.candidates(batch.inputs[0].cpu(), *purpose)
        if items.shape[1] > 1:
            several = [x.repeat_interleave(items.shape[1], dim=0) for x in batch.inputs]
            with torch.no_grad():
                scores = self.net(*self._replaced(several, items.flatten()))
            best = scores.reshape(items.shape).argmax(dim=1, keepdim=True)
            items = items.gather(1, best.cpu())
        return replace(batch, inputs=self._replaced(batch.inputs, items[:, 0]))

    def _replaced(self, inputs: Sequence[Tensor], items: Tensor) -> tuple[Tensor, ...]:
        """Returns the inputs with other items, and what belongs to them."""
        values = list(inputs)
        for place, table in zip(self._pair_net.item_places, self._items, strict=True):
            values[place] = table[items].to(inputs[place].device)
        return tuple(values)

    def _keys(self, user: Tensor, item: Tensor) -> Tensor:
        """Returns one number per pair."""
        return user * len(self._items[0]) + item


def _by_id(inputs: Sequence[Tensor], places: Sequence[int]) -> tuple[Tensor, ...]:
    """Returns the inputs that belong to items, with one row per id."""
    ids = inputs[places[0]]
    count = int(ids.max()) + 1
    tables = [torch.arange(count)]
    for place in places[1:]:
        table = torch.zeros(count, *inputs[place].shape[1:], dtype=inputs[place].dtype)
        table[ids] = inputs[place]
        tables.append(table)
    return tuple(tables)


ALGORITHM = Bpr
