"""Tests of breakdowns: every kind of layer against torch, terms by hand, and errors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from kissipo.inspect.breakdown import Breakdown, CannotExplainError, explain_value
from kissipo.inspect.breakdown.breakdown import term
from kissipo.process.layers import GRU, LSTM, RNN

LAYERS: list[tuple[nn.Module, tuple[int, ...]]] = [
    (nn.Linear(4, 3), (2, 4)),
    (nn.Linear(4, 3, bias=False), (2, 3, 4)),
    (nn.Conv1d(2, 3, 3, stride=2, padding=1, dilation=2), (2, 2, 9)),
    (nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2), (2, 4, 7, 6)),
    (nn.Conv2d(2, 3, 4, padding="same"), (1, 2, 6, 5)),
    (nn.Conv2d(2, 3, (4, 3), padding="same", dilation=2, bias=False), (1, 2, 8, 7)),
    (nn.Conv2d(2, 2, 3, padding="valid"), (1, 2, 5, 5)),
    *(
        (nn.Conv2d(1, 2, 3, padding=2, padding_mode=mode), (1, 1, 5, 4))
        for mode in ("reflect", "replicate", "circular")
    ),
    (nn.Conv3d(2, 2, 2, stride=2), (1, 2, 4, 4, 4)),
    (nn.Conv2d(2, 2, 3), (2, 5, 5)),
    (nn.ConvTranspose1d(2, 3, 4, stride=3, padding=1, output_padding=2, dilation=2), (2, 2, 4)),
    (nn.ConvTranspose2d(4, 6, (3, 2), stride=2, groups=2), (1, 4, 3, 4)),
    (nn.MaxPool1d(3, stride=2, padding=1), (2, 2, 8)),
    (nn.MaxPool2d(2), (1, 2, 5, 7)),
    (nn.MaxPool2d((3, 2), stride=2, padding=1, dilation=2, ceil_mode=True), (1, 2, 8, 7)),
    (nn.AvgPool1d(3, stride=2, padding=1), (1, 2, 8)),
    (nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True), (1, 2, 6, 8)),
    (nn.AvgPool2d((3, 2), padding=1, count_include_pad=False), (1, 2, 6, 5)),
    (nn.AvgPool2d(2, divisor_override=3), (1, 2, 4, 4)),
    (nn.AdaptiveAvgPool2d(1), (2, 3, 5, 4)),
    (nn.AdaptiveAvgPool2d((3, None)), (1, 2, 7, 4)),
    (nn.AdaptiveAvgPool1d(3), (2, 2, 7)),
    (nn.AdaptiveMaxPool2d((2, 3)), (1, 2, 5, 7)),
    (nn.BatchNorm1d(3), (2, 3)),
    (nn.BatchNorm2d(3), (2, 3, 2, 2)),
    (nn.BatchNorm2d(3, affine=False), (2, 3, 2, 2)),
    (nn.LayerNorm(5), (2, 3, 5)),
    (nn.LayerNorm((2, 3), bias=False), (2, 2, 3)),
    (nn.LayerNorm(5, elementwise_affine=False), (2, 5)),
    (nn.GroupNorm(2, 4), (2, 4, 3)),
    (nn.LocalResponseNorm(4, alpha=0.5), (2, 7, 2, 2)),
    (nn.LocalResponseNorm(5, k=2.0), (1, 4, 2)),
    (nn.Softmax(dim=-1), (2, 3, 4)),
    (nn.Softmax(dim=1), (2, 3, 4)),
    (nn.LogSoftmax(dim=-1), (2, 4)),
    *(
        (layer, (2, 40))
        for layer in (
            *(
                nn.ReLU(),
                nn.ReLU6(),
                nn.Tanh(),
                nn.Sigmoid(),
                nn.GELU(),
                nn.GELU(approximate="tanh"),
                nn.SiLU(),
            ),
            *(nn.LeakyReLU(0.2), nn.ELU(0.7), nn.Softplus(beta=2.0), nn.Identity(), nn.Dropout()),
        )
    ),
    (nn.Flatten(), (2, 2, 3)),
    (nn.Unflatten(1, (2, 3)), (2, 6)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda layer: str(layer)[:60])
def test_every_cell_is_torchs_own(layer: nn.Module, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer.eval()
    for weight in [*layer.parameters(), *layer.buffers()]:
        if weight.is_floating_point():
            nn.init.uniform_(weight.detach(), 0.2, 2.0)
    x = 2 * torch.randn(shape)
    with torch.no_grad():
        y = layer(x)
    for place in product(*map(range, y.shape)):
        breakdown = explain_value(layer, (x,), y, place, name="it")
        assert (
            breakdown.recorded == y[place].item()
            and breakdown.cell == place
            and breakdown.layer == "it"
        )
        assert breakdown.agrees
        assert breakdown.result == pytest.approx(
            breakdown.recorded, rel=1e-5, abs=1e-6 * breakdown.size
        )
        for group in breakdown.terms:
            assert group.of == "input"
            assert [x[tuple(index)].item() for index in group.places] == group.values.tolist()


def test_an_embedding_is_a_row_looked_up() -> None:
    layer, ids = nn.Embedding(5, 3), torch.tensor([[4, 1], [0, 2]])
    breakdown = explain_value(layer, (ids,), layer(ids), (0, 1, 2))
    assert breakdown.terms[0].source(0) == "weight[1, 2]"
    assert breakdown.result == breakdown.recorded == layer.weight[1, 2].item()


def test_a_convolution_worked_by_hand() -> None:
    layer = nn.Conv2d(1, 1, 2, padding=1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
        layer.bias.fill_(0.5)  # type: ignore[union-attr]
    x = torch.tensor([[[[1.0, 10.0], [100.0, 1000.0]]]])
    corner = explain_value(layer, (x,), layer(x), (0, 0, 0, 0))
    assert corner.terms[0].products.tolist() == [4.0] and corner.result == 4.5
    assert corner.description == "b + sum of w · x; 3 weights meet zero padding"
    middle = explain_value(layer, (x,), layer(x), (0, 0, 1, 1))
    assert [row[1] for row in middle.running()] == [
        f"input[0, 0, {row}, {column}]" for row in (0, 1) for column in (0, 1)
    ]
    assert [row[-1] for row in middle.running()] == [1.0, 21.0, 321.0, 4321.0]
    assert middle.bias == 0.5 and middle.result == 4321.5 and middle.difference == 0.0


def test_breakdown_of_a_maximum_names_its_index() -> None:
    x = torch.tensor([[[1.0, 5.0, 2.0, 3.0]]])
    layer = nn.MaxPool1d(2)
    assert explain_value(layer, (x,), layer(x), (0, 0, 0)).steps == (
        ("the maximum, input[0, 0, 1]", 5.0),
    )


# Gates and states are at most 1; up to 40 terms are rounded (5 steps of 8 terms).
THROUGH_TIME = 40 * torch.finfo(torch.float32).eps


@pytest.mark.parametrize(
    "cell",
    [LSTM, nn.LSTM, GRU, nn.GRU, RNN, nn.RNN],
    ids=lambda cell: f"{cell.__module__[:5]} {cell.__name__}",
)
@pytest.mark.parametrize("first", [True, False])
def test_every_unit_of_every_step_layer_and_direction(cell: Any, first: bool) -> None:
    torch.manual_seed(0)
    layer = cell(3, 2, 2, bidirectional=True, batch_first=first)
    x = torch.randn(2, 4, 3) if first else torch.randn(4, 2, 3)
    inputs = (x, None, [2, 4]) if type(layer).__module__.startswith("kissipo") else (x,)
    with torch.no_grad():
        output = layer(*inputs)
    for place in product(*map(range, output[0].shape)):
        breakdown = explain_value(layer, inputs, output, place)
        assert breakdown.recorded == output[0][place].item()
        assert breakdown.difference == pytest.approx(0, abs=THROUGH_TIME)
        if not breakdown.terms:
            assert breakdown.result == 0 and "after the end" in breakdown.description
            continue
        below = explain_value(layer, inputs, output, place, number=0)
        assert below.recorded is None and below.agrees is None
        row, step = place[:2] if first else (place[1], place[0])
        gates = below.gates[: 1 if cell.__name__ == "LSTM" else None] or (below,)
        assert gates[0].terms[0].places.tolist() == [[row, step, index] for index in range(3)]
        for gate in breakdown.gates[:3]:
            from_input, from_state, bias, total, value = (value for _, value in gate.steps)
            assert (
                from_input == gate.terms[0].sum
                and from_state == gate.terms[1].sum
                and bias == gate.bias
            )
            assert total == pytest.approx(from_input + from_state + bias)
            activation = (
                math.tanh(total)
                if gate.operation in ("gate g", "gate n")
                else 1 / (1 + math.exp(-total))
            )
            assert value == gate.result == pytest.approx(activation)


def every(breakdown: Breakdown) -> Iterator[Breakdown]:
    """A number and all that is nested in it."""
    yield breakdown
    for gate in breakdown.gates:
        yield from every(gate)


def added_to(mask: Any, query: int, key: int) -> float:
    """What a mask adds where it hides nothing; nothing to a key that the layer adds."""
    plain = mask is None or mask.dtype == torch.bool or key >= mask.shape[1]
    return 0.0 if plain else float(mask[query, key])


def test_two_hundred_numbers_of_attention() -> None:
    generator = Random(0)
    torch.manual_seed(0)
    for _ in range(200):
        heads, first, keys, queries = (
            generator.choice([1, 2, 4]),
            generator.random() < 0.5,
            generator.randint(1, 6),
            generator.randint(1, 6),
        )
        more, wide = (
            (generator.random() < 0.3, generator.random() < 0.3),
            generator.choice([(None, None), (3, 5)]),
        )
        layer = nn.MultiheadAttention(
            heads * 5, heads, 0.1, generator.random() < 0.7, *more, *wide, batch_first=first
        ).eval()
        for name, weight in layer.named_parameters():
            if "bias" in name:  # which start at 0
                nn.init.normal_(weight)
        q, k, v = (
            torch.randn(2, queries, heads * 5),
            torch.randn(2, keys, layer.kdim),
            torch.randn(2, keys, layer.vdim),
        )
        q, k, v = (q, k, v) if first else (q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1))
        hides = torch.rand(queries, keys) < 0.4
        hides[:, 0] = False
        inputs = (
            q,
            k,
            v,
            None,
            generator.random() < 0.5,
            generator.choice([None, hides, torch.randn(queries, keys)]),
        )
        with torch.no_grad():
            output = layer(*inputs)
            weights = layer(*inputs[:4], True, inputs[5], False)[1]
        place = tuple(generator.randrange(side) for side in output[0].shape)
        row, query = place[:2] if first else place[1::-1]
        breakdown = explain_value(layer, inputs, output, place, name="it")
        assert (
            breakdown.recorded == output[0][place].item()
            and breakdown.cell == place
            and breakdown.layer == "it"
        )
        assert breakdown.difference == pytest.approx(0, abs=1e-5 * breakdown.size)
        assert all(part.agrees for part in every(breakdown))
        assert breakdown.result == pytest.approx(
            sum(head.result for head in breakdown.gates) + (breakdown.bias or 0.0)
        )
        for head, head_breakdown in enumerate(breakdown.gates):
            keys_of_head = [key for key in head_breakdown.gates if key.operation.startswith("key")]
            for key in keys_of_head:
                if key.steps:
                    (_, product), (_, added), (_, power), (_, share) = key.steps
                    assert product == key.terms[0].sum and share == key.result
                    assert added == pytest.approx(added_to(inputs[5], query, key.cell[-1]))
                    assert power == pytest.approx(
                        share / max(other.result for other in keys_of_head)
                    )
            shares = [key.result for key in keys_of_head]
            assert shares == pytest.approx(weights[row, head, query].tolist(), rel=1e-4, abs=1e-6)
            assert math.fsum(shares) == pytest.approx(1)
            assert [
                key.result for key in head_breakdown.gates[len(keys_of_head) :]
            ] == pytest.approx(head_breakdown.terms[0].values[:3].tolist())


def test_attention_worked_by_hand() -> None:
    layer = nn.MultiheadAttention(1, 1).eval()
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.tensor([[1.0], [1.0], [10.0]]))  # type: ignore[union-attr]
        layer.out_proj.weight.fill_(2.0)
        layer.out_proj.bias.fill_(0.5)
    x = torch.tensor([[0.0], [math.log(3)], [100.0]])
    inputs = (torch.ones(1, 1), x, x, torch.tensor([False, False, True]))
    breakdown = explain_value(layer, inputs, layer(*inputs), (0, 0))
    nothing, three, hidden, mixed = breakdown.gates[0].gates
    assert dict(three.steps) == pytest.approx(
        {
            "q · k / sqrt(d)": math.log(3),
            "mask": 0.0,
            "exp(score - maximum)": 1.0,
            "exp / sum": 0.75,
        }
    )
    assert nothing.result == pytest.approx(0.25)
    assert hidden.result == 0 and hidden.description == "masked"
    assert mixed.result == pytest.approx(7.5 * math.log(3))
    assert breakdown.result == pytest.approx(15 * math.log(3) + 0.5)
    assert [terms.source(0) for terms in (breakdown.terms[0], three.terms[0], mixed.terms[0])] == [
        "mixed[0, 0, 0]",
        "q[0, 0, 0]",
        "v[0, 0, 0]",
    ]


def test_attention_that_cannot_be_taken_apart_is_refused() -> None:
    layer, x = nn.MultiheadAttention(2, 1), torch.ones(3, 1, 2)
    with pytest.raises(CannotExplainError, match="gives other values"):
        explain_value(layer, (x, x, x), (torch.ones(3, 1, 2), None), (0, 0, 0))
    with pytest.raises(IndexError):
        explain_value(layer, (x, x, x), layer(x, x, x), (0, 1, 0))


def test_breakdown_of_packed_sequences_projections_and_relu() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 5, 2)
    packed = pack_padded_sequence(x, [2, 5, 3], batch_first=True, enforce_sorted=False)
    for layer in (
        nn.GRU(2, 3, batch_first=True),
        nn.LSTM(2, 4, batch_first=True, proj_size=3),
        nn.RNN(2, 3, nonlinearity="relu", batch_first=True),
    ):
        with torch.no_grad():
            output = layer(packed)
        for place in product(range(3), range(5), range(3)):
            assert explain_value(layer, (packed,), output, place).difference == pytest.approx(
                0, abs=THROUGH_TIME
            )


def test_the_lecture_s_forget_gate_by_hand() -> None:
    layer = nn.LSTM(2, 1, batch_first=True)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor([[0.0, 0.0], [1.0, -2.0], [0.0, 0.0], [0.0, 0.0]]))
        layer.weight_hh_l0.zero_()
        layer.bias_ih_l0.copy_(torch.tensor([0.0, 1.0, 0.0, 0.0]))
        layer.bias_hh_l0.zero_()
    x = torch.tensor([[[3.0, 0.5]]])
    f = explain_value(layer, (x,), layer(x), (0, 0, 0)).gates[1]
    assert f.operation == "gate f" and f.terms[0].products.tolist() == [3.0, -1.0]
    assert dict(f.steps) == {
        "from the input": 2.0,
        "from the state": 0.0,
        "bias": 1.0,
        "sum": 3.0,
        "sigmoid": f.result,
    }
    assert f.result == pytest.approx(1 / (1 + np.exp(-3.0)))


def test_a_wrong_record_is_noticed() -> None:
    layer, x = nn.Linear(3, 1), torch.ones(1, 3)
    real = layer(x)
    assert explain_value(layer, (x,), real, (0, 0)).agrees
    assert explain_value(layer, (x,), real + 1e-4, (0, 0)).agrees is False
    assert explain_value(layer, (x,), torch.full_like(real, torch.nan), (0, 0)).agrees is False


def test_what_no_opener_knows_is_refused() -> None:
    with pytest.raises(CannotExplainError, match="the layer PReLU is unknown"):
        explain_value(nn.PReLU(), (torch.ones(1),), torch.ones(1), (0,))
    with pytest.raises(CannotExplainError, match="depends on the whole batch"):
        explain_value(
            nn.BatchNorm1d(2, track_running_stats=False),
            (torch.ones(2, 2),),
            torch.ones(2, 2),
            (0, 0),
        )
    cell = nn.LSTM(2, 1)
    with pytest.raises(CannotExplainError, match="gives other states"):
        explain_value(cell, (torch.ones(3, 1, 2),), (torch.ones(3, 1, 1), None), (0, 0, 0))
    for place in ((0,), (0, 1), (0, -1), (0, 0, 0)):
        with pytest.raises(IndexError):
            explain_value(nn.Linear(1, 1), (torch.ones(1, 1),), torch.ones(1, 1), place)


def test_breakdown_as_json_contains_every_term() -> None:
    layer, x = nn.Linear(2, 1), torch.tensor([[1.0, 2.0]])
    content = explain_value(layer, (x,), layer(x), (0, 0), name="head").of_one_sample().to_json()
    assert content["index"] == [0] and content["layer"] == "head"
    assert [row["source"] for row in content["terms"]] == ["input[0]", "input[1]"]
    assert content["terms"][1]["running"] + content["bias"] == pytest.approx(content["result"])


def test_a_term_alone() -> None:
    alone = Breakdown("carried", "the same value", (0,), (term("input", (0,), 2.0),), None, (), 2.0)
    assert alone.agrees is None and alone.difference is None and alone.size == 2.0
