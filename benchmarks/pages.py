"""How fast the pages of the viewer are: opening one, changing a layer, a large map.

    python benchmarks/pages.py [RUN ...]

Medians over rounds in Debian's chromium, and the same steps in an empty page beside
them, as machines are shared. The pages are the x-rays of the runs, of a small
convolutional net and of a map of 200 by 512 cells.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

import torch
from playwright.sync_api import Page, sync_playwright
from torch import nn

from kissipo.inspect.tracing.trace_module import trace
from kissipo.runs.run import Run
from kissipo.runs.xray.page import page_of
from kissipo.runs.xray.sample import xray_any

ROUNDS = 15
FRAME = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));"
EMPTY = '<!doctype html><body data-ready="yes"><main id="page"></main></body>'


def convolutional() -> str:
    """Returns the page of a net on an image of 64 x 64 pixels."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    return page_of(trace(net.eval(), torch.rand(1, 3, 64, 64), name="convolutional"))


def wide() -> str:
    """Returns the page of a net with states of 512 units over 200 steps."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 512), nn.Tanh())
    return page_of(trace(net.eval(), torch.rand(1, 200, 4), name="wide"), exact_bytes=2_000_000)


def milliseconds(page: Page, key: str, back: str) -> float:
    """Returns the median time from a key to the next frame that is drawn."""
    script = (
        "async (key) => { const start = performance.now(); document.body.dispatchEvent("
        f"new KeyboardEvent('keydown', {{ key, bubbles: true }})); {FRAME} "
        "return performance.now() - start; }"
    )
    return median(
        float(page.evaluate(script, back if number % 2 else key)) for number in range(ROUNDS)
    )


def main() -> None:
    """Prints one line per page."""
    pages = {"convolutional": convolutional(), "200 x 512 cells": wide()}
    for run in sys.argv[1:]:
        pages[Path(run).name] = xray_any(Run.look(run), []).to_html()
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as folder:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        print(f"{'page':<24}{'kB':>8}{'open, ms':>10}{'layer, ms':>11}{'empty, ms':>11}")
        for name, html in pages.items():
            file, empty = Path(folder) / "page.html", Path(folder) / "empty.html"
            file.write_text(html, encoding="utf-8")
            empty.write_text(EMPTY, encoding="utf-8")
            tab = browser.new_page()
            open_times = []
            for _ in range(5):
                tab.goto(file.as_uri())
                tab.wait_for_selector("body[data-ready]")
                open_times.append(float(tab.evaluate("performance.now()")))
            layer = milliseconds(tab, "ArrowRight", "ArrowLeft")
            tab.goto(empty.as_uri())
            nothing = milliseconds(tab, "ArrowRight", "ArrowLeft")
            size = len(html.encode()) / 1000
            print(
                f"{name:<24}{size:>8.0f}{median(open_times):>10.0f}{layer:>11.1f}{nothing:>11.1f}"
            )
            tab.close()


if __name__ == "__main__":
    main()
