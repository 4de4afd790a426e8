"""YOLOv3: a one-stage detector on three grids, with anchor boxes of nine sizes (S41).

backbone -> maps of stride 8, 16 and 32
stride 32  -> neck -> t of 3 anchor boxes per cell
stride 16  [upsampled neck of 32, map] -> neck -> t of 3 anchor boxes per cell
stride  8  [upsampled neck of 16, map] -> neck -> t of 3 anchor boxes per cell
t -> candidates: b_x = sigmoid(t_x) + c_x, b_w = p_w exp(t_w) (`layers/yolo_boxes.py`)

neck: convolutions 1x1, 3x3, 1x1, 3x3, 1x1; then 3x3 and a 1x1 without activation give
t. An image of 416x416 has (13² + 26² + 52²) · 3 = 10,647 candidates. With the backbone
darknet53 and 80 classes there are 61,949,149 weights, as published.

Shapes:   (batch, channel, height, width), sides that 32 divides
          -> (batch, candidate, 9 + class): anchor box, box, logits
Choices:  The smallest third of the anchor boxes belongs to the grid of stride 8, the
          largest to that of 32. A label has a softmax over the classes, where YOLOv3
          has a logistic output for each: here every box has one label. At first every
          candidate is an object with a probability of 0.01 (Lin et al., RetinaNet,
          2017). `_backbones.py` says how a net becomes a backbone, and what `small` is.
Source:   Redmon and Farhadi, YOLOv3: An Incremental Improvement, 2018; anchor boxes by
          k-means as in YOLO9000, 2016.
Example:  >>> image = TensorSpec("photo", ("channel", "height", "width"), (3, 416, 416))
          >>> boxes = TensorSpec("label", ("candidate", "feature"), (0, 12))
          >>> build((image,), (boxes,), Options())(torch.zeros(1, 3, 416, 416)).shape
          torch.Size([1, 10647, 12])
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from kissipo.codec._boxes import with_center
from kissipo.core.errors import TaskError
from kissipo.core.inferred_option import DataFacts, InferredOption
from kissipo.core.schema import NotSearched, option
from kissipo.core.tensor_spec import TensorSpec
from kissipo.process.layers.all_candidates import AllCandidates
from kissipo.process.layers.candidate_spec import features_of
from kissipo.process.layers.convolution import convolution
from kissipo.process.layers.image_spec import channels_of, image_of
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.layers.skip_concat import SkipConcat
from kissipo.process.layers.upsample import Upsample
from kissipo.process.layers.yolo_boxes import YoloBoxes
from kissipo.process.losses import yolo
from kissipo.process.nets._anchor_clusters import anchor_clusters, check_pairs, mean_best_iou
from kissipo.process.nets._backbones import (
    SMALL,
    STRIDES,
    Backbone,
    backbone,
    check_sides,
    load_file,
    options_of_weights,
)
from kissipo.process.nets.darknet53 import LEAK

__all__ = ["Options", "Yolo", "build", "load_file", "options_of_weights", "required_options"]
DEFAULT_SPECS = (
    (TensorSpec("photo", ("channel", "height", "width"), (3, 416, 416)),),
    (TensorSpec("label", ("candidate", "feature"), (0, 9 + 80)),),
)
LOSS = InferredOption("process.loss", "yolo", "the loss of process.net=yolo")
_PUBLISHED = (
    *((10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119)),
    *((116, 90), (156, 198), (373, 326)),
)  # found in COCO, in pixels of 416x416
_PUBLISHED_SIDE = 416
_WIDEST_NECK = (128, 256, 512)  # filters at stride 8, 16 and 32, as with Darknet-53
_FIRST_PROBABILITY = 0.01
_STEPS, _BATCH, _MIN_EPOCHS, _MAX_EPOCHS = 800, 4, 8, 100

Pairs = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Options:
    """The options of YOLO and of its loss."""

    backbone: str = option(
        SMALL, "first layers: small, darknet53, or another net of images, such as resnet18"
    )
    anchors: int | Pairs = option(
        9,
        "number of anchor boxes, a multiple of 3; or their sides in pixels of the input, such as "
        "[[10, 13], [16, 30], [33, 23]]",
        minimum=1,
    )
    anchor_boxes: Pairs | None = option(
        None,
        "sides of the anchor boxes in pixels of the input; k-means finds them in the boxes of the "
        "training split",
        above=0,
    )
    coordinates: Literal["giou", "squared"] = option(
        "giou",
        "loss of the box: giou (1 - generalized IoU), or squared (squared errors of center and "
        "square roots of sides)",
        search=NotSearched("another loss has other values"),
    )
    ignore_iou: float = option(
        0.5,
        "IoU of a candidate with any object above which it is not a negative example of an object",
        above=0,
        maximum=1,
        search=NotSearched("it changes the validation loss"),
    )
    normalize: bool | None = option(
        None, "normalization of the channels as in the training of the backbone's weights"
    )
    width_multiplier: float = option(
        1.0, "factor of the number of filters of every layer; below 1 for small machines", above=0
    )


def required_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the anchor boxes, and a training of some 800 small steps."""
    batch = facts.batch or _BATCH
    epochs = min(_MAX_EPOCHS, max(_MIN_EPOCHS, round(_STEPS * batch / max(1, facts.samples))))
    small = "small batches learn boxes in less time"
    return (
        *anchor_options(facts),
        InferredOption("input.batch_size", batch, small),
        InferredOption("process.learning_rate", 0.004, "the best of those tried on blood cells"),
        InferredOption("process.warmup", 0.1, "the first steps are small"),
        InferredOption("process.schedule", "cosine", "the last steps are small"),
        InferredOption("process.epochs", epochs, f"about {_STEPS} steps"),
        InferredOption(
            "process.early_stopping", {"patience": 0}, "the last epochs improve the boxes most"
        ),
    )


def anchor_options(facts: DataFacts) -> tuple[InferredOption, ...]:
    """Returns the anchor boxes of the training split."""
    process, image = facts.process, facts.inputs[0]
    number = process.get("anchors") or Options().anchors
    is_image = image.axes[:1] == ("channel",) and facts.outputs[0].axes[:1] == ("candidate",)
    if not isinstance(number, int) or process.get("anchor_boxes") or not is_image:
        return ()
    targets = facts.targets(0)
    boxes = with_center(targets[targets[..., 0] >= 0][:, 1:])
    height, width = image.shape[1:]
    sides = boxes[:, 2:].double().numpy() * [width, height]
    anchors = np.maximum(anchor_clusters(sides, number)[0].round(1), 0.1)
    reason = (
        f"k-means of {len(sides):,} training boxes; the mean IoU with the best one is "
        f"{mean_best_iou(sides, anchors):.3f}"
    )
    return (InferredOption("process.anchor_boxes", anchors.tolist(), reason),)


def loss_options(options: Options) -> dict[str, dict[str, object]]:
    """Returns the arguments of the loss that the net sets."""
    return {"yolo": {"coordinates": options.coordinates, "ignore_iou": options.ignore_iou}}


def build(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], options: Options
) -> nn.Module:
    """Builds the net for this image and these boxes."""
    _, height, width = image_of(inputs, "yolo")
    features = features_of(outputs, "yolo")
    check_sides("yolo", height, width)
    anchors = _anchors_of(options, height, width)
    net = Yolo(
        backbone(
            options.backbone,
            inputs[0],
            normalize=options.normalize,
            width_multiplier=options.width_multiplier,
        ),
        features - 4,
        anchors,
        [channels_of(filters, options.width_multiplier) for filters in _WIDEST_NECK],
    )
    kaiming_init(net.head)
    net.head.start_without_objects()
    return net


def _anchors_of(options: Options, height: int, width: int) -> list[tuple[float, float]]:
    """Returns the sides of the anchor boxes as fractions of the image, by their areas.

    Raises:   TaskError for sides that are no pairs, or a number that 3 does not divide.
    """
    pairs = options.anchor_boxes if isinstance(options.anchors, int) else options.anchors
    if pairs is None:  # the net without data
        shares = height / _PUBLISHED_SIDE, width / _PUBLISHED_SIDE
        pairs = tuple((w * shares[1], h * shares[0]) for w, h in _PUBLISHED)
    name = "anchor_boxes" if isinstance(options.anchors, int) else "anchors"
    check_pairs(name, pairs)
    number = options.anchors if isinstance(options.anchors, int) else len(pairs)
    if number % len(STRIDES) or (len(pairs) != number and options.anchor_boxes is not None):
        raise TaskError(
            "process.anchors: each of the three grids has the same number of anchor boxes",
            got=f"{number} anchor boxes"
            + (f", and {len(pairs)} in process.anchor_boxes" if number != len(pairs) else ""),
            allowed="a multiple of 3",
        )
    ordered = sorted(pairs, key=lambda pair: pair[0] * pair[1])
    return [(w / width, h / height) for w, h in ordered]


class Yolo(nn.Module):
    """A backbone, and a head that turns its maps into candidates."""

    def __init__(
        self,
        maps: Backbone,
        features: int,
        anchors: Sequence[tuple[float, float]],
        widest: Sequence[int],
    ) -> None:
        super().__init__()
        self.backbone = maps
        necks = [
            min(limit, max(1, filters // 2))
            for filters, limit in zip(maps.channels, widest, strict=True)
        ]
        self.head = YoloHead(maps.channels, features, anchors, necks)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(*self.backbone(x))
        return y

    def responsible(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Returns the candidate that learns each true box, by the loss `yolo`."""
        return yolo.responsible(outputs, targets)


class YoloHead(nn.Module):
    """Three necks from coarse to fine, each with a grid and its candidates.

    features:  of a candidate without its anchor box
    necks:     filters of the neck of each grid
    """

    def __init__(
        self,
        channels: Sequence[int],
        features: int,
        anchors: Sequence[tuple[float, float]],
        necks: Sequence[int],
    ) -> None:
        super().__init__()
        per_grid, self.features = len(anchors) // len(STRIDES), features
        above = 0
        for level in (2, 1, 0):
            stride, filters, narrow = STRIDES[level], channels[level], necks[level]
            if above:
                up: OrderedDict[str, nn.Module] = OrderedDict()
                up["reduce"] = convolution(above, narrow, 1, norm=True, leak=LEAK)
                up["upsample"] = Upsample()
                self.add_module(f"up{stride}", nn.Sequential(up))
                self.add_module(f"join{stride}", SkipConcat())
                filters += narrow
            self.add_module(f"neck{stride}", _neck(filters, narrow))
            grid: OrderedDict[str, nn.Module] = OrderedDict()
            grid["context"] = convolution(narrow, 2 * narrow, 3, norm=True, leak=LEAK)
            grid["t"] = nn.Conv2d(2 * narrow, per_grid * features, 1)
            self.add_module(f"grid{stride}", nn.Sequential(grid))
            own = tuple(anchors[level * per_grid : (level + 1) * per_grid])
            self.add_module(f"boxes{stride}", YoloBoxes(own))
            above = narrow
        self.candidates = AllCandidates()

    def forward(self, fine: Tensor, middle: Tensor, coarse: Tensor) -> Tensor:
        candidates = []
        x = coarse
        for stride, level in ((32, coarse), (16, middle), (8, fine)):
            if stride < 32:
                x = self.get_submodule(f"join{stride}")(level, self.get_submodule(f"up{stride}")(x))
            x = self.get_submodule(f"neck{stride}")(x)
            t = self.get_submodule(f"grid{stride}")(x)
            candidates.append(self.get_submodule(f"boxes{stride}")(t))
        y: Tensor = self.candidates(*candidates)
        return y

    def start_without_objects(self) -> None:
        """Sets the last layers so that every candidate is its anchor box, and hardly an
        object."""
        with torch.no_grad():
            for stride in STRIDES:
                last = self.get_submodule(f"grid{stride}.t")
                assert isinstance(last, nn.Conv2d) and last.bias is not None
                last.weight.mul_(0.1)
                logits = last.bias.view(-1, self.features)[:, 4]
                logits.fill_(-log(1 / _FIRST_PROBABILITY - 1))


def _neck(channels: int, narrow: int) -> nn.Module:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, (kernel, filters) in enumerate(
        ((1, narrow), (3, 2 * narrow), (1, narrow), (3, 2 * narrow), (1, narrow)), 1
    ):
        layers[f"conv{number}"] = convolution(channels, filters, kernel, norm=True, leak=LEAK)
        channels = filters
    return nn.Sequential(layers)
