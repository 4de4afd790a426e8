"""Nets, compared with the same nets in plain torch with the same weights.

Recurrent nets are compared per sample, without padding.
"""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.errors import ShapeError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.recipes import all_recipes
from kissipo.process.layers.activation import Activation
from kissipo.process.nets import cnn, ffn, linear, playground, q_table, recurrent

ROW = TensorSpec("row", ("feature",), (6,))
CLASSES = TensorSpec("kind", ("class",), (4,))
TEXT = TensorSpec("text", ("time",), (7,), vocab_size=11, padded=True)
POOLS: dict[str, Any] = {
    "last": lambda h: h[-1],
    "max": lambda h: h.amax(0),
    "mean": lambda h: h.mean(0),
}


def assert_same_outputs(ours: nn.Module, plain: nn.Module, x: Tensor) -> None:
    """Copies the weights in the order of the layers and compares the outputs."""
    ours_state, plain_state = ours.state_dict(), plain.state_dict()
    assert [tensor.shape for tensor in ours_state.values()] == [
        tensor.shape for tensor in plain_state.values()
    ]
    plain.load_state_dict(dict(zip(plain_state, ours_state.values(), strict=True)))
    torch.testing.assert_close(ours.eval()(x), plain.eval()(x))


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias: bool) -> None:
    net = linear.build((ROW,), (CLASSES,), linear.Options(bias=bias))
    assert_same_outputs(net, nn.Linear(6, 4, bias=bias), torch.randn(5, 6))


def test_feed_forward() -> None:
    net = ffn.build((ROW,), (CLASSES,), ffn.Options(units=(8, 3), activation="gelu", dropout=0.3))
    plain = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 3), nn.GELU(), nn.Linear(3, 4))
    assert_same_outputs(net, plain, torch.randn(5, 6))


def test_cnn_of_the_lecture() -> None:
    """S13: 25 and 50 filters of 3x3, valid, pooling by 2: 28 -> 26 -> 13 -> 11 -> 5."""
    image = TensorSpec("image", ("channel", "height", "width"), (1, 28, 28))
    net = cnn.build((image,), (CLASSES,), cnn.Options((25, 50), padding="valid", units=(100,)))
    plain = nn.Sequential(
        *(nn.Conv2d(1, 25, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(25, 50, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(50 * 5 * 5, 100), nn.ReLU(), nn.Linear(100, 4)),
    )
    assert_same_outputs(net, plain, torch.randn(3, 1, 28, 28))


ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "identity": nn.Identity,
}


@pytest.mark.parametrize("name", get_args(Activation))
def test_cnn_pooling_before_activation_keeps_outputs_and_gradients(
    name: Activation,
) -> None:
    image = TensorSpec("image", ("channel", "height", "width"), (2, 9, 8))
    ours = cnn.build((image,), (CLASSES,), cnn.Options((5, 6), units=(), activation=name)).double()
    layer_class = ACTIVATIONS[name]
    plain = nn.Sequential(
        *(nn.Conv2d(2, 5, 3, padding=1), layer_class(), nn.MaxPool2d(2)),
        *(
            nn.Conv2d(5, 6, 3, padding=1),
            layer_class(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(6 * 2 * 2, 4),
        ),
    ).double()
    x = torch.randn(7, 2, 9, 8, dtype=torch.float64)
    assert_same_outputs(ours, plain, x)
    for net in (ours, plain):
        net(x).square().sum().backward()
    for own, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad)


def test_cnn_on_small_color_images() -> None:
    """There is no pooling where a side is 1: 5x4 -> 2x2 -> 1x1 -> 1x1."""
    image = TensorSpec("image", ("channel", "height", "width"), (3, 5, 4))
    net = cnn.build(
        (image,), (CLASSES,), cnn.Options((4, 5, 6), norm=True, units=(), activation="tanh")
    )
    for statistic in (tensor for name, tensor in net.state_dict().items() if "running" in name):
        statistic.uniform_(0.5, 2.0)
    blocks = [
        (nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.Tanh(), pool)
        for before, after, pool in (
            (3, 4, nn.MaxPool2d(2)),
            (4, 5, nn.MaxPool2d(2)),
            (5, 6, nn.Identity()),
        )
    ]
    plain = nn.Sequential(
        *(layer for block in blocks for layer in block), nn.Flatten(), nn.Linear(6, 4)
    )
    assert_same_outputs(net, plain, torch.randn(3, 3, 5, 4))


def test_cnn_without_flatten_has_one_output_per_point() -> None:
    """Linear layers at a point are filters of 1x1, without pooling and flatten."""
    board = TensorSpec("board", ("channel", "height", "width"), (1, 5, 4))
    options = cnn.Options((6, 7), pool_size=1, flatten=False, units=(8,), dropout=0.5)
    net = cnn.build((board,), (TensorSpec("point", ("class",), (20,)),), options)
    first, second = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 7, 3, padding=1)

    class AtEveryPoint(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolutions = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())
            self.wide, self.last = nn.Conv2d(7, 8, 1), nn.Conv2d(8, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            points = self.convolutions(x).permute(0, 2, 3, 1)
            hidden = functional.linear(points, self.wide.weight[:, :, 0, 0], self.wide.bias).relu()
            return functional.linear(hidden, self.last.weight[:, :, 0, 0], self.last.bias).flatten(
                1
            )

    assert_same_outputs(net, AtEveryPoint(), torch.randn(3, 1, 5, 4))


@pytest.mark.parametrize("words", [{"pool_size": 2}, {"pool_size": 1, "padding": "valid"}])
def test_cnn_without_flatten_refuses_a_smaller_map(words: Any) -> None:
    board = TensorSpec("board", ("channel", "height", "width"), (1, 8, 8))
    with pytest.raises(
        ShapeError,
        match=(
            r"with flatten: false has one output for each of \dx\d points; got output step "
            r"'point'"
        ),
    ) as error:
        cnn.build(
            (board,),
            (TensorSpec("point", ("class",), (64,)),),
            cnn.Options((6,), flatten=False, **words),
        )
    assert "Set process.flatten=true; or, for a target with one number per point" in str(
        error.value
    )


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("cell", "plain"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_recurrent_net_ignores_padding(
    cell: Any, plain: Any, bidirectional: bool, pool: Any
) -> None:
    torch.manual_seed(0)
    options = recurrent.Options(
        cell=cell, units=5, num_layers=2, bidirectional=bidirectional, pooling=pool, embedding_dim=3
    )
    net: Any = recurrent.build((ROW, TEXT), (CLASSES,), options).eval()
    by_torch = plain(3, 5, 2, batch_first=True, bidirectional=bidirectional)
    by_torch.load_state_dict(net.cell.state_dict())
    lengths = [7, 1, 4, 2]
    ids = torch.randint(1, 11, (4, 7))
    for row, length in enumerate(lengths):
        ids[row, length:] = 0
    rows = torch.randn(4, 6)
    with torch.no_grad():
        for output, row, text, length in zip(net(rows, ids), rows, ids, lengths, strict=True):
            states = by_torch(net.embedding(text[None, :length]))[0][0]
            features = torch.cat([POOLS[pool](states), row])
            torch.testing.assert_close(output, net.head(features[None])[0])


def test_recurrent_net_of_an_empty_text_uses_other_inputs() -> None:
    net: Any = recurrent.build((TEXT, ROW), (CLASSES,), recurrent.Options(units=5)).eval()
    row = torch.randn(1, 6)
    expected = net.head(torch.cat([torch.zeros(1, 5), row], dim=1))
    torch.testing.assert_close(net(torch.zeros(1, 7, dtype=torch.long), row), expected)


def test_lstm_forget_gate_bias_starts_at_one() -> None:
    net: Any = recurrent.build(
        (TEXT,),
        (CLASSES,),
        recurrent.Options(cell="lstm", units=5, num_layers=2, bidirectional=True),
    )
    biases = dict(net.cell.named_parameters())
    for end in ("l0", "l1", "l0_reverse", "l1_reverse"):
        assert (biases[f"bias_ih_{end}"] + biases[f"bias_hh_{end}"])[5:10].tolist() == [1.0] * 5


def test_q_table_lookup() -> None:
    state, action = (
        TensorSpec("state", (), (), vocab_size=3),
        TensorSpec("action", ("action",), (2,)),
    )
    net: Any = q_table.build((state,), (action,), q_table.Options(initial_q=0.5))
    assert net.weight.tolist() == [[0.5, 0.5]] * 3
    net.weight.data[2] = torch.tensor([7.0, -1.0])
    assert net(torch.tensor([2, 0])).tolist() == [[7.0, -1.0], [0.5, 0.5]]


def specs(*surfaces: str) -> tuple[TensorSpec, ...]:
    return (
        TensorSpec("surface", (), (), vocab_size=len(surfaces), labels=surfaces),
        TensorSpec("optimizer", (), (), vocab_size=1, labels=("sgd",)),
        TensorSpec("start", ("place",), (3,)),
    )


def test_playground_returns_the_heights_of_its_points() -> None:
    net: Any = playground.build(specs("bowl", "saddle"), (), playground.Options(num_points=3))
    for point, position in zip(
        net.points, ([2.0, 1.0, 0.0], [0.0, 2**0.5, 0.0], [1.0, 0.0, 0.0]), strict=True
    ):
        point.data = torch.tensor(position)
    heights = net(torch.tensor([0, 1, 0]), torch.zeros(3, dtype=torch.long), torch.zeros(3, 3))
    assert heights.flatten().tolist() == pytest.approx([4.0, -0.5, 0.5], abs=1e-6)


def test_playground_error_lists_the_surfaces() -> None:
    with pytest.raises(ShapeError, match=r"has no surface 'moon'.*bowl, saddle, valleys, lagrange"):
        playground.build(specs("moon"), (), playground.Options())


def test_recurrent_net_gradients_equal_with_and_without_a_table() -> None:
    text = TensorSpec("text", ("time",), (20,), vocab_size=5, padded=True)
    net = recurrent.build((text,), (CLASSES,), recurrent.Options(embedding_dim=32, units=10))
    x = torch.randint(1, 5, (8, 20))
    for row, length in enumerate((20, 20, 17, 9, 5, 2, 1, 0)):
        x[row, length:] = 0

    def gradients(kernel: str) -> list[Tensor]:
        net.cell.kernel = kernel
        return list(torch.autograd.grad(net.train()(x).pow(2).sum(), list(net.parameters())))

    fused, expected = gradients("auto"), gradients("torch")
    assert net.cell.takes_ids(5, x.numel())
    torch.testing.assert_close(fused, expected)


def test_spam_net_of_the_lecture_by_weight_count() -> None:
    """S26: 145,960 + 2,160 + 16 = 148,136; torch's second bias per gate adds 60."""
    message = TensorSpec("message", ("time",), (162,), vocab_size=7298, padded=True)
    words = dict(all_recipes())["spam"].task.process
    options = recurrent.Options(
        cell=words["cell"],
        embedding_dim=words["embedding_dim"],
        units=words["units"],
        pooling=words["pooling"],
    )
    net = recurrent.build((message,), (TensorSpec("kind", ("class",), (1,)),), options)
    counts = {name: weight.numel() for name, weight in net.named_parameters()}
    assert counts["embedding.weight"] == 145_960
    assert sum(count for name, count in counts.items() if "cell" in name) == 2_160 + 60
    assert sum(counts.values()) == 148_136 + 60
    assert sum(count for name, count in counts.items() if "head" in name) == 16


def test_bilstm_equals_a_bidirectional_lstm() -> None:
    text = TensorSpec("text", ("time",), (7,), vocab_size=11, padded=True)
    one = recurrent.build((text,), (CLASSES,), recurrent.Options(cell="bilstm", units=5))
    other = recurrent.build(
        (text,), (CLASSES,), recurrent.Options(cell="lstm", bidirectional=True, units=5)
    )
    other.load_state_dict(one.state_dict())
    x = torch.randint(1, 11, (4, 7))
    torch.testing.assert_close(one.eval()(x), other.eval()(x))
