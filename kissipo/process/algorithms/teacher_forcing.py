"""Teacher forcing: a net that writes a text learns each token after the true ones.

loss = L(net(source, target), target)        net(source, target): the logits of token t
                                             after tokens 1 to t-1 of the target

So one step learns all tokens of the targets at once, and an early mistake does not
spoil what follows. The validation loss is computed in the same way; the validation
metrics are those of the texts that the net writes by itself.

Scheduled sampling (Bengio et al. 2015): with `teacher_forcing` below 1 each token that
the decoder reads is the true one with a probability, else its own most probable token.
Then a step needs as many calls as the texts have tokens. The probability p of the
progress d, from 0 to 1, with the option r:

constant          p = r
linear            p = 1 - (1 - r) d
inverse_sigmoid   p = r + (1 - r) σ(5 - 10 d)

Padding is in no loss. With many classes the loss is computed a few tokens at a time
(`kernels/output_layer.py`), and the logits of padding not at all.

All other options are those of supervised learning, which gives the net no targets:
there the net learns from its own mistakes, in as many calls as a text has tokens.

Source:   Williams and Zipser, A Learning Algorithm for Continually Running Fully
          Recurrent Neural Networks, 1989; Bengio, Vinyals, Jaitly and Shazeer,
          Scheduled Sampling, 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Literal, cast

import torch
from torch import Tensor, nn

from kissipo.codec.target_tokens import END
from kissipo.core.batch import Batch
from kissipo.core.protocols import SequenceDecoder, TokenwiseNet, gives_features
from kissipo.core.schema import option
from kissipo.process.algorithms import supervised
from kissipo.process.algorithms.supervised import Loss, Supervised, suggested_options
from kissipo.process.kernels.output_layer import cross_entropy
from kissipo.process.losses import padded_cross_entropy

__all__ = ["ALGORITHM", "NEEDS_LOSSES", "Options", "suggested_options"]
NEEDS_LOSSES = True
_MANY_CLASSES = 1_000
_STEEP = 5.0

Falling = Literal["constant", "linear", "inverse_sigmoid"]


@dataclass(frozen=True)
class Options(supervised.Options):
    """The options of teacher forcing."""

    teacher_forcing: float = option(
        1.0,
        "probability that the decoder reads the true token, not its own, at the end of training",
        minimum=0,
        maximum=1,
    )
    teacher_forcing_schedule: Falling = option(
        "linear", "how that probability falls from 1 during training: constant, linear ..."
    )


class TeacherForcing(Supervised):
    """Supervised learning of a net that also takes the targets."""

    takes_targets = True
    options: Options

    def __init__(
        self, net: nn.Module, losses: tuple[Loss, ...], options: Options, *, total_steps: int
    ) -> None:
        super().__init__(net, losses, options, total_steps=total_steps)
        self._tokenwise = (
            net
            if gives_features(net)
            and losses == (padded_cross_entropy.loss,)
            and len(net.head_weights()[1]) >= _MANY_CLASSES
            else None
        )

    @property
    def probability(self) -> float:
        """The probability of a true token in the next step."""
        done = min(1.0, self.steps_done / max(1, self.total_steps))
        return true_token_probability(
            self.options.teacher_forcing, self.options.teacher_forcing_schedule, done
        )

    def validation_loss(self, outputs: object, batch: Batch) -> Tensor:
        """Returns the loss of each token after the true ones, not after the outputs."""
        if self._tokenwise is not None:
            return _loss_by_token(self._tokenwise, batch)
        forced = self.net(*batch.inputs, *batch.targets)
        return super().validation_loss(forced, batch)

    def unwritten_options(self) -> list[str]:
        own = ["teacher_forcing"] if self.options.teacher_forcing < 1 else []
        return [*super().unwritten_options(), *own]

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor]:
        if self._tokenwise is None or self.probability < 1:
            return super()._losses(batch)
        loss = _loss_by_token(self._tokenwise, batch, self.options.label_smoothing)
        return loss, loss

    def _outputs(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
        probability = self.probability
        if probability < 1:
            return _sampled(cast(SequenceDecoder, self.net), batch, probability), ()
        return self.net(*batch.inputs, *batch.targets), ()


def true_token_probability(at_end: float, schedule: Falling, done: float) -> float:
    """Returns the probability of a true token after a fraction of the training.

    Example:  >>> true_token_probability(0.5, "linear", 0.5)
              0.75
    """
    if schedule == "constant":
        return at_end
    falling = 1 - done
    if schedule == "inverse_sigmoid":
        falling = 1 / (1 + exp(_STEEP * (2 * done - 1)))
    return at_end + (1 - at_end) * falling


def _sampled(net: SequenceDecoder, batch: Batch, probability: float) -> Tensor:
    """Returns the logits of all steps, each after a true token or the net's own.

    The net is asked for one token at a time. Its own token is the most probable one,
    and never padding.
    """
    (target,) = batch.targets
    state = net.begin(*batch.inputs)
    token = torch.full_like(target[:, 0], END)
    logits = []
    for step in range(target.shape[1]):
        outputs, state = net.step(token, state)
        logits.append(outputs)
        own = outputs.detach()[:, END:].argmax(dim=1) + END
        is_true = torch.rand(len(own), device=own.device) < probability
        token = target[:, step].where(is_true | (target[:, step] == 0), own)
    return torch.stack(logits, dim=1)


def _loss_by_token(net: TokenwiseNet, batch: Batch, smoothing: float = 0.0) -> Tensor:
    """Returns the padded cross-entropy, computed of the true tokens alone."""
    batch = batch.trimmed()
    (source,), (target,) = batch.inputs, batch.targets
    is_token = target != 0
    share = 1 / is_token.sum(dim=1).clamp(min=1)
    if batch.weights is not None:
        share = share * batch.weights
    share = share / (batch.total_weight or 1.0)
    features = net.features(source, target)[is_token].float()
    return cross_entropy(
        features,
        *net.head_weights(),
        target[is_token],
        share.unsqueeze(1).expand_as(target)[is_token],
        smoothing=smoothing,
    )


ALGORITHM = TeacherForcing
