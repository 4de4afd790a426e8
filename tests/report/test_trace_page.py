"""The page of a trace as text: all that the trace says is in it, it is small and closed, nothing given becomes markup."""

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
Told = tuple[dict[str, Any], dict[str, np.ndarray]]
Samples = dict[str, Callable[..., Told]]


def made_of(told: Told, **more: Any) -> str:
    return trace_page(*told, title="a <run>", subtitle="read & shown", **more)


def script_content(made: str) -> Any:
    found = re.search(
        r'<script type="application/json" id="content">(.*?)</script>', made, re.DOTALL
    )
    assert found
    return json.loads(found[1])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched_and_what_was_given_stays_text(name: str, samples: Samples) -> None:
    made = made_of(samples[name]())
    assert made.count("<script") == 2 and made.count("</script>") == 2
    assert "<title>a &lt;run&gt;</title>" in made and "read &amp; shown" in made
    without = re.sub(r'src="data:[^"]*"', "", made)
    assert not re.search(
        r"<(link|iframe|object|embed)\b|@import|https?:|fetch\(|import\(|XMLHttp|eval\(|innerHTML",
        without,
    )
    assert "default-src 'none'" in made and not re.search(r'(src|href)="(?!data:|#)', made)
    assert len(made.encode()) < 200_000


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_is_there_with_what_the_trace_says_of_it(name: str, samples: Samples) -> None:
    content, tensors = samples[name]()
    made = made_of((content, tensors))
    steps = [each for each in content["layers"] if each["step"]]
    assert made.count('<details class="layer"') == len(steps) >= 1
    for layer in View(content, tensors).layers:
        about = content["tensors"][layer.gives]
        assert f"{layer.parameters:,}" in made and f"{about['statistics']['mean']:.4g}" in made
    assert made.count("<img") == made.count('alt="') and 'alt=""' not in made
    for operation in content["operations"]:
        assert operation["text"].replace("'", "&#x27;") in made


def test_gradients_are_as_long_as_their_tensors(samples: Samples) -> None:
    content, tensors = samples["dense"]()
    made = made_of((content, tensors))
    assert "Gradients" in made and len(content["gradients"]) == 3
    for each in content["gradients"]:
        assert f"{np.linalg.norm(tensors[each['tensor']]):.4g}" in made
    lost = {key: array for key, array in tensors.items() if not key.endswith(".gradient")}
    by_numbers, by_statistics = (View(content, each).layers for each in (tensors, lost))
    for one, other in zip(by_numbers, by_statistics, strict=True):
        assert (one.gradient is None) == (other.gradient is None)
        if one.gradient is not None:
            assert other.gradient == pytest.approx(one.gradient, rel=1e-5)


def test_opened_numbers_show_terms_rest_bias_and_what_torch_recorded(samples: Samples) -> None:
    content, tensors = samples["dense"]()
    opened = next(each for each in content["breakdown"] if each["layer"] == "1")
    made = made_of((content, tensors))
    assert f"and {opened['others']['count']} more, their sum" in made and "PyTorch recorded" in made
    for term in opened["terms"]:
        assert term["source"] in made and f"{term['product']:.4g}" in made
    assert f"{opened['recorded']:.9g}" in made and "✓" in made


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_gates_stand_in_the_page_to_a_254th_of_the_greatest_or_better(
    cell: str, samples: Samples
) -> None:
    content, tensors = samples["recurrent"](cell)
    (layer,) = script_content(made_of((content, tensors)))["layers"]
    keys = content["expanded"][0]["unrolled"][0]["gates"]
    assert (
        layer["gates"].keys() == keys.keys()
        and layer["labels"] == list(NASTY)
        and layer["bits"] == 16
    )
    for gate, key in keys.items():
        told = layer["gates"][gate]
        levels = np.frombuffer(base64.b64decode(told["data"]), dtype="<i2").reshape(7, len(NASTY)).T
        np.testing.assert_allclose(
            levels / 32767 * told["maximum"], tensors[key][:, 0], atol=told["maximum"] / 65000
        )
    guesses = np.frombuffer(base64.b64decode(layer["guesses"]), dtype="<u4").reshape(len(NASTY), 5)
    assert [layer["words"][at] for at in guesses[3]] == ["<i>", " ", "\n", "日", "<"]


def test_a_chosen_unit_its_reason_and_others_worth_a_look(samples: Samples) -> None:
    made = made_of(samples["recurrent"](), unit=4, why="it <moves>", interpretable=[(2, "a & b")])
    (layer,) = script_content(made)["layers"]
    assert (
        layer["unit"] == 4
        and layer["why"] == "it <moves>"
        and layer["interpretable"] == [{"unit": 2, "about": "a & b"}]
    )


def test_both_directions_and_stacked_layers_each_have_their_walk(samples: Samples) -> None:
    net = nn.LSTM(3, 2, num_layers=2, bidirectional=True, batch_first=True)
    walks = script_content(made_of(samples["of"](net, torch.randn(1, 4, 3))))["layers"]
    assert [(each["name"], each["forward"]) for each in walks] == [
        ("lstm, layer 1", True),
        ("lstm, layer 1, backward", False),
        ("lstm, layer 2", True),
        ("lstm, layer 2, backward", False),
    ]


@pytest.mark.slow
def test_long_walks_and_wide_nets_stay_small(samples: Samples) -> None:
    told = samples["of"](nn.LSTM(4, 256, batch_first=True), torch.randn(1, 1000, 4))
    made = made_of(told)
    (layer,) = script_content(made)["layers"]
    assert layer["bits"] == 8 and len(layer["gates"]) == 6 and len(made.encode()) < 5_000_000
    told = samples["of"](nn.GRU(4, 128, batch_first=True), torch.randn(1, 20_000, 4))
    made = made_of(told, unit=1)
    (layer,) = script_content(made)["layers"]
    assert (
        list(layer["gates"]) == ["h"]
        and layer["count"] == 120
        and 1 in layer["units"]
        and len(made.encode()) < 5_000_000
    )
    assert layer["units"][layer["unit"]] == 1 and "shown are the 120 of 128 units" in made


def test_attention_has_a_image_a_head(samples: Samples) -> None:
    made = made_of(samples["attentive"]())
    assert (
        made.count("<figure data-head=") == 4 and "head 3" in made and "6 queries × 6 keys" in made
    )
    assert "w0&lt;\x1fw1&lt;" in made
    content, tensors = samples["attentive"]()
    del tensors["self_attn.weights"]
    assert "its weights are too many to be shown" in made_of((content, tensors))


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
    made = made_of((content, tensors)) + "".join(
        each.content for each in trace_sections(content, tensors)
    )
    before = made.split('<script type="application/json"')[0]
    assert (
        not re.search(r"<(s|u)>|<b>\\?\"x", before)
        and "&lt;s&gt;note" in before
        and "✗ wrong" in before
    )


def test_what_is_not_there_is_left_out(samples: Samples) -> None:
    content, tensors = samples["dense"]()
    empty = {
        "version": 2,
        "parameters": 0,
        "multiplications": 0,
        "memory": 0,
        "steps": [],
        "tensors": {},
    }
    assert "<h2>Time</h2>" not in made_of((empty, {}))
    bare = copy.deepcopy(content)
    for name in (
        "gradients",
        "breakdown",
        "expanded",
        "operations",
        "layers",
        "labels",
        "likeliest",
        "notes",
    ):
        bare[name] = type(content[name])()
    made = made_of((bare, {}))
    assert "<h2>The way</h2>" in made and "<h2>Layer by layer</h2>" not in made
    assert "Its numbers are too many to be shown" in made_of((content, {}))
    assert "its inside cannot be told, because it says so" in made_of(
        ({**content, "expanded": [{"layer": "a", "opaque": "it says so"}]}, tensors)
    )


def test_numbers_that_are_none_do_not_break_the_page(samples: Samples) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    for value in (float("nan"), float("inf"), -float("inf"), 0.0):
        made = made_of(samples["of"](net, torch.full((1, 3), value), loss=lambda y: y.sum()))
        assert "<h2>Layer by layer</h2>" in made
    content, tensors = samples["recurrent"]()
    key = content["expanded"][0]["unrolled"][0]["gates"]["h"]
    tensors = {**tensors, key: np.full_like(tensors[key], np.nan)}
    (layer,) = script_content(made_of((content, tensors)))["layers"]
    assert set(np.frombuffer(base64.b64decode(layer["gates"]["h"]["data"]), dtype="<i2")) == {
        -32768
    }


def test_one_number_is_enough(samples: Samples) -> None:
    made = made_of(samples["of"](nn.Linear(1, 1), torch.ones(1, 1)))
    assert "1 number" in made and "feature 1 → feature 1" in made


def test_more_sections_stand_after_the_way(samples: Samples) -> None:
    made = made_of(samples["dense"](), more=[Section("Where it looked", "<p>here</p>")])
    assert (
        made.index("<h2>The way")
        < made.index("<h2>Where it looked</h2><p>here</p>")
        < made.index("<h2>Layer by")
    )
    assert '<a href="#where-it-looked">' in made


@pytest.mark.parametrize("name", NAMES)
def test_sections_of_a_report_are_small_and_need_no_script(name: str, samples: Samples) -> None:
    found = trace_sections(*samples[name]())
    text = "".join(each.content for each in found)
    assert [each.title for each in found][:2] == ["The way", "What each layer gives"]
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
def test_answers_are_right_or_wrong_where_that_is_a_question(
    answer: str, truth: str, right: bool | None
) -> None:
    assert is_right(answer, truth) is right
