"""The x-ray page in a real browser: clicks, keys, the numbers of PyTorch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from torch import nn

import kissipo as ki
from kissipo.core.description import Tree
from kissipo.core.tensor_spec import TensorSpec
from kissipo.input.makers import reversed_words
from kissipo.inspect.trace import Trace
from kissipo.inspect.tracing.recording import as_array
from kissipo.inspect.tracing.trace_module import trace
from kissipo.pipeline.registries import NETS
from kissipo.report.document import VERSION
from kissipo.runs.run import Run
from kissipo.runs.xray.page import page_of
from kissipo.runs.xray.sample import xray_any

ALLOWED = 1e-5
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
MAX_BYTES, MAX_NODES = 1_000_000, 5_000
ALL_EXACT = 4_000_000
OpenPage = Callable[..., Page]

ROW = TensorSpec("row", ("feature",), (6,))
IMAGE = TensorSpec("image", ("channel", "height", "width"), (2, 17, 12))
PHOTO = TensorSpec("photo", ("channel", "height", "width"), (3, 16, 16))
WINDOW = TensorSpec("window", ("time", "variable"), (7, 3), labels=("a", "b", "c"))
TEXT = TensorSpec("text", ("time",), (7,), vocab_size=11, padded=True)
MASK = TensorSpec("mask", ("class", "height", "width"), (3, 17, 12))
CLASSES = TensorSpec("kind", ("class",), (4,))
AHEAD = TensorSpec("ahead", ("horizon", "variable"), (3, 2), labels=("a", "c"))
TARGET = TensorSpec("target", ("time", "class"), (4, 6), padded=True)
NINE: dict[str, tuple[str, TensorSpec, TensorSpec, dict[str, Any]]] = {
    "ffn": ("ffn", ROW, CLASSES, {"units": (16, 16)}),
    "cnn": ("cnn", IMAGE, CLASSES, {"filters": (8, 12), "units": (30,), "norm": True}),
    "resnet18": ("resnet18", PHOTO, CLASSES, {"width_multiplier": 0.125}),
    "unet": ("unet", IMAGE, MASK, {"filters": (12, 16, 24)}),
    "lstm": ("recurrent", TEXT, CLASSES, {"cell": "lstm", "bidirectional": True}),
    "gru": ("recurrent", TEXT, CLASSES, {"cell": "gru", "num_layers": 2}),
    "rnn": ("recurrent", WINDOW, AHEAD, {"cell": "rnn"}),
    "text_cnn": ("text_cnn", TEXT, CLASSES, {"filters": 12, "embedding_dim": 6}),
    "reverse": ("seq2seq", TEXT, TARGET, {"units": 12, "attention": "additive"}),
    "dcgan": ("dcgan", ROW, PHOTO, {"filters": (12, 8)}),
    "transformer": ("transformer", TEXT, TARGET, {"units": 12, "num_heads": 3}),
}


def trace_of(name: str) -> Trace:
    """Returns the trace of one of ten nets with random weights."""
    torch.manual_seed(0)
    if name == "attention":
        net: nn.Module = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        return trace(net.eval(), torch.randn(1, 6, 16), name=name)
    case, entry, answer, options = NINE[name]
    module = NETS.find(case, place="net")
    net = module.build((entry,), (answer,), module.Options(**options))
    x = torch.randn(1, *entry.shape)
    if entry.vocab_size:
        x = torch.randint(1, entry.vocab_size, (1, *entry.shape))
    return trace(net.eval(), x, name=name)


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    """Opens the HTML of a page; console and requests must stay silent."""
    contexts, heard = [], []

    def open_html(html: str, viewport: Any = WIDE, hash: str = "", **more: Any) -> Page:
        file = tmp_path / "page.html"
        file.write_text(html, encoding="utf-8")
        contexts.append(browser.new_context(viewport=viewport, **more))
        page = contexts[-1].new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on(
            "request",
            lambda request: request.url.startswith(("file:", "data:")) or heard.append(request.url),
        )
        page.goto(file.as_uri() + hash)
        if more.get("java_script_enabled", True):
            expect(page.locator("body[data-ready=yes]")).to_be_attached()
        return page

    yield open_html
    assert heard == []
    for context in contexts:
        context.close()


def number(text: str) -> float:
    """Reads a number as the page writes it."""
    plain = text.replace(",", "").replace("−", "-").replace("×", "").strip()
    return {"∞": np.inf, "-∞": -np.inf, "NaN": np.nan}.get(plain) or float(plain)


def clicked_cell(page: Page, random: Random) -> tuple[str, tuple[int, ...]] | None:
    """Opens a random cell of a random layer by clicks; returns its tensor and index."""
    layers = page.locator(".layers button")
    layers.nth(random.randrange(layers.count())).click()
    canvas = page.locator(".layer-output canvas.cells").first
    if canvas.count() == 0:
        return None
    size = canvas.bounding_box()
    assert size is not None
    place = {"x": random.random() * size["width"], "y": random.random() * size["height"]}
    canvas.click(position=place)
    cell = page.evaluate("new URLSearchParams(location.hash.slice(1)).get('cell')")
    if cell is None:  # between two maps
        return None
    key, _, index = cell.rpartition(":")
    return key, tuple(int(axis) for axis in index.split(",") if axis)


@pytest.mark.parametrize("name", ["gradients-through-time", "convolution", "image-basics"])
def test_a_lesson_shows_the_values_of_its_steps(open_page: OpenPage, name: str) -> None:
    lesson = ki.load(name).show()
    page = open_page(page_of(lesson))
    for stage in ("input", "process", "output"):
        steps = page.locator(f".stage.{stage} .steps li > b:first-child")
        assert steps.all_inner_texts() == [step.name for step in lesson.of(stage)]
    values = page.locator(".stage.process .steps li").filter(
        has=page.locator("canvas.cells, .bars")
    )
    assert values.count() == len(lesson.of("process"))
    titles = page.locator("h2").all_inner_texts()
    assert {part.title for part in lesson.explanation} <= set(titles)
    assert page.get_by_text("The keys").count() == 0


@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [*NINE, "attention"])
def test_cells_that_are_clicked_equal_pytorch(open_page: OpenPage, name: str, count: int) -> None:
    result = trace_of(name)
    recorded = {value.key: as_array(value.tensor) for value in result.values}
    page, random, cells = open_page(page_of(result, exact_bytes=ALL_EXACT)), Random(name), 0
    for _ in range(10 * count):
        cell = clicked_cell(page, random)
        if cell is None:
            continue
        cells += 1
        lens = page.locator(".layer .lens")  # weights of attention have another one below
        rows = dict(
            zip(
                lens.locator("tbody th").all_inner_texts(),
                lens.locator("tbody th + td").all_inner_texts(),
                strict=True,
            )
        )
        torch_value = float(recorded[cell[0]][cell[1]])
        assert np.isclose(number(rows["PyTorch recorded"]), torch_value, rtol=1e-8, equal_nan=True)
        expect(lens).to_contain_text("✓ equal")
        sizes = [abs(number(text)) for text in lens.locator("td.n").all_inner_texts() if text]
        largest = max([size for size in sizes if np.isfinite(size)], default=0.0)
        if np.isfinite(torch_value):
            assert abs(number(rows["result"]) - torch_value) <= ALLOWED * largest * count + 1e-12
        if cells == count:
            return
    pytest.fail(f"only {cells} cells could be clicked")


def test_the_sources_of_a_cell_are_outlined_in_the_layer_before(open_page: OpenPage) -> None:
    page = open_page(page_of(trace_of("cnn"), exact_bytes=ALL_EXACT))
    canvas = page.locator(".layer-input canvas.marks").first
    drawn = "(canvas) => canvas.toDataURL()"
    before = canvas.evaluate(drawn)
    page.locator(".layer-output canvas.cells").first.click(position={"x": 4, "y": 4})
    expect(page.locator(".lens")).to_contain_text("✓ equal")
    assert canvas.evaluate(drawn) != before


def test_keys_alone_choose_a_layer_and_open_a_cell(open_page: OpenPage) -> None:
    page = open_page(page_of(trace_of("cnn"), exact_bytes=ALL_EXACT))
    first = page.locator(".layer h2").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".layer h2")).not_to_have_text(first)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.layer-output canvas')"):
            break
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".layer-output .map-value")).to_contain_text(" = ")
    page.keyboard.press("Enter")
    expect(page.locator(".lens")).to_contain_text("✓ equal")
    state, heading = page.url, page.locator(".lens h3").inner_text()
    page.reload()
    assert page.url == state
    expect(page.locator(".lens h3")).to_have_text(heading)


def test_step_and_unit_are_chosen_by_keys_and_kept_in_the_address(open_page: OpenPage) -> None:
    page = open_page(page_of(trace_of("lstm"), exact_bytes=ALL_EXACT))
    expect(page.locator(".now")).to_contain_text("step 1 of 7")
    page.locator(".controls input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".now")).to_contain_text("step 3 of 7")
    page.locator(".controls input[type=number]").fill("2")
    before = page.locator(".equation").inner_text()
    page.reload()
    expect(page.locator(".now")).to_contain_text("step 3 of 7")
    expect(page.locator(".equation")).to_have_text(re.compile(re.escape(before.split("\n")[0][:9])))


def test_the_equation_of_a_cell_shows_the_recorded_gates(open_page: OpenPage) -> None:
    result = trace_of("lstm")
    page = open_page(page_of(result, exact_bytes=ALL_EXACT), hash="#step=2&unit=1")
    values = {value.key: as_array(value.tensor) for value in result.values}
    name = next(key for key in values if key.endswith(".backward.f")).removesuffix(".f")
    f, i, g, c = (float(values[f"{name}.{gate}"][2, 0, 1]) for gate in "figc")
    before = float(values[f"{name}.c"][3, 0, 1])  # this direction reads from the end
    numbers = [number(text) for text in re.findall(
        r"[−-]?\d[\d.e−-]*", page.locator(".equation td").first.inner_text())]  # fmt: skip
    assert np.allclose(numbers, [f, before, i, g], rtol=1e-2)
    assert np.isclose(f * before + i * g, c, atol=1e-6)


@pytest.mark.parametrize(
    ("viewport", "scheme"),
    [
        (NARROW, "dark"),
        pytest.param(WIDE, "light", marks=pytest.mark.slow),
        pytest.param(WIDE, "dark", marks=pytest.mark.slow),
        pytest.param(NARROW, "light", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_no_violation(
    open_page: OpenPage, runs: Path, viewport: Any, scheme: str
) -> None:
    for name in ("digits", "text", "sunspots"):
        html = xray_any(Run.look(runs / name), []).to_html()
        page = open_page(html, viewport, color_scheme=scheme)
        assert len(html.encode()) < MAX_BYTES
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        assert page.evaluate("document.querySelectorAll('*').length") < MAX_NODES
        canvas = page.locator(".layer-output canvas.cells").first
        canvas.click(position={"x": 4, "y": 4})
        expect(page.locator(".lens")).to_contain_text("✓ equal")
        violations = Axe().run(page).response["violations"]
        assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in violations] == []


def test_a_series_is_a_line_in_its_own_unit_beside_its_forecast(
    open_page: OpenPage, runs: Path
) -> None:
    run = Run.look(runs / "sunspots")
    result = xray_any(run, [])
    page = open_page(result.to_html())
    raw = result.follow().raw_inputs[0]
    assert len(raw.times) == len(next(iter(raw.columns.values()))) > 1
    expect(page.locator(".stage.input .line-chart canvas")).to_be_visible()
    expect(page.locator(".stage.output .answer")).to_contain_text("target")


def test_a_query_is_its_terms_with_their_counts(open_page: OpenPage) -> None:
    Path("documents").mkdir()
    for number, text in enumerate(("war and peace", "peace on earth", "a stone and a river")):
        Path(f"documents/{number}.txt").write_text(text, encoding="utf-8")
    run = ki.load("documents").fit(out="run")
    page = open_page(xray_any(run, ["peace and peace"]).to_html())
    for place in (".stage.input", ".layer-input"):
        assert page.locator(f"{place} .token").all_inner_texts() == ["peace\n2 ×", "and\n1 ×"]


def test_the_gradient_of_the_logits_is_probability_minus_target(
    open_page: OpenPage, runs: Path
) -> None:
    result = xray_any(Run.look(runs / "digits"), [])
    data_flow = result.follow()
    page = open_page(result.to_html())
    page.locator(".layers button").last.click()
    page.locator(".layer-output canvas[tabindex]").nth(1).focus()
    steps = {step.name: step.value for step in data_flow.of("output")}
    classes = data_flow.labels["class"]
    under_map = page.locator(".layer-output .map-value").nth(1)
    for place, name in enumerate(classes[:3]):
        page.keyboard.press("ArrowRight")
        expect(under_map).to_contain_text(re.compile(rf"{name}\b.* = "))
        expected = float(steps["probability"][place]) - (data_flow.truth == name)
        value = number(under_map.inner_text().split(" = ")[-1])
        assert np.isclose(value, expected, rtol=1e-2, atol=1e-6), place


def test_a_text_names_the_ngrams_that_won(open_page: OpenPage) -> None:
    """The maximum of a filter is named in words, as the argmax of torch finds it."""
    texts = ["who was the first man ?", "where is the moon ?"] * 20
    rows = [f"{text},{kind}" for text, kind in zip(texts, ["human", "location"] * 20, strict=True)]
    Path("questions.csv").write_text("\n".join(["question,kind", *rows]), encoding="utf-8")
    words = {"process.net": "text_cnn", "process.filters": 6, "process.epochs": 2}
    task = ki.load("questions.csv", output="kind", words={**words, "input.text": ["question"]})
    result = xray_any(task.fit(out="run"), ["who was the first man ?"])
    recording = result.follow().recording
    assert recording is not None
    pooling = next(call for call in recording.steps if call.name.endswith("pooling"))
    place = int(pooling.inputs[0][0, 4].argmax())
    padded = ["·", "·", "who", "was", "the", "first", "man", "?", "·", "·"]
    page = open_page(
        result.to_html(), hash=f"#layer=2&cell={pooling.output_keys[0]}:0,4".replace("\n", "")
    )
    ngram = " ".join(padded[place : place + 3])
    expect(page.locator(".lens tr", has_text="the maximum, ")).to_contain_text(f"“{ngram}”")
    colored = page.locator(".colored-text span").all_inner_texts()
    assert colored == ["who", "was", "the", "first", "man", "?"]
    expect(page.locator("table", has_text="filters it won")).to_be_visible()


def test_without_javascript_flow_and_answer_remain(open_page: OpenPage, runs: Path) -> None:
    result = xray_any(Run.look(runs / "digits"), [])
    page = open_page(result.to_html(), java_script_enabled=False)
    expect(page.locator("main")).to_contain_text(result.follow().answer)
    assert page.locator("main tr").count() > len(result.follow().of("process"))


def test_numbers_that_do_not_fit_name_the_command(open_page: OpenPage) -> None:
    page = open_page(page_of(trace_of("ffn"), run="runs/mine", exact_bytes=1_500))
    layers = page.locator(".layers button")
    for number in range(layers.count()):
        layers.nth(number).click()
        page.locator(".layer-output canvas.cells").first.click(position={"x": 4, "y": 4})
        if page.locator(".lens pre").count():
            break
    expect(page.locator(".lens pre")).to_contain_text("kissipo xray runs/mine --layer")


def test_a_page_of_another_version_says_so(open_page: OpenPage) -> None:
    html = page_of(trace_of("ffn")).replace(f'"version":{VERSION},', '"version":99,', 1)
    page = open_page(html)
    expect(page.locator("main")).to_contain_text("another version")


def test_nothing_of_the_data_is_read_as_html(open_page: OpenPage) -> None:
    nasty = '</script><b id="bad">&amp;\n"é日'
    page = open_page(page_of(trace_of("ffn"), title=nasty))
    assert page.locator("#bad").count() == 0
    expect(page.locator("h1")).to_have_text(nasty)


@pytest.mark.slow
def test_memory_stays_flat_over_500_layers(open_page: OpenPage) -> None:
    page = open_page(page_of(trace_of("resnet18")))
    session = page.context.new_cdp_session(page)

    def used() -> float:
        session.send("HeapProfiler.collectGarbage")
        return float(session.send("Runtime.getHeapUsage")["usedSize"])

    def press_keys(count: int) -> None:
        for step in range(count):
            page.keyboard.press("ArrowLeft" if step // 10 % 2 else "ArrowRight")

    press_keys(40)
    before = used()
    press_keys(500)
    assert used() < 1.25 * before + 1e6


@pytest.fixture(scope="module")
def written_word(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The x-ray of a word that a beam search of a small net writes, and its run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reversed_words, "COUNT", 200)
        words = {"process.epochs": 1, "process.units": 12, "output.decode.beam": 3}
        run = ki.load("reverse", words=words).fit(out=tmp_path_factory.mktemp("word") / "run")
        return xray_any(run, [], position=1), run


@pytest.mark.parametrize(("viewport", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_the_tree_of_a_search_is_drawn_and_read_by_keys(
    open_page: OpenPage, written_word: Any, viewport: Any, scheme: str
) -> None:
    result, run = written_word
    (tree,) = [
        record
        for section in result.trace.sections
        for record in section.content
        if isinstance(record, Tree)
    ]
    page = open_page(result.to_html(), viewport, color_scheme=scheme)
    assert page.locator(".search-tree .node").count() == len(tree.nodes)
    for state in ("best", "kept", "dropped"):
        count = sum(node.state == state for node in tree.nodes)
        assert page.locator(f".search-tree .node.{state}").count() == count
    page.locator(".search-tree .frame").focus()
    line = page.locator(".search-tree .map-value")
    best = [node for node in tree.nodes if node.state == "best"]
    page.keyboard.press("ArrowRight")  # the first node, from which up and down lead on
    while not page.locator(".search-tree .at.best").count():
        page.keyboard.press("ArrowDown")
    for step, node in enumerate(best):
        expect(line).to_contain_text(f"Step {step + 1}: “{node.token}”")
        expect(line).to_contain_text("part of the best text")
        page.keyboard.press("ArrowRight")
    expect(line).to_contain_text("the text ends" if best[-1].ends else "part of the best text")
    page.keyboard.press("ArrowLeft")
    expect(line).to_contain_text(f"Step {len(best) - 1}: “{best[-2].token}”")
    columns = page.locator("section[aria-label=Alignment] .column-names").first
    read = str(run.pipeline().frame["word"].show(int(run.pipeline().splits["test"][1])))
    assert columns.locator("span").all_inner_texts() == list(read)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    violations = Axe().run(page).response["violations"]
    assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in violations] == []
