"""Initial weights from a file or from another run: frozen weights, and refusals."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import kissipo as ki
from kissipo.cli.main import main
from kissipo.core.errors import StoppedError, TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.pipeline.registries import NETS

Out = pytest.CaptureFixture[str]
WIDTH = "width_multiplier=0.05"
THEIRS = (
    (r"^conv(\d)\.(\d)", lambda match: f"layer{int(match[1]) - 1}.{match[2]}"),
    (r"\.residual\.", "."),
    (r"shortcut\.conv", "downsample.0"),
    (r"shortcut\.norm", "downsample.1"),
    (r"norm(\d)", r"bn\1"),
    (r"^head", "fc"),
)
pytestmark = pytest.mark.usefixtures("one_thread")
WORDS = [
    "net=resnet18",
    WIDTH,
    "split.validation=0",
    "epochs=2",
    "early_stopping=0",
    "input.batch_size=16",
    "baselines=[majority]",
    "--output",
    "labels",
]


def photos(classes: int = 3) -> str:
    """Images of 16x16, each mostly of one color."""
    generator = np.random.default_rng(0)
    labels = np.arange(60) % classes
    images = generator.integers(0, 120, (60, 16, 16, 3))
    for index, label in enumerate(labels):
        images[index, ..., label % 3] += 100 + 35 * (label // 3)
    np.savez("photos.npz", images=images.astype(np.uint8), labels=np.array(list("abcdef"))[labels])
    return "photos.npz"


def published() -> dict[str, torch.Tensor]:
    """Saves a narrow ResNet-18 with published names; returns its weights with ours."""
    torch.manual_seed(5)
    module = NETS.find("resnet18", place="net")
    specs = (
        (TensorSpec("p", ("channel", "height", "width"), (3, 16, 16)),),
        (TensorSpec("c", ("class",), (1000,)),),
    )
    weights = module.build(*specs, module.Options(width_multiplier=0.05)).state_dict()
    theirs = {}
    for name, tensor in weights.items():
        for here, there in THEIRS:
            name = re.sub(here, there, name)  # type: ignore[call-overload]
        theirs[name] = tensor
    assert {module.ours(name, module.Options()) for name in theirs} == set(weights)
    save_file(theirs, "resnet18.safetensors")
    return weights


def fit(*arguments: str) -> None:
    assert main(["fit", photos(), *WORDS, *arguments]) == 0


def test_freeze_keeps_published_weights_and_trains_a_new_head(capsys: Out) -> None:
    before = published()
    fit("weights=resnet18.safetensors", "freeze=all but head", "--out", "run")
    stderr = " ".join(capsys.readouterr().err.split())
    assert "the head is untrained, because it has 3 outputs here and 1000 in the file" in stderr
    assert "parameters are frozen" in stderr
    assert "process.normalize=True pretrained weights expect normalized colors" in stderr
    after = load_file("run/model.safetensors")
    assert after.keys() == before.keys()
    moved = {
        name
        for name in after
        if after[name].shape != before[name].shape or not torch.equal(after[name], before[name])
    }
    assert moved == {"head.weight", "head.bias"}
    fit(
        "weights=resnet18.safetensors",
        "freeze=all but head",
        "epochs=1",
        "learning_rate=1e-30",
        "--out",
        "still",
    )
    assert not torch.equal(
        load_file("still/model.safetensors")["head.weight"], after["head.weight"]
    )
    stored = ki.open("run").task.process
    assert (stored["weights"], stored["freeze"]) == (
        str(Path("resnet18.safetensors").resolve()),
        "all but head",
    )
    findings = (Path("run") / "data.json").read_text(encoding="utf-8")
    assert "resnet18.safetensors fits: " in findings


def test_published_weights_are_trained_without_freeze(capsys: Out) -> None:
    before = published()
    fit(
        "weights=resnet18.safetensors",
        "process.normalize=false",
        "learning_rate=1e-6",
        "--out",
        "run",
        "--quiet",
    )
    after = load_file("run/model.safetensors")
    for name in ("conv1.weight", "conv5.1.residual.conv2.weight"):
        assert not torch.equal(after[name], before[name])
        torch.testing.assert_close(after[name], before[name], atol=1e-4, rtol=0)
    assert (
        "normalize" in ki.open("run").task.process and not ki.open("run").task.process["normalize"]
    )


def test_run_evaluates_without_its_file_of_initial_weights() -> None:
    published()
    fit("weights=resnet18.safetensors", "freeze=all but head", "--out", "run", "--quiet")
    Path("resnet18.safetensors").unlink()
    run = ki.open("run")
    assert run.evaluate()[0].net.metrics == pytest.approx(run.metrics["answers"][0]["metrics"])


def test_weights_of_a_run_start_another_with_other_classes() -> None:
    fit("--out", "first", "--quiet")
    before = load_file("first/model.safetensors")
    assert (
        main(
            [
                "fit",
                photos(5),
                *WORDS,
                "weights=first",
                "freeze=all but head",
                "--out",
                "second",
                "--quiet",
            ]
        )
        == 0
    )
    after = load_file("second/model.safetensors")
    assert after["head.weight"].shape[0] == 5
    assert all(
        torch.equal(after[name], before[name]) for name in before if not name.startswith("head.")
    )
    assert "normalize" not in ki.open("second").task.process
    assert (
        main(
            [
                "fit",
                photos(),
                *WORDS,
                "weights=first",
                "learning_rate=1e-30",
                "--out",
                "third",
                "--quiet",
            ]
        )
        == 0
    )
    third = load_file("third/model.safetensors")
    assert all(
        torch.equal(third[name], before[name])
        for name in before
        if "running" not in name and "num_" not in name
    )


def test_freeze_works_with_manual_backprop() -> None:
    words = [
        "net=ffn",
        "units=[8,8]",
        "epochs=2",
        "early_stopping=0",
        "baselines=[majority]",
        "--output",
        "labels",
        "--quiet",
    ]
    assert main(["fit", photos(), *words, "--out", "first"]) == 0
    assert (
        main(
            [
                "fit",
                photos(),
                *words,
                "weights=first",
                "freeze=all but head",
                "l2=0.01",
                "--out",
                "second",
            ]
        )
        == 0
    )
    before, after = load_file("first/model.safetensors"), load_file("second/model.safetensors")
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        "5.weight",
        "5.bias",
    }


def test_resume_of_a_transfer_equals_the_unbroken_run(
    interrupter: Any, assert_same_run: Any
) -> None:
    published()
    words = {
        "process.net": "resnet18",
        "process.width_multiplier": 0.05,
        "process.epochs": 4,
        "process.early_stopping": 0,
        "input.batch_size": 16,
        "output.baselines": ["majority"],
        "process.weights": "resnet18.safetensors",
        "process.freeze": ["conv1", "norm1", "conv2"],
    }
    task = ki.load(photos(), output="labels", words=words)
    task.fit(out="whole")
    with pytest.raises(StoppedError):
        task.fit(out="broken", callbacks=[interrupter(2)])
    task.fit(out="broken", resume=True)
    assert_same_run(Path("whole"), Path("broken"))
    assert (Path("whole") / "history.csv").read_text().count("\n") == 6


def test_weights_beside_a_task_file_are_found(capsys: Out) -> None:
    Path("deep").mkdir()
    published()
    Path("resnet18.safetensors").rename("deep/resnet18.safetensors")
    Path(photos()).rename("deep/photos.npz")
    Path("deep/task.yaml").write_text(
        "input: {images: photos.npz}\n"
        "process: {net: resnet18, width_multiplier: 0.05, weights: resnet18.safetensors, "
        "freeze: all but head}\n"
        "output: {category: class}\n",
        encoding="utf-8",
    )
    net = ki.load("deep/task.yaml").complete().process
    assert net["weights"] == "deep/resnet18.safetensors"


def test_mistakes_print_one_paragraph_with_code_2(capsys: Out) -> None:
    published()
    fit("--out", "first", "--quiet")
    Path("old.pth").write_bytes(b"PK\x03\x04")
    Path("empty").mkdir()
    cases = [
        (
            ["weights=resnet81.safetensors"],
            "there is no file resnet81.safetensors. Did you mean 'resnet18.safetensors'?",
        ),
        (["weights=old.pth"], "process.weights: old.pth is not a readable safetensors file"),
        (
            ["weights=empty"],
            (
                "process.weights: empty is a folder that is not a run. Allowed: a safetensors "
                "file, the folder of a run, or that of a published model of the same net."
            ),
        ),
        (
            ["weights=resnet18.safetensors", "net=resnet34"],
            "does not fit the net of 218 tensors: 80 missing in the file (conv2.2.",
        ),
        (["weights=first", "net=cnn"], "Set the options of its net: process.net=resnet18."),
        (
            ["weights=first", "width_multiplier=0.1"],
            "Set the options of its net: process.net=resnet18 process.width_multiplier=0.05",
        ),
        (
            ["weights=first", "freeze=hed"],
            "process.freeze: no parameter is called 'hed'. Did you mean 'head'",
        ),
        (
            ["weights=first", "input.color=grayscale"],
            (
                "does not fit the net of 122 tensors: 1 of another shape (conv1.weight: 3x3x7x7 "
                "in the file"
            ),
        ),
    ]
    capsys.readouterr()
    for options, message in cases:
        arguments = (
            [option for option in WORDS if option != WIDTH]
            if options[-1].startswith(("net=cnn", "width"))
            else WORDS
        )
        assert main(["fit", photos(), *arguments, *options, "--out", "never", "--quiet"]) == 2
        err = capsys.readouterr().err
        assert message in err, err
        assert err.count("\n") == 1
        assert not Path("never").exists()


def test_weights_are_not_an_option_of_q_learning() -> None:
    with pytest.raises(TaskError, match=r"process\.weights is not a known option"):
        ki.load("frozen-lake", words={"process.weights": "x"}).show()


def test_normalize_is_inherited_from_the_initial_run() -> None:
    published()
    fit("weights=resnet18.safetensors", "--out", "first", "--quiet")
    for name, start in (("second", "first"), ("third", "first/model.safetensors")):
        fit(f"weights={start}", "--out", name, "--quiet")
        assert ki.open(name).task.process["normalize"] is True


def test_weights_and_linear_init_exclude_each_other() -> None:
    words = {"epochs": 2, "output.baselines": ["ridge_regression"]}
    Path("line.csv").write_text(
        "x,y\n" + "".join(f"{row % 40},{3 * row % 50}\n" for row in range(80)), encoding="utf-8"
    )
    first = ki.load("line.csv", output="y", words=words)
    assert first.fit(out="first").task.process["init"] == "linear"
    second = ki.load("line.csv", output="y", words={**words, "process.weights": "first"})
    assert second.complete().process.get("init") is None
    with pytest.raises(
        TaskError,
        match=r"process\.weights and process\.init=linear both set the initial weights",
    ):
        second.with_words({"process.init": "linear"}).show()
