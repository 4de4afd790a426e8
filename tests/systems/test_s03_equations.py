"""S03: a perceptron solves two linear equations: its weights are the unknowns."""

from __future__ import annotations

import numpy as np
import pytest

import kissipo as ki
from kissipo.cli.main import main


def test_the_weights_are_1_and_two_and_a_half(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "equations", "--out", "run"]) == 0
    out = capsys.readouterr().out
    run = ki.open("run")
    (weights,) = run.net.parameters()
    np.testing.assert_allclose(weights.detach().numpy(), [[1.0, 2.5]], atol=2e-3)
    np.testing.assert_allclose(np.linalg.solve([[5, 2], [1, 4]], [10, 11]), [1.0, 2.5])
    assert run.evaluate()[0]["rmse"] < 1e-2
    assert "a = 1" in out and "b = 2.5" in out
