"""What a notebook shows: the values, without trust, within its size."""

from __future__ import annotations

import base64
import io
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kissipo.core.description import Line, Table
from kissipo.inspect.trace import Step, Trace
from kissipo.report.notebook import MAX_BYTES, mime_bundle
from kissipo.report.plain_answer import PlainAnswer, comparison_answer, run_answer, trace_answer
from kissipo.report.still_image import curves_of, run_image
from kissipo.report.still_trace import layers_of, trace_image

PAGE = """<!doctype html><html><body><h1>it's &amp; "so"</h1><script>1 < 2</script></body></html>"""
HISTORY = [
    {"epoch": 0, "validation_loss": 2.5},
    {"epoch": 1, "loss": 1.75, "validation_loss": 1.5},
    {"epoch": 2, "loss": 0.5, "validation_loss": 1.25},
]


class Untrusted(HTMLParser):
    """What JupyterLab leaves of HTML in a notebook that is not trusted."""

    GONE = {"iframe", "svg", "script", "style", "canvas", "link", "object"}

    def __init__(self, html: str) -> None:
        super().__init__()
        self.depth, self.text, self.images = 0, "", []  # type: ignore[var-annotated]
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag in self.GONE
        if not self.depth:
            self.tags.add(tag)
            assert all(name not in ("style", "class", "id") for name, _ in attrs)
            if tag == "img":
                self.images.append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in self.GONE

    def handle_data(self, data: str) -> None:
        self.text += "" if self.depth else f" {data}"

    @property
    def image(self) -> Image.Image:
        """The first image."""
        data = self.images[0]["src"].removeprefix("data:image/png;base64,")
        return Image.open(io.BytesIO(base64.b64decode(data)))


def metrics(**changes: Any) -> dict[str, Any]:
    answer = {
        "column": "kind <b>",
        "main": "accuracy",
        "higher_is_better": True,
        "metrics": {"accuracy": 0.87654, "log_loss": None},
        "baselines": {
            "majority class": {"accuracy": 0.25, "log_loss": 1.5},
            "trees": {"accuracy": 0.75},
        },
        "verdict": {"better": 1, "sentence": "12.7 points above trees"},
    }
    return {"answers": [answer | changes], "best_epoch": 2}


def test_a_run_without_trust_shows_image_verdict_and_scores() -> None:
    bundle = mime_bundle("Run('x')", run_answer(metrics(), HISTORY), page=PAGE)
    rest = Untrusted(bundle["text/html"])
    assert "accuracy 0.8765: 12.7 points above trees." in rest.text
    assert rest.text.index(" trees ") < rest.text.index(" majority class ")
    for cell in ("kind <b>", "0.8765", "-", "0.2500", "1.5000", "0.7500"):
        assert f" {cell} " in f"{rest.text} "
    assert rest.image.size == (1280, 496)
    assert rest.images[0]["alt"] == (
        "Learning curve over 2 epochs: training loss from 1.75 to 0.5, validation loss "
        "from 2.5 to 1.25; the best epoch is 2. Bars of accuracy, higher is better: "
        "model 0.8765, trees 0.7500, majority class 0.2500."
    )
    assert bundle["text/plain"].splitlines()[0] == "Run('x')"


def test_the_frame_has_the_page_and_no_rights() -> None:
    html = mime_bundle("", PlainAnswer([], []), page=PAGE, title='a "title"')["text/html"]
    frame = re.search(r"<iframe ([^>]*?) srcdoc='([^']*)'></iframe>$", html, re.DOTALL)
    assert frame
    assert unescape(frame[2]) == PAGE
    assert 'sandbox="allow-scripts"' in frame[1]
    assert 'title="a &quot;title&quot;"' in frame[1]
    assert 'width="100%"' in frame[1]


def test_a_page_that_is_too_large_is_replaced_by_a_sentence() -> None:
    fits, large = (
        mime_bundle("", PlainAnswer([], [Line("n")]), page="é" * count, place="It is here.")[
            "text/html"
        ]
        for count in (MAX_BYTES // 2 - 200, MAX_BYTES // 2)
    )
    assert "<iframe" in fits
    assert len(fits.encode()) <= MAX_BYTES
    assert "<iframe" not in large
    assert "1.0 MB, too much for a notebook. It is here." in large


@pytest.mark.parametrize("size", [1, 3, 40])
def test_plain_text_aligns_columns(size: int) -> None:
    table = Table(["name", "n"], [["a" * size, "1"], ["b", "20"]], numbers=[1])
    lines = mime_bundle("x", PlainAnswer(["Yes."], [table]))["text/plain"].splitlines()
    assert lines[:2] == ["x", "Yes."]
    assert len({len(line) for line in lines[2:]}) == 1


@pytest.mark.parametrize(
    ("history", "names"),
    [
        ([], []),
        ([{"epoch": 1, "loss": 1.0}], []),
        (HISTORY, ["training loss", "validation loss"]),
        ([{"epoch": e, "loss": 1.0, "critic_loss": e} for e in (1, 2)], ["training loss", "critic loss"]),
        ([{"epoch": e, "episode": 9 * e, "return": e, "steps": 3} for e in (1, 2)], ["mean return"]),
        ([{"epoch": e, "loss": float("nan")} for e in (1, 2)], []),
    ],
)  # fmt: skip
def test_curves_are_those_with_numbers(history: list[dict[str, float]], names: list[str]) -> None:
    assert list(curves_of(history)[0]) == names
    assert (run_image(history, None) is None) == (not names)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e9, float("nan"), float("inf")])
def test_any_score_is_drawn_or_left_out(value: float) -> None:
    answer = metrics(metrics={"accuracy": value})["answers"][0]
    image = run_image([], answer)
    assert image is not None
    assert ("model" in image.alt) == bool(np.isfinite(value))


def trace_with(value: np.ndarray, **words: Any) -> Trace:
    layer = np.linspace(-1, 1, 6, dtype=np.float32)
    steps = (
        Step("input", "x", "raw input", value="a <raw> value"),
        Step("input", "codec", "", value.shape, value=value),
        Step("process", "0", "flatten", value.shape, value=value.reshape(-1)),
        Step("process", "1", "linear 6 -> 6", (6,), value=layer),
        Step("process", "2", "dropout 0.1", (6,), value=layer),
        Step("process", "3", "linear 6 -> 2", (2,), value=layer[:2]),
        Step("output", "probability", "softmax", (2,), value=np.array([0.2, 0.8])),
    )
    return Trace(steps, **words)


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        (np.zeros((1, 8, 8), dtype=np.float32), {}),
        (np.full((3, 5, 9), np.nan, dtype=np.float32), {}),
        (np.arange(4), {"time": ("日本", "(unknown)", " ", "(padding)")}),
        (np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32), {}),
        (np.random.default_rng(0).normal(size=(12, 9)).astype(np.float32), {}),
        (np.array([1.0, -2.0, 0.0]), {"feature": ("a", "b" * 99, "c")}),
        (np.array(3), {}),
        (np.zeros((0, 3), dtype=np.float32), {}),
        (np.arange(20) > 9, {}),
    ],
)
def test_every_kind_of_input_is_drawn(value: np.ndarray, labels: dict[str, Any]) -> None:
    trace = trace_with(value, labels={"class": ("ham", "spam"), **labels})
    image = trace_image(trace)
    width, height = Image.open(io.BytesIO(image.png)).size
    assert width == 1280 and 300 < height < 1200
    assert "Input: x: a <raw> value." in image.alt
    assert "Most probable: spam 80.0%, ham 20.0%." in image.alt


def test_layers_that_change_no_number_are_left_out() -> None:
    trace = trace_with(np.ones((2, 3), dtype=np.float32))
    assert [step.name for step in layers_of(trace)] == ["1", "3"]


def test_a_trace_without_trust_shows_answer_and_steps() -> None:
    trace = trace_with(np.ones((1, 8, 8), dtype=np.float32), answer="spam (80.0%)", truth="ham")
    rest = Untrusted(mime_bundle("", trace_answer(trace), page=PAGE)["text/html"])
    assert "Answer: spam (80.0%), target: ham." in rest.text
    assert "linear 6 -> 2" in rest.text and "[0.2 0.8]" in rest.text
    assert "Answer: spam (80.0%), target: ham." in rest.images[0]["alt"]


def test_a_comparison_without_trust_names_the_best_task() -> None:
    def row(task: str, mae: float) -> dict[str, Any]:
        values = {name: {"mean": mae, "std": 0.5} for name in ("mae", "training seconds")}
        return {
            "task": task, "main": "mae", "higher_is_better": False, "weights": 12345,
            "seeds": [0, 1], "metrics": values, "faster": 3.0, "performance_cost": None,
        }  # fmt: skip

    rest = Untrusted(comparison_answer([row("lstm", 2.5), row("gru", 1.5)]).to_html())
    assert "Best mae: gru with 1.5000." in rest.text
    for text in ("2.5000\n± 0.5000", "+3.0 %", "12,345"):
        assert text in rest.text
    assert rest.images[0]["alt"] == "Bars of mae, lower is better: lstm 2.5000, gru 1.5000."
