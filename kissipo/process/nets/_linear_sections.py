"""What a linear net says: the features that speak for each class, and in one sample.

What a feature adds to an output is its weight times its value. All of them together
with the bias are the output; the difference of two outputs is made of the differences.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kissipo.core.description import ColoredText, Line, Record, Section, Table
from kissipo.core.tensor_spec import TensorSpec
from kissipo.core.text import shorten
from kissipo.process.nets._ngram_sections import separator_of

_PIECES = "In pieces of words, · is the start or the end of a word; … means that the word goes on."
_MAX_FEATURES, _PER_CLASS, _MAX_CLASSES, _MAX_TOKENS, _MAX_NAME = 20, 10, 20, 3_000, 40


def feature_names(inputs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Returns the names of all features; none where an input has no named features."""
    if any(spec.vocab_size or len(spec.labels) != spec.size for spec in inputs):
        return ()
    return tuple(label for spec in inputs for label in spec.labels)


def classes_section(weights: Tensor, names: Sequence[str], classes: Sequence[str]) -> Section:
    """Returns the features with the largest and smallest weights of each class.

    Shapes:   weights (class, feature)
    """

    def listed(row: Tensor, *, largest: bool) -> str:
        order = row.argsort(descending=largest, stable=True)[:_PER_CLASS].tolist()
        some = [k for k in order if (row[k] > 0) == largest and row[k] != 0]
        return ", ".join(f"{shorten(names[k], _MAX_NAME)} ({row[k]:+.2f})" for k in some)

    rows = [
        [name, listed(row, largest=True), listed(row, largest=False)]
        for name, row in zip(classes, weights, strict=True)
    ][:_MAX_CLASSES]
    note = "The weights of the features. What a feature adds is its weight times its value."
    table = Table(["class", "features that speak for it", "features that speak against it"], rows)
    lines = [Line(note, "dim"), *_legend([cell for row in rows for cell in row[1:]])]
    return Section("What speaks for each class", [*lines, table])


def example_section(
    added: Sequence[float],
    values: Sequence[float],
    bias: float,
    names: Sequence[str],
    answer: str,
) -> Section:
    """Returns the features of one sample that add most to the output.

    answer:   what a positive sum speaks for
    """
    order = sorted(range(len(added)), key=lambda place: -abs(added[place]))
    rows = [
        [shorten(names[place], _MAX_NAME), f"{values[place]:.4g}", f"{added[place]:+.3f}"]
        for place in order[:_MAX_FEATURES]
    ]
    content: list[Record] = [Table(["feature", "value", f"adds to {answer}"], rows, numbers=[1, 2])]
    content += _legend([row[0] for row in rows])
    rest = order[_MAX_FEATURES:]
    others = f"{len(rest)} other features add {sum(added[place] for place in rest):+.3f}, "
    text = (
        f"{others if rest else ''}the bias adds {bias:+.3f}; the sum is {sum(added) + bias:+.3f}."
    )
    return Section(f"What speaks for {answer}", [*content, Line(text, "dim")])


def _legend(texts: Sequence[str]) -> list[Line]:
    """Returns what the marks of pieces of words mean, where there are any."""
    has_pieces = any(mark in text for text in texts for mark in "·…")
    return [Line(_PIECES, "dim")] if has_pieces else []


def text_section(
    weights: Sequence[float], tokens: Sequence[str], spec: TensorSpec, answer: str
) -> Section:
    """Returns a text, colored by the weights of its terms."""
    title = f"The text of '{spec.name}'"
    by_term = dict(zip(spec.labels, weights, strict=True))
    values = [by_term.get(token, 0.0) for token in tokens[:_MAX_TOKENS]]
    largest = max(map(abs, values), default=0.0)
    if not largest:
        return Section(title, [])
    caption = (
        f"Each time a red term occurs, it speaks for {answer}; a blue term speaks against it. "
        "The color is the weight of the term. A term that is missing can count, too: "
        "the table shows it."
    )
    if len(tokens) > _MAX_TOKENS:
        caption += f" The first {_MAX_TOKENS:,} of {len(tokens):,} terms are shown."
    colors = [value / largest for value in values]
    return Section(
        title, [ColoredText(tuple(tokens[:_MAX_TOKENS]), colors, separator_of(spec), caption)]
    )


def is_plain_text(tokens: Sequence[str], spec: TensorSpec) -> bool:
    """Returns whether the terms of an input are its tokens, one after the other, and
    not n-grams, which overlap."""
    if not tokens or spec.axes != ("feature",):
        return False
    single = spec.unit != "characters"
    return all(" " not in term if single else len(term) == 1 for term in spec.labels)
