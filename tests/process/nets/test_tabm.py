"""TabM equals the mean of nets that are computed by hand, and trains each of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kissipo.core.batch import Batch
from kissipo.core.errors import ShapeError
from kissipo.core.inferred_option import DataFacts
from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.breakdown.explain_value import explain_value
from kissipo.process.algorithms.supervised import Options as Training
from kissipo.process.algorithms.supervised import Supervised
from kissipo.process.loss_object import LossObject
from kissipo.process.losses import sparse_categorical_cross_entropy
from kissipo.process.nets import tabm

ROW = TensorSpec("row", ("feature",), (5,))
KIND = TensorSpec("kind", ("class",), (3,))
NUMBER = TensorSpec("price", ("answer",), (1,))
LABELS = TensorSpec("tags", ("label",), (3,))
X = torch.linspace(-1, 2, 20).reshape(4, 5).sin()


def build(output: TensorSpec, **words: object) -> tabm.TabM:
    torch.manual_seed(0)
    options = tabm.Options(units=(6, 4), num_members=3, **words)  # type: ignore[arg-type]
    net = tabm.build((ROW,), (output,), options).eval()
    assert isinstance(net, tabm.TabM)
    for name, weight in net.named_parameters():
        if "scale" in name and not name.endswith("1.0.scale"):  # all but the first start at 1
            nn.init.normal_(weight, 1.0, 0.3)
    return net


def by_hand(net: tabm.TabM, member: int) -> np.ndarray:
    """Returns the outputs of one member, with numpy."""
    state = {name: value.numpy() for name, value in net.members.state_dict().items()}
    hidden = X.numpy()
    for layer in ("1", "4"):  # relu and dropout stand between them
        hidden = (hidden * state[f"{layer}.0.scale"][member]) @ state[f"{layer}.1.weight"].T
        hidden = hidden * state[f"{layer}.2.scale"][member] + state[f"{layer}.3.bias"][member]
        hidden = np.maximum(hidden, 0)
    return np.asarray(hidden @ state["7.weight"][member].T + state["7.bias"][member])


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))


@pytest.mark.parametrize("output", [KIND, NUMBER, LABELS], ids=lambda spec: spec.axes[0])
def test_output_is_the_mean_of_members_computed_by_hand(output: TensorSpec) -> None:
    net = build(output)
    members = [by_hand(net, member) for member in range(3)]
    with torch.no_grad():
        mean, auxiliary = net.with_auxiliary(X)
        assert torch.equal(mean, net(X))
    for ours, expected in zip(auxiliary, members, strict=True):
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-5)
    if output is KIND:
        expected = np.mean([softmax(values) for values in members], axis=0)
        np.testing.assert_allclose(softmax(mean.numpy()), expected, atol=1e-5)
    elif output is LABELS:
        expected = np.mean([sigmoid(values) for values in members], axis=0)
        np.testing.assert_allclose(sigmoid(mean.numpy()), expected, atol=1e-5)
    else:
        np.testing.assert_allclose(mean.numpy(), np.mean(members, axis=0), atol=1e-5)


def test_first_scales_are_signs_and_the_others_are_one() -> None:
    torch.manual_seed(0)
    net = tabm.build((ROW,), (KIND,), tabm.Options(units=(6, 4), num_members=8))
    scales = [weight for name, weight in net.named_parameters() if name.endswith("scale")]
    assert [tuple(scale.shape) for scale in scales] == [(8, 5), (8, 6), (8, 6), (8, 4)]
    assert set(scales[0].flatten().tolist()) == {-1.0, 1.0}
    assert len({tuple(row) for row in scales[0].tolist()}) > 4
    assert all(bool((scale == 1).all()) for scale in scales[1:])


def test_each_member_has_a_loss_of_its_own_in_training() -> None:
    net = build(KIND)
    targets = torch.tensor([0, 2, 1, 2])
    algorithm = Supervised(net, (cross_entropy,), Training(optimizer="sgd"), total_steps=1)
    algorithm.begin([])  # type: ignore[arg-type]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    reported = algorithm.step(Batch((X,), (targets,)))["loss"]
    steps = {name: before[name] - value for name, value in net.state_dict().items()}
    net.load_state_dict(before)
    outputs: Tensor = net.members(net.join(X))
    total = cross_entropy(net(X), targets)
    assert float(reported) == pytest.approx(float(total.detach()))
    total = total + sum(0.3 * cross_entropy(outputs[:, member], targets) for member in range(3))
    total.backward()
    rate = algorithm.learning_rate
    for name, weight in net.named_parameters():
        torch.testing.assert_close(steps[name], rate * weight.grad, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("words", [{}, {"label_smoothing": 0.1}, {"mixup": 0.3}])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_computed_at_once_equal_those_of_one_member_after_another(
    words: dict[str, float], weighted: bool
) -> None:
    """Members in a tuple are trained with one loss after another."""

    class OneByOne(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = build(KIND)

        def with_auxiliary(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            mean, members = self.net.with_auxiliary(x)
            return mean, tuple(members)

    weights = torch.tensor([0.5, 2.0, 1.0, 0.0]) if weighted and "mixup" not in words else None
    batch = Batch((X,), (torch.tensor([0, 2, 1, 2]),), weights)
    options = Training(optimizer="sgd", clip_norm=0.1, **words)  # type: ignore[arg-type]
    together, one_by_one = build(KIND), OneByOne()
    for net in (together, one_by_one):
        loss = sparse_categorical_cross_entropy.loss
        algorithm = Supervised(net, (loss,), options, total_steps=1)
        algorithm.begin([])  # type: ignore[arg-type]
        torch.manual_seed(0)  # of mixup
        algorithm.step(batch)
    for name, weight in one_by_one.net.state_dict().items():
        torch.testing.assert_close(together.state_dict()[name], weight, rtol=1e-5, atol=1e-7)


def test_loss_of_the_user_is_called_for_one_member_after_another() -> None:
    """It may do what cannot be computed for all at once, such as to read a number."""
    shapes = []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        shapes.append(tuple(outputs.shape))
        is_zero = not float(outputs.detach().sum())
        return cross_entropy(outputs, targets) * (2.0 if is_zero else 1.0)

    algorithm = Supervised(build(KIND), (LossObject(loss),), Training(), total_steps=1)
    algorithm.begin([])  # type: ignore[arg-type]
    algorithm.step(Batch((X,), (torch.tensor([0, 2, 1, 2]),)))
    assert shapes == [(4, 3)] * 4  # the mean, and three members


def test_breakdown_of_every_layer_agrees() -> None:
    net = build(KIND)
    values = {}
    for name, layer in net.named_modules():
        if hasattr(layer, "explain"):
            layer.register_forward_hook(
                lambda layer, inputs, output, name=name: values.update({name: (inputs, output)})
            )
    net(X)
    layers = dict(net.named_modules())
    parts = [name for name in values if name.startswith("members.")]
    assert len(parts) == 8  # two scales and a bias per layer, the copies and the heads
    for name in parts:
        inputs, output = values[name]
        index = (1, 2, output.shape[2] - 1)
        assert explain_value(layers[name], inputs, output, index).agrees, name


def test_several_outputs_are_refused() -> None:
    with pytest.raises(ShapeError, match="process step 'tabm' has one answer"):
        tabm.build((ROW,), (KIND, NUMBER), tabm.Options())


@pytest.mark.parametrize(
    ("inputs", "count"),
    [
        ((ROW,), 1),
        ((ROW, TensorSpec("city", (), (), vocab_size=300)), 1),
        ((ROW, TensorSpec("text", ("time",), (9,), vocab_size=30, unit="words")), 0),
        ((TensorSpec("image", ("channel", "height", "width"), (1, 8, 8)),), 0),
    ],
    ids=["numbers", "large category", "text", "image"],
)
def test_candidate_is_for_tables(inputs: tuple[TensorSpec, ...], count: int) -> None:
    facts = DataFacts(inputs, (KIND,), 99, False, ("",), ("category",), None, {})
    assert len(tabm.candidates(facts)) == count


def test_recommendation_is_no_table() -> None:
    ids = tuple(TensorSpec(name, (), (), vocab_size=40) for name in ("user", "film"))
    facts = DataFacts(ids, (NUMBER,), 99, False, ("mean_squared_error",), ("rating",), None, {})
    assert not tabm.candidates(facts)
