"""The page of a trace in a real browser: what it draws are the tensors' numbers, its slider and keys move, it asks for nothing outside."""

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

Told = tuple[dict[str, Any], dict[str, np.ndarray]]
Samples = dict[str, Callable[..., Told]]
Browse = Callable[[str, str], tuple[Any, str]]
MAP = "const canvas = document.querySelector('canvas[data-gate=%s]'); "
PIXELS = "return [canvas.width, canvas.height, ...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
KEY = "document.querySelector('%s').dispatchEvent(new KeyboardEvent('keydown', {key: '%s', bubbles: true}));"
HERE = "return document.querySelector('.walk .here').textContent"


def made_of(told: Told, **more: Any) -> str:
    return trace_page(*told, title="a <run>", subtitle="", **more)


def gate(told: Told, name: str) -> np.ndarray:
    """(time, unit)"""
    content, tensors = told
    return tensors[content["expanded"][0]["unrolled"][0]["gates"][name]][:, 0]


@pytest.mark.parametrize("name", ["dense", "convolutional", "recurrent", "attentive"])
def test_pages_open_without_a_word_on_the_console_and_ask_for_nothing(
    name: str, samples: Samples, browse: Browse
) -> None:
    asked, dom = browse(
        made_of(samples[name]()),
        "await Promise.all([...document.images].map((each) => { each.loading = 'eager'; return each.decode(); }));"
        "return [performance.getEntriesByType('resource').map((each) => each.name), document.images.length,"
        " document.querySelectorAll('svg *').length, document.title]",
    )
    names, images, shapes, title = asked
    assert (
        all(each.startswith("data:") for each in names)
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
    told = samples["recurrent"]()
    (width, height, *data), _ = browse(made_of(told), MAP % name + PIXELS)
    colors = np.array(data).reshape(height, width, 4)[..., :3]
    place = {tuple(color): at - 128 for at, color in enumerate(palette().tolist())}
    levels = np.array([[place[tuple(point)] for point in row] for row in colors.tolist()])
    numbers = gate(told, name)
    maximum = float(np.abs(numbers).max())
    np.testing.assert_allclose(levels / 127 * maximum, numbers.T, atol=maximum / 254 * 1.01)


def test_images_of_layers_are_read_back_into_their_numbers(
    samples: Samples, browse: Browse
) -> None:
    content, tensors = samples["convolutional"]()
    script = (
        "const image = document.querySelector('#layer-0 img'); await image.decode(); "
        "const { across, down, columns } = image.dataset; const wide = Number(across) + 2, high = Number(down) + 2; const found = [];"
        "for (let map = 0; map < 6; map++) { const x = (map % columns) * wide, y = Math.floor(map / columns) * high;"
        "found.push([valueAt(image, x, y), valueAt(image, x + 5, y + 9), tellPoint(image, x + 5, y + 9)]); } return found"
    )
    found, _ = browse(made_of((content, tensors)), script)
    maps = tensors[content["layers"][0]["outputs"][0]][0]
    near = float(np.abs(maps).max()) / 253
    for number, (first, other, told) in enumerate(found):
        assert first == pytest.approx(maps[number, 0, 0], abs=near) and other == pytest.approx(
            maps[number, 9, 5], abs=near
        )
        assert told.startswith(f"map {number}, row 9, column 5: ")


def test_arrow_keys_and_slider_go_through_time_and_units(samples: Samples, browse: Browse) -> None:
    told = samples["recurrent"]()
    states = gate(told, "h")
    right, down = KEY % (".maps", "ArrowRight"), KEY % (".maps", "ArrowDown")
    said, dom = browse(made_of(told, unit=2), right + right + down + HERE)
    assert said.startswith(
        "step 3 of 30: s   unit 3   h = " + f"{states[2, 3]:.3f}".replace("-", "−")
    )
    assert re.search(r'class="unit at" data-step="2"', dom) and dom.count("unit at") == 1
    slide = "const slider = document.querySelector('.step'); slider.value = 19; slider.dispatchEvent(new Event('input')); "
    said, dom = browse(made_of(told, unit=2), slide + HERE)
    assert said.startswith(
        "step 20 of 30: b   unit 2   h = " + f"{states[19, 2]:.3f}".replace("-", "−")
    )
    columns = re.findall(r'<div class="column" style="left: ([\d.]+)%', dom)
    assert len(columns) == 6 and np.allclose(
        [float(each) for each in columns], 100 * 19 / 30, atol=1e-3
    )
    said, _ = browse(
        made_of(told), KEY % (".maps", "ArrowLeft") + KEY % (".maps", "ArrowUp") * 9 + HERE
    )
    assert said.startswith("step 1 of 30: <   unit 0 ")
    said, _ = browse(made_of(told), KEY % (".text", "ArrowRight") + HERE)
    assert (
        said.startswith("step 2 of 30")
        and "expects <i> 50 %, ␣ 25 %, ↵ 13 %, 日 6 %, < 0 %   then came s" in said
    )


def test_a_click_in_a_map_chooses_unit_and_step(samples: Samples, browse: Browse) -> None:
    click = (
        "const map = document.querySelector('canvas[data-gate=f]'); const box = map.getBoundingClientRect();"
        "map.dispatchEvent(new MouseEvent('click', {clientX: box.right - 1, clientY: box.bottom - 1, bubbles: true}));"
    )
    said, dom = browse(made_of(samples["recurrent"]()), click + HERE)
    assert said.startswith("step 30 of 30: 日   unit 6 ") and 'class="here"' in dom


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_the_numbers_on_the_wires_add_up_to_the_state(
    cell: str, samples: Samples, browse: Browse
) -> None:
    told = samples["recurrent"](cell)
    said, dom = browse(
        made_of(told, unit=5),
        KEY
        % (".maps", "ArrowRight")
        * 4
        + "return [[...document.querySelectorAll('.sums p')].map((each) => each.textContent),"
        "[...document.querySelectorAll('.sums tr')].slice(1).map((each) => [...each.children].map((one) => one.textContent))]",
    )
    lines, rows = said
    for name, one, mean in rows:
        numbers = gate(told, name)[4]
        assert float(one.replace("−", "-")) == pytest.approx(numbers[5], abs=6e-4)
        assert float(mean.replace("−", "-")) == pytest.approx(numbers.mean(), abs=6e-4)
    a, b, c, d, total = (
        float(each.replace("−", "-")) for each in re.findall(r"[−\d.]+\d", lines[0].split("\n")[1])
    )
    assert a * b + c * d == pytest.approx(total, abs=3e-3)
    kept = "c" if cell == "LSTM" else "h"
    assert total == pytest.approx(gate(told, kept)[4, 5], abs=6e-4)
    assert f"{gate(told, 'h')[4, 5]:.2f}".replace("-", "−") in re.sub(
        r"<[^>]*>", " ", dom.split('<svg class="drawn"')[1]
    )


def test_the_text_is_colored_by_the_chosen_unit_and_gate(samples: Samples, browse: Browse) -> None:
    told = samples["recurrent"]()
    made = made_of(told, unit=2, interpretable=[(4, "a & b")])
    script = "const by = document.querySelector('.by'); by.value = '%s'; by.dispatchEvent(new Event('change'));"
    for name, unit, more in (
        ("h", 2, ""),
        ("f", 2, ""),
        ("h", 4, "document.querySelector('.interpretable').firstChild.click();"),
    ):
        _, dom = browse(made, script % name + more)
        drawn = re.findall(
            r'class="unit(?: at)?" data-step="\d+"><span class="(\w+)" style="--a: ([\d.]+)', dom
        )
        shown = [float(share) * (1 if kind == "active" else -1) / 0.95 for kind, share in drawn]
        np.testing.assert_allclose(shown, gate(told, name)[:, unit], atol=0.02)
    assert 'aria-pressed="true">4: a &amp; b<' in dom and dom.count("<br>") == 1
    assert re.search(r'class="[^"]*right[^>]*>↵<', dom)


def test_a_long_text_stands_in_parts(samples: Samples, browse: Browse) -> None:
    told = samples["recurrent"](units=3, text="ab cd\n" * 250)
    script = "document.querySelector('.later').click(); document.querySelector('.later').click();"
    said, dom = browse(made_of(told), script + HERE)
    assert (
        said.startswith("step 1201 of 1500: a")
        and len(re.findall(r'data-step="\d', dom)) == 300
        and " 1201 to 1500 of 1500 " in dom
    )


def test_heads_are_chosen_and_their_weights_read(samples: Samples, browse: Browse) -> None:
    content, tensors = samples["attentive"]()
    script = (
        "const slider = document.querySelector('.head'); slider.value = 2; slider.dispatchEvent(new Event('input'));"
        "const image = document.querySelector('[data-head=\"2\"] img'); await image.decode(); const box = image.getBoundingClientRect();"
        "const at = {bubbles: true, clientX: box.left + box.width * 1.5 / 6, clientY: box.top + box.height * 4.5 / 6};"
        "image.dispatchEvent(new MouseEvent('mousemove', at));"
        "const said = document.querySelector('.attention .here').textContent;"
        "const shown = [...document.querySelectorAll('[data-head]')].map((each) => !each.hidden);"
        "document.querySelector('.attention .all').click();"
        "return [said, shown, [...document.querySelectorAll('[data-head]')].map((each) => !each.hidden)]"
    )
    (said, shown, all_shown), _ = browse(made_of((content, tensors)), script)
    weights = tensors["self_attn.weights"][0, 2]
    told = re.fullmatch(r"query 4 w4< looks at key 1 w1<: ([\d.]+)", said)
    assert told and float(told[1]) == pytest.approx(weights[4, 1], abs=float(weights.max()) / 250)
    assert shown == [False, False, True, False] and all_shown == [True] * 4


def test_a_folded_walk_is_drawn_when_it_is_opened(samples: Samples, browse: Browse) -> None:
    told = samples["of"](nn.LSTM(3, 2, bidirectional=True, batch_first=True), torch.randn(1, 4, 3))
    script = (
        "const walk = document.querySelectorAll('.walk')[1]; const before = walk.querySelector('canvas').width; walk.open = true;"
        "await new Promise((done) => setTimeout(done, 50));"
        "return [before, walk.querySelector('canvas').width, walk.querySelector('.here').textContent]"
    )
    (before, after, said), _ = browse(made_of(told), script)
    assert before == 300 and after == 4 and said.startswith("step 1 of 4")


def test_no_number_is_yellow_and_told_so(samples: Samples, browse: Browse) -> None:
    content, tensors = samples["recurrent"]()
    key = content["expanded"][0]["unrolled"][0]["gates"]["c"]
    tensors = {**tensors, key: tensors[key].copy()}
    tensors[key][0] = np.nan
    said, dom = browse(
        made_of((content, tensors), unit=1),
        MAP % "c" + "return [...canvas.getContext('2d').getImageData(0, 1, 2, 1).data]",
    )
    assert said[:3] == [255, 214, 0] and said[4:7] != [255, 214, 0] and "no number" in dom
