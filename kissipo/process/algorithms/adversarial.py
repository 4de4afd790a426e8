"""Adversarial training: a generator learns from the discriminator that it fools (S40).

Two turns per step, each with its own Adam; D(x) is the logit for "x is real":

discriminator  minimizes  -mean log sigmoid(D(x)) - mean log(1 - sigmoid(D(G(z))))
generator      minimizes  -mean log sigmoid(D(G(z)))

The generator's loss is the non-saturating one: its gradient is large where the
discriminator is sure. Neither loss says how good the images are, as each depends on the
other player, so there is no monitor and the weights of the last epoch are kept.

Choices:  Real and generated images are two batches for the discriminator, so that batch
          normalization does not mix them. The generator's turn draws new noise. Noise
          is a function of the seed, the step and the turn. One-sided label smoothing
          (Salimans et al. 2016) is optional.
Source:   Goodfellow et al., Generative Adversarial Nets, 2014; Radford, Metz and
          Chintala 2016 for Adam with beta1 = 0.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from kissipo.core.algorithm import Algorithm
from kissipo.core.batch import Batch
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.protocols import StateDict
from kissipo.core.schema import option
from kissipo.core.seeds import torch_generator
from kissipo.process.optim import LeanAdam, load_optimizer_state


@dataclass(frozen=True)
class Options:
    """The options of adversarial training."""

    epochs: int = option(200, "number of passes over the real images", minimum=1)
    learning_rate: float = option(2e-4, "learning rate of the generator", above=0)
    discriminator_learning_rate: float = option(2e-4, "learning rate of the discriminator", above=0)
    beta1: float = option(0.5, "decay of Adam's running mean of the gradient", minimum=0, below=1)
    label_smoothing: float = option(
        0.0, "subtracted from the target 1 of real images", minimum=0, below=0.5
    )


def suggested_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the batch size."""
    reason = "small batches keep both players near each other"
    return (InferredOption("input.batch_size", facts.batch or 64, reason),)


class Adversarial(Algorithm):
    """Two optimizers, and their turns.

    The net generates from its inputs. `net.generator` and `net.discriminator` are
    modules; `net.with_auxiliary(noise)` returns logits of images, and a tuple with the
    logit of each to be real. The targets are the real images.
    """

    monitor = None

    def __init__(self, net: nn.Module, losses: object, options: Options) -> None:
        self.net: Any = net
        self.options, self.epochs = options, options.epochs
        self.steps_done = 0
        self._build_optimizers()

    def step(self, batch: Batch) -> Mapping[str, Tensor]:
        """Lets the discriminator take its turn, then the generator."""
        real = batch.targets[0]
        discriminator_loss, on_real, on_fake = self._discriminator_turn(real, batch.inputs[0])
        generator_loss = self._generator_turn(batch.inputs[0])
        self.steps_done += 1
        return {
            "loss": generator_loss,
            "discriminator": discriminator_loss,
            "real_recognized": (on_real > 0).float().mean(),
            "fake_recognized": (on_fake < 0).float().mean(),
        }

    def loss(self, outputs: Any, targets: tuple[Tensor, ...]) -> Tensor:
        """Returns the loss of the generator for these images, in evaluation mode."""
        discriminator = self.net.discriminator
        training = discriminator.training
        discriminator.eval()
        try:
            return softplus(-discriminator(outputs.sigmoid())).mean()
        finally:
            discriminator.train(training)

    def state_dict(self) -> StateDict:
        """Returns both optimizers and the number of steps, which sets the noise."""
        return {
            "generator": self._generator.state_dict(),
            "discriminator": self._discriminator.state_dict(),
            "steps_done": self.steps_done,
        }

    def load_state_dict(self, state: StateDict) -> None:
        """Restores what `state_dict` returned; the net already has its weights."""
        self._build_optimizers()
        load_optimizer_state(self._generator, state["generator"])
        load_optimizer_state(self._discriminator, state["discriminator"])
        self.steps_done = state["steps_done"]

    def _discriminator_turn(self, real: Tensor, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the loss, and the logits of real and of generated images."""
        with torch.no_grad():
            fake = self.net(self._noise(like, "discriminator")).sigmoid()
        on_real, on_fake = self.net.discriminator(real), self.net.discriminator(fake)
        target = torch.full_like(on_real, 1 - self.options.label_smoothing)
        loss = binary_cross_entropy_with_logits(on_real, target) + softplus(on_fake).mean()
        _update(self._discriminator, loss)
        return loss.detach(), on_real.detach(), on_fake.detach()

    def _generator_turn(self, like: Tensor) -> Tensor:
        """Returns the loss of new images."""
        _, (logits,) = self.net.with_auxiliary(self._noise(like, "generator"))
        loss = softplus(-logits).mean()
        _update(self._generator, loss)
        return loss.detach()

    def _noise(self, like: Tensor, turn: str) -> Tensor:
        """Returns new noise, drawn on the CPU so that every device sees the same."""
        generator = torch_generator(self.seed, "noise", turn, self.steps_done)
        return torch.randn(like.shape, generator=generator).to(like.device)

    def _build_optimizers(self) -> None:
        options = self.options
        self._generator, self._discriminator = (
            LeanAdam(part.parameters(), rate, (options.beta1, 0.999), fused=True)
            for part, rate in (
                (self.net.generator, options.learning_rate),
                (self.net.discriminator, options.discriminator_learning_rate),
            )
        )


def _update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Takes one step of the optimizer, with gradients for its parameters alone."""
    parameters = [weight for group in optimizer.param_groups for weight in group["params"]]
    loss.backward(inputs=parameters)
    optimizer.step()
    optimizer.zero_grad()


ALGORITHM = Adversarial
