"""The lens: the page computes any number of a trace again, as PyTorch recorded it.

The modules run in a browser; one page answers for all cells of a test.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from html import unescape
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kissipo.core.numpy_array import NumpyArray
from kissipo.core.tensor_spec import TensorSpec
from kissipo.inspect.trace import Trace
from kissipo.inspect.tracing.recording import as_array
from kissipo.inspect.tracing.trace_module import trace
from kissipo.pipeline.registries import NETS
from kissipo.process import layers

ALLOWED = 1e-5
HERE = Path(__file__).parent
ANSWERS = (HERE / "lens_answers.js").read_text(encoding="utf-8")
CALLS = (HERE / "lens_calls.txt").read_text(encoding="utf-8").splitlines()
TEN = (
    "ffn", "cnn", "resnet18", "unet", "lstm", "gru", "rnn", "reverse", "dcgan", "attention",
)  # fmt: skip
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files", "--virtual-time-budget=60000",
]  # fmt: skip

ROW = TensorSpec("row", ("feature",), (6,))
LEVEL = TensorSpec("level", (), (), vocab_size=5)
IMAGE = TensorSpec("image", ("channel", "height", "width"), (2, 17, 12))
PHOTO = TensorSpec("photo", ("channel", "height", "width"), (3, 16, 8))
WINDOW = TensorSpec("window", ("time", "variable"), (7, 3), labels=("a", "b", "c"))
SIGNAL = TensorSpec("signal", ("time", "feature"), (12, 1))
TEXT = TensorSpec("text", ("time",), (7,), vocab_size=11, padded=True)
PIECES = TensorSpec(
    "text", ("time",), (7,), 8, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcd"), padded=True
)
MASK = TensorSpec("mask", ("class", "height", "width"), (3, 17, 12))
CLASSES = TensorSpec("kind", ("class",), (4,))
USER, ITEM = (TensorSpec(name, (), (), vocab_size=9) for name in ("user", "film"))
STARS = TensorSpec("stars", ("answer",), (1,))
ACTIONS = TensorSpec("action", ("action",), (3,))
AHEAD = TensorSpec("ahead", ("horizon", "variable"), (3, 2), labels=("a", "c"))
AGAIN = TensorSpec("again", ("horizon", "variable"), (7, 3))
CANDIDATES = TensorSpec("label", ("candidate", "feature"), (24, 12))
GRIDS = TensorSpec("photo", ("channel", "height", "width"), (3, 32, 64))
OF_GRIDS = TensorSpec("label", ("candidate", "feature"), (126, 12))
TARGET = TensorSpec("target", ("time", "class"), (4, 6), padded=True)
Cell = tuple[str, str, list[int]]
"""The name of a trace, the key of a tensor, and an index into it."""


@dataclass(frozen=True)
class Answer:
    """What the page says of one cell: result, scale of the rounding, or error."""

    result: float
    largest: float
    error: str
    parts: int

    def is_near(self, recorded: float) -> bool:
        """Returns whether the page computed what torch did."""
        is_same = bool(np.array_equal(self.result, recorded, equal_nan=True))
        is_close = abs(self.result - recorded) <= ALLOWED * self.largest
        return not self.error and (is_same or is_close)


def in_a_browser(modules: Path, script: str, folder: Path) -> Any:
    """Returns what a script with imports of the viewer's modules shows as JSON."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    shutil.copytree(modules, folder / "viewer", dirs_exist_ok=True)
    (folder / "viewer" / "script.js").write_text(script, encoding="utf-8")
    page = folder / "page.html"
    page.write_text(
        '<!doctype html><meta charset="utf-8"><pre id="found"></pre><script type="module">'
        'import { found } from "./viewer/script.js";'
        'document.getElementById("found").textContent = JSON.stringify(found);</script>',
        encoding="utf-8",
    )
    command = [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    ran = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    match = re.search(r'<pre id="found">(.+?)</pre>', ran.stdout, re.DOTALL)
    assert match, ran.stderr[-2000:]
    return json.loads(unescape(match[1]))


def payload(traces: dict[str, Trace], cells: Sequence[Cell]) -> str:
    """Returns the traces with all their numbers, and the cells to explain, as JSON."""
    content = {name: _content(result) for name, result in traces.items()}
    return json.dumps({"traces": content, "cells": cells})


def _content(result: Trace) -> dict[str, Any]:
    about, numbers = {}, {}
    for value in result.values:
        array = as_array(value.tensor)
        about[value.key] = {"shape": array.shape, "dtype": array.dtype.name, "axes": value.axes}
        stored = array.astype("<f4" if array.dtype.kind == "f" else "<i4")
        numbers[value.key] = [stored.dtype.name, base64.b64encode(stored.tobytes()).decode()]
    inside = result.inside_json()
    parts = {"operations": inside["operations"], "expanded": inside["expanded"]}
    return {"trace": {**parts, "tensors": about}, "numbers": numbers}


def answers_of_the_page(content: str, folder: Path) -> dict[str, Any]:
    """Returns the answers of the page, and the operations without a rule."""
    script = f"{ANSWERS}\nexport const found = answers({content});\n"
    modules = Path(str(files("kissipo.report") / "viewer"))
    answers: dict[str, Any] = in_a_browser(modules, script, folder)
    return answers


def nets() -> Iterator[tuple[str, nn.Module, tuple[Tensor, ...]]]:
    """Yields every net with random weights, and one sample of each; first the ten."""
    for name, case, inputs, outputs, options in (
        ("ffn", "ffn", (ROW, LEVEL), (CLASSES,), {"units": (16, 16), "embedding_dim": 4}),
        ("cnn", "cnn", (IMAGE,), (CLASSES,), {"filters": (8, 12), "units": (30,), "norm": True}),
        ("resnet18", "resnet18", (PHOTO,), (CLASSES,), {"width_multiplier": 0.125}),
        ("unet", "unet", (IMAGE,), (MASK,), {"filters": (12, 16, 24)}),
        ("lstm", "recurrent", (TEXT,), (CLASSES,), {"cell": "lstm", "bidirectional": True}),
        ("gru", "recurrent", (TEXT,), (CLASSES,), {"cell": "gru", "num_layers": 2}),
        ("rnn", "recurrent", (WINDOW,), (AHEAD,), {"cell": "rnn", "subtract_last": True}),
        ("reverse", "seq2seq", (TEXT,), (TARGET,), {"units": 12, "attention": "additive"}),
        ("dcgan", "dcgan", (ROW,), (PHOTO,), {"filters": (12, 8)}),
        ("linear", "linear", (WINDOW,), (AHEAD,), {"subtract_last": True}),
        ("autoencoder", "autoencoder", (WINDOW,), (AGAIN,), {"units": (30,), "latent_dim": 12}),
        ("vgg11", "vgg11", (IMAGE,), (CLASSES,), {"width_multiplier": 0.1, "units": (16,)}),
        ("googlenet", "googlenet", (PHOTO,), (CLASSES,), {"width_multiplier": 0.1}),
        ("inception", "inception", (PHOTO,), (CLASSES,), {}),
        ("grid_detector", "grid_detector", (IMAGE,), (CANDIDATES,), {"filters": (12, 24)}),
        ("yolo", "yolo", (GRIDS,), (OF_GRIDS,), {"width_multiplier": 0.25}),
        ("faster_rcnn", "faster_rcnn", (GRIDS,), (OF_GRIDS,), {"width_multiplier": 0.25}),
        ("efficientnet_lite0", "efficientnet_lite0", (PHOTO,), (CLASSES,), {}),
        ("darknet53", "darknet53", (PHOTO,), (CLASSES,), {"width_multiplier": 0.1}),
        ("q_table", "q_table", (LEVEL,), (CLASSES,), {}),
        ("dueling", "dueling", (ROW,), (ACTIONS,), {"units": (8,)}),
        ("recommender", "recommender", (USER, ITEM), (STARS,), {"embedding_dim": 6}),
        ("text_cnn", "text_cnn", (TEXT,), (CLASSES,), {"filters": 6, "embedding_dim": 5}),
        ("transformer", "transformer", (TEXT,), (TARGET,), {"units": 12, "num_heads": 3}),
        ("bert", "bert", (PIECES,), (CLASSES,), {"units": 12, "num_heads": 2, "num_layers": 1}),
        ("encoder", "transformer", (TEXT,), (CLASSES,), {"units": 12, "norm_first": True}),
        ("signal_cnn", "signal_cnn", (SIGNAL,), (CLASSES,), {"filters": (4, 6, 4)}),
        ("tabm", "tabm", (ROW,), (CLASSES,), {"units": (8,), "num_members": 3}),
        ("n_beats", "n_beats", (WINDOW,), (AHEAD,), {"units": 8, "channel_independent": True}),
        ("small_resnet", "small_resnet", (IMAGE,), (CLASSES,), {"filters": (4, 6)}),
    ):
        module = NETS.find(case, place="net")
        net = module.build(inputs, outputs, module.Options(**options))
        yield name, net, tuple(map(sample, inputs))
    encoder = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
    yield "attention", encoder, (torch.randn(1, 6, 16),)


def sample(spec: TensorSpec) -> Tensor:
    """Returns one sample; a text ends with padding."""
    if not spec.vocab_size:
        return torch.randn(1, *spec.shape)
    ids = torch.randint(1, spec.vocab_size, (1, *spec.shape))
    if spec.padded:
        ids[:, -2:] = 0
    return ids


def traced_nets() -> dict[str, Trace]:
    torch.manual_seed(0)
    traces = {}
    for name, net, inputs in nets():
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                assert layer.running_mean is not None and layer.running_var is not None
                nn.init.normal_(layer.running_mean)
                nn.init.uniform_(layer.running_var, 0.5, 2)
        traces[name] = trace(net.eval(), *inputs)
    return traces


class Calls(nn.Module):
    """A net that calls a function, and returns its first input."""

    def __init__(self, function: Callable[..., Any], layer: nn.Module | None = None) -> None:
        super().__init__()
        self.function, self.layer = function, layer

    def forward(self, *inputs: Tensor) -> Tensor:
        self.function(*inputs) if self.layer is None else self.function(self.layer, *inputs)
        return inputs[0]


def call_traces() -> dict[str, Trace]:
    """Returns the trace of every call of lens_calls.txt, and of one function in place.

    x, y, i and m are its inputs; y is positive, and i has integers.
    """
    torch.manual_seed(0)
    x, y, i = torch.randn(3, 4), torch.rand(3, 4) + 0.5, torch.randint(0, 4, (3, 4))
    m = torch.randn(2, 4, 6, 5)

    def called(text: str) -> Callable[..., Any]:
        names = {"torch": torch, "F": functional}
        return lambda x, y, i, m: eval(text, {**names, "x": x, "y": y, "i": i, "m": m})

    calls = {text: called(text) for text in CALLS}
    calls["in place"] = lambda x, *_: _in_place(x)
    return {text: trace(Calls(call), x, y, i, m) for text, call in calls.items()}


def _in_place(x: Tensor) -> None:
    y = torch.cat([x[:, :3]])
    y += 1
    y *= 2
    y /= 3
    y -= x[:, :3]
    y[0] = 5
    y[:, 1:].add_(3)
    y[1, 1] = x[0, 0]
    y[:, ::2] = x[:, :2]
    y[torch.tensor([True, False, True]), 1] = 7
    y.t()[0].mul_(y[2, 2])
    y.clamp_(-3, 6).relu_()
    y.sigmoid_().sqrt_()


def layer_traces() -> dict[str, Trace]:
    """Returns the traces of recurrent layers and of attention, called in many ways."""
    torch.manual_seed(0)
    x, sequences = torch.randn(5, 2, 3), torch.randn(5, 3, 3)
    q, k = torch.randn(2, 4, 8), torch.randn(2, 3, 8)
    hides = torch.tensor([[False, False, True], [False] * 3])
    traces = {}
    for kind in ("LSTM", "GRU", "RNN"):
        both = {"num_layers": 2, "bidirectional": True}
        layer = getattr(nn, kind)
        for name, cell in (
            ("both", layer(3, 4, **both, batch_first=True)),
            ("plain", layer(3, 4, bias=False)),
        ):
            traces[f"{kind} {name}"] = trace(cell, x)
        traces[f"{kind} single"] = trace(layer(3, 4, **both), x[:, 0])
        traces[f"{kind} packed"] = trace(Calls(_packed, layer(3, 4, **both)), sequences)
        begun = Calls(_begun, layer(3, 4, **both))
        traces[f"{kind} begun"] = trace(begun, x, *torch.randn(2, 4, 2, 4))
        own = Calls(lambda cell, x: cell(x, None, [2, 5]), getattr(layers, kind)(3, 4, **both))
        traces[f"{kind} lengths"] = trace(own, x)
    read = layers.LSTM(40, 4, kernel="reference")
    ids, table = torch.randint(0, 6, (9, 2)), torch.randn(6, 40)
    reading = Calls(lambda cell, ids, table: cell(ids, None, None, table), read)
    traces["LSTM table"] = trace(reading, ids, table)
    traces["RNN relu"] = trace(nn.RNN(3, 4, nonlinearity="relu"), x)
    traces["LSTM projected"] = trace(nn.LSTM(3, 4, 2, proj_size=2, bidirectional=True), x)
    for name, options, words in (
        ("plain", {}, {}),
        ("padding", {"bias": False}, {"key_padding_mask": hides}),
        ("heads", {"add_bias_kv": True}, {"average_attn_weights": False}),
        ("mask", {"add_zero_attn": True, "add_bias_kv": True}, {"attn_mask": torch.randn(4, 3)}),
        ("head masks", {}, {"attn_mask": torch.randn(4, 4, 3) > 0.8, "need_weights": False}),
    ):
        layer = nn.MultiheadAttention(8, 2, batch_first=True, **options)  # type: ignore[arg-type]
        for weight in layer.parameters():
            nn.init.normal_(weight, 0, 0.3)
        traces[f"attention {name}"] = trace(layer, q, k, k, **words)  # type: ignore[arg-type]
    narrow = nn.MultiheadAttention(8, 2, kdim=5, vdim=6)
    traces["attention narrow"] = trace(narrow, q, torch.randn(3, 4, 5), torch.randn(3, 4, 6))
    traces["attention single"] = trace(nn.MultiheadAttention(8, 2), q[0], k[0], k[0])
    for name, shapes, words in (
        ("batch", ((2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 7)), {}),
        ("causal", ((2, 3, 4, 5),) * 3, {"is_causal": True}),
        ("groups", ((2, 4, 4, 5), (2, 2, 6, 5), (2, 2, 6, 5)), {"enable_gqa": True, "scale": 0.3}),
        ("mask", ((2, 4, 5), (2, 6, 5), (2, 6, 7)), {"attn_mask": torch.randn(4, 6) > -1}),
        ("one", ((4, 5), (6, 5), (6, 7)), {}),
    ):
        attend = partial(functional.scaled_dot_product_attention, **words)  # type: ignore[arg-type]
        traces[f"products {name}"] = trace(Calls(attend), *map(torch.randn, shapes))
    return traces


def _packed(cell: nn.Module, x: Tensor) -> None:
    packed = nn.utils.rnn.pack_padded_sequence(x, [2, 5, 3], enforce_sorted=False)
    nn.utils.rnn.pad_packed_sequence(cell(packed)[0])


def _begun(cell: nn.Module, x: Tensor, h: Tensor, c: Tensor) -> None:
    cell(x, (h, c) if isinstance(cell, nn.LSTM) else h)


def cells_of(
    name: str, result: Trace, count: int, *, origins: Sequence[str], per_tensor: bool = False
) -> list[Cell]:
    """Returns random cells of all tensors of these origins, or of each one."""
    random = Random(name)
    tensors = [
        value
        for value in result.values
        if value.origin in origins and value.tensor.numel() and not value.tensor.is_complex()
    ]
    times = [value for value in tensors for _ in range(count)]
    cells = []
    for value in times if per_tensor else random.choices(tensors, k=count):
        place = random.randrange(value.tensor.numel())
        index = np.unravel_index(place, tuple(value.tensor.shape))
        cells.append((name, value.key, [*map(int, index)]))
    return cells


@dataclass(frozen=True)
class Page:
    """What the page answered about all traces."""

    traces: dict[str, Trace]
    cells: list[Cell]
    answers: list[Answer]
    without_rule: dict[str, list[str]]

    def wrong(self, names: Iterable[str]) -> list[tuple[Cell, Answer, float]]:
        """Returns the cells of these traces whose number differs from that of torch."""
        return [
            (cell, answer, self.recorded(cell))
            for cell, answer in zip(self.cells, self.answers, strict=True)
            if cell[0] in names and not answer.is_near(self.recorded(cell))
        ]

    def recorded(self, cell: Cell) -> float:
        name, key, index = cell
        return float(self._numbers[name][key][tuple(index)])

    @cached_property
    def _numbers(self) -> dict[str, dict[str, NumpyArray]]:
        return {
            name: {value.key: as_array(value.tensor) for value in result.values}
            for name, result in self.traces.items()
        }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """One page for all tests: it explains the cells of all traces."""
    inner, every = ("operation",), ("operation", "gate", "attention")
    trees = {"nets": traced_nets(), "calls": call_traces(), "layers": layer_traces()}
    traces = {name: result for tree in trees.values() for name, result in tree.items()}
    cells = [
        *(c for name in trees["nets"] for c in cells_of(name, traces[name], 20, origins=inner)),
        *(c for name in trees["nets"] for c in cells_of(name, traces[name], 5, origins=every)),
        *(
            c
            for name in trees["calls"]
            for c in cells_of(name, traces[name], 5, origins=inner, per_tensor=True)
        ),
        *(
            c
            for name in trees["layers"]
            for c in cells_of(name, traces[name], 5, origins=every, per_tensor=True)
        ),
    ]
    cells = [cell for cell in cells if not _has_no_values(traces[cell[0]], cell[1])]
    content = answers_of_the_page(payload(traces, cells), tmp_path_factory.mktemp("lens"))
    answers = [Answer(float(result), *rest) for result, *rest in content["answers"]]
    return Page(traces, cells, answers, content["withoutRule"])


def _has_no_values(result: Trace, key: str) -> bool:
    """Returns whether a tensor is memory that nothing has written yet."""
    assert result.recording
    makers = [call.name for call in result.recording.operations if key in call.output_keys]
    return any(name.startswith("empty") for name in makers)


@pytest.mark.parametrize("name", TEN)
def test_twenty_cells_of_a_net_are_what_torch_recorded(page: Page, name: str) -> None:
    assert sum(cell[0] == name for cell in page.cells) >= 19
    assert page.wrong([name]) == []


def test_every_operation_of_every_net_has_a_rule(page: Page) -> None:
    # the playground has points, not samples
    names = {name for name, *_ in nets()} - {*TEN} | {"ffn", "cnn", "unet", "dcgan"}
    deep = {
        "efficientnet_lite1",
        "efficientnet_lite2",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
        "vgg13",
        "vgg16",
        "vgg19",
    }
    covered = names | {"recurrent", "seq2seq", "resnet18", "sentence_bert"} | deep
    maps = {"pca", "tsne", "som", "k_means", "apriori"}
    trees = {"random_forest", "gradient_boosting"}
    explained = {
        "tf_idf",
        "lsa",
        "word_vectors",
        *maps,
        *trees,
    }  # their layers explain their own values
    assert {*NETS.names()} - {"playground", *explained} <= covered
    assert page.without_rule == {}


def test_other_nets_and_calls_are_what_torch_recorded(page: Page) -> None:
    assert len(page.cells) > 2000
    assert page.wrong({*page.traces} - {*TEN}) == []


def test_a_unit_has_its_gates_as_parts_and_an_attention_its_heads(page: Page) -> None:
    parts = {
        cell[0]: answer.parts
        for cell, answer in zip(page.cells, page.answers, strict=True)
        if _maker(page.traces[cell[0]], cell[1]) in ("lstm", "gru", "multiheadattention")
    }
    assert (parts["LSTM both"], parts["GRU both"], parts["attention plain"]) == (5, 3, 2)


def _maker(result: Trace, key: str) -> str:
    assert result.recording
    return next(
        (call.name for call in result.recording.operations if key == call.output_keys[0]), ""
    )


def test_what_cannot_be_explained_says_why(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    results = {
        "linear": trace(net, torch.randn(1, 3)),
        "unknown": trace(Calls(lambda x: torch.renorm(x, 2, 0, 1.0)), torch.randn(1, 3)),
    }
    content = json.loads(payload(results, [("linear", "t1", [0, 0]), ("unknown", "t1", [0, 0])]))
    del content["traces"]["linear"]["numbers"]["0.weight"]
    content = answers_of_the_page(json.dumps(content), tmp_path)
    assert [error for _, _, error, _ in content["answers"]] == [
        "MissingNumbers: the numbers of 0.weight are not in the page",
        "UnknownOperation: the lens has no rule for renorm",
    ]
    assert content["withoutRule"] == {"unknown": ["renorm"]}
