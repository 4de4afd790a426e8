"""Tests of convolution windows.

Feature maps equal those of torch and scipy, sizes equal those of torch, and the
receptive field is where the gradient is not zero.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch import nn
from torch.nn import functional

from kissipo.inspect.conv_windows import (
    feature_map,
    max_pooling,
    receptive_field,
    windows,
    zeros_around,
)

CASES = list(product((1, 2, 3), ("valid", "same"), ((1, 6, 6), (3, 7, 9)), (1, 2, 3, 5)))


@pytest.mark.parametrize(("stride", "padding", "shape", "side"), CASES)
def test_a_map_is_what_torch_and_scipy_give(
    stride: int, padding: Any, shape: tuple[int, ...], side: int
) -> None:
    generator = np.random.default_rng(0)
    image, weights = generator.normal(size=shape), generator.normal(size=(shape[0], side, side))
    places = windows(image, weights, stride=stride, padding=padding)
    (top, bottom), (left, right) = (
        zeros_around(length, side, stride, padding) for length in shape[1:]
    )
    around = functional.pad(torch.from_numpy(image), (left, right, top, bottom))[None]
    expected = functional.conv2d(around, torch.from_numpy(weights)[None], stride=stride)[0, 0]
    np.testing.assert_allclose(feature_map(places), expected, atol=1e-12)
    if padding == "same":
        assert expected.shape == tuple(-(-length // stride) for length in shape[1:])
    if stride == 1 and (
        padding == "valid" or side % 2
    ):  # scipy puts the zero that is left over on the other side
        channels = [correlate2d(x, w, mode=padding) for x, w in zip(image, weights, strict=True)]
        np.testing.assert_allclose(feature_map(places), np.sum(channels, axis=0), atol=1e-12)
    for window in places:
        assert window.products == pytest.approx(window.patch * weights)
        assert window.sum == pytest.approx(window.products.sum())


@pytest.mark.parametrize("side", [1, 2, 3])
def test_pooling_is_that_of_torch(side: int) -> None:
    answers = np.random.default_rng(1).normal(size=(7, 8))
    expected = functional.max_pool2d(torch.from_numpy(answers)[None], side)[0]
    np.testing.assert_array_equal(max_pooling(answers, side), expected)


@pytest.mark.parametrize(
    "layers", [[(3, 1)], [(3, 1)] * 3, [(7, 1)], [(3, 2), (3, 1)], [(2, 2), (5, 1), (3, 2)]]
)
def test_an_answer_sees_what_its_gradient_reaches(layers: list[tuple[int, int]]) -> None:
    net = nn.Sequential(
        *(nn.Conv1d(1, 1, side, stride, bias=False) for side, stride in layers)
    ).double()
    for layer in net:
        nn.init.ones_(layer.weight)  # type: ignore[arg-type]
    image = torch.zeros(1, 1, 64, dtype=torch.float64, requires_grad=True)
    net(image)[0, 0, 3].backward()
    assert image.grad is not None
    assert receptive_field(layers) == int((image.grad != 0).sum())
