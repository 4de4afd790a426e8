"""Grid detector: a one-stage detector of boxes, with plain convolutions on a grid.

h_n = maxpool 2x2(relu(norm(convolution 3x3(h_n-1))))        for each level
grid = convolution 1x1(relu(norm(convolution 3x3(h_N))))
y = the candidates of the grid: per cell and anchor box four offsets, the logit of an
    object, and the logits of the classes

Shapes:   (batch, channel, height, width) -> (batch, candidate, 9 + class)
Choices:  One grid, where SSD and YOLOv3 have several for objects of different sizes.
          At first every candidate is an object with a probability of 0.02, so that the
          many empty ones do not outweigh the rest (Lin et al., RetinaNet, 2017).
Source:   the idea of Redmon et al., YOLO, 2016, with the anchor boxes of Liu et al.,
          SSD, 2016.
Example:  >>> image = TensorSpec("photo", ("channel", "height", "width"), (1, 48, 48))
          >>> boxes = TensorSpec("label", ("candidate", "feature"), (0, 12))
          >>> build((image,), (boxes,), Options())(torch.zeros(2, 1, 48, 48)).shape
          torch.Size([2, 72, 12])
"""

from collections import OrderedDict
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.anchor_boxes import AnchorBoxes
from kissipo.process.layers.candidate_spec import features_of
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.image_spec import image_of
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.losses import detection

_FIRST_PROBABILITY = 0.02


@dataclass(frozen=True)
class Options:
    """The options of the grid detector."""

    filters: tuple[int, ...] = option(
        (16, 32, 64),
        "number of filters of each level; a level halves the height and width of the grid",
        minimum=1,
    )
    anchors: tuple[float, ...] = option(
        (0.2, 0.4),
        "sides of the anchor boxes of a cell, as fractions of the sides of the image",
        above=0,
        maximum=1,
    )
    norm: bool = option(True, "batch normalization after each convolution")


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for this image and these boxes."""
    channels, height, width = image_of(inputs, "grid_detector")
    features = features_of(outputs, "grid_detector")
    if min(height, width) < 2 ** len(options.filters):
        raise ShapeError(
            f"process step 'grid_detector' halves {height}x{width} {len(options.filters)} times",
            do="Use fewer process.filters or a larger input.size",
        )
    net = GridDetector(channels, features - 4, options)
    kaiming_init(net)
    with torch.no_grad():
        net.grid.weight.mul_(0.1)
        nn.init.zeros_(net.bias_of_objects())
        net.bias_of_objects().sub_(log(1 / _FIRST_PROBABILITY - 1))
    return net


class GridDetector(nn.Module):
    """Levels of convolutions, a grid, and its candidates."""

    def __init__(self, channels: int, features: int, options: Options) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for level, filters in enumerate(options.filters, 1):
            layers[f"conv{level}"] = convolution(channels, filters, 3, norm=options.norm)
            layers[f"pool{level}"] = nn.MaxPool2d(2)
            channels = filters
        self.features = nn.Sequential(layers)
        self.context = convolution(channels, channels, 3, norm=options.norm)
        self.grid = nn.Conv2d(channels, len(options.anchors) * features, 1)
        self.candidates = AnchorBoxes(tuple((side, side) for side in options.anchors))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.candidates(self.grid(self.context(self.features(x))))
        return y

    def responsible(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the candidate that learns each true box, by the loss `detection`."""
        return detection.responsible(outputs, targets)

    def bias_of_objects(self) -> Tensor:
        """Returns the biases of the logits of an object, one per anchor box."""
        bias = self.grid.bias
        assert bias is not None
        return bias.view(len(self.candidates.sides), -1)[:, 4]
