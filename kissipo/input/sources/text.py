"""A plain text: one long row of characters or words, cut into windows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.schema import word
from kissipo.input.datasets import find_data
from kissipo.input.formats.files import open_text
from kissipo.input.source_data import Reading

SAMPLES = "text"


@dataclass(frozen=True)
class Options:
    """The words of a plain text."""

    tokenizer: Literal["characters", "words"] = word(
        "characters", "how the text is split into tokens"
    )
    window: int = word(100, "number of tokens per sample", at_least=1)
    vocab_size: int = word(20_000, "maximum size of the vocabulary", at_least=1)
    encoding: str = word("utf-8", "character encoding of the file")


def read(value: Any, options: Options) -> Reading:
    """The text of a file or a named set as a frame of one column, 'text', with one unit a row.

    Raises:   DataError when the file is missing, empty, no text, or shorter than a few windows.
    """
    if not isinstance(value, str | Path):
        raise DataError(
            "input.text names a file",
            given=type(value).__name__,
            allowed="the path of a plain text",
        )
    known = find_data(str(value), "text")
    if known is not None:
        content = str(known.frame["text"].texts()[0])
    else:
        with open_text(Path(value), options.encoding) as file:
            content = file.read()
    if not content.strip():
        raise DataError(f"{value} is empty", do="Give a text of at least a few pages")
    units = list(content) if options.tokenizer == "characters" else content.split()
    if len(units) < 10 * (options.window + 1):
        raise DataError(
            f"{value} is too short for windows of {options.window} {options.tokenizer}",
            given=f"{len(units)} {options.tokenizer}",
            allowed=f"at least {10 * (options.window + 1)}",
            do="Give a longer text or a smaller input.window",
        )
    return Reading(Frame((strings("text", units),), origin=str(value)), answer="text")
