"""Messages: how a script reads texts with a class: words by their numbers, the same length for all."""

from __future__ import annotations

from kissipo.codec.tokens import Tokens
from kissipo.export.script.inputs.split import split_pieces, split_words
from kissipo.export.script.part import ARRAYS, Part, filled, listed, path_line, unread
from kissipo.input.check.rows import twins
from kissipo.input.datasets import film_reviews
from kissipo.input.datasets.download import get
from kissipo.pipeline.experiment import Prepared

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

_EQUAL = '''
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


def messages(prepared: Prepared, door: Tokens) -> Part:
    """Texts of words, each with its class.

    Raises:   NotBuiltError for texts of another place.
    """
    name, frame, answer = str(prepared.choices.source.value), prepared.wiring.frame, prepared.wiring.answers[0]
    if name not in ("sms-spam", "film-reviews"):
        raise unread(name, "sms-spam, film-reviews")
    path = str(get("imdb-review-polarity", film_reviews.FILE)) if name == "film-reviews" else frame.origin
    repeated = twins(frame.only([door.column, answer.name]))[0] is not None
    pieces = [
        filled(_SPAM if name == "sms-spam" else _REVIEWS),
        *split_pieces(prepared, together="equal samples" if repeated else None),
        *([filled(_EQUAL)] if repeated else []),
        filled(_TEXTS, given="classes, equal_samples(texts, classes)" if repeated else "classes"),
    ]
    constants = (
        path_line("FILE", path),
        listed("CLASSES", answer.codec.levels or ()),  # type: ignore[attr-defined]
        *split_words(prepared),
        f"LENGTH = {door.length}  # words of a text; longer ones are cut",
        f"LEAST = {door.least}  # times a word must be used to be known",
        f"MOST = {door.most:_}  # words that are known",
    )
    more = ("import tarfile",) if name == "film-reviews" else ()
    imports = (*ARRAYS, "import re", "from collections import Counter", "from pathlib import Path", *more)
    told = f"{len(frame):,} texts, cut or filled up to {door.length} words, every word by its number"
    return Part(told, "\n\n\n".join(pieces), imports, constants)
