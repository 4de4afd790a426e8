"""Backbones: nets of images without their last layers, as the start of a detector.

x -> three maps of features, of stride 8, 16 and 32

A net is offered as a backbone when its file has

TAPS           the names of three of its layers, whose outputs have stride 8, 16 and 32;
               up to the last of them the net runs its layers in the order in which it
               lists them
TAPS_OPTIONS   options of the net that leave out what comes after them, if that is large

`process.weights` may name the published weights of that net: they become those of the
backbone.
`small` is a Darknet of five strided convolutions with a residual block each, for
training from nothing on two cores.

Shapes:   (batch, channel, height, width) -> three of (batch, filter, height / stride,
          width / stride)
Raises:   TaskError for a net without TAPS, and for `normalize` where the net has none.
Example:  >>> photo = TensorSpec("photo", ("channel", "height", "width"), (3, 64, 96))
          >>> net = backbone("small", photo)
          >>> [tuple(some.shape) for some in net(torch.zeros(1, 3, 64, 96))]
          [(1, 64, 8, 12), (1, 128, 4, 6), (1, 256, 2, 3)]
          >>> net.channels
          (64, 128, 256)
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from kissipo.core.errors import ShapeError, TaskError
from kissipo.core.inferred_option import InferredOption
from kissipo.core.json_object import JsonMapping
from kissipo.core.module_state import eval_mode
from kissipo.core.registry import Registry
from kissipo.core.schema import option_infos
from kissipo.core.suggest import did_you_mean
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import list_some
from kissipo.process.layers.image_spec import channels_of
from kissipo.process.layers.kaiming_init import kaiming_init
from kissipo.process.nets.darknet53 import darknet
from kissipo.process.pretrained import COUNTER, copy_tensors, published_net, read_weights

SMALL, STRIDES = "small", (8, 16, 32)
_NETS = Registry("kissipo.process.nets", "net", defaults={"TAPS": (), "TAPS_OPTIONS": {}})
_FILTERS, _BLOCKS = (16, 32, 64, 128, 256), (1, 1, 1, 1)
_ANY = TensorSpec("class", ("class",), (2,))  # the output of the layers that are left out


class Backbone(nn.Module):
    """The first layers of a net, and the outputs of three of them.

    channels:  of the three outputs
    word:      small, or the name of the net
    """

    word = SMALL

    def __init__(
        self, layers: Mapping[str, nn.Module], taps: tuple[str, ...], channels: tuple[int, ...]
    ) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.order, self.taps, self.channels = tuple(layers), taps, channels

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps = []
        for name in self.order:
            x = self.get_submodule(name)(x)
            if name in self.taps:
                maps.append(x)
        return tuple(maps)


def backbone(
    word: str,
    image: TensorSpec,
    *,
    normalize: bool | None = None,
    width_multiplier: float = 1.0,
) -> Backbone:
    """Builds a backbone with random weights.

    word:       small, or a net with TAPS
    normalize:  whether the colors are normalized as the net's published weights expect
    Raises:     TaskError for an option that the net does not have.
    """
    if word == SMALL:
        if normalize:
            raise _without(word, "normalize")
        filters = [channels_of(count, width_multiplier) for count in _FILTERS]
        layers = darknet(image.shape[0], filters, _BLOCKS, stride=2)
        kaiming_init(nn.Sequential(layers))
        return _tapped(layers, ("group3", "group4", "group5"), image)
    module = net_of(word)
    words = dict(module.TAPS_OPTIONS)
    if normalize is not None:
        words["normalize"] = normalize
    if width_multiplier != 1:
        words["width_multiplier"] = width_multiplier
    for name in words:
        if name not in option_infos(module.Options):
            raise _without(word, name)
    net = module.build((image,), (_ANY,), module.Options(**words))
    tapped = _tapped(dict(net.named_children()), module.TAPS, image)
    tapped.word = word
    return tapped


def options_of_weights(
    path: Path, saved: JsonMapping | None, answers: Sequence[JsonMapping] = ()
) -> list[InferredOption]:
    """Returns the backbone of published weights of an image net; else none."""
    name = None if saved is not None else published_net(path)
    if name is None or name not in backbones():
        return []
    return [
        InferredOption("process.backbone", name, f"the net of {path.name}"),
        InferredOption("input.color", "rgb", f"{path.name} is of images in color"),
    ]


def load_file(net: nn.Module, path: Path, labels: Sequence[str]) -> str | None:
    """Copies published weights of an image net into the backbone of a detector.

    None for other files, such as those of a whole detector.

    Raises:   TaskError when a tensor of the backbone is missing or has another shape.
    """
    maps = net.get_submodule("backbone")
    if not isinstance(maps, Backbone) or maps.word == SMALL or path.is_dir():
        return None
    module, tensors = net_of(maps.word), read_weights(path)
    ours = partial(module.ours, options=module.Options(**module.TAPS_OPTIONS))
    wanted = maps.state_dict()
    renamed = {ours(name): tensor for name, tensor in tensors.items()}
    if not wanted.keys() & renamed.keys():
        return None
    wrong = [
        name
        for name, tensor in wanted.items()
        if not name.endswith(COUNTER)
        and (name not in renamed or renamed[name].shape != tensor.shape)
    ]
    if wrong:
        raise TaskError(
            f"process.weights: {path} does not fit process.backbone={maps.word}: "
            f"{len(wrong)} tensors are missing or have another shape ({list_some(wrong, 4)})",
            do="It must contain the same net with the same width_multiplier",
        )
    fitting = {name: renamed[name] for name in wanted if name in renamed}
    message = copy_tensors(maps, fitting, origin=path.name)
    unused = [name for name in tensors if ours(name) not in wanted]
    parts = [f"{message} in the backbone", "the layers of the detector are untrained"]
    parts += [f"in the file and not used: {list_some(unused, 4)}"] if unused else []
    return "; ".join(parts)


def net_of(word: str) -> ModuleType:
    """Returns the file of the net with this name, which has TAPS."""
    if word in _NETS.names():
        module = _NETS.find(word, place="process.backbone")
        if module.TAPS:
            return module
    raise TaskError(
        "process.backbone names no net that a detector can stand on",
        got=f"'{word}'",
        allowed=", ".join(backbones()),
        do=did_you_mean(word, backbones()),
    )


def check_sides(name: str, height: int, width: int) -> None:
    """Refuses an image whose maps would not have the strides.

    Raises:   ShapeError that names the nearest sizes.
    """
    last = STRIDES[-1]
    if not (height % last or width % last):
        return
    nearest = [max(last, round(side / last) * last) for side in (height, width)]
    raise ShapeError(
        f"process step '{name}' has maps of stride 8, 16 and {last}",
        got=f"an image of {height}x{width}",
        allowed=f"a height and a width that {last} divides",
        do=f"Set input.size={nearest[0]}"
        if len({*nearest}) == 1
        else f"Set input.size=[{nearest[0]},{nearest[1]}]",
    )


def backbones() -> list[str]:
    """Returns the words for all backbones."""
    nets = (name for name in _NETS.names() if _NETS.find(name, place="process.backbone").TAPS)
    return [SMALL, *nets]


def _tapped(layers: Mapping[str, nn.Module], taps: tuple[str, ...], image: TensorSpec) -> Backbone:
    """Returns the layers up to the last tap, after a look at what they return."""
    names = list(layers)
    needed = OrderedDict((name, layers[name]) for name in names[: names.index(taps[-1]) + 1])
    net = Backbone(needed, taps, ())
    with eval_mode(net), torch.no_grad():
        maps = net(torch.zeros(1, image.shape[0], 2 * STRIDES[-1], 2 * STRIDES[-1]))
    sides = [2 * STRIDES[-1] // stride for stride in STRIDES]
    assert [tuple(some.shape[2:]) for some in maps] == [(side, side) for side in sides], taps
    net.channels = tuple(some.shape[1] for some in maps)
    return net


def _without(word: str, name: str) -> TaskError:
    return TaskError(
        f"process.{name} is not an option of process.backbone={word}",
        do=f"Leave process.{name} out",
    )
