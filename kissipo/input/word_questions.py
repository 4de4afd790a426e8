"""Questions about words: how similar two words are to people, and analogies.

The files are those of the literature, one question per line:

    tiger cat 7.35                      a similarity (WordSim-353, SimLex-999, MEN)
    Athens Greece Baghdad Iraq          an analogy: Athens is to Greece as ... is to
                                        (questions-words); ": name" begins a part

Cells are divided by tabs, commas or blanks; lines with # and a title line are left out.

Source:   Finkelstein et al. 2001 (WordSim-353), Hill et al. 2015 (SimLex-999), Mikolov
          et al. 2013 (questions-words).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kissipo.core.errors import DataError
from kissipo.input.formats.files import open_text

_CELLS = re.compile(r"[\t,; ]+")
_SUFFIXES = (".txt", ".tsv", ".csv")
_MIN_SHARE = 0.5  # of the lines that must be questions


@dataclass(frozen=True)
class WordQuestion:
    """One question.

    text:    the words as a run takes them: `tiger cat`, or `greece - athens + baghdad`
    answer:  the word that is asked for; "" for a similarity
    human:   the similarity that people gave; NaN for an analogy
    """

    text: str
    answer: str = ""
    human: float = float("nan")

    @property
    def words(self) -> list[str]:
        """The words that must be in the vocabulary."""
        terms = [term for term in self.text.split() if term not in ("+", "-")]
        return [*terms, *([self.answer] if self.answer else [])]


def read_word_questions(path: Path) -> dict[str, list[WordQuestion]]:
    """Returns the questions of a file, or of each file in a folder, by its name.

    In a folder, files without questions are left out.

    Raises:   DataError when there is none.
    """
    if not path.is_dir():
        return {_name(path): _questions(path)}
    by_file = {}
    for file in sorted(path.iterdir()):
        if any(suffix in _SUFFIXES for suffix in file.suffixes):
            by_file[_name(file)] = _questions(file)
    if not by_file:
        raise DataError(
            f"{path} has no file of questions about words",
            allowed="files .txt, .tsv or .csv, also .gz",
        )
    return by_file


def _name(path: Path) -> str:
    return path.name.split(".")[0]


def _questions(path: Path) -> list[WordQuestion]:
    with open_text(path, "utf-8") as file:
        lines = [line.strip() for line in file]
    candidates = [line for line in lines if line and line[0] not in "#:"]
    questions = [
        question for line in candidates if (question := _parsed_question(line)) is not None
    ]
    if len(questions) < max(1, _MIN_SHARE * len(candidates)):
        raise DataError(
            f"{path} has no questions about words",
            got=repr(candidates[0]) if candidates else "an empty file",
            allowed="lines such as 'tiger cat 7.35', or 'Athens Greece Baghdad Iraq'",
            do="Leave the file out, or correct it",
        )
    return questions


def _parsed_question(line: str) -> WordQuestion | None:
    """Returns the question of a line; None for a title."""
    cells = [cell for cell in _CELLS.split(line.lower()) if cell]
    numbers = [number for cell in cells[2:] if (number := _number(cell)) is not None]
    if len(cells) >= 3 and numbers:
        return WordQuestion(f"{cells[0]} {cells[1]}", human=numbers[0])
    if len(cells) == 4:
        first, second, third, answer = cells
        return WordQuestion(f"{second} - {first} + {third}", answer)
    return None


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def covered(questions: Iterable[WordQuestion], vocabulary: set[str]) -> list[WordQuestion]:
    """Returns the questions whose words all are in the vocabulary."""
    return [question for question in questions if vocabulary.issuperset(question.words)]
