"""S04: the chain rule of every weight, compared with autograd and the formulas."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main

Out = pytest.CaptureFixture[str]


def test_every_factor_is_printed_and_every_product_is_what_autograd_says(capsys: Out) -> None:
    assert main(["show", "backprop", "--json"]) == 0
    chains = json.loads(capsys.readouterr().out)["chains"]
    assert len(chains) == 4 + 4 + 2  # 2-2-2-1, no constants
    for chain in chains:
        product = float(np.prod([factor["value"] for factor in chain["factors"]]))
        assert product == pytest.approx(chain["product"], rel=1e-9)
        assert chain["product"] == pytest.approx(chain["autograd"], rel=1e-6)
    assert main(["show", "backprop"]) == 0
    out = capsys.readouterr().out
    for chain in chains:
        assert re.search(
            rf"{re.escape(chain['weight'])}.*{chain['product']:.9f} +{chain['autograd']:.9f}", out
        )
        rest = " ".join(
            re.sub(rf"{chain['product']:.9f} +{chain['autograd']:.9f}", "", out).split()
        )
        assert (
            f"{chain['weight']} "
            + " · ".join(f"{factor['name']} {factor['value']:.6g}" for factor in chain["factors"])
            in rest
        )


def test_the_first_weight_by_the_formula_of_the_lecture(capsys: Out) -> None:
    """dL/dw1[1,1] = (y' - y) · [sum of w3 f'(z2) w2] · f'(z1) · x, in numpy."""
    run = ki.load("backprop").fit(epochs=3)
    w1, w2, w3 = (weight.detach().double().numpy() for weight in run.net.parameters())
    frame = run.pipeline().frame
    x = np.array([frame[name].values[0] for name in frame.names[:-1]])
    y = frame[frame.names[-1]].values[0]
    f = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    a1 = f(w1 @ x)
    a2 = f(w2 @ a1)
    back = sum(w3[0, k] * a2[k] * (1 - a2[k]) * w2[k, 0] for k in range(2))
    expected = (w3 @ a2 - y)[0] * back * a1[0] * (1 - a1[0]) * x[0]
    chain = run.trace().chains[0]
    assert chain.weight == "w1[1,1]"
    assert chain.product == pytest.approx(expected, rel=1e-5)
