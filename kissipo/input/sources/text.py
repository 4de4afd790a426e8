"""Plain text: one sequence of characters or words, split into windows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kissipo.core.errors import DataError
from kissipo.core.frame import Frame, strings
from kissipo.core.schema import option
from kissipo.input.datasets import find_data
from kissipo.input.formats.files import open_text
from kissipo.input.source_data import Reading

SAMPLES = "text"


@dataclass(frozen=True)
class Options:
    """Options of a plain text."""

    tokenizer: Literal["characters", "words"] = option(
        "characters", "how the text is split into tokens"
    )
    window: int = option(100, "number of tokens per sample", minimum=1)
    vocab_size: int = option(20_000, "maximum size of the vocabulary", minimum=1)
    encoding: str = option("utf-8", "character encoding of the file")


def read(value: Any, options: Options) -> Reading:
    """Reads a file or a named data set; the column 'text' has one token per row.

    Raises:   DataError when the file is missing, empty, not text, or too short for the
              windows.
    """
    if not isinstance(value, str | Path):
        raise DataError(
            "input.text must be the path of a file",
            got=type(value).__name__,
            allowed="the path of a plain text file",
        )
    reading = find_data(str(value), "text")
    if reading is not None:
        content = str(reading.frame["text"].texts()[0])
    else:
        with open_text(Path(value), options.encoding) as file:
            content = file.read()
    if not content.strip():
        raise DataError(f"{value} is empty", do="Give a text of at least a few pages")
    tokens = list(content) if options.tokenizer == "characters" else content.split()
    if len(tokens) < 10 * (options.window + 1):
        raise DataError(
            f"{value} is too short for windows of {options.window} {options.tokenizer}",
            got=f"{len(tokens)} {options.tokenizer}",
            allowed=f"at least {10 * (options.window + 1)}",
            do="Give a longer text or a smaller input.window",
        )
    return Reading(Frame((strings("text", tokens),), origin=str(value)), answer="text")
