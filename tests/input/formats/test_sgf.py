"""Texts in the smart game format: what a writer of the test wrote comes back, faults are named by their place, nothing nests too deep."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.input.formats.sgf import SgfError, decode, parse

VALUE = st.text("ab]\\:[;()č \n", max_size=6)
NODE = st.dictionaries(
    st.sampled_from(["B", "W", "C", "AB", "LB"]),
    st.lists(VALUE, min_size=1, max_size=3),
    max_size=3,
)
BLANK = st.sampled_from(["", " ", "\n", "\r\n\t"])
TREE = st.recursive(
    st.tuples(st.lists(NODE, min_size=1, max_size=3), st.just([])),
    lambda below: st.tuples(st.lists(NODE, min_size=1, max_size=3), st.lists(below, max_size=3)),
    max_leaves=6,
)


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("]", "\\]")


def written(tree: Any, blank: str) -> str:
    """A tree as a text, every bracket and backslash of a value behind a backslash."""
    nodes, below = tree
    text = "("
    for node in nodes:
        text += blank + ";" + blank
        for name, values in node.items():
            text += name + "".join(f"{blank}[{escaped(each)}]" for each in values) + blank
    return text + "".join(written(each, blank) for each in below) + ")" + blank


def main_line(tree: Any) -> list[dict[str, tuple[str, ...]]]:
    nodes, below = tree
    own = [{name: tuple(values) for name, values in node.items()} for node in nodes]
    return own + (main_line(below[0]) if below else [])


def side_lines(tree: Any) -> int:
    below = tree[1]
    return max(0, len(below) - 1) + sum(side_lines(each) for each in below)


@settings(max_examples=150, deadline=None)
@given(trees=st.lists(TREE, min_size=1, max_size=3), blank=BLANK)
def test_what_was_written_is_read(trees: list[Any], blank: str) -> None:
    games = parse("".join(written(each, blank) for each in trees))
    assert [list(map(dict, game.nodes)) for game in games] == [main_line(each) for each in trees]
    assert [game.variations for game in games] == [side_lines(each) for each in trees]


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("(;C[soft\\\nbreak])", [{"C": ("softbreak",)}]),
        ("(;C[soft\\\r\nbreak])", [{"C": ("softbreak",)}]),
        ("(;AddBlack[dd]SiZe[19])", [{"AB": ("dd",), "SZ": ("19",)}]),
        ("(;;B[]\n;W[tt])", [{}, {"B": ("",)}, {"W": ("tt",)}]),
        ("\n (;B [aa]\n[bb]) \n", [{"B": ("aa", "bb")}]),
        ("(;B[aa]C[x]B[bb])", [{"B": ("aa", "bb"), "C": ("x",)}]),
        ("(;C[a\\:b:c\\d])", [{"C": ("a:b:cd",)}]),
    ],
)
def test_odd_ways_of_writing(text: str, nodes: list[dict[str, tuple[str, ...]]]) -> None:
    (game,) = parse(text)
    assert list(game.nodes) == nodes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1: there is no game"),
        ("hello", "line 1, column 1: 'hello' stands outside of a node"),
        ("1. e4", "line 1, column 1: '1' is not expected here"),
        (
            "\n(;SZ[19]\n;B[pd];W[dp",
            "line 3, column 9: the value of W that begins here is not closed",
        ),
        ("(;B[pd]\n;W[dp]", "line 1, column 1: the game that begins here is not closed"),
        ("(;B[pd]))", "line 1, column 9: ')' stands outside of a game"),
        (";B[pd]", "line 1, column 1: ';' stands outside of a game"),
        ("(;B[pd]\n;W B[dd])", "line 2, column 4: the property W has no value"),
        ("(;B[pd];W)", "line 1, column 10: the property W has no value"),
        ("(;[pd])", "line 1, column 3: a value stands without a property"),
        ("(B[pd])", "line 1, column 2: 'B' stands outside of a node"),
        ("()", "line 1, column 2: a game ends before its first node"),
        ("(()", "line 1, column 2: a variation begins before the first node of its game"),
        ("(;B[pd](;W[dd]);W[pp])", "line 1, column 16: a node stands behind a variation"),
        ("(;B[pd](;W[dd])C[pp])", "line 1, column 16: 'C' stands outside of a node"),
        ("(;B[pd]\n  ;W[dp] <b>", "line 2, column 10: '<' is not expected here"),
    ],
)
def test_a_fault_is_named_by_its_place(text: str, told: str) -> None:
    with pytest.raises(SgfError) as fault:
        parse(text)
    assert str(fault.value) == told


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=40) | st.text("(;)[]\\ABa \n", max_size=30).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        assert parse(decode(data))
    except SgfError as fault:
        assert str(fault)  # noqa: PT017


def test_a_record_may_nest_as_deep_as_it_is_long() -> None:
    (game,) = parse("(;B[aa](;W[bb])" * 30_000 + ")" * 30_000)
    assert (len(game.nodes), game.variations) == (2, 29_999)
    (chain,) = parse("(;B[aa]" * 30_000 + ")" * 30_000)
    assert len(chain.nodes) == 30_000 and chain.variations == 0
    assert len(parse("(" + ";B[aa]" * 30_000 + ")")[0].nodes) == 30_000


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("(;CA[UTF-8]PB[李昌镐])".encode(), "李昌镐"),
        ("(;PB[李昌镐])".encode(), "李昌镐"),
        ("(;CA[gb2312]PB[马晓春])".encode("gb2312"), "马晓春"),
        (
            "(;CA[ Shift_JIS ]PB[表ソ])".encode("shift_jis"),
            "表ソ",
        ),  # both end with the byte of a backslash
        ("(;PB[Vít])".encode("latin-1"), "Vít"),
        ("(;CA[no such]PB[Vít])".encode("latin-1"), "Vít"),
        ("\ufeff(;PB[Vít])".encode(), "Vít"),
        ("(;PB[Vít])".encode("utf-16"), "Vít"),
    ],
)
def test_letters_are_read_as_the_file_says(data: bytes, name: str) -> None:
    assert parse(decode(data))[0].nodes[0]["PB"] == (name,)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(SgfError, match=r"^byte 5 is zero: this is no text$"):
        decode(b"\x89PNG\0")
