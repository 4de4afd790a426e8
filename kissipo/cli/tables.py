"""Described lines and tables, verdicts and predictions as the terminal prints them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from kissipo.cli.colored_text import on_color
from kissipo.cli.screen import table
from kissipo.core import description
from kissipo.core.description import (
    Cell,
    ColoredText,
    DetectionErrors,
    DetectionInside,
    Line,
    Section,
    Tree,
    Weights,
    plain_records,
)
from kissipo.core.text import format_score, printable
from kissipo.output.answer import NO_NAME, Prediction
from kissipo.output.score import Score
from kissipo.output.text_span import NO_ANSWER

if TYPE_CHECKING:
    from kissipo.inspect.gradients_through_time import ThroughTime

_STYLES = {"good": "green", "warn": "yellow", "bad": "red", "dim": "dim", "strong": "bold"}
_FOR, _AGAINST = (240, 72, 62), (92, 148, 255)  # the colors of a colored text
_STATES = {"best": "green", "kept": "cyan", "dropped": "dim"}
_ENDS = {"best": "best", "kept": "kept", "dropped": "dead"}
_SHADES = " ░▒▓█"
_HIDDEN = "·"
_MAX_COLUMNS, _MAX_TOKENS = 20, 300
_BLOCKS = " ▁▂▃▄▅▆▇█"
_CURVE = 24


def render(record: Line | description.Table) -> Table | str:
    """Returns a described line or table as the terminal prints it."""
    if isinstance(record, Line):
        return escape(record.text)
    grid = table(*record.titles, right=tuple(record.numbers))
    for row in record.rows:
        grid.add_row(*(_cell(cell) for cell in row))
    return grid


def render_sections(sections: Iterable[Section]) -> Iterator[Table | str | Text]:
    """Yields titles and the records that a terminal can show."""
    for section in sections:
        if section.title:
            yield f"\n[bold]{escape(section.title)}[/]"
        for record in section.content:
            match record:
                case Section():
                    yield from render_sections([record])
                case ColoredText():
                    yield _colored(record)
                case Line() | description.Table():
                    yield render(record)
                case Tree():
                    yield "\n".join(tree_lines(record))
                case Weights():
                    yield weights_table(record)
                case DetectionErrors() | DetectionInside():
                    yield from render_sections([Section("", plain_records(record))])
                case _:  # the terminal draws no images and charts
                    continue


def _colored(text: ColoredText) -> Text:
    """Returns the tokens on red for, and on blue against what the caption says."""
    output = Text()
    left = len(text.tokens) - _MAX_TOKENS
    for token, value in zip(text.tokens[:_MAX_TOKENS], text.values, strict=False):
        output.append(printable(token), on_color(_FOR if value >= 0 else _AGAINST, abs(value)))
        output.append(text.separator)
    more = f"\n... {left:,} more tokens are on the page (--out)." if left > 0 else ""
    output.append(f"{more}\n{text.caption}", "dim")
    return output


def tree_lines(tree: Tree) -> list[str]:
    """Returns a search as lines: a beginning without branches is one line.

    Example:  >>> from kissipo.core.description import TreeNode
              >>> a = TreeNode(-1, 0, 0, "a", -0.5, -0.5, -0.5, "best")
              >>> b = TreeNode(-1, 0, 1, "b", -0.9, -0.9, -0.9, "dropped")
              >>> c = TreeNode(0, 1, 0, "c", -0.25, -0.75, -0.75, "best")
              >>> tree_lines(Tree("beam search", [a, b, c]))
              ['[green]├─ ac  -0.75  best[/]', '[dim]└─ b  -0.90  dead[/]']
    """
    children: dict[int, list[int]] = {}
    for number, node in enumerate(tree.nodes):
        children.setdefault(node.parent, []).append(number)
    lines: list[str] = []

    def write(number: int, indent: str, *, is_last: bool) -> None:
        tokens = [tree.nodes[number].token]
        while len(children.get(number, ())) == 1:
            (number,) = children[number]
            tokens.append(tree.nodes[number].token)
        node, branches = tree.nodes[number], children.get(number, [])
        end = "" if branches else f"  {_ENDS[node.state]}"
        text = escape(f"{tree.joiner.join(tokens)}  {node.total:.2f}")
        corner = "└─ " if is_last else "├─ "
        lines.append(f"[{_STATES[node.state]}]{indent}{corner}{text}{end}[/]")
        for child in branches:
            below = indent + ("   " if is_last else "│  ")
            write(child, below, is_last=child == branches[-1])

    roots = children.get(-1, [])
    for root in roots:
        write(root, "", is_last=root == roots[-1])
    return lines


def weights_table(weights: Weights) -> Table:
    """Returns weights as shades of the largest of each row, which is also a number.

    A dot is a column that the row cannot see.
    """
    is_wide = len(weights.columns) > _MAX_COLUMNS
    titles = [""] if is_wide else [printable(name) for name in weights.columns]
    grid = table(f"{weights.row_name} \\ {weights.column_name}", *titles, "largest weight")
    for name, row in zip(weights.rows, weights.values, strict=True):
        visible = [0.0 if value is None else value for value in row]
        best = int(np.argmax(visible))
        shades = [
            _HIDDEN if value is None else _shade(value / (visible[best] or 1.0)) for value in row
        ]
        cells = ["".join(shades)] if is_wide else [2 * shade for shade in shades]
        largest = escape(f"{printable(weights.columns[best])} {visible[best]:.2f}")
        grid.add_row(escape(printable(name)), *cells, largest)
    return grid


def _shade(share: float) -> str:
    return _SHADES[round(share * (len(_SHADES) - 1))]


def _cell(cell: str) -> str:
    text = escape(printable(cell))
    return f"[{_STYLES[cell.style]}]{text}[/]" if isinstance(cell, Cell) else text


def verdict_line(score: Score) -> str:
    """Returns the verdict as one colored sentence."""
    if score.verdict is None:
        return ""
    color = {1: "green", 0: "yellow", -1: "red"}[score.verdict.better]
    return f"[{color}]{escape(score.verdict.sentence)}[/]"


def through_time_table(gradients: Sequence[ThroughTime]) -> Table:
    """Returns the gradient norms through time per layer, direction and loss."""
    grid = table(
        "layer",
        "loss of",
        "first step",
        "last step",
        "ratio",
        "below 1 %",
        "by step",
        right=(2, 3, 4, 5, 6),
    )
    for row in gradients:
        ratio = "-" if row.ratio is None else f"{row.ratio:.3g}"
        steps = len(row.norms)
        reach = "never" if row.reach == steps else f"{row.reach} steps back"
        cell = f"{row.layer} ({row.cell}{'' if row.forward else ', backward'})"
        ends = (f"{norm:.3g}" for norm in (row.read[0], row.read[-1]))
        grid.add_row(escape(cell), row.loss, *ends, ratio, reach, _curve(row.norms))
    return grid


def _curve(norms: Sequence[float]) -> str:
    """Returns the maximum norms along time as bars, on a logarithmic scale."""
    parts = np.array_split(np.asarray(norms), min(len(norms), _CURVE))
    heights = np.array([part.max() for part in parts])
    top = len(_BLOCKS) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        indices = np.nan_to_num(top + np.log10(heights / heights.max()), nan=0.0, neginf=0.0)
    return "".join(_BLOCKS[round(index)] for index in np.clip(indices, 0, top).tolist())


def format_answer(prediction: Prediction) -> str:
    """Returns a prediction with its probability in one line."""
    similar = prediction.recommended if prediction.neighbors is None else prediction.neighbors
    if similar is not None:
        return "\n".join(item.describe() for item in similar) or "(none)"
    if prediction.spans:
        first, *others = prediction.spans
        cells = [first.text or NO_ANSWER, f"{first.confidence:.4f}"]
        return "\t".join(map(format_cell, [*cells, *(span.describe() for span in others)]))
    if prediction.guesses is not None:
        return "\n".join(map(format_guesses, prediction.guesses))
    if prediction.entities is not None:
        return "\t".join(entity.describe() for entity in prediction.entities) or NO_NAME
    if prediction.rules is not None:
        return "\n".join(rule.describe() for rule in prediction.rules) or "(no rule applies)"
    if prediction.place is not None:
        return prediction.describe().replace(", ", "\t")
    text = format_cell(prediction.value)
    if prediction.between is not None:
        low, high = prediction.between
        text += f"\t{format_cell(low)}\t{format_cell(high)}"
    if prediction.boxes is not None:
        text = "\t".join([text, *(box.describe() for box in prediction.boxes)])
    if prediction.error is not None:
        text += f"\t{format_score(prediction.error)}"
    sure = "" if prediction.confidence is None else f"\t{prediction.confidence:.4f}"
    return text + sure + (f"\t{format_cell(prediction.text)}" if prediction.text else "")


def format_guesses(gap: Sequence[tuple[str, float]]) -> str:
    """Returns the guesses for one gap with their probabilities in one line.

    Example:  >>> format_guesses([("henson", 0.5), ("he", 0.125)])
              'henson 0.5000\\the 0.1250'
    """
    return "\t".join(f"{word} {share:.4f}" for word, share in gap)


def format_cell(value: object) -> str:
    """Returns a value in one line without tabs."""
    if isinstance(value, list):
        return ", ".join(format_cell(item) for item in value)
    return (
        format_score(value)
        if isinstance(value, float)
        else str(value).replace("\n", "\\n").replace("\t", "\\t")
    )
