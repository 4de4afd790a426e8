"""Writes the tree of layers of any net as Python text.

Layers of torch become constructor calls, and our own layers are copied. The text keeps
the name of every layer, so the weights of one net fit the other. Our recurrent layers
and batch normalization have torch's parameters and are written as torch's.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from importlib import import_module
from string import Template
from typing import Any

from torch import Tensor, nn

from kissipo.core.errors import NotBuiltError
from kissipo.core.protocols import has_auxiliary_heads, is_penalized
from kissipo.core.script_part import Scripted
from kissipo.export.script.source import Source

_WIDTH = 88
_PLAIN = (bool, int, float, str, tuple, list, type(None), Tensor)

_NET = '''"""The net of $name: $weights parameters, in plain PyTorch."""

from __future__ import annotations

$imports$definitions


def build() -> nn.Module:
    """The net; its weights are drawn at random."""
    return $net
'''

_LAYER = '''class Layer(nn.Module):
    """A layer that gets its sublayers and its settings by name."""

    def __init__(self, **parts: Any) -> None:
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)'''


def net_source(net: nn.Module, name: str) -> str:
    """Returns the text of the file that builds the net.

    Raises:   NotBuiltError for a layer that cannot be written.
    """
    source = Source()
    source.imports.add("from torch import nn")
    built = _written(net, source, 4)
    return Template(_NET).substitute(
        name=name,
        weights=f"{sum(weight.numel() for weight in net.parameters()):,}",
        imports=source.import_block(),
        definitions=f"\n\n\n{source}" if source.definitions else "",
        net=built,
    )


def _written(value: object, source: Source, indent: int) -> str:
    """Returns a layer or a setting as an expression; sublayers are indented."""
    if isinstance(value, Tensor):
        source.imports.add("import torch")
        return f"torch.tensor({value.tolist()})"
    if not isinstance(value, nn.Module):
        return f'"{value}"' if isinstance(value, str) else repr(value)
    kind = next(base for base in type(value).__mro__ if base.__module__.startswith("torch.nn."))
    inner = indent + 4
    children = {name: _written(child, source, inner) for name, child in value.named_children()}
    if kind is nn.Module:
        return _call(
            type(value).__name__,
            [f"{k}={v}" for k, v in _own(value, source, children, inner).items()],
            indent,
        )
    if kind is nn.Sequential and all(name.isdigit() for name in children):
        return _call("nn.Sequential", list(children.values()), indent)
    if kind is nn.ModuleList:
        return _call("nn.ModuleList", list(children.values()), indent, ("([", "])"))
    if kind in (nn.Sequential, nn.ModuleDict):
        source.imports.add("from collections import OrderedDict")
        named = [f"{name}={child}" for name, child in children.items()]
        return _call(f"nn.{kind.__name__}(OrderedDict", named, indent, ("(", "))"))
    return _call(f"nn.{kind.__name__}", _settings(value, kind), indent)


def _call(
    name: str, arguments: list[str], indent: int, brackets: tuple[str, str] = ("(", ")")
) -> str:
    """Returns a call on one line if it fits, else with one argument per line."""
    line = f"{name}{brackets[0]}{', '.join(arguments)}{brackets[1]}"
    if "\n" not in line and indent + len(line) <= _WIDTH - 8:
        return line
    margin = "\n" + " " * indent
    return (
        f"{name}{brackets[0]}"
        + "".join(f"{margin}    {argument}," for argument in arguments)
        + margin
        + brackets[1]
    )


def _settings(layer: Any, kind: type[nn.Module]) -> list[str]:
    """Returns the arguments of a layer of torch that differ from the defaults."""
    described = nn.RNNBase if isinstance(layer, nn.RNNBase) else kind
    written: list[str] = []
    for name, parameter in inspect.signature(described.__init__).parameters.items():
        value = getattr(layer, name, parameter.default)
        if name in ("self", "mode") or value is inspect.Parameter.empty:
            continue
        value = value is not None if name == "bias" and not isinstance(value, bool) else value
        if isinstance(value, tuple) and name != "unflattened_size" and len(set(value)) == 1:
            value = value[0]
        if value != parameter.default and not (
            name == "stride" and value == getattr(layer, "kernel_size", None)
        ):
            text = f'"{value}"' if isinstance(value, str) else repr(value)
            written.append(
                text if parameter.default is inspect.Parameter.empty else f"{name}={text}"
            )
    if getattr(layer, "nonlinearity", "tanh") != "tanh":
        written.append(f'nonlinearity="{layer.nonlinearity}"')
    return written


def _own(
    layer: nn.Module, source: Source, children: Mapping[str, str], indent: int
) -> dict[str, str]:
    """Copies the class of a layer; returns its sublayers, weights and settings."""
    source.add_text("Layer", _LAYER)
    source.imports |= {"from typing import Any", "from torch import Tensor"}
    if isinstance(layer, Scripted):
        definition = layer.script()
        source.add_definition(definition, import_module(type(layer).__module__))
        tree: ast.AST = ast.parse(definition.text)
    else:
        more = ["with_auxiliary"] if has_auxiliary_heads(layer) else []
        more += ["penalty"] if is_penalized(layer) else []
        # methods that only other layers call are named by their own layer
        roots = ("forward", *more, *getattr(layer, "CALLED_BY_OTHERS", ()))
        tree = source.add_class(type(layer), base="Layer", roots=roots)
    used_names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    settings = {
        name: value
        for name, value in {**vars(layer), **layer._buffers}.items()
        if name in used_names - {"training"}
    }
    unknown = [name for name, value in settings.items() if not isinstance(value, _PLAIN)]
    if unknown:
        raise NotBuiltError(
            f"kissipo eject does not write '{unknown[0]}' of {type(layer).__name__} yet"
        )
    weights = {name: weight for name, weight in layer._parameters.items() if weight is not None}
    source.imports |= {"import torch"} if weights else set()
    return {
        **{
            name: f"nn.Parameter(torch.randn{tuple(weight.shape)})"
            for name, weight in weights.items()
        },
        **{name: _written(value, source, indent) for name, value in settings.items()},
        **children,
    }
