"""Sign SGD with momentum: w <- w - r · sign(m),  m <- b m + (1 - b) g."""

from dataclasses import dataclass

import torch

from kissipo.core.algorithm import Algorithm
from kissipo.core.schema import option

NEEDS_LOSSES = True


@dataclass(frozen=True)
class Options:
    """The options of sign SGD."""

    epochs: int = option(40, "number of passes over the training set", minimum=1)
    step_size: float = option(0.01, "length of each step of a weight", above=0)


class SignSGD(Algorithm):
    """One step per batch."""

    def __init__(self, net, losses, options, *, total_steps):
        self.net, self.losses, self.options = net, losses, options
        self.epochs, self.patience = options.epochs, 0
        self.momentum = [torch.zeros_like(weight) for weight in net.parameters()]

    def step(self, batch):
        loss = self.losses[0](self.net(*batch.inputs), batch.targets[0])
        gradients = torch.autograd.grad(loss, list(self.net.parameters()))
        with torch.no_grad():
            for weight, mean, gradient in zip(
                self.net.parameters(), self.momentum, gradients, strict=True
            ):
                mean.mul_(0.9).add_(gradient, alpha=0.1)
                weight.sub_(self.options.step_size * mean.sign())
        return {"loss": loss.detach(), "gradient": sum(g.norm() for g in gradients).detach()}

    def loss(self, outputs, targets):
        return self.losses[0](outputs, targets[0])

    def state_dict(self):
        return {"momentum": self.momentum}

    def load_state_dict(self, state):
        self.momentum = list(state["momentum"])


ALGORITHM = SignSGD
