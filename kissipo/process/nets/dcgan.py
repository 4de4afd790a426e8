"""DCGAN: a generator of images from noise, and a discriminator that tests them (S40).

generator        h = relu(norm(W z)), then per level: relu(norm(up(h))); y = up(h)
discriminator    h = leaky(down(x)), then per level: leaky(norm(down(h))); d = w · h + b

up: a transposed convolution 4x4 with stride 2, which doubles the sides
down: a convolution 4x4 with stride 2, which halves them
leaky: leaky relu, 0.2 x below zero

The net gives logits of pixels; the sigmoid makes them brightness from 0 to 1. The
discriminator takes brightness and gives the logit of the probability that an image is
real.

Shapes:   (batch, noise) -> (batch, channel, height, width)
Choices:  The last layer of the paper is tanh, for pixels from -1 to 1; the sigmoid here
          is the same curve for pixels from 0 to 1. Where the sides are no multiples of
          the doublings, the generator makes a larger image and crops it. Small images
          need fewer levels than the four of the paper.
Source:   Radford, Metz and Chintala, Unsupervised Representation Learning with Deep
          Convolutional Generative Adversarial Networks, 2016; Goodfellow et al.,
          Generative Adversarial Nets, 2014.
Example:  >>> noise = TensorSpec("noise", ("feature",), (32,))
          >>> image = TensorSpec("image", ("channel", "height", "width"), (1, 8, 8))
          >>> net = build((noise,), (image,), Options())
          >>> net(torch.zeros(2, 32)).shape
          torch.Size([2, 1, 8, 8])
"""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.norm import BatchNorm

ALGORITHMS = ("adversarial",)
_KERNEL, _LEAK, _STD = 4, 0.2, 0.02


@dataclass(frozen=True)
class Options:
    """The options of the DCGAN."""

    filters: tuple[int, ...] = option(
        (64, 32),
        "channels of each level of the generator, the smallest image first; the "
        "discriminator mirrors them",
        minimum=1,
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for this noise and these images."""
    if len(inputs) != 1 or inputs[0].axes != ("feature",):
        raise ShapeError(
            "process step 'dcgan' takes one row of noise per image",
            got="input step " + " and ".join(spec.describe() for spec in inputs),
            do="Name the size of the noise: input.noise=32",
        )
    if len(outputs) != 1 or outputs[0].axes != ("channel", "height", "width"):
        raise ShapeError(
            "process step 'dcgan' generates images",
            got=f"the output {outputs[0].describe()}",
            do="Use output=image",
        )
    channels, height, width = outputs[0].shape
    if min(height, width) < 2 ** len(options.filters):
        raise ShapeError(
            f"process step 'dcgan' halves {height}x{width} {len(options.filters)} times",
            do="Use fewer process.filters or a larger output.image_size",
        )
    net = DCGAN(inputs[0].size, (channels, height, width), options.filters)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, _STD)
    return net


class DCGAN(nn.Module):
    """A generator, which is the net, and a discriminator for the training."""

    def __init__(self, noise: int, image: tuple[int, int, int], filters: tuple[int, ...]) -> None:
        super().__init__()
        self.generator = Generator(noise, image, filters)
        self.discriminator = discriminator(image, filters[::-1])

    def forward(self, noise: Tensor) -> Tensor:
        """Returns the logits of the pixels of one image per row of noise."""
        logits: Tensor = self.generator(noise)
        return logits

    def with_auxiliary(self, noise: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns the images, and the logit of each to be real."""
        logits = self(noise)
        return logits, (self.discriminator(logits.sigmoid()),)


class Generator(nn.Module):
    """A projection of the noise to a small image of many channels, then doublings."""

    def __init__(self, noise: int, image: tuple[int, int, int], filters: tuple[int, ...]) -> None:
        super().__init__()
        self.image, first = image, filters[0]
        self.small = (first, *(-(-side // 2 ** len(filters)) for side in image[1:]))
        self.project = nn.Linear(noise, torch.Size(self.small).numel(), bias=False)
        self.start = nn.Sequential(OrderedDict(norm=BatchNorm(first), relu=nn.ReLU()))
        self.num_levels = len(filters)
        for level, (channels, wider) in enumerate(
            zip(filters, (*filters[1:], image[0]), strict=True), 1
        ):
            last = level == self.num_levels
            layers: OrderedDict[str, nn.Module] = OrderedDict()
            layers["up"] = nn.ConvTranspose2d(channels, wider, _KERNEL, 2, 1, bias=last)
            if not last:
                layers |= {"norm": BatchNorm(wider), "relu": nn.ReLU()}
            self.add_module(f"level{level}", nn.Sequential(layers))

    def forward(self, noise: Tensor) -> Tensor:
        x = self.start(self.project(noise).view(-1, *self.small))
        for level in range(1, self.num_levels + 1):
            x = self.get_submodule(f"level{level}")(x)
        _, height, width = self.image
        return x[:, :, :height, :width]


def discriminator(image: tuple[int, int, int], filters: tuple[int, ...]) -> nn.Sequential:
    """Returns halvings of an image, then one logit."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels, height, width = image
    for level, wider in enumerate(filters, 1):
        height, width = height // 2, width // 2
        layers[f"down{level}"] = nn.Conv2d(channels, wider, _KERNEL, 2, 1, bias=level == 1)
        if level > 1:
            layers[f"norm{level}"] = BatchNorm(wider)
        layers[f"leaky{level}"] = nn.LeakyReLU(_LEAK)
        channels = wider
    layers["flat"] = nn.Flatten()
    layers["head"] = nn.Linear(channels * height * width, 1)
    return nn.Sequential(layers)
