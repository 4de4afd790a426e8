"""Masked text: a net learns to guess hidden pieces, and whether B follows A (BERT).

loss = -mean over texts of (mean of log q[piece] over its chosen pieces)
       - mean of log p[B follows A, or not] over the pairs

In every step 15% of the pieces of each text are chosen; of these 80% become [MASK],
10% another piece, and 10% stay (`codec/_masking.py`). The choice is a function of the
seed and of the number of the step, so that a run that was resumed hides the same
pieces.

Only the chosen pieces pass the head, and their logits are computed a few at a time
(`kernels/output_layer.py`). Of a batch no more steps are computed than its longest text
has pieces.

All other options are those of supervised learning.

Source:   Devlin, Chang, Lee and Toutanova, BERT, 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.codec._masking import PROBABILITY, MaskRule
from kissipo.core.batch import Batch, trim
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.json_object import JsonObject
from kissipo.core.module_state import preserve_state
from kissipo.core.protocols import Dataset, MaskedTextNet, StateDict, guesses_pieces
from kissipo.core.schema import NotSearched, option
from kissipo.core.seeds import derive
from kissipo.process.algorithms import supervised
from kissipo.process.algorithms.supervised import Loss, Supervised
from kissipo.process.kernels.output_layer import cross_entropy

__all__ = ["ALGORITHM", "NEEDS_LOSSES", "Options", "suggested_options"]
NEEDS_LOSSES = True
_BATCH, _RATE, _WARMUP = 32, 1e-3, 0.1
_STEPS = 20_000
_FRACTIONS = (0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_TOP_K = 5


@dataclass(frozen=True)
class Options(supervised.Options):
    """The options of masked text."""

    mask_probability: float = option(
        PROBABILITY,
        "fraction of the pieces of a text that are chosen to be guessed in a step",
        above=0,
        below=1,
        search=NotSearched("the validation loss is that of the chosen pieces"),
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the usual optimizer of a Transformer, and epochs for some thousand
    steps."""
    batch = facts.batch or _BATCH
    epochs = max(1, min(40, round(_STEPS * batch / max(1, facts.samples))))
    return (
        InferredOption("process.loss", facts.losses[0], "default for masked text"),
        InferredOption("process.optimizer", "adamw", "usual for a Transformer"),
        InferredOption("process.learning_rate", _RATE, "default for a small net"),
        InferredOption("process.schedule", "cosine", "the last steps are small"),
        InferredOption("process.warmup", _WARMUP, "usual for BERT"),
        InferredOption("process.clip_norm", 1.0, "usual for BERT"),
        InferredOption("input.batch_size", batch, "usual on two cores"),
        InferredOption("process.epochs", epochs, f"about {_STEPS:,} steps, at most 40 epochs"),
    )


class MaskedText(Supervised):
    """Supervised learning of pieces that are hidden anew in every step."""

    UNSUITABLE = ("mixup", "label_smoothing", "class_weights")
    takes_sample_weights = False
    options: Options

    def __init__(
        self, net: nn.Module, losses: tuple[Loss, ...], options: Options, *, total_steps: int
    ) -> None:
        super().__init__(net, losses, options, total_steps=total_steps)
        if not guesses_pieces(net):
            raise TaskError(
                "process.algorithm=masked_text learns masked pieces",
                allowed="output.text=masked",
                do="Leave process.algorithm out for another output",
            )
        self._masked_net: MaskedTextNet = net
        self._followed: Tensor | None = None  # (1, time) the text whose guesses are followed
        self._history: list[JsonObject] = []

    @property
    def rule(self) -> MaskRule:
        """How pieces are hidden."""
        net = self._masked_net
        return MaskRule(net.special, net.mask, len(net.head_weights()[1]))

    def begin(self, train: Dataset) -> str:
        """Prepares the first step, and keeps a text whose guesses are followed."""
        note = super().begin(train)
        self._followed = trim(train.batch(slice(0, 1)).inputs[0])
        self._follow()
        return note

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Hides pieces, and trains on one batch."""
        losses = super().step(self.masked(batch))
        if self.steps_done in {max(1, round(part * self.total_steps)) for part in _FRACTIONS}:
            self._follow()
        return losses

    def masked(self, batch: Batch) -> Batch:
        """Returns the batch with hidden pieces, and the pieces to guess as targets.

        inputs, targets:   whole texts, and the same with the labels of the pairs in
                           front
        """
        (ids,), (targets,) = batch.inputs, batch.targets
        ids = trim(ids)
        hidden, is_target = self.rule.hide(
            ids.cpu(),
            torch.arange(len(ids)),
            seed=derive(self.seed, "masks", self.steps_done),
            probability=self.options.mask_probability,
        )
        to_guess = torch.where(is_target.to(ids.device), ids, 0)
        to_guess[:, 0] = targets[:, 0]
        return replace(batch, inputs=(hidden.to(ids.device),), targets=(to_guess,))

    def validation_loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Returns the loss of the scores of hidden pieces, as the answer gives them."""
        right, (targets,) = outputs[:, :, 0, 0], batch.targets
        is_target, is_pair = targets != 0, targets[:, 0] > 0
        is_target[:, 0] = False
        loss = -(right * is_target).sum(dim=1) / is_target.sum(dim=1).clamp(min=1)
        return loss.mean() - right[is_pair, 0].sum() / is_pair.sum().clamp(min=1)

    def details(self) -> JsonObject:
        """Returns what was hidden of one text, and how its guesses got better."""
        if self._followed is None:
            return {}
        hidden, is_target = self._hidden_text()
        read, drawn = self.rule.hide(
            self._followed, torch.arange(1), seed=derive(self.seed, "masks", 0), probability=0.5
        )
        ids = self._followed[0].tolist()
        kinds = [
            (ids[place], piece, _kind(ids[place], piece, self.rule.mask))
            for place, piece in enumerate(read[0].tolist())
            if drawn[0, place]
        ]
        return {
            "masked_text": {
                "ids": ids,
                "hidden": hidden[0].tolist(),
                "places": is_target[0].nonzero().flatten().tolist(),
                "read": read[0].tolist(),
                "kinds": kinds,
                "history": self._history,
            }
        }

    def state_dict(self) -> StateDict:
        return {**super().state_dict(), "shown": self._followed, "history": self._history}

    def load_state_dict(self, state: StateDict) -> None:
        super().load_state_dict(state)
        self._followed, self._history = state["shown"], state["history"]

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        (ids,), (targets,) = batch.inputs, batch.targets
        net = self._masked_net
        states = net.states(ids)
        targets = targets[:, : states.shape[1]]
        is_target = targets != 0
        is_target[:, 0] = False
        features = net.piece_features(states[is_target]).float()
        share = 1 / is_target.sum(dim=1, keepdim=True).clamp(min=1) / len(ids)
        scale = share.expand_as(targets)[is_target]
        loss = cross_entropy(features, *net.head_weights(), targets[is_target], scale)
        is_pair = targets[:, 0] > 0
        if is_pair.any():
            logits = net.next_sentence(states)[is_pair].float()
            loss = loss + functional.cross_entropy(logits, targets[is_pair, 0] - 1)
        return loss, loss

    def _hidden_text(self) -> tuple[Tensor, Tensor]:
        """Returns the text that is followed with [MASK]s, and where they are."""
        assert self._followed is not None
        seed = derive(self.seed, "followed text")
        return self.rule.hide_all(self._followed, torch.arange(1), seed=seed)

    def _follow(self) -> None:
        """Keeps the guesses for the hidden pieces of one text."""
        assert self._followed is not None
        device = self._trained[0].device
        hidden, is_target = self._hidden_text()
        with preserve_state(self.net):
            states = self._masked_net.states(hidden.to(device))[is_target.to(device)]
            weight, bias = self._masked_net.head_weights()
            logits = torch.addmm(bias, self._masked_net.piece_features(states), weight.T)
            shares = logits.float().softmax(dim=1).cpu()
        top = shares.topk(min(_TOP_K, shares.shape[1]), dim=1)
        right = shares.gather(1, self._followed[is_target][:, None]).squeeze(1)
        pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        self._history.append(
            {
                "step": self.steps_done,
                "truth": right.tolist(),
                "guesses": [list(zip(*pair, strict=True)) for pair in pairs],
            }
        )


def _kind(piece: int, read: int, mask: int) -> str:
    """Returns what became of a chosen piece."""
    if read == mask:
        return "masked"
    return "unchanged" if read == piece else "random"


ALGORITHM = MaskedText
