"""Tests of the inspection of user-defined nets with the attention layers of torch."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kissipo.inspect.breakdown import explain_value
from kissipo.inspect.breakdown.explain_value import explainable_output
from kissipo.inspect.cost_table import cost_table
from kissipo.inspect.describe_layer import describe_layer
from kissipo.inspect.trace import steps_of
from kissipo.inspect.tracing.record import record
from kissipo.inspect.tracing.recording import is_frame, is_step
from kissipo.inspect.unroll import UnrolledAttention, unroll_attention


class Encoder(nn.Module):
    """As the tutorials have it; of padded samples torch makes nested tensors."""

    def __init__(self, *, padded: bool) -> None:
        super().__init__()
        self.layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2
        )
        self.head = nn.Linear(8, 3)
        self.padded = padded

    def forward(self, x: Tensor) -> Any:
        padding = (
            torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device) if self.padded else None
        )
        return self.head(self.layers(x, src_key_padding_mask=padding).mean(1))


class SkipConcat(nn.Module):
    """Trained queries attend to the input; all arguments are passed by name."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = nn.Parameter(torch.randn(1, 3, 4))
        self.look = nn.MultiheadAttention(4, 2, kdim=8, vdim=8, batch_first=True)
        self.second = nn.MultiheadAttention(4, 1, batch_first=True, bias=False)
        self.head = nn.Linear(4, 2, bias=False)

    def forward(self, x: Tensor) -> Any:
        x, _ = self.look(key=x, value=x, query=self.questions.expand(len(x), -1, -1))
        mask = torch.ones(3, 3, dtype=torch.bool, device=x.device).triu(1)
        x, _ = self.second(
            query=x, key=x, value=x, need_weights=False, attn_mask=mask, is_causal=True
        )
        return self.head(x)


NETS: dict[str, Callable[[], nn.Module]] = {
    "encoder": lambda: Encoder(padded=False),
    "padded": lambda: Encoder(padded=True),
    "across": SkipConcat,
}


@pytest.fixture(params=NETS)
def net(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return NETS[request.param]()


X = torch.randn(1, 5, 8, generator=torch.Generator().manual_seed(0))


def test_attention_is_one_step_with_all_its_weights(
    net: nn.Module, flops: Callable[..., int]
) -> None:
    recording = record(net, (X,))
    steps, answer = steps_of(recording), recording.output
    with torch.no_grad():
        torch.testing.assert_close(
            answer, net.eval()(X)
        )  # torch's fused way, which hooks keep it from
    own = 12 if isinstance(net, SkipConcat) else 0  # the questions belong to no layer
    assert (
        sum(step.parameters for step in steps)
        == sum(weight.numel() for weight in net.parameters()) - own
    )
    norms = sum(step.multiplications for step in steps if step.description == "layer normalization")
    expected = flops(net.train(), X)
    assert 2 * (sum(step.multiplications for step in steps) - norms) == expected
    descriptions = [step.description for step in steps if "attention" in step.description]
    heads = (
        ("2 heads over 4 features", "1 head over 4 features")
        if own
        else ("2 heads over 8 features",) * 2
    )
    assert descriptions == [f"attention of {head}" for head in heads]
    assert not any("out_proj" in step.name for step in steps)


def test_the_table_of_costs_counts_the_same_with_and_without_memory(net: nn.Module) -> None:
    table = cost_table(net, X)
    steps = steps_of(record(net, (X,)))
    assert table.total(lambda row: row.parameters) == sum(step.parameters for step in steps)
    assert table.total(lambda row: row.multiplications) == sum(
        step.multiplications for step in steps
    )
    biases = sum(weight.numel() for name, weight in net.named_parameters() if "bias" in name)
    assert table.total(lambda row: row.biases) == biases
    if not getattr(net, "padded", False):  # nested tensors torch makes of numbers alone
        assert cost_table(net.to("meta"), X.to("meta")) == table


def test_unrolled_attention_and_breakdowns_of_every_layer(net: nn.Module) -> None:
    calls, generator = record(net, (X,)).steps, Random(0)
    heads = [call for call in calls if isinstance(call.layer, nn.MultiheadAttention)]
    assert len(heads) == 2
    for call in heads:
        assert isinstance(unroll_attention(call.layer, call.inputs, call.output), UnrolledAttention)
    for call in calls:
        values = explainable_output(call.layer, call.output)
        for _ in range(5):
            place = tuple(generator.randrange(side) for side in values.shape)
            cell = explain_value(call.layer, call.inputs, call.output, place)
            assert cell.recorded == values[place].item() and cell.agrees
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in net.modules())


def test_attention_is_no_frame() -> None:
    layer = nn.MultiheadAttention(6, 3)
    assert is_step(layer) and not is_frame(layer)
    assert describe_layer(layer) == "attention of 3 heads over 6 features"
