"""The report in a browser: keys, narrow screens, printing, accessibility."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

import kissipo as ki

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
ContentOf = Callable[[Path], dict[str, Any]]
OpenReport = Callable[..., Page]
MAX_NODES = 5_000


@pytest.fixture
def open_report(browser: Browser, runs: Path) -> Iterator[OpenReport]:
    """Opens the report of a run; console and requests must stay silent."""
    contexts, heard = [], []

    def open_page(name: str, viewport: Any = WIDE, scheme: Any = "light", hash: str = "") -> Page:
        context = browser.new_context(viewport=viewport, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(message.text))
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on(
            "request",
            lambda request: request.url.startswith(("file:", "data:")) or heard.append(request.url),
        )
        page.goto((runs / name / "report.html").as_uri() + hash)
        expect(page.locator("body[data-ready=yes]")).to_be_attached()
        return page

    yield open_page
    assert heard == []
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    "name", ["digits", "sunspots", "racing", "kinds", "lengths", "text", "places", "map"]
)
@pytest.mark.parametrize("viewport", [WIDE, NARROW])
def test_a_report_fits_its_screen(open_report: OpenReport, name: str, viewport: Any) -> None:
    page = open_report(name, viewport)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.evaluate("document.querySelectorAll('*').length") < MAX_NODES
    assert page.locator("nav a").count() == page.locator("section > h2").count() > 3
    outside = "[...document.images].filter((image) => !image.complete || !image.naturalWidth)"
    assert page.evaluate(f"{outside}.length") == 0


@pytest.mark.parametrize(
    ("name", "viewport", "scheme"),
    [
        ("digits", WIDE, "light"),
        ("places", WIDE, "dark"),
        ("digits", NARROW, "dark"),
        ("kinds", WIDE, "dark"),
        ("kinds", NARROW, "light"),
        ("map", WIDE, "light"),
    ],
)
def test_axe_finds_no_violation(
    open_report: OpenReport, name: str, viewport: Any, scheme: str
) -> None:
    page = open_report(name, viewport, scheme)
    page.locator("td button").first.click() if name == "digits" else None
    violations = Axe().run(page).response["violations"]
    assert [(item["id"], [node["html"] for node in item["nodes"]]) for item in violations] == []


def test_verdict_and_figures_stand_on_the_first_screen(open_report: OpenReport) -> None:
    for viewport in (WIDE, NARROW):
        page = open_report("digits", viewport)
        for selector in (".verdict", ".figures"):
            box = page.locator(selector).first.bounding_box()
            assert box and box["y"] + box["height"] < viewport["height"]
        expect(page.locator(".figures > div")).to_have_count(3)


def test_a_cell_of_the_confusion_matrix_shows_its_examples_by_keys(
    open_report: OpenReport, runs: Path, content_of: ContentOf
) -> None:
    page = open_report("digits")
    (key, examples), *_ = (
        next(record for record in section["records"][0]["records"][0]["records"])
        for section in content_of(runs / "digits" / "report.html")["sections"]
        if section["title"] == "Confusion matrix"
    ).__next__()["examples"].items()
    target, other = key.split(",")
    cell = page.locator(f'button[aria-label^="target {target}, prediction {other}:"]')
    cell.focus()
    page.keyboard.press("Enter")
    expect(cell).to_have_attribute("aria-expanded", "true")
    listed = page.locator(".cell-examples .examples li")
    expect(listed).to_have_count(len(examples))
    expect(listed.first).to_contain_text(f"--example {examples[0]['position'] + 1}")
    assert f"cell={target}%2C{other}" in page.url
    cell.focus()
    page.keyboard.press("Enter")
    expect(listed).to_have_count(0)


def test_the_address_shows_the_same_cell_again(open_report: OpenReport) -> None:
    page = open_report("digits", hash="#section=confusion-matrix&cell=0%2C0")
    expect(page.locator(".cell-examples h3")).to_contain_text("Target 0, prediction 0")
    expect(page.locator('nav a[aria-current="true"]')).to_have_text("Confusion matrix")


def test_the_threshold_moves_by_keys_and_counts_every_sample(
    open_report: OpenReport, runs: Path, content_of: ContentOf
) -> None:
    page = open_report("kinds")
    record = next(
        section["records"][0]
        for section in content_of(runs / "kinds" / "report.html")["sections"]
        if section["title"] == "Decision threshold"
    )
    slider = page.locator('.threshold input[type="range"]')
    slider.focus()
    page.keyboard.press("Home")
    everything = page.locator(".threshold dd").nth(1)
    expect(everything).to_have_text("1")
    page.keyboard.press("End")
    for _ in range(30):
        page.keyboard.press("PageDown")
    threshold = float(slider.input_value())
    chance = np.array(record["probabilities"])
    is_positive = np.array([flag == "1" for flag in record["targets"]])
    predicted = chance >= threshold
    hits, misses = (predicted & is_positive).sum(), (~predicted & is_positive).sum()
    alarms = (predicted & ~is_positive).sum()
    page.locator('.threshold input[type="number"]').fill("7")
    listed = [
        float(text) if text != "–" else 0.0
        for text in page.locator(".threshold dd").all_inner_texts()
    ]
    assert listed[0] == pytest.approx(hits / max(1, hits + alarms), abs=1e-4)
    assert listed[1] == pytest.approx(hits / (hits + misses), abs=1e-4)
    assert listed[2] == pytest.approx(2 * hits / (2 * hits + alarms + misses), abs=1e-4)
    assert listed[4] == pytest.approx(100 * (7 * misses + alarms) / len(chance), rel=1e-3)
    page.get_by_role("button", name="of the model").click()
    assert float(slider.input_value()) == pytest.approx(record["threshold"], abs=1e-3)


def test_a_term_says_its_sentence_on_focus_and_escape_closes_it(open_report: OpenReport) -> None:
    page = open_report("digits", NARROW)
    term = page.locator(".figures .term button").first
    term.focus()
    note = page.locator(".term-note")
    expect(note).to_have_text("The share of examples whose class is predicted correctly.")
    box = note.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= NARROW["width"]
    page.keyboard.press("Escape")
    expect(note).to_have_count(0)


def test_contents_lead_to_their_sections_and_say_where_one_is(open_report: OpenReport) -> None:
    page = open_report("digits")
    link = page.locator("nav a", has_text="Training")
    link.focus()
    page.keyboard.press("Enter")
    expect(link).to_have_attribute("aria-current", "true")
    expect(page.locator("#training h2")).to_be_focused()
    box = page.locator("nav").bounding_box()
    assert box and 0 <= box["y"] < 100


def test_steps_of_the_data_flow_are_cards_on_a_narrow_screen(open_report: OpenReport) -> None:
    page = open_report("digits", NARROW)
    rows = page.locator("#data-flow tbody tr")
    for box in (rows.nth(number).bounding_box() for number in range(3)):
        assert box and box["width"] <= NARROW["width"] and box["height"] < 260
    expect(rows.first).to_have_css("display", "grid")


def test_task_yaml_is_folded_and_can_be_copied(open_report: OpenReport, runs: Path) -> None:
    page = open_report("digits")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    fold = page.locator("details", has_text="task.yaml")
    expect(fold.locator("pre")).to_be_hidden()
    fold.locator("summary").click()
    fold.get_by_role("button", name="copy task.yaml").click()
    expect(fold.get_by_role("button")).to_have_text("copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == (runs / "digits" / "task.yaml").read_text(encoding="utf-8")


def test_the_page_prints_with_every_fold_open(open_report: OpenReport) -> None:
    page = open_report("kinds")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(
        "[...document.querySelectorAll('details:not(.xrays)')].every((fold) => fold.open)"
    )
    page.emulate_media(media="print")
    expect(page.locator("nav")).to_be_hidden()
    expect(page.locator(".matrix td button").first).to_be_visible()
    assert len(page.pdf()) > 20_000


def test_without_javascript_the_tables_are_there(browser: Browser, runs: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((runs / "kinds" / "report.html").as_uri())
    expect(page.locator("h1")).to_contain_text("kind")
    assert "accuracy" in page.locator("table").first.inner_text()
    context.close()


def test_an_example_of_the_report_shows_its_layers(open_report: OpenReport) -> None:
    page = open_report("digits")
    page.get_by_text("Look inside the net").click()
    xray = page.locator(".xray")
    expect(xray.locator(".stage.input canvas").first).to_be_visible()
    page.locator(".choice button").nth(1).click()
    xray.locator(".layers button").nth(1).click()
    xray.locator(".layer-output canvas.cells").first.click(position={"x": 4, "y": 4})
    expect(xray.locator(".lens")).to_contain_text("✓ equal")
    assert "xray=1" in page.url and "layer=1" in page.url and "cell=" in page.url


PIXELS = "canvas => canvas.toDataURL()"


def test_a_film_of_places_plays_and_obeys_the_keys(open_report: OpenReport, runs: Path) -> None:
    page = open_report("places")
    film, times = page.locator(".film"), page.locator(".film input")
    maps = film.locator("canvas")
    expect(maps).to_have_count(2)
    assert (runs / "places" / "report.html").stat().st_size < 1_000_000
    last = int(times.get_attribute("max") or 0)
    assert last == round(240 * 0.2) - 1
    before = maps.first.evaluate(PIXELS)
    maps.first.focus()
    page.keyboard.press("End")
    expect(times).to_have_value(str(last))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("PageUp")
    expect(times).to_have_value(str(last - 25))
    assert maps.first.evaluate(PIXELS) != before
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(film.get_by_role("button", name="pause")).to_be_visible()
    expect(times).not_to_have_value("0")
    film.get_by_role("button", name="pause").click()
    expect(film.get_by_role("button", name="play")).to_be_visible()


def test_a_film_shows_the_counts_of_the_run(open_report: OpenReport) -> None:
    page = open_report("places")
    run = ki.open(Path(page.url.removeprefix("file://")).parent)
    places, test = len(run.pipeline().starts) - 1, run.pipeline().datasets["test"]
    with torch.no_grad():
        means = run.answers[0].scores(run.net(*test.everything().inputs))[:, 0, 0]
    times = page.locator(".film input")
    step = 9
    times.fill(str(step))
    means = means.reshape(-1, places)[step]
    busiest = run.answers[0].places[int(means.argmax())]  # type: ignore[attr-defined]
    row = page.locator(".film tbody tr").first.locator("td")
    expect(row.nth(0)).to_have_text(busiest)
    truth = test.truth(0).reshape(-1, places)[step]
    expect(row.nth(1)).to_have_text(f"{truth[int(means.argmax())]:g}")
    assert float(row.nth(2).inner_text()) == pytest.approx(means.max(), abs=0.051)


def test_a_film_is_slow_for_people_who_prefer_less_motion(browser: Browser, runs: Path) -> None:
    counts = []
    for motion in ("no-preference", "reduce"):
        context = browser.new_context(reduced_motion=motion)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto((runs / "places" / "report.html").as_uri())
        expect(page.locator(".film canvas").first).to_be_attached()
        assert page.locator(".film input").input_value() == "0"  # it never plays by itself
        page.locator(".film button").click()
        page.wait_for_timeout(1_500)
        counts.append(int(page.locator(".film input").input_value()))
        context.close()
    assert counts[1] in (1, 2)
    assert counts[0] > 2 * counts[1]


def test_the_sample_under_the_pointer_is_shown(
    open_report: OpenReport, runs: Path, content_of: ContentOf
) -> None:
    page = open_report("map")
    record = next(
        record
        for section in content_of(runs / "map" / "report.html")["sections"]
        for record in section["records"]
        if record["kind"] == "scatter_map"
    )
    canvas, sample = page.locator(".scatter canvas"), page.locator(".scatter .sample")
    canvas.scroll_into_view_if_needed()
    expect(sample).to_contain_text("Point at a sample")
    box = canvas.bounding_box()
    assert box
    points = np.asarray(record["points"])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    scale = min((box["width"] - 36) / np.ptp(points[:, 0]), (460 - 36) / np.ptp(points[:, 1]))
    number = int(points[:, 0].argmax())  # alone at the right end
    across, up = (points[number] - middle) * scale
    page.mouse.move(box["x"] + box["width"] / 2 + across, box["y"] + 230 - up)
    digit = record["legend"][int(record["groups"][number])]
    expect(sample).to_contain_text(f"{record['names'][number]}, digit: {digit}")
    image = sample.locator("svg")
    columns = record["images"]["columns"]
    corner = f"{8 * (number % columns)} {8 * (number // columns)} 8 8"
    expect(image).to_have_attribute("viewBox", corner)
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    expect(sample).to_contain_text("Point at a sample")


def test_keys_move_from_sample_to_sample_of_a_map(open_report: OpenReport) -> None:
    page = open_report("map")
    canvas, sample = page.locator(".scatter canvas"), page.locator(".scatter .sample")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(sample.locator("b").first).to_contain_text("row ")
    before = sample.inner_text()
    page.keyboard.press("ArrowRight")
    expect(sample).not_to_have_text(before)
    x = [float(text.split("at ")[1].split(",")[0].replace("\u2212", "-")) for text in (before,)]
    after = sample.inner_text().split("at ")[1].split(",")[0].replace("\u2212", "-")
    assert float(after) > x[0]
    page.keyboard.press("Escape")
    expect(sample).to_contain_text("Point at a sample")
    group = page.locator(".scatter .groups button").nth(3)
    group.click()
    expect(group).to_have_attribute("aria-pressed", "true")
    canvas.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
        expect(sample).to_contain_text("digit: 3")
