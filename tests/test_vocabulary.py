"""The vocabulary: counts of denied words and of wide lines fall, and never rise.

tests/vocabulary.tsv lists what is denied, what to use instead, and what is spared.
tests/vocabulary_ceilings.json holds the count that is allowed for each entry.

Kinds of entries:
word      one word of any identifier that we define, files and folders included
head      the last word of an identifier (before a preposition), but not of a test
name      a whole identifier, without underscores around it
define    the name of a function or class
file      the name of a Python file or folder
native    a whole identifier in native/
option    an option with its place: in texts, dictionaries of tasks, classes
key       a string that is a whole key or value, such as the name of a metric
prose     a pattern in docstrings, comments, strings, pages; spaces match line breaks
path      files whose prose and keys are not counted
width     lines that are wider than 100 (code) or 88 (prose) columns

python tests/test_vocabulary.py                   counts per folder and per entry
python tests/test_vocabulary.py WORD_OR_FOLDER    each place, with what to use instead
python tests/test_vocabulary.py --freeze          lower the ceilings to today's counts

>>> parts_of("_theBestLSTMCell_2")
('the', 'best', 'lstm', 'cell')
"""

from __future__ import annotations

import argparse
import ast
import bisect
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

HOUSE = Path(__file__).parents[1]
LIST = HOUSE / "tests" / "vocabulary.tsv"
CEILINGS = HOUSE / "tests" / "vocabulary_ceilings.json"
PYTHON = ("kissipo", "tests", "benchmarks")
PAGES = (
    *("*.md", "pyproject.toml", "Makefile", ".ci/run", "docs/**/*.md", "docs/*.json"),
    *("kissipo/**/*.js", "kissipo/**/*.css", "kissipo/**/*.html"),
)
PARTS = ("input", "process", "output")
HASHED = {"derive", "numpy_generator", "torch_generator"}  # their strings are hashed into seeds
PREPOSITIONS = {"of", "in", "for", "by", "with", "from", "to", "on", "at", "as"}
PREDICATES = {"is", "are", "was", "has", "have"}
KEY = re.compile(r"""["'`.]([a-z_]+)(?=["'`\s;,)\]=]|$)""", re.MULTILINE)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
NAMING = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.arg, ast.Name, ast.Attribute),
    *(ast.alias, ast.ExceptHandler, ast.MatchAs, ast.MatchStar),
)
CODE_WIDTH, PROSE_WIDTH = 100, 88

Columns = dict[int, list[tuple[int, int]]]  # by line, the columns of all strings


@dataclass(frozen=True)
class Entry:
    """A line of the list: what is denied, and the word to use instead."""

    kind: str
    old: str
    new: str
    spared: str = ""
    note: str = ""

    @property
    def title(self) -> str:
        """The name of its ceiling."""
        return f"{self.kind} {self.old[:40]}"


class Place(NamedTuple):
    """Where a name, an option, a key or a line of prose stands."""

    path: str
    line: int
    text: str
    role: str = ""


Denied = tuple[Entry, Place]


@dataclass
class Corpus:
    """All names and texts of the repository, or of a few planted files."""

    names: list[Place] = field(default_factory=list)
    native: list[Place] = field(default_factory=list)
    files: list[Place] = field(default_factory=list)
    options: list[Place] = field(default_factory=list)
    keys: list[Place] = field(default_factory=list)
    prose: list[Place] = field(default_factory=list)
    wide: dict[str, list[Place]] = field(default_factory=lambda: {"code": [], "prose": []})

    def add_prose(self, path: str, line: int, text: str) -> None:
        """Add the lines of a text; the first stands in the given line of the file."""
        for row, content in enumerate(text.split("\n")):
            if content:
                self.prose.append(Place(path, line + row, content))

    def add_yaml(self, path: str, line: int, text: str) -> None:
        """Add the options of a task that is written in YAML."""
        part, above = "", 0
        if "put:" not in text and "process:" not in text:
            return
        for row, content in enumerate(text.splitlines(), line):
            indent = len(content) - len(content.lstrip())
            if match := re.match(r"\s*(input|process|output):(?: \{(.*)\})?\s*$", content):
                part, above = match[1], indent
                for name in re.findall(r"(?:^|, )(\w+):", match[2] or ""):
                    self.options.append(Place(path, row, f"{part}.{name}"))
            elif part and indent > above and (match := re.match(r"\s*(\w+):", content)):
                self.options.append(Place(path, row, f"{part}.{match[1]}"))
            elif content.strip():
                part = ""

    def add_wide_lines(self, path: str, lines: list[str], prose: set[int]) -> None:
        """Sort the lines that are too wide into code and prose."""
        for row, content in enumerate(lines, 1):
            if len(content) > (PROSE_WIDTH if row in prose else CODE_WIDTH):
                self.wide["prose" if row in prose else "code"].append(Place(path, row, content))


@cache
def parts_of(identifier: str) -> tuple[str, ...]:
    """FrozenConfig of an identifier in lower case, without numbers."""
    return tuple(word.lower() for word in WORD.findall(identifier))


@cache
def head_of(identifier: str) -> str:
    """The word that says what the identifier is: the last one, before a preposition.

    >>> head_of("best_score_of_run"), head_of("is_ready")
    ('score', '')
    """
    words = parts_of(identifier)
    if not words or words[0] in PREDICATES | {"test"}:
        return ""
    end = next((i for i, word in enumerate(words) if i and word in PREPOSITIONS), len(words))
    return words[end - 1]


def defined_names(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names that a node of the syntax tree defines, and their role."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, "define"
        case ast.arg(arg=name):
            yield name, ""
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            yield name, ""
        case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
            yield name, ""
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, ""


def task_options(place: str, value: ast.AST | None) -> Iterator[tuple[str, int]]:
    """The places of all options in a dictionary: process.epochs and so on."""
    if isinstance(value, ast.Dict):
        for key, child in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield f"{place}.{key.value}", key.lineno
                yield from task_options(f"{place}.{key.value}", child)


def declared_options(part: str, node: ast.ClassDef) -> Iterator[tuple[str, int]]:
    """The options that a class declares; a nested class adds its own name."""
    for line in node.body:
        call = line.value if isinstance(line, ast.AnnAssign) else None
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("word", "option"):
            name = ast.unparse(line.target).rstrip("_")  # type: ignore[union-attr]
            nested = "_".join(parts_of(node.name))
            ordinary = node.name.endswith(("Options", "FrozenConfig", "Config"))
            yield (f"{part}.{name}" if ordinary else f"{part}.{nested}.{name}"), line.lineno


def options_of(node: ast.AST, part: str) -> Iterator[tuple[str, int]]:
    """The options that a node names; part is the second folder of the path."""
    match node:
        case ast.ClassDef() if part in PARTS:
            yield from declared_options(part, node)
        case ast.keyword(arg=str(name), value=ast.Dict()) if name in PARTS:
            yield from task_options(name, node.value)
        case ast.Dict():
            for key, child in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in PARTS:
                    yield from task_options(str(key.value), child)


def comments_of(lines: list[str], strings: Columns) -> Iterator[tuple[int, str]]:
    """The comments of a Python file, outside of its strings."""
    for row, content in enumerate(lines, 1):
        for match in re.finditer("#", content) if "#" in content else ():
            column = len(content[: match.start()].encode())
            if not any(start <= column < end for start, end in strings.get(row, ())):
                yield row, content[match.start() + 1 :].strip()
                break


def nodes_of(source: str) -> Iterator[ast.AST]:
    """Every node of the syntax tree, a parent before its children; fast."""
    stack: list[ast.AST] = [ast.parse(source)]
    while stack:
        node = stack.pop()
        yield node
        for value in node.__dict__.values():
            if isinstance(value, list):
                stack.extend(child for child in value if isinstance(child, ast.AST))
            elif isinstance(value, ast.AST):
                stack.append(value)


def columns_of(node: ast.expr) -> Iterator[tuple[int, tuple[int, int]]]:
    """The lines that a string covers, and the columns of each."""
    last = node.end_lineno or node.lineno
    for row in range(node.lineno, last + 1):
        end = node.end_col_offset or 0
        yield row, (node.col_offset if row == node.lineno else 0, end if row == last else 10**6)


def read_python(corpus: Corpus, path: str, source: str) -> None:
    """Add the names, options, strings and comments of a Python file."""
    part = path.split("/")[1]
    hashed: set[ast.AST] = set()
    strings: Columns = defaultdict(list)
    prose: set[int] = set()
    for node in nodes_of(source):
        if isinstance(node, NAMING):
            names = defined_names(node)
            corpus.names += [Place(path, node.lineno, name, role) for name, role in names]
        if isinstance(node, ast.ClassDef | ast.keyword | ast.Dict):
            places = options_of(node, part)
            corpus.options += [Place(path, line, place) for place, line in places]
        elif isinstance(node, ast.Call):
            function = node.func
            if getattr(function, "id", getattr(function, "attr", "")) in HASHED:
                hashed.update(child for value in node.args for child in ast.walk(value))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            prose.update(range(node.lineno, (node.end_lineno or 0) + 1))
        elif isinstance(node, ast.JoinedStr):
            for row, columns in columns_of(node):
                strings[row].append(columns)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            for row, columns in columns_of(node):
                strings[row].append(columns)
            if isinstance(node.value, str) and node not in hashed:
                corpus.add_prose(path, node.lineno, node.value)
                corpus.add_yaml(path, node.lineno, node.value)
                corpus.keys.append(Place(path, node.lineno, node.value))
    lines = source.splitlines()
    for row, comment in comments_of(lines, strings):
        corpus.add_prose(path, row, comment)
    prose.update(row for row, content in enumerate(lines, 1) if content.lstrip().startswith("#"))
    corpus.add_wide_lines(path, lines, prose)
    for name in {*Path(path).with_suffix("").parts[1:-1], Path(path).stem}:
        if name != "__init__":
            corpus.files.append(Place(path, 1, name, "file"))


def read_native(corpus: Corpus, path: str, source: str) -> None:
    """Add the identifiers and comments of a C++ file."""
    prose: set[int] = set()
    for row, content in enumerate(source.splitlines(), 1):
        code, _, comment = content.partition("//")
        if not code.strip():
            prose.add(row)
        corpus.add_prose(path, row, comment.strip())
        if not code.startswith("#include"):
            identifiers = re.findall(r"(?<!std::)\b[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", code))
            corpus.native += [Place(path, row, name) for name in identifiers]
    corpus.add_wide_lines(path, source.splitlines(), prose)


def read_page(corpus: Corpus, path: str, source: str) -> None:
    """Add the text of a page or script, and the options of its YAML."""
    corpus.add_prose(path, 1, source)
    corpus.add_yaml(path, 1, source)
    if not path.endswith((".css", ".html")):
        for row, content in enumerate(source.splitlines(), 1):
            corpus.keys += [Place(path, row, key) for key in KEY.findall(content)]


def read_house(house: Path = HOUSE) -> Corpus:
    """All names and texts of the repository."""
    corpus = Corpus()
    readers = [
        (read_python, [f"{folder}/**/*.py" for folder in PYTHON]),
        (read_native, ["native/*.cpp", "native/*.h"]),
        (read_page, PAGES),
    ]
    for read, patterns in readers:
        for path in sorted({path for pattern in patterns for path in house.glob(pattern)}):
            read(corpus, path.relative_to(house).as_posix(), path.read_text(encoding="utf-8"))
    return corpus


def read_list(path: Path = LIST) -> list[Entry]:
    """The denied words; a line that begins with # is a comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and line[0] != "#"]
    return [Entry(*row) for row in rows[1:]]


def phrase_places(entries: list[Entry], prose: list[Place]) -> Iterator[Denied]:
    """Every place where a pattern begins and ends with whole words."""
    text = "\n".join(place.text for place in prose).lower()
    starts, position = [], 0
    for place in prose:
        starts.append(position)
        position += len(place.text.lower()) + 1
    for entry in entries:
        option = entry.kind == "option"
        pattern = re.escape(entry.old) if option else entry.old.replace(" ", r"\s+")
        for match in re.finditer(f"(?:{pattern})" if "|" in pattern else pattern, text):
            start, end = match.span()
            before, after = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
            inside = re.fullmatch(r"\w\w", before) or re.fullmatch(r"\w\w", after)
            if not inside and not (option and before[0] == "."):
                yield entry, prose[bisect.bisect(starts, start) - 1]


def name_places(entries: dict[str, dict[str, Entry]], corpus: Corpus) -> Iterator[Denied]:
    """Every identifier, file, option or key that the list denies."""
    for place in (*corpus.names, *corpus.native, *corpus.files):
        for word in parts_of(place.text):
            if word in entries["word"]:
                yield entries["word"][word], place
        name = place.text.strip("_")
        for whole in {name, name.lower() if name.isupper() else name}:
            for kind in ("name", place.role) if place.role else ("name",):
                if whole in entries[kind]:
                    yield entries[kind][whole], place
        if head_of(place.text) in entries["head"]:
            yield entries["head"][head_of(place.text)], place
    for place in corpus.native:
        if place.text.strip("_") in entries["native"]:
            yield entries["native"][place.text.strip("_")], place
    for kind, places in (("option", corpus.options), ("key", corpus.keys)):
        for place in places:
            if place.text in entries[kind]:
                yield entries[kind][place.text], place


def denied_places(entries: list[Entry], corpus: Corpus) -> dict[str, list[Denied]]:
    """By entry of the list, every place that it denies and does not spare."""
    by_kind: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        by_kind[entry.kind][entry.old] = entry
    outside = re.compile("|".join(by_kind.pop("path", {"(?!)": None})))
    phrases = [*by_kind["prose"].values(), *by_kind["option"].values()]
    titles = [entry.title for entry in entries if entry.kind != "path"]
    places: dict[str, list[Denied]] = {title: [] for title in titles}
    for counted in (
        name_places(by_kind, corpus),
        phrase_places(phrases, [place for place in corpus.prose if not outside.match(place.path)]),
    ):
        for entry, place in counted:
            spared = entry.spared and re.search(entry.spared, f"{place.path}: {place.text}")
            if not spared and not outside.match(place.path):
                places[entry.title].append((entry, place))
    for kind, limit in (("code", CODE_WIDTH), ("prose", PROSE_WIDTH)):
        entry = Entry("width", kind, f"at most {limit} columns")
        places[entry.title] = [(entry, place) for place in corpus.wide[kind]]
    return places


def complaints(counts: dict[str, int], ceilings: dict[str, int]) -> list[str]:
    """Where a count and its ceiling differ, and what to do about it."""
    lines = []
    for title in sorted({*counts, *ceilings}):
        count, ceiling = counts.get(title), ceilings.get(title)
        if count is not None and ceiling is not None and count > ceiling:
            command = f"python tests/test_vocabulary.py '{title}'"
            lines.append(f"{title}: {count} places, {ceiling} are allowed; {command} lists them")
        elif count != ceiling:
            command = "python tests/test_vocabulary.py --freeze"
            lines.append(f"{title}: {count} places; lower the ceiling of {ceiling} with {command}")
    return lines


def lowered(counts: dict[str, int], ceilings: dict[str, int]) -> dict[str, int]:
    """The new ceilings: those of today, where they are not higher than before."""
    return {title: min(count, ceilings.get(title, count)) for title, count in counts.items()}


def read_ceilings() -> dict[str, int]:
    """The counts that are allowed."""
    return json.loads(CEILINGS.read_text(encoding="utf-8")) if CEILINGS.exists() else {}


def count_places(places: dict[str, list[Denied]]) -> dict[str, int]:
    """By entry, in the order of their names, the number of places."""
    return {title: len(places[title]) for title in sorted(places)}


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    return count_places(denied_places(read_list(), read_house()))


def test_denied_words_and_wide_lines_only_become_fewer(counts: dict[str, int]) -> None:
    assert complaints(counts, read_ceilings()) == []


def test_a_denied_word_has_one_entry_and_a_word_to_use_instead() -> None:
    entries = [entry for entry in read_list() if entry.kind != "path"]
    titles = Counter(entry.title for entry in entries)
    assert [title for title, count in titles.items() if count > 1] == []
    assert {entry.kind for entry in entries} == {
        *("word", "head", "name", "define", "file", "native", "option", "key", "prose"),
    }
    assert [entry.title for entry in entries if not entry.new] == []


PLANTED = """
\"""It counts a planted thing.\"""
class PlantedBed:
    def grow(self, bed_planted, planted_bed, fine):
        self.bed = f"the # {fine} Planted thing" + "short"  # a planted thing #
Task(process={"net": "x", "speed": 1}, input={"split": {"side": 2}})
derive(seed, "a planted thing")
"""


@pytest.mark.parametrize(
    ("entry", "lines"),
    [
        (Entry("word", "planted", "new"), [3, 4, 4]),
        (Entry("head", "planted", "new"), [4]),
        (Entry("name", "bed", "new"), [1, 5]),
        (Entry("name", "planted", "new"), []),
        (Entry("define", "PlantedBed", "new"), [3]),
        (Entry("define", "fine", "new"), []),
        (Entry("file", "nets", "new"), [1]),
        (Entry("option", "process.speed", "new"), [6]),
        (Entry("option", "input.split.side", "new"), [6]),
        (Entry("option", "input.net", "new"), []),
        (Entry("key", "short", "new"), [5]),
        (Entry("prose", "planted thing", "new"), [2, 5, 5]),
        (Entry("prose", "plant", "new"), []),
        (Entry("prose", "planted thing", "new", r"a planted|It counts"), [5]),
    ],
)
def test_a_planted_word_is_counted_and_a_seed_is_not(entry: Entry, lines: list[int]) -> None:
    corpus = Corpus()
    read_python(corpus, "kissipo/nets/bed.py", PLANTED)
    places = denied_places([entry], corpus)[entry.title]
    assert sorted(place.line for _, place in places) == lines


def test_a_declared_option_is_counted_by_its_class() -> None:
    corpus = Corpus()
    source = """
class Options:
    from_: int = word(1, "x")
class Decode:
    last: int = option(1, "x")
"""
    read_python(corpus, "kissipo/output/bed.py", source)
    assert sorted(place.text for place in corpus.options) == ["output.decode.last", "output.from"]


def test_native_code_and_pages_are_counted() -> None:
    corpus = Corpus()
    code = "int planted = std::planted_too();  // a planted\n// thing"
    read_native(corpus, "native/bed.cpp", code)
    page = "A planted\nthing:\n\nprocess:\n  speed: 1\n\n`short` and process.speed\n"
    read_page(corpus, "docs/bed.md", page)
    entries = [
        Entry("native", "planted", "new"),
        Entry("word", "too", "new"),
        Entry("prose", "planted thing", "new"),
        Entry("option", "process.speed", "new"),
        Entry("key", "short", "new"),
    ]
    places = denied_places(entries, corpus)
    assert [len(places[entry.title]) for entry in entries] == [1, 0, 2, 2, 1]


def test_wide_lines_are_counted_by_their_kind() -> None:
    corpus = Corpus()
    text = "x" * 84
    wide = f'"""{text}\n{text}12345\n"""\ny = "{text}123456789012"\nz = "{text}1234567890"\n'
    read_python(corpus, "tests/bed.py", wide)
    assert [(kind, place.line) for kind in corpus.wide for place in corpus.wide[kind]] == [
        ("code", 4),
        ("prose", 2),
    ]
    wide = f"// {text}\n// {text}12\nint {text} = 12345678;\nint {text} = 123456789;\n"
    read_native(corpus, "native/bed.h", wide)
    assert [place.line for place in corpus.wide["prose"]] == [2, 2]
    assert [place.line for place in corpus.wide["code"]] == [4, 4]


def test_a_count_that_differs_from_its_ceiling_is_a_complaint() -> None:
    assert complaints({"a": 1, "b": 0}, {"a": 1, "b": 0}) == []
    assert [line[:11] for line in complaints({"a": 2, "b": 0, "c": 1}, {"a": 1, "b": 1})] == [
        "a: 2 places",
        "b: 0 places",
        "c: 1 places",
    ]
    assert lowered({"a": 2, "b": 0, "c": 3}, {"a": 1, "b": 1, "d": 1}) == {"a": 1, "b": 0, "c": 3}


def folder_of(path: str) -> str:
    """The folder of a file, two levels deep at most."""
    return "/".join(path.split("/")[:-1][:2]) or path


def main() -> None:
    """Print the counts or the places of an entry, or lower the ceilings."""
    parser = argparse.ArgumentParser(description="count denied words and wide lines")
    parser.add_argument("what", nargs="*", help="words, kinds or folders: each place is printed")
    parser.add_argument("--freeze", action="store_true", help="lower the ceilings")
    options = parser.parse_args()
    places = denied_places(read_list(), read_house())
    if options.freeze:
        ceilings = lowered(count_places(places), read_ceilings())
        text = json.dumps(ceilings, indent=1, ensure_ascii=False)
        CEILINGS.write_text(text + "\n", encoding="utf-8")
    elif options.what:
        for title, lines in places.items():
            for entry, place in lines:
                if all(
                    what == entry.old or title.startswith(what) or place.path.startswith(what)
                    for what in options.what  # one line for each
                ):
                    print(f"{place.path}:{place.line}: {title} -> {entry.new}", end="    ")
                    print(repr(place.text.strip()[:120]))
    else:
        folders = Counter(folder_of(place.path) for lines in places.values() for _, place in lines)
        for folder, count in folders.most_common():
            print(f"{count:6} {folder}")
        for title, lines in sorted(places.items(), key=lambda item: -len(item[1])):
            new = lines[0][0].new if lines else ""
            print(f"{len(lines):6} {title} -> {new}" if lines else f"{0:6} {title}")


if __name__ == "__main__":
    main()
