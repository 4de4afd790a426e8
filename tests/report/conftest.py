"""Trained runs, traces of small nets, and a browser for their pages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, sync_playwright
from torch import nn

import kissipo as ki
from kissipo.inspect.tracing.trace_module import trace

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--virtual-time-budget=5000",
]  # fmt: skip
TraceContent = tuple[dict[str, Any], dict[str, np.ndarray]]
NASTY = '</script><b>&amp;[[body]]\n\n"é日'


def trace_content(net: nn.Module, *inputs: Any, **words: Any) -> TraceContent:
    return trace(net.eval(), *inputs, **words).content()


def dense() -> TraceContent:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    return trace_content(net, torch.rand(1, 1, 8, 8), loss=lambda y: y[0, 3], name="dense")


def convolutional() -> TraceContent:
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 49, 4)
    )
    return trace_content(
        net, torch.rand(1, 3, 16, 16), loss=lambda y: y[0, 0], name="convolutional"
    )


def recurrent(cell: str = "LSTM", units: int = 7, text: str = NASTY) -> TraceContent:
    """A text of a recurrent net, with labels and what is expected next."""
    torch.manual_seed(2)
    net = getattr(nn, cell)(5, units, batch_first=True)
    content, tensors = trace_content(net, torch.randn(1, len(text), 5), name=cell)
    guesses = [("<i>", 0.5), (" ", 0.25), ("\n", 0.125), ("日", 0.0625), (text[0], 0.0)]
    content["labels"] = {"time": list(text)}
    content["top"] = [
        [{"unit": unit, "probability": chance} for unit, chance in guesses] for _ in text
    ]
    return content, tensors


def attentive(heads: int = 4, words: int = 6) -> TraceContent:
    """A layer of torch's transformer."""
    torch.manual_seed(3)
    layer = nn.TransformerEncoderLayer(16, heads, 32, batch_first=True)
    content, tensors = trace_content(layer, torch.randn(1, words, 16), name="encoder")
    content["labels"] = {"time": [f"w{index}<" for index in range(words)]}
    return content, tensors


@pytest.fixture
def samples() -> dict[str, Callable[..., TraceContent]]:
    """Traces by name."""
    traces = {
        "dense": dense,
        "convolutional": convolutional,
        "recurrent": recurrent,
        "attentive": attentive,
    }
    return {**traces, "of": trace_content}


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[str, str], tuple[Any, str]]:
    """Opens a page in a browser."""
    return lambda page, script: _in_a_browser(page, tmp_path, script)


def _in_a_browser(page: str, folder: Path, script: str) -> tuple[Any, str]:
    """Returns the value of a script in the open page, and the page's elements.

    The script may wait. The console must stay silent.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    ask = (
        f"<script>(async () => {{ const found = await (async () => {{ {script} }})(); "
        "const place = document.createElement('pre'); "
        "place.id = 'found'; place.textContent = JSON.stringify(found ?? null); "
        "document.body.append(place); "
        "})();</script>"
    )
    head, tail = page.rsplit("</body>", 1)
    file = folder / "page.html"
    file.write_text(f"{head}{ask}</body>{tail}", encoding="utf-8")
    for attempt in range(
        3
    ):  # on a busy machine the time of a page may be over before its images are there
        profile = f"--user-data-dir={folder / f'profile-{attempt}'}"
        command = [chromium, *FLAGS, profile, "--dump-dom", file.as_uri()]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        assert "CONSOLE" not in ran.stderr, [
            line for line in ran.stderr.splitlines() if "CONSOLE" in line
        ]
        match = re.search(r'<pre id="found">(.*?)</pre>', ran.stdout, re.DOTALL)
        if match:
            break
    assert 'data-ready="yes"' in ran.stdout
    assert match, "the script did not end"
    return json.loads(unescape(match[1])), ran.stdout


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium; the tests are skipped where it is missing."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    with sync_playwright() as driver:
        chromium_browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield chromium_browser
        chromium_browser.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small runs: images, two classes, a number, a series, a text, actions, a map."""
    folder = tmp_path_factory.mktemp("runs")
    few = {"output.baselines": ["majority", "nearest_neighbors"]}
    ki.load("digits").with_words(few).fit(epochs=3, out=folder / "digits")
    ki.load("sunspots").fit(epochs=1, out=folder / "sunspots")
    ki.load("racing").fit(out=folder / "racing")
    ki.Task(input={"images": "digits"}, process={"net": "pca"}, output="map").fit(
        out=folder / "map"
    )
    generator = np.random.default_rng(0)
    length, noise = generator.normal(size=(2, 160))
    kinds = np.where(length + noise > 0.4, "<b>long</b>", "short")
    lines = [f"{a:.3f},{b:.3f},{kind}" for a, b, kind in zip(length, noise, kinds, strict=True)]
    table, text = folder / "kinds.csv", folder / "text.txt"
    table.write_text("\n".join(["length,noise,kind", *lines]))
    text.write_text("the cat sat on the mat. " * 120)
    ki.load(str(table), output="kind").with_words(few).fit(epochs=5, out=folder / "kinds")
    mean = {"output.baselines": ["mean"]}
    ki.load(str(table), output="length").with_words(mean).fit(epochs=2, out=folder / "lengths")
    net = {"net": "recurrent", "units": 8, "epochs": 1}
    ki.Task(input={"text": str(text), "window": 48}, process=net).fit(out=folder / "text")
    ki.Task(
        input={"events": _events(folder), "place": ["x", "y"], "grid": 4},
        process={"epochs": 1, "units": 4},
        output={"forecast": "count", "baselines": ["last_count"]},
    ).fit(out=folder / "places")
    return folder


def _events(folder: Path) -> str:
    """Writes events of ten days, most of them at one place in the morning."""
    generator = np.random.default_rng(1)
    first = np.datetime64("2024-10-14T00")
    lines = ["at,x,y"]
    for hour in range(240):
        for _ in range(generator.poisson(6 if hour % 24 in (8, 9) else 1)):
            x, y = generator.normal(5, 1.5, 2).clip(0, 10)
            lines.append(f"{first + hour}:30:00,{x:.3f},{y:.3f}")
    path = folder / "events.csv"
    path.write_text("\n".join(lines))
    return str(path)
