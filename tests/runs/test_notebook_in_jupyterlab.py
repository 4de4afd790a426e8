"""A notebook in JupyterLab and a real browser: once trusted, once not trusted."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

CHROMIUM = shutil.which("chromium")
MISSING = [name for name in ("jupyterlab", "ipykernel", "playwright") if find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"install .[notebook-test]: {MISSING} is missing"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here"),
]
TOKEN = "test"
CELLS = [
    "import time\n"
    "import kissipo as ki\n"
    "class Slow(ki.Callback):\n"
    "    def on_epoch(self, row): time.sleep(2)\n"
    'task = ki.load("flowers.csv", output="kind")\n'
    'run = task.fit(epochs=12, out="run", callbacks=[Slow()])',
    "run",
    "run.trace()",
    "run.report()",
    "task.show()",
    'ki.compare({"small": task.with_words({"process.epochs": 1}), "large": task.with_words('
    '{"process.epochs": 2})}, out="both")',
]
TITLES = ["Report of run", "Report of run", "X-ray of run", "Report of run", "X-ray of flowers"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table and a notebook that was never executed."""
    path = tmp_path_factory.mktemp("notebook")
    rows = [f"{n % 3}.{n % 7},{n % 5}.5,{'abc'[n % 3]}" for n in range(90)]
    (path / "flowers.csv").write_text("\n".join(["length,width,kind", *rows]) + "\n")
    (path / "first.ipynb").write_text(json.dumps(notebook(CELLS)))
    return path


def notebook(sources: list[str]) -> dict[str, Any]:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{number}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """A JupyterLab server on that folder."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    home = folder / "home"
    places = {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")} | {
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "spaces"),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    options = {
        "ServerApp.root_dir": folder,
        "ServerApp.port": number,
        "IdentityProvider.token": TOKEN,
        "LabApp.news_url": "",
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
    }
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env={**os.environ, **places},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        base = f"http://127.0.0.1:{number}"
        try:
            wait_for(f"{base}/api?token={TOKEN}", server, folder / "server.log")
            yield base
        finally:
            server.terminate()
            server.wait(30)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = monotonic() + 120
    while monotonic() < end and server.poll() is None:
        try:
            urlopen(url).read()
        except URLError:
            sleep(0.5)
        else:
            return
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield window
        window.close()


def open_notebook(browser: Any, address: str, name: str) -> tuple[Any, list[str]]:
    """Returns the page of a notebook, and where it collects outside requests."""
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(150_000)
    outside: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((address, address.replace("http", "ws"), "data:", "blob:"))
            or request.url == "about:srcdoc"
            else outside.append(request.url)
        ),
    )
    page.goto(f"{address}/lab/workspaces/test/tree/{name}?reset&token={TOKEN}")
    page.locator(".jp-Cell:visible").first.wait_for()
    return page, outside


def images_of(page: Any) -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = page.evaluate(
        "() => [...document.querySelectorAll('.jp-OutputArea img')].map((image) => "
        "({alt: image.alt, width: image.naturalWidth, shown: image.clientWidth}))"
    )
    return images


def test_a_trusted_notebook_shows_the_pages_and_a_copy_without_trust_shows_the_answers(
    browser: Any, address: str, folder: Path
) -> None:
    page, outside = open_notebook(browser, address, "first.ipynb")
    errors: list[str] = []
    page.on("console", lambda entry: errors.append(entry.text) if "srcdoc" in entry.text else None)
    page.locator(".jp-Cell:visible").first.click()
    page.get_by_text("| Idle").wait_for()
    page.keyboard.press("Shift+Enter")
    first = page.locator(".jp-Cell").first.locator(".jp-OutputArea")
    during = first.filter(has_text="time left").filter(has_text=re.compile(r"epoch \d+ of 12"))
    during.wait_for()
    assert first.locator("iframe").count() == 0
    for _ in CELLS[1:]:
        page.keyboard.press("Shift+Enter")
    last = page.locator(".jp-Cell").nth(len(CELLS) - 1)
    last.scroll_into_view_if_needed()
    last.locator(".jp-OutputArea img").wait_for()

    frames = page.locator(".jp-OutputArea iframe")
    titles = [frame.get_attribute("title") for frame in frames.all()]
    assert titles == TITLES
    for number in range(len(titles)):
        frames.nth(number).scroll_into_view_if_needed()
        assert frames.nth(number).get_attribute("sandbox") == "allow-scripts"
        content = frames.nth(number).content_frame
        assert content.locator("h1").first.inner_text()
        assert not content.locator("body").evaluate("() => document.body.innerHTML.length < 2000")
        assert content.locator("body").evaluate("() => window.origin") == "null"
    images = images_of(page)
    assert len(images) == len(CELLS)
    assert all(image["width"] == 1280 and image["shown"] > 500 for image in images)
    metrics = json.loads((folder / "run" / "metrics.json").read_text())["answers"][0]
    assert metrics["verdict"]["sentence"] in first.text_content()
    assert "of 12" not in first.text_content()  # the same display shows the run now
    assert not errors
    assert not outside

    page.locator(".jp-Cell").first.scroll_into_view_if_needed()
    page.screenshot(path=str(folder / "trusted.png"))
    page.keyboard.press("Control+s")
    end = monotonic() + 30
    while "srcdoc" not in (folder / "first.ipynb").read_text() and monotonic() < end:
        sleep(0.5)
    page.close()

    saved = json.loads((folder / "first.ipynb").read_text())
    saved["cells"][0]["source"] = ["# from somebody else\n", CELLS[0]]
    (folder / "second.ipynb").write_text(json.dumps(saved))
    page, outside = open_notebook(browser, address, "second.ipynb")
    page.locator(".jp-OutputArea img").first.wait_for()
    assert page.locator(".jp-OutputArea iframe").count() == 0
    images = images_of(page)
    assert len(images) >= 1
    assert all(image["width"] == 1280 for image in images)
    assert re.search(r"Learning curve over \d+ epochs", images[0]["alt"])
    text = page.locator(".jp-Cell").first.locator(".jp-OutputArea").text_content()
    assert metrics["verdict"]["sentence"] in text
    for value in metrics["metrics"].values():
        assert f"{value:.4f}" in text
    assert not outside
    page.screenshot(path=str(folder / "untrusted.png"))
    page.close()
