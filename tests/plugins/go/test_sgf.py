"""SGF: a written tree is read back, errors have their position, deep nesting works."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kissipo.plugins.go.sgf import SgfError, decode, parse

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
    """Writes a tree as text; brackets and backslashes of values are escaped."""
    nodes, below = tree
    text = "("
    for node in nodes:
        text += blank + ";" + blank
        for name, values in node.items():
            text += name + "".join(f"{blank}[{escaped(value)}]" for value in values) + blank
    return text + "".join(written(branch, blank) for branch in below) + ")" + blank


def main_line(tree: Any) -> list[dict[str, tuple[str, ...]]]:
    nodes, below = tree
    own = [{name: tuple(values) for name, values in node.items()} for node in nodes]
    return own + (main_line(below[0]) if below else [])


def side_lines(tree: Any) -> int:
    below = tree[1]
    return max(0, len(below) - 1) + sum(side_lines(branch) for branch in below)


@settings(max_examples=80, deadline=None)
@given(trees=st.lists(TREE, min_size=1, max_size=3), blank=BLANK)
def test_parse_reads_what_was_written(trees: list[Any], blank: str) -> None:
    games = parse("".join(written(tree, blank) for tree in trees))
    assert [list(map(dict, game.nodes)) for game in games] == [main_line(tree) for tree in trees]
    assert [game.variations for game in games] == [side_lines(tree) for tree in trees]


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
def test_parse_unusual_syntax(text: str, nodes: list[dict[str, tuple[str, ...]]]) -> None:
    (game,) = parse(text)
    assert list(game.nodes) == nodes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: there is no game"),
        ("hello", "line 1, column 1: 'hello' is outside of a node"),
        ("1. e4", "line 1, column 1: '1' is not expected here"),
        (
            "\n(;SZ[19]\n;B[pd];W[dp",
            "line 3, column 9: the value of W that begins here is not closed",
        ),
        ("(;B[pd]\n;W[dp]", "line 1, column 1: the game that begins here is not closed"),
        ("(;B[pd]))", "line 1, column 9: ')' is outside of a game"),
        (";B[pd]", "line 1, column 1: ';' is outside of a game"),
        ("(;B[pd]\n;W B[dd])", "line 2, column 4: the property W has no value"),
        ("(;B[pd];W)", "line 1, column 10: the property W has no value"),
        ("(;[pd])", "line 1, column 3: a value has no property"),
        ("(B[pd])", "line 1, column 2: 'B' is outside of a node"),
        ("()", "line 1, column 2: a game ends before its first node"),
        ("(()", "line 1, column 2: a variation begins before the first node of its game"),
        ("(;B[pd](;W[dd]);W[pp])", "line 1, column 16: a node follows a variation"),
        ("(;B[pd](;W[dd])C[pp])", "line 1, column 16: 'C' is outside of a node"),
        ("(;B[pd]\n  ;W[dp] <b>", "line 2, column 10: '<' is not expected here"),
    ],
)
def test_parse_errors_have_line_and_column(text: str, message: str) -> None:
    with pytest.raises(SgfError) as fault:
        parse(text)
    assert str(fault.value) == message


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=40) | st.text("(;)[]\\ABa \n", max_size=30).map(str.encode))
def test_parse_any_bytes_returns_or_raises_sgf_error(data: bytes) -> None:
    try:
        assert parse(decode(data))
    except SgfError as fault:
        assert str(fault)  # noqa: PT017


def test_parse_deep_nesting() -> None:
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
def test_decode_follows_the_encoding_of_the_file(data: bytes, name: str) -> None:
    assert parse(decode(data))[0].nodes[0]["PB"] == (name,)


def test_decode_refuses_binary_files() -> None:
    with pytest.raises(SgfError, match=r"^byte 5 is zero: this is not a text file$"):
        decode(b"\x89PNG\0")
