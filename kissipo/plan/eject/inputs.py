"""Inputs: how a script reads, splits and encodes what the task reads: pictures, messages, series.

Each writes a function `samples() -> Parts`: for train, validation and test the inputs of the net and the truth. What differs from the
reading of the task in the least is found when the script is compared with it.
"""

from __future__ import annotations

from pathlib import Path

from kissipo.codec.numbers import Numbers
from kissipo.codec.one_hot import OneHot
from kissipo.codec.pixels import Pixels
from kissipo.codec.together import Together
from kissipo.codec.tokens import Tokens
from kissipo.codec.windows import Windows
from kissipo.core.door import Door
from kissipo.core.errors import NotBuiltError
from kissipo.input.check.rows import twins
from kissipo.input.datasets import film_reviews, mnist
from kissipo.input.datasets.download import get
from kissipo.output.answers.category import Category
from kissipo.plan.eject.part import Part, filled, listed, path_line
from kissipo.plan.prepare import Prepared

_FEW = 20  # samples that are written into the script
_ARRAYS = ("from typing import Any", "import numpy as np", "from numpy.typing import NDArray")

_DRAW = '''
def draw(pool: Array, share: float, classes: Array, dice: np.random.Generator) -> Array:
    """A share of the samples of the pool, the same share of every class."""
    chosen: list[int] = []
    wanted = 0.0
    for each in dict.fromkeys(classes.tolist()):  # in the order of appearance
        members = dice.permutation(np.flatnonzero(classes[pool] == each))
        wanted += share * len(members)
        count = min(int(wanted - len(chosen) + 0.5), len(members) - 1)
        chosen += members[:count].tolist()
    return np.sort(pool[chosen])
'''

_DRAW_TOGETHER = '''
def draw(
    pool: Array, share: float, classes: Array, same: Array, dice: np.random.Generator
) -> Array:
    """A share of the pool, the same of every class; equal samples stay together."""
    names, first, member = np.unique(same[pool], return_index=True, return_inverse=True)
    sizes, labels = np.bincount(member), classes[pool][first]
    chosen = np.zeros(len(names), dtype=bool)
    wanted = 0.0
    for each in dict.fromkeys(classes.tolist()):  # in the order of appearance
        order = dice.permutation(np.flatnonzero(labels == each))
        wanted += share * sizes[order].sum()
        for group in order[: len(order) - 1]:
            if sizes[group] <= wanted - sizes[chosen].sum() + 0.5:
                chosen[group] = True
    return np.sort(pool[chosen[member]])


def equal_samples(texts: list[str], classes: Array) -> Array:
    """A number for each sample, the same for samples that are equal: a hash."""
    order: dict[str, int] = {}
    codes = np.array([order.setdefault(text, len(order)) for text in texts])
    seen: dict[int, int] = {}
    labels = np.array([seen.setdefault(int(each), len(seen)) for each in classes])
    keys = np.zeros(len(texts), dtype=np.uint64)
    for column in (codes, labels):
        keys = keys * np.uint64(0x9E3779B97F4A7C15) + column.astype(np.uint64)
        keys = (keys ^ (keys >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
        keys ^= keys >> np.uint64(29)
    return np.unique(keys, return_inverse=True)[1]
'''

_SPLIT = '''
def split($given) -> dict[str, Array]:
    """Which samples train, which choose the best epoch, which judge."""
    dice = np.random.default_rng(seed_of("split"))
    $everything
    $test
    pool = np.setdiff1d(everything, test)
    validation = draw(pool, $share, $alike, dice)
    train = np.setdiff1d(pool, validation)
    return {"train": train, "validation": validation, "test": test}
'''

_DIGITS = '''
def read() -> tuple[Array, Array]:
    """Pictures (sample, height, width) in bytes, and the class of each."""
    digits = load_digits()
    return np.round(digits.images * (255 / 16)).astype(np.uint8), digits.target
'''

_MNIST = '''
def read_idx(name: str) -> Array:
    """An array in the format of MNIST: kind, number of axes, length of each, bytes."""
    with gzip.open(FOLDER / name) as file:
        content = file.read()
    shape = np.frombuffer(content, ">i4", content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def read() -> tuple[Array, Array]:
    """Pictures (sample, height, width) in bytes, and the class of each."""
    pictures = [read_idx(f"{part}-images-idx3-ubyte.gz") for part in ("train", "t10k")]
    classes = [read_idx(f"{part}-labels-idx1-ubyte.gz") for part in ("train", "t10k")]
    return np.concatenate(pictures), np.concatenate(classes).astype(np.int64)
'''

_PICTURES = '''
def samples() -> Parts:
    """Brightness from 0 to 1 (sample, channel, height, width), and the class."""
    pictures, classes = read()
    inputs = torch.from_numpy(pictures).unsqueeze(1) / 255
    truth = torch.from_numpy(classes)
    return {name: (inputs[at], truth[at]) for name, at in split(classes).items()}
'''

_SPAM = '''
def read() -> tuple[list[str], Array]:
    """The texts, and the class of each by its number."""
    lines = FILE.read_text(encoding="utf-8").split("\\n")
    rows = [line.split("\\t", 1) for line in lines if line]
    return [text for _, text in rows], np.array([CLASSES.index(row[0]) for row in rows])
'''

_REVIEWS = '''
def read() -> tuple[list[str], Array]:
    """The texts, and the class of each by its number."""
    found: dict[str, str] = {}
    with tarfile.open(FILE, "r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and "txt_sentoken/" in member.name:
                found[member.name] = file.read().decode("utf-8")
    names = sorted(found)
    kinds = ["positive" if "/pos/" in name else "negative" for name in names]
    classes = np.array([CLASSES.index(kind) for kind in kinds])
    return [found[name] for name in names], classes
'''

_TEXTS = '''
def words_of(text: str) -> list[str]:
    """Words and punctuation marks, in lower case."""
    return re.findall(r"\\w+(?:['’]\\w+)*|[^\\w\\s]", text.lower())


def samples() -> Parts:
    """Numbers of words (sample, word), and the class.

    0 fills up a text, 1 is a word that is not known; the most frequent one is 2.
    """
    texts, classes = read()
    parts = split($given)
    counts = Counter(word for at in parts["train"] for word in words_of(texts[at]))
    known = [word for word, count in counts.items() if count >= LEAST]
    known = sorted(known, key=lambda word: (-counts[word], word))[:MOST]
    ids = {word: number for number, word in enumerate(known, 2)}
    inputs = torch.zeros(len(texts), LENGTH, dtype=torch.int64)
    for at, text in enumerate(texts):
        row = [ids.get(word, 1) for word in words_of(text)[:LENGTH]]
        inputs[at, : len(row)] = torch.tensor(row, dtype=torch.int64)
    truth = torch.from_numpy(classes)
    return {name: (inputs[at], truth[at]) for name, at in parts.items()}
'''

_BORDERS = '''
def borders(steps: int) -> tuple[int, int]:
    """The first step of the validation part, and that of the test part."""
    test = steps - round(steps * TEST)
    return test - round(steps * VALIDATION), test
'''

_SERIES = '''
def read() -> Array:
    """The series (step, variable), in the order of time."""
    with $opened as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[name]) for name in VARIABLES] for row in rows])$steps


$borders


def scale() -> tuple[Array, Array]:
    """Mean and deviation of each variable in the training part."""
    values = read()
    known = values[: borders(len(values))[0]]
    return known.mean(axis=0), known.std(axis=0)


def samples() -> Parts:
    """Windows (sample, time, variable), and the steps after each; scaled."""
    values, (mean, deviation) = read(), scale()
    scaled = torch.from_numpy(((values - mean) / deviation).astype(np.float32))
    windows = scaled.unfold(0, WINDOW + HORIZON, 1).transpose(1, 2)
    ends = (0, *borders(len(values)), len(values))
    parts = {}
    for name, first, end in zip(("train", "validation", "test"), ends, ends[1:]):
        some = windows[max(0, first - WINDOW) : max(0, end - WINDOW - HORIZON + 1)]
        parts[name] = (some[:, :WINDOW], some[:, WINDOW:])
    return parts
'''


_PROSE = '''
def read() -> list[str]:
    """The text as a long row of $unit."""
    $read


$borders


def samples() -> Parts:
    """Pieces (sample, step) as numbers, and the same pieces one step later.

    0 is what the training part does not know; the most frequent one is 1.
    """
    units = read()
    ends = (0, *borders(len(units)), len(units))
    counts = Counter(units[: ends[1]])
    known = sorted(counts, key=lambda unit: (-counts[unit], unit))[:MOST]
    ids = {unit: number for number, unit in enumerate(known, 1)}
    whole = torch.tensor([ids.get(unit, 0) for unit in units])
    parts = {}
    for name, first, end in zip(("train", "validation", "test"), ends, ends[1:]):
        last = first + (end - first - 1) // WINDOW * WINDOW
        inputs, truth = whole[first:last], whole[first + 1 : last + 1]
        parts[name] = (inputs.view(-1, WINDOW), truth.view(-1, WINDOW))
    return parts
'''

_MADE = '''
def samples() -> Parts:
    """The same few samples train and judge."""
    inputs, truth = torch.tensor(INPUTS), torch.tensor(TRUTH)
    nothing = (inputs[:0], truth[:0])
    return {"train": (inputs, truth), "validation": nothing, "test": (inputs, truth)}
'''

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


def input_part(prepared: Prepared) -> Part:
    """The section that reads.

    Raises:   NotBuiltError for data that no script reads yet.
    """
    doors = prepared.wiring.doors
    door = doors[0]
    if len(doors) == 1 and isinstance(door, Pixels):
        return _pictures(prepared)
    if len(doors) == 1 and isinstance(door, Tokens) and door.unit == "words":
        return _texts(prepared, door)
    if len(doors) == 1 and isinstance(door, Windows) and prepared.choices.source.word == "series":
        return _series(prepared, door)
    if len(doors) == 1 and isinstance(door, Windows) and prepared.choices.source.word == "text":
        return _prose(prepared, door)
    if prepared.choices.source.word == "make" and len(prepared.wiring.frame) <= _FEW:
        return _made(prepared)
    if len(doors) == 1 and prepared.choices.source.word == "table" and isinstance(door, Numbers | OneHot | Together):
        return _table(prepared, door)
    raise NotBuiltError(
        f"kissipo eject does not write yet how {prepared.choices.source.word} of this kind is read",
        allowed="the pictures of digits and mnist, the messages of sms-spam and film-reviews, series and tables in a CSV file, plain text",
    )


def _pictures(prepared: Prepared) -> Part:
    name = str(prepared.choices.source.value)
    words = _split_words(prepared)
    count, (_, height, width) = len(prepared.wiring.frame), prepared.wiring.doors[0].port.shape
    told = f"{count:,} pictures of {height}x{width} pixels, brightness from 0 to 1"
    draw = _DRAW.strip("\n")
    if name == "digits":
        split = _split_code()
        code = "\n\n\n".join([_DIGITS.strip("\n"), draw, split, _PICTURES.strip("\n")])
        return Part(told, code, (*_ARRAYS, "from sklearn.datasets import load_digits"), words)
    if name == "mnist":
        paths = [get("mnist", file) for file in mnist.FILES]
        split = _split_code(test="test = everything[60_000:]  # as published", share="VALIDATION")
        code = "\n\n\n".join([_MNIST.strip("\n"), draw, split, _PICTURES.strip("\n")])
        constants = (path_line("FOLDER", str(paths[0].parent)), *words[1:])
        return Part(told, code, (*_ARRAYS, "import gzip", "from pathlib import Path"), constants)
    raise _unread(name, "digits, mnist")


def _texts(prepared: Prepared, door: Tokens) -> Part:
    name, frame, answer = str(prepared.choices.source.value), prepared.wiring.frame, prepared.wiring.answers[0]
    if name not in ("sms-spam", "film-reviews"):
        raise _unread(name, "sms-spam, film-reviews")
    path = str(get("imdb-review-polarity", film_reviews.FILE)) if name == "film-reviews" else frame.origin
    same, _ = twins(frame.only([door.column, answer.name]))
    read = (_SPAM if name == "sms-spam" else _REVIEWS).strip("\n")
    words = _split_words(prepared)
    draw = _DRAW if same is None else _DRAW_TOGETHER
    pieces = [draw.strip("\n"), _split_code(together=same is not None)]
    texts = filled(_TEXTS, given="classes" if same is None else "texts, classes")
    constants = (
        path_line("FILE", path),
        listed("CLASSES", answer.codec.levels or ()),  # type: ignore[attr-defined]
        *words,
        f"LENGTH = {door.length}  # words of a text; longer ones are cut",
        f"LEAST = {door.least}  # times a word must be used to be known",
        f"MOST = {door.most:_}  # words that are known",
    )
    more = ("import tarfile",) if name == "film-reviews" else ()
    imports = (*_ARRAYS, "import re", "from collections import Counter", "from pathlib import Path", *more)
    told = f"{len(frame):,} texts, cut or filled up to {door.length} words, every word by its number"
    return Part(told, "\n\n\n".join([read, *pieces, texts]), imports, constants)


def _series(prepared: Prepared, door: Windows) -> Part:
    frame, answer = prepared.wiring.frame, prepared.wiring.answers[0]
    steps, split = prepared.choices.source.options.steps, prepared.choices.general.split
    horizon = answer.port.shape[0]
    constants = (
        path_line("FILE", frame.origin),
        listed("VARIABLES", door.columns),
        f"TEST, VALIDATION = {split.test}, {split.validation}  # shares, the last steps",
        f"WINDOW = {door.length}  # steps that the net sees",
        f"HORIZON = {horizon}  # steps that it forecasts",
    )
    packed = frame.origin.endswith(".gz")
    opened = 'gzip.open(FILE, "rt", newline="")' if packed else 'FILE.open(newline="")'
    code = filled(
        _SERIES, steps="" if steps is None else f"[:{steps}]", opened=opened, borders=_BORDERS.strip("\n").splitlines()
    )
    told = f"{len(frame):,} steps of {', '.join(door.columns)}; windows of {door.length}, the {horizon} after each"
    return Part(
        told,
        code,
        (*_ARRAYS, "import csv", "from pathlib import Path", *(["import gzip"] if packed else [])),
        constants,
    )


def _prose(prepared: Prepared, door: Windows) -> Part:
    source, split = prepared.choices.source, prepared.choices.general.split
    characters = source.options.unit == "characters"
    cut = "list(text)" if characters else "text.split()"
    if str(source.value) == "python-reference":
        lines = ['text = "\\n\\n".join(topics[name].strip() for name in sorted(topics))', f"return {cut}"]
        imports: tuple[str, ...] = ("from pydoc_data.topics import topics",)
        constants: tuple[str, ...] = ()
    elif isinstance(source.value, str | Path) and Path(source.value).is_file():
        lines = [f'text = FILE.read_text(encoding="{source.options.encoding}")', f"return {cut}"]
        imports = ("from pathlib import Path",)
        constants = (path_line("FILE", str(Path(source.value).resolve())),)
    else:
        raise _unread(str(source.value), "python-reference, a file")
    constants += (
        f"TEST, VALIDATION = {split.test}, {split.validation}  # shares, the end of the text",
        f"WINDOW = {door.length}  # {source.options.unit} of a piece",
        f"MOST = {source.options.vocabulary:_}  # {source.options.unit} that are known",
    )
    code = filled(_PROSE, unit=source.options.unit, read=lines, borders=_BORDERS.strip("\n").splitlines())
    told = f"{len(prepared.wiring.frame):,} {source.options.unit} in pieces of {door.length}"
    return Part(told, code, (*imports, "from collections import Counter"), constants)


def _made(prepared: Prepared) -> Part:
    samples = prepared.wiring.feeds["train"].everything()
    inputs, truth = samples.inputs[0].tolist(), samples.targets[0].tolist()
    return Part(f"{len(inputs)} samples", _MADE.strip("\n"), (), (f"INPUTS = {inputs}", f"TRUTH = {truth}"))


def _table(prepared: Prepared, door: Door) -> Part:
    frame, answer, options = prepared.wiring.frame, prepared.wiring.answers[0], prepared.choices.source.options
    kinds = door.doors if isinstance(door, Together) else (door,)
    if not Path(frame.origin).is_file():
        raise _unread(frame.origin, "a file of separated values")
    if any(
        not isinstance(each, Numbers | OneHot) or getattr(each, "scale", "standard") != "standard" for each in kinds
    ):
        raise NotBuiltError("kissipo eject writes of a table only numbers, with scale: standard, and categories")
    if twins(frame.only([*door.columns, answer.name]))[0] is not None:
        raise NotBuiltError("kissipo eject does not write yet a table in which rows repeat")
    numbers = tuple(name for each in kinds if isinstance(each, Numbers) for name in each.columns)
    categories = tuple(name for each in kinds if isinstance(each, OneHot) for name in each.columns)
    words, split = _split_words(prepared), _split_code()
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
        _DRAW.strip("\n"),
        split,
        *([_SCALED.strip("\n")] if numbers or not classes else []),
        *([_ONE_HOT.strip("\n")] if categories else []),
        rows,
        *([] if classes else [_DEVIATION.strip("\n")]),
    ]
    told = f"{len(frame):,} rows of {len(numbers)} numbers and {len(categories)} categories"
    return Part(told, "\n\n\n".join(pieces), (*_ARRAYS, "import csv", "from pathlib import Path"), constants)


def _delimiter(path: Path, encoding: str) -> str:
    """The mark that stands most often in the first line; what comes of it is compared with the task."""
    with path.open(encoding=encoding) as file:
        first = file.readline()
    best = max(",;\t|", key=first.count)
    return "\\t" if best == "\t" else best


def _split_code(test: str | None = None, share: str = "VALIDATION / (1 - TEST)", *, together: bool = False) -> str:
    """The function that splits.

    test:      the line that takes the test part; else it is drawn
    share:     of what the test part left, for validation
    together:  whether equal texts stay on one side
    """
    counted = "np.arange(len(classes))"
    alike = "classes, same" if together else "classes"
    return filled(
        _SPLIT,
        given="texts: list[str], classes: Array" if together else "classes: Array",
        everything=f"same, everything = equal_samples(texts, classes), {counted}"
        if together
        else f"everything = {counted}",
        test=test or f"test = draw(everything, TEST, {alike}, dice)",
        share=share,
        alike=alike,
    )


def _split_words(prepared: Prepared) -> tuple[str, ...]:
    split = prepared.choices.general.split
    if split.by == "time" or split.group:
        raise NotBuiltError("kissipo eject does not write yet a split of rows by time or by group")
    return (
        f"TEST = {split.test}  # share that judges",
        f"VALIDATION = {split.validation}  # share that tells when to stop",
    )


def _unread(name: str, allowed: str) -> NotBuiltError:
    return NotBuiltError("kissipo eject does not write yet how these data are read", given=f"'{name}'", allowed=allowed)
