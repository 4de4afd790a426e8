"""A training in a notebook: one display, updated in place, which breaks nothing."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import kissipo as ki
from kissipo.runs.fit import fit
from kissipo.runs.live_display import LiveDisplay, live_display
from kissipo.runs.run import Run


class Place:
    """A place below a cell, which keeps what it showed."""

    def __init__(self) -> None:
        self.contents: list[Mapping[str, str]] = []
        self.displays = 0

    def show(self, content: Mapping[str, str]) -> Place:
        self.displays += 1
        self.contents.append(content)
        return self

    def update(self, content: Mapping[str, str], *, raw: bool) -> None:
        assert raw
        self.contents.append(content)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> ki.Task:
    file = tmp_path_factory.mktemp("data") / "flowers.csv"
    rows = [f"{n % 3}.{n % 7},{n % 5}.5,{'abc'[n % 3]}" for n in range(60)]
    file.write_text("\n".join(["length,width,kind", *rows]) + "\n")
    words = {"process.epochs": 3, "output.baselines": ["majority"]}
    return ki.load(file, output="kind").with_words(words)


@pytest.fixture(scope="module")
def trained(task: ki.Task, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Place]:
    place = Place()
    out = tmp_path_factory.mktemp("runs") / "a"
    return fit(task, out=out, callbacks=[LiveDisplay("flowers", place.show)]), place


def test_training_updates_one_display_and_ends_with_the_run(trained: tuple[Run, Place]) -> None:
    run, place = trained
    assert place.displays == 1
    texts = [content["text/plain"] for content in place.contents]
    assert any(text.startswith(f"flowers ({run.folder}): epoch 3 of 3") for text in texts)
    last = run.history[-1]
    during = next(text for text in texts if "epoch 3 of 3" in text)
    assert f"{last['loss']:.4f}" in during and f"{last['validation_loss']:.4f}" in during
    assert place.contents[-1] == run.mime_bundle()
    assert "<iframe" in place.contents[-1]["text/html"]


def test_run_and_report_show_the_metrics_of_the_run(trained: tuple[Run, Place]) -> None:
    run, _ = trained
    for bundle in (run._repr_mimebundle_(), run.report()._repr_mimebundle_()):
        html = bundle["text/html"]
        before_page = html[: html.index("<iframe")]
        answer = run.metrics["answers"][0]
        for values in (answer["metrics"], *answer["baselines"].values()):
            assert all(f"{value:.4f}" in before_page for value in values.values())
        assert answer["verdict"]["sentence"] in before_page
        assert len(html.encode()) < 1_000_000
    assert run.report().to_html() == (run.folder / "report.html").read_text()


def test_report_is_saved_where_one_wants_it(trained: tuple[Run, Place], tmp_path: Path) -> None:
    file = trained[0].report().save(tmp_path / "page.html")
    assert file.read_text() == trained[0].report().to_html()


def test_traces_show_their_page(trained: tuple[Run, Place], task: ki.Task) -> None:
    for trace in (trained[0].trace(), task.show()):
        bundle = trace._repr_mimebundle_()
        assert trace.answer in bundle["text/html"]
        assert 'sandbox="allow-scripts"' in bundle["text/html"]
        assert len(bundle["text/html"].encode()) < 1_000_000


def test_a_run_without_metrics_shows_its_name(trained: tuple[Run, Place], tmp_path: Path) -> None:
    run = Run(
        tmp_path / "b", trained[0].task, trained[0].net, trained[0].codecs, trained[0].answers
    )
    bundle = run._repr_mimebundle_()
    assert list(bundle) == ["text/plain"]
    assert bundle["text/plain"].startswith(f"Run('{tmp_path / 'b'}')\n")


def test_an_error_of_the_display_is_reported_once_and_the_training_continues(
    task: ki.Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(content: Mapping[str, str]) -> Place:
        raise OSError("the browser is gone")

    run = fit(task, out=tmp_path / "a", callbacks=[LiveDisplay("flowers", fails)])
    assert run.metrics["epochs"] == 3
    assert run.displayed_in_cell is None
    error = capsys.readouterr().err
    assert error.count("The display of the training failed (OSError: the browser is gone)") == 1


def test_an_error_of_the_training_is_the_last_thing_on_the_display() -> None:
    place = Place()
    LiveDisplay("flowers", place.show).stop(KeyboardInterrupt())
    assert place.contents[-1]["text/plain"] == "flowers: stopped: KeyboardInterrupt"


def test_outside_of_notebooks_nothing_is_displayed() -> None:
    has_ipython = "IPython" in sys.modules
    with live_display("flowers") as callbacks:
        assert callbacks == []
    assert ("IPython" in sys.modules) == has_ipython
