"""SGF, the smart game format: records of games as trees of nodes, each node a few properties with values in brackets.

( ; FF[4] SZ[19] ; B[pd] ; W[dp] ( ; B[pp] ) ( ; B[dd] ) )      a tree: nodes, then variations, of which the first is the main line

Choices:  the main line is read, the other variations are counted; small letters in names are left out, as FF[3] says; a letter that
          cannot be decoded becomes a mark, as it can stand in comments only.
Source:   Hollosi, SGF file format FF[4], 1997, with what is left of FF[3].
Example:  >>> game, = parse("(;SZ[19]C[a \\\\] b];B[pd](;W[dp])(;W[dd];B[dp]))")
          >>> game.nodes[0]["C"], [dict(node) for node in game.nodes[1:]], game.variations
          (('a ] b',), [{'B': ('pd',)}, {'W': ('dp',)}], 1)
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
_SMALL = re.compile("[a-z]")
_ENCODING = re.compile(rb"CA\s*\[\s*([^\]]*?)\s*\]")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

Node = Mapping[str, tuple[str, ...]]


class SgfError(ValueError):
    """A text that is no SGF, with the line and the column where that shows."""


@dataclass(frozen=True)
class GameTree:
    """One game: the nodes of its main line, and how many variations were left aside."""

    nodes: tuple[Node, ...]
    variations: int = 0


def decode(data: bytes) -> str:
    """The text of a file: by its mark of byte order, by what CA says, else as UTF-8 or Latin-1.

    Raises:   SgfError for bytes that are no text.
    """
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            return data.decode(name, errors="replace")
    if b"\0" in data:
        raise SgfError(f"byte {data.index(0) + 1} is zero: this is no text")
    said = _ENCODING.search(data)
    name = _known(said[1].decode("latin-1")) if said else ""
    if name:
        return data.decode(name, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse(text: str) -> list[GameTree]:
    """Every game of a text, at least one.

    Raises:   SgfError that says what is wrong, and where.
    """
    reader, at = _Reader(text), 0
    while found := _TOKEN.match(text, at):
        begin, at = found.start(found.lastgroup or 0), found.end()
        if found["mark"]:
            reader.mark(found["mark"], begin)
        elif found["name"]:
            reader.name(found["name"], begin)
        else:
            reader.value(found["value"], begin - 1)
    return reader.end(at)


@dataclass
class _Branch:
    """A tree that is open: where it begins, whether it is the main line, how many nodes and variations it has."""

    begin: int
    main: bool
    nodes: int = 0
    variations: int = 0


@dataclass
class _Reader:
    """What has been read; a stack in place of recursion, as a record may nest as deep as it is long."""

    text: str
    games: list[GameTree] = field(default_factory=list)
    open: list[_Branch] = field(default_factory=list)
    nodes: list[dict[str, tuple[str, ...]]] = field(default_factory=list)
    variations: int = 0
    node: dict[str, tuple[str, ...]] | None = None  # which takes properties just now
    waiting: str = ""  # a property that has no value yet
    last: str = ""  # the property that values belong to

    def mark(self, mark: str, at: int) -> None:
        if self.waiting:
            raise self.fault(f"the property {self.waiting} has no value", at)
        if mark == "(":
            self.begin(at)
        elif not self.open:
            raise self.fault(f"'{mark}' stands outside of a game", at)
        elif mark == ";":
            self.begin_node(at)
        else:
            self.close(at)

    def begin(self, at: int) -> None:
        above = self.open[-1] if self.open else None
        if above is None:
            self.nodes, self.variations = [], 0
            self.open.append(_Branch(at, main=True))
            return
        if not above.nodes:
            raise self.fault("a variation begins before the first node of its game", at)
        above.variations += 1
        self.variations += above.variations > 1
        self.open.append(_Branch(at, main=above.main and above.variations == 1))
        self.node = None

    def begin_node(self, at: int) -> None:
        branch = self.open[-1]
        if branch.variations:
            raise self.fault("a node stands behind a variation", at)
        branch.nodes += 1
        self.node = {}
        if branch.main:
            self.nodes.append(self.node)

    def close(self, at: int) -> None:
        if not self.open.pop().nodes:
            raise self.fault("a game ends before its first node", at)
        self.node = None
        if not self.open:
            self.games.append(GameTree(tuple(self.nodes), self.variations))

    def name(self, name: str, at: int) -> None:
        if self.waiting:
            raise self.fault(f"the property {self.waiting} has no value", at)
        if self.node is None:
            raise self.fault(f"'{name[:20]}' stands outside of a node", at)
        self.waiting = self.last = _SMALL.sub("", name) or name

    def value(self, value: str, at: int) -> None:
        if self.node is None or not (self.waiting or self.node):
            raise self.fault("a value stands without a property", at)
        held = () if self.waiting and self.last not in self.node else self.node[self.last]
        self.node[self.last] = (*held, _ESCAPED.sub(_unescaped, value))
        self.waiting = ""

    def end(self, at: int) -> list[GameTree]:
        rest = self.text[at:].lstrip()
        at = len(self.text) - len(rest)
        if rest.startswith("[") and self.node is not None:
            raise self.fault(f"the value of {self.last} that begins here is not closed", at)
        if rest:
            raise self.fault(f"{rest[0]!r} is not expected here", at)
        if self.open:
            raise self.fault("the game that begins here is not closed", self.open[0].begin)
        if not self.games:
            raise self.fault("there is no game", at)
        return self.games

    def fault(self, what: str, at: int) -> SgfError:
        line = self.text.count("\n", 0, at) + 1
        return SgfError(f"line {line}, column {at - self.text.rfind(chr(10), 0, at)}: {what}")


def _unescaped(found: re.Match[str]) -> str:
    """A letter behind a backslash is itself; an end of line there is none."""
    return "" if found[1][0] in "\r\n" else found[1]


def _known(name: str) -> str:
    """The encoding of that name, or nothing."""
    try:
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
