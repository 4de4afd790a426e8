"""The page of a coloured text: its numbers are the activities, it is small, it is closed, and a real browser colours what it says."""

from __future__ import annotations

import base64
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kissipo.output.report.neurons import neurons_page

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--virtual-time-budget=3000",
]  # fmt: skip
NASTY = "</script><script>document.title='x'</script><b>&amp;[[script]]\n\n\"é日"


def page(text: str = NASTY, neurons: int = 5, **changes: Any) -> tuple[str, np.ndarray]:
    dice = np.random.default_rng(0)
    activity = dice.uniform(-1, 1, (len(text), neurons)).astype(np.float32)
    guesses = [[("<i>", 0.5), (" ", 0.25), ("\n", 0.125), ("日", 0.0625), (text[0], 0.0)] for _ in text]
    more = {"neuron": 2, "why": "it <moves> most", "telling": [(4, "a & b (+0.5)")], "spaced": False, **changes}
    return neurons_page("a <run>", "read", list(text), activity, guesses, **more), activity


def content(made: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="content">(.*?)</script>', made, re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


def unpacked(packed: str, kind: Any) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed), dtype=kind)


def test_all_activities_and_guesses_are_in_the_page() -> None:
    made, activity = page()
    told = content(made)
    assert "".join(told["units"]) == NASTY and told["neurons"] == 5 and told["neuron"] == 2
    levels = unpacked(told["activity"], np.int8).reshape(5, len(NASTY)).T
    np.testing.assert_allclose(levels / 127 * told["greatest"], activity, atol=0.5 / 127 + 1e-6)
    guesses = unpacked(told["guesses"], "<u2").reshape(len(NASTY), told["most"])
    assert [told["words"][number] for number in guesses[3]] == ["<i>", " ", "\n", "日", "<"]
    chances = unpacked(told["chances"], np.uint8).reshape(len(NASTY), told["most"])
    np.testing.assert_allclose(chances[0] / 255, [0.5, 0.25, 0.125, 0.0625, 0], atol=0.5 / 255 + 1e-9)


def test_states_beyond_one_are_scaled() -> None:
    states = np.array([[4.0, -8.0], [1.0, 0.0]])
    made = neurons_page("t", "s", ["a", "b"], states, [[("a", 1.0)]] * 2, neuron=0, why="", telling=[], spaced=True)
    told = content(made)
    assert told["greatest"] == 8.0 and unpacked(told["activity"], np.int8).tolist() == [64, 16, -127, 0]


def test_nothing_is_fetched_and_the_text_stays_text() -> None:
    made, _ = page()
    assert made.count("<script") == 2 and made.count("</script>") == 2 and "document.title='x'</script>" not in made
    assert "<title>a &lt;run&gt;</title>" in made and "[[" not in made.replace("[[script]]", "")
    assert not re.search(
        r"<(link|iframe|object|embed|img)\b|@import|url\(|https?:|fetch\(|import\(|XMLHttp|eval\(", made
    )
    assert "default-src 'none'" in made and "innerHTML" not in made


def test_two_thousand_characters_of_five_hundred_neurons_are_small() -> None:
    made, _ = page("ab cd\n" * 334, neurons=512)
    assert len(made.encode()) < 5_000_000 / 3


def in_a_browser(made: str, tmp_path: Path, place: str = "") -> str:
    """The page as a browser builds it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium here")
    file = tmp_path / "page.html"
    file.write_text(made, encoding="utf-8")
    command = [chromium, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri() + place]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize(("place", "neuron"), [("", 2), ("#4", 4), ("#99", 4)])
def test_a_browser_colours_each_unit_by_the_chosen_neuron(place: str, neuron: int, tmp_path: Path) -> None:
    made, activity = page()
    dom = in_a_browser(made, tmp_path, place)
    assert 'data-ready="yes"' in dom and "<title>a &lt;run&gt;</title>" in dom
    drawn = re.findall(
        r'<div class="unit" data-step="(\d+)"><span class="(\w+)" style="--a: ([\d.]+);?">(.*?)</span>((?:<i.*?</i>)+)</div>',
        dom,
    )
    assert [int(step) for step, *_ in drawn] == list(range(len(NASTY)))
    for (_, kind, share, letter, below), unit, h in zip(drawn, NASTY, activity[:, neuron], strict=True):
        assert html.unescape(letter) == {"\n": "↵"}.get(unit, unit)
        if abs(h) > 0.01:
            assert kind == ("active" if h > 0 else "quiet")
        assert float(share) == pytest.approx(abs(h) * 0.95, abs=0.02)
        guesses = re.findall(r"<i([^>]*)--a: ([\d.]+)[^>]*>(.*?)</i>", below)
        assert [html.unescape(guess[2]) for guess in guesses] == ["<i>", "␣", "↵", "日", "<"]
        assert [float(guess[1]) for guess in guesses] == pytest.approx([0.5, 0.25, 0.13, 0.06, 0], abs=0.01)
    expected = re.findall(r'<i [^>]*"[^>"]*right[^>]*>(.*?)</i>', drawn[NASTY.index("\n")][4])
    assert expected == ["↵"]  # the second line break
    assert (">it &lt;moves&gt; most<" in dom) == (neuron == 2)
    assert ">4: a &amp; b (+0.5)<" in dom and dom.count("<br>") == 1


DEEDS = {
    "find('after').click()": (3, ""),
    "find('before').click()": (1, ""),
    "find('telling').firstChild.click()": (4, "a &amp; b (+0.5)"),
    "find('slider').value = 0; find('slider').dispatchEvent(new Event('input'))": (0, ""),
    "find('number').value = 7; find('number').dispatchEvent(new Event('input'))": (4, "a &amp; b (+0.5)"),
    "find('number').value = ''; find('number').dispatchEvent(new Event('input'))": (2, "it &lt;moves&gt; most"),
    "const box = find('map').getBoundingClientRect(); "
    "find('map').dispatchEvent(new MouseEvent('click', {clientX: box.left + 1, clientY: box.bottom - 1}))": (
        4,
        "a &amp; b (+0.5)",
    ),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_any_neuron_can_be_chosen_without_loading_anew(deed: str, tmp_path: Path) -> None:
    neuron, why = DEEDS[deed]
    made, activity = page()
    dom = in_a_browser(made.replace("</body>", f"<script>{deed};</script></body>"), tmp_path)
    shares = re.findall(r'data-step="\d+"><span class="(\w+)" style="--a: ([\d.]+)', dom)
    told = [float(share) * (1 if kind == "active" else -1) / 0.95 for kind, share in shares]
    np.testing.assert_allclose(told, activity[:, neuron], atol=0.02)
    assert f'<span id="why">{why}</span>' in dom


def test_arrow_keys_go_through_the_text(tmp_path: Path) -> None:
    made, activity = page()
    key = "find('text').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));"
    dom = in_a_browser(made.replace("</body>", f"<script>{key * 2}</script></body>"), tmp_path)
    told = re.search(r'<p id="here"[^>]*>(.*?)</p>', dom)
    assert told and dom.count('class="unit at"') == 1
    value = f"{activity[1, 2]:.2f}".replace("-", "−")
    assert (
        html.unescape(told[1])
        == f"2: after /  h = {value}   expects <i> 50 %, ␣ 25 %, ↵ 13 %, 日 6 %, < 0 %   then came s"
    )
