"""Nets with channels-last filters, compared with the same nets in the default layout.

The tests compare outputs, gradients, saved files, and the steps of every optimizer.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.run_folder import MODEL, RunFolder
from kissipo.pipeline.registries import NETS as REGISTRY
from kissipo.process import optim
from kissipo.process.channels_last import to_channels_last
from kissipo.process.kernels.adam import fits

NETS: dict[str, tuple[int, dict[str, Any]]] = {
    "cnn": (1, {"filters": (5, 6), "units": (8,), "padding": "valid"}),
    "vgg11": (3, {"width_multiplier": 0.1, "units": (8,)}),
    "resnet18": (3, {"width_multiplier": 0.1}),
    "resnet50": (3, {"width_multiplier": 0.1}),
    "googlenet": (3, {"width_multiplier": 0.1}),
}
every_net = pytest.mark.parametrize("name", NETS)


def nets_in_both_layouts(name: str) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """Returns a net in both layouts, images and their classes.

    Double precision makes differences in the order of sums negligible.
    """
    channels, options = NETS[name]
    module = REGISTRY.find(name, place="process.net")
    torch.manual_seed(3)
    image, answer = (
        TensorSpec("p", ("channel", "height", "width"), (channels, 33, 32)),
        TensorSpec("c", ("class",), (4,)),
    )
    default = module.build((image,), (answer,), module.Options(**options)).double()
    x = torch.rand(6, channels, 33, 32, dtype=torch.float64)
    return default, to_channels_last(deepcopy(default)), x, torch.tensor([0, 1, 2, 3, 0, 1])


@every_net
def test_channels_last_filters_and_feature_maps(name: str) -> None:
    _, converted, x, _ = nets_in_both_layouts(name)
    convolutions = [layer for layer in converted.modules() if isinstance(layer, nn.Conv2d)]
    outputs: list[Tensor] = []
    for layer in convolutions:
        layer.register_forward_hook(lambda layer, inputs, output: outputs.append(output))
    converted.eval()(x)
    assert len(outputs) > 1
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in outputs)
    assert all(
        tensor.weight.is_contiguous(memory_format=torch.channels_last) for tensor in convolutions
    )


@every_net
@pytest.mark.parametrize("training", [True, False])
def test_channels_last_outputs_and_gradients_equal_the_default_layout(
    name: str, training: bool
) -> None:
    default, converted, x, targets = nets_in_both_layouts(name)
    results = []
    for net in (default, converted):
        net.train(training)
        torch.manual_seed(5)  # of dropout
        outputs = net(x)
        cross_entropy(outputs, targets).backward()
        results.append(
            (outputs.detach(), {key: tensor.grad for key, tensor in net.named_parameters()})
        )
    (expected, gradients), (converted_outputs, converted_gradients) = results
    torch.testing.assert_close(converted_outputs, expected, rtol=1e-5, atol=1e-8)
    assert gradients.keys() == converted_gradients.keys()
    for key, gradient in gradients.items():
        if gradient is not None:
            torch.testing.assert_close(converted_gradients[key], gradient, rtol=1e-5, atol=1e-8)


@every_net
def test_saved_weights_are_byte_identical(name: str, tmp_path: Path) -> None:
    default, converted, _, _ = nets_in_both_layouts(name)
    for folder, net in (("default", default), ("converted", converted)):
        (tmp_path / folder).mkdir()
        RunFolder(tmp_path / folder).write_weights(net.state_dict())
    assert (tmp_path / "default" / MODEL).read_bytes() == (
        tmp_path / "converted" / MODEL
    ).read_bytes()
    assert all(
        tensor.is_contiguous() for tensor in load_file(tmp_path / "converted" / MODEL).values()
    )


@pytest.mark.parametrize("name", get_args(optim.Name))
def test_optimizer_steps_and_resume_equal_torch_in_the_default_layout(
    name: optim.Name,
) -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(6, 5, 3, 2, generator=generator)
    gradients = [torch.randn(6, 5, 3, 2, generator=generator) for _ in range(6)]

    def to_last(x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)

    default, whole, broken = (
        nn.Parameter(tensor) for tensor in (start.clone(), to_last(start), to_last(start))
    )
    torchs = {
        "sgd": torch.optim.SGD,
        "momentum": torch.optim.SGD,
        "adagrad": torch.optim.Adagrad,
        "rmsprop": torch.optim.RMSprop,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }[name]
    options: dict[str, Any] = (
        {"momentum": 0.9} if name == "momentum" else {} if name == "sgd" else {"eps": 1e-8}
    )
    witness = torchs([default], lr=0.01, **options, **({"alpha": 0.9} if name == "rmsprop" else {}))
    ours, halved = (optim.optimizer(name, [tensor], rate=0.01) for tensor in (whole, broken))
    for number, gradient in enumerate(gradients):
        if number == 3:
            state = deepcopy(halved.state_dict())
            for memory in state["state"].values():  # as in a checkpoint
                memory.update(
                    {
                        key: tensor.contiguous()
                        for key, tensor in memory.items()
                        if isinstance(tensor, Tensor)
                    }
                )
            halved = optim.optimizer(name, [broken], rate=0.01)
            optim.load_optimizer_state(halved, state)
        for weight, by in ((default, witness), (whole, ours), (broken, halved)):
            weight.grad = gradient.clone() if weight is default else to_last(gradient)
            by.step()
    torch.testing.assert_close(whole.detach(), default.detach(), rtol=1e-5, atol=1e-6)
    assert torch.equal(broken, whole)


def test_adam_kernel_refuses_mixed_layouts() -> None:
    default = torch.zeros(2, 3, 4, 4)
    last = default.contiguous(memory_format=torch.channels_last)
    assert fits((default, default, default, default))
    assert fits((last, last, last, last))
    assert not fits((last, default, last, last))
    assert not fits((last, last, default, last))
