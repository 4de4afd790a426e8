"""The page of a trace in a real browser: pixels, slider, keys and clicks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.report.heat_image import palette
from kissipo.report.trace_page import trace_page

TraceContent = tuple[dict[str, Any], dict[str, np.ndarray]]
Samples = dict[str, Callable[..., TraceContent]]
Browse = Callable[[str, str], tuple[Any, str]]
MAP = "const canvas = document.querySelector('canvas[data-gate=%s]'); "
PIXELS = (
    "return [canvas.width, canvas.height, "
    "...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
)
KEY = (
    "document.querySelector('%s')"
    ".dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}));"
)
HERE = "return document.querySelector('.walk .here').textContent"


def render_page(sample: TraceContent, **more: Any) -> str:
    return trace_page(*sample, title="a <run>", subtitle="", **more)


def gate(sample: TraceContent, name: str) -> np.ndarray:
    """(time, unit)"""
    content, tensors = sample
    return tensors[content["expanded"][0]["unrolled"][0]["gates"][name]][:, 0]


@pytest.mark.parametrize("name", ["dense", "convolutional", "recurrent", "attentive"])
def test_pages_open_with_a_silent_console_and_load_nothing(
    name: str, samples: Samples, browse: Browse
) -> None:
    response, dom = browse(
        render_page(samples[name]()),
        "await Promise.all([...document.images].map((image) => "
        "{ image.loading = 'eager'; return image.decode(); }));"
        "return [performance.getEntriesByType('resource').map((entry) => entry.name), "
        "document.images.length,"
        " document.querySelectorAll('svg *').length, document.title]",
    )
    names, images, shapes, title = response
    assert (
        all(address.startswith("data:") for address in names)
        and images >= 3
        and shapes < 5000
        and title == "a <run>"
    )
    links = set(re.findall(r'href="#([^"]*)"', dom))
    assert links and all(f'id="{link}"' in dom for link in links)


@pytest.mark.parametrize("name", ["i", "f", "g", "o", "c", "h"])
def test_the_pixels_of_a_map_are_the_numbers_of_the_gate(
    name: str, samples: Samples, browse: Browse
) -> None:
    sample = samples["recurrent"]()
    (width, height, *data), _ = browse(render_page(sample), MAP % name + PIXELS)
    colors = np.array(data).reshape(height, width, 4)[..., :3]
    place = {tuple(color): index - 128 for index, color in enumerate(palette().tolist())}
    integers = np.array([[place[tuple(point)] for point in row] for row in colors.tolist()])
    numbers = gate(sample, name)
    maximum = float(np.abs(numbers).max())
    np.testing.assert_allclose(integers / 127 * maximum, numbers.T, atol=maximum / 254 * 1.01)


def test_images_of_layers_are_read_back_into_their_numbers(
    samples: Samples, browse: Browse
) -> None:
    content, tensors = samples["convolutional"]()
    script = (
        "const image = document.querySelector('#layer-0 img'); await image.decode(); "
        "const { across, down, columns } = image.dataset; "
        "const wide = Number(across) + 2, high = Number(down) + 2; "
        "const found = [];"
        "for (let map = 0; map < 6; map++) { "
        "const x = (map % columns) * wide, y = Math.floor(map / columns) * high;"
        "found.push([valueAt(image, x, y), valueAt(image, x + 5, y + 9), "
        "describePoint(image, x + 5, y + 9)]); } return found"
    )
    readings, _ = browse(render_page((content, tensors)), script)
    maps = tensors[content["layers"][0]["outputs"][0]][0]
    near = float(np.abs(maps).max()) / 253
    for number, (first, other, tooltip) in enumerate(readings):
        assert first == pytest.approx(maps[number, 0, 0], abs=near) and other == pytest.approx(
            maps[number, 9, 5], abs=near
        )
        assert tooltip.startswith(f"map {number}, row 9, column 5: ")


def test_arrow_keys_and_slider_go_through_time_and_units(samples: Samples, browse: Browse) -> None:
    sample = samples["recurrent"]()
    states = gate(sample, "h")
    right, down = KEY % (".maps", "ArrowRight"), KEY % (".maps", "ArrowDown")
    text, dom = browse(render_page(sample, unit=2), right + right + down + HERE)
    assert text.startswith(
        "step 3 of 30: s   unit 3   h = " + f"{states[2, 3]:.3f}".replace("-", "−")
    )
    assert re.search(r'class="unit at" data-step="2"', dom) and dom.count("unit at") == 1
    slide = (
        "const slider = document.querySelector('.step'); "
        "slider.value = 19; slider.dispatchEvent(new Event('input')); "
    )
    text, dom = browse(render_page(sample, unit=2), slide + HERE)
    assert text.startswith(
        "step 20 of 30: b   unit 2   h = " + f"{states[19, 2]:.3f}".replace("-", "−")
    )
    columns = re.findall(r'<div class="column" style="left: ([\d.]+)%', dom)
    assert len(columns) == 6 and np.allclose(
        [float(column) for column in columns], 100 * 19 / 30, atol=1e-3
    )
    text, _ = browse(
        render_page(sample), KEY % (".maps", "ArrowLeft") + KEY % (".maps", "ArrowUp") * 9 + HERE
    )
    assert text.startswith("step 1 of 30: <   unit 0 ")
    text, _ = browse(render_page(sample), KEY % (".text", "ArrowRight") + HERE)
    assert (
        text.startswith("step 2 of 30")
        and "expects <i> 50 %, ␣ 25 %, ↵ 13 %, 日 6 %, < 0 %   then came s" in text
    )


def test_a_click_in_a_map_chooses_unit_and_step(samples: Samples, browse: Browse) -> None:
    click = (
        "const map = document.querySelector('canvas[data-gate=f]'); "
        "const box = map.getBoundingClientRect();"
        "map.dispatchEvent(new MouseEvent('click', "
        "{clientX: box.right - 1, clientY: box.bottom - 1, bubbles: true}));"
    )
    text, dom = browse(render_page(samples["recurrent"]()), click + HERE)
    assert text.startswith("step 30 of 30: 日   unit 6 ") and 'class="here"' in dom


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_cell_drawing_numbers_add_up_to_the_state(
    cell: str, samples: Samples, browse: Browse
) -> None:
    sample = samples["recurrent"](cell)
    result, dom = browse(
        render_page(sample, unit=5),
        KEY
        % (".maps", "ArrowRight")
        * 4
        + "return [[...document.querySelectorAll('.sums p')].map((sum) => sum.textContent),"
        "[...document.querySelectorAll('.sums tr')].slice(1)"
        ".map((row) => [...row.children].map((cell) => cell.textContent))]",
    )
    lines, rows = result
    for name, one, mean in rows:
        numbers = gate(sample, name)[4]
        assert float(one.replace("−", "-")) == pytest.approx(numbers[5], abs=6e-4)
        assert float(mean.replace("−", "-")) == pytest.approx(numbers.mean(), abs=6e-4)
    a, b, c, d, total = (
        float(number.replace("−", "-"))
        for number in re.findall(r"[−\d.]+\d", lines[0].split("\n")[1])
    )
    assert a * b + c * d == pytest.approx(total, abs=3e-3)
    state_name = "c" if cell == "LSTM" else "h"
    assert total == pytest.approx(gate(sample, state_name)[4, 5], abs=6e-4)
    assert f"{gate(sample, 'h')[4, 5]:.2f}".replace("-", "−") in re.sub(
        r"<[^>]*>", " ", dom.split('<svg class="drawn"')[1]
    )


def test_the_text_is_colored_by_the_chosen_unit_and_gate(samples: Samples, browse: Browse) -> None:
    sample = samples["recurrent"]()
    page = render_page(sample, unit=2, interpretable=[(4, "a & b")])
    script = (
        "const by = document.querySelector('.by'); "
        "by.value = '%s'; by.dispatchEvent(new Event('change'));"
    )
    for name, unit, more in (
        ("h", 2, ""),
        ("f", 2, ""),
        ("h", 4, "document.querySelector('.interpretable').firstChild.click();"),
    ):
        _, dom = browse(page, script % name + more)
        drawn = re.findall(
            r'class="unit(?: at)?" data-step="\d+"><span class="(\w+)" style="--a: ([\d.]+)', dom
        )
        drawn_values = [
            float(share) * (1 if kind == "active" else -1) / 0.95 for kind, share in drawn
        ]
        np.testing.assert_allclose(drawn_values, gate(sample, name)[:, unit], atol=0.02)
    assert 'aria-pressed="true">4: a &amp; b<' in dom and dom.count("<br>") == 1
    assert re.search(r'class="[^"]*right[^>]*>↵<', dom)


def test_long_text_is_paged(samples: Samples, browse: Browse) -> None:
    sample = samples["recurrent"](units=3, text="ab cd\n" * 250)
    script = "document.querySelector('.later').click(); document.querySelector('.later').click();"
    text, dom = browse(render_page(sample), script + HERE)
    assert (
        text.startswith("step 1201 of 1500: a")
        and len(re.findall(r'data-step="\d', dom)) == 300
        and " 1201 to 1500 of 1500 " in dom
    )


def test_attention_heads_and_their_weights_are_shown(samples: Samples, browse: Browse) -> None:
    content, tensors = samples["attentive"]()
    script = (
        "const slider = document.querySelector('.head'); "
        "slider.value = 2; slider.dispatchEvent(new Event('input'));"
        "const image = document.querySelector('[data-head=\"2\"] img'); await image.decode(); "
        "const box = image.getBoundingClientRect();"
        "const place = {bubbles: true, clientX: box.left + box.width * 1.5 / 6, "
        "clientY: box.top + box.height * 4.5 / 6};"
        "image.dispatchEvent(new MouseEvent('mousemove', place));"
        "const text = document.querySelector('.attention .here').textContent;"
        "const visible = [...document.querySelectorAll('[data-head]')].map((head) => !head.hidden);"
        "document.querySelector('.attention .all').click();"
        "return [text, visible, "
        "[...document.querySelectorAll('[data-head]')].map((head) => !head.hidden)]"
    )
    (text, visible, all_visible), _ = browse(render_page((content, tensors)), script)
    weights = tensors["self_attn.weights"][0, 2]
    match = re.fullmatch(r"query 4 w4< looks at key 1 w1<: ([\d.]+)", text)
    assert match and float(match[1]) == pytest.approx(weights[4, 1], abs=float(weights.max()) / 250)
    assert visible == [False, False, True, False] and all_visible == [True] * 4


def test_collapsed_layer_is_drawn_on_opening(samples: Samples, browse: Browse) -> None:
    sample = samples["of"](
        nn.LSTM(3, 2, bidirectional=True, batch_first=True), torch.randn(1, 4, 3)
    )
    script = (
        "const walk = document.querySelectorAll('.walk')[1]; "
        "const before = walk.querySelector('canvas').width; "
        "walk.open = true;"
        "await new Promise((done) => setTimeout(done, 50));"
        "return [before, walk.querySelector('canvas').width, "
        "walk.querySelector('.here').textContent]"
    )
    (before, after, text), _ = browse(render_page(sample), script)
    assert before == 300 and after == 4 and text.startswith("step 1 of 4")


def test_nan_is_yellow_and_labeled(samples: Samples, browse: Browse) -> None:
    content, tensors = samples["recurrent"]()
    key = content["expanded"][0]["unrolled"][0]["gates"]["c"]
    tensors = {**tensors, key: tensors[key].copy()}
    tensors[key][0] = np.nan
    pixels, dom = browse(
        render_page((content, tensors), unit=1),
        MAP % "c" + "return [...canvas.getContext('2d').getImageData(0, 1, 2, 1).data]",
    )
    assert pixels[:3] == [255, 214, 0] and pixels[4:7] != [255, 214, 0] and "no number" in dom
