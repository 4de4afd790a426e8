"""SGF, the smart game format: game records as trees of nodes with properties.

( ; FF[4] SZ[19] ; B[pd] ; W[dp] ( ; B[pp] ) ( ; B[dd] ) )

A tree has nodes and then variations; the first variation is the main line. A node has
properties with values in brackets.

Choices:  only the main line is read, other variations are counted; lower-case letters
          in names are ignored, as in FF[3]; a byte that cannot be decoded becomes a
          replacement character, which can occur in comments only.
Source:   Hollosi, SGF file format FF[4], 1997, with the rest of FF[3].
Example:  >>> game, = parse("(;SZ[19]C[a \\\\] b];B[pd](;W[dp])(;W[dd];B[dp]))")
          >>> game.nodes[0]["C"], game.variations
          (('a ] b',), 1)
          >>> [dict(node) for node in game.nodes[1:]]
          [{'B': ('pd',)}, {'W': ('dp',)}]
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[();])|(?P<name>[A-Za-z]\w*)|\[(?P<value>[^\]\\]*(?:\\.[^\]\\]*)*)\])",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(\r\n|\n\r|.)", re.DOTALL)
_LOWER_CASE = re.compile("[a-z]")
_ENCODING = re.compile(rb"CA\s*\[\s*([^\]]*?)\s*\]")
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

Node = Mapping[str, tuple[str, ...]]


class SgfError(ValueError):
    """An error for a text that is not SGF, with the line and the column."""


@dataclass(frozen=True)
class GameTree:
    """One game: the nodes of its main line and the number of its variations."""

    nodes: tuple[Node, ...]
    variations: int = 0


def decode(data: bytes) -> str:
    """Decodes a file by its byte order mark or its property CA, or as UTF-8 or Latin-1.

    Raises:   SgfError for bytes that are not text.
    """
    for bom, name in _BOMS.items():
        if data.startswith(bom):
            return data.decode(name, errors="replace")
    if b"\0" in data:
        raise SgfError(f"byte {data.index(0) + 1} is zero: this is not a text file")
    encoding = _ENCODING.search(data)
    name = _codec_name(encoding[1].decode("latin-1")) if encoding else ""
    if name:
        return data.decode(name, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse(text: str) -> list[GameTree]:
    """Parses every game of a text, index least one.

    Raises:   SgfError with the error and its position.
    """
    reader, index = _Reader(text), 0
    while token := _TOKEN.match(text, index):
        begin, index = token.start(token.lastgroup or 0), token.end()
        if token["mark"]:
            reader.mark(token["mark"], begin)
        elif token["name"]:
            reader.name(token["name"], begin)
        else:
            reader.value(token["value"], begin - 1)
    return reader.end(index)


@dataclass
class _Branch:
    """An open tree: where it begins, and its numbers of nodes and variations.

    main:     whether it belongs to the main line
    """

    begin: int
    main: bool
    nodes: int = 0
    variations: int = 0


@dataclass
class _Reader:
    """The state of the parser.

    It has a stack instead of recursion, because a record may be nested very deeply.
    """

    text: str
    games: list[GameTree] = field(default_factory=list)
    open: list[_Branch] = field(default_factory=list)
    nodes: list[dict[str, list[str]]] = field(default_factory=list)
    variations: int = 0
    node: dict[str, list[str]] | None = None  # the node that receives properties
    pending: str = ""  # a property without a value yet
    last: str = ""  # the property that receives values

    def mark(self, mark: str, index: int) -> None:
        if self.pending:
            raise self.fault(f"the property {self.pending} has no value", index)
        if mark == "(":
            self.begin(index)
        elif not self.open:
            raise self.fault(f"'{mark}' is outside of a game", index)
        elif mark == ";":
            self.begin_node(index)
        else:
            self.close(index)

    def begin(self, index: int) -> None:
        above = self.open[-1] if self.open else None
        if above is None:
            self.nodes, self.variations = [], 0
            self.open.append(_Branch(index, main=True))
            return
        if not above.nodes:
            raise self.fault("a variation begins before the first node of its game", index)
        above.variations += 1
        self.variations += above.variations > 1
        self.open.append(_Branch(index, main=above.main and above.variations == 1))
        self.node = None

    def begin_node(self, index: int) -> None:
        branch = self.open[-1]
        if branch.variations:
            raise self.fault("a node follows a variation", index)
        branch.nodes += 1
        self.node = {}
        if branch.main:
            self.nodes.append(self.node)

    def close(self, index: int) -> None:
        if not self.open.pop().nodes:
            raise self.fault("a game ends before its first node", index)
        self.node = None
        if not self.open:
            nodes = ({name: tuple(some) for name, some in node.items()} for node in self.nodes)
            self.games.append(GameTree(tuple(nodes), self.variations))

    def name(self, name: str, index: int) -> None:
        if self.pending:
            raise self.fault(f"the property {self.pending} has no value", index)
        if self.node is None:
            raise self.fault(f"'{name[:20]}' is outside of a node", index)
        self.pending = self.last = _LOWER_CASE.sub("", name) or name

    def value(self, value: str, index: int) -> None:
        if self.node is None or not (self.pending or self.node):
            raise self.fault("a value has no property", index)
        self.node.setdefault(self.last, []).append(_ESCAPED.sub(_unescaped, value))
        self.pending = ""

    def end(self, index: int) -> list[GameTree]:
        rest = self.text[index:].lstrip()
        index = len(self.text) - len(rest)
        if rest.startswith("[") and self.node is not None:
            raise self.fault(f"the value of {self.last} that begins here is not closed", index)
        if rest:
            raise self.fault(f"{rest[0]!r} is not expected here", index)
        if self.open:
            raise self.fault("the game that begins here is not closed", self.open[0].begin)
        if not self.games:
            raise self.fault("there is no game", index)
        return self.games

    def fault(self, what: str, index: int) -> SgfError:
        line = self.text.count("\n", 0, index) + 1
        return SgfError(f"line {line}, column {index - self.text.rfind(chr(10), 0, index)}: {what}")


def _unescaped(escape: re.Match[str]) -> str:
    """Returns the character after a backslash, or nothing for an escaped line end."""
    return "" if escape[1][0] in "\r\n" else escape[1]


def _codec_name(name: str) -> str:
    """Returns the codec of an encoding, or nothing for an unknown one."""
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
