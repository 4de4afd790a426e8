"""Go is a plug-in: nothing of kissipo outside plugins/go names it, or needs it."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import kissipo
from kissipo.cli.main import main
from kissipo.core import registry
from kissipo.core.codec import CODECS
from kissipo.core.errors import TaskError
from kissipo.input.sources.environment import WORLDS
from kissipo.output.answers.category import Category
from kissipo.pipeline.json_schema import task_schema
from kissipo.pipeline.registries import (
    ANSWERS,
    BASELINES,
    BUILDERS,
    RECIPES,
    SOURCES,
    suitable_baselines,
)

PACKAGE = Path(kissipo.__file__).parent
WORDS = {
    *("go", "goban", "weiqi", "baduk", "sgf", "games", "game", "board", "boards"),
    *("stone", "stones", "komi", "ko", "handicap", "liberty", "liberties", "suicide"),
    *("legal", "illegal", "local_patterns", "localpatterns"),
}
ELSEWHERE = {  # a phrase of a file that has one of the words and another meaning
    ("cli/screen.py", "results go to"): "the verb",
    ("process/nets/gradient_boosting.py", "missing_go_to_left"): "a field of scikit-learn",
    ("process/nets/random_forest.py", "missing_go_to_left"): "a field of scikit-learn",
    ("output/metrics/ranking.py", "Ties go to"): "the verb",
    ("recipes/nyc_taxi.py", "the clocks go back"): "the verb",
    ("runs/doctor.py", '"board"'): "the extra that installs TensorBoard",
    ("runs/doctor.py", "TensorBoard"): "a program",
    ("runs/tensorboard.py", "TensorBoard"): "a program",
    ("runs/tensorboard.py", "extra 'board'"): "the extra that installs it",
    ("runs/tensorboard.py", "class Board("): "its callback",
    ("runs/tensorboard.py", "[Board("): "its callback",
    ("pipeline/renamed_options.py", "num_games"): "a former option, in the list of all of them",
}
ADDED = {
    SOURCES: ["games"],
    CODECS: ["board"],
    BUILDERS: ["games"],
    BASELINES: ["local_patterns"],
    RECIPES: ["go", "go_dense"],
    WORLDS: ["go"],
}


def denied_words(text: str) -> set[str]:
    """Returns the denied words in a text, whole and as parts of identifiers."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text) + re.findall(r"\w+", text)
    return {part.lower() for part in parts} & WORDS


def files() -> Iterator[tuple[str, str]]:
    """Yields the path and the text of every file outside the plug-in."""
    for path in sorted(PACKAGE.rglob("*")):
        name = path.relative_to(PACKAGE).as_posix()
        if path.suffix in (".py", ".js", ".css", ".html") and not name.startswith("plugins/go/"):
            yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from kissipo.plugins.go import sgf", {"go", "sgf"}),
        ("class LegalMoveMask:", {"legal"}),
        ('if source == "games":  # GO', {"games", "go"}),
        ("baselines.local_patterns", {"local_patterns"}),
        ("KeyboardInterrupt, going, MongoDB, category", set()),
    ],
)
def test_denied_words_are_recognized_in_code(text: str, expected: set[str]) -> None:
    assert denied_words(text) == expected


def test_no_file_outside_the_plug_in_names_go() -> None:
    unused, places = set(ELSEWHERE), []
    for name, text in files():
        for place, phrase in ELSEWHERE:
            if place == name and phrase in text:
                unused.discard((place, phrase))
                text = text.replace(phrase, "")
        lines = enumerate(f"{name}\n{text}".splitlines())
        places += [f"{name}:{number}: {line}" for number, line in lines if denied_words(line)]
    assert places == [], "\n".join(places)
    assert unused == set()


def test_go_is_a_plug_in_by_its_entry_point_and_by_its_place() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    points = project["project"]["entry-points"][registry.PLUGINS]
    assert points == {"go": "kissipo.plugins.go"}
    assert registry.plugins().count("kissipo.plugins.go") == 1


def test_go_adds_its_parts_to_the_registries() -> None:
    assert {kinds: kinds.names_in_plugins() for kinds in ADDED} == ADDED
    assert suitable_baselines(Category) == (*Category.BASELINES, "local_patterns")
    others = [ANSWERS.find(name, place="here").ANSWER for name in ANSWERS.names()]
    assert len(others) > 5
    assert [answer.WORD for answer in others if suitable_baselines(answer) != answer.BASELINES] == [
        "category"
    ]


def test_kissipo_works_without_go(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "plugins", lambda: ())
    assert not any(set(names) & set(kinds.names()) for kinds, names in ADDED.items())
    assert suitable_baselines(Category) == Category.BASELINES
    assert denied_words(json.dumps(task_schema())) == set()
    with pytest.raises(TaskError, match="'board'"):
        CODECS.find("board", place="codecs.json")
    assert main(["list"]) == 0
    assert denied_words(capsys.readouterr().out) == set()
    assert main(["fit", "digits", "epochs=1", "--quiet", "--out", "run"]) == 0
