"""TF-IDF weights of text columns, for the baselines (scikit-learn; S31).

tf-idf = (1 + ln count) · (ln((1 + texts) / (1 + texts with the term)) + 1)

Rows are scaled to length 1. The terms are words and pairs of words, also of texts that
a net reads in subwords. With a character tokenizer they are one to three characters,
with a space before and after each word.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kissipo.core.frame import Frame

Features = tuple[Any, Any]
_ANALYZERS: dict[str, dict[str, object]] = {
    "words": {"ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (1, 3), "lowercase": False},
}


def tfidf(train: Frame, test: Frame, texts: Mapping[str, str]) -> Features:
    """Returns the sparse weights of all text columns for both splits.

    The weights of words and of characters are concatenated.

    texts:  what the net reads (words, subwords or characters) by the name of the column
    """
    from scipy.sparse import hstack

    units = {name: unit if unit == "characters" else "words" for name, unit in texts.items()}
    columns = {
        analyzer: [name for name, unit in units.items() if unit == analyzer]
        for analyzer in _ANALYZERS
    }
    weights = [
        _weights(train, test, names, _ANALYZERS[unit]) for unit, names in columns.items() if names
    ]
    both = tuple(hstack(split, format="csr") for split in zip(*weights, strict=True))
    return both[0], both[1]


def _weights(
    train: Frame, test: Frame, names: Sequence[str], analyzer: Mapping[str, object]
) -> Features:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    train_texts, test_texts = (
        [" ".join(str(frame[name].show(row) or "") for name in names) for row in range(len(frame))]
        for frame in (train, test)
    )
    few = len(train_texts) < 1000
    weights = TfidfVectorizer(sublinear_tf=True, min_df=1 if few else 2, **analyzer)
    try:
        return weights.fit_transform(train_texts), weights.transform(test_texts)
    except ValueError:
        return csr_matrix((len(train), 1)), csr_matrix((len(test), 1))  # no term at all
