"""The script of `kissipo eject` runs without kissipo: same first step, loss and
score."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kissipo.cli.main import main
from kissipo.core.errors import NotBuiltError, TaskError
from kissipo.core.tensor_spec import TensorSpec
from kissipo.export.script.net import net_source
from kissipo.export.script.script import eject
from kissipo.export.script.source import Source
from kissipo.pipeline.experiment import build_experiment
from kissipo.pipeline.parse import read_task
from kissipo.pipeline.recipes import all_recipes
from kissipo.process.nets import googlenet, resnet, vgg
from kissipo.runs.callback import Callback
from kissipo.runs.fit import fit
from kissipo.runs.load import load

SLOW = pytest.mark.slow
RunScript = Callable[[str], str]
RUN = (
    "import runpy, sys, torch; torch.set_num_threads(1); "
    "sys.modules['kissipo'] = None; sys.path.insert(0, sys.argv[1]); "
    "runpy.run_path(sys.argv[1] + '/train.py', run_name='__main__')"
)

# compiled layers draw dropout from another generator, so comparisons run without
# dropout
QUICK = {
    "digits": {"epochs": 2},
    "airline-lstm-window": {"epochs": 2},
    "reverse": {"units": 8, "embedding_dim": 8},
}
ANY_LENGTH = {"input.bucketing": False}  # as the script has no batches of similar length
NO_DROPOUT = {"process.dropout": 0}  # the script draws it for padding, too
SMALL = {
    "blood-cells": {"input.size": [64, 96], "process.width_multiplier": 0.25},
    "magnetic-tile-masks": {"input.size": [24], "process.filters": [4, 8]},
    "acceptability": {**ANY_LENGTH, "process.num_layers": 1},
    "fake-news": {**ANY_LENGTH, "process.num_layers": 1},
    "translate": {**ANY_LENGTH, **NO_DROPOUT, "process.units": 16, "process.embedding_dim": 16},
    "translate-transformer": {
        **ANY_LENGTH,
        **NO_DROPOUT,
        "process.units": 16,
        "process.num_layers": 1,
        "process.feed_forward_units": 16,
    },
    "headings": ANY_LENGTH,
    "ner": NO_DROPOUT,
    "spoken-digits": {**ANY_LENGTH, "input.augment": []},
    "spoken-digits-new-speaker": {**ANY_LENGTH, "input.augment": []},
}
LINES = {"shapes": 250, "blood-cells": 320}  # their losses assign targets to anchor boxes
UNSUPERVISED = (
    *("frozen-lake", "racing", "cartpole", "acrobot"),
    *("playground", "dcgan", "search", "word2vec"),
    *("pca", "tsne", "som", "baskets"),
)
REFUSED = ("bert-pretrain", "question-answering", "blood-cells-two-stage")  # in tests/systems/
UNINSTALLED = ("lunar-lander",)  # its package is not required by any test
LONG = sorted({name for name, _ in all_recipes()} - {*QUICK, *UNSUPERVISED, *REFUSED, *UNINSTALLED})


class FirstStep(Callback):
    """Records the loss of the first step."""

    loss: float | None = None

    def on_progress(self, facts: Mapping[str, Any]) -> None:
        if self.loss is None:
            assert facts["step"] == 1
            self.loss = facts["loss"]


def run_alone(folder: str) -> str:
    """Returns what the script prints in a new process that cannot import kissipo."""
    command = [sys.executable, "-I", "-c", RUN, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers_in(printed: str) -> dict[str, float]:
    """Returns the numbers that a script prints, by their names."""
    numbers: dict[str, float] = {}
    for line in printed.splitlines():
        name, _, value = line.rpartition(" ")
        numbers[name.rstrip(":")] = float(value)
    return numbers


@pytest.fixture(autouse=True)
def _torch_computes_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The task computes without the kernels of kissipo, and with one thread.

    The kernels round and draw dropout differently from torch, and the n-gram filters
    compute their convolution as that of an image. Without them, every epoch of the task
    equals that of the script. With these differences the losses of `thucnews` were
    0.04 % apart after 180 steps, as Adam divides small gradients by their own size.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr("kissipo.runs.fit.threads_for", lambda multiplications: nullcontext(1))
    monkeypatch.setattr("kissipo.process.kernels.native._FORCED", "none")
    monkeypatch.setattr(
        "kissipo.process.layers.ngram_filters._Convolution.forward", torch.nn.Conv1d.forward
    )
    yield
    torch.set_num_threads(threads)


def compare(
    task: Any, run_script: RunScript, *, seed: int = 0, loss: float = 1e-4, score: float = 1e-3
) -> dict[str, float]:
    """Ejects the task, runs script and task, and compares their numbers."""
    eject(task, "out", seed=seed)
    printed = numbers_in(run_script("out"))
    recorder = FirstStep()
    run = fit(task, seed=seed, out="run", callbacks=[recorder])
    assert printed["first step: loss"] == pytest.approx(recorder.loss, rel=1e-6, abs=1e-8)
    for row in run.history[1:]:
        validation_loss = next(
            value
            for name, value in printed.items()
            if name.startswith(f"epoch {int(row['epoch'])}:")
        )
        assert validation_loss == pytest.approx(
            row.get("validation_loss", row["loss"]), rel=loss, abs=1e-5
        )
    part = next(
        name.split()[0] for name in printed if name.endswith(" loss") and name.count(" ") == 1
    )
    for answer in run.metrics["answers"]:
        prefix = "" if len(run.metrics["answers"]) == 1 else f"{answer['column']} "
        metrics = answer["metrics"]
        both = [name for name in metrics if f"{part} {prefix}{name}" in printed]
        assert both or answer["answer"] == "anomaly"  # the script does not evaluate alarms
        for name in both:
            value = printed[f"{part} {prefix}{name}"]
            assert value == pytest.approx(metrics[name], rel=score, abs=score), name
    return printed


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=SLOW) for name in LONG)])
def test_script_of_a_built_in_task_has_the_same_numbers(
    name: str, data: Path, run_script: RunScript
) -> None:
    words = {"epochs": 1, "output.baselines": [], **QUICK.get(name, {}), **SMALL.get(name, {})}
    task = load(name, words=words)
    compare(task, run_alone if name == "digits" else run_script, seed=3)
    lines = len(Path("out/train.py").read_text(encoding="utf-8").splitlines())
    assert lines <= LINES.get(name, 200)
    for path in Path("out").glob("*.py"):
        assert "import kissipo" not in (text := path.read_text(encoding="utf-8"))
        assert "from kissipo" not in text
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9", "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_supervised_built_in_task_is_tested() -> None:
    supervised = {
        name
        for name, task in all_recipes()
        if read_task(load(name)).algorithm.name in ("supervised", "teacher_forcing")
    }
    assert {*QUICK, *LONG} == supervised - {*REFUSED}


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", UNSUPERVISED)
def test_unsupervised_task_is_refused(name: str) -> None:
    Path("words.txt").write_text("salt of the sea and salt of the earth\n" * 60, encoding="utf-8")
    few = {"input.text": "words.txt", "input.min_count": 1} if name == "word2vec" else {}
    with pytest.raises(NotBuiltError, match=r"process\.algorithm=supervised"):
        eject(load(name, words=few), "out")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"process.mixup": 0.2}, "process.mixup"),
        ({"process.precision": "bfloat16"}, "process.precision"),
        ({"process.backbone_learning_rate_scale": 0.5}, "process.backbone_learning_rate_scale"),
    ],
)
def test_unsupported_option_is_named(words: dict[str, Any], named: str) -> None:
    with pytest.raises(NotBuiltError, match=named):
        eject(load("digits", words=words), "out")


@pytest.mark.parametrize(
    "words",
    [
        *(
            pytest.param(words, marks=SLOW)
            for words in (
                {
                    "process.optimizer": "momentum",
                    "process.schedule": "cosine",
                    "process.class_weights": "balanced",
                },
                {
                    "process.optimizer": "adamw",
                    "process.clip_norm": 1.0,
                    "process.schedule": "step",
                },
                {
                    "process.activation": "gelu",
                    "input.batch_size": 4000,
                    "process.optimizer": "rmsprop",
                },
                {
                    "process.ema": 0.9,
                    "process.schedule": "one_cycle",
                    "input.split.validation": 0,
                    "early_stopping.patience": 0,
                },
                {
                    "input.augment": ["rotate", "flip", "color", "crop"],
                    "process.optimizer": "adagrad",
                },
            )
        ),
        {
            "process.ema": 0.9,
            "process.warmup": 0.3,
            "input.split.seed": 5,
            "process.label_smoothing": 0.1,
            "process.l2": 1e-3,
        },
    ],
)
def test_options_of_training_are_written(words: dict[str, Any], run_script: RunScript) -> None:
    words = {"epochs": 2, "dropout": 0.0, "output.baselines": [], **words}
    compare(load("digits", words=words), run_script)
    assert len(Path("out/train.py").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.fixture
def table() -> str:
    """A table of numbers and categories, with a missing value."""
    lines = ["size,weight,color,kind,price"]
    for row in range(240):
        size, weight = (row * 37 % 101) / 10, (row * 53 % 89) / 7
        color, kind = (
            ("red", "green", "blue")[row % 3],
            "ab"[(size + weight > 11) != (row % 17 == 0)],
        )
        lines.append(
            f"{size},{'' if row == 5 else weight},{color},{kind},{3 * size - weight + row % 5}"
        )
    Path("table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "table.csv"


@pytest.mark.parametrize(
    ("target", "start"),
    [
        ("kind", "linear"),
        *(
            pytest.param(*case, marks=SLOW)
            for case in (("color", "linear"), ("price", "linear"), ("price", "random"))
        ),
    ],
)
def test_a_table_of_your_own(table: str, target: str, start: str, run_script: RunScript) -> None:
    words = {"process.init": start, "dropout": 0.0, "epochs": 10, "output.baselines": []}
    printed = compare(load(table, output=target, words=words), run_script)
    assert ("test rmse" if target == "price" else "test accuracy") in printed


def test_several_answers(table: str, run_script: RunScript) -> None:
    words = {"output": [{"category": "kind"}, {"number": "price"}], "epochs": 3, "dropout": 0.0}
    printed = compare(load({}, words={"input.table": table, **words}), run_script)
    assert {"test kind accuracy", "test price mae"} <= set(printed)


def test_messages_of_your_own(run_script: RunScript) -> None:
    texts = [
        f"{('win a prize', 'see you at home')[row % 2]} number {row * 7 % 10}" for row in range(120)
    ]
    rows = [f"{text},{('spam', 'ham')[row % 2]}" for row, text in enumerate(texts)]
    Path("sms.csv").write_text("\n".join(["text,kind", *rows]) + "\n", encoding="utf-8")
    assert main(["eject", "sms.csv", "--output", "kind", "epochs=2", "--out", "out"]) == 0
    assert numbers_in(run_script("out"))["test accuracy"] >= 0.4
    assert load_file("out/model.safetensors").keys() == load_file("out/start.safetensors").keys()


TRANSFORMER = {
    "process.net": "transformer",
    "process.units": 8,
    "process.num_heads": 2,
    "process.num_layers": 1,
    "epochs": 2,
    "output.baselines": [],
}


def test_a_transformer_that_writes(run_script: RunScript) -> None:
    words = ["ab", "abc", "cab", "bc", "cba", "bca", "aab", "bba"] * 8
    rows = [f"{word}{number % 7},{number % 7}{word[::-1]}" for number, word in enumerate(words)]
    Path("words.csv").write_text("\n".join(["word,backward", *rows]) + "\n", encoding="utf-8")
    options = {**TRANSFORMER, "input.characters": ["word"], "output.text": "backward"}
    compare(load("words.csv", words=options), run_script)


def test_a_transformer_of_running_text(run_script: RunScript) -> None:
    Path("text.txt").write_text("the cat sat on the mat. a rat ran. " * 60, encoding="utf-8")
    compare(load("text.txt", words={**TRANSFORMER, "input.window": 8}), run_script)


@pytest.mark.parametrize("module", [googlenet, resnet.variant("resnet18"), vgg.variant("vgg11")])
def test_net_source_keeps_names_and_outputs(module: Any) -> None:
    image = TensorSpec("image", ("channel", "height", "width"), (3, 64, 64))
    net = module.build(
        (image,), (TensorSpec("class", ("class",), (10,)),), module.Options(width_multiplier=0.125)
    )
    namespace: dict[str, Any] = {}
    exec(net_source(net, "photographs"), namespace)
    written = namespace["build"]()
    written.load_state_dict(net.state_dict())
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(written.eval()(x), net.eval()(x))


STRANGERS = {
    "__init__.py": "",
    "curve.py": """from math import e

def curve(x):
    return x * e
""",
    "net.py": """from torch import nn
from .curve import curve

class Curved(nn.Module):
    '''A curve.'''

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(3, 2)

    def forward(self, x):
        return curve(self.dense(x))
""",
    "other.py": """from . import curve
from .net import Curved

class Other(Curved):
    '''A file as a name.'''

    def forward(self, x):
        return curve.curve(self.dense(x))
""",
}


def test_net_source_copies_a_layer_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own imports are copied, too; those of other packages become import lines."""
    Path("strangers").mkdir()
    for file, content in STRANGERS.items():
        Path("strangers", file).write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(".")
    net = import_module("strangers.net").Curved()
    text = net_source(net, "a stranger")
    assert "from math import e" in text and "strangers" not in text
    namespace: dict[str, Any] = {}
    exec(text, namespace)
    written = namespace["build"]()
    written.load_state_dict(net.state_dict())
    assert torch.equal(written(torch.ones(1, 3)), net(torch.ones(1, 3)))
    with pytest.raises(NotBuiltError, match="'curve' of strangers yet"):
        net_source(import_module("strangers.other").Other(), "a stranger")


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("of", "old", "new", "why"),
    [
        ("net", "nn.Embedding", "nn.LSTM", "it stops with"),
        (
            "net",
            "y = self.head(self.dropout(x))",
            "y = self.head(self.dropout(x)) + 1",
            "other outputs",
        ),
        ("train", "    return $loss", "    return 2 * ($loss)", "loss is different"),
    ],
)
def test_script_that_differs_is_not_written(
    of: str, old: str, new: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kissipo.export.script import train
    from kissipo.process.nets import recurrent

    constant = {"net": (recurrent, "_SCRIPT"), "train": (train, "_TRAIN")}[of]
    text = getattr(*constant)
    monkeypatch.setattr(
        *constant, text.replace(old, new) if old in text else "class Recurrent(nn.Module): pass"
    )
    with pytest.raises(NotBuiltError, match=why):
        eject(load("airline-lstm-window"), "out")
    assert not Path("out").exists()


def test_folder_of_eject_is_replaced_and_other_files_are_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["eject", "backprop", "--out", "a/new/folder"]) == 0
    before = Path("a/new/folder/train.py").read_text(encoding="utf-8")
    assert main(["eject", "backprop", "--seed", "4", "--out", "a/new/folder"]) == 0
    assert Path("a/new/folder/train.py").read_text(encoding="utf-8") != before
    Path("empty").mkdir()
    assert main(["eject", "backprop", "--out", "empty"]) == 0
    Path("full").mkdir()
    Path("full/train.py").write_text("mine = True\n", encoding="utf-8")
    Path("file").write_text("mine\n", encoding="utf-8")
    for place in ("full", "file", "file/folder"):
        assert main(["eject", "backprop", "--out", place]) == 2
    assert [path.name for path in Path("full").iterdir()] == ["train.py"]
    assert Path("file").read_text(encoding="utf-8") == "mine\n"
    stderr = capsys.readouterr().err
    assert (
        "contains files that kissipo eject did not write" in stderr and "file is a file" in stderr
    )
    assert "cannot be written" in stderr
    with pytest.raises(TaskError, match="is a file"):
        eject(load("backprop"), "file")


def test_two_meanings_of_one_name_are_refused() -> None:
    from kissipo.process.losses import mean_absolute_error, mean_squared_error

    source = Source()
    source.add(mean_squared_error, "loss")
    with pytest.raises(NotBuiltError, match="'loss'"):
        source.add(mean_absolute_error, "loss")


@pytest.mark.usefixtures("data")
def test_samples_are_those_of_the_task() -> None:
    experiment = build_experiment(load("airline-lstm-window"), seed=2)
    eject(load("airline-lstm-window"), "out", seed=2)
    samples, start = load_file("out/samples.safetensors"), load_file("out/start.safetensors")
    for part, dataset in experiment.pipeline.datasets.items():
        batch = dataset.everything()
        assert torch.equal(samples[f"{part}.input000"], batch.inputs[0])
        assert torch.equal(samples[f"{part}.target000"], batch.targets[0])
    assert all(
        torch.equal(start[name], weight) for name, weight in experiment.net.state_dict().items()
    )
