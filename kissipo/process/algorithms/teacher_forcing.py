"""Teacher forcing: a net that writes a text learns each token after the true ones.

loss = L(net(source, target), target)        net(source, target): the logits of token t
                                             after tokens 1 to t-1 of the target

So one step learns all tokens of the targets at once, and an early mistake does not
spoil what follows. The validation loss is computed in the same way; the validation
metrics are those of the texts that the net writes by itself.

All options are those of supervised learning, which gives the net no targets: there the
net learns from its own mistakes, in as many calls as a text has tokens.

Source:   Williams and Zipser, A Learning Algorithm for Continually Running Fully
          Recurrent Neural Networks, 1989.
"""

from dataclasses import dataclass

from torch import Tensor

from kissipo.core.batch import Batch
from kissipo.process.algorithms import supervised
from kissipo.process.algorithms.supervised import Supervised, suggested_options

__all__ = ["ALGORITHM", "NEEDS_LOSSES", "Options", "suggested_options"]
NEEDS_LOSSES = True


@dataclass(frozen=True)
class Options(supervised.Options):
    """The options of teacher forcing."""


class TeacherForcing(Supervised):
    """Supervised learning of a net that also takes the targets."""

    takes_targets = True

    def validation_loss(self, outputs: object, batch: Batch) -> Tensor:
        """Returns the loss of each token after the true ones, not after the outputs."""
        forced, _ = self._outputs(batch)
        return super().validation_loss(forced, batch)

    def _outputs(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self.net(*batch.inputs, *batch.targets), ()


ALGORITHM = TeacherForcing
