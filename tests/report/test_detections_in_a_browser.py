"""Errors of detections and the inside of a detector in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from kissipo.core.description import Section
from kissipo.output.answers.boxes import Boxes, Decode, Options
from kissipo.output.detection.detection_inside import inside_section
from kissipo.output.detection.detection_sections import ErrorReport
from kissipo.report.document import document
from kissipo.report.plain import plain_page
from kissipo.report.record_json import section_json
from kissipo.report.run_report import page_content

NAMES, SIZE = ("bar", "dot"), (40, 60)


def candidate(left: float, score: float, label: int) -> list[float]:
    """A candidate of 0.2 x 0.4 in the upper half, with its box as its anchor box."""
    box = [left + 0.1, 0.2, 0.2, 0.4]
    logit = torch.logit(torch.tensor(score)).item()
    return [*box, *box, logit, *(30.0 * (number == label) for number in range(2))]


def sections() -> list[Section]:
    """Two images: a hit and a low score, a wrong class and a false alarm."""
    outputs = torch.tensor([
        [candidate(0.0, 0.9, 0), candidate(0.04, 0.8, 0), candidate(0.5, 0.3, 1)],
        [candidate(0.0, 0.8, 1), candidate(0.7, 0.6, 1), candidate(0.02, 0.1, 1)],
    ])  # fmt: skip
    targets = torch.tensor([
        [[0, 0.0, 0, 0.2, 0.4], [1, 0.5, 0, 0.7, 0.4]],
        [[0, 0.0, 0, 0.2, 0.4], [-1, 0, 0, 0, 0]],
    ])  # fmt: skip
    answer = Boxes("label", Options(Decode()), size=SIZE)
    answer.codec.classes = NAMES
    scores, truth = answer.gather(outputs, targets)
    limits = answer.limits
    report = ErrorReport(
        NAMES, scores, truth, limits, [0.5, 0.7],
        lambda samples: torch.rand(len(samples), 3, *SIZE),
        lambda samples: [f"{sample}.png" for sample in samples],
    )  # fmt: skip
    net, image = torch.nn.Identity(), torch.rand(1, 3, *SIZE)
    inside = inside_section(net, image, outputs[:1], truth[0, :, :5], NAMES, limits)
    return [report.section(), inside]


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The page of both sections; its console stays silent."""
    some = sections()
    content = page_content("boxes", "", [section_json(section, "output") for section in some])
    file = tmp_path / "page.html"
    file.write_text(document(content, plain=plain_page("boxes", "", some)), encoding="utf-8")
    context, messages = browser.new_context(viewport={"width": 1200, "height": 900}), list[str]()
    tested_page = context.new_page()
    tested_page.on("console", lambda message: messages.append(message.text))
    tested_page.on("pageerror", lambda error: messages.append(str(error)))
    tested_page.goto(file.as_uri())
    expect(tested_page.locator("body[data-ready=yes]")).to_be_attached()
    yield tested_page
    assert messages == []
    context.close()


def frames(place: Locator) -> list[Any]:
    """The frames of a drawing: their left edges, and whether they are dashed."""
    script = (
        "(all) => all.map((r) => [Number(r.getAttribute('x')), r.hasAttribute('stroke-dasharray')])"
    )
    return place.locator("rect.mark").evaluate_all(script)


def test_a_count_shows_the_images_of_its_cause(page: Page) -> None:
    rows = page.locator("table.errors").first.locator("tbody tr")
    assert [row.split("\t")[:2] for row in rows.all_inner_texts()] == [
        ["missed box", "wrong class"],
        ["missed box", "low score"],
        ["false alarm", "wrong class"],
        ["false alarm", "background"],
    ]
    page.get_by_role("button", name="missed box, low score, dot: 1").click()
    examples = page.get_by_role("group", name="boxes of this cause")
    expect(examples.locator("figcaption")).to_contain_text(
        "dot, missed, low score: its best candidate has a score of 0.300, below 0.5"
    )
    expect(examples.locator("figcaption")).to_contain_text("0.png")
    # two true boxes, two detections, and the white edge of the chosen box
    edges = frames(page.locator(".cell-examples"))
    assert sorted(edge for edge, dashed in edges if dashed) == pytest.approx([0, 30])
    assert sorted(edge for edge, dashed in edges if not dashed) == pytest.approx([0, 30, 30])
    assert "error=" in page.evaluate("location.hash")
    page.get_by_role("button", name="close").click()
    expect(examples).to_have_count(0)
    page.get_by_role("button", name="false alarm, wrong class, all: 1").click()
    expect(examples.locator("figcaption")).to_contain_text("IoU 1.000, is a bar")


def test_a_point_of_a_curve_shows_its_detection(page: Page) -> None:
    curve = page.locator(".curve", has_text="dot")
    curve.locator("input[type=range]").fill("2")
    point = page.get_by_role("group", name="the chosen detection")
    expect(point).to_contain_text("3 detections have a score of 0.3 or more")
    expect(point).to_contain_text("precision 0.3333, recall 1".replace("0.3333", "0.333"))
    expect(point.locator("figcaption")).to_contain_text(
        "detection 2, dot, score 0.30, true positive"
    )
    box = curve.locator("svg").bounding_box()
    assert box is not None
    curve.locator("svg").click(position={"x": 0.16 * box["width"], "y": 0.8 * box["height"]})
    expect(point).to_contain_text("1 detections have a score of 0.8 or more")


def test_steps_of_suppression_and_candidates_of_an_object(page: Page) -> None:
    expect(page.locator(".detector").first).to_contain_text(
        "candidate 0 has the nearest anchor box"
    )
    page.get_by_role("button", name="1", exact=True).click()
    edges = frames(page.locator(".detector").first)
    dashed = [edge for edge, is_dashed in edges if is_dashed]
    assert dashed == pytest.approx([0, 0.04 * 60])  # the anchor box, and the chosen candidate
    expect(page.locator("p[aria-live]").last).to_contain_text(
        "Step 1 keeps candidate 0, bar 0.90 and removes candidate 1, bar 0.80 (IoU 0.67)"
    )
    expect(page.locator("table.overlaps td.removes")).to_have_text("0.67")
    page.locator(".steps-slider input").fill("1")
    expect(page.locator("p[aria-live]").last).to_contain_text(
        "Step 2 keeps candidate 2, dot 0.30 and removes nothing"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(page: Page, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.get_by_role("button", name="missed box, low score, dot: 1").click()
    page.locator(".curve input[type=range]").first.fill("0")
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_narrow_screen_and_plain_page(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="missed box, low score, dot: 1").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    plain = plain_page("boxes", "", sections())
    assert "low score" in plain and "Step 1 keeps candidate 0, bar 0.90" in plain
