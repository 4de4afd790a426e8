"""Net: any net of known layers as the source of one class in plain torch.nn, its layers named, in the order in which they are drawn.

A layer of torch is an attribute and a line in `forward`; a bend is only a line; a layer of our own is written out as what it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import nn

from kissipo.core.errors import NotBuiltError
from kissipo.export.script.part import Part, filled
from kissipo.export.script.unet import unet_part
from kissipo.process.layers import GRU, LSTM, RNN
from kissipo.process.layers.channel_independent import EachVariable
from kissipo.process.layers.legal_move_mask import FreePoints
from kissipo.process.layers.norm import BatchNorm
from kissipo.process.layers.recurrent import Recurrent as Cell
from kissipo.process.layers.subtract_last import RelativeToLast
from kissipo.process.layers.wide import WideAndDeep
from kissipo.process.nets.recurrent import Recurrent
from kissipo.process.nets.unet import UNet

_CLASS = '''
class Net(nn.Module):
    """$about"""

    def __init__(self) -> None:
        super().__init__()
        $made

    def forward(self, x: Tensor) -> Tensor:
        $flow
        return x
'''

_CLASS_WITH_STATE = '''
class Net(nn.Module):
    """$about"""

    def __init__(self) -> None:
        super().__init__()
        $made

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        $flow
        return x, state
'''

_BENDS: dict[type[nn.Module], str] = {
    nn.ReLU: "torch.relu",
    nn.Tanh: "torch.tanh",
    nn.Sigmoid: "torch.sigmoid",
    nn.GELU: "functional.gelu",
    nn.SiLU: "functional.silu",
    nn.LeakyReLU: "functional.leaky_relu",
    nn.ELU: "functional.elu",
}
_ROOM = 80  # of a line in a method
_CELLS: dict[type[nn.Module], str] = {LSTM: "LSTM", GRU: "GRU", RNN: "RNN"}
_POOLED = {
    "max": (
        "x = x.masked_fill(~there.unsqueeze(2), -torch.inf).amax(1)  # greatest over time",
        "x = torch.where(there.any(1, keepdim=True), x, 0.0)  # zeros for an empty text",
    ),
    "mean": ("x = (x * there.unsqueeze(2)).sum(1) / lengths.unsqueeze(1)  # mean over time",),
    "last": (
        "x = x[torch.arange(len(x)), lengths - 1]  # the last word",
        "x = x * there.any(1, keepdim=True)  # zeros for an empty text",
    ),
}
_EVEN = {"last": "x = x[:, -1]  # the last step", "max": "x = x.amax(1)", "mean": "x = x.mean(1)"}


@dataclass
class _Source:
    """The lines of a class, as they come together."""

    made: list[str] = field(default_factory=list)
    flow: list[str] = field(default_factory=list)
    named: Counter[str] = field(default_factory=Counter)
    kinds: list[str] = field(default_factory=list)

    def attribute(self, name: str, layer: str) -> str:
        """Makes a layer; says how it is called."""
        self.named[name] += 1
        called = f"self.{name}{self.named[name]}"
        self.made.append(f"{called} = nn.{layer}")
        self.kinds.append(layer.split("(")[0])
        return called

    def simplified(self, lines: list[str]) -> list[str]:
        """The lines, the only layer of a name called by the name alone."""
        for name, count in self.named.items():
            if count == 1:
                lines = [line.replace(f"self.{name}1", f"self.{name}") for line in lines]
        return lines

    def step(self, name: str, layer: str) -> None:
        """A layer that x goes through."""
        self.flow.append(f"x = {self.attribute(name, layer)}(x)")

    def bend(self, called: str) -> None:
        """What follows a layer at once, in one line with it where there is room."""
        before = self.flow[-1] if self.flow else ""
        line = f"x = {called}({before.removeprefix('x = ')})"
        if before.startswith("x = ") and "#" not in before and len(line) <= _ROOM:
            self.flow[-1] = line
        else:
            self.flow.append(f"x = {called}(x)")


def net_part(net: nn.Module, sides: tuple[int, ...] = ()) -> Part:
    """The class of a net.

    sides:    height and width of the pictures that it takes, where it takes some

    Raises:   NotBuiltError for a layer that cannot be written out yet.
    """
    if isinstance(net, UNet):
        return unet_part(net, sides)
    source = _Source()
    _write(net, source)
    stateful = isinstance(net, Recurrent) and net.stateful
    weights = sum(parameter.numel() for parameter in net.parameters())
    kinds = [f"{count} {kind}" if count > 1 else kind for kind, count in Counter(source.kinds).items()]
    told = f"{', '.join(kinds)}: {weights:,} weights"
    code = filled(
        _CLASS_WITH_STATE if stateful else _CLASS,
        about=f"{told}.",
        made=source.simplified(source.made),
        flow=source.simplified(source.flow),
    )
    packed = any("pack_padded" in line for line in source.flow)
    imports = ["from torch import Tensor, nn"]
    imports += ["from torch.nn import functional"] if any("functional." in line for line in source.flow) else []
    imports += ["from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence"] if packed else []
    if stateful:
        state = "tuple[Tensor, Tensor] | None" if isinstance(net.cell, LSTM) else "Tensor | None"
        imports += ["from typing import TypeAlias"]
        code = f'State: TypeAlias = "{state}"\n\n\n{code}'
    return Part(told, code, tuple(imports))


def _write(layer: nn.Module, source: _Source) -> None:
    """One layer, with what is in it."""
    if type(layer) in _BENDS:
        source.bend(_BENDS[type(layer)])
    elif type(layer) is nn.Sequential:
        for each in layer:
            _write(each, source)
    elif type(layer) in _WRITERS:
        _WRITERS[type(layer)](layer, source)
    elif type(layer) is not nn.Identity:
        raise NotBuiltError(
            f"kissipo eject does not write out layers of the kind {type(layer).__name__} yet",
            do="Choose another net, such as process.net=ffn or process.net=cnn",
        )


def _linear(layer: nn.Module, source: _Source) -> None:
    assert isinstance(layer, nn.Linear)
    bias = "" if layer.bias is not None else ", bias=False"
    source.step("linear", f"Linear({layer.in_features}, {layer.out_features}{bias})")


def _convolution(layer: nn.Module, source: _Source) -> None:
    assert isinstance(layer, nn.Conv2d)
    if (
        layer.stride != (1, 1)
        or layer.dilation != (1, 1)
        or layer.groups != 1
        or layer.kernel_size[0] != layer.kernel_size[1]
    ):
        raise NotBuiltError("kissipo eject does not write out such filters yet", given=str(layer))
    padding = f', padding="{layer.padding}"' if layer.padding != "valid" else ""
    bias = "" if layer.bias is not None else ", bias=False"
    words = f"{layer.in_channels}, {layer.out_channels}, {layer.kernel_size[0]}{padding}{bias}"
    source.step("convolution", f"Conv2d({words})")


def _norm(layer: nn.Module, source: _Source) -> None:
    assert isinstance(layer, BatchNorm)
    source.bend(source.attribute("norm", f"BatchNorm2d({layer.num_features})"))


def _pool(layer: nn.Module, source: _Source) -> None:
    assert isinstance(layer, nn.MaxPool2d)
    source.flow.append(f"x = nn.functional.max_pool2d(x, {layer.kernel_size})")


def _flatten(layer: nn.Module, source: _Source) -> None:
    before = source.flow[-1] if source.flow else ""
    if before.startswith("x = ") and before.endswith(")") and len(before) < _ROOM - len(".flatten(1)"):
        source.flow[-1] = f"{before}.flatten(1)"
    else:
        source.flow.append("x = x.flatten(1)")


def _unflatten(layer: nn.Module, source: _Source) -> None:
    assert isinstance(layer, nn.Unflatten)
    source.flow.append(f"x = x.unflatten(1, {tuple(layer.unflattened_size)})")


def _dropout(layer: nn.Module, source: _Source) -> None:
    assert isinstance(layer, nn.Dropout)
    source.step("dropout", f"Dropout({layer.p})")


def _relative(layer: nn.Module, source: _Source) -> None:
    """Less the last value of the window, and that value added to the answer."""
    assert isinstance(layer, RelativeToLast)
    source.flow += [f"last = x[:, -1:, {layer.answered}]", "x = x - x[:, -1:, :]  # relative to the last value"]
    _write(layer.net, source)
    source.flow.append("x = x + last")


def _wide_and_deep(layer: nn.Module, source: _Source) -> None:
    """The deep path is drawn before the wide one, and its last layer, which starts at zero, before it, too."""
    assert isinstance(layer, WideAndDeep)
    before = len(source.flow)
    _write(layer.deep, source)
    _write(layer.head, source)
    head = source.made[-1].split(" = ")[0]
    features, answers = layer.wide.in_features, layer.wide.out_features
    wide = source.attribute("wide", f"Linear({features}, {answers})")
    source.made += [
        f"for parameter in {head}.parameters():  # at first all is linear",
        "    nn.init.zeros_(parameter)",
    ]
    source.flow.insert(before, f"straight = {wide}(x)")
    source.flow.append("x = straight + x")


def _free_points(layer: nn.Module, source: _Source) -> None:
    """The softmax gives no probability to the least number there is."""
    assert isinstance(layer, FreePoints)
    source.flow.append("taken = x.flatten(1) != 0  # which are no answer")
    _write(layer.net, source)
    source.flow.append("x = x.masked_fill(taken, torch.finfo(x.dtype).min)")


def _each_variable(layer: nn.Module, source: _Source) -> None:
    assert isinstance(layer, EachVariable)
    variables = len(layer.answered)
    source.flow += [
        f"x = x[:, :, {layer.answered}].transpose(1, 2)",
        "x = x.reshape(-1, x.shape[2], 1)  # each variable by itself",
    ]
    _write(layer.net, source)
    source.flow.append(f"x = x.reshape(-1, {variables}, x.shape[1]).transpose(1, 2)")


def _recurrent(layer: nn.Module, source: _Source) -> None:
    assert isinstance(layer, Recurrent)
    if layer.join is not None or type(layer.merge) is not nn.Identity:
        raise NotBuiltError(
            "kissipo eject does not write out a recurrent net with several inputs or merged directions yet",
            do="Give one sequence, and leave process.merge out",
        )
    if layer.fills:
        source.flow += ["there = x != 0  # else a place that only fills up", "lengths = there.sum(1).clamp(min=1)"]
    if layer.embedding is not None:
        _embedding(layer.embedding, source)
    cell = _cell(layer.cell, source)
    if layer.fills:
        source.flow += [
            "packed = pack_padded_sequence(",
            "    x, lengths, batch_first=True, enforce_sorted=False",
            ")",
            f"read, _ = {cell}(packed)",
            "x, _ = pad_packed_sequence(read, batch_first=True, total_length=there.shape[1])",
            *_POOLED[layer.pool],
        ]
    elif layer.stateful:
        source.flow.append(f"x, state = {cell}(x, state)")
    else:
        steps = f"x = x.reshape(len(x), x.shape[1] // {layer.patch}, -1)  # {layer.patch} steps at a time"
        source.flow += [steps] if layer.patch > 1 else []
        source.flow.append(f"x, _ = {cell}(x)")
        source.flow += [] if layer.every_step else [_EVEN[layer.pool]]
    _write(layer.dropout, source)
    _write(layer.head, source)


def _embedding(layer: nn.Embedding, source: _Source) -> None:
    """Starts small; the row that only fills up is zero."""
    fills = ", padding_idx=0" if layer.padding_idx == 0 else ""
    source.step("embedding", f"Embedding({layer.num_embeddings}, {layer.embedding_dim}{fills})")
    source.made.append("nn.init.uniform_(self.embedding1.weight, -0.05, 0.05)")
    if fills:
        source.made.append("nn.init.zeros_(self.embedding1.weight[0])")


def _cell(layer: Cell, source: _Source) -> str:
    """A recurrent layer; the forget gate of an LSTM starts open."""
    kind = _CELLS[type(layer)]
    words = f"{layer.input_size}, {layer.hidden_size}"
    words += f", {layer.num_layers}" if layer.num_layers > 1 else ""
    words += ", batch_first=True"
    words += ", bidirectional=True" if layer.bidirectional else ""
    words += f", dropout={layer.dropout}" if layer.dropout else ""
    called = source.attribute(kind.lower(), f"{kind}({words})")
    if kind == "LSTM":
        first, end = layer.hidden_size, 2 * layer.hidden_size
        source.made += [
            f"for name, bias in {called}.named_parameters():  # it starts by remembering",
            '    if name.startswith("bias"):',
            f'        nn.init.constant_(bias[{first}:{end}], float(name.startswith("bias_ih")))',
        ]
    return called


_WRITERS: dict[type[nn.Module], Callable[[nn.Module, _Source], None]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    BatchNorm: _norm,
    nn.MaxPool2d: _pool,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Dropout: _dropout,
    RelativeToLast: _relative,
    EachVariable: _each_variable,
    FreePoints: _free_points,
    WideAndDeep: _wide_and_deep,
    Recurrent: _recurrent,
}
