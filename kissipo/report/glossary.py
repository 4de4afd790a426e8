"""The terms of a page with one sentence each, from docs/glossary.md.

`glossary.tsv` holds the terms in English and Chinese, and the sentences.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_SHORT = {
    "MACs": "multiply-accumulate operation",
    "params": "parameter",
    "loss": "loss function",
    "threshold": "decision threshold",
}


def term_sentences(text: str) -> dict[str, str]:
    """Returns the sentences of the terms that a text contains, by the term.

    Example:  >>> term_sentences("the recall of most foldouts")
              {'recall': 'The share of the positives that are predicted as positive.'}
    """
    terms = {word.lower() for word in _pattern().findall(text)}
    return {term: sentence for term, sentence in _sentences().items() if term in terms}


@cache
def _sentences() -> Mapping[str, str]:
    """Returns the sentences by term in lower case, and by its other names."""
    table = (files("kissipo.report") / "glossary.tsv").read_text(encoding="utf-8")
    sentences = {}
    for row in csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        for name in re.split(r", | \(|\)", row["english"]):
            if name:
                sentences[name.lower()] = row["meaning"]
    return sentences | {short.lower(): sentences[term] for short, term in _SHORT.items()}


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(_sentences(), key=len, reverse=True)
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, names))})s?(?!\w)", re.IGNORECASE)
