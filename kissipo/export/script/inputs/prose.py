"""Prose: how a script reads a text that goes on: pieces of it, and the same pieces one step later."""

from __future__ import annotations

from pathlib import Path

from kissipo.codec.windows import Windows
from kissipo.export.script.inputs.split import BORDERS
from kissipo.export.script.part import Part, filled, path_line, unread
from kissipo.pipeline.experiment import Prepared

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


def prose(prepared: Prepared, door: Windows) -> Part:
    """A text by itself.

    Raises:   NotBuiltError for a text of another place.
    """
    source, split = prepared.choices.source, prepared.choices.general.split
    characters = source.options.tokenizer == "characters"
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
        raise unread(str(source.value), "python-reference, a file")
    constants += (
        f"TEST, VALIDATION = {split.test}, {split.validation}  # shares, the end of the text",
        f"WINDOW = {door.length}  # {source.options.tokenizer} of a piece",
        f"MOST = {source.options.vocab_size:_}  # {source.options.tokenizer} that are known",
    )
    code = filled(_PROSE, unit=source.options.tokenizer, read=lines, borders=filled(BORDERS).splitlines())
    told = f"{len(prepared.wiring.frame):,} {source.options.tokenizer} in pieces of {door.length}"
    return Part(told, code, (*imports, "from collections import Counter"), constants)
