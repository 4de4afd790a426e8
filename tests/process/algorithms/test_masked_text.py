"""Masked text: its loss and gradients equal torch's, its masks depend on the step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional

from kissipo.codec.word_pieces import SPECIAL, WordPieces, vocabulary_from
from kissipo.core.batch import Batch
from kissipo.core.errors import TaskError
from kissipo.core.frame import Frame, strings
from kissipo.output.masked_text import MaskedText as Answer
from kissipo.process.algorithms.masked_text import MaskedText, Options
from kissipo.process.losses import masked_cross_entropy
from kissipo.process.nets import bert

pytestmark = pytest.mark.usefixtures("one_thread")
LENGTH, ROWS = 12, 7
TEXTS = ["a b c d e f g h i j k l m n o p q r s t u v w x y z"] * 2


def answer(**words: Any) -> Answer:
    model = vocabulary_from(lambda: TEXTS, 64, lowercase=True)
    codec = WordPieces(("text",), length=LENGTH, model=model)
    return Answer(codec.fit(Frame((strings("text", TEXTS),))), **words)


def algorithm(evaluated: Answer, **options: Any) -> tuple[MaskedText, Any]:
    torch.manual_seed(4)
    outputs = (evaluated.spec, *evaluated.further_specs)
    sizes = bert.Options(num_layers=1, units=8, num_heads=2, dropout=0.0)
    net: Any = bert.build((evaluated.codec.spec,), outputs, sizes)
    options = {"optimizer": "adamw", "learning_rate": 1e-2, **options}
    trained = MaskedText(net, (masked_cross_entropy.loss,), Options(**options), total_steps=20)
    trained.begin(Texts(evaluated))
    return trained, net


class Texts:
    """Random texts of different lengths, with the labels of pairs in their targets."""

    def __init__(self, evaluated: Answer) -> None:
        generator = torch.Generator().manual_seed(2)
        size = evaluated.spec.shape[1]
        self.ids = torch.randint(5, size, (ROWS, LENGTH), generator=generator)
        for row in range(ROWS):
            self.ids[row, 0], self.ids[row, 2], self.ids[row, 4 + row] = 2, 3, 3
            self.ids[row, 5 + row :] = 0
        self.targets = self.ids.clone()
        self.targets[:, 0] = torch.arange(ROWS) % 2 + 1 if evaluated.next_sentence else 0

    def __len__(self) -> int:
        return ROWS

    def batch(self, index: Any) -> Batch:
        return Batch((self.ids[index],), (self.targets[index],))


def plain_loss(net: Any, batch: Batch, *, pairs: bool) -> torch.Tensor:
    """The loss from the logits of all pieces."""
    (ids,), (targets,) = batch.inputs, batch.targets
    logits = net(ids)
    losses = []
    for row in range(len(ids)):
        places = [place for place in range(1, ids.shape[1]) if targets[row, place] > 0]
        losses.append(functional.cross_entropy(logits[row, places], targets[row, places]))
    loss = torch.stack(losses).mean()
    if pairs:
        _, (follows,) = net.with_auxiliary(ids)
        loss = loss + functional.cross_entropy(follows, targets[:, 0] - 1)
    return loss


@pytest.mark.parametrize("pairs", [True, False])
def test_loss_and_gradients_equal_those_of_all_logits(pairs: bool) -> None:
    evaluated = answer(next_sentence=pairs)
    trained, net = algorithm(evaluated)
    batch = trained.masked(Texts(evaluated).batch(slice(None)))
    gradients = []
    for loss in (trained._losses(batch)[1], plain_loss(net, batch, pairs=pairs)):
        net.zero_grad()
        loss.backward()
        gradients.append([loss.detach(), *(w.grad.clone() for w in net.parameters())])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("pairs", [True, False])
def test_validation_loss_of_the_scores_is_that_of_the_logits(pairs: bool) -> None:
    evaluated = answer(next_sentence=pairs)
    trained, net = algorithm(evaluated)
    batch = trained.masked(Texts(evaluated).batch(slice(None)))
    net.eval()
    scores = evaluated.targeted(net, batch)
    expected = plain_loss(net, batch, pairs=pairs)
    torch.testing.assert_close(trained.validation_loss(scores, batch), expected)
    logits = net(*batch.inputs)
    assert trained.loss(logits, batch.targets).item() == pytest.approx(
        plain_loss(net, batch, pairs=False).item(), rel=1e-5
    )


def test_targeted_scores_equal_those_of_all_logits() -> None:
    evaluated = answer()
    trained, net = algorithm(evaluated)
    batch = trained.masked(Texts(evaluated).batch(slice(None)))
    net.eval()
    scores, (targets,) = evaluated.targeted(net, batch), batch.targets
    p = net(*batch.inputs).double().softmax(dim=-1)
    follows = net.with_auxiliary(*batch.inputs)[1][0].double().softmax(dim=-1)
    for row in range(ROWS):
        q = follows[row]
        label = int(targets[row, 0]) - 1
        assert scores[row, 0, 0, 0].item() == pytest.approx(q[label].log().item(), rel=1e-4)
        assert scores[row, 0, 0, 1] == int(q[label] < q[1 - label])
        for place in range(1, targets.shape[1]):
            truth = int(targets[row, place])
            if not truth:
                assert not scores[row, place].any()
                continue
            of_piece, order = p[row, place], p[row, place].argsort(descending=True)
            right, rank = scores[row, place, 0].tolist()
            assert right == pytest.approx(of_piece[truth].log().item(), rel=1e-4)
            assert rank == order.tolist().index(truth)
            assert scores[row, place, 1:, 0].tolist() == order[:5].tolist()
            torch.testing.assert_close(scores[row, place, 1:, 1].double(), of_piece[order[:5]])


def test_metrics_are_those_counted_by_hand() -> None:
    evaluated = answer()
    scores = torch.zeros(2, LENGTH, 6, 2)
    truth = torch.zeros(2, LENGTH, dtype=torch.long)
    truth[0, [0, 3, 4]], truth[1, [0, 5]] = torch.tensor([2, 9, 8]), torch.tensor([1, 7])
    scores[0, 0, 0], scores[1, 0, 0] = torch.tensor([-0.5, 0.0]), torch.tensor([-2.0, 1.0])
    scores[0, 3, 0], scores[0, 4, 0] = torch.tensor([-1.0, 0.0]), torch.tensor([-3.0, 4.0])
    scores[1, 5, 0] = torch.tensor([-5.0, 5.0])
    evaluation = evaluated.evaluate(scores.numpy(), truth.numpy())
    assert evaluation.metrics == pytest.approx(
        {
            "masked_accuracy": 1 / 3,
            "masked_top_5": 2 / 3,
            "nll": 3.0,
            "next_sentence_accuracy": 0.5,
        }
    )
    assert evaluation.per_sample is not None and evaluation.per_sample.tolist() == [0.5, 0.0]


def test_masks_are_a_function_of_seed_and_step() -> None:
    evaluated = answer()
    batch = Texts(evaluated).batch(slice(None))
    one, other = (algorithm(evaluated)[0] for _ in range(2))
    assert torch.equal(one.masked(batch).inputs[0], other.masked(batch).inputs[0])
    before = one.masked(batch).inputs[0]
    one.step(batch)
    assert not torch.equal(one.masked(batch).inputs[0], before)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.masked(batch).inputs[0], other.masked(batch).inputs[0])
    other.seed = 8
    assert not torch.equal(one.masked(batch).inputs[0], other.masked(batch).inputs[0])


def test_masked_batch_keeps_special_pieces_and_labels() -> None:
    evaluated = answer()
    trained, _ = algorithm(evaluated, mask_probability=0.9)
    texts = Texts(evaluated)
    masked = trained.masked(texts.batch(slice(None)))
    (read,), (targets,) = masked.inputs, masked.targets
    width = read.shape[1]
    is_special = texts.ids[:, :width] < len(SPECIAL)
    assert torch.equal(read[is_special], texts.ids[:, :width][is_special])
    assert torch.equal(targets[:, 0], texts.targets[:, 0])
    rest = targets[:, 1:]
    assert torch.equal(rest[rest > 0], texts.ids[:, 1:width][rest > 0])
    assert not rest[is_special[:, 1:]].any()


def test_accumulated_gradients_are_those_of_the_batch() -> None:
    evaluated = answer(next_sentence=False)
    batch = Texts(evaluated).batch(slice(None))
    weights = []
    for parts in (1, 3):
        trained, net = algorithm(evaluated, gradient_accumulation_steps=parts, optimizer="sgd")
        trained.step(batch)
        weights.append([weight.detach().clone() for weight in net.parameters()])
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-7)


def test_guesses_of_one_text_are_followed() -> None:
    evaluated = answer()
    trained, net = algorithm(evaluated)
    texts = Texts(evaluated)
    for _ in range(20):
        trained.step(texts.batch(slice(None)))
    inside = trained.details()["masked_text"]
    assert [item["step"] for item in inside["history"]] == [
        0,
        1,
        2,
        4,
        6,
        8,
        10,
        12,
        14,
        16,
        18,
        20,
    ]
    last = inside["history"][-1]
    net.eval()
    p = net(torch.tensor([inside["hidden"]]))[0, inside["places"]].softmax(dim=-1)
    right = [inside["ids"][place] for place in inside["places"]]
    assert last["truth"] == pytest.approx(p[range(len(right)), right].tolist(), rel=1e-4)
    assert [pair[0] for pair in last["guesses"][0]] == p[0].topk(5).indices.tolist()


@pytest.mark.parametrize("name", ["mixup", "label_smoothing"])
def test_options_without_meaning_are_refused(name: str) -> None:
    with pytest.raises(TaskError, match=f"process.{name} does not suit"):
        algorithm(answer(), **{name: 0.1})


def test_other_nets_are_refused() -> None:
    evaluated = answer()
    net = bert.build((evaluated.codec.spec,), (replace(evaluated.spec, labels=()),), bert.Options())
    with pytest.raises(TaskError, match="learns masked pieces"):
        MaskedText(net, (masked_cross_entropy.loss,), Options(), total_steps=1)
