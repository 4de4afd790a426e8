"""Generation: the draw follows softmax(logits / temperature); steps carry the state."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kissipo.core.errors import TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.engine.generate import draw, generate_tokens
from kissipo.process.nets import recurrent

LOGITS = torch.tensor([0.0, 2.0, 1.0, -1.0])


def shares(**words: object) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    drawn = [
        draw(LOGITS, generator=generator, **words)  # type: ignore[arg-type]
        for _ in range(20_000)
    ]
    return torch.bincount(torch.tensor(drawn), minlength=4) / len(drawn)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draw_follows_the_softmax(temperature: float) -> None:
    expected = (LOGITS / temperature).softmax(0)
    spread = (expected * (1 - expected) / 20_000).sqrt()
    assert bool(((shares(temperature=temperature, top_k=None) - expected).abs() < 4 * spread).all())


def test_top_k_limits_the_draw_and_temperature_0_is_argmax() -> None:
    result = shares(temperature=1.0, top_k=2)
    assert result[0] == result[3] == 0
    assert float(result[1]) == pytest.approx(float(LOGITS[1:3].softmax(0)[0]), abs=0.015)
    assert shares(temperature=0, top_k=None).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_generate_tokens_equals_rereading_the_whole_text(cell: str) -> None:
    text, answer = (
        TensorSpec("text", ("time",), (4,), vocab_size=9),
        TensorSpec("next", ("time", "class"), (4, 9)),
    )
    options = recurrent.Options(
        cell=cell,  # type: ignore[arg-type]
        embedding_dim=5,
        units=16,
        num_layers=2,
    )
    torch.manual_seed(1)
    net = recurrent.build((text,), (answer,), options).eval()
    start = torch.tensor([3, 1, 4])
    tokens = list(
        generate_tokens(
            net, start, length=20, temperature=0, generator=torch.Generator(), never=(0,)
        )
    )
    ids = start.tolist()
    for _ in range(20):
        logits = net(torch.tensor([ids]))[0, -1].detach()
        ids.append(1 + int(logits[1:].argmax()))
    assert tokens == ids[3:]


@pytest.mark.parametrize(
    "words",
    [
        {"length": 0},
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": 0},
    ],
)
def test_generate_tokens_refuses_values_out_of_range(words: dict[str, float]) -> None:
    settings: dict[str, Any] = {"length": 5, **words}
    start, generator = torch.tensor([1]), torch.Generator()
    with pytest.raises(TaskError, match=f"^{next(iter(words))} (is the number|scales)"):
        next(generate_tokens(None, start, generator=generator, **settings))
