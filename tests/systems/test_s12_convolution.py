"""S12: convolution explained; each sum is compared with torch and scipy."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d
from torch.nn import functional

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import TaskError
from kissipo.inspect.explanation import Explanation
from kissipo.lessons.convolution import FILTER_1, FILTER_2, IMAGE

Out = pytest.CaptureFixture[str]
BY_HAND = [[3, -1, -3, -1], [-3, 1, 0, -3], [-3, -3, 0, 1], [3, -2, -2, -1]]


def page(title: str, **words: Any) -> Explanation:
    (explanation,) = [
        item
        for item in ki.load("convolution", words=words).show().explanation
        if item.title == title
    ]
    return explanation


def figures(title: str, **words: Any) -> dict[str, Any]:
    return {figure.name: figure.values for figure in page(title, **words).figures}


def test_the_first_map_is_the_one_worked_by_hand() -> None:
    assert figures("The feature maps")["filter 1"].tolist() == BY_HAND
    assert figures("Max-pooling")["filter 1"].tolist() == [[3, 0], [3, 1]]


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_both_maps_are_what_scipy_and_torch_give(padding: Any) -> None:
    maps = figures("The feature maps", padding=padding)
    image = torch.tensor(IMAGE, dtype=torch.float64)[None, None]
    for name, weights in (("filter 1", FILTER_1), ("filter 2", FILTER_2)):
        assert np.array_equal(maps[name], correlate2d(IMAGE, weights, mode=padding))
        expected = functional.conv2d(
            image, torch.tensor(weights, dtype=torch.float64)[None, None], padding=padding
        )
        assert np.array_equal(maps[name], expected[0, 0])


def test_stride_two_takes_every_second_answer() -> None:
    assert figures("The feature maps", stride=2)["filter 1"].tolist() == [[3, -3], [-3, 0]]
    assert figures("The feature maps", stride=2, padding="same")["filter 2"].shape == (3, 3)
    assert [row[-1] for row in page("Stride and padding").rows] == [4, 2, 6, 3]


def test_the_color_image_sums_over_its_channels() -> None:
    values = figures("Several channels")
    image = torch.from_numpy(np.stack([values[name] for name in ("red", "green", "blue")]))[None]
    weights = torch.tensor([FILTER_1, FILTER_2, FILTER_1], dtype=torch.float64)[None]
    assert np.array_equal(values["map"], functional.conv2d(image, weights)[0, 0])
    for row in page("Several channels").rows:
        assert sum(row[1:4]) == row[4]  # type: ignore[arg-type]


def test_weights_are_counted_as_torch_counts_them() -> None:
    for into, out, _, weights in page("1x1 convolution").rows:
        layer = torch.nn.Conv2d(int(into), int(out), 1)
        assert weights == sum(parameter.numel() for parameter in layer.parameters())
    three = page("Receptive field").rows[-1]
    assert three[:2] == (3, "7x7")
    small = 3 * torch.nn.Conv2d(64, 64, 3, bias=False).weight.numel()
    assert three[-2] == f"{small:,} / {torch.nn.Conv2d(64, 64, 7, bias=False).weight.numel():,}"


def test_every_product_is_in_the_json_and_every_sum_on_the_screen(capsys: Out) -> None:
    assert main(["show", "convolution", "stride=2", "padding=same", "pool_size=1", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["task"] == {
        "input": {"explain": "convolution", "stride": 2, "padding": "same", "pool_size": 1}
    }
    windows = next(item for item in content["explained"] if item["title"] == "Every window")[
        "windows"
    ]
    assert len(windows) == 2 * 3 * 3
    for window in windows:
        weights = FILTER_1 if window["filter"] == "filter 1" else FILTER_2
        assert np.array_equal(
            np.array(window["products"])[0], np.array(window["given"])[0] * np.array(weights)
        )
        assert window["sum"] == np.sum(window["products"])
    assert main(["show", "convolution"]) == 0
    out = capsys.readouterr().out
    for row, sums in enumerate(BY_HAND, 1):
        assert re.search(rf"filter 1.*\n(.*\n)*?.*{' +'.join(map(str, sums))} ", out)
        assert all(
            re.search(rf"^{row}, {column} .* {value} ", out, re.M)
            for column, value in enumerate(sums, 1)
        )
    assert "-0" not in out


def test_your_own_image_and_filter() -> None:
    maps = figures(
        "The feature maps", image=[[1, 2, 3], [4, 5, 6]], filter=[[1, 0], [0, -1]], pool_size=1
    )
    assert maps == {"filter 1": pytest.approx(np.array([[-4, -4]]))}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            {"pool_size": 5},
            "input.pool_size is larger than the feature map; got 5, the feature map is 4x4. "
            "Allowed: 1 to 4.",
        ),
        ({"strides": 2}, "input.strides is not a known option. Did you mean 'stride'?"),
        ({"filter": [[1, 2]]}, "input.filter must be a square that fits the image; got 1x2."),
        (
            {"image": [[1, 2], [3]]},
            "input.image must be rows of equal length; got 2 rows of 1, 2 numbers.",
        ),
    ],
)
def test_wrong_options_are_reported(words: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError) as refused:
        ki.load("convolution", words=words).show()
    assert message in str(refused.value)


def test_a_lesson_is_listed_and_not_trained(capsys: Out) -> None:
    assert main(["list"]) == 0
    assert re.search(r"convolution +S12 .*kissipo show convolution", capsys.readouterr().out)
    assert main(["fit", "convolution"]) == 2
    error = capsys.readouterr().err
    assert (
        "'convolution' is a lesson and trains nothing. "
        "Look at it with `kissipo show convolution`" in error
    )
    assert main(["show", "convolution", "--output", "kind"]) == 2
