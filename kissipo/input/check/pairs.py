"""The data check of pairs of texts: equal, swapped, unknown, and seen in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kissipo.codec.tokens import PADDING, UNKNOWN, Tokens, split_words
from kissipo.core.finding import Finding, first_rows, format_rows
from kissipo.core.frame import Column, Frame

_ALL, _MANY = 0.9, 0.02
_SWAPPED, _MIN_ROWS = 0.005, 20
_MARGIN = 4.0  # nats of evidence that a row is swapped


def equal_sides(frame: Frame, source: str, target: str) -> list[Finding]:
    """Reports rows whose two texts are the same; FAIL where nearly all are."""
    same = np.array([a == b for a, b in _pairs(frame, source, target)], dtype=bool)
    share = float(same.mean()) if len(same) else 0.0
    if share <= _MANY:
        return []
    message = (
        f"'{source}' and '{target}' are the same text in {int(same.sum()):,} of "
        f"{len(frame):,} rows ({format_rows(frame.rows[same])})"
    )
    rows = first_rows(frame.rows[same])
    if share >= _ALL:
        action = "name two columns with different texts: input.source and output.text"
        return [Finding("FAIL", "identical columns", message, action, rows)]
    return [Finding("WARN", "identical columns", message, "kept: the net learns to copy", rows)]


def swapped_sides(frame: Frame, source: str, target: str) -> list[Finding]:
    """Reports rows whose texts seem to be swapped: each reads like the other column."""
    if len(frame) < _MIN_ROWS:
        return []
    rows = list(_pairs(frame, source, target))
    evidence = _word_evidence(rows)
    swapped = np.array(
        [
            _score(evidence, a) < -_MARGIN and _score(evidence, b) > _MARGIN and a != b
            for a, b in rows
        ],
        dtype=bool,
    )
    if swapped.mean() <= _SWAPPED:
        return []
    message = (
        f"'{source}' and '{target}' seem to be swapped in {int(swapped.sum()):,} of "
        f"{len(frame):,} rows ({format_rows(frame.rows[swapped])}): each text reads like "
        "the other column"
    )
    return [
        Finding(
            "WARN",
            "swapped columns",
            message,
            "kept; swap them back in the file",
            first_rows(frame.rows[swapped]),
        )
    ]


def seen_sources(
    frame: Frame, source: str, splits: Mapping[str, NDArray[np.int64]]
) -> list[Finding]:
    """Reports test texts that are also in the training split: they are no test."""
    codes = frame[source].values
    findings = []
    for name in ("validation", "test"):
        repeated = np.isin(codes[splits[name]], codes[splits["train"]])
        if repeated.any():
            rows = frame.rows[splits[name][repeated]]
            message = (
                f"{int(repeated.sum()):,} of {len(repeated):,} '{source}' of the {name} split "
                f"are also in the training split ({format_rows(rows)})"
            )
            action = "kept, as the split is published or set; the score is a little too good"
            findings.append(Finding("WARN", "seen sources", message, action, first_rows(rows)))
    if findings:
        return findings
    message = f"no '{source}' of the test split is in the training split"
    return [Finding("PASS", "seen sources", message)]


def unknown_tokens(outside: Frame, codec: Tokens) -> Finding:
    """Reports the share of the tokens outside the training split that are unknown."""
    ids = codec.encode(outside).numpy()
    share = float((ids == UNKNOWN).sum() / max(1, (ids != PADDING).sum()))
    place = f"the {codec.unit} of '{codec.column}' outside the training split"
    message = f"{share:.1%} of {place} are unknown"
    if share <= _MANY:
        return Finding("PASS", "unknown tokens", message)
    texts, counts = outside[codec.column].texts(), Counter[str]()
    for row in np.flatnonzero((ids == UNKNOWN).any(axis=1)).tolist():
        pairs = zip(codec.split_tokens(texts[row] or ""), ids[row].tolist(), strict=False)
        counts.update(token for token, number in pairs if number == UNKNOWN)
    counts.pop(codec.SPECIAL[UNKNOWN], None)  # a subword without a name
    listed = ", ".join(f"'{token}'" for token, _ in counts.most_common(3))
    message += f" ({listed})" if listed else ""
    action = "read as unknown; input.tokenizer=bpe knows every text"
    return Finding("WARN", "unknown tokens", message, action)


def _pairs(frame: Frame, source: str, target: str) -> list[tuple[str, str]]:
    sides: list[Column] = [frame[source], frame[target]]
    return [(a or "", b or "") for a, b in zip(*(side.texts() for side in sides), strict=True)]


def _word_evidence(rows: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Returns for each word log P(word | source) - log P(word | target)."""
    counts: list[Counter[str]] = [Counter(), Counter()]
    for row in rows:
        for side, text in zip(counts, row, strict=True):
            side.update(split_words(text))
    totals = [sum(side.values()) + 1 for side in counts]
    return {
        word: float(np.log((counts[0][word] + 0.5) / totals[0]))
        - float(np.log((counts[1][word] + 0.5) / totals[1]))
        for word in {*counts[0], *counts[1]}
        if counts[0][word] + counts[1][word] > 1
    }


def _score(evidence: Mapping[str, float], text: str) -> float:
    return sum(evidence.get(word, 0.0) for word in split_words(text))
