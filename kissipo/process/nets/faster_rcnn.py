"""Faster R-CNN: a detector that first proposes boxes, then looks at each of them (S41).

backbone -> map of stride 8, joined with the upsampled ones of stride 16 and 32
first stage, the region proposal network (RPN):
    convolution 3x3, relu, 1x1 -> per cell and anchor box: four offsets, is it an object
    -> the best boxes after non-maximum suppression: the proposals
second stage, for each proposal:
    RoI align 7x7 -> linear 128, relu -> four offsets; logits of "no object" and classes

The lecture's row of detectors: R-CNN runs a whole net on every proposal (50 s per
image), Fast R-CNN cuts the proposals out of one map (2 s), and Faster R-CNN finds the
proposals in the same map, too (0.2 s).

Shapes:   (batch, channel, height, width) -> (batch, proposal, 9 + class): the proposal,
          the box, the logits
          `both_stages` also gives the candidates of the RPN (batch, anchor, 9)
Choices:  A candidate has the logit of an object and the logits of the classes. Both
          come from the softmax over "no object" 0 and the classes 1 to n of the paper:
          logit = log sum exp(z_1 ... z_n) - z_0. Then sigmoid(logit) · softmax(z_1 ...
          z_n) is that softmax.
          A proposal has one box for all classes, where the paper has one per class. One
          linear layer of 128 units replaces two of 4,096. The map has stride 8, where
          the paper has 16, as small objects have few cells there. At first an anchor
          box is an object with a probability of 0.02.
          `_backbones.py` says how a net becomes a backbone, and what `small` is.
Source:   Ren, He, Girshick and Sun, Faster R-CNN, 2015; RoI align: He et al., Mask
          R-CNN, 2017.
Example:  >>> image = TensorSpec("photo", ("channel", "height", "width"), (3, 64, 96))
          >>> boxes = TensorSpec("label", ("candidate", "feature"), (0, 12))
          >>> net = build((image,), (boxes,), Options(proposals=20))
          >>> net(torch.zeros(2, 3, 64, 96)).shape
          torch.Size([2, 20, 12])
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import torch
from torch import Tensor, nn

from kissipo.core.inferred_option import InferredOption
from kissipo.core.schema import option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.anchor_boxes import AnchorBoxes
from kissipo.process.layers.candidate_spec import features_of
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.image_spec import image_of
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.layers.proposal_boxes import ProposalBoxes
from kissipo.process.layers.proposals import Proposals
from kissipo.process.layers.roi_align import RoIAlign
from kissipo.process.layers.skip_concat import SkipConcat
from kissipo.process.layers.upsample import Upsample
from kissipo.process.nets._anchor_clusters import check_pairs
from kissipo.process.nets._backbones import (
    SMALL,
    Backbone,
    backbone,
    check_sides,
    load_file,
    options_of_weights,
)
from kissipo.process.nets.yolo import Pairs
from kissipo.process.nets.yolo import anchor_options as required_options

__all__ = [
    "FasterRCNN",
    "Options",
    "build",
    "load_file",
    "options_of_weights",
    "required_options",
]
ALGORITHMS = ("two_stage",)
DEFAULT_SPECS = (
    (TensorSpec("photo", ("channel", "height", "width"), (3, 416, 416)),),
    (TensorSpec("label", ("candidate", "feature"), (0, 9 + 20)),),
)
LOSS = InferredOption("process.loss", "two_stage", "the loss of process.net=faster_rcnn")
_FIRST_PROBABILITY = 0.02
_SIDES, _RATIOS = (0.1, 0.25, 0.5), (0.5, 1.0, 2.0)  # of the anchor boxes without data
_SIDE = 7  # of the maps of the proposals


@dataclass(frozen=True)
class Options:
    """The options of Faster R-CNN."""

    backbone: str = option(
        SMALL, "first layers: small, darknet53, or another net of images, such as resnet18"
    )
    filters: int = option(96, "number of filters of the map that both stages read", minimum=1)
    anchors: int | Pairs = option(
        9,
        "number of anchor boxes per cell; or their sides in pixels of the input, such as "
        "[[10, 13], [16, 30], [33, 23]]",
        minimum=1,
    )
    anchor_boxes: Pairs | None = option(
        None,
        "sides of the anchor boxes in pixels of the input; k-means finds them in the boxes of the "
        "training split",
        above=0,
    )
    proposals: int = option(
        100, "number of boxes per image that the second stage looks at", minimum=1
    )
    considered: int = option(
        600, "number of boxes of the first stage before non-maximum suppression", minimum=1
    )
    proposal_iou: float = option(
        0.7,
        "non-maximum suppression of proposals: boxes with at least this IoU are one",
        above=0,
        maximum=1,
    )
    units: int = option(128, "number of units of the linear layer of the second stage", minimum=1)
    normalize: bool | None = option(
        None, "normalization of the channels as in the training of the backbone's weights"
    )
    width_multiplier: float = option(
        1.0, "factor of the number of filters of the backbone; below 1 for small machines", above=0
    )


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for this image and these boxes."""
    _, height, width = image_of(inputs, "faster_rcnn")
    features = features_of(outputs, "faster_rcnn")
    check_sides("faster_rcnn", height, width)
    maps = backbone(
        options.backbone,
        inputs[0],
        normalize=options.normalize,
        width_multiplier=options.width_multiplier,
    )
    net = FasterRCNN(maps, features - 9, _anchors_of(options, height, width), options)
    for part in (net.map, net.rpn, net.second):
        kaiming_init(part)
    with torch.no_grad():
        net.rpn.grid.weight.mul_(0.1)
        net.second.offsets.weight.mul_(0.1)
        assert net.rpn.grid.bias is not None
        net.rpn.grid.bias.view(-1, 5)[:, 4] = -log(1 / _FIRST_PROBABILITY - 1)
    return net


class FasterRCNN(nn.Module):
    """A backbone, a region proposal network, and a head that looks at the proposals."""

    def __init__(
        self,
        maps: Backbone,
        classes: int,
        anchors: Sequence[tuple[float, float]],
        options: Options,
    ) -> None:
        super().__init__()
        self.backbone = maps
        self.map = SharedMap(maps.channels, options.filters)
        self.rpn = RegionProposals(options.filters, anchors)
        self.proposals = Proposals(
            options.considered, options.proposals, iou_threshold=options.proposal_iou
        )
        self.second = SecondStage(options.filters, options.units, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.both_stages(x)[0]

    def with_auxiliary(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns the candidates of the second stage and those of the first."""
        second, first = self.both_stages(x)
        return second, (first,)

    def both_stages(self, x: Tensor, more_boxes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Returns the candidates of the second stage and those of the first.

        more_boxes:  (batch, box, 4) center and sides of boxes that are proposals, too
        """
        shared = self.map(*self.backbone(x))
        first = self.rpn(shared)
        boxes = self.proposals(first)
        if more_boxes is not None:
            boxes = torch.cat([boxes, more_boxes.to(boxes.dtype)], dim=1)
        second: Tensor = self.second(shared, boxes)
        return second, first


class SharedMap(nn.Module):
    """The map that both stages read: the finest of three, with those that see more."""

    DESCRIPTION = "the fine map, with the upsampled features of the coarser ones"

    def __init__(self, channels: Sequence[int], filters: int) -> None:
        super().__init__()
        fine, middle, coarse = channels
        self.upsample32, self.join32 = Upsample(), SkipConcat()
        self.conv16 = convolution(middle + coarse, filters, 1, norm=True)
        self.upsample16, self.join16 = Upsample(), SkipConcat()
        self.conv8 = convolution(fine + filters, filters, 1, norm=True)

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        x = self.conv16(self.join32(middle, self.upsample32(coarse)))
        y: Tensor = self.conv8(self.join16(fine, self.upsample16(x)))
        return y


class RegionProposals(nn.Module):
    """The region proposal network: which anchor boxes of a cell are near an object."""

    DESCRIPTION = "region proposal network: candidates of any class"

    def __init__(self, channels: int, anchors: Sequence[tuple[float, float]]) -> None:
        super().__init__()
        self.context = convolution(channels, channels, 3, norm=True)
        self.grid = nn.Conv2d(channels, len(anchors) * 5, 1)
        self.candidates = AnchorBoxes(tuple(anchors))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.candidates(self.grid(self.context(x)))
        return y


class SecondStage(nn.Module):
    """The head of the proposals: what each of them is, and where exactly."""

    DESCRIPTION = "the class and the box of each proposal"

    def __init__(self, channels: int, units: int, classes: int) -> None:
        super().__init__()
        self.align, self.flatten = RoIAlign(_SIDE), nn.Flatten(2)
        self.linear, self.relu = nn.Linear(channels * _SIDE * _SIDE, units), nn.ReLU()
        self.classes, self.offsets = nn.Linear(units, 1 + classes), nn.Linear(units, 4)
        self.candidates = ProposalBoxes()

    def forward(self, x: Tensor, proposals: Tensor) -> Tensor:
        features = self.relu(self.linear(self.flatten(self.align(x, proposals))))
        y: Tensor = self.candidates(proposals, self.offsets(features), self.classes(features))
        return y


def _anchors_of(options: Options, height: int, width: int) -> list[tuple[float, float]]:
    """Returns the sides of the anchor boxes as fractions of the image.

    Raises:   TaskError for sides that are no pairs.
    """
    pairs = options.anchor_boxes if isinstance(options.anchors, int) else options.anchors
    if pairs is None:  # the net without data
        return [(side * ratio**0.5, side / ratio**0.5) for side in _SIDES for ratio in _RATIOS]
    name = "anchor_boxes" if isinstance(options.anchors, int) else "anchors"
    check_pairs(name, pairs)
    return [(w / width, h / height) for w, h in pairs]
