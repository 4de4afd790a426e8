"""Filters channels last beside the same net in the usual order: answers, slopes, what is saved, and steps of every optimizer."""

from __future__ import annotations

from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.run_folder import MODEL, RunFolder
from kissipo.process import optim
from kissipo.process.channels_last import to_channels_last
from kissipo.process.kernels.adam import fits_adam

NETS: dict[str, tuple[int, dict[str, Any]]] = {
    "cnn": (1, {"filters": (5, 6), "units": (8,), "padding": "valid"}),
    "vgg11": (3, {"width_multiplier": 0.1, "units": (8,)}),
    "resnet18": (3, {"width_multiplier": 0.1}),
    "resnet50": (3, {"width_multiplier": 0.1}),
    "googlenet": (3, {"width_multiplier": 0.1}),
}
every_net = pytest.mark.parametrize("name", NETS)


def two(name: str) -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    """A net in both orders, in double precision so that only the order of sums may differ, images and their classes."""
    channels, words = NETS[name]
    module = import_module(f"kissipo.process.nets.{name}")
    torch.manual_seed(3)
    image, answer = (
        TensorSpec("p", ("channel", "height", "width"), (channels, 33, 32)),
        TensorSpec("c", ("class",), (4,)),
    )
    usual = module.build((image,), (answer,), module.Options(**words)).double()
    x = torch.rand(6, channels, 33, 32, dtype=torch.float64)
    return usual, to_channels_last(deepcopy(usual)), x, torch.tensor([0, 1, 2, 3, 0, 1])


@every_net
def test_every_filter_and_every_map_lies_channels_last(name: str) -> None:
    _, laid, x, _ = two(name)
    convolutions = [layer for layer in laid.modules() if isinstance(layer, nn.Conv2d)]
    seen: list[Tensor] = []
    for layer in convolutions:
        layer.register_forward_hook(lambda layer, given, made: seen.append(made))
    laid.eval()(x)
    assert len(seen) > 1
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in seen)
    assert all(
        each.weight.is_contiguous(memory_format=torch.channels_last) for each in convolutions
    )


@every_net
@pytest.mark.parametrize("learning", [True, False])
def test_answers_and_slopes_are_those_of_the_usual_order(name: str, learning: bool) -> None:
    usual, laid, x, truth = two(name)
    found = []
    for net in (usual, laid):
        net.train(learning)
        torch.manual_seed(5)  # of dropout
        outputs = net(x)
        cross_entropy(outputs, truth).backward()
        found.append((outputs.detach(), {key: each.grad for key, each in net.named_parameters()}))
    (answers, gradients), (laid_answers, laid_slopes) = found
    torch.testing.assert_close(laid_answers, answers, rtol=1e-5, atol=1e-8)
    assert gradients.keys() == laid_slopes.keys()
    for key, gradient in gradients.items():
        if gradient is not None:
            torch.testing.assert_close(laid_slopes[key], gradient, rtol=1e-5, atol=1e-8)


@every_net
def test_what_is_saved_is_the_same_to_the_byte(name: str, tmp_path: Path) -> None:
    usual, laid, _, _ = two(name)
    for folder, net in (("usual", usual), ("laid", laid)):
        (tmp_path / folder).mkdir()
        RunFolder(tmp_path / folder).write_weights(net.state_dict())
    assert (tmp_path / "usual" / MODEL).read_bytes() == (tmp_path / "laid" / MODEL).read_bytes()
    assert all(each.is_contiguous() for each in load_file(tmp_path / "laid" / MODEL).values())


@pytest.mark.parametrize("name", get_args(optim.Name))
def test_every_optimizer_steps_as_torchs_on_the_usual_order_and_goes_on_from_what_was_saved(
    name: optim.Name,
) -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(6, 5, 3, 2, generator=generator)
    gradients = [torch.randn(6, 5, 3, 2, generator=generator) for _ in range(6)]

    def last(x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)

    usual, whole, broken = (
        nn.Parameter(each) for each in (start.clone(), last(start), last(start))
    )
    torchs = {"sgd": torch.optim.SGD, "momentum": torch.optim.SGD, "adagrad": torch.optim.Adagrad,
              "rmsprop": torch.optim.RMSprop, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]  # fmt: skip
    words: dict[str, Any] = (
        {"momentum": 0.9} if name == "momentum" else {} if name == "sgd" else {"eps": 1e-8}
    )
    witness = torchs([usual], lr=0.01, **words, **({"alpha": 0.9} if name == "rmsprop" else {}))
    ours, halved = (optim.optimizer(name, [each], rate=0.01) for each in (whole, broken))
    for number, gradient in enumerate(gradients):
        if number == 3:
            state = deepcopy(halved.state_dict())
            for memory in state["state"].values():  # as a checkpoint gives it back
                memory.update(
                    {
                        key: each.contiguous()
                        for key, each in memory.items()
                        if isinstance(each, Tensor)
                    }
                )
            halved = optim.optimizer(name, [broken], rate=0.01)
            optim.load_optimizer_state(halved, state)
        for weight, by in ((usual, witness), (whole, ours), (broken, halved)):
            weight.grad = gradient.clone() if weight is usual else last(gradient)
            by.step()
    torch.testing.assert_close(whole.detach(), usual.detach(), rtol=1e-5, atol=1e-6)
    assert torch.equal(broken, whole)


def test_the_kernel_of_adam_refuses_tensors_of_two_orders() -> None:
    usual = torch.zeros(2, 3, 4, 4)
    last = usual.contiguous(memory_format=torch.channels_last)
    assert fits_adam((usual, usual, usual, usual))
    assert fits_adam((last, last, last, last))
    assert not fits_adam((last, usual, last, last))
    assert not fits_adam((last, last, usual, last))
