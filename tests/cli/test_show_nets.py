"""Tests of `kissipo show vgg16`: the costs of nets without data."""

from __future__ import annotations

import json

import pytest

from kissipo.cli.main import main

Out = pytest.CaptureFixture[str]


def printed(capsys: Out, *arguments: str) -> str:
    assert main(["show", *arguments]) == 0
    return capsys.readouterr().out


def test_the_table_of_the_lecture_is_printed(capsys: Out) -> None:
    assert main(["show", "vgg16"]) == 0
    out, err = capsys.readouterr()
    for item in (
        "conv1_1",
        "64x224x224",
        "3,211,264",
        "12.8 MB",
        "1,728",
        "86,704,128",
        "102,760,448",
        "16,777,216",
    ):
        assert item in out, item
    assert "138,357,544 params (138,344,128 weights, 13,416 biases)" in out
    assert "15,237,608 activations and 15,470,264,320 MACs for one image" in out
    assert "614.4 MB" in out
    assert "is a slip" in err


def test_show_net_applies_options(capsys: Out) -> None:
    small = printed(
        capsys, "vgg16", "input.size=32", "input.color=grayscale", "norm=true", "units=[128]"
    )
    assert "1x32x32" in small
    assert "batch normalization" in small
    assert "slip" not in small
    content = json.loads(
        printed(capsys, "resnet50", "size=64", "batch_size=32", "optimizer=momentum", "--json")
    )
    assert content["layers"][0]["shape"] == [3, 64, 64]
    assert (content["batch_size"], content["optimizer"], content["totals"]["parameters"]) == (
        32,
        "momentum",
        25_557_032,
    )
    assert content["task"]["process"] == {"net": "resnet50", "optimizer": "momentum"}


def test_show_net_labels_layers_for_training_only(capsys: Out) -> None:
    out = printed(capsys, "googlenet")
    assert "(only in" in out
    assert "6,998,552 params (6,990,272 weights, 8,280 biases), 6,379,728 more in training" in out


def test_the_modules_of_googlenet_side_by_side(capsys: Out) -> None:
    """S15: 854M multiplications against 271M."""
    assert main(["compare", "inception-naive", "inception-bottleneck"]) == 0
    out, err = capsys.readouterr()
    assert all(
        item in out
        for item in ("672x28x28", "854,196,224", "3.15", "480x28x28", "271,351,808", "1.00")
    )
    assert "353M is a slip" in err
    assert main(["compare", "vgg16", "resnet50", "googlenet", "size=64", "--json"]) == 0
    nets = json.loads(capsys.readouterr().out)["nets"]
    assert [item["net"] for item in nets] == ["vgg16", "resnet50", "googlenet"]
    assert nets[1]["totals"]["parameters"] == 25_557_032
    assert nets[0]["layers"][0]["shape"] == [3, 64, 64]
    assert printed(capsys, "inception-naive") == printed(capsys, "inception", "module=naive")


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (
            ["compare", "vgg16"],
            (
                "nets without data can only be compared with other nets; got vgg16. Name at "
                "least two nets"
            ),
        ),
        (["compare", "vgg16", "digits"], "compared with other nets; got vgg16, digits."),
        (
            ["compare", "vgg16", "vgg19", "--vary", "process.norm=true,false"],
            "compared with other nets; got vgg16, vgg19, process.norm",
        ),
        (
            ["show", "inception-small"],
            "'inception-small' is not a built-in task or a file. Did you mean 'inception",
        ),
        (
            ["show", "ffn"],
            (
                "the costs of the net 'ffn' depend on its input. Name a task with it, for "
                "example kissipo show digits"
            ),
        ),
        (
            ["show", "vgg16", "epochs=3"],
            "process.epochs does not change the costs of a net. Allowed: input.size, input.color",
        ),
        (["show", "vgg16", "units=many"], "process.units must be an integer of at least 1"),
        (
            ["show", "vgg16", "--output", "kind"],
            "'vgg16' is a net and has no data. Leave --output, --time and --horizon out.",
        ),
        (["show", "resnet51"], "'resnet51' is not a built-in task or a file. Did you mean 'resnet"),
        (
            ["fit", "vgg16"],
            (
                "'vgg16' is a net, not a task. Name a task or data, and the net: kissipo fit "
                "digits net=vgg16."
            ),
        ),
    ],
)
def test_show_and_compare_refuse_wrong_arguments(
    arguments: list[str], output: str, capsys: Out
) -> None:
    assert main(arguments) == 2
    assert output in capsys.readouterr().err
