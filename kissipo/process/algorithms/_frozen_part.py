"""The frozen first layers of a net: what they make of a sample is computed once.

`process.freeze` leaves the weights of these layers as they are, and statistics of
images have none. If images do not change at random, a sample then has the same features
in every epoch, so they are kept.

A layer is left out with all that follow it, if it draws random numbers (dropout) or
changes with the batch (the means of batch normalization).

Choices:  Samples are computed one by one, so that the bits do not depend on the batch:
          a resumed run gets the same features. At most 512 megabytes are kept; the
          features of further samples are computed again in each epoch.
Example:  >>> net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(), nn.Tanh())
          >>> _ = net[0].requires_grad_(False)
          >>> part = frozen_part(net, torch.ones(2, 3))
          >>> len(part.layers), len(part.rest), part(torch.ones(2, 3)).shape
          (2, 2, torch.Size([2, 4]))
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

import torch
from torch import Tensor, nn

MAX_BYTES = 2**29


class FrozenPart:
    """The frozen layers, the layers after them, and the features that are kept.

    features:  the hash of a sample -> what the layers make of it
    """

    def __init__(self, layers: nn.Sequential, rest: nn.Sequential) -> None:
        self.layers, self.rest = layers, rest
        self.features: dict[bytes, Tensor] = {}
        self._bytes = 0

    def __call__(self, x: Tensor) -> Tensor:
        return torch.stack([self._of(sample) for sample in x.detach()])

    @torch.no_grad()
    def _of(self, sample: Tensor) -> Tensor:
        key = blake2b(sample.contiguous().numpy().tobytes(), digest_size=16).digest()
        features = self.features.get(key)
        if features is None:
            features = self.layers(sample.unsqueeze(0))[0]
            self._bytes += features.numel() * features.element_size()
            if self._bytes <= MAX_BYTES:
                self.features[key] = features
        return features


def frozen_part(net: nn.Module, x: Tensor) -> FrozenPart | None:
    """Returns the frozen first layers of a sequence of layers, tried on a batch; None
    where there are none with weights or buffers, and on a GPU."""
    if type(net) is not nn.Sequential or x.device.type != "cpu":
        return None
    count, weights = 0, 0
    for layer in net:
        if any(weight.requires_grad for weight in layer.parameters()):
            break
        following = _unchanged(layer, x[:1])
        if following is None:
            break
        x, count = following, count + 1
        weights += sum(values.numel() for values in (*layer.parameters(), *layer.buffers()))
    if not weights or count == len(net):
        return None
    named = list(net.named_children())
    first, rest = (nn.Sequential(OrderedDict(some)) for some in (named[:count], named[count:]))
    return FrozenPart(first, rest)


@torch.no_grad()
def _unchanged(layer: nn.Module, x: Tensor) -> Tensor | None:
    """Returns the output of a layer; None if it draws numbers or changes buffers."""
    generator = torch.get_rng_state()
    buffers = [buffer.clone() for buffer in layer.buffers()]
    y: Tensor = layer(x)
    if not torch.equal(generator, torch.get_rng_state()):
        torch.set_rng_state(generator)
        return None
    same = all(map(torch.equal, buffers, layer.buffers()))
    for buffer, before in zip(layer.buffers(), buffers, strict=True):
        buffer.copy_(before)
    return y if same else None
