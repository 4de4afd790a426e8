"""Tables: how a script reads rows of numbers and categories."""

from __future__ import annotations

from pathlib import Path

from kissipo.codec.concat import Together
from kissipo.codec.numbers import Numbers
from kissipo.codec.one_hot import OneHot
from kissipo.core.codec import Door
from kissipo.core.errors import NotBuiltError
from kissipo.export.script.inputs.split import split_pieces, split_words
from kissipo.export.script.part import ARRAYS, Part, filled, listed, path_line, unread
from kissipo.input.check.rows import twins
from kissipo.output.answers.category import Category
from kissipo.pipeline.experiment import Prepared

_TABLE = '''
def read() -> dict[str, list[str]]:
    """The columns of the table, every cell as it is written."""
    with FILE.open(newline="", encoding="$encoding") as file:
        rows = list(csv.DictReader(file, delimiter="$delimiter"))
    return {name: [row[name] for row in rows] for name in rows[0]}
'''

_SCALED = '''
def scaled(cells: list[str], train: Array) -> Array:
    """Numbers, with mean 0 and deviation 1 in the training part."""
    values = np.array([float(cell) for cell in cells])
    known = values[train]
    return ((values - known.mean()) / known.std()).reshape(-1, 1)
'''

_ONE_HOT = '''
def one_hot(cells: list[str], train: Array) -> Array:
    """A column of 0 and 1 for each level that the training part has."""
    levels = sorted({cells[at] for at in train})
    return np.array([[float(cell == level) for level in levels] for cell in cells])
'''

_ROWS = '''
def samples() -> Parts:
    """The features (sample, feature) and the answer."""
    table = read()
    $classes
    parts = split(classes)
    train = parts["train"]
    $features
    inputs = torch.from_numpy(np.concatenate(features, axis=1).astype(np.float32))
    truth = torch.from_numpy($truth)
    return {name: (inputs[at], truth[at]) for name, at in parts.items()}
'''

_DEVIATION = '''
def deviation() -> float:
    """That of the answer in the training part, which is the unit of the net."""
    values = np.array([float(cell) for cell in read()[ANSWER]])
    return float(values[split(np.zeros(len(values)))["train"]].std())
'''


def table(prepared: Prepared, door: Door) -> Part:
    """Rows of a file of separated values.

    Raises:   NotBuiltError for what is in a table that no script reads yet.
    """
    frame, answer, options = prepared.wiring.frame, prepared.wiring.answers[0], prepared.choices.source.options
    kinds = door.doors if isinstance(door, Together) else (door,)
    if not Path(frame.origin).is_file():
        raise unread(frame.origin, "a file of separated values")
    if any(
        not isinstance(each, Numbers | OneHot) or getattr(each, "scale", "standard") != "standard" for each in kinds
    ):
        raise NotBuiltError("kissipo eject writes of a table only numbers, with scale: standard, and categories")
    if twins(frame.only([*door.columns, answer.name]))[0] is not None:
        raise NotBuiltError("kissipo eject does not write yet a table in which rows repeat")
    numbers = tuple(name for each in kinds if isinstance(each, Numbers) for name in each.columns)
    categories = tuple(name for each in kinds if isinstance(each, OneHot) for name in each.columns)
    words = split_words(prepared)
    classes = answer.codec.levels if isinstance(answer, Category) else None
    constants = (
        path_line("FILE", str(Path(frame.origin).resolve())),
        *([listed("NUMBERS", numbers)] if numbers else []),
        *([listed("CATEGORIES", categories)] if categories else []),
        f'ANSWER = "{answer.name}"',
        *([listed("CLASSES", classes)] if classes else []),
        *words,
    )
    features = [
        *(["features = [scaled(table[name], train) for name in NUMBERS]"] if numbers else ["features = []"]),
        *(["features += [one_hot(table[name], train) for name in CATEGORIES]"] if categories else []),
    ]
    known = "classes = np.array([CLASSES.index(cell) for cell in table[ANSWER]])"
    rows = filled(
        _ROWS,
        features=features,
        classes=[known if classes else "classes = np.zeros(len(table[ANSWER]))  # one kind of sample"],
        truth="classes" if classes else "scaled(table[ANSWER], train).astype(np.float32)",
    )
    read = filled(_TABLE, encoding=options.encoding, delimiter=_delimiter(Path(frame.origin), options.encoding))
    pieces = [
        read,
        *split_pieces(prepared),
        *([filled(_SCALED)] if numbers or not classes else []),
        *([filled(_ONE_HOT)] if categories else []),
        rows,
        *([] if classes else [filled(_DEVIATION)]),
    ]
    told = f"{len(frame):,} rows of {len(numbers)} numbers and {len(categories)} categories"
    return Part(told, "\n\n\n".join(pieces), (*ARRAYS, "import csv", "from pathlib import Path"), constants)


def _delimiter(path: Path, encoding: str) -> str:
    """The mark that stands most often in the first line; what comes of it is compared with the task."""
    with path.open(encoding=encoding) as file:
        first = file.readline()
    best = max(",;\t|", key=first.count)
    return "\\t" if best == "\t" else best
