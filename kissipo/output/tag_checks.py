"""The data check of tags: are they tags, where do names begin, can they be found?

Example:  >>> from kissipo.core.frame import Frame, strings
          >>> frame = Frame((strings("tags", ["I-place O I-person", "O"]),))
          >>> findings: list[Finding] = []
          >>> in_bio(frame, "tags", findings)["tags"].texts()
          ['B-place O B-person', 'O']
          >>> findings[0].message
          "2 names of 'tags' begin with I, without a B before, first in row 1"
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

from kissipo.codec._bio_tags import is_tag, spans, to_bio
from kissipo.codec.labels import as_strings
from kissipo.core.errors import DataError
from kissipo.core.finding import Finding, counted, first_rows
from kissipo.core.frame import Frame, strings
from kissipo.core.text import list_some


def in_bio(frame: Frame, name: str, findings: list[Finding]) -> Frame:
    """Returns the tags of a column in BIO; it reports those that begin with I.

    Raises:   DataError for a text that is not a tag, naming its row.
    """
    column = as_strings(frame[name])
    repaired_texts, counts = [], []
    for code, text in enumerate(column.categories):
        tags = text.split()
        wrong = next((tag for tag in tags if not is_tag(tag)), None)
        if wrong is not None:
            row = frame.rows[np.flatnonzero(column.values == code)[0]]
            raise DataError(
                f"row {row} of '{name}' has a text that is not a tag",
                got=f"'{wrong}'",
                allowed="O, B-KIND and I-KIND, such as B-person, one per word, separated by blanks",
            )
        tags, count = to_bio(tags)
        repaired_texts.append(" ".join(tags))
        counts.append(count)
    repaired = np.array([*counts, 0])[column.values]
    if repaired.any():
        rows = first_rows(frame.rows[repaired > 0])
        message = (
            f"{counted(int(repaired.sum()), 'name')} of '{name}' begin with I, "
            f"without a B before, first in row {rows[0]}"
        )
        findings.append(Finding("WARN", "tags", message, "each is read as a beginning, B", rows))
    texts = [None if code < 0 else repaired_texts[code] for code in column.values.tolist()]
    return frame.replaced(strings(name, texts))


def check_names(frame: Frame, name: str) -> Finding:
    """Reports the names of each kind in a column of BIO tags.

    Raises:   DataError when there is no name.
    """
    counts = Counter(
        span.kind for text in frame[name].texts() for span in spans((text or "").split())
    )
    if not counts:
        raise DataError(
            f"'{name}' has no name in any of its {len(frame):,} texts",
            allowed="tags such as B-person beside O",
            do="Is it the right column?",
        )
    kinds = sorted(counts, key=lambda kind: (-counts[kind], kind))
    listed = list_some([f"{kind} {counts[kind]:,}" for kind in kinds], 8)
    message = f"{counts.total():,} names in {len(frame):,} texts: {listed}"
    return Finding("PASS", "tags", message)


def truncated_texts(frame: Frame, steps: Sequence[Sequence[int]], length: int) -> list[Finding]:
    """Reports the words that are not read.

    steps:    the step of each word per text, below 0 where the word is truncated
    length:   the number of steps of a text
    """
    cut = [row for row, places in enumerate(steps) if min(places, default=0) < 0]
    if not cut:
        return []
    words = sum(step < 0 for places in steps for step in places)
    message = (
        f"{counted(words, 'word')} of {counted(len(cut), 'text')} are not read, "
        f"as a text has at most {length} steps"
    )
    action = "they get the tag O, and their names count as missed; set a larger input.max_length"
    return [Finding("WARN", "truncated texts", message, action, first_rows(frame.rows[cut]))]


def rare_kinds(lost: Sequence[str], kinds: Collection[str]) -> list[Finding]:
    """Reports the names of kinds that are not learned.

    lost:     the kinds of the names that no tag can find
    kinds:    the kinds in the training split
    """
    absent = sorted(set(lost).difference(kinds))
    if not absent:
        return []
    number = sum(kind in absent for kind in lost)
    message = (
        f"{counted(number, 'name')} are of kinds that are not in the training split: "
        f"{list_some(absent, 5)}"
    )
    action = "they are never predicted, and count as missed"
    return [Finding("WARN", "rare kinds", message, action)]
