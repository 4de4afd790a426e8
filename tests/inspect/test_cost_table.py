"""Tests of the cost table: the lecture, torch's counter, and what autograd saves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.cost_table import cost_table
from kissipo.pipeline.registries import NETS
from kissipo.process.optim import MEMORY, optimizer
from kissipo.runs.model_summary import NetCosts, net_costs

IMAGE_NETS = [name for name in NETS.names() if NETS.find(name, place="net").DEFAULT_SPECS]
VGG16_VALUES = [  # the lecture's column "memory", each row multiplied out
    *(224 * 224 * 3, 224 * 224 * 64, 224 * 224 * 64, 112 * 112 * 64),
    *(112 * 112 * 128, 112 * 112 * 128, 56 * 56 * 128),
    *(56 * 56 * 256, 56 * 56 * 256, 56 * 56 * 256, 28 * 28 * 256),
    *(28 * 28 * 512, 28 * 28 * 512, 28 * 28 * 512, 14 * 14 * 512),
    *(14 * 14 * 512, 14 * 14 * 512, 14 * 14 * 512, 7 * 7 * 512),
    *(4096, 4096, 1000),
]
VGG16_WEIGHTS = [
    *(0, 1_728, 36_864, 0, 73_728, 147_456, 0, 294_912, 589_824, 589_824, 0),
    *(1_179_648, 2_359_296, 2_359_296, 0, 2_359_296, 2_359_296, 2_359_296, 0),
    *(102_760_448, 16_777_216, 4_096_000),
]


def total(costs: NetCosts, what: str) -> int:
    return int(costs.to_json()["totals"][what])


def test_vgg16_is_the_lectures_table() -> None:
    costs = net_costs("vgg16")
    assert [row.values for row in costs.table.rows] == VGG16_VALUES
    assert [row.weights for row in costs.table.rows] == VGG16_WEIGHTS
    assert total(costs, "values") == sum(VGG16_VALUES) == 15_237_608
    assert round(4 * sum(VGG16_VALUES) / 1e6) == 61  # MB; the lecture prints 96
    assert total(costs, "parameters") == 138_357_544
    convolutions = zip(VGG16_VALUES, VGG16_WEIGHTS, strict=True)
    by_hand = sum(
        values // filters * weights
        for (values, weights), filters in zip(convolutions, FILTERS, strict=True)
    )
    assert total(costs, "multiplications") == by_hand == 15_470_264_320
    assert costs.notes == (
        (
            "the lecture's '24M * 4 bytes = 96 MB / image' is a slip: its own rows add up to "
            "15,237,608 values = 61 MB"
        ),
    )


FILTERS = [
    3,
    64,
    64,
    64,
    128,
    128,
    128,
    *[256] * 4,
    *[512] * 8,
    4096,
    4096,
    1000,
]  # places of a row = values / filters


@pytest.mark.parametrize(
    ("module", "channels", "rows"),
    [
        ("naive", 672, [28 * 28 * 128 * 256, 28 * 28 * 192 * 9 * 256, 28 * 28 * 96 * 25 * 256]),
        (
            "bottleneck",
            480,
            [
                *(28 * 28 * 128 * 256, 28 * 28 * 64 * 256, 28 * 28 * 192 * 9 * 64),
                *(28 * 28 * 64 * 256, 28 * 28 * 96 * 25 * 64, 28 * 28 * 64 * 256),
            ],
        ),
    ],
)
def test_the_module_of_the_lecture(module: str, channels: int, rows: list[int]) -> None:
    costs = net_costs("inception", {"module": module})
    assert [row.multiplications for row in costs.table.rows if row.multiplications] == rows
    assert (
        total(costs, "multiplications") == {"naive": 854_196_224, "bottleneck": 271_351_808}[module]
    )
    assert costs.table.rows[-1].shape == (channels, 28, 28)
    assert any("854,196,224" in note and "271,351,808" in note for note in costs.notes)
    assert any("353M is a slip" in note for note in costs.notes)


@pytest.mark.parametrize("name", IMAGE_NETS)
def test_multiplications_are_half_of_torchs_flops(name: str) -> None:
    module = NETS.find(name, place="net")
    costs = net_costs(name)
    with torch.device("meta"):
        net = module.build(*module.DEFAULT_SPECS, module.Options()).eval()
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, *module.DEFAULT_SPECS[0][0].shape, device="meta"))
    assert (
        2 * (total(costs, "multiplications") - total(costs, "norm_multiplications"))
        == counter.get_total_flops()
    )
    everything = sum(weight.numel() for weight in net.parameters())
    assert total(costs, "parameters_while_learning") == everything
    assert total(costs, "parameters") == everything - sum(
        weight.numel() for name, weight in net.named_parameters() if name.startswith("auxiliary.")
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vgg11", {"width_multiplier": 0.1, "units": (7,), "dropout": 0.0}),
        ("resnet50", {"width_multiplier": 0.1}),
        ("resnet18", {"width_multiplier": 0.2}),
    ],
)
def test_shapes_without_memory_are_those_of_real_numbers(name: str, words: dict[str, Any]) -> None:
    module = NETS.find(name, place="net")
    specs = (
        (TensorSpec("image", ("channel", "height", "width"), (3, 50, 40)),),
        (TensorSpec("kind", ("class",), (4,)),),
    )
    with torch.device("meta"):
        bare = cost_table(module.build(*specs, module.Options(**words)), torch.zeros(1, 3, 50, 40))
    assert bare == cost_table(
        module.build(*specs, module.Options(**words)), torch.zeros(1, 3, 50, 40)
    )


def test_values_are_what_autograd_keeps() -> None:
    """Autograd saves every value but the output once for the backward pass.

    The indices of the maxima (integers) are saved, too.
    """
    module = NETS.find("vgg11", place="net")
    specs = (
        (TensorSpec("image", ("channel", "height", "width"), (3, 64, 64)),),
        (TensorSpec("kind", ("class",), (4,)),),
    )
    net = module.build(*specs, module.Options(width_multiplier=0.1, units=(7, 5), dropout=0.0))
    x, saved = torch.randn(1, 3, 64, 64), {}
    weights = {weight.untyped_storage()._cdata for weight in net.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.is_floating_point() and tensor.untyped_storage()._cdata not in weights:
            saved[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        answer = net(x)
    count = sum(tensor.untyped_storage().nbytes() // 4 for tensor in saved.values())
    assert count == cost_table(net, x).total(lambda row: row.values) - answer.numel()


@pytest.mark.parametrize("name", MEMORY)
def test_what_an_optimizer_remembers_of_each_weight(name: Any) -> None:
    weight = nn.Parameter(torch.randn(1000))
    fitted = optimizer(name, [weight], rate=0.1)
    for _ in range(2):
        weight.grad = torch.randn(1000)
        fitted.step()
    state = fitted.state_dict()["state"].get(0, {})
    remembered = sum(
        value.numel()
        for value in state.values()
        if isinstance(value, Tensor) and value.numel() == 1000
    )
    assert remembered == 1000 * MEMORY[name]


def test_what_learning_takes_by_hand() -> None:
    costs = net_costs("vgg16", {"batch_size": 32, "optimizer": "momentum"})
    assert costs.training == 4 * (2 * 15_237_608 * 32 + 3 * 138_357_544)
    assert costs.table.inference() == 4 * (15_237_608 + 138_357_544)
    google = net_costs("googlenet")
    besides = [row for row in google.table.rows if row.learning]
    assert sum(row.parameters for row in besides) == 6_379_728
    assert google.training > 4 * (2 * total(google, "values") + 4 * 13_378_280)


def test_a_layer_that_works_in_place_gives_no_values_and_a_net_is_left_as_it_was() -> None:
    net = nn.Sequential(
        nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Linear(5, 5), nn.ReLU(), nn.Flatten()
    ).train()
    table = cost_table(net, torch.randn(1, 6))
    assert [(row.name, row.values) for row in table.rows] == [
        ("input", 6),
        ("0", 5),
        ("2", 5),
        ("3", 5),
    ]
    assert net.training
    assert not any(layer._forward_hooks for layer in net.modules())
    with torch.device("meta"):
        bare = nn.Linear(3, 4)
    cost_table(bare, torch.zeros(1, 3, device="meta"))
    assert "forward" not in vars(bare)
