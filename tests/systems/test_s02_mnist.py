"""S02 with the lecture's net on the 60,000 digits of MNIST.

The net: flatten, 128 relu, dropout 0.2, 10 softmax; Adam; 5 epochs.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from torch import nn

import kissipo as ki
from kissipo.cli.main import main

pytestmark = pytest.mark.slow


def test_the_lectures_net_is_right_for_97_5_percent_after_5_epochs(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "mnist", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    answer = result["answers"][0]
    assert result["epochs"] == 5
    assert answer["metrics"]["accuracy"] >= 0.975
    assert answer["metrics"]["accuracy"] > max(
        values["accuracy"] for values in answer["baselines"].values()
    )
    assert sum(map(sum, answer["details"]["confusion"])) == 10_000
    run = ki.open(result["run"])
    layers = [layer for layer in run.net.modules() if not list(layer.children())]
    assert [type(layer) for layer in layers] == [
        nn.Flatten,
        nn.Linear,
        nn.ReLU,
        nn.Dropout,
        nn.Linear,
    ]
    assert run.trace().parameters == 784 * 128 + 128 + 128 * 10 + 10 == 101_770
