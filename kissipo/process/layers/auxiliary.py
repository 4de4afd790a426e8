"""Auxiliary head: an output in the middle of a deep net, to train its early layers.

mean of each of 4x4 parts -> convolution of 1x1 -> linear, relu -> dropout -> output

The net uses it only during training: `with_auxiliary` of the net returns the outputs of
all auxiliary heads beside its own output.

Shapes:   (batch, channel, height, width) -> output
Choices:  Adaptive pooling to 4x4 replaces the paper's windows of 5x5 with stride 3,
          which give 4x4 for 14x14. So a map of any size fits.
Source:   Szegedy et al., Going Deeper with Convolutions, 2015: 128 filters, 1,024
          units, dropout 0.7.
Example:  >>> import torch
          >>> spec = TensorSpec("kind", ("class",), (10,))
          >>> AuxiliaryHead(512, (spec,))(torch.zeros(2, 512, 14, 14)).shape
          torch.Size([2, 10])
"""

from collections import OrderedDict

from torch import nn

from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.heads import head
from kissipo.process.layers.image_spec import channels_of
from kissipo.process.layers.inception import EPSILON

_SIDE, _FILTERS, _UNITS = 4, 128, 1024


class AuxiliaryHead(nn.Sequential):
    """An output in the middle of a net."""

    def __init__(
        self,
        channels: int,
        outputs: tuple[TensorSpec, ...],
        *,
        width: float = 1.0,
        norm: bool = False,
        dropout: float = 0.7,
    ) -> None:
        filters, units = channels_of(_FILTERS, width), channels_of(_UNITS, width)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["parts"] = nn.AdaptiveAvgPool2d(_SIDE)
        layers["conv"] = convolution(channels, filters, 1, norm=norm, epsilon=EPSILON)
        layers["flatten"] = nn.Flatten()
        layers["linear"] = nn.Linear(filters * _SIDE * _SIDE, units)
        layers["relu"] = nn.ReLU(inplace=True)
        layers["dropout"] = nn.Dropout(dropout)
        layers["head"] = head(units, outputs)
        super().__init__(layers)
