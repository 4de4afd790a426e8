"""The page of a trace as text: it is complete, small, offline and escapes markup."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kissipo.report.page import Section
from kissipo.report.trace_page import trace_page, trace_sections
from kissipo.report.trace_view import View, is_right

NASTY = '</script><b>&amp;[[body]]\n\n"é日'
NAMES = ("dense", "convolutional", "recurrent", "attentive")
TraceContent = tuple[dict[str, Any], dict[str, np.ndarray]]
Samples = dict[str, Callable[..., TraceContent]]


def render_page(content: TraceContent, **more: Any) -> str:
    return trace_page(*content, title="a <run>", subtitle="read & shown", **more)


def script_content(page: str) -> Any:
    match = re.search(
        r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL
    )
    assert match
    return json.loads(match[1])


@pytest.mark.parametrize("name", NAMES)
def test_page_loads_nothing_and_escapes_text(name: str, samples: Samples) -> None:
    page = render_page(samples[name]())
    assert page.count("<script") == 2 and page.count("</script>") == 2
    assert "<title>a &lt;run&gt;</title>" in page and "read &amp; shown" in page
    without = re.sub(r'src="data:[^"]*"', "", page)
    assert not re.search(
        r"<(link|iframe|object|embed)\b|@import|https?:|fetch\(|import\(|XMLHttp|eval\(|innerHTML",
        without,
    )
    assert "default-src 'none'" in page and not re.search(r'(src|href)="(?!data:|#)', page)
    assert len(page.encode()) < 200_000


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_is_there_with_what_the_trace_says_of_it(name: str, samples: Samples) -> None:
    content, tensors = samples[name]()
    page = render_page((content, tensors))
    steps = [layer for layer in content["layers"] if layer["step"]]
    assert page.count('<details class="layer"') == len(steps) >= 1
    for layer in View(content, tensors).layers:
        about = content["tensors"][layer.gives]
        assert f"{layer.parameters:,}" in page and f"{about['statistics']['mean']:.4g}" in page
    assert page.count("<img") == page.count('alt="') and 'alt=""' not in page
    for operation in content["operations"]:
        assert operation["text"].replace("'", "&#x27;") in page


def test_gradients_are_as_long_as_their_tensors(samples: Samples) -> None:
    content, tensors = samples["dense"]()
    page = render_page((content, tensors))
    assert "Gradients" in page and len(content["gradients"]) == 3
    for gradient in content["gradients"]:
        assert f"{np.linalg.norm(tensors[gradient['tensor']]):.4g}" in page
    lost = {key: array for key, array in tensors.items() if not key.endswith(".gradient")}
    by_numbers, by_statistics = (View(content, arrays).layers for arrays in (tensors, lost))
    for one, other in zip(by_numbers, by_statistics, strict=True):
        assert (one.gradient is None) == (other.gradient is None)
        if one.gradient is not None:
            assert other.gradient == pytest.approx(one.gradient, rel=1e-5)


def test_breakdown_shows_terms_rest_bias_and_recorded_value(samples: Samples) -> None:
    content, tensors = samples["dense"]()
    breakdown = next(item for item in content["breakdown"] if item["layer"] == "1")
    page = render_page((content, tensors))
    assert (
        f"and {breakdown['others']['count']} more, their sum" in page and "PyTorch recorded" in page
    )
    for term in breakdown["terms"]:
        assert term["source"] in page and f"{term['product']:.4g}" in page
    assert f"{breakdown['recorded']:.9g}" in page and "✓" in page


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_gates_in_the_page_are_within_a_254th_of_the_maximum(cell: str, samples: Samples) -> None:
    content, tensors = samples["recurrent"](cell)
    (layer,) = script_content(render_page((content, tensors)))["layers"]
    keys = content["expanded"][0]["unrolled"][0]["gates"]
    assert (
        layer["gates"].keys() == keys.keys()
        and layer["labels"] == list(NASTY)
        and layer["bits"] == 16
    )
    for gate, key in keys.items():
        entry = layer["gates"][gate]
        integers = (
            np.frombuffer(base64.b64decode(entry["data"]), dtype="<i2").reshape(7, len(NASTY)).T
        )
        np.testing.assert_allclose(
            integers / 32767 * entry["maximum"], tensors[key][:, 0], atol=entry["maximum"] / 65000
        )
    guesses = np.frombuffer(base64.b64decode(layer["guesses"]), dtype="<u4").reshape(len(NASTY), 5)
    assert [layer["words"][index] for index in guesses[3]] == ["<i>", " ", "\n", "日", "<"]


def test_page_shows_the_unit_its_reason_and_interpretable_ones(samples: Samples) -> None:
    page = render_page(
        samples["recurrent"](), unit=4, why="it <moves>", interpretable=[(2, "a & b")]
    )
    (layer,) = script_content(page)["layers"]
    assert (
        layer["unit"] == 4
        and layer["why"] == "it <moves>"
        and layer["interpretable"] == [{"unit": 2, "about": "a & b"}]
    )


def test_bidirectional_and_stacked_layers_are_unrolled_separately(samples: Samples) -> None:
    net = nn.LSTM(3, 2, num_layers=2, bidirectional=True, batch_first=True)
    layers = script_content(render_page(samples["of"](net, torch.randn(1, 4, 3))))["layers"]
    assert [(layer["name"], layer["forward"]) for layer in layers] == [
        ("lstm, layer 1", True),
        ("lstm, layer 1, backward", False),
        ("lstm, layer 2", True),
        ("lstm, layer 2, backward", False),
    ]


@pytest.mark.slow
def test_page_of_long_sequences_and_wide_nets_stays_small(samples: Samples) -> None:
    sample = samples["of"](nn.LSTM(4, 256, batch_first=True), torch.randn(1, 1000, 4))
    page = render_page(sample)
    (layer,) = script_content(page)["layers"]
    assert layer["bits"] == 8 and len(layer["gates"]) == 6 and len(page.encode()) < 5_000_000
    sample = samples["of"](nn.GRU(4, 128, batch_first=True), torch.randn(1, 20_000, 4))
    page = render_page(sample, unit=1)
    (layer,) = script_content(page)["layers"]
    assert (
        list(layer["gates"]) == ["h"]
        and layer["count"] == 120
        and 1 in layer["units"]
        and len(page.encode()) < 5_000_000
    )
    assert layer["units"][layer["unit"]] == 1 and "shown are the 120 of 128 units" in page


def test_attention_has_one_image_per_head(samples: Samples) -> None:
    page = render_page(samples["attentive"]())
    assert (
        page.count("<figure data-head=") == 4 and "head 3" in page and "6 queries × 6 keys" in page
    )
    assert "w0&lt;\x1fw1&lt;" in page
    content, tensors = samples["attentive"]()
    del tensors["self_attn.weights"]
    assert "its weights are too many to be shown" in render_page((content, tensors))


def test_names_with_markup_are_escaped_everywhere(samples: Samples) -> None:
    content, tensors = samples["recurrent"]()
    text = json.dumps(content).replace('"lstm"', '"<b>\\"x\\"</b>"').replace('"LSTM"', '"<u>y</u>"')
    content = json.loads(text)
    content["answer"], content["truth"], content["notes"] = "<s>1</s>", "<s>2</s>", ["<s>note</s>"]
    content["not_followed"] = ["<s>lost</s>"]
    content["steps"] += [
        {**content["steps"][0], "stage": "output", "name": "<s>z</s>", "value": "<s>v</s>"}
    ]
    content["labels"]["class"] = ["<s>"]
    page = render_page((content, tensors)) + "".join(
        section.content for section in trace_sections(content, tensors)
    )
    before = page.split('<script type="application/json"')[0]
    assert (
        not re.search(r"<(s|u)>|<b>\\?\"x", before)
        and "&lt;s&gt;note" in before
        and "✗ wrong" in before
    )


def test_absent_entries_are_left_out(samples: Samples) -> None:
    content, tensors = samples["dense"]()
    empty = {
        "version": 2,
        "parameters": 0,
        "multiplications": 0,
        "memory": 0,
        "steps": [],
        "tensors": {},
    }
    assert "<h2>Time</h2>" not in render_page((empty, {}))
    bare = copy.deepcopy(content)
    for name in (
        "gradients",
        "breakdown",
        "expanded",
        "operations",
        "layers",
        "labels",
        "top",
        "notes",
    ):
        bare[name] = type(content[name])()
    page = render_page((bare, {}))
    assert "<h2>Data flow</h2>" in page and "<h2>Layer by layer</h2>" not in page
    assert "The layer has too many values to show" in render_page((content, {}))
    assert "its inside is not available, because it says so" in render_page(
        ({**content, "expanded": [{"layer": "a", "opaque": "it says so"}]}, tensors)
    )


def test_nan_and_infinity_do_not_break_the_page(samples: Samples) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    for value in (float("nan"), float("inf"), -float("inf"), 0.0):
        page = render_page(samples["of"](net, torch.full((1, 3), value), loss=lambda y: y.sum()))
        assert "<h2>Layer by layer</h2>" in page
    content, tensors = samples["recurrent"]()
    key = content["expanded"][0]["unrolled"][0]["gates"]["h"]
    tensors = {**tensors, key: np.full_like(tensors[key], np.nan)}
    (layer,) = script_content(render_page((content, tensors)))["layers"]
    assert set(np.frombuffer(base64.b64decode(layer["gates"]["h"]["data"]), dtype="<i2")) == {
        -32768
    }


def test_one_number_is_enough(samples: Samples) -> None:
    page = render_page(samples["of"](nn.Linear(1, 1), torch.ones(1, 1)))
    assert "1 number" in page and "feature 1 → feature 1" in page


def test_more_sections_follow_the_data_flow(samples: Samples) -> None:
    page = render_page(samples["dense"](), more=[Section("Where it looked", "<p>here</p>")])
    assert (
        page.index("<h2>Data flow")
        < page.index("<h2>Where it looked</h2><p>here</p>")
        < page.index("<h2>Layer by")
    )
    assert '<a href="#where-it-looked">' in page


@pytest.mark.parametrize("name", NAMES)
def test_sections_of_a_report_are_small_and_need_no_script(name: str, samples: Samples) -> None:
    sections = trace_sections(*samples[name]())
    text = "".join(section.content for section in sections)
    assert [section.title for section in sections][:2] == ["Data flow", "Layer outputs"]
    assert (
        len(text) < 150_000
        and "<script" not in text
        and "<canvas" not in text
        and 'href="#' not in text
    )


@pytest.mark.parametrize(
    ("answer", "truth", "right"),
    [
        ("7 (99.1%)", "7", True),
        ("7 (99.1%)", "1", False),
        ("a (b) (9%)", "a (b)", True),
        ("0.3", "1", None),
        ("x", "", None),
    ],
)
def test_is_right_compares_only_categories(answer: str, truth: str, right: bool | None) -> None:
    assert is_right(answer, truth) is right
